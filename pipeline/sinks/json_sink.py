"""JSON lines: one object a line, columns in order, null written out; decimals as exact JSON numbers, times
ISO 8601.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from pipeline.errors import CheckFailed
from pipeline.sinks.parquet_sink import plain
from pipeline.sinks.text_cells import cell_text, holds_any, is_text, joined_lines, same_bytes

_ESCAPED = bytes(range(32)) + b'"\\'  # RFC 8259, section 7


def write_jsonl(path: Path, table: pa.Table) -> None:
    """Write every row as one object. A float that is not finite is null: JSON has no form for it."""
    path.write_bytes(_lines(plain(table)))


def _lines(table: pa.Table) -> memoryview:
    if not len(table):
        return memoryview(b"")
    parts: list[object] = []
    for number, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        parts += [("," if number else "{") + json.dumps(name, ensure_ascii=False) + ":", _values(column)]
    return joined_lines(pc.binary_join_element_wise(*parts, "}", ""), "\n")


def _values(column: pa.ChunkedArray) -> pa.Array:
    """JSON text of each cell."""
    array = column.combine_chunks()
    kind = array.type
    if is_text(kind) and holds_any(array, _ESCAPED):
        coded = array.dictionary_encode()
        escaped = [json.dumps(value, ensure_ascii=False) for value in coded.dictionary.to_pylist()]
        text = pa.array(escaped, pa.string()).take(coded.indices)
    elif is_text(kind) or pa.types.is_temporal(kind):
        text = pc.binary_join_element_wise('"', cell_text(array), '"', "")
    elif pa.types.is_floating(kind):
        text = pc.if_else(pc.is_finite(array), array.cast(pa.string()), pa.scalar(None, pa.string()))
    else:
        text = array.cast(pa.string())
    return pc.fill_null(text, "null")


def read_jsonl(path: Path, schema: pa.Schema) -> pa.Table:
    """Read lines. Strict: the rows that were read must make the same bytes again."""
    try:
        data = path.read_bytes()
        table = _parsed(data, schema) if data else schema.empty_table()
        if not same_bytes(_lines(table), memoryview(data)):
            raise CheckFailed("the JSON lines are not as Pouch writes them", where=path.name)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CheckFailed(
            f"the JSON lines cannot be read ({type(error).__name__})", where=path.name
        ) from None
    return table


def _parsed(data: bytes, schema: pa.Schema) -> pa.Table:
    # Arrow's JSON reader knows no dates: read them as the text they are.
    as_text = [field.with_type(pa.string()) if pa.types.is_date(field.type) else field for field in schema]
    return pa_json.read_json(
        pa.py_buffer(data),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=min(len(data) + 1024, (1 << 31) - 1)),
        parse_options=pa_json.ParseOptions(
            explicit_schema=pa.schema(as_text), unexpected_field_behavior="error"
        ),
    ).cast(schema)
