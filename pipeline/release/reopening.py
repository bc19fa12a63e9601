"""Rule: every staged file is what the plan says, read back from its bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import PouchError
from pipeline.sinks import ParquetColumns, read_part
from pipeline.sinks.text_cells import RUNS, is_text

UNREADABLE = "the file cannot be read back as the plan says"
_MADE_INERT = f"^'({RUNS.replace('^', '')})"  # RUNS has no negated set: every ^ in it is an anchor


@dataclass(frozen=True)
class Reopened:
    """A published file, read back column by column, so that memory holds a part of it at a time."""

    rows: int
    # Column -> its cells in order; raises CheckFailed where unreadable.
    pieces: Callable[[str], Iterator[pa.Array]]

    def whole(self, column: str) -> pa.Array:
        """All cells of a column; text of few distinct cells may come as a dictionary."""
        found = list(self.pieces(column))
        return found[0] if len(found) == 1 else pa.chunked_array(found).combine_chunks()


def reopen_by_column(
    path: Path, file_format: str, schema: pa.Schema
) -> tuple[Reopened | None, tuple[str, ...]]:
    """The same as `reopen`, but nothing is read before it is asked for, where the format allows it."""
    if file_format != "parquet":
        table, faults = reopen(path, file_format, schema)
        return (None if table is None else Reopened(table.num_rows, _pieces_of(table))), faults
    faults = parquet_faults(path, schema)
    if faults:
        return None, faults
    try:
        columns = ParquetColumns(path, schema)
    except PouchError:
        return None, (UNREADABLE,)
    return Reopened(columns.rows, columns.pieces), ()


def _pieces_of(table: pa.Table) -> Callable[[str], Iterator[pa.Array]]:
    def pieces(column: str) -> Iterator[pa.Array]:
        yield from (table.column(column).chunks or [pa.array([], table.schema.field(column).type)])

    return pieces


def reopen(path: Path, file_format: str, schema: pa.Schema) -> tuple[pa.Table | None, tuple[str, ...]]:
    """Read one published file back, strictly.

    Returns the cells as published, or None where they cannot be read, and what is wrong with the file; the
    sentences hold no value.
    """
    faults = parquet_faults(path, schema) if file_format == "parquet" else ()
    if faults:
        return None, faults
    try:
        table = read_part(path, file_format, schema)
    except (PouchError, pa.ArrowException, ValueError, OSError, EOFError):
        return None, (UNREADABLE,)
    if table.schema.remove_metadata() != schema.remove_metadata():
        return None, ("the schema is not the plan's",)
    return (_without_apostrophes(table) if file_format == "csv" else table), ()


def _without_apostrophes(table: pa.Table) -> pa.Table:
    """Cells as they were before the CSV writer made them inert in spreadsheets."""
    for position, field in enumerate(table.schema):
        if is_text(field.type):
            column = pc.replace_substring_regex(table.column(position), _MADE_INERT, r"\1")
            table = table.set_column(position, field, column)
    return table


def parquet_faults(path: Path, schema: pa.Schema) -> tuple[str, ...]:
    """What a Parquet file carries besides its cells: schema, metadata, statistics."""
    try:
        with pq.ParquetFile(path) as file:
            found = file.schema_arrow
            metadata = file.metadata
            faults = []
            if found.remove_metadata() != schema.remove_metadata():
                faults.append("the schema is not the plan's")
            if metadata.metadata or found.metadata or any(field.metadata for field in _unnumbered(found)):
                faults.append("it carries key-value metadata")
            if _carries_statistics(metadata):
                faults.append("it carries statistics of its columns")
    except (pa.ArrowException, OSError):
        return ("it is not a Parquet file",)
    return tuple(faults)


def _unnumbered(schema: pa.Schema) -> list[pa.Field]:
    """Fields without the number that the reader itself notes down."""
    plain = []
    for field in schema:
        notes = {k: v for k, v in (field.metadata or {}).items() if k != b"PARQUET:field_id"}
        plain.append(field.with_metadata(notes or None))
    return plain


def _carries_statistics(metadata: pq.FileMetaData) -> bool:
    return any(
        column.is_stats_set or column.has_column_index
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for column in map(group.column, range(metadata.num_columns))
    )
