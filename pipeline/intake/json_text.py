"""JSON lines -> text columns: RFC 8259, one object a line.

Numbers keep the text they were written with (1.10, 1E5, 12345678901234567890). Nested objects become dotted
columns, arrays their JSON text, true and false words, null a null. A key that stands twice in an object, two
keys that
become one column, a lone surrogate, NaN and Infinity reject their record.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import InputUnreadable
from pipeline.intake.csv_text import Misread, Parsed
from pipeline.intake.model import Limits, Reason
from pipeline.intake.record_scan import LineScan

_PIECE = 1 << 20
_SPACE = b" \t\r\n"


class _Number(str):
    """A number as it was written; a type of its own so that arrays can be written back without quotes."""

    __slots__ = ()


class _RefusedError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def _constant(_: str) -> NoReturn:
    raise _RefusedError(Reason.JSON)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError(Reason.JSON_DUPLICATE)
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_constant, strict=True
)


def flatten(line: bytes, limits: Limits) -> dict[str, str | None] | Reason:
    """One line as column -> text, or why it is rejected."""
    try:
        text = line.strip(_SPACE).decode()
    except UnicodeDecodeError:
        return Reason.ENCODING
    # The C decoder recurses: bound the depth before it runs. Brackets in strings count too, which only costs
    # time.
    if line.count(b"[") + line.count(b"{") > limits.nesting and _depth(text) > limits.nesting:
        return Reason.JSON_NESTING
    try:
        found = _DECODER.decode(text)
        if not isinstance(found, dict):
            return Reason.JSON_OBJECT
        columns: dict[str, str | None] = {}
        _into(found, "", columns, limits)
    except _RefusedError as refused:
        return refused.reason
    except ValueError:  # json.JSONDecodeError
        return Reason.JSON
    return columns


def _depth(text: str) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for sign in text:
        if in_string:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == '"':
                in_string = False
        elif sign == '"':
            in_string = True
        elif sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    return deepest


def _into(found: Mapping[str, object], prefix: str, columns: dict[str, str | None], limits: Limits) -> None:
    for key, value in found.items():
        if not key:
            raise _RefusedError(Reason.JSON_KEY)
        name = prefix + key
        if isinstance(value, dict):
            _into(value, name + ".", columns, limits)
            continue
        text = _text(value)
        if (
            text is not None
            and len(text) * 4 > limits.field_bytes
            and len(text.encode("utf-8", "replace")) > limits.field_bytes
        ):
            raise _RefusedError(Reason.FIELD_SIZE)
        if name in columns:
            raise _RefusedError(Reason.JSON_COLLISION)
        columns[name] = text
        if _has_surrogate(name) or (text is not None and _has_surrogate(text)):
            raise _RefusedError(Reason.ENCODING)


def _has_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value)


def _json(value: object) -> str:
    """JSON text of an array, numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_json(item)}" for key, item in value.items())
            + "}"
        )
    return json.dumps(value, ensure_ascii=False)


def columns_of_head(head: bytes, complete: bool, limits: Limits, where: str) -> tuple[str, ...]:
    """Columns of the whole lines in the first bytes of a file, in order of appearance."""
    columns: dict[str, None] = {}
    lines = head.split(b"\n")
    if not complete:
        lines.pop()
    for line in lines:
        found = flatten(line, limits) if line.strip(_SPACE) else Reason.JSON
        if not isinstance(found, Reason):
            columns.update(dict.fromkeys(found))
        if len(columns) > limits.columns:
            raise InputUnreadable(f"the objects have more than {limits.columns} columns", where=where)
    return tuple(columns)


@dataclass(frozen=True)
class ParsedLines:
    """As Parsed, with the columns that were met."""

    parsed: Parsed
    seen: frozenset[str]


_Flat = dict[str, str | None]
_PLAIN = {str, type(None)}
# A documented name of CPython's decoder since 2.6, unknown to the type stubs.
_TEXT_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)
_scan_once = _TEXT_DECODER.scan_once  # type: ignore[attr-defined]
_SPACE_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')


def _quick(line: bytes, nesting: int) -> _Flat | None:
    """A line as columns, or None where only `flatten` can tell. About three times as fast.

    The decoder keeps the last of two equal keys. Every key ends in `":` (the caller has made sure that no
    blank stands
    between), and strings can only add to the number of these signs: as many signs as keys, so no key stood
    twice.
    """
    try:
        text = line.decode()
        found, end = _scan_once(text, 0)
    except (ValueError, StopIteration, RecursionError, _RefusedError):
        return None
    if end != len(text) or type(found) is not dict:
        return None
    if set(map(type, found.values())) <= _PLAIN:
        return found if line.count(b'":') == len(found) else None
    columns: _Flat = {}
    keys = _quick_into(found, "", columns, nesting)
    return columns if line.count(b'":') == keys else None


