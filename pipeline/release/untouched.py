"""Rule: no token, ciphertext, fake, mask or shifted time equals the raw cell that it stands for.

A raw device id of 32 hex digits reads like a token, and a raw value with `*` like a mask; the output domain
alone would let them pass.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.protect.model import Step
from pipeline.release.identities import international, row_codes
from pipeline.release.normalized import MASKED, Digests, digests_of, forms_of, national
from transforms.cells import text_bytes
from transforms.token_form import FormatPreserved

Rows = NDArray[np.int64]

# Transforms that never give a value of more than one character back as it was.
CHANGING = frozenset(
    {"keyed_hash", "sha256", "encrypt_siv", "encrypt_gcm", "mask", "format_preserving", "surrogate"}
)


@dataclass(frozen=True)
class RawColumn:
    """The raw values of a column that its published cells must differ from."""

    codes: Rows  # row of the slice -> value; -1 = null
    values: pa.Array  # text; of shifted times, times
    lengths: Rows  # bytes; -1: such a value is not looked for
    form: FormatPreserved | None = None  # of the cells, where they have that of their original

    def __repr__(self) -> str:
        """Counts only: the values are raw."""
        return f"RawColumn({len(self.values)})"

    @cached_property
    def of_length(self) -> Rows:
        """How many values have each length, from 0 bytes on."""
        return np.bincount(self.lengths + 1)[1:]

    @cached_property
    def reduced(self) -> Digests:
        """For cells in the form of their original: see `_reduced`."""
        assert self.form is not None
        return _reduced(self.form, self.values)

    @cached_property
    def only_digits(self) -> bool:
        """Whether all values are numbers without anything that writers of them vary."""
        return _only_digits(self.values)

    def has_lengths(self, least: int, most: int) -> bool:
        """Whether any value has from `least` to `most` bytes."""
        return bool(self.of_length[least : most + 1].any())


def raw_column(step: Step, raw: pa.Array) -> RawColumn | None:
    """What the step's cells are compared with; None where it may leave a value as it was."""
    if step.transform.transform == "date_shift":
        return RawColumn(np.arange(len(raw)), raw, np.zeros(0, np.int64))
    if step.transform.transform not in CHANGING or not pa.types.is_string(step.type):
        return None
    codes, values = row_codes(raw)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    lengths = pc.binary_length(values).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    lengths[lengths < 2] = -1  # a single character is no identity; a mask of one character may well be `*`
    form = step.domain
    return RawColumn(codes, values, lengths, form if isinstance(form, FormatPreserved) else None)


def untouched(step: Step, cells: pa.Array, raw: RawColumn, rows: Rows) -> int:
    """Published cells that equal their own raw cell; tokens in its form, but for how a number is written.

    Args:
        step: of the column.
        cells: published cells, as read back.
        raw: its raw column.
        rows: their rows in the slice.

    """
    if isinstance(step.domain, FormatPreserved):
        return _only_rewritten(step.domain, cells, raw, rows)
    if step.transform.transform == "date_shift":
        return _count(pc.equal(cells, raw.values.take(pa.array(rows))))
    distinct = cells.dictionary if isinstance(cells, pa.DictionaryArray) else cells
    bounds = pc.min_max(pc.binary_length(distinct)).as_py()
    if bounds["min"] is None or not raw.has_lengths(bounds["min"], bounds["max"]):
        return 0
    codes = raw.codes[rows]
    lengths = np.append(raw.lengths, -1)[codes]
    suspects = np.flatnonzero((lengths >= bounds["min"]) & (lengths <= bounds["max"]))  # mostly none
    if not len(suspects):
        return 0
    found = cells.take(pa.array(suspects))
    if isinstance(found, pa.DictionaryArray):
        found = found.dictionary_decode()
    own = raw.values.take(pa.array(codes[suspects]))
    equal = pc.equal(found, own)
    if step.transform.transform == "mask":  # masked at its source: there is nothing left to hide
        equal = pc.and_not(equal, pc.match_substring(own, getattr(step.transform, "character", MASKED)))
    return _count(equal)


def _count(equal: pa.Array) -> int:
    return int(pc.sum(equal, min_count=0).as_py() or 0)


_KEY = bytes(16)  # of digests that never leave this file


def _only_rewritten(form: FormatPreserved, cells: pa.Array, raw: RawColumn, rows: Rows) -> int:
    """Cells in the form of their original that equal it but for separators, letter case or country code."""
    own = raw.codes[rows]
    if not form.phone and raw.only_digits and _only_digits(cells):  # nothing can be written in two ways
        return _count(pc.equal(cells, raw.values.take(pa.array(own, mask=own < 0))))
    codes, values = row_codes(cells)
    looked_at = (codes >= 0) & (own >= 0)
    looked_at &= np.append(
        pc.not_equal(values, form.tag).fill_null(False).to_numpy(zero_copy_only=False), False
    )[codes]
    before = raw.reduced[own[looked_at]]
    return int((_reduced(form, values)[codes[looked_at]] == before).sum())


def _only_digits(texts: pa.Array) -> bool:
    if not pa.types.is_string(texts.type):
        return False
    _, content = text_bytes(texts)
    return bool(((content - np.uint8(ord("0"))) < 10).all())


def _reduced(form: FormatPreserved, values: pa.Array) -> Digests:
    """Digests of values without what writers of one number vary."""
    forms = forms_of(values)
    return digests_of(national(forms, international(values)) if form.phone else forms, _KEY)
