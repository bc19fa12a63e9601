"""Arrow columns of any type as text, without loss where text can hold the value."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.intake.model import Limits


def text_columns(table: pa.Table, limits: Limits) -> pa.Table:
    """Every column as string; structs become dotted columns, lists and maps JSON text."""
    names: list[str] = []
    columns: list[pa.ChunkedArray] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        for flat, values in _flat(name, column, limits.nesting):
            names.append(flat)
            columns.append(text_of(values))
    return pa.table(columns, schema=pa.schema([(name, pa.string()) for name in names]))


def _flat(name: str, column: pa.ChunkedArray, depth: int) -> list[tuple[str, pa.ChunkedArray]]:
    if not pa.types.is_struct(column.type):
        return [(name, column)]
    if depth == 0:
        raise ValueError("nested too deeply")
    fields = [column.type.field(index) for index in range(column.type.num_fields)]
    return [
        found
        for index, field in enumerate(fields)
        for found in _flat(f"{name}.{field.name}", pc.struct_field(column, index), depth - 1)
    ]


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:  # noqa: PLR0911  one line per family of types
    """One column as string."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return text_of(pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind.storage_type))
    if pa.types.is_dictionary(kind):
        return text_of(column.cast(kind.value_type))
    if pa.types.is_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        return _times(column)
    if pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_duration(kind):
        return column.cast(pa.int64()).cast(pa.string())
    if pa.types.is_fixed_size_binary(kind):
        return _each(column, bytes.hex)
    if pa.types.is_nested(kind):
        return _each(column, _json)
    return column.cast(pa.string())


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """ISO 8601 with T; an instant in UTC ends in Z."""
    zoned = column.type.tz is not None
    naive = column.cast(pa.timestamp(column.type.unit))
    if column.type.unit == "ns":
        with suppress(pa.ArrowInvalid):  # it has digits below microseconds
            naive = naive.cast(pa.timestamp("us"))
    text = pc.replace_substring(naive.cast(pa.string()), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(text, "Z", "") if zoned else text


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers as digits: pandas makes floats of ids beside nulls, and 13800138000 is no 1.3800138e+10."""
    text, numbers = column.cast(pa.string()), column.cast(pa.float64())
    large = pc.match_substring(text, "e+")
    if not pc.any(large).as_py():
        return text
    large = pc.and_(large, pc.equal(pc.floor(numbers), numbers))
    large = pc.and_(
        large, pc.less(pc.abs(numbers), float(1 << 53))
    )  # beyond it a float is no one whole number
    digits = pc.if_else(large, numbers, 0.0).cast(pa.int64()).cast(pa.string())
    return pc.if_else(large, digits, text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_word)


def _word(value: object) -> str:
    """What JSON has no form for."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _each(column: pa.ChunkedArray, word: Callable[[Any], str]) -> pa.ChunkedArray:
    values = [None if value is None else word(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.string())])
