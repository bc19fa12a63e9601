"""CSV bytes -> text columns. Arrow parses; whatever it would read leniently is found first and judged exactly.

RFC 4180 with a declared delimiter. An empty unquoted field is null, `""` is the empty string, and no word such as NULL
or NA means null. A quote inside an unquoted field is a character like others, as in `27" screen`: RFC 4180 does not
allow it, every reader takes it so, and it cannot hide a record. Text after a closing quote is malformed. See
`record_scan` for where records end.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipeline.errors import InputUnreadable
from pipeline.intake import content as stored
from pipeline.intake.model import Limits, Reason
from pipeline.intake.record_scan import CsvScan, Offsets

_PIECE = 1 << 20  # bytes scanned at a time, and reparsed exactly where one record of them is malformed
_BLOCK = 1 << 20  # bytes that Arrow parses at a time: they stay in the processor's cache
_LONGEST_BLOCK = (1 << 31) - 1  # that Arrow takes


@dataclass(frozen=True)
class Head:
    """The header, where it ends, and bytes that were read beyond it."""

    columns: tuple[str, ...]
    end: int
    rest: bytes


@dataclass(frozen=True)
class Misread:
    """A record that was rejected: its number and offset within what was parsed."""

    record: int
    position: int
    reason: Reason
    raw: bytes


@dataclass(frozen=True)
class Parsed:
    """Rows and rejected records of a run of bytes; `rows` are the record numbers of the table's rows."""

    table: pa.Table
    rows: Offsets
    rejected: tuple[Misread, ...]


def header_of(content: stored.Content, delimiter: str, limits: Limits, where: str) -> Head:
    """Read the first record as the header; InputUnreadable where it is none."""
    buffer = b""
    while True:
        block = content.read(stored.BLOCK)
        buffer += block
        scan = CsvScan(delimiter.encode(), blank_is_record=False)
        ends = [scan.feed(buffer), scan.finish()] if not block else [scan.feed(buffer)]
        found = np.concatenate([one.ends for one in ends])
        if len(found):
            break
        if not block:
            raise InputUnreadable("the file has no header", where=where)
        if len(buffer) > limits.record_bytes:
            raise InputUnreadable("the header is too long", where=where)
    end = int(found[0])
    fields = fields_of(buffer[:end].strip(b"\r\n"), delimiter)
    if isinstance(fields, Reason):
        raise InputUnreadable(f"the header is malformed: {fields.value}", where=where)
    if any(not name for name in fields):
        raise InputUnreadable("the header has an empty name", where=where)
    if len(set(fields)) != len(fields):
        raise InputUnreadable("the header has a name twice", where=where)
    if len(fields) > limits.columns:
        raise InputUnreadable(f"the header has more than {limits.columns} columns", where=where)
    names = tuple(str(name) for name in fields)
    if any(_LIKE_A_VALUE.search(name) for name in names):
        # Column names go into messages and plans; those of a file without header would be somebody's data.
        raise InputUnreadable(
            "the first record does not look like a header",
            where=where,
            hint="add a line with the column names",
        )
    return Head(names, end, buffer[end:])


_LIKE_A_VALUE = re.compile(r"^[\W\d_]*$|@|\d{6}|\d{4}[-/]\d\d?[-/]\d\d?")


