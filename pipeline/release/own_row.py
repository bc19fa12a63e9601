"""Rule: no cell holds an identity of its own row that the plan does not keep there.

Columns with few distinct cells: every piece of every cell, from a word's beginning to a word's end, is
digested, and the slice's identities are looked up among them; that usually finds nothing, and costs a few
nanoseconds an identity. Columns with many: a row is suspected when the letter pairs of its identity all occur
in its cell. Every suspicion is then checked exactly, once per distinct pair.

A name may stand in a shared vocabulary by coincidence (consignee Rose, product `Rose Gold case`): a cell that
also occurs in rows of at least five other subjects with other names is vocabulary, not a leak.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.classes import CLASSES
from pipeline.protect.model import Step
from pipeline.release.identities import Identities, Variant, encoded, row_codes
from pipeline.release.normalized import (
    MASKED,
    Digests,
    Forms,
    counts_of,
    digests_of,
    forms_of,
    sorted_unique,
    spelling_of,
)

VOCABULARY_SUBJECTS = 5
# Token domains whose values are no words: a phone in many people's cells is still somebody's phone.
NEVER_VOCABULARY = frozenset({"phone", "email", "national_id", "bank_card", "imei", "imsi", "iccid", "mac"})
_FEW_CELLS = 2_000  # distinct cells whose pieces are worth listing
_FEW_BYTES = 1 << 16
_LONGEST_PIECE = 96  # characters

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """One published column in which identities are looked for."""

    step: Step
    published: pa.Array  # as read back
    codes: Rows  # published row -> distinct cell; -1 = null
    values: pa.Array  # distinct cells as published (or every cell, where nearly all differ)
    texts: pa.Array  # the same as they are searched: tags and mask characters become `*`, numbers become text

    def __repr__(self) -> str:
        """No cell."""
        return f"Cells({self.step.column})"

    @cached_property
    def forms(self) -> Forms:
        """Of the searched texts."""
        return forms_of(self.texts)


@dataclass(frozen=True)
class Found:
    """Cells of one column of one release that hold identities of one class."""

    release: int
    column: str
    data_class: str
    cells: int


def cells_of(step: Step, column: pa.Array) -> Cells:
    """Encode a published column, unless its first rows say that nearly all cells differ."""
    if pa.types.is_string(column.type) and nearly_all_differ(column):  # without a dictionary
        codes, values = row_codes(column)
    else:
        codes, values = encoded(column)
    return Cells(step, column, codes, values, _searched(step, values))


def nearly_all_differ(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether looking for equal cells first would cost more than it saves."""
    if pa.types.is_dictionary(column.type):
        return False
    head = column.slice(0, 4096)
    if not pa.types.is_string(column.type):
        return True
    return len(column) > len(head) and pc.count_distinct(head).as_py() > len(head) * 15 // 16


def _searched(step: Step, values: pa.Array) -> pa.Array:
    """A tag or a mask character separates what stands around it, and is no part of an identity itself."""
    if not pa.types.is_string(values.type):
        return _whole_numbers(values)
    character = getattr(step.transform, "character", MASKED)
    if character != MASKED:
        values = pc.replace_substring(values, character, MASKED)
    if step.transform.transform in {"redact_text", "redact"}:
        values = pc.replace_substring_regex(values, r"\[[A-Z][A-Z_]*\]", f" {MASKED} ")
    return values


def _whole_numbers(values: pa.Array) -> pa.Array:
    """Digits of numbers; of decimals and floats only of whole ones from a million: `61491000013.00` is a phone."""
    if pa.types.is_integer(values.type):
        return values.cast(pa.string())
    numbers = pc.cast(values, pa.float64(), safe=False)
    large = pc.and_(pc.greater_equal(numbers, 1e6), pc.less(numbers, 1e18))
    whole = pc.and_(large, pc.equal(pc.floor(numbers), numbers))
    kept = pc.if_else(whole, values, pa.scalar(None, values.type))
    return pc.cast(kept, pa.int64(), safe=False).cast(pa.string())


@dataclass(frozen=True)
class Published:
    """What one release publishes of one slice, as far as it can hold raw text."""

    release: int
    cells: tuple[Cells, ...]
    kept: frozenset[str]  # columns that this release publishes unchanged
    order: Rows  # published row -> row of the slice


