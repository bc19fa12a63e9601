"""The guard over time and the state: what was given before, and a new release on its way out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import JobWrong
from pipeline.protect.model import StatisticPlan, TablePlan
from pipeline.state import State
from pipeline.state.budget import BudgetLedger
from pipeline.state.budget_events import Release, contents
from pipeline.state.budget_store import content_files
from pipeline.statistics.model import measured_columns
from pipeline.statistics.over_time import guard
from pipeline.statistics.over_time_population import NOBODY, Labels, Marks, population_of
from pipeline.statistics.over_time_relations import Relation, relations_as_bytes, relations_from_bytes
from pipeline.statistics.over_time_tables import (
    Released,
    coordinates_of,
    kept_files,
    quantities_told,
    read_kept,
    rows_of,
    shown_rows,
    source_of,
    suppressed,
    ties_of,
)

_THREADS = 2
RELATIONS = "internal/relations.json"


@dataclass(frozen=True)
class Given:
    """A release after the guard."""

    published: Mapping[str, pa.Table]
    kept: Mapping[str, bytes] = field(repr=False)  # stored beside the release, for the next ones
    evidence: Mapping[str, Any]
    lost: Mapping[str, int]  # rows by table, beyond those that their own rules suppressed


@dataclass(frozen=True)
class Guarding:
    """How people are known: units of the guard mean the same only under one `secret` and one `people`."""

    secret: bytes = field(repr=False)  # of the state
    people: str = ""  # names the key under which children digested people; empty: the state's own secret
    held: Marks = field(default_factory=NOBODY.copy, repr=False)  # units whose rows the recipient holds


def history_of(store: State, ledger: BudgetLedger, but: Release) -> tuple[list[Released], list[Relation]]:
    """Read every table that any recipient was given, oldest first, and the relations among them.

    Raises CheckFailed where a stored release is not what was stored.
    """
    tables: list[Released] = []
    relations: list[Relation] = []
    for event, content in contents(ledger.events()).values():
        if event.release == but.id:
            continue
        files = content_files(store, event.release, content)
        tables += read_kept(event.release, event.recipient, files)
        if RELATIONS in files:
            relations += relations_from_bytes(files[RELATIONS].read_bytes())
    return tables, relations


def give(
    published: Mapping[str, pa.Table],
    statistics: Sequence[StatisticPlan],
    tables: Mapping[str, TablePlan],
    labels: Mapping[str, Labels],
    partials: Mapping[str, pa.Table],
    release: Release,
    history: tuple[Sequence[Released], Sequence[Relation]],
    guarding: Guarding,
    trees: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Given:
    """Hold the tables of a release against everything given before, and suppress what they would tell.

    Args:
        published: by name, protected by their own rules.
        statistics: their plans.
        tables: those that they count.
        labels: the leaves of every dimension, by table.
        partials: of `partials_of`, by table.
        release: whose tables they are.
        history: of `history_of`.
        guarding: how people are known, and whose rows a recipient holds.
        trees: for each dimension, label -> what it is part of, by table; for subtotals.

    Raises:
        RiskLimitPassed: a table's policy is `stop`.
        JobWrong: an earlier table of the same rows knows people under another key.

    """
    by_name = {entry.name: entry for entry in statistics}
    # Array operations let go of Python's lock, and no other child works at this time.
    with ThreadPoolExecutor(_THREADS) as pool:
        begun = [
            pool.submit(
                released_of,
                by_name[name],
                table,
                source_of(by_name[name].spec, tables[by_name[name].spec.table].source.subject_columns),
                labels[name],
                partials[name],
                release,
                guarding.people,
                (trees or {}).get(name),
            )
            for name, table in sorted(published.items())
        ]
        new = [one.result() for one in begun]
    _refuse_strangers(new, history[0])
    stops = any(by_name[one.name].spec.protect.over_time == "stop" for one in new)
    policy = "stop" if stops else "suppress"  # who makes the tables makes them coarser
    found = guard(new, history[0], history[1], held=guarding.held, policy=policy)
    shown = {}
    for one in found.tables:
        spec = by_name[one.name].spec
        shown[one.name] = suppressed(published[one.name], spec, shown_rows(published[one.name]) & ~one.shown)
    kept: dict[str, bytes] = {RELATIONS: relations_as_bytes(found.relations)}
    for one in found.tables:
        kept |= kept_files(one)
    lost = {one.name: int(np.sum(one.guarded)) for one in found.tables}
    return Given(shown, kept, found.evidence, lost)


def released_of(
    statistic: StatisticPlan,
    table: pa.Table,
    source: str,
    labels: Labels,
    partials: pa.Table,
    release: Release,
    people: str,
    trees: Sequence[Mapping[str, str]] | None = None,
) -> Released:
    """Return a published table as the guard sees it."""
    spec = statistic.spec
    population, truth = population_of(partials, measured_columns(spec), labels)
    shown, names = shown_rows(table), rows_of(spec, table)
    return Released(
        release.id,
        release.recipient,
        statistic.name,
        source,
        release.period,
        spec.protect.min_people,
        coordinates_of(spec, labels, trees),
        names,
        shown,
        np.zeros(len(shown), dtype=bool),
        quantities_told(spec),
        population,
        truth,
        people,
        ties_of(spec, names),
    )


def _refuse_strangers(new: Sequence[Released], history: Sequence[Released]) -> None:
    """Refuse what nobody could compare: the same people under two keys look like two crowds."""
    for one in new:
        if any(old.table == one.table and old.people != one.people for old in history):
            raise JobWrong(
                f"earlier statistics of {one.table} know people under another key, and differences to them could "
                "not be seen",
                where=f"statistics {one.name}",
                hint="another --state: this one has releases of `pouch stats` beside a job's, or of another keyring",
            )