def _quick_into(found: dict[str, Any], prefix: str, columns: _Flat, nesting: int) -> int:
    """Flatten; returns the number of keys, or -1 for what `flatten` must judge."""
    if nesting <= 0:
        return -1
    keys = len(found)
    for key, value in found.items():
        name = prefix + key
        kind = type(value)
        if kind is dict:
            inner = _quick_into(value, name + ".", columns, nesting - 1)
            if inner < 0:
                return -1
            keys += inner
            continue
        if kind is list or name in columns:  # in a list, numbers and strings look alike here
            return -1
        columns[name] = value if value is None or kind is str else "true" if value else "false"
    return keys


@dataclass(frozen=True)
class _Lines:
    """Rows of one piece as dictionaries, with the numbers of their lines."""

    rows: list[_Flat]
    numbers: list[int]
    rejected: list[Misread]


def _judged(
    data: bytes, ends: Sequence[int], start: int, first: int, limits: Limits, *, quick: bool
) -> _Lines:
    done = _Lines([], [], [])
    for number, end in enumerate(ends, first):
        line = data[start:end]
        body = line.strip(_SPACE)
        flat: _Flat | Reason | None = _quick(body, limits.nesting) if quick else None
        if flat is None:
            flat = flatten(body, limits)
        if isinstance(flat, Reason):
            at = end - len(line.lstrip(_SPACE))
            done.rejected.append(Misread(number, at, flat, body))
        else:
            done.rows.append(flat)
            done.numbers.append(number)
        start = end
    return done


def _columns_of(rows: list[_Flat], limits: Limits) -> dict[str, pa.Array] | None:
    """Rows as columns; None where a value must be judged by `flatten`: lone surrogates, long fields, empty
    keys.
    """
    names = dict.fromkeys(chain.from_iterable(rows))
    if "" in names or any(name.startswith(".") or ".." in name or name.endswith(".") for name in names):
        return None
    columns: dict[str, pa.Array] = {}
    for name in names:
        try:
            name.encode()
            columns[name] = pa.array([row.get(name) for row in rows], pa.string())
        except UnicodeEncodeError:
            return None
        if (pc.max(pc.binary_length(columns[name])).as_py() or 0) > limits.field_bytes:
            return None
    return columns


def parse_lines(data: bytes, wanted: tuple[str, ...] | None, limits: Limits, where: str) -> ParsedLines:
    """Parse whole lines; `wanted` None takes every column met, in order of appearance."""
    scan = LineScan()
    tables: list[pa.Table] = []
    rejected: list[Misread] = []
    seen: dict[str, None] = {}
    start = first = 0
    for at in range(0, len(data) + _PIECE, _PIECE):
        ends = (scan.feed(data[at : at + _PIECE]) if at < len(data) else scan.finish()).ends.tolist()
        if not ends:
            continue
        quick = not _SPACE_BEFORE_COLON.search(data, start, ends[-1])
        lines = _judged(data, ends, start, first, limits, quick=quick)
        columns = _columns_of(lines.rows, limits)
        if columns is None:
            lines = _judged(data, ends, start, first, limits, quick=False)
            columns = _columns_of_judged(lines.rows)
        rejected += lines.rejected
        seen.update(dict.fromkeys(columns))
        if len(seen) > limits.columns:
            raise InputUnreadable(f"the objects have more than {limits.columns} columns", where=where)
        names = [name for name in columns if wanted is None or name in wanted]
        # The line numbers keep a table without columns as long as its rows; no key is empty.
        arrays = [*(columns[name] for name in names), pa.array(lines.numbers, pa.int64())]
        tables.append(pa.table(arrays, names=[*names, ""]))
        start, first = ends[-1], first + len(ends)
    names = list(seen if wanted is None else wanted)
    schema = pa.schema([("", pa.int64()), *((name, pa.string()) for name in names)])
    table = pa.concat_tables([schema.empty_table(), *tables], promote_options="default")
    numbers = table.column("").to_numpy()
    return ParsedLines(Parsed(table.select(names), numbers, tuple(rejected)), frozenset(seen))


def _columns_of_judged(rows: list[_Flat]) -> dict[str, pa.Array]:
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
