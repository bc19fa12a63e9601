"""What a value became in earlier slices of the same child: people come back, and encryption is the largest cost.

Values are looked up by 44 bits of a digest in an open-addressed table, all of a column at once, then compared as they
are: equal digests of different values only cost the work anew. Values need not be distinct.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.cells import text_bytes

# Of a column, in each child: constants, so that memory does not grow with the input.
MOST_VALUES = 1 << 18
MOST_BYTES = 48 << 20  # of tokens, and again of values
_SLOTS = 1 << 19
# Below this share of known values, looking up costs more than it saves (order numbers are new every time).
LEAST_SHARE = 0.2
_TRIALS = 2  # slices that a column gets to show that its values come back

_ODD = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = np.uint64(0)

Digests = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Tokens = NDArray[np.uint8]  # one row of bytes a token


class Remembered:
    """A function from texts to tokens of one length, with the tokens of the first texts kept.

    Guarantee: the same tokens as the function alone, value by value; what came before changes only the time.
    """

    def __init__(self, function: Callable[[pa.Array], pa.Array]) -> None:
        self._function = function
        self._table = _Table()
        self._values = _Texts()
        # Room for all that may be kept, made when the tokens' length is known; the first len(values) are in use.
        self._tokens: Tokens = np.empty((0, 0), np.uint8)
        self._slices = 0
        self._active = True

    def __call__(self, values: pa.Array, codes: pa.Array) -> pa.Array:
        """Return the tokens of `values` at the rows' `codes`, as text; null codes stay null."""
        if not codes.null_count:
            rows = self.rows(values, codes.to_numpy())
            if rows is not None:
                return _text(rows)
        return self._function(values).take(codes)

    def rows(self, values: pa.Array, codes: Numbers) -> Tokens | None:
        """Return one row of bytes for each code; None where it must be asked of the function alone."""
        if not self._active:
            self._forget()
            return None
        if values.null_count or not pa.types.is_string(values.type):
            return None
        digests = text_digests(values)
        at, slots = self._table.find(digests)
        self._forget_unequal(values, at)
        unknown = np.flatnonzero(at < 0)
        self._slices += 1
        if self._slices >= _TRIALS and len(values) - len(unknown) < LEAST_SHARE * len(values):
            self._forget()
            return None
        first, slots = self._first_of_equals(values, digests, unknown, slots[unknown])
        is_first = first == np.arange(len(unknown))
        new = values.take(pa.array(unknown[is_first]))
        fresh = _matrix(self._function(new)) if len(new) else self._tokens[:0]
        if fresh is None or fresh.shape[1] != self._width(fresh):
            self._forget()  # tokens of several lengths
            return None
        known = len(self._values)
        kept = self._learn(new, fresh)
        rank = np.cumsum(is_first) - 1
        self._table.place(slots[is_first][:kept], known)
        at[unknown] = known + rank[first]
        return _gathered(self._tokens, fresh[kept:], known + kept, at[codes])

    def _forget_unequal(self, values: pa.Array, at: Numbers) -> None:
        if len(self._values):
            # Nothing, not just any kept text, beside a value that is unknown: a long one would be copied for each.
            kept = self._values.array().take(pa.array(at, mask=at < 0))
            same = pc.fill_null(pc.equal(values, kept), False)
            at[~same.to_numpy(zero_copy_only=False)] = -1

    def _first_of_equals(
        self, values: pa.Array, digests: Digests, unknown: Numbers, slots: Numbers
    ) -> tuple[Numbers, Numbers]:
        """Which of the unknown values stands for each of them; and their slots of the table, -1 for none."""
        first: Numbers = np.arange(len(unknown))
        room = max(0, MOST_VALUES - self._table.claimed)  # a table must not run full
        owners, slots[:room] = self._table.claim(digests[unknown[:room]], slots[:room])
        slots[room:] = -1
        others = np.flatnonzero(owners != first[:room])
        if len(others):
            pairs = (unknown[others], unknown[owners[others]])
            same = pc.equal(*(values.take(pa.array(rows)) for rows in pairs)).to_numpy(zero_copy_only=False)
            first[others[same]] = owners[others[same]]
            slots[others] = -1
        return first, slots

    def _learn(self, new: pa.Array, fresh: Tokens) -> int:
        """Keep what there is room for; returns how many of the new ones."""
        if not len(self._tokens):
            most = min(MOST_VALUES, MOST_BYTES // max(1, fresh.shape[1]))
            self._tokens = np.empty((most, fresh.shape[1]), np.uint8)
        first = len(self._values)
        room = min(len(self._tokens) - first, len(new))
        if room > 0 and self._values.append(new.slice(0, room)):
            self._tokens[first : first + room] = fresh[:room]
            return room
        return 0

    def _width(self, fresh: Tokens) -> int:
        return int(self._tokens.shape[1] if len(self._tokens) else fresh.shape[1])

    def _forget(self) -> None:
        self._active = False
        self._values, self._tokens, self._table = _Texts(), self._tokens[:0], _Table()


class _Texts:
    """Texts one after the other, in memory that is reserved once and used from the front."""

    def __init__(self) -> None:
        self._count = 0
        self._offsets = np.zeros(1, np.int32)
        self._data = np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return self._count

    def append(self, texts: pa.Array) -> bool:
        """Add texts without nulls; False, and nothing is added, where there is no room for all of them."""
        if not self._count:
            self._offsets = np.zeros(MOST_VALUES + 1, np.int32)
            self._data = np.empty(MOST_BYTES, np.uint8)
        bounds, content = text_bytes(texts)
        first = int(self._offsets[self._count])
        if first + len(content) > len(self._data) or self._count + len(texts) > MOST_VALUES:
            return False
        self._data[first : first + len(content)] = content
        self._offsets[self._count + 1 : self._count + len(bounds)] = first + bounds[1:]
        self._count += len(texts)
        return True

    def array(self) -> pa.Array:
        """All of them, without copying."""
        buffers = [None, pa.py_buffer(self._offsets), pa.py_buffer(self._data)]
        return pa.Array.from_buffers(pa.string(), self._count, buffers)


def _matrix(tokens: pa.Array) -> Tokens | None:
    """One row of bytes a token; None where their lengths differ or one is null."""
    if tokens.null_count:
        return None
    if pa.types.is_fixed_size_binary(tokens.type):
        width = tokens.type.byte_width
        data = np.frombuffer(tokens.buffers()[1], np.uint8)
        return data[tokens.offset * width : (tokens.offset + len(tokens)) * width].reshape(-1, width)
    _, offsets, data = tokens.buffers()
    bounds = np.frombuffer(offsets, np.int32)[tokens.offset : tokens.offset + len(tokens) + 1]
    width = int(bounds[1] - bounds[0])
    if not width or not (np.diff(bounds) == width).all():
        return None
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]].reshape(len(tokens), width)


