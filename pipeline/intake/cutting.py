"""Cut a table's files into slices. The parent runs this; it is also the independent count of records.

Slices depend on content alone, never on the number of workers: a slice ends at the first record end at which it has
both 65,536 records and its share of the table's bytes; a tail shorter than 65,536 records joins the slice before it.
The share is near 32 MiB: slices are equally long and of a round number, so that children end together.
"""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.config.models import TableSource
from pipeline.errors import Drift, InputUnreadable
from pipeline.intake import content as stored
from pipeline.intake.csv_text import header_of
from pipeline.intake.json_text import columns_of_head
from pipeline.intake.model import Cut, InputFile, Limits, Segment, Slice
from pipeline.intake.parquet_file import footer_of
from pipeline.intake.record_scan import CsvScan, Ends, LineScan

_PLAIN_TEXT = {("csv", ""), ("jsonl", "")}
HEAD_BYTES = 1 << 20  # of a JSON-lines file, for the columns that the plan is made from


def cut(name: str, source: TableSource, date: str, base: Path, limits: Limits | None = None) -> Cut:
    """Count, digest and slice the files of one table.

    Raises InputUnreadable: no file, not readable, no header, a limit passed. Raises Drift: CSV or Parquet
    files whose columns are not those of the table's first file.
    """
    paths = stored.matching_files(source, date, base, name)
    return cut_files(name, paths, source, base, limits)


def cut_files(
    name: str, paths: Sequence[str], source: TableSource, base: Path, limits: Limits | None = None
) -> Cut:
    """The same for given paths; `source.path` is not looked at."""
    bounds = limits or Limits()
    grouping = _Grouping(name, replace(bounds, slice_bytes=_equal_share(bounds, paths, source, base)))
    files: list[InputFile] = []
    with ThreadPoolExecutor(max_workers=1) as digests:
        for index, path in enumerate(paths):
            digest = digests.submit(stored.digest_of, base / path)
            file = _cut_file(index, path, base, source, limits=bounds, grouping=grouping)
            try:
                file = replace(file, sha256=digest.result())
            except OSError as error:
                raise _unreadable(path, error) from None
            if files:
                _check_same_columns(files[0], file)
            files.append(file)
            grouping.end_of_file(file.streamed)
    slices = grouping.slices()
    columns = tuple(dict.fromkeys(itertools.chain.from_iterable(file.columns for file in files)))
    return Cut(name, tuple(files), slices, _lanes(slices, files), columns)


