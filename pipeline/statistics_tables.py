"""The tables of one release of statistics, in a job or outside: noise, or rules and the guard over time."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.protect.model import ReleasePlan, StatisticPlan, TablePlan
from pipeline.sinks import write_part
from pipeline.state import State
from pipeline.state.budget import BudgetLedger
from pipeline.state.budget_events import Release
from pipeline.statistics import Cells, PartialRef, combine_release, protect_release
from pipeline.statistics.cells import TOP
from pipeline.statistics.dp_checking import classes_for
from pipeline.statistics.dp_noise import Noise, OpenDP
from pipeline.statistics.dp_spill import noised_table, spilled
from pipeline.statistics.evidence import write_evidence
from pipeline.statistics.model import TOTAL
from pipeline.statistics.over_time_history import Given, Guarding, give, history_of
from pipeline.statistics.over_time_partials import leaves_of, partials_of

T = TypeVar("T")
STATISTICS_FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Tables:
    """What a release holds, and what stays in the state. `release` is the plan that was carried out."""

    release: ReleasePlan
    published: Mapping[str, pa.Table]
    proof: Mapping[str, Any] = field(default_factory=dict, repr=False)  # of the rules and their audit
    over_time: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what the guard found
    noise: Mapping[str, Any] = field(default_factory=dict, repr=False)  # how noise was made
    kept: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # for the guard over time
    notes: tuple[str, ...] = ()


def directly(function: Callable[..., T], *arguments: object) -> T:
    """Call here; a run calls in a child."""
    return function(*arguments)


@dataclass(frozen=True)
class Making:
    """What the tables of one release are made from."""

    release: ReleasePlan
    tables: Mapping[str, TablePlan]  # of its statistics
    refs: Sequence[PartialRef] = field(repr=False)  # of all slices; those of other releases may be among them
    staging: Path  # where they lie
    store: State  # holds what was given before
    ledger: BudgetLedger  # of that state
    identity: Release  # of the release in it
    guarding: Guarding  # how the guard over time knows people; it looks at tables without noise only
    call: Callable[..., Any] = directly  # how the heavy parts are called


def exact_tables(making: Making) -> Tables:
    """Make the tables without noise: rules, suppression, audit, guard over time. Costs nothing.

    Raises:
        RiskLimitPassed: a table would tell too much beside earlier ones, and its policy is `stop`.
        JobWrong, CheckFailed, InternalError: of `combine_release`, `protect_release`, `history_of`, `give`.

    """
    release = making.release
    if all(entry.spec.dp is not None for entry in release.statistics):
        return Tables(release, {})
    history = history_of(making.store, making.ledger, making.identity)
    while True:
        made, given = _guarded(replace(making, release=release), history)
        coarser = _coarser(release, given)
        if coarser is None:
            return made
        release = coarser


def with_noise(making: Making, made: Tables, noise: Noise | None = None) -> Tables:
    """Add the tables with noise to those without; call it when their charge is on disk.

    `noise` is OpenDP's where nobody gives another.
    """
    published: dict[str, pa.Table] = {}
    told: dict[str, Any] = {}
    for entry in made.release.statistics:
        if entry.spec.dp is None:
            continue
        paths: dict[str, list[Path]] = {table: [] for table in entry.spec.tables}
        for ref in making.refs:
            if (ref.release, ref.statistic) == (made.release.number, entry.name):
                paths[ref.table].append(making.staging / ref.path)
        given = spilled(paths.pop(entry.spec.table), entry.spec, paths)
        classes = classes_for(entry.spec, {name: table.classes for name, table in making.tables.items()})
        published[entry.name], told[entry.name] = noised_table(
            entry.spec, classes, given, making.ledger.secret, noise or OpenDP()
        )
    return replace(made, published={**published, **made.published}, noise=told)


def _guarded(making: Making, history: Any) -> tuple[Tables, Given]:
    release, tables, staging = making.release, making.tables, making.staging
    cells: Mapping[str, Cells] = making.call(combine_release, making.refs, release, tables, staging)
    protected = making.call(protect_release, cells, release, tables)
    exact = [entry for entry in release.statistics if entry.spec.dp is None]
    mine = [ref for ref in making.refs if ref.release == release.number]
    given = give(
        protected.tables,
        exact,
        tables,
        {entry.name: leaves_of(entry.spec, _leaves(cells[entry.name])) for entry in exact},
        {entry.name: partials_of(mine, entry, staging, making.guarding.secret) for entry in exact},
        making.identity,
        history,
        making.guarding,
        {entry.name: _trees(cells[entry.name]) for entry in exact},
    )
    found = Tables(
        release,
        given.published,
        protected.evidence,
        given.evidence,
        kept=given.kept,
        notes=tuple(_told(given)),
    )
    return found, given


def statistic_files(tables: Mapping[str, pa.Table], staging: Path) -> dict[str, bytes]:
    """Return the files of some tables, by name inside the release."""
    files: dict[str, bytes] = {}
    for name, table in sorted(tables.items()):
        for file_format in STATISTICS_FORMATS:
            path = staging / f"published-{name}.{file_format}"
            write_part(path, table, file_format)
            files[f"statistics/{name}.{file_format}"] = path.read_bytes()
            path.unlink()
    return files


def keep_proofs(directory: Path, recipient: str, made: Tables) -> None:
    """Write what proves the tables to the run's directory in the state. Raises PublishFailed."""
    parts = {"": made.proof, "-over-time": made.over_time, "-noise": made.noise}
    for name, proof in parts.items():
        if proof:
            write_evidence(directory, f"{recipient}{name}", proof)


def _leaves(cells: Cells) -> tuple[tuple[str, ...], ...]:
    return tuple(axis.labels[: axis.leaves] for axis in cells.axes)


def _trees(cells: Cells) -> tuple[dict[str, str], ...]:
    """For each dimension, label -> what it is part of; the total is everything anyway."""
    return tuple(
        {
            axis.labels[node]: axis.labels[parent]
            for node, parent in enumerate(axis.parents)
            if parent != TOP and axis.labels[parent] != TOTAL
        }
        for axis in cells.axes
    )


def _coarser(release: ReleasePlan, given: Given) -> ReleasePlan | None:
    """Leave the last dimension out of every table whose policy is `coarsen` and that lost rows; None: none is left."""
    changed = [
        entry.name
        for entry in release.statistics
        if given.lost.get(entry.name)
        and entry.spec.protect.over_time == "coarsen"
        and len(entry.spec.dimensions) > 1
    ]
    return (
        replace(release, statistics=tuple(_shorter(e, changed) for e in release.statistics))
        if changed
        else None
    )


def _shorter(entry: StatisticPlan, changed: Sequence[str]) -> StatisticPlan:
    if entry.name not in changed:
        return entry
    dimensions = entry.spec.dimensions[:-1]
    return replace(entry, spec=entry.spec.model_copy(update={"dimensions": dimensions}))


def _told(given: Given) -> Iterator[str]:
    for name, lost in given.lost.items():
        if lost:
            rows = "1 row" if lost == 1 else f"{lost} rows"
            yield f"guard over time: {rows} of {name} suppressed, which earlier releases would have made telling"


def rows_by_status(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Count the rows of each published table by status."""
    found = []
    for name, content in sorted(files.items()):
        if name.startswith("statistics/") and name.endswith(".parquet"):
            statuses = pq.read_table(io.BytesIO(content), columns=["status"])["status"].value_counts()
            counts = {entry["values"]: entry["counts"] for entry in statuses.to_pylist()}
            found.append({"name": Path(name).stem, "rows": counts})
    return found
