"""CSV by RFC 4180, UTF-8 without byte-order mark, CRLF line ends; null is an empty field, the empty string `""`.

No byte-order mark: RFC 4180 knows none, and readers that do not strip it take it for part of the first column's name.
Spreadsheets open the file rightly through their import of UTF-8 text.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from pipeline.errors import CheckFailed
from pipeline.sinks.parquet_sink import plain
from pipeline.sinks.text_cells import cell_text, inert, is_text


def as_published(table: pa.Table) -> pa.Table:
    """The cells as text, inert in spreadsheets."""
    source = plain(table)
    columns = []
    for column in source.columns:
        array = column.combine_chunks()
        text = cell_text(array)
        columns.append(inert(text) if is_text(array.type) else text)
    return pa.table(columns, names=source.column_names)


def write_csv(path: Path, table: pa.Table) -> None:
    """Write header and rows; quotes stand only where RFC 4180 needs them, and around the empty string."""
    published = as_published(table)
    width = len(published.column_names)
    fields = []
    for column in published.columns:
        text = column.combine_chunks()
        quoted = pc.match_substring_regex(text, '[",\r\n]|^$')
        doubled = pc.replace_substring(text, '"', '""')
        wrapped = pc.binary_join_element_wise('"', doubled, '"', "")
        fields.append(pc.fill_null(pc.if_else(quoted, wrapped, text), ""))
    header = ",".join(_quoted(name) for name in published.column_names)
    with path.open("wb") as file:
        file.write(header.encode() + b"\r\n")
        if not len(published):
            return
        lines = pc.binary_join_element_wise(*fields, ",") if width > 1 else fields[0]
        file.write(joined_lines(lines, "\r\n"))


def joined_lines(lines: pa.Array, end: str) -> memoryview:
    """The bytes of all lines, each with its end."""
    ended = pc.binary_join_element_wise(lines.cast(pa.large_string()), pa.scalar(end, pa.large_string()), pa.scalar("", pa.large_string()))
    if isinstance(ended, pa.ChunkedArray):
        ended = ended.combine_chunks()
    _, offsets, data = ended.buffers()
    first = int.from_bytes(offsets[ended.offset * 8 : ended.offset * 8 + 8], "little")
    last = int.from_bytes(offsets[(ended.offset + len(ended)) * 8 : (ended.offset + len(ended)) * 8 + 8], "little")
    return memoryview(data)[first:last]


def _quoted(name: str) -> str:
    inert_name = inert(pa.array([name]))[0].as_py()
    needs = any(sign in inert_name for sign in '",\r\n') or not inert_name
    return '"' + inert_name.replace('"', '""') + '"' if needs else str(inert_name)


def read_csv(path: Path, schema: pa.Schema) -> pa.Table:
    """Read cells as published, all of them text columns where the schema says text, typed otherwise."""
    try:
        data = path.read_bytes()
        header_end = data.index(b"\r\n")
        header = ",".join(_quoted(name) for name in schema.names).encode()
        if data[:header_end] != header:
            raise CheckFailed("the header is not the planned one", where=path.name)
        return pa_csv.read_csv(
            pa.py_buffer(data[header_end + 2 :]) if len(data) > header_end + 2 else pa.py_buffer(b""),
            read_options=pa_csv.ReadOptions(
                use_threads=False, column_names=schema.names, block_size=min(len(data) + 1024, (1 << 31) - 1)
            ),
            parse_options=pa_csv.ParseOptions(
                newlines_in_values=True, escape_char=False, ignore_empty_lines=len(schema) > 1
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=schema,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CheckFailed(f"the CSV file cannot be read ({type(error).__name__})", where=path.name) from None
