"""Small readings: some places of each file for classification, and single files for the commands that take
one.
"""

import codecs
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.intake import content as stored
from pipeline.intake.csv_text import Parsed, parse_csv
from pipeline.intake.cutting import cut_files
from pipeline.intake.json_text import parse_lines
from pipeline.intake.model import Cut, InputFile, Limits, Segment, SliceRecords
from pipeline.intake.parquet_file import ParquetRows
from pipeline.intake.reading import read
from pipeline.intake.record_scan import CsvScan, LineScan

_PLACES, _PARQUET_PLACES = 16, 4
_BYTES = 1 << 20  # of a text file, at all places together


@dataclass(frozen=True)
class Sampled:
    """Rows from some places of files, and why records beside them could not be read."""

    table: pa.Table
    reasons: tuple[str, ...]  # one per malformed record, in order; no value

    @property
    def records(self) -> int:
        """All that were looked at."""
        return len(self.table) + len(self.reasons)


def one_file_source(delimiter: str = ",", encoding: str = "utf-8", path: str = "one file") -> TableSource:
    """How to read files that no job describes. Raises JobWrong: no such delimiter or encoding."""
    if len(delimiter) != 1:
        raise JobWrong("--delimiter must be one character", hint="a tab is $'\\t'")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise JobWrong(
            "--encoding must be one that Python knows", hint="such as utf-8, gb18030 or latin-1"
        ) from None
    return TableSource(path=path, subject="none", delimiter=delimiter, encoding=encoding)


def sample(cut: Cut, source: TableSource, rows: int, *, base: Path, limits: Limits | None = None) -> pa.Table:
    """Text rows of every file, about `rows` in all, the same at every call.

    They come from up to 16 places of a file (4 in Parquet, whose parts are large), at most 1 MiB together: sorted and
    growing tables look otherwise at their head. A file that cannot be read from its middle (compressed, recoded) gives
    its head only. Malformed records are left out: the run itself counts and quarantines them.
    """
    return sample_with_reasons(cut, source, rows, base=base, limits=limits).table


