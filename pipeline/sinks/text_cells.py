"""Typed columns as the text that CSV and JSON lines show."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# A spreadsheet runs a cell that begins so (OWASP, CSV injection). Blanks and control characters before the sign, and
# its full-width forms, do not stop every program, so they count too.
RUNS = "^[\\s\\p{Z}\\p{Cc}\\x{feff}\\x{200b}]*[=+\\-@\\x{ff1d}\\x{ff0b}\\x{ff0d}\\x{ff20}]|^[\\t\\r\\n]"
# First bytes (UTF-8) of anything that RUNS matches: only cells that begin so meet the regular expression.
_FIRST = np.zeros(256, bool)
_FIRST[[*b"=+-@ ", *range(0x20), 0x7F, 0xC2, 0xE1, 0xE2, 0xE3, 0xEF]] = True


def bytes_of(text: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets and data of a string column, sliced to its rows; offsets count from the start of the data."""
    _, offset_buffer, data_buffer = text.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[text.offset : text.offset + len(text) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return offsets, data


def holds_any(text: pa.Array, signs: bytes) -> bool:
    """Whether any of the ASCII signs stands anywhere in the column; nulls hold no bytes."""
    if not len(text):
        return False
    offsets, data = bytes_of(text)
    content = data[int(offsets[0]) : int(offsets[-1])].tobytes()
    return any(bytes([sign]) in content for sign in signs)


def inert(text: pa.Array) -> pa.Array:
    """Text with one apostrophe in front of every cell that a spreadsheet would run."""
    if not len(text):
        return text
    offsets, data = bytes_of(text)
    starts = np.minimum(offsets[:-1], max(0, len(data) - 1))
    suspects = (offsets[1:] > offsets[:-1]) & (_FIRST[data[starts]] if len(data) else False)
    rows = np.flatnonzero(suspects)
    if not len(rows):
        return text
    runs = pc.match_substring_regex(text.take(pa.array(rows)), RUNS)
    rows = rows[np.asarray(pc.fill_null(runs, False).to_numpy(zero_copy_only=False), bool)]
    mask = np.zeros(len(text), bool)
    mask[rows] = True
    prefixed = pc.binary_join_element_wise("'", text.take(pa.array(rows)), "")
    return pc.replace_with_mask(text, pa.array(mask), prefixed)


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are text rather than numbers or times."""
    return bool(pa.types.is_string(kind))


def cell_text(column: pa.Array) -> pa.Array:
    """A typed column as text: exact decimals, times as YYYY-MM-DDThh:mm:ss with microseconds where there are
    any.
    """
    kind = column.type
    if is_text(kind):
        return column
    if pa.types.is_timestamp(kind):
        seconds = pc.floor_temporal(column, unit="second")
        if pc.all(pc.equal(seconds, column)).as_py() is not False:
            column = column.cast(pa.timestamp("s"))
        return pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)
    return column.cast(pa.string())


def joined_lines(lines: pa.Array, end: str) -> memoryview:
    """The bytes of all lines, each with its end."""
    wide = lines.cast(pa.large_string())
    ended = pc.binary_join_element_wise(wide, pa.scalar(end, wide.type), pa.scalar("", wide.type))
    offsets = np.frombuffer(ended.buffers()[1], np.int64)[ended.offset : ended.offset + len(ended) + 1]
    return memoryview(ended.buffers()[2]).cast("B")[int(offsets[0]) : int(offsets[-1])]


def same_bytes(left: memoryview, right: memoryview) -> bool:
    """Equality at the speed of memory; memoryview's own == goes element by element."""
    return np.array_equal(np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8))
