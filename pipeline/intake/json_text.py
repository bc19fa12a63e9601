"""JSON lines -> text columns: RFC 8259, one object a line.

Numbers keep the text they were written with (1.10, 1E5, 12345678901234567890). Nested objects become dotted
columns, arrays their JSON text, true and false words, null a null. A key that stands twice in an object, two keys that
become one column, a lone surrogate, NaN and Infinity reject their record.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pyarrow as pa

from pipeline.errors import InputUnreadable
from pipeline.intake.csv_text import Misread, Parsed
from pipeline.intake.model import Limits, Reason
from pipeline.intake.record_scan import LineScan

_PIECE = 1 << 20
_SPACE = b" \t\r\n"


class _Number(str):
    """A number as it was written; a type of its own so that arrays can be written back without quotes."""

    __slots__ = ()


class _Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def _constant(_: str) -> NoReturn:
    raise _Refused(Reason.JSON)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused(Reason.JSON_DUPLICATE)
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
    # The C decoder recurses: bound the depth before it runs. Brackets in strings count too, which only costs time.
    if line.count(b"[") + line.count(b"{") > limits.nesting and _depth(text) > limits.nesting:
        return Reason.JSON_NESTING
    try:
        found = _DECODER.decode(text)
        if not isinstance(found, dict):
            return Reason.JSON_OBJECT
        columns: dict[str, str | None] = {}
        _into(found, "", columns, limits)
    except _Refused as refused:
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
            raise _Refused(Reason.JSON_KEY)
        name = prefix + key
        if isinstance(value, dict):
            _into(value, name + ".", columns, limits)
            continue
        text = _text(value)
        if text is not None and len(text) * 4 > limits.field_bytes and len(text.encode("utf-8", "replace")) > limits.field_bytes:
            raise _Refused(Reason.FIELD_SIZE)
        if name in columns:
            raise _Refused(Reason.JSON_COLLISION)
        columns[name] = text
        if _has_surrogate(name) or (text is not None and _has_surrogate(text)):
            raise _Refused(Reason.ENCODING)


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
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_json(item)}" for key, item in value.items()) + "}"
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


def parse_lines(data: bytes, wanted: tuple[str, ...] | None, limits: Limits, where: str) -> ParsedLines:
    """Parse whole lines; `wanted` None takes every column met, in order of appearance."""
    scan = LineScan()
    blocks = [scan.feed(data[at : at + _PIECE]).ends for at in range(0, len(data), _PIECE)]
    ends = np.concatenate([*blocks, scan.finish().ends])
    found: dict[str, list[str | None]] = {}
    rejected: list[Misread] = []
    rows: list[int] = []
    start = 0
    for number, end in enumerate(ends.tolist()):
        line = data[start:end]
        body = line.lstrip(_SPACE)
        flat = flatten(body, limits)
        if isinstance(flat, Reason):
            rejected.append(Misread(number, end - len(body), flat, body.rstrip(_SPACE)))
        else:
            for name, text in flat.items():
                column = found.setdefault(name, [])
                if len(column) < len(rows):
                    column.extend([None] * (len(rows) - len(column)))
                column.append(text)
            rows.append(number)
            if len(found) > limits.columns:
                raise InputUnreadable(f"the objects have more than {limits.columns} columns", where=where)
        start = end
    for column in found.values():
        column.extend([None] * (len(rows) - len(column)))
    names = tuple(found) if wanted is None else wanted
    arrays = [pa.array(found[name], pa.string()) if name in found else pa.nulls(len(rows), pa.string()) for name in names]
    numbers = np.array(rows, np.int64)
    # The record numbers keep a table without columns as long as its rows.
    table = pa.table([*arrays, pa.array(numbers)], names=[*names, ""]).select(list(names))
    return ParsedLines(Parsed(table, numbers, tuple(rejected)), frozenset(found))
