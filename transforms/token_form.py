"""What a format-preserving token looks like: which characters of a cell are encrypted, and which stay.

Shared by the transform, which encrypts, and by the gate, which proves that every published cell is a member.
A cell's *words* are its letters, digits and characters of the alphabet; what stands between them are separators.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms import check_digits
from transforms.alphabet import ALPHABETS, NONE, Alphabet, translate
from transforms.cells import Bytes, Rows, by_length, text_bytes
from transforms.check_digits import Scheme
from transforms.mask import SEPARATORS
from transforms.phone_form import CODE_LENGTHS

Check = Literal["none", "valid", "invalid"]

LONGEST = 256  # characters of a message: nobody numbers anything so, and FF1 of long ones is slow
PIECE = 65_536  # cells worked on at once, so that memory does not follow the column
_FOREIGN, _SEPARATOR, _WORD = 0, 1, 2
_PLUS = ord("+")


@dataclass(frozen=True)
class FormatPreserved:
    """Cells in the form of their original: letters and digits of an alphabet, separators, kept ends.

    A member is the tag, or a text with at least 10^6 possible messages after everything kept. Where check digits are
    made `invalid`, a member fails its check.
    """

    alphabet: str
    keep_prefix: int = 0  # word characters; of phones, national digits
    keep_suffix: int = 0
    phone: bool = False  # E.164, whose country code stays; or digits only, of which none stays
    scheme: Scheme | Literal[""] = ""  # of the check digit
    checked: tuple[int, ...] = ()  # word characters of the values that have one
    check: Check = "none"
    tag: str = "[REDACTED]"  # what stands for a value that cannot be encrypted

    @property
    def description(self) -> str:
        """One phrase."""
        kept = [f"first {self.keep_prefix}"] if self.keep_prefix else []
        kept += [f"last {self.keep_suffix}"] if self.keep_suffix else []
        if self.phone:
            kept = ["country code", *(f"{ends} digits" for ends in kept)]
        names = {letters: name.replace("_", " ") for name, letters in ALPHABETS.items()}
        letters = names.get(self.alphabet, f"text of {len(self.alphabet)} characters")
        what = "phone number" if self.phone else letters
        check = {"valid": ", check digit recomputed", "invalid": ", failing its check digit"}
        says = f"{what} in the form of the original{check.get(self.check, '')}"
        return f"{says}; kept: {', '.join(kept)}; or {self.tag}" if kept else f"{says}; or {self.tag}"

    @property
    def holds_raw_text(self) -> bool:
        """Whether two and more characters of the original stay in a row."""
        return max(self.keep_prefix, self.keep_suffix) >= 2

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
            return pa.array(array.is_null().to_numpy(zero_copy_only=False))
        member = array.is_null().to_numpy(zero_copy_only=False).copy()
        cells = array.cast(pa.string())
        for start in range(0, len(cells), PIECE):
            piece = cells.slice(start, PIECE)
            present = np.flatnonzero(~member[start : start + PIECE])
            if len(present) < len(piece):
                piece = piece.drop_null()
            member[start + present] = self._fit(piece)
        if not member.all():
            member |= pc.equal(cells, self.tag).fill_null(True).to_numpy(zero_copy_only=False)
        return pa.array(member)

    @cached_property
    def letters(self) -> Alphabet:
        """The alphabet."""
        return Alphabet(self.alphabet)

    @cached_property
    def kinds(self) -> bytes:
        """Byte -> separator, word or foreign."""
        table = bytearray(256)
        if not self.phone:
            for character in SEPARATORS:
                table[ord(character)] = _SEPARATOR
        for byte in range(128):
            if chr(byte).isalnum() or chr(byte) in self.alphabet:
                table[byte] = _WORD
        return bytes(table)

    def domain_after(self, length: int) -> int:
        """Possible messages of a value of `length` word characters, after everything kept."""
        count = length - self.keep_prefix - self.keep_suffix - (length in self.checked)
        left: int = self.letters.radix ** max(count, 0)
        return left

    def _fit(self, piece: pa.Array) -> NDArray[np.bool_]:
        fit: NDArray[np.bool_] = np.zeros(len(piece), dtype=bool)
        for rows, cells in by_length(*text_bytes(piece)):
            for group in groups(self, cells):
                good = group.fit
                if group.scheme and self.check == "invalid":
                    good = good & (group.offset() == 1)
                inside = np.zeros(len(cells), dtype=bool)
                inside[group.rows] = good
                fit[rows] |= inside
        return fit


@dataclass
class Group:
    """Cells with equally many words, of which equally many stay in front."""

    form: FormatPreserved
    rows: Rows  # of the cells that were given
    words: Bytes  # rows x number of words; writing here changes nothing until `put`
    mask: NDArray[np.bool_] | None  # where the words stand in the cells; None: at the end, without a gap
    first: int  # words kept in front
    plus: bool  # whether a plus sign stands before them
    scheme: Scheme | Literal[""]  # of the check digit; "" = these cells have none

    @property
    def last(self) -> int:
        """Place behind the message."""
        total: int = self.words.shape[1]
        return total - self.form.keep_suffix - bool(self.scheme)

    @cached_property
    def numerals(self) -> Bytes:
        """The messages: rows x length; NONE where a character is outside the alphabet."""
        return self.form.letters.numerals(self.words[:, self.first : self.last])

    @cached_property
    def fit(self) -> NDArray[np.bool_]:
        """Whether a row can be encrypted: all of its message in the alphabet, digits where a check needs them."""
        numerals = self.numerals
        fit: NDArray[np.bool_] = np.ones(len(numerals), dtype=bool)
        if numerals.size and int(numerals.max()) == NONE:
            np.all(numerals != NONE, axis=1, out=fit)
        if self.scheme:
            fit &= check_digits.checkable(self.scheme, self.words)
        return fit

    def offset(self) -> Bytes:
        """Of the check digits; meaningful only where `fit`."""
        assert self.scheme
        return check_digits.offset(self.scheme, self.words, self.last)

    def put(self, cells: Bytes, numerals: Bytes, offsets: Bytes | None) -> None:
        """Write new messages, and check digits of these offsets, into the cells."""
        words = self.words.copy()
        words[:, self.first : self.last] = self.form.letters.text(numerals)
        if self.scheme and offsets is not None:
            words[:, self.last] = check_digits.character(self.scheme, words, self.last, offsets)
        if self.mask is None:
            cells[self.rows, cells.shape[1] - words.shape[1] :] = words
            return
        changed = cells[self.rows]
        changed[self.mask] = words.reshape(-1)
        cells[self.rows] = changed


def groups(form: FormatPreserved, cells: Bytes) -> Iterator[Group]:
    """Cells of one length by the shape of their words; those left out cannot be encrypted by their shape alone."""
    start = _leading_code(form, cells)
    if start is not None:
        yield from _group(form, slice(None), cells[:, start[0] :], None, start[1], bool(start[0]))
        return
    kinds = translate(cells, form.kinds)
    word = kinds == _WORD
    if form.phone:
        plus = cells[:, 0] == _PLUS
        kinds = kinds.copy()
        kinds[plus, 0] = _SEPARATOR
        first = np.where(plus, _codes(cells) + form.keep_prefix, 0)
        first[plus & (first == form.keep_prefix)] = cells.shape[1]  # no country code begins so
    else:
        plus = np.zeros(len(cells), dtype=bool)
        first = np.full(len(cells), form.keep_prefix)
    total = word.sum(axis=1)
    usable = (kinds != _FOREIGN).all(axis=1)
    most = cells.shape[1] + form.keep_prefix + 1
    shapes = total * most + first
    for shape in np.unique(shapes[usable]).tolist():
        rows = np.flatnonzero(usable & (shapes == shape))
        mask = word[rows]
        words = cells[rows][mask].reshape(len(rows), -1)
        yield from _group(form, rows, words, mask, shape % most, bool(plus[rows[0]]))


def _leading_code(form: FormatPreserved, cells: Bytes) -> tuple[int, int] | None:
    """The usual column, where all cells have one shape without gaps: (first word, words kept in front)."""
    if not form.phone:
        return (0, form.keep_prefix) if _all_words(form, cells) else None
    if cells.shape[1] < 4 or not (cells[:, 0] == _PLUS).all() or not _all_words(form, cells[:, 1:]):
        return None
    alike = all((cells[:, place] == cells[0, place]).all() for place in (1, 2, 3))  # one country, mostly
    codes = _codes(cells[:1] if alike else cells)
    same = codes[0] and (codes == codes[0]).all()
    return (1, int(codes[0]) + form.keep_prefix) if same else None


def _all_words(form: FormatPreserved, cells: Bytes) -> bool:
    letters = form.letters
    if letters.first is not None and ((cells - np.uint8(letters.first)) < letters.radix).all():
        return True
    return bool((translate(cells, form.kinds) == _WORD).all())


def _codes(cells: Bytes) -> NDArray[np.intp]:
    """Digits of the country code behind a plus sign; 0 where none begins so."""
    if cells.shape[1] < 4:
        return np.zeros(len(cells), dtype=np.intp)
    digits = cells[:, 1:4] - np.uint8(ord("0"))
    number = digits[:, 0].astype(np.intp) * 100 + digits[:, 1].astype(np.intp) * 10 + digits[:, 2]
    found: NDArray[np.intp] = np.where((digits < 10).all(axis=1), CODE_LENGTHS[np.minimum(number, 999)], 0)
    return found


def _group(
    form: FormatPreserved,
    rows: Rows,
    words: Bytes,
    mask: NDArray[np.bool_] | None,
    first: int,
    plus: bool,
) -> Iterator[Group]:
    total = words.shape[1]
    has_check = total in form.checked
    group = Group(
        form, rows, words, mask, first, plus, form.scheme if has_check and form.check != "none" else ""
    )
    # A check digit tells nothing new: a value that has one counts without it, also where it is encrypted, too.
    count = total - form.keep_suffix - first - has_check
    if form.letters.shortest() <= count <= LONGEST:
        yield group
