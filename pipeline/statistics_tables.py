"""The tables of one release outside a job: aggregate, then noise, or rules and the guard over time."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config.models import StatisticSpec, StatisticsSpec
from pipeline.errors import NotBuilt, Problem
from pipeline.protect.model import Plan, StatisticPlan
from pipeline.state import State
from pipeline.state.budget import BudgetLedger, Release
from pipeline.statistics import PartialRef, aggregate_slice, check, combine, linked, protect_table
from pipeline.statistics.dp_bounding import answer
from pipeline.statistics.dp_checking import decimals_of, design_of, public_labels
from pipeline.statistics.dp_noise import Noise, OpenDP
from pipeline.statistics.dp_partial import Contributions, contributions_of, joined
from pipeline.statistics.dp_table import draw, table_of
from pipeline.statistics.over_time_history import Given, give, history_of, partials_of
from pipeline.statistics.over_time_population import Marks
from pipeline.statistics.untyped import Untyped, views


@dataclass(frozen=True)
class Tables:
    """What a release holds, and what stays in the state. `plan` is the one that was carried out."""

    plan: Plan
    published: Mapping[str, pa.Table]
    evidence: Mapping[str, Any]
    kept: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # for the guard over time
    notes: tuple[str, ...] = ()


def check_rules(spec: StatisticsSpec, tables: Mapping[str, Untyped]) -> Iterator[Problem]:
    """Yield what keeps the tables from being computed."""
    for name, one in spec.statistics.items():
        table = tables[one.table]
        where = f"statistics {name}"
        if one.dp is not None:  # its measures and totals are checked with the noise
            plain = one.model_copy(update={"totals": False, "measures": ("people",)})
            yield from check(where, plain, table.source, _dimension_classes(plain, table))
        else:
            yield from check(where, one, table.source, dict(table.classes))
    yield from linked({name: one for name, one in spec.statistics.items() if one.dp is None})
    if len({one.dp is None for one in spec.statistics.values()}) > 1:
        message = "tables with dp and tables without in one specification are not built yet"
        yield Problem(NotBuilt.code, "statistics", message, "use two specifications")


def _dimension_classes(spec: StatisticSpec, table: Untyped) -> dict[str, str]:
    return {column: data_class for column, data_class in table.classes.items() if column}


def make_tables(
    plan: Plan,
    tables: Mapping[str, Untyped],
    staging: Path,
    store: State,
    ledger: BudgetLedger,
    release: Release,
    noise: Noise | None = None,
    known_people: Marks | None = None,
) -> Tables:
    """Read every table once and make what is published. `noise` is OpenDP's where nobody gives another.

    Tables without noise pass the guard over time: `known_people` are those whose rows a recipient holds.
    """
    statistics = plan.releases[0].statistics
    noisy = [entry for entry in statistics if entry.spec.dp is not None]
    parts: dict[str, list[Contributions]] = {entry.name: [] for entry in noisy}
    refs: list[PartialRef] = []
    exact = [entry for entry in statistics if entry.spec.dp is None]
    for table in tables.values():
        for view in views(table, [0], ledger.secret):
            rows = view.released[0].filter(pc.is_valid(view.subject))
            for entry in noisy:
                if entry.spec.table == table.name:
                    decimals = decimals_of(entry.spec, table.classes)
                    parts[entry.name].append(
                        contributions_of(view, entry.spec, rows, decimals, ledger.secret)
                    )
            if exact:
                refs += aggregate_slice(view, plan, staging)
    published: dict[str, pa.Table] = {}
    evidence: dict[str, Any] = {}
    for entry in noisy:
        table = tables[entry.spec.table]
        published[entry.name], evidence[entry.name] = _noised(
            entry, table, parts[entry.name], ledger.secret, noise or OpenDP()
        )
    if not exact:
        return Tables(plan, published, evidence)
    labels = {}
    for entry in exact:
        cells = combine(refs, 0, entry, plan.tables[entry.spec.table], staging)
        published[entry.name] = protect_table(cells, entry.spec)
        labels[entry.name] = cells.labels
        evidence[entry.name] = {"rows": cells.rows, "rows_without_subject": cells.rows_without_subject}
    partials = {entry.name: partials_of(refs, entry.name, staging) for entry in exact}
    history = history_of(store, ledger, release)
    given = give(published, exact, labels, partials, release, history, known_people)
    coarser = _coarser(plan, given)
    if coarser is not None:
        return make_tables(coarser, tables, staging, store, ledger, release, noise, known_people)
    evidence["guard_over_time"] = dict(given.evidence)
    return Tables(plan, given.published, evidence, given.kept, tuple(_told(given)))


def _coarser(plan: Plan, given: Given) -> Plan | None:
    """Leave the last dimension out of every table whose policy is `coarsen` and that lost rows; None: none is left."""
    release = plan.releases[0]
    changed = [
        entry.name
        for entry in release.statistics
        if given.lost[entry.name]
        and entry.spec.protect.over_time == "coarsen"
        and len(entry.spec.dimensions) > 1
    ]
    if not changed:
        return None
    statistics = tuple(
        replace(entry, spec=entry.spec.model_copy(update={"dimensions": entry.spec.dimensions[:-1]}))
        if entry.name in changed
        else entry
        for entry in release.statistics
    )
    return replace(plan, releases=(replace(release, statistics=statistics),))


def _told(given: Given) -> Iterator[str]:
    for name, lost in given.lost.items():
        if lost:
            rows = "1 row" if lost == 1 else f"{lost} rows"
            yield f"guard over time: {rows} of {name} suppressed, which earlier releases would have made telling"


def _noised(
    entry: StatisticPlan, table: Untyped, parts: list[Contributions], key: bytes, noise: Noise
) -> tuple[pa.Table, dict[str, Any]]:
    spec, classes = entry.spec, table.classes
    labels, decimals, made = (
        public_labels(spec, classes),
        decimals_of(spec, classes),
        design_of(spec, classes),
    )
    answers = answer(joined(parts, spec), spec, decimals, labels, key)
    told = {
        "mechanism": made.mechanism,
        "epsilon": made.epsilon,
        "delta": made.delta,
        "rho": made.loss.rho,
        "questions": [
            {
                "kind": q.kind,
                "column": q.column,
                "l1": q.distance.l1,
                "l2": q.distance.l2,
                "largest": q.distance.largest,
                "scale": q.scale,
            }
            for q in made.questions
        ],
    }
    return table_of(draw(answers, made, noise), spec, made, decimals, labels), told


def rows_by_status(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Count the rows of each published table by status."""
    found = []
    for name, content in sorted(files.items()):
        if name.startswith("statistics/") and name.endswith(".parquet"):
            statuses = pq.read_table(io.BytesIO(content), columns=["status"])["status"].value_counts()
            counts = {entry["values"]: entry["counts"] for entry in statuses.to_pylist()}
            found.append({"name": Path(name).stem, "rows": counts})
    return found
