"""Parquet rows as text columns. Footers are read in the parent, pages in children only.

Measured on the hostile files of arrow-testing and parquet-testing: reading their footers raises and never
crashes
(pyarrow 26), so the parent reads footers itself.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputUnreadable
from pipeline.intake.csv_text import Misread, Parsed
from pipeline.intake.model import Limits, Reason, Segment
from pipeline.intake.value_text import text_columns

# Corrupt files raise any of these; messages may quote bytes of the file, so they are never shown.
_CORRUPT = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError)


@dataclass(frozen=True)
class Footer:
    """What the footer says: text columns after flattening, rows, and runs of rows that are read by
    themselves.
    """

    columns: tuple[str, ...]
    rows: int
    chunks: tuple[tuple[int, int], ...]
    bytes_per_row: float
    streamed: bool  # row groups too large to be read whole


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
    share = size / rows if rows else 0.0
    large = 2 * max(limits.slice_records, limits.slice_bytes / share if share else 0)
    streamed = max(counts, default=0) > large
    if streamed:
        edges = [*range(0, rows, limits.slice_records), rows]
    chunks = tuple((start, end) for start, end in pairwise(edges) if end > start)
    return Footer(columns, rows, chunks, share, streamed)


class ParquetRows:
    """Reads runs of rows of one file; page checksums are verified where they are present."""

    def __init__(self, path: Path, where: str, limits: Limits, *, streamed: bool) -> None:
        self._where = where
        self._limits = limits
        self._streamed = streamed
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._ahead: pa.Table | None = None  # rows read beyond the last segment
        self._at = 0
        try:
            self._file = pq.ParquetFile(
                path, page_checksum_verification=True, pre_buffer=False, buffer_size=1 << 20
            )
            groups = range(self._file.metadata.num_row_groups)
            self._edges = np.cumsum([0, *(self._file.metadata.row_group(index).num_rows for index in groups)])
        except _CORRUPT as error:
            raise InputUnreadable(
                f"not a readable Parquet file ({type(error).__name__})", where=where
            ) from None

    def __enter__(self) -> "ParquetRows":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, segment: Segment, wanted: Sequence[str]) -> Parsed:
        """The segment's rows; segments of a streamed file must come in order."""
        try:
            roots = [name for name in self._file.schema_arrow.names if _covers(name, wanted)]
            roots = roots or self._file.schema_arrow.names[:1]
            table = self._stream(segment, roots) if self._streamed else self._groups(segment, roots)
            table.validate(full=True)
            text = text_columns(table, self._limits).select(list(wanted))
        except _CORRUPT as error:
            raise InputUnreadable(
                f"corrupt Parquet data ({type(error).__name__})", where=self._where
            ) from None
        return self._without_long_fields(text, len(table))

    def _groups(self, segment: Segment, roots: Sequence[str]) -> pa.Table:
        first = int(np.searchsorted(self._edges, segment.start, side="right")) - 1
        last = int(np.searchsorted(self._edges, segment.end, side="left"))
        table = self._file.read_row_groups(list(range(first, last)), columns=roots, use_threads=False)
        return table.slice(segment.start - int(self._edges[first]), segment.end - segment.start)

    def _stream(self, segment: Segment, roots: Sequence[str]) -> pa.Table:
        if self._batches is None:
            size = min(self._limits.slice_records, 1 << 16)
            self._batches = self._file.iter_batches(batch_size=size, columns=roots, use_threads=False)
        table = self._ahead
        while table is None or self._at + len(table) < segment.end:
            batch = next(self._batches, None)
            if batch is None:
                break
            more = pa.Table.from_batches([batch])
            table = more if table is None else pa.concat_tables([table, more])
            passed = max(0, min(len(table), segment.start - self._at))
            self._at, table = self._at + passed, table.slice(passed)
        if table is None:
            raise ValueError("no rows")
        found = table.slice(0, segment.end - self._at)
        self._ahead, self._at = table.slice(len(found)), self._at + len(found)
        return found

    def _without_long_fields(self, text: pa.Table, rows: int) -> Parsed:
        long = np.zeros(rows, bool)
        for column in text.columns:
            sizes = pc.binary_length(column)
            if (pc.max(sizes).as_py() or 0) > self._limits.field_bytes:
                long |= np.asarray(pc.fill_null(pc.greater(sizes, self._limits.field_bytes), False))
        rejected = tuple(
            Misread(row, row, Reason.FIELD_SIZE, json.dumps(text.slice(row, 1).to_pylist()[0]).encode())
            for row in np.flatnonzero(long).tolist()
        )
        kept = text.filter(pa.array(~long)) if rejected else text
        return Parsed(kept, np.flatnonzero(~long).astype(np.int64), rejected)


def _covers(root: str, wanted: Sequence[str]) -> bool:
    return any(name == root or name.startswith(root + ".") for name in wanted)