@lru_cache(maxsize=8)
def _patterns(delimiter: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """One well-formed field; and one well-formed record."""
    sign = re.escape(delimiter)
    field = b'(?:"[^"]*+(?:""[^"]*+)*+"|(?!")[^' + sign + b"\r\n]*+)"
    return re.compile(field), re.compile(field + b"(?:" + sign + field + b")*+")


@lru_cache(maxsize=8)
def _run_of_records(delimiter: bytes, columns: int) -> re.Pattern[bytes]:
    """Well-formed records of so many fields, and empty lines: quotes inside unquoted fields are in order, too."""
    field = _patterns(delimiter)[0].pattern
    record = field + b"(?:" + re.escape(delimiter) + field + b"){%d}+" % (columns - 1)
    line_end = b"(?:\r\n|\n|\r)"
    return re.compile(b"(?:" + record + line_end + b"|" + line_end + b")*+(?:" + record + b")?+")


def _split(record: bytes, delimiter: bytes) -> list[bytes]:
    """Fields of a well-formed record, quotes and all."""
    if b'"' not in record:
        return record.split(delimiter)
    field, _ = _patterns(delimiter)
    found, position = [], 0
    while True:
        match = field.match(record, position)
        assert match is not None
        found.append(match.group())
        position = match.end() + 1
        if position > len(record):
            return found


def fields_of(record: bytes, delimiter: str) -> list[str | None] | Reason:
    """Fields of one record without its line end, exactly; or why it is malformed."""
    reason = _malformed(record, delimiter.encode(), None, 1 << 62)
    if reason:
        return reason
    return [_value(field) for field in _split(record, delimiter.encode())]


def _value(field: bytes) -> str | None:
    if field.startswith(b'"'):
        return field[1:-1].replace(b'""', b'"').decode()
    return field.decode() or None


def _malformed(record: bytes, delimiter: bytes, columns: int | None, field_bytes: int) -> Reason | None:  # noqa: PLR0911  one return per reason
    """Why a record cannot be read; None where it can."""
    if b"\0" in record:
        return Reason.NUL
    try:
        record.decode()
    except UnicodeDecodeError:
        return Reason.ENCODING
    if b'"' in record and not _patterns(delimiter)[1].fullmatch(record):
        scan = CsvScan(delimiter, blank_is_record=False)
        scan.feed(record)
        scan.finish()
        return Reason.QUOTE_OPEN if scan.open_quote else Reason.QUOTE_STRAY
    if columns is not None and (b'"' in record or len(record) > field_bytes):
        fields = _split(record, delimiter)
        if len(fields) != columns:
            return Reason.FIELD_COUNT
        return Reason.FIELD_SIZE if max(map(len, fields)) > field_bytes else None
    if columns is not None and record.count(delimiter) + 1 != columns:
        return Reason.FIELD_COUNT
    return None


@dataclass(frozen=True)
class _Piece:
    start: int
    end: int
    first: int
    ends: Offsets
    trusted: bool  # quotes, encoding and sizes are in order; the number of fields is still open


def _pieces(data: bytes, delimiter: bytes, columns: int, limits: Limits) -> Iterator[_Piece]:
    """Runs of whole records of about 1 MiB."""
    scan = CsvScan(delimiter, blank_is_record=columns == 1)
    all_well_formed = _run_of_records(delimiter, columns).fullmatch
    start = first = 0
    exact = False
    view = memoryview(data)
    for at in range(0, len(data) + _PIECE, _PIECE):
        found = scan.feed(bytes(view[at : at + _PIECE])) if at < len(data) else scan.finish()
        exact |= found.exact
        if not len(found.ends):
            continue
        end = int(found.ends[-1])
        text = bytes(view[start:end])
        short = max(int(found.ends[0]) - start, int(np.diff(found.ends).max(initial=0))) <= limits.field_bytes
        clean = short and _is_clean_text(text)
        yield _Piece(
            start, end, first, found.ends, clean and (not exact or all_well_formed(text) is not None)
        )
        # A record that began in this block may hold the misplaced quote of this block.
        exact = found.exact and end < at + _PIECE
        start, first = end, first + len(found.ends)


def _is_clean_text(text: bytes) -> bool:
    if b"\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse_csv(
    data: bytes,
    columns: Sequence[str],
    wanted: Sequence[str],
    *,
    delimiter: str,
    limits: Limits,
    where: str,
    tidy_records: int | None = None,
    one_line_each: bool = False,
) -> Parsed:
    """Parse whole records (no header) into string columns `wanted`.

    `tidy_records` is the scan's count where the scan found all quotes in order: then Arrow is believed at once if
    it finds valid UTF-8 and as many records. `one_line_each`: the scan found no line end inside quotes.
    Every record of `data` becomes a row or a rejected record; InputUnreadable if the parsers ever disagree.
    """
    if tidy_records is not None and b"\0" not in data and _is_utf8(data):
        table = _arrow(data, columns, wanted, delimiter, one_line_each=one_line_each)
        if table is not None and len(table) == tidy_records:
            return Parsed(table.select(list(wanted)), np.arange(tidy_records, dtype=np.int64), ())
    sign = delimiter.encode()
    pieces = list(_pieces(data, sign, len(columns), limits))
    count = sum(len(piece.ends) for piece in pieces)
    if all(piece.trusted for piece in pieces):
        table = _arrow(data, columns, wanted, delimiter)
        if table is not None and len(table) == count:
            return Parsed(table.select(list(wanted)), np.arange(count, dtype=np.int64), ())
    tables: list[pa.Table] = []
    rejected: list[Misread] = []
    for piece in pieces:
        text = data[piece.start : piece.end]
        table = _arrow(text, columns, wanted, delimiter) if piece.trusted else None
        if table is None or len(table) != len(piece.ends):
            good, bad = _judge(data, piece, sign, len(columns), limits)
            rejected += bad
            table = _arrow(good, columns, wanted, delimiter)
            if table is None or len(table) + len(bad) != len(piece.ends):
                raise InputUnreadable("two readers disagree on the number of records", where=where)
        tables.append(table)
    rows = np.delete(np.arange(count, dtype=np.int64), [one.record for one in rejected])
    table = pa.concat_tables(tables) if tables else _no_rows(columns, wanted)
    return Parsed(table.select(list(wanted)), rows, tuple(rejected))


