"""The identities of one slice: the raw values of its direct identifiers, in the gate's form.

A value counts as an identity when it is not masked at its source (`*`) and long enough not to be met by
chance: names (person_name, nickname, username) from two characters, everything else from five. A phone is
looked for in its full and in its national form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.classes import CLASSES, DataClass
from pipeline.release.normalized import (
    MASKED,
    Digests,
    Forms,
    counts_of,
    digests_of,
    digit_counts,
    forms_of,
    national,
)

NAMES = frozenset({"person_name", "nickname", "username"})
SHORTEST = 5  # bytes of the form, of every other class
SHORTEST_PHONE = 7  # digits of the national form
SHORTEST_ANYWHERE = 6  # bytes of the form, for a value that is looked for in the whole run
SHORTEST_NUMBER_ANYWHERE = (
    8  # the same where it has digits only: running numbers of two tables meet by chance
)


@dataclass(frozen=True)
class Variant:
    """One form of every value of an identity column, and which of them count as identities."""

    forms: Forms
    usable: NDArray[np.bool_]
    key: bytes

    def __repr__(self) -> str:
        """No key."""
        return f"Variant({len(self.usable)})"

    @cached_property
    def digests(self) -> Digests:
        """Of every value."""
        return digests_of(self.forms, self.key)

    def digests_at(self, index: NDArray[np.int64]) -> Digests:
        """Of some values."""
        if "digests" in self.__dict__:
            return self.digests[index]
        return digests_of(self.forms.take(index), self.key)


@dataclass(frozen=True)
class Identities:
    """One direct-identifier column of a slice."""

    column: str
    data_class: DataClass
    codes: NDArray[np.int64]  # row of the slice -> value; -1 = null
    values: pa.Array  # raw values, text; the same one twice only where nearly all differ
    variants: tuple[Variant, ...]

    def __repr__(self) -> str:
        """No raw value."""
        return f"Identities({self.column}, {self.data_class.id})"


def row_codes(array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Row -> value (-1 = null), and the values: each once where they come as a dictionary, plain text as it stands."""
    if not pa.types.is_string(array.type):
        return encoded(array)
    codes = np.arange(len(array), dtype=np.int64)
    if array.null_count:
        codes[array.is_null().to_numpy(zero_copy_only=False)] = -1
    return codes, array


def encoded(array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Row -> distinct value (-1 = null), and the distinct values."""
    if not isinstance(array, pa.DictionaryArray):
        array = array.dictionary_encode()
    codes = pc.fill_null(array.indices, -1) if array.indices.null_count else array.indices
    values = array.dictionary
    numbers = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    if values.null_count:  # a dictionary may hold null itself
        missing = values.is_null().to_numpy(zero_copy_only=False)
        numbers = np.where((numbers >= 0) & missing[numbers], -1, numbers)
    return numbers, values


def identities_of(
    columns: Mapping[str, pa.Array], classes: Mapping[str, str], key: bytes
) -> tuple[Identities, ...]:
    """All direct-identifier text columns of a slice."""
    found = []
    for column, class_id in sorted(classes.items()):
        data_class = CLASSES[class_id]
        if data_class.kind != "direct_identifier" or column not in columns:
            continue
        codes, values = row_codes(columns[column])
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            values = values.cast(pa.string())
        found.append(Identities(column, data_class, codes, values, _variants(data_class, values, key)))
    return tuple(found)


def _variants(data_class: DataClass, values: pa.Array, key: bytes) -> tuple[Variant, ...]:
    forms = forms_of(values)
    plain = ~holding_mask(forms)
    if data_class.id in NAMES:
        return (Variant(forms, plain & _two_characters(forms), key),)
    whole = Variant(forms, plain & (forms.lengths >= SHORTEST), key)
    if data_class.normal_form != "phone":
        return (whole,)
    short = national(forms, international(values))
    return whole, Variant(short, plain & (short.lengths >= SHORTEST_PHONE), key)


def international(values: pa.Array) -> NDArray[np.bool_]:
    """Whether a number is written with its country code: `+`, or `00`, perhaps behind blanks or a bracket."""
    values = pc.fill_null(values, "") if values.null_count else values
    return np.asarray(
        pc.match_substring_regex(values, "^\\s*\\(?(?:\\+|\uff0b|00)").to_numpy(zero_copy_only=False)
    )


def holding_mask(forms: Forms) -> NDArray[np.bool_]:
    """Whether a form holds `*`: it was masked at its source, and is no identity any more."""
    masked = forms.data == ord(MASKED)
    if not masked.any():
        return np.zeros(len(forms.starts), dtype=bool)
    return counts_of(forms, masked) > 0


def _two_characters(forms: Forms) -> NDArray[np.bool_]:
    """Two characters at least, read off the first byte of UTF-8 (RFC 3629, section 3)."""
    first = forms.data[forms.starts]
    one = np.select([first < 0x80, first < 0xE0, first < 0xF0], [1, 2, 3], default=4)
    return np.asarray(forms.lengths > one, dtype=bool)


def anywhere_digests(identities: Identities) -> Digests:
    """Digests of the values that no other cell of the run may equal."""
    found = []
    for variant in identities.variants:
        lengths = variant.forms.lengths
        usable = variant.usable & (lengths >= SHORTEST_ANYWHERE)
        brief = usable & (lengths < SHORTEST_NUMBER_ANYWHERE)
        if brief.any():
            usable = usable & ~(brief & numeric(variant.forms))
        found.append(variant.digests[usable] if not usable.all() else variant.digests)
    return np.concatenate(found)


def numeric(forms: Forms) -> NDArray[np.bool_]:
    """Whether a form has digits only."""
    return np.asarray(digit_counts(forms) == forms.lengths, dtype=bool)


def cell_digests(texts: pa.Array, forms: Forms, key: bytes) -> dict[str, Digests]:
    """Digests of published cells, to be met by `anywhere_digests`: as they are, and as national phones.

    Masked cells are left out: no identity has a mask character. Only cells that begin like a phone (`+` or `0`)
    have a national form: a plain number that happens to hold one behind its first digits is a plain number.
    """
    plain = ~holding_mask(forms)
    whole = np.flatnonzero(plain & (forms.lengths >= SHORTEST_ANYWHERE))
    found = {"whole": digests_of(forms.take(whole), key)}
    near = np.flatnonzero(plain & (forms.lengths >= SHORTEST_NUMBER_ANYWHERE) & (forms.lengths <= 19))
    begin = pc.match_substring_regex(texts.take(pa.array(near)), r"^\s*\(?(\+|0)").fill_null(False)
    phones = near[begin.to_numpy(zero_copy_only=False)]
    if len(phones):
        some = forms.take(phones)
        found["national"] = digests_of(national(some, international(texts.take(pa.array(phones)))), key)
    return {variant: digests for variant, digests in found.items() if len(digests)}
