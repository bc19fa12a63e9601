"""Read the slices of a lane: bytes of each segment once, in order, into text columns. Runs in a child
process.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable
from pipeline.intake import content as stored
from pipeline.intake.csv_text import Parsed, parse_csv
from pipeline.intake.json_text import parse_lines
from pipeline.intake.model import Cut, InputFile, Limits, Rejected, Segment, Slice, SliceRecords
from pipeline.intake.parquet_file import ParquetRows


def read(
    cut: Cut,
    lane: Sequence[int],
    source: TableSource,
    *,
    columns: frozenset[str] | None = None,
    base: Path,
    limits: Limits | None = None,
) -> Iterator[SliceRecords]:
    """Yield the lane's slices as text; `columns` None reads all, otherwise the others are counted and left
    unparsed.

    Guarantee: rows and rejected records together are the scan's count for the slice; InputUnreadable
    otherwise.
    """
    with ExitStack() as opened:
        reader = _Reader(cut, source, columns, base, limits=limits or Limits(), opened=opened)
        for number in lane:
            yield reader.slice(cut.slices[number])


class _Reader:
    """Keeps the streams of compressed files open between the slices of a lane."""

    def __init__(
        self,
        cut: Cut,
        source: TableSource,
        columns: frozenset[str] | None,
        base: Path,
        *,
        limits: Limits,
        opened: ExitStack,
    ) -> None:
        self._cut = cut
        self._source = source
        self._columns = columns
        self._base = base
        self._limits = limits
        self._opened = opened
        self._streams: dict[int, tuple[stored.Content, int]] = {}
        self._parquet: dict[int, ParquetRows] = {}

    def slice(self, one: Slice) -> SliceRecords:
        tables: list[pa.Table] = []
        files: list[np.typing.NDArray[np.int32]] = []
        records: list[np.typing.NDArray[np.int64]] = []
        rejected: list[Rejected] = []
        seen: set[str] = set()
        for segment in one.segments:
            file = self._cut.files[segment.file]
            parsed, met = self._segment(file, segment)
            if len(parsed.rows) + len(parsed.rejected) != segment.records:
                raise InputUnreadable(
                    "the number of records is not what the scan counted",
                    where=file.path,
                    hint="was the file changed?",
                )
            seen |= met
            tables.append(parsed.table)
            files.append(np.full(len(parsed.rows), segment.file, np.int32))
            records.append(parsed.rows + segment.first_record)
            first, start = segment.first_record, segment.start
            rejected += [
                Rejected(segment.file, first + bad.record, start + bad.position, bad.reason, bad.raw)
                for bad in parsed.rejected
            ]
        numbers = pa.array(np.concatenate(records))
        table = self._joined(tables)
        if not table.column_names:  # a table without columns still has its rows
            table = pa.table({"record": numbers}).select([])
        return SliceRecords(
            one.index,
            table,
            pa.array(np.concatenate(files)),
            numbers,
            tuple(rejected),
            frozenset(seen),
        )

    def _joined(self, tables: list[pa.Table]) -> pa.Table:
        """One table; columns in the cut's order, then newly met ones."""
        wanted = [name for name in self._cut.columns if self._columns is None or name in self._columns]
        known = set(self._cut.columns)
        names = wanted + sorted({name for table in tables for name in table.column_names} - known)
        schema = pa.schema([(name, pa.string()) for name in names])
        return pa.concat_tables([_as(table, schema) for table in tables]) if tables else schema.empty_table()

    def _segment(self, file: InputFile, segment: Segment) -> tuple[Parsed, frozenset[str]]:
        if file.format == "parquet":
            self._check_unchanged(file, self._base / file.path)
            names = [name for name in file.columns if self._columns is None or name in self._columns]
            return self._rows(file).read(segment, names), frozenset(file.columns)
        data = self._bytes(file, segment)
        if file.format == "csv":
            names = [name for name in file.columns if self._columns is None or name in self._columns]
            parsed = parse_csv(
                data,
                file.columns,
                names,
                delimiter=self._source.delimiter,
                limits=self._limits,
                where=file.path,
                tidy_records=segment.records if file.tidy else None,
                one_line_each=file.one_line_each,
            )
            return parsed, frozenset(file.columns)
        wanted = None if self._columns is None else tuple(sorted(self._columns))
        lines = parse_lines(data, wanted, self._limits, file.path)
        return lines.parsed, lines.seen

    def _rows(self, file: InputFile) -> ParquetRows:
        if file.index not in self._parquet:
            rows = ParquetRows(self._base / file.path, file.path, self._limits, streamed=file.streamed)
            self._parquet[file.index] = self._opened.enter_context(rows)
        return self._parquet[file.index]

    def _bytes(self, file: InputFile, segment: Segment) -> bytes:
        path = self._base / file.path
        self._check_unchanged(file, path)
        if not file.streamed:
            size = segment.end - segment.start
            return stored.read_range(path, segment.start + file.mark, size, file.path)
        content, at = self._streams.get(file.index) or (self._open(file, path), 0)
        at += stored.skip(content, segment.start - at)
        data = stored.read_exactly(content, segment.end - at)
        at += len(data)
        self._streams[file.index] = (content, at)
        return data

    def _check_unchanged(self, file: InputFile, path: Path) -> None:
        try:
            facts = path.stat()
            unchanged = (facts.st_size, facts.st_mtime_ns) == (file.bytes, file.modified)
        except OSError:
            unchanged = False
        if not unchanged:
            raise InputUnreadable("the file has changed since the run began", where=file.path)

    def _open(self, file: InputFile, path: Path) -> stored.Content:
        content = stored.open_content(path, file.compression, file.encoding, file.mark, self._limits)
        return self._opened.enter_context(content)


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly these columns; absent ones are null."""
    if table.schema.names == schema.names:
        return table
    present = set(table.column_names)
    columns = [
        table.column(name) if name in present else pa.nulls(len(table), pa.string()) for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema=schema)