def _gathered(kept: Tokens, others: Tokens, first_other: int, rows: Numbers) -> Tokens:
    """Rows by number; those from `first_other` on are of `others`."""
    if not len(others):
        return kept.take(rows, axis=0)
    if not first_other:
        return others.take(rows, axis=0)
    found = kept.take(np.minimum(rows, first_other - 1), axis=0)
    beyond = np.flatnonzero(rows >= first_other)
    found[beyond] = others[rows[beyond] - first_other]
    return found


def _text(rows: Tokens) -> pa.Array:
    count, width = rows.shape
    if count * width >= 1 << 31:
        raise OverflowError("a column of tokens has more than 2 GiB")
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(rows)])


# An entry of the table is 44 bits of a digest, and in the low 20 bits a position, a claim, or neither of them.
_LOW = np.uint64((1 << 20) - 1)
_CLAIM = 1 << 18  # above all positions; the number of the claim is added
_NEITHER = 1 << 19
# Who knows the digests could write values that all fall on one place; a table half full has no such runs by itself.
_MOST_STEPS = 256
assert MOST_VALUES <= _CLAIM <= _NEITHER - MOST_VALUES


class _Table:
    """Digest -> position; linear probing."""

    def __init__(self) -> None:
        self._entries = np.zeros(0, np.uint64)
        self.claimed = 0  # slots

    def find(self, digests: Digests) -> tuple[Numbers, Numbers]:
        """Positions, -1 where unknown; and the slots where the search ended, -1 where it was given up."""
        if not len(self._entries):
            self._entries = np.zeros(_SLOTS, np.uint64)
        slots = _slots(digests)
        there = self._entries[slots]
        left = np.flatnonzero((there ^ digests > _LOW) & (there != _EMPTY))
        for _ in range(_MOST_STEPS):
            if not len(left):
                break
            slots[left] = on = _next(slots[left])
            there[left] = entries = self._entries[on]
            left = left[(entries ^ digests[left] > _LOW) & (entries != _EMPTY)]
        there[left], slots[left] = _EMPTY, -1
        found: Numbers = (there & _LOW).astype(np.int64)
        found[(found >= _CLAIM) | (there == _EMPTY)] = -1
        return found, slots

    def claim(self, digests: Digests, slots: Numbers) -> tuple[Numbers, Numbers]:
        """Take a slot for every digest, equal ones the same; positions are `place`d later.

        `slots` are where a search for the digests ended. Returns whose claim holds, by number: one of several equal
        digests, or the digest itself; and the slots, -1 where the digest was there before or finds no place.
        """
        numbers: Numbers = np.arange(len(digests))
        owners, taken = numbers.copy(), np.full(len(digests), -1, np.int64)
        left = np.flatnonzero(slots >= 0)
        slots = slots[left]
        for _ in range(_MOST_STEPS):
            if not len(left):
                break
            free = self._entries[slots] == _EMPTY
            claims = left[free]  # of several for one slot, the last one stays
            self._entries[slots[free]] = _high(digests[claims]) | (claims + _CLAIM).astype(np.uint64)
            entries = self._entries[slots]
            there = entries ^ digests[left] <= _LOW
            owner = (entries[there] & _LOW).astype(np.int64) - _CLAIM
            fresh = (owner >= 0) & (owner < _NEITHER - _CLAIM)
            owners[left[there][fresh]] = owner[fresh]
            taken[left[there][fresh]] = slots[there][fresh]
            left, slots = left[~there], _next(slots[~there])
        held = (owners == numbers) & (taken >= 0)
        self._write(taken[held], digests[held], np.uint64(_NEITHER))
        self.claimed += int(np.count_nonzero(held))
        return owners, taken

    def place(self, slots: Numbers, first: int) -> None:
        """Give claimed slots their positions, from `first` on; -1 is none."""
        claimed = np.flatnonzero(slots >= 0)
        self._write(slots[claimed], self._entries[slots[claimed]], (first + claimed).astype(np.uint64))

    def _write(self, slots: Numbers, digests: Digests, low: Digests | np.uint64) -> None:
        self._entries[slots] = _high(digests) | low


