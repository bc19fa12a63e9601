"""The fit pass: what withholding must know of the whole run before the first row is protected.

Which device counts as which account, and whom birth dates, ages and resident ids show to be under 14. Only the
columns that tell this are read, and only where a release needs it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engines.work import Secrets
from pipeline.intake import Cut, read
from pipeline.protect.minors import AGE_CLASSES, minors_in
from pipeline.protect.model import Plan, TablePlan
from pipeline.protect.subjects import link_subjects, linked, resolve_subject, subject_pairs

TEXT = pa.string()


@dataclass(frozen=True)
class FitResult:
    """One slice's share. Holds raw subjects: it stays in memory."""

    table: str
    index: int
    pairs: pa.Table | None
    minors: pa.Array | None

    def __repr__(self) -> str:
        """No subjects."""
        return f"FitResult({self.table} slice {self.index})"


@dataclass(frozen=True)
class Fit:
    """What the whole run says about its subjects. Holds raw subjects."""

    links: pa.Table  # alias -> subject
    minors: pa.Array

    def __repr__(self) -> str:
        """Counts only."""
        return f"Fit({len(self.links)} links, {len(self.minors)} minors)"


@dataclass(frozen=True)
class FitSlices:
    """Read subject and age columns of every slice."""

    plan: Plan
    base: Path

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[FitResult]:
        """Yield each slice's share."""
        table = self.plan.tables[cut.table]
        ages = age_columns(table)
        wanted = frozenset({*table.source.subject_columns, *ages})
        on = date.fromisoformat(self.plan.date)
        for records in read(cut, lane, table.source, columns=wanted, base=self.base):
            named = [(table.classes[c], column_of(records.table, c)) for c in table.source.subject_columns]
            subject = resolve_subject(named)
            minors = minors_in(subject, [(table.classes[c], column_of(records.table, c)) for c in ages], on)
            yield FitResult(
                table.name, records.index, subject_pairs(named) if len(named) > 1 else None, minors
            )


def tables_to_fit(plan: Plan) -> tuple[str, ...]:
    """Return the tables whose subjects must be looked at before any row is protected."""
    asks_consent = any(release.basis == "consent" for release in plan.releases)
    return tuple(
        name
        for name, table in plan.tables.items()
        if len(table.source.subject_columns) > 1
        or (asks_consent and table.source.subject_columns and age_columns(table))
    )


def join_fits(results: Sequence[FitResult]) -> Fit:
    """Join all slices' shares; the order of slices does not matter."""
    pairs = [result.pairs for result in results if result.pairs is not None]
    empty = pa.table({"alias": pa.array([], pa.string()), "subject": pa.array([], pa.string())})
    links = link_subjects(pa.concat_tables([empty, *pairs]))
    found = [result.minors for result in results if result.minors is not None]
    minors = pa.concat_arrays([pa.array([], pa.string()), *found])
    return Fit(links, linked(minors, links).unique().sort())


def age_columns(table: TablePlan) -> tuple[str, ...]:
    """Columns that can show a subject's age."""
    return tuple(column for column, data_class in table.classes.items() if data_class in AGE_CLASSES)


def column_of(table: pa.Table, name: str, kind: pa.DataType = TEXT) -> pa.Array:
    """Return a column as one array; JSON lines may lack it in a slice, then it is all null and of `kind`."""
    if name not in table.column_names:
        return pa.nulls(len(table), kind)
    column = table.column(name)
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays([pa.array([], column.type), *column.chunks])
    )


_RUNS, _RUN = 16, 256  # rows next to each other, from everywhere in a slice: logs repeat a value in runs
# Where so many of those rows differ, more than half of the slice do, and a dictionary costs more than it saves.
_MOSTLY_DISTINCT = 0.97


def encoded_column(table: pa.Table, name: str, kind: pa.DataType) -> pa.Array:
    """Return the same, text as a dictionary unless nearly all of its values differ."""
    if name in table.column_names and pa.types.is_string(table.column(name).type) and len(table):
        column = table.column(name)
        return column.combine_chunks() if _nearly_all_differ(column) else _dictionary(column)
    array = column_of(table, name, kind)
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.dictionary_encode().combine_chunks()


def _nearly_all_differ(column: pa.ChunkedArray) -> bool:
    if len(column) <= _RUNS * _RUN:
        return False
    starts = np.linspace(0, len(column) - _RUN, _RUNS, dtype=np.int64).tolist()
    if pc.count_distinct(column.slice(0, _RUN)).as_py() < _RUN // 2:
        return False  # whatever the other runs hold
    looked_at = pa.chunked_array([chunk for at in starts for chunk in column.slice(at, _RUN).chunks])
    return bool(pc.count_distinct(looked_at).as_py() >= _MOSTLY_DISTINCT * len(looked_at))


def write_links(fit: Fit, path: Path) -> None:
    """Write the links as an Arrow IPC file that children map; raw subjects, so nobody else may read it."""
    path.touch(mode=0o600)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, fit.links.schema) as writer:
        writer.write_table(fit.links)
