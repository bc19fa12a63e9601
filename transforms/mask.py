"""Hide most of a text behind a mask character."""

import re
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, StringConstraints, field_validator, model_validator

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.cells import Bytes, buffers_of, by_length, text_bytes
from transforms.context import Context
from transforms.domains import MaskShape
from transforms.keyring import Keyring

FEWEST_CANDIDATES = 1_000_000  # what stays visible may narrow a listable class down to so many values
FIXED = 4  # mask characters of the fixed form, whatever the value's length
SEPARATORS = " -./:()_,@+"
_SEPARATOR_CLASS = re.escape(SEPARATORS)
_INVISIBLE = r"[\p{Z}\p{C}]"  # blanks, control and format characters: hiding them hides nothing

Domain = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[^@\s]{1,253}$")]


def _stands(character: str) -> bool:
    """Whether `preserve_separators` leaves a character where it is."""
    return character in SEPARATORS or character.isspace()


_STANDS = np.array([_stands(character) for character in map(chr, range(128))])  # ASCII


def _may_hold_invisible(values: pa.Array) -> bool:
    """Whether any byte is not printable ASCII: looking at all bytes at once costs little beside the expression."""
    return bool((text_bytes(values)[1] - np.uint8(0x21) >= 0x7F - 0x21).any())


