"""JSON lines: one object a line, columns in order, null written out; decimals as exact JSON numbers, times ISO 8601."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import CheckFailed
from pipeline.sinks.csv_sink import joined_lines
from pipeline.sinks.parquet_sink import plain
from pipeline.sinks.text_cells import cell_text, is_text


def _as_json(column: pa.Array) -> pa.Array:
    """JSON text of each cell."""
    kind = column.type
    if is_text(kind):
        if pc.any(pc.match_substring_regex(column, '["\\\\\\x00-\\x1f]')).as_py():
            coded = column.dictionary_encode()
            values = [json.dumps(value, ensure_ascii=False) for value in coded.dictionary.to_pylist()]
            text = pa.array(values, pa.string()).take(coded.indices)
        else:
            text = pc.binary_join_element_wise('"', column, '"', "")
    elif pa.types.is_temporal(kind):
        text = pc.binary_join_element_wise('"', cell_text(column), '"', "")
    elif pa.types.is_floating(kind):
        text = pc.if_else(pc.is_finite(column), column.cast(pa.string()), pa.scalar(None, pa.string()))
    else:
        text = column.cast(pa.string())
    return pc.fill_null(text, "null")


def write_jsonl(path: Path, table: pa.Table) -> None:
    """Write every row as one object."""
    source = plain(table)
    parts: list[object] = []
    for number, (name, column) in enumerate(zip(source.column_names, source.columns, strict=True)):
        parts.append(("{" if number == 0 else ",") + json.dumps(name, ensure_ascii=False) + ":")
        parts.append(_as_json(column.combine_chunks()))
    with path.open("wb") as file:
        if len(source):
            file.write(joined_lines(pc.binary_join_element_wise(*parts, "}", ""), "\n"))


def read_jsonl(path: Path, schema: pa.Schema) -> pa.Table:
    """Read strictly: exactly the planned keys in order on every line."""
    import decimal

    rows: dict[str, list[object]] = {name: [] for name in schema.names}
    try:
        for line in path.read_bytes().decode().split("\n")[:-1]:
            pairs = json.loads(line, object_pairs_hook=list, parse_float=decimal.Decimal)
            if [key for key, _ in pairs] != schema.names:
                raise CheckFailed("a line has not exactly the planned columns", where=path.name)
            for key, value in pairs:
                rows[key].append(value)
        columns = [_typed(rows[field.name], field.type) for field in schema]
    except (ValueError, TypeError, OSError, pa.ArrowException) as error:
        raise CheckFailed(f"the JSON lines cannot be read ({type(error).__name__})", where=path.name) from None
    return pa.Table.from_arrays(columns, schema=schema)


def _typed(values: list[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_temporal(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else float(str(value)) for value in values], kind)
    return pa.array(values, kind)