def sample_with_reasons(
    cut: Cut, source: TableSource, rows: int, *, base: Path, limits: Limits | None = None
) -> Sampled:
    """As `sample`, with a reason for every malformed record that was met."""
    share = -(-rows // max(1, len(cut.files)))
    found = [
        part
        for file in cut.files
        for part in _of_file(cut, file, source, share, base=base, limits=limits or Limits())
    ]
    names = list(dict.fromkeys(itertools.chain(cut.columns, *(part.table.column_names for part in found))))
    schema = pa.schema([(name, pa.string()) for name in names])
    table = pa.concat_tables(
        [schema.empty_table(), *(part.table for part in found)], promote_options="default"
    )
    return Sampled(table, tuple(itertools.chain.from_iterable(part.reasons for part in found)))


def _of_file(
    cut: Cut, file: InputFile, source: TableSource, rows: int, *, base: Path, limits: Limits
) -> Iterator[Sampled]:
    """From the beginnings of slices."""
    segments = [one for part in cut.slices for one in part.segments if one.file == file.index]
    most = 1 if file.streamed else _PARQUET_PLACES if file.format == "parquet" else _PLACES
    places = segments[:: max(1, -(-len(segments) // most))]
    share, size = -(-rows // max(1, len(places))), _BYTES // max(1, len(places))
    path = base / file.path
    if file.format == "parquet" and places:
        with ParquetRows(path, file.path, limits, streamed=file.streamed) as opened:
            for place in places:
                head = replace(place, end=place.start + min(share, place.records), records=share)
                yield _sampled(opened.read(head, file.columns))
        return
    for place in places:
        yield _sampled(_records_from(place, file, source, share, size, path=path, limits=limits))


def _sampled(parsed: Parsed) -> Sampled:
    return Sampled(parsed.table, tuple(str(one.reason) for one in parsed.rejected))


def _records_from(
    place: Segment, file: InputFile, source: TableSource, rows: int, size: int, *, path: Path, limits: Limits
) -> Parsed:
    """Whole records from the beginning of a segment of text, `size` bytes at most."""
    size = min(size, place.end - place.start)
    if file.streamed:
        with stored.open_content(path, file.compression, file.encoding, file.mark, limits) as content:
            stored.skip(content, place.start)
            data = stored.read_exactly(content, size)
    else:
        data = stored.read_range(path, place.start + file.mark, size, file.path)
    if file.format == "csv":
        scan: CsvScan | LineScan = CsvScan(source.delimiter.encode(), blank_is_record=len(file.columns) == 1)
    else:
        scan = LineScan()
    ends = scan.feed(data).ends
    if len(data) == place.end - place.start:  # the file's last may have no line end
        ends = np.concatenate([ends, scan.finish().ends])
    data = data[: int(ends[min(rows, len(ends)) - 1])] if len(ends) else b""
    if file.format == "csv":
        names = file.columns
        return parse_csv(data, names, names, delimiter=source.delimiter, limits=limits, where=file.path)
    return parse_lines(data, None, limits, file.path).parsed


def read_records(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8", limits: Limits | None = None
) -> SliceRecords:
    """One whole file in memory, malformed records beside the rows. `.txt`: one column `text`, a row for every
    line.
    """
    bounds = limits or Limits()
    if path.suffix.lower() == ".txt":
        return _lines(path, encoding, bounds)
    source = one_file_source(delimiter, encoding)
    found = cut_files(path.stem, [path.name], source, path.parent, bounds)
    parts = [
        part
        for lane in found.lanes
        for part in read(found, lane, source, columns=None, base=path.parent, limits=bounds)
    ]
    return _joined(found.columns, parts)


def _joined(columns: Sequence[str], parts: Sequence[SliceRecords]) -> SliceRecords:
    if not parts:
        table = pa.table({name: pa.array([], pa.string()) for name in columns})
        none = pa.array([], pa.int64())
        return SliceRecords(0, table, none.cast(pa.int32()), none, (), frozenset(columns))
    return replace(
        parts[0],
        table=pa.concat_tables([part.table for part in parts], promote_options="default"),
        file=pa.concat_arrays([part.file for part in parts]),
        record=pa.concat_arrays([part.record for part in parts]),
        rejected=tuple(itertools.chain.from_iterable(part.rejected for part in parts)),
        columns_seen=frozenset().union(*(part.columns_seen for part in parts)),
    )


def read_table(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8", limits: Limits | None = None
) -> pa.Table:
    """One whole file as text columns; InputUnreadable where a record is malformed, so that row numbers
    hold.
    """
    found = read_records(path, delimiter=delimiter, encoding=encoding, limits=limits)
    if found.rejected:
        first = found.rejected[0]
        raise InputUnreadable(
            f"{len(found.rejected)} malformed records, the first is number {first.record}: {first.reason}",
            where=path.name,
        )
    return found.table


def _lines(path: Path, encoding: str, limits: Limits) -> SliceRecords:
    name, mark = stored.encoding_of(path, "", encoding, limits)
    if path.stat().st_size > limits.decompressed_bytes:
        raise InputUnreadable("is larger than the limit", where=path.name)
    with stored.open_content(path, "", name, mark, limits) as content:
        data = b"".join(iter(lambda: content.read(stored.BLOCK), b""))
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    try:
        text = pa.array([line.removesuffix(b"\r").decode() for line in lines], pa.string())
    except UnicodeDecodeError:
        raise InputUnreadable(f"not {encoding} text", where=path.name) from None
    numbers = pa.array(range(len(lines)), pa.int64())
    return SliceRecords(
        0,
        pa.table({"text": text}),
        pa.nulls(len(lines), pa.int32()).fill_null(0),
        numbers,
        (),
        frozenset({"text"}),
    )
