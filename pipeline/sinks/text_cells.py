"""Typed columns as the text that CSV and JSON lines show."""

import pyarrow as pa
import pyarrow.compute as pc

# A spreadsheet runs a cell that begins so (OWASP, CSV injection); blanks before it and full-width forms do not stop it.
RUNS = "^[\\s\\x{a0}\\x{feff}\\x{200b}\\x{3000}]*[=+\\-@\\x{ff1d}\\x{ff0b}\\x{ff0d}\\x{ff20}]|^[\\t\\r\\n]"


def inert(text: pa.Array) -> pa.Array:
    """Text with one apostrophe in front of every cell that a spreadsheet would run."""
    runs = pc.match_substring_regex(text, RUNS)
    if not pc.any(runs).as_py():
        return text
    return pc.if_else(runs, pc.binary_join_element_wise("'", text, ""), text)


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are text rather than numbers or times."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def cell_text(column: pa.Array) -> pa.Array:
    """A typed column as text: exact decimals, times as YYYY-MM-DDThh:mm:ss with microseconds where there are any."""
    kind = column.type
    if is_text(kind):
        return column
    if pa.types.is_timestamp(kind):
        text = pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)
        return pc.replace_substring_regex(text, r"\.0+$", "")
    return column.cast(pa.string())
