"""CSV by RFC 4180, UTF-8 without byte-order mark, CRLF line ends; null is an empty field, the empty string
`""`.

No byte-order mark: RFC 4180 knows none, and readers that do not strip it take it for part of the first
column's name.
Spreadsheets open the file rightly through their import of UTF-8 text.
"""

import codecs
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from pipeline.errors import CheckFailed
from pipeline.sinks.parquet_sink import plain
from pipeline.sinks.text_cells import cell_text, holds_any, inert, is_text, joined_lines, same_bytes

_END = "\r\n"


def write_csv(path: Path, table: pa.Table) -> None:
    """Write header and rows; quotes stand where RFC 4180 needs them, around the empty string, and around texts
    that hold a semicolon or a tab: programs that split at these, too, would make a cell of what follows, and
    run it.
    """
    source = plain(table)
    columns = [column.combine_chunks() for column in source.columns]
    cells = [inert(column) if is_text(column.type) else column for column in columns]
    with path.open("wb") as file:
        file.write(_header(source.column_names))
        file.write(_body(cells))


def _header(names: list[str]) -> bytes:
    fields = [_field(inert(pa.array([name], pa.string())))[0].as_py() for name in names]
    return (",".join(fields) + _END).encode()


def _body(cells: list[pa.Array]) -> memoryview:
    if not len(cells[0]):
        return memoryview(b"")
    fields = [_field(column) for column in cells]
    return joined_lines(pc.binary_join_element_wise(*fields, ",") if len(fields) > 1 else fields[0], _END)


def _field(column: pa.Array) -> pa.Array:
    """Cells as CSV fields."""
    text = cell_text(column)
    if not is_text(column.type):
        return pc.fill_null(text, "")
    if holds_any(text, b'",;\t\r\n'):
        quoted = pc.match_substring_regex(text, '[",;\t\r\n]|^$')
        wrapped = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
        text = pc.if_else(quoted, wrapped, text)
    elif pc.any(empty := pc.equal(text, "")).as_py():
        text = pc.if_else(empty, '""', text)
    return pc.fill_null(text, "")


def read_csv(path: Path, schema: pa.Schema) -> pa.Table:
    """Read cells as published. Strict: the rows that were read must make the same bytes again."""
    header = _header(schema.names)
    try:
        data = path.read_bytes()
        if not data.startswith(header):
            raise CheckFailed("the header is not the planned one", where=path.name)
        body = memoryview(data)[len(header) :]
        table = _parsed(body, schema) if len(body) else schema.empty_table()
        if not same_bytes(_body([column.combine_chunks() for column in table.columns]), body):
            raise CheckFailed("the CSV file is not as Pouch writes it", where=path.name)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CheckFailed(f"the CSV file cannot be read ({type(error).__name__})", where=path.name) from None
    return table


def _parsed(body: memoryview, schema: pa.Schema) -> pa.Table:
    if body[:3].tobytes() == codecs.BOM_UTF8:  # the first cell's own; Arrow takes one off
        body = memoryview(codecs.BOM_UTF8 + body)
    size = min(max(len(body), 1 << 10) + 1, (1 << 31) - 1)
    return pa_csv.read_csv(
        pa.py_buffer(body),
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=schema.names, block_size=size),
        parse_options=pa_csv.ParseOptions(
            newlines_in_values=True, escape_char=False, ignore_empty_lines=len(schema) > 1
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=schema,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
        ),
    ).cast(schema)
