"""The guard over time and the state: what was given before, and a new release on its way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.protect.model import StatisticPlan
from pipeline.state import State
from pipeline.state.budget import BudgetLedger, Release
from pipeline.state.budget_store import read_content
from pipeline.statistics.model import PartialRef, measured_columns
from pipeline.statistics.over_time import guard
from pipeline.statistics.over_time_population import Labels, Marks, population_of
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
)

RELATIONS = "internal/relations.json"


@dataclass(frozen=True)
class Given:
    """A release after the guard."""

    published: Mapping[str, pa.Table]
    kept: Mapping[str, bytes] = field(repr=False)  # stored beside the release, for the next ones
    evidence: Mapping[str, Any]
    lost: Mapping[str, int]  # rows by table, beyond those that their own rules suppressed


def history_of(store: State, ledger: BudgetLedger, but: Release) -> tuple[list[Released], list[Relation]]:
    """Read every table that any recipient was given, oldest first, and the relations among them.

    Raises CheckFailed where a stored release is not what was stored.
    """
    tables: list[Released] = []
    relations: list[Relation] = []
    for event in ledger.events():
        if event.kind != "stored" or event.release == but.id:
            continue
        files = read_content(store, event.release, event.content)
        tables += read_kept(event.release, event.recipient, files)
        if RELATIONS in files:
            relations += relations_from_bytes(files[RELATIONS])
    return tables, relations


def give(
    published: Mapping[str, pa.Table],
    statistics: Sequence[StatisticPlan],
    labels: Mapping[str, Labels],
    partials: Mapping[str, pa.Table],
    release: Release,
    history: tuple[Sequence[Released], Sequence[Relation]],
    known_people: Marks | None = None,
    trees: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Given:
    """Hold the tables of a release against everything given before, and suppress what they would tell.

    Args:
        published: by name, protected by their own rules.
        statistics: their plans.
        labels: the leaves of every dimension, by table.
        partials: one row a (cell, person), by table; people digested under the state's own secret.
        release: whose tables they are.
        history: of `history_of`.
        known_people: units whose rows a recipient holds.
        trees: for each dimension, label -> what it is part of, by table; for subtotals.

    Raises:
        RiskLimitPassed: a table's policy is `stop`.

    """
    by_name = {entry.name: entry for entry in statistics}
    new = [
        released_of(by_name[name], table, labels[name], partials[name], release, (trees or {}).get(name))
        for name, table in sorted(published.items())
    ]
    stops = any(by_name[one.name].spec.protect.over_time == "stop" for one in new)
    policy = "stop" if stops else "suppress"  # who makes the tables makes them coarser
    found = guard(new, history[0], history[1], known_people=known_people, policy=policy)
    tables = {}
    for one in found.tables:
        spec = by_name[one.name].spec
        tables[one.name] = suppressed(published[one.name], spec, shown_rows(published[one.name]) & ~one.shown)
    kept: dict[str, bytes] = {RELATIONS: relations_as_bytes(found.relations)}
    for one in found.tables:
        kept |= kept_files(one)
    lost = {one.name: int(np.sum(one.guarded)) for one in found.tables}
    return Given(tables, kept, found.evidence, lost)


def released_of(
    statistic: StatisticPlan,
    table: pa.Table,
    labels: Labels,
    partials: pa.Table,
    release: Release,
    trees: Sequence[Mapping[str, str]] | None = None,
) -> Released:
    """Return a published table as the guard sees it."""
    spec = statistic.spec
    population, truth = population_of(partials, measured_columns(spec), labels)
    shown = shown_rows(table)
    return Released(
        release.id,
        release.recipient,
        statistic.name,
        source_of(spec),
        release.period,
        spec.protect.min_people,
        coordinates_of(spec, labels, trees),
        rows_of(spec, table),
        shown,
        np.zeros(len(shown), dtype=bool),
        quantities_told(spec),
        population,
        truth,
    )


def partials_of(refs: Sequence[PartialRef], name: str, staging: Path) -> pa.Table:
    """Read the partial aggregates of one statistic as one table: `d0`…, `s0`, `s1`, `rows`, `sum0`…"""
    parts = []
    for ref in refs:
        if ref.statistic != name:
            continue
        table, people = _read(staging / ref.path), _read(staging / ref.people)
        columns = {
            column: table[column].combine_chunks().cast(pa.string())
            if column[0] == "d"
            else table[column].combine_chunks()
            for column in table.column_names
            if column[0] == "d" or column == "rows" or column.startswith("sum")
        }
        person = table["person"].combine_chunks()
        columns |= {half: people[half].combine_chunks().take(person) for half in ("s0", "s1")}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts).combine_chunks()


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
