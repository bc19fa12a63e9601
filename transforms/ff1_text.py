"""FF1 over a column of texts: the characters of an alphabet are encrypted where they stand, all others stay.

A text keeps its length, its separators and the ends that its form keeps (`token_form`). The column's bytes are
copied once and changed in place; texts of one shape are one matrix, and one call of `ff1_column`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms import ff1_column
from transforms.cells import Bytes, buffers_of, by_length
from transforms.primitives import encode_fields
from transforms.token_form import PIECE, FormatPreserved, Group, groups


@dataclass(frozen=True)
class Cipher:
    """Key and names of one token space. Holds a key: never pickled or shown."""

    key: bytes
    recipient: str
    domain: str

    def __repr__(self) -> str:
        return f"Cipher({self.recipient}, {self.domain})"

    def tweak(self, prefix: bytes, suffix: bytes) -> bytes:
        """Length-prefixed recipient, token domain, kept prefix, kept suffix."""
        return encode_fields(self.recipient, self.domain, prefix, suffix)


def encrypt_text(cipher: Cipher, form: FormatPreserved, values: pa.Array) -> pa.Array:
    """Encrypt each text of a `string` array; the form's tag stands for those that cannot be.

    These are texts outside the form, texts with fewer than 1,000,000 possible messages after everything kept, those
    whose check digit is wrong where it is made invalid, and those that FF1 maps to themselves (each with a
    probability of one in the possible messages). None of them is ever passed on. Nulls stay null.
    """
    return _apply(cipher, form, values, _encrypt, form.tag)


def decrypt_text(cipher: Cipher, form: FormatPreserved, values: pa.Array) -> pa.Array:
    """Inverse of `encrypt_text`; null where a text is no member of the form, or its tag.

    Another key or tweak gives other text, not an error: FF1 is unauthenticated.
    """
    return _apply(cipher, form, values, _decrypt, None)


_Step = Callable[[Cipher, FormatPreserved, Group], tuple[Bytes, Bytes | None, NDArray[np.bool_]]]


def _apply(
    cipher: Cipher, form: FormatPreserved, values: pa.Array, step: _Step, instead: str | None
) -> pa.Array:
    if values.null_count:  # work on the others, so that bytes which lie under a null are never met
        present = values.is_valid().to_numpy(zero_copy_only=False)
        found = _apply(cipher, form, values.drop_null(), step, instead)
        return found.take(pa.array(np.cumsum(present) - 1, mask=~present))
    pieces = [
        _piece(cipher, form, values.slice(at, PIECE), step, instead) for at in range(0, len(values), PIECE)
    ]
    return pa.concat_arrays(pieces) if pieces else values


def _piece(
    cipher: Cipher, form: FormatPreserved, values: pa.Array, step: _Step, instead: str | None
) -> pa.Array:
    """Do one piece without nulls."""
    offsets, data = buffers_of(values)
    fit = np.zeros(len(values), dtype=bool)
    for rows, cells in by_length(offsets, data):
        good = np.zeros(len(cells), dtype=bool)
        for group in groups(form, cells):
            numerals, check, ready = step(cipher, form, group)
            group.put(cells, numerals, check)
            good[group.rows] = ready
        fit[rows] = good
        if not isinstance(rows, slice):  # otherwise the cells are the data itself
            data[offsets[rows][:, None] + np.arange(cells.shape[1])] = cells
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    result = pa.Array.from_buffers(pa.string(), len(values), buffers)
    if not fit.all():  # made anew: no byte of a text stays behind what stands for it
        result = pc.if_else(pa.array(fit), result, pa.scalar(instead, pa.string()))
    return result


def _encrypt(
    cipher: Cipher, form: FormatPreserved, group: Group
) -> tuple[Bytes, Bytes | None, NDArray[np.bool_]]:
    """New messages, offsets of new check digits, and which rows are good."""
    check, ready = _check_digits(form, group, found=0, made=1)
    found = _enciphered(ff1_column.encrypt_digits, cipher, form, group, ready)
    ready = ready.copy()
    # Also where the check digit differs: it restores the rest.
    ready[_unchanged(group.numerals, found)] = False
    return found, check, ready


def _unchanged(before: Bytes, after: Bytes) -> NDArray[np.intp]:
    """Rows that are equal; hardly any row outlives the first few places."""
    rows = np.flatnonzero(before[:, 0] == after[:, 0])
    for place in range(1, before.shape[1]):
        if not len(rows):
            break
        rows = rows[before[rows, place] == after[rows, place]]
    return rows


def _decrypt(
    cipher: Cipher, form: FormatPreserved, group: Group
) -> tuple[Bytes, Bytes | None, NDArray[np.bool_]]:
    check, ready = _check_digits(form, group, found=1, made=0)
    return _enciphered(ff1_column.decrypt_digits, cipher, form, group, ready), check, ready


def _check_digits(
    form: FormatPreserved, group: Group, *, found: int, made: int
) -> tuple[Bytes | None, NDArray[np.bool_]]:
    """Offsets of the new check digits, and which rows may be enciphered.

    Where check digits shall be invalid, only offset `found` may be; it becomes `made`.
    """
    if not group.scheme:
        return None, group.fit
    check = group.offset()
    if form.check != "invalid":
        return check, group.fit
    return np.full_like(check, made), group.fit & (check == found)


def _enciphered(
    step: Callable[..., Bytes], cipher: Cipher, form: FormatPreserved, group: Group, ready: NDArray[np.bool_]
) -> Bytes:
    """The messages after FF1; those that are not ready become zeros."""
    numerals = group.numerals
    if not ready.all():
        numerals = np.where(ready[:, None], numerals, np.uint8(0))
    tweaks, which = _tweaks(cipher, form, group)
    return step(cipher.key, tweaks, numerals, form.letters.radix, tweak_of_row=which)


def _tweaks(
    cipher: Cipher, form: FormatPreserved, group: Group
) -> tuple[list[bytes], NDArray[np.intp] | None]:
    """Distinct tweaks, and which of them each row has (None: there is only one)."""
    words, end = group.words, group.words.shape[1] - form.keep_suffix
    sign = b"+" if group.plus else b""
    kept = np.concatenate((words[:, : group.first], words[:, end:]), axis=1)
    if not kept.shape[1] or (kept == kept[0]).all():
        kept, which = kept[:1], None
    else:
        width = kept.shape[1]
        column = pa.Array.from_buffers(pa.binary(width), len(kept), [None, pa.py_buffer(kept.tobytes())])
        encoded = column.dictionary_encode()
        kept = np.frombuffer(encoded.dictionary.buffers()[1], dtype=np.uint8).reshape(-1, width)
        which = encoded.indices.to_numpy().astype(np.intp)
    ends = [(row[: group.first].tobytes(), row[group.first :].tobytes()) for row in kept]
    return [cipher.tweak(sign + prefix, suffix) for prefix, suffix in ends], which