class Mask(Transform):
    """Keep a few characters at either end, hide the rest.

    Guarantee: at least half of the characters (Unicode code points; blanks at the ends are cut off, and blanks and
    control characters inside do not count), and at least one, are hidden; a value too short to keep that much is
    masked wholly. With `length: fixed` exactly 4 mask characters stand for whatever is hidden, so length tells
    nothing; `length: same` shows it, and `preserve_separators` shows the shape, too (then characters other than
    these are counted, and nothing but separators is masked). E-mail domains appear only when `keep_domains` lists
    them: the rule then holds for the part before the @. Price: what is kept is published and may single out a
    person together with other columns. Of a listable class about (its size / 10^kept) values look alike; fewer than
    1,000,000 is called weak. Suits text. Source: ISO/IEC 20889, masking.
    """

    technique: ClassVar[str] = "masking"
    identifying: ClassVar[bool] = True

    transform: Literal["mask"] = "mask"
    keep_first: int = Field(default=0, ge=0, le=64)
    keep_last: int = Field(default=0, ge=0, le=64)
    keep_domains: tuple[Domain, ...] = ()
    character: str = "*"
    preserve_separators: bool = False
    length: Literal["fixed", "same"] = "fixed"

    @field_validator("character")
    @classmethod
    def _one_harmless_character(cls, value: str) -> str:
        if len(value) != 1 or value.isspace() or value.isdigit() or not value.isprintable():
            raise ValueError("must be one printable character that is neither blank nor digit")
        if value in "=+-@" or value in SEPARATORS:
            raise ValueError("must not be a separator, nor a character that makes a spreadsheet run the cell")
        return value

    @model_validator(mode="after")
    def _separators_show_length(self) -> "Mask":
        if self.preserve_separators and self.length == "fixed":
            raise ValueError(
                "preserve_separators must go with length: same, because separators show the length"
            )
        return self

    def output(self, facts: ColumnFacts) -> Output:
        """Text of the mask's shape."""
        self.require(facts.value_type)
        kept = max(self.keep_first, self.keep_last)
        shape = f"{self.keep_first} characters, mask, {self.keep_last} characters"
        return Output(pa.string(), MaskShape(self._shape(), f"{shape}, length {self.length}", kept >= 2))

    def weakness(self, facts: ColumnFacts) -> str | None:
        """How many values are left to choose from, where they can be listed."""
        kept = self.keep_first + self.keep_last
        if facts.enumerable is None or not kept:
            return None
        left = facts.enumerable / 10**kept
        if left >= FEWEST_CANDIDATES:
            return None
        return (
            f"mask that keeps {kept} characters leaves about {max(1, round(left)):,} of {facts.enumerable:.0e} "
            f"values of {facts.data_class} to choose from, must leave {FEWEST_CANDIDATES:,}."
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations; Python for values beyond ASCII where separators are preserved."""
        function = self._masked_mails if self.keep_domains else self._masked
        return BoundTransform(self, function, once_per_distinct=self.preserve_separators)

    def _shape(self) -> str:
        character = re.escape(self.character)
        if self.preserve_separators:
            body = rf".*{character}.*|[{_SEPARATOR_CLASS}]*"
        else:
            hidden, whole = (
                (f"{character}{{{FIXED}}}",) * 2
                if self.length == "fixed"
                else (f"{character}+", f"{character}*")
            )
            body = f".{{{self.keep_first}}}{hidden}.{{{self.keep_last}}}|{whole}"
        if not self.keep_domains:
            return body
        domains = "|".join(re.escape(domain) for domain in self.keep_domains)
        return f"(?:{body})(?:@(?:{domains}|[{character}.]*))?"

    def _masked(self, values: pa.Array) -> pa.Array:
        values = pc.utf8_trim_whitespace(values)  # fixed-width files pad `Li` to ten characters
        if self.preserve_separators:
            return self._masked_around(values)
        kept = self.keep_first + self.keep_last
        lengths = pc.utf8_length(values)
        if self.length == "fixed":
            hidden = whole = pa.scalar(self.character * FIXED)
        else:
            zero = pa.scalar(0, lengths.type)
            hidden = pc.binary_repeat(self.character, pc.max_element_wise(pc.subtract(lengths, kept), zero))
            whole = pc.binary_repeat(self.character, lengths)
        if kept:
            first = pc.utf8_slice_codeunits(values, 0, self.keep_first)
            last = pc.utf8_slice_codeunits(values, -self.keep_last) if self.keep_last else pa.scalar("")
            partly = pc.binary_join_element_wise(first, hidden, last, "")
            if kept > 1 and _may_hold_invisible(values):  # else both ends are visible where there are two
                lengths = pc.subtract(lengths, pc.count_substring_regex(values, _INVISIBLE))
            whole = pc.if_else(pc.greater_equal(lengths, 2 * kept), partly, whole)
        return pc.if_else(pc.is_valid(values), whole, pa.scalar(None, pa.string()))

    def _masked_around(self, values: pa.Array) -> pa.Array:
        quick = pc.and_(pc.fill_null(pc.string_is_ascii(values), False), self.character.isascii())
        others = pc.invert(quick)
        one_by_one = [None if v is None else self._mask_around(v) for v in values.filter(others).to_pylist()]
        masked = pc.replace_with_mask(values, quick, self._ascii_masked_around(values.filter(quick)))
        return pc.replace_with_mask(masked, others, pa.array(one_by_one, pa.string()))

    def _ascii_masked_around(self, values: pa.Array) -> pa.Array:
        offsets, data = buffers_of(values)
        for rows, cells in by_length(offsets, data):
            self._hide(cells)
            if isinstance(rows, slice):
                data = cells.reshape(-1)
            else:
                data[offsets[rows][:, None] + np.arange(cells.shape[1])] = cells
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), len(values), buffers)

    def _hide(self, cells: Bytes) -> None:
        """The same as `_mask_around` on rows of ASCII, in place."""
        counted = ~_STANDS[cells]
        place = np.cumsum(counted, axis=1, dtype=np.int32) - 1
        total = place[:, -1:] + 1
        inner = (place >= self.keep_first) & (place < total - self.keep_last)
        hidden = counted & (inner | (total < 2 * (self.keep_first + self.keep_last)))
        cells[hidden | (total == 0)] = ord(self.character)

    def _mask_around(self, value: str) -> str:
        places = [place for place, character in enumerate(value) if not _stands(character)]
        if not places:  # a placeholder such as `-` would stand there as it was
            return self.character * len(value)
        kept = self.keep_first + self.keep_last
        if 2 * kept <= len(places):
            places = places[self.keep_first : len(places) - self.keep_last]
        characters = list(value)
        for place in places:
            characters[place] = self.character
        return "".join(characters)

    def _masked_mails(self, values: pa.Array) -> pa.Array:
        parts = pc.extract_regex(values, r"(?s)^(?P<local>.*)@(?P<domain>[^@]*)\z")
        is_mail = pc.is_valid(parts)
        local = pc.if_else(is_mail, pc.struct_field(parts, "local"), values)
        domain = pc.utf8_lower(pc.struct_field(parts, "domain"))
        listed = pc.is_in(domain, value_set=pa.array(self.keep_domains, pa.string()))
        hidden = (
            pa.scalar(self.character * FIXED)
            if self.length == "fixed"
            else pc.binary_repeat(self.character, pc.utf8_length(domain))
        )
        shown = pc.if_else(listed, domain, hidden)
        masked = self._masked(local)
        return pc.if_else(is_mail, pc.binary_join_element_wise(masked, shown, "@"), masked)