def _is_utf8(data: bytes) -> bool:
    """As one text; field by field takes four times as long."""
    bounds = np.array([0, len(data)], np.int64)
    text = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _judge(
    data: bytes, piece: _Piece, delimiter: bytes, columns: int, limits: Limits
) -> tuple[bytes, list[Misread]]:
    """Split a piece into its well-formed records, joined again, and the malformed ones."""
    good: list[bytes] = []
    bad: list[Misread] = []
    start = piece.start
    for number, end in enumerate(piece.ends.tolist(), piece.first):
        record = data[start:end]
        if columns == 1:  # an empty line is a record here: take off exactly one line end
            body = record.removesuffix(b"\n").removesuffix(b"\r")
        else:
            body = record.lstrip(b"\r\n")
            start = end - len(body)
            body = body.removesuffix(b"\n").removesuffix(b"\r")
        reason = _malformed(body, delimiter, columns, limits.field_bytes)
        if reason:
            bad.append(Misread(number, start, reason, body))
        else:
            good.append(body)
        start = end
    return b"\n".join([*good, b""]), bad


def _arrow(
    data: bytes, columns: Sequence[str], wanted: Sequence[str], delimiter: str, *, one_line_each: bool = False
) -> pa.Table | None:
    """Let Arrow parse; None where it refuses. `data` must be UTF-8 already. Without `wanted` the first column counts.

    `one_line_each` spares Arrow to look for quotes before it knows where a record ends.
    """
    if not data:
        return _no_rows(columns, wanted)
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"  # at the end of the data Arrow takes an empty last field for "" where the field before has quotes
    if data.startswith(codecs.BOM_UTF8):  # in the middle of a file it is text; Arrow takes one off
        data = codecs.BOM_UTF8 + data
    many_lines = not one_line_each and b'"' in data
    # Arrow refuses a record that is longer than two blocks; one block holds them all.
    for block in (_block_of(data), min(len(data) + 1, _LONGEST_BLOCK)):
        table = _parsed(data, columns, wanted, delimiter, block, many_lines=many_lines)
        if table is not None or block > len(data):
            return table
    return None


def _block_of(data: bytes) -> int:
    """How many bytes Arrow should parse at a time, so that no block ends between CR and LF.

    Arrow takes an LF off where the block before ended in CR, also inside quotes.
    """
    for size in range(_BLOCK, _BLOCK // 2, -1):
        if not any(data[edge - 1 : edge + 1] == b"\r\n" for edge in range(size, len(data), size)):
            return size
    return _LONGEST_BLOCK


def _parsed(
    data: bytes,
    columns: Sequence[str],
    wanted: Sequence[str],
    delimiter: str,
    block: int,
    *,
    many_lines: bool,
) -> pa.Table | None:
    try:
        return pa_csv.read_csv(
            pa.py_buffer(data),
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=list(columns), block_size=block),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"',
                double_quote=True,
                escape_char=False,
                newlines_in_values=many_lines,
                ignore_empty_lines=len(columns) > 1,
            ),
            convert_options=pa_csv.ConvertOptions(
                check_utf8=False,
                column_types={name: pa.string() for name in columns},
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                include_columns=list(wanted) if wanted else [columns[0]],
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # malformed: the caller judges each record
        return None


def _no_rows(columns: Sequence[str], wanted: Sequence[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in (wanted or columns[:1])]).empty_table()
