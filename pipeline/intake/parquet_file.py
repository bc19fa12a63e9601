"""Parquet rows as text columns. Footers are read in the parent, pages in children only.

Measured on the hostile files of arrow-testing and parquet-testing: reading their footers raises and never crashes
(pyarrow 26), so the parent reads footers itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputUnreadable
from pipeline.intake.csv_text import Parsed
from pipeline.intake.model import Limits, Segment
from pipeline.intake.value_text import text_columns

# Corrupt files raise any of these; messages may quote bytes of the file, so they are never shown.
_CORRUPT = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError)


@dataclass(frozen=True)
class Footer:
    """What the footer says: text columns after flattening, rows, and runs of rows that are read by themselves."""

    columns: tuple[str, ...]
    rows: int
    chunks: tuple[tuple[int, int], ...]
    bytes_per_row: float


def footer_of(path: Path, where: str, limits: Limits) -> Footer:
    """Read and check a footer. Raises InputUnreadable."""
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
            counts = [group.num_rows for group in groups]
            size = sum(group.total_byte_size for group in groups)
            rows, schema = file.metadata.num_rows, file.schema_arrow
    except _CORRUPT as error:
        raise InputUnreadable(f"not a readable Parquet file ({type(error).__name__})", where=where) from None
    if rows < 0 or size < 0 or any(count < 0 for count in counts) or rows != sum(counts):
        raise InputUnreadable("the Parquet footer contradicts itself", where=where)
    columns = tuple(text_columns(schema.empty_table(), limits).column_names)
    if not columns:
        raise InputUnreadable("the Parquet file has no columns", where=where)
    if len(columns) > limits.columns or len(set(columns)) != len(columns):
        raise InputUnreadable("the Parquet file has too many columns, or one name twice", where=where)
    # A few bytes can claim any number of nulls: the claim counts as decompressed size.
    if max(size, rows * len(columns)) > limits.decompressed_bytes:
        raise InputUnreadable("decompresses to more than the limit", where=where)
    edges = np.cumsum([0, *counts]).tolist()
    chunks = tuple((start, end) for start, end in zip(edges, edges[1:], strict=False) if end > start)
    return Footer(columns, rows, chunks, size / rows if rows else 0.0)


class ParquetRows:
    """Reads runs of rows of one file; page checksums are verified where they are present."""

    def __init__(self, path: Path, where: str, limits: Limits) -> None:
        self._where = where
        self._limits = limits
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
            groups = range(self._file.metadata.num_row_groups)
            self._edges = np.cumsum([0, *(self._file.metadata.row_group(index).num_rows for index in groups)])
        except _CORRUPT as error:
            raise InputUnreadable(f"not a readable Parquet file ({type(error).__name__})", where=where) from None

    def __enter__(self) -> "ParquetRows":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, segment: Segment, wanted: Sequence[str]) -> Parsed:
        """Rows of the row groups that the segment covers."""
        first = int(np.searchsorted(self._edges, segment.start, side="right")) - 1
        last = int(np.searchsorted(self._edges, segment.end, side="left"))
        try:
            roots = sorted({name for name in self._file.schema_arrow.names if _covers(name, wanted)})
            table = self._file.read_row_groups(list(range(first, last)), columns=roots, use_threads=False)
            table = table.slice(segment.start - int(self._edges[first]), segment.end - segment.start)
            table.validate(full=True)
            text = text_columns(table, self._limits)
            text = text.select([name for name in wanted if name in set(text.column_names)])
        except _CORRUPT as error:
            raise InputUnreadable(f"corrupt Parquet data ({type(error).__name__})", where=self._where) from None
        return Parsed(text, np.arange(len(table), dtype=np.int64), ())


def _covers(root: str, wanted: Sequence[str]) -> bool:
    return any(name == root or name.startswith(root + ".") for name in wanted)