def _high(digests: Digests) -> Digests:
    return digests & ~_LOW


def _slots(digests: Digests) -> Numbers:
    return (digests >> np.uint64(64 - 19)).astype(np.int64)


def _next(slots: Numbers) -> Numbers:
    return (slots + 1) & (_SLOTS - 1)


_DIGESTED = 256  # bytes at the head of a text; texts that differ only behind them are not remembered beside each other
_BATCH = 1 << 14  # texts digested together, so that their words stay in the processor's cache


def text_digests(values: pa.Array) -> Digests:
    """64-bit digests of texts without nulls, eight bytes a step, multiplied and folded. No cryptography.

    The lowest bit that the table keeps is 1, so that no entry is empty.
    """
    found = [_digests_of(values.slice(first, _BATCH)) for first in range(0, len(values), _BATCH)]
    return np.concatenate([np.zeros(0, np.uint64), *found])


def _digests_of(texts: pa.Array) -> Digests:
    lengths = pc.binary_length(texts).to_numpy()
    state: Digests = (lengths.astype(np.uint64) + np.uint64(1)) * _ODD
    longest = int(lengths.max())
    if longest > _DIGESTED:
        texts = pc.binary_slice(texts.cast(pa.binary()), 0, _DIGESTED).view(pa.string())
    width = -(-min(longest, _DIGESTED) // 8)
    if width:
        padded = pc.ascii_rpad(texts, 8 * width, padding="\0").buffers()[2]
        words = np.frombuffer(padded, "<u8", len(texts) * width).reshape(len(texts), width)
        for place in range(width):  # a word of zeros, as behind a shorter text, adds nothing
            state += _stirred(words[:, place]) * _FACTORS[place]
    return _stirred(state) | (_LOW + np.uint64(1))


_FACTORS = _ODD ** np.arange(1, _DIGESTED // 8 + 1, dtype=np.uint64)


def _stirred(state: Digests) -> Digests:
    state = (state ^ (state >> np.uint64(32))) * _ODD
    return state ^ (state >> np.uint64(29))
