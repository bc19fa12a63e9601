"""FF1 over a column of texts: the characters of an alphabet are encrypted where they stand, all others stay.

A text keeps its length and every character outside the alphabet (blanks, dashes, plus signs, other scripts);
of the characters inside, the first `keep_first` and the last `keep_last` stay, too. What is left is one FF1
message. The column's bytes are copied once and changed in place, grouped by the messages' length.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms import ff1, ff1_column
from transforms.errors import BadParameter

_NONE = 255  # of `Alphabet.place`: the byte is no character of the alphabet
_PIECE = 65_536  # texts worked on at once, so that memory does not follow the column


@dataclass(frozen=True)
class Alphabet:
    """2 to 128 distinct ASCII characters; the radix is their number, a character's numeral its place."""

    characters: str

    def __post_init__(self) -> None:
        if not 2 <= len(self.characters) <= 128 or not self.characters.isascii():
            raise BadParameter("an alphabet must have 2 to 128 ASCII characters")
        if len(set(self.characters)) != len(self.characters):
            raise BadParameter("an alphabet must not name a character twice")

    @property
    def radix(self) -> int:
        """Number of characters."""
        return len(self.characters)

    def shortest(self, minimum_domain: int = ff1.MINIMUM_DOMAIN) -> int:
        """Length of the shortest message with at least `minimum_domain` possible values, and 2 numerals."""
        length = 2
        while self.radix**length < minimum_domain:
            length += 1
        return length

    @cached_property
    def places(self) -> bytes:
        """Byte -> numeral, `_NONE` for bytes outside (all bytes of characters beyond ASCII among them)."""
        return bytes(self.characters.find(chr(byte)) % 256 for byte in range(256))

    @cached_property
    def letters(self) -> bytes:
        """Numeral -> byte; the inverse of `places` where that is a numeral."""
        return self.characters.encode().ljust(256, b"\0")


def encrypt_text(
    key: bytes,
    tweaks: Sequence[bytes],
    values: pa.Array,
    alphabet: Alphabet,
    *,
    tweak_of_row: NDArray[np.intp] | None = None,
    keep_first: int = 0,
    keep_last: int = 0,
) -> pa.Array:
    """Encrypt each text of a `string` array; row r has the tweak `tweaks[tweak_of_row[r]]`, or the only one.

    Null where fewer than 1,000,000 messages would be possible after everything kept: such a text is never
    passed on, and the caller decides what stands for it. Nulls stay null. Raises BadParameter.
    """
    step = ff1_column.encrypt_digits
    return _apply(step, key, tweaks, values, alphabet, rows=_Rows(tweak_of_row, keep_first, keep_last))


def decrypt_text(
    key: bytes,
    tweaks: Sequence[bytes],
    values: pa.Array,
    alphabet: Alphabet,
    *,
    tweak_of_row: NDArray[np.intp] | None = None,
    keep_first: int = 0,
    keep_last: int = 0,
) -> pa.Array:
    """Inverse of `encrypt_text` for its results; another key or tweak gives other text, not an error."""
    step = ff1_column.decrypt_digits
    return _apply(step, key, tweaks, values, alphabet, rows=_Rows(tweak_of_row, keep_first, keep_last))


@dataclass(frozen=True)
class _Rows:
    tweak: NDArray[np.intp] | None
    keep_first: int
    keep_last: int


def _apply(
    step: Callable[..., ff1_column.Numerals],
    key: bytes,
    tweaks: Sequence[bytes],
    values: pa.Array,
    alphabet: Alphabet,
    *,
    rows: _Rows,
) -> pa.Array:
    if rows.keep_first < 0 or rows.keep_last < 0:
        raise BadParameter("keep_first and keep_last must not be negative")
    if values.null_count:  # work on the others, so that bytes which lie under a null are never met
        present = values.is_valid().to_numpy(zero_copy_only=False)
        inner = rows if rows.tweak is None else _Rows(rows.tweak[present], rows.keep_first, rows.keep_last)
        found = _apply(step, key, tweaks, values.drop_null(), alphabet, rows=inner)
        return found.take(pa.array(np.cumsum(present) - 1, mask=~present))
    pieces = []
    for start in range(0, len(values), _PIECE):
        piece = values.slice(start, _PIECE)
        tweak = None if rows.tweak is None else rows.tweak[start : start + _PIECE]

        def encipher(numerals: ff1_column.Numerals, at: NDArray[np.intp]) -> ff1_column.Numerals:
            return step(
                key,
                tweaks,
                numerals,
                alphabet.radix,
                tweak_of_row=None if tweak is None else tweak[at],  # noqa: B023 - called in this turn only
            )

        pieces.append(_piece(encipher, piece, alphabet, rows.keep_first, rows.keep_last))
    return pa.concat_arrays(pieces) if pieces else values


def _piece(
    encipher: Callable[[ff1_column.Numerals, NDArray[np.intp]], ff1_column.Numerals],
    values: pa.Array,
    alphabet: Alphabet,
    keep_first: int,
    keep_last: int,
) -> pa.Array:
    """Do one piece without nulls."""
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]].copy()
    offsets = offsets - offsets[0]
    numerals = _translate(data, alphabet.places)
    message = numerals != _NONE  # bytes that are encrypted
    count = _keep(message, offsets, keep_first, keep_last)
    short = count < alphabet.shortest()
    lengths = np.flatnonzero(np.bincount(count))
    for length in lengths[lengths >= alphabet.shortest()].tolist():
        chosen = count == length
        cells: NDArray[np.bool_] | slice = message
        if len(lengths) > 1:
            cells = message & np.repeat(chosen, np.diff(offsets))
        elif message.all():
            cells = slice(None)  # the usual column of plain numbers: no selection at all
        found = encipher(numerals[cells].reshape(-1, length), np.flatnonzero(chosen))
        data[cells] = _translate(found, alphabet.letters)
    result = pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    if short.any():  # taken anew: no byte of a short text stays behind the null that stands for it
        result = result.take(pa.array(np.arange(len(values)), mask=short))
    return result


def _translate(data: ff1_column.Numerals, table: bytes) -> NDArray[np.uint8]:
    """Map bytes through a table of 256; `bytes.translate` is many times faster than indexing an array."""
    return np.frombuffer(data.tobytes().translate(table), dtype=np.uint8)


def _keep(
    message: NDArray[np.bool_], offsets: NDArray[np.int32], keep_first: int, keep_last: int
) -> NDArray[np.intp]:
    """Take what stays at either end of each text out of `message`; length of each message, never negative."""
    if message.all():
        before = offsets
    else:
        before = np.concatenate((np.zeros(1, np.int32), np.cumsum(message, dtype=np.int32)))[offsets]
    count = np.diff(before).astype(np.intp)
    if keep_first or keep_last:
        where = np.flatnonzero(message)
        for place in range(keep_first):
            message[where[before[:-1][count > place] + place]] = False
        for place in range(1, keep_last + 1):
            message[where[before[1:][count >= place] - place]] = False
    kept: NDArray[np.intp] = np.maximum(count - keep_first - keep_last, 0)
    return kept