def _equal_share(limits: Limits, paths: Sequence[str], source: TableSource, base: Path) -> int:
    """Bytes of a slice. What is compressed or no text has its slices as they come: its length is not known before."""
    if any(stored.stored_as(path, source.format) not in _PLAIN_TEXT for path in paths):
        return limits.slice_bytes
    with suppress(OSError):  # a file that is not there is refused where it would be read
        total = sum((base / path).stat().st_size for path in paths)
        return -(-total // _round_number(total / limits.slice_bytes)) or limits.slice_bytes
    return limits.slice_bytes


def _round_number(slices: float) -> int:
    """The nearest number that 2, from 16 on 4, from 32 on 8 ... workers share without rest."""
    step = max(2, 1 << max(0, int(slices).bit_length() - 3))
    return max(1, step * round(slices / step))


def _check_same_columns(first: InputFile, file: InputFile) -> None:
    """Union of columns is right for JSON lines only; elsewhere the order may differ, the set may not."""
    if file.format == "jsonl" or (first.format == file.format and first.columns == file.columns):
        return
    if first.format != file.format:
        raise InputUnreadable("files of one table must have one format", where=file.path)
    missing = sorted(set(first.columns) - set(file.columns))
    # A name that only this file has may be a value (a file without header), so it is counted, not shown.
    new = len(set(file.columns) - set(first.columns))
    if missing or new:
        raise Drift(
            f"columns differ from {first.path}: {', '.join(missing) or 'none'} missing, {new} not known",
            where=file.path,
        )


def _cut_file(
    index: int, path: str, base: Path, source: TableSource, *, limits: Limits, grouping: "_Grouping"
) -> InputFile:
    kind, compression = stored.stored_as(path, source.format)
    full = base / path
    try:
        facts = full.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    size = facts.st_size
    file = InputFile(path, index, size, "", kind, compression, (), 0, modified=facts.st_mtime_ns)
    if kind == "parquet":
        footer = footer_of(full, path, limits)
        for start, end in footer.chunks:
            grouping.add_rows(index, start, end, footer.bytes_per_row)
        return replace(file, columns=footer.columns, records=footer.rows, streamed=footer.streamed)
    if compression and not size:
        raise InputUnreadable("the compressed file is empty", where=path)
    encoding, mark = stored.encoding_of(full, compression, source.encoding, limits)
    file = replace(file, encoding=encoding, mark=mark, streamed=bool(compression or encoding != "utf-8"))
    with stored.open_content(full, compression, encoding, mark, limits) as content:
        if kind == "csv":
            return _cut_csv(file, content, source.delimiter, limits, grouping)
        return _cut_lines(file, content, limits, grouping)


def _unreadable(path: str, error: OSError) -> InputUnreadable:
    return InputUnreadable(f"cannot be read ({type(error).__name__})", where=path)


def _cut_csv(
    file: InputFile, content: stored.Content, delimiter: str, limits: Limits, grouping: "_Grouping"
) -> InputFile:
    head = header_of(content, delimiter, limits, file.path)
    scan = CsvScan(delimiter.encode(), blank_is_record=len(head.columns) == 1, offset=head.end)
    records, tidy = _scan(
        scan, itertools.chain([head.rest], _blocks(content)), file, head.end, limits=limits, grouping=grouping
    )
    return replace(
        file,
        columns=head.columns,
        records=records,
        blank_lines=scan.blank_lines,
        tidy=tidy,
        one_line_each=not scan.lines_inside,
    )


def _cut_lines(file: InputFile, content: stored.Content, limits: Limits, grouping: "_Grouping") -> InputFile:
    head = bytearray()
    while len(head) < HEAD_BYTES and (block := content.read(HEAD_BYTES - len(head))):
        head += block
    columns = columns_of_head(bytes(head), len(head) < HEAD_BYTES, limits, file.path)
    scan = LineScan()
    records, _ = _scan(
        scan, itertools.chain([bytes(head)], _blocks(content)), file, 0, limits=limits, grouping=grouping
    )
    return replace(file, columns=columns, records=records, blank_lines=scan.blank_lines)


def _blocks(content: stored.Content) -> Iterator[bytes]:
    while block := content.read(stored.BLOCK):
        yield block


def _scan(
    scan: CsvScan | LineScan,
    blocks: Iterator[bytes],
    file: InputFile,
    start: int,
    *,
    limits: Limits,
    grouping: "_Grouping",
) -> tuple[int, bool]:
    """Feed all blocks; returns the number of records, and whether the file is tidy (see InputFile)."""
    grouping.begin_file(file.index, start)
    records, last, tidy = 0, start, True
    for found in _ends(scan, blocks):
        if len(found.ends):
            longest = max(int(found.ends[0]) - last, int(np.diff(found.ends).max(initial=0)))
            last = int(found.ends[-1])
            records += len(found.ends)
            grouping.add(found.ends)
        else:
            longest = 0
        tidy &= not found.exact and longest <= limits.field_bytes
        if max(longest, scan.longest_open) > limits.record_bytes:
            raise InputUnreadable(
                f"a record is longer than {limits.record_bytes} bytes",
                where=file.path,
                hint="is a quote never closed, or the delimiter another one?",
            )
    return records, tidy


def _ends(scan: CsvScan | LineScan, blocks: Iterator[bytes]) -> Iterator[Ends]:
    for block in blocks:
        yield scan.feed(block)
    yield scan.finish()


@dataclass
class _Open:
    """The slice being filled, or one that is complete."""

    segments: list[Segment]
    records: int = 0
    bytes: int = 0

    def extend(self, segment: Segment, size: int) -> None:
        last = self.segments[-1] if self.segments else None
        if last and last.file == segment.file and last.end == segment.start:
            self.segments[-1] = replace(last, end=segment.end, records=last.records + segment.records)
        else:
            self.segments.append(segment)
        self.records += segment.records
        self.bytes += size


class _Grouping:
    """Joins records to slices, over the edges of files."""

    def __init__(self, table: str, limits: Limits) -> None:
        self._table = table
        self._limits = limits
        self._done: list[_Open] = []
        self._open = _Open([])
        self._file = self._start = self._record = 0
        self._file_began_at = 0  # how many slices were done when the current file began

    def begin_file(self, file: int, start: int) -> None:
        self._file, self._start, self._record = file, start, 0
        self._file_began_at = len(self._done)

    def add(self, ends: np.typing.NDArray[np.int64]) -> None:
        """Records that end at these offsets of the current file's content."""
        taken = 0
        while taken < len(ends):
            need = max(1, self._limits.slice_records - self._open.records)
            target = self._start + self._limits.slice_bytes - self._open.bytes
            index = max(taken + need - 1, int(np.searchsorted(ends, target)))
            last = min(index, len(ends) - 1)
            end, count = int(ends[last]), last + 1 - taken
            segment = Segment(self._file, self._start, end, self._record, count)
            self._open.extend(segment, end - self._start)
            self._start, self._record, taken = end, self._record + count, last + 1
            if index == last:
                self._close()

    def add_rows(self, file: int, start: int, end: int, bytes_per_row: float) -> None:
        """Rows of a Parquet file that can be read by themselves."""
        if start == 0:
            self.begin_file(file, 0)
        self._open.extend(Segment(file, start, end, start, end - start), round((end - start) * bytes_per_row))
        full = self._open.records >= self._limits.slice_records
        if full and self._open.bytes >= self._limits.slice_bytes:
            self._close()

    def end_of_file(self, sequential: bool) -> None:
        """A sequential file that spans slices ends its lane, so that the next file can be read beside it."""
        if sequential and len(self._done) > self._file_began_at and self._open.records:
            self._end_tail()

    def _close(self) -> None:
        if self._open.records:
            self._done.append(self._open)
            self._open = _Open([])

    def _end_tail(self) -> None:
        if self._done and self._open.records < self._limits.slice_records:
            for segment in self._open.segments:
                self._done[-1].extend(segment, 0)
            self._open = _Open([])
        self._close()

    def slices(self) -> tuple[Slice, ...]:
        self._end_tail()
        return tuple(
            Slice(self._table, index, tuple(done.segments), done.records)
            for index, done in enumerate(self._done)
        )


def _lanes(slices: Sequence[Slice], files: Sequence[InputFile]) -> tuple[tuple[int, ...], ...]:
    """Slices that share a file which can only be read from its beginning belong to one lane."""
    lanes: list[list[int]] = []
    shared: set[int] = set()
    for one in slices:
        sequential = {segment.file for segment in one.segments if files[segment.file].streamed}
        if lanes and sequential & shared:
            lanes[-1].append(one.index)
            shared |= sequential
        else:
            lanes.append([one.index])
            shared = sequential
    return tuple(tuple(lane) for lane in lanes)