def search(
    published: Sequence[Published], identities: Sequence[Identities], subject: pa.Array | None, key: bytes
) -> Iterator[Found]:
    """Look for identities in their own rows.

    Args:
        published: one entry per release.
        identities: of the whole slice.
        subject: text per row of the slice, or None.
        key: 16 bytes for the digests.

    """
    formed = [(part, cells, cells.forms) for part in published for cells in part.cells]
    few = [cells for _, cells, forms in formed if _is_few(cells, forms)]
    pieces = _pieces(few, key)
    suspects = {
        (identity.column, number): _suspects(variant, pieces)
        for identity in identities
        if few
        for number, variant in enumerate(identity.variants)
    }
    for part, cells, forms in formed:
        pairs = None if _is_few(cells, forms) else _pair_masks(forms)
        room = _room(forms)
        for identity in identities:
            if _allowed(cells.step, identity, part.kept):
                continue
            suspected: set[int] = set()
            for number, variant in enumerate(identity.variants):
                if pairs is None:
                    rows = _rows_of(suspects[identity.column, number], identity, part.order)
                    if (long := _longer_than_pieces(variant)) is not None:
                        masks = _pair_masks(forms)
                        more = _rows_with_pairs(long, cells, masks, room, identity, part.order)
                        rows = np.union1d(rows, more)
                else:
                    rows = _rows_with_pairs(variant, cells, pairs, room, identity, part.order)
                suspected.update(_confirmed(rows, cells, forms, variant, identity, part.order))
            if suspected:
                rows = np.array(sorted(suspected), dtype=np.int64)
                if identity.data_class.token_domain in NEVER_VOCABULARY:
                    leaked = rows
                else:
                    leaked = rows[~_vocabulary(rows, cells, identity, part.order, subject)]
                if len(leaked):
                    yield Found(part.release, cells.step.column, identity.data_class.id, len(leaked))


def _longer_than_pieces(variant: Variant) -> Variant | None:
    """The identities that no piece of a cell can be; None where there are none, as nearly always."""
    usable = variant.usable & (variant.forms.lengths > _LONGEST_PIECE)
    return replace(variant, usable=usable) if usable.any() else None


def _allowed(step: Step, identity: Identities, kept: frozenset[str]) -> bool:
    """A kept column may hold what the plan publishes unchanged in the same row anyway."""
    if step.transform.transform != "keep":
        return False
    return step.context.domain == identity.data_class.token_domain or identity.column in kept


# ------------------------------------------------------------------ few distinct cells


@dataclass(frozen=True)
class _Pieces:
    digests: Digests
    table: NDArray[np.bool_]  # low 16 bits of a digest -> whether any piece has them
    begins: NDArray[np.bool_]  # length, first byte -> whether any piece has both
    longest: int  # bytes


def _is_few(cells: Cells, forms: Forms) -> bool:
    return len(cells.values) <= _FEW_CELLS and int(forms.lengths.sum()) <= _FEW_BYTES


def _pieces(columns: Sequence[Cells], key: bytes) -> _Pieces:
    found: set[str] = set()
    for cells in columns:
        for cell in cells.texts.to_pylist():
            if cell:
                found |= pieces_of(cell)
    forms = forms_of(pa.array(sorted(found), type=pa.string()))
    digests = sorted_unique(digests_of(forms, key))
    table = np.zeros(1 << 16, dtype=bool)
    table[digests & np.uint64(0xFFFF)] = True
    longest = int(forms.lengths.max(initial=0))
    begins = np.zeros((longest + 2, 256), dtype=bool)  # the last row, of longer identities, stays False
    begins[forms.lengths, forms.data[forms.starts]] = True
    return _Pieces(digests, table, begins, longest)


@lru_cache(maxsize=1 << 13)
def pieces_of(cell: str) -> frozenset[str]:
    """Every piece of a published cell, from a word's beginning to a word's end."""
    return frozenset(spelling_of(cell).pieces(2, _LONGEST_PIECE))


def _suspects(variant: Variant, pieces: _Pieces) -> Rows:
    """Distinct identities that equal a piece of any cell."""
    if len(pieces.digests) == 0:
        return _NO_ROWS
    forms = variant.forms
    begins = pieces.begins[np.minimum(forms.lengths, pieces.longest + 1), forms.data[forms.starts]]
    suspects = np.flatnonzero(variant.usable & begins)
    if len(suspects) == 0:
        return _NO_ROWS
    digests = variant.digests_at(suspects)
    near = pieces.table[digests & np.uint64(0xFFFF)]
    suspects, digests = suspects[near], digests[near]
    at = np.minimum(np.searchsorted(pieces.digests, digests), len(pieces.digests) - 1)
    found: Rows = suspects[pieces.digests[at] == digests]
    return found


def _rows_of(suspects: Rows, identity: Identities, order: Rows) -> Rows:
    if len(suspects) == 0:
        return _NO_ROWS
    wanted = np.zeros(len(identity.values) + 1, dtype=bool)
    wanted[suspects] = True  # the last entry, where null codes (-1) fall, stays False
    return np.flatnonzero(wanted[identity.codes[order]])


_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


# ------------------------------------------------------------------ many distinct cells

_CHUNK = 1 << 22  # bytes of forms masked at a time: 32 MiB of masks


def _pair_bits(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint64]:
    bits: NDArray[np.uint64] = _BIT[(first * np.uint8(37) + second * np.uint8(11)) & np.uint8(63)]
    return bits


_BIT = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))


def _pair_masks(forms: Forms) -> NDArray[np.uint64]:
    """One 64-bit set of letter pairs per cell. `forms` are contiguous."""
    masks = np.zeros(len(forms.starts), dtype=np.uint64)
    step = max(1, len(forms.starts) * _CHUNK // max(1, len(forms.data)))
    for first in range(0, len(masks), step):
        starts, ends = forms.starts[first : first + step], forms.ends[first : first + step]
        data = forms.data[starts[0] : ends[-1] + 1]
        if len(data) < 2:
            continue
        bits = _pair_bits(data[:-1], data[1:])
        filled = ends > starts
        bits[ends[filled] - 1 - starts[0]] = 0  # the pair that crosses into the next cell
        masks[first : first + step][filled] = np.bitwise_or.reduceat(bits, starts[filled] - starts[0])
    return masks


def _leading_pairs(forms: Forms) -> NDArray[np.uint64]:
    """The same for identities, of their first nine bytes: enough to be rare, cheap to gather."""
    masks = np.zeros(len(forms.starts), dtype=np.uint64)
    for place in range(8):
        inside = forms.starts + place + 1 < forms.ends
        at = np.where(inside, forms.starts + place, 0)
        masks |= np.where(inside, _pair_bits(forms.data[at], forms.data[at + 1]), np.uint64(0))
    return masks


def _rows_with_pairs(
    variant: Variant, cells: Cells, pairs: NDArray[np.uint64], room: Rows, identity: Identities, order: Rows
) -> Rows:
    suitable = variant.usable & (variant.forms.lengths <= room.max(initial=0))
    if not suitable.any():
        return _NO_ROWS
    codes = identity.codes[order]
    rows = np.flatnonzero(np.append(suitable, False)[codes] & (cells.codes >= 0))
    codes, cell = codes[rows], cells.codes[rows]
    fitting = room[cell] >= variant.forms.lengths[codes]
    rows, codes, cell = rows[fitting], codes[fitting], cell[fitting]
    wanted = _leading_pairs(variant.forms.take(codes))
    found: Rows = rows[(pairs[cell] & wanted) == wanted]
    return found


def _room(forms: Forms) -> Rows:
    """Bytes in which an identity could stand: all but the masked ones."""
    masked = forms.data == ord(MASKED)
    return forms.lengths - counts_of(forms, masked) if masked.any() else forms.lengths


# ------------------------------------------------------------------ exact


def _confirmed(
    rows: Rows, cells: Cells, forms: Forms, variant: Variant, identity: Identities, order: Rows
) -> Iterator[int]:
    """Suspected rows whose cell does hold the identity; each distinct pair is looked at once."""
    if len(rows) == 0:
        return
    # The plan publishes such a cell as it stands; that another column holds the same text is no news.
    kept_whole = (
        cells.step.transform.transform == "keep"
        and CLASSES[cells.step.data_class].kind == "direct_identifier"
    )
    cell_codes, identity_codes = cells.codes[rows], identity.codes[order[rows]]
    verdicts: dict[tuple[int, int], bool] = {}
    for row, cell, code in zip(rows.tolist(), cell_codes.tolist(), identity_codes.tolist(), strict=True):
        if cell < 0 or code < 0:
            continue
        verdict = verdicts.get((cell, code))
        if verdict is None:
            wanted = bytes(variant.forms.data[variant.forms.starts[code] : variant.forms.ends[code]])
            there = bytes(forms.data[forms.starts[cell] : forms.ends[cell]])
            verdict = wanted in there and not (kept_whole and wanted == there)
            verdict = verdict and spelling_of(cells.texts[cell].as_py()).holds(wanted.decode())
            verdicts[cell, code] = verdict
        if verdict:
            yield row


def _vocabulary(
    rows: Rows, cells: Cells, identity: Identities, order: Rows, subject: pa.Array | None
) -> NDArray[np.bool_]:
    """Which of the rows hold a cell that five other subjects with other names hold, too."""
    flagged_cells = cells.values.take(pa.array(np.unique(cells.codes[rows])))
    same_value = pc.is_in(cells.values, value_set=flagged_cells).to_numpy(zero_copy_only=False)
    sharing = np.flatnonzero(np.append(same_value, False)[cells.codes])
    shared = cells.values.take(pa.array(cells.codes[sharing])).dictionary_encode()
    cell = shared.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    name = identity.codes[
        order[sharing]
    ]  # rows of one name share their verdict, so it may have several codes
    person = name if subject is None else encoded(subject.take(pa.array(order[sharing])))[0]
    own = np.isin(sharing, rows)
    leaked_names = _both(cell[own], name[own])
    leaked_people = _both(cell[own], person[own])
    other = (name >= 0) & (person >= 0)
    other &= ~np.isin(_both(cell, name), leaked_names) & ~np.isin(_both(cell, person), leaked_people)
    people = np.unique(_both(cell[other], person[other])) >> 32
    subjects = np.bincount(people, minlength=len(shared.dictionary))
    cell_of_row = dict(zip(sharing[own].tolist(), cell[own].tolist(), strict=True))
    return np.array([subjects[cell_of_row[row]] >= VOCABULARY_SUBJECTS for row in rows.tolist()], dtype=bool)


def _both(high: Rows, low: Rows) -> Rows:
    return (high << 32) | (low & 0xFFFFFFFF)
