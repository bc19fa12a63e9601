"""FF1 (NIST SP 800-38G) for whole columns: ten rounds, each one bulk AES call over all rows.

`encrypt_digits` and `decrypt_digits` take messages of one radix and one length as a 2-D array (rows x
numerals) and give an array of the same shape and type. Every radix and every length works:

- fast path, when a half fits a 64-bit word (radix^v <= 2^64: 38 decimal digits, 26 letters, 20 letters and
  digits): all that precedes the last block of the PRF's CBC-MAC depends on key, tweak and length alone, so
  each round costs one AES block a row; arithmetic modulo radix^m runs in uint64 and is exact (`_Modulus`);
- plain path otherwise: `transforms.ff1`, row by row.

Rows are worked on `ROWS` at a time so that all arrays of a round stay in the processor's cache.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms import ff1
from transforms.errors import BadParameter

Words = NDArray[np.uint64]
Numerals = NDArray[np.unsignedinteger[Any]]

ROWS = 16_384
TABLE = 4096  # most entries of a table that turns a number into several numerals at once
_U64 = np.dtype(np.uint64)
_BIG = np.dtype(">u8")


@lru_cache(maxsize=64)
def _modulus(radix: int, m: int) -> "_Modulus":
    return _Modulus(radix, m)


class _Modulus:
    """Exact arithmetic modulo M = radix^m <= 2^64 on arrays of uint64."""

    def __init__(self, radix: int, m: int) -> None:
        self.value = radix**m
        self.power_of_two = self.value & (self.value - 1) == 0
        # 2^64 itself is a power of two and never used as a divisor.
        self.m = np.uint64(self.value % (1 << 64))
        self.mask = np.uint64(self.value - 1)

    @cached_property
    def above(self) -> Words:
        """2^64 * byte * 256^k modulo M: what the bytes k = 0..3 above the low word of a number are worth."""
        worth = [[(byte << (64 + 8 * k)) % self.value for byte in range(256)] for k in range(4)]
        return np.array(worth, dtype=_U64)

    def reduce(self, y: Words, spare: Words) -> None:
        """y mod M, in place."""
        if self.power_of_two:
            np.bitwise_and(y, self.mask, out=y)
            return
        np.floor_divide(y, self.m, out=spare)  # dividing by a scalar is vectorized in numpy, remainder is not
        np.multiply(spare, self.m, out=spare)
        np.subtract(y, spare, out=y)

    def add(self, x: Words, y: Words, spare: Words) -> None:
        """x + y mod M into x, both below M."""
        np.add(x, y, out=x)
        if self.power_of_two:
            np.bitwise_and(x, self.mask, out=x)
        elif self.value <= 1 << 63:
            np.subtract(x, self.m, out=spare)  # wraps to something huge when x < M
            np.minimum(x, spare, out=x)
        else:  # x + y may have wrapped itself: then it is below y
            np.subtract(x, self.m, out=x, where=(x < y) | (x >= self.m))

    def subtract(self, x: Words, y: Words, spare: Words) -> None:
        """x - y mod M into x, both below M."""
        if self.power_of_two:
            np.subtract(x, y, out=x)
            np.bitwise_and(x, self.mask, out=x)
        elif self.value <= 1 << 63:
            np.subtract(x, y, out=x)  # wraps to something huge when x < y, and adding M wraps it back
            np.add(x, self.m, out=spare)
            np.minimum(x, spare, out=x)
        else:
            wrapped = x < y
            np.subtract(x, y, out=x)
            np.add(x, self.m, out=x, where=wrapped)

    def reduce_96(self, high: Words, low: Words, spare: Words) -> Words:
        """(high * 2^64 + low) mod M for high < 2^32; may overwrite its arguments."""
        self.reduce(low, spare)
        if self.power_of_two:
            return low  # M divides 2^64
        for k in range(4):
            byte = (high >> np.uint64(8 * k)) & np.uint64(255)
            self.add(low, self.above[k].take(byte.astype(np.intp)), spare)
        return low


def encrypt_digits(
    key: bytes,
    tweaks: Sequence[bytes],
    digits: Numerals,
    radix: int,
    *,
    tweak_of_row: NDArray[np.intp] | None = None,
    minimum_domain: int = ff1.MINIMUM_DOMAIN,
) -> Numerals:
    """Encrypt rows of numerals (rows x n, below radix). Row r has the tweak `tweaks[tweak_of_row[r]]`.

    Without `tweak_of_row` there is one tweak. Raises BadParameter, WeakChoice (see `ff1.shape_of`).
    """
    shape = _checked(digits, radix, tweaks, tweak_of_row, minimum_domain)
    return _apply(digits, shape, key, tweaks, tweak_of_row=tweak_of_row, decrypting=False)


def decrypt_digits(
    key: bytes,
    tweaks: Sequence[bytes],
    digits: Numerals,
    radix: int,
    *,
    tweak_of_row: NDArray[np.intp] | None = None,
    minimum_domain: int = ff1.MINIMUM_DOMAIN,
) -> Numerals:
    """Inverse of `encrypt_digits`; a wrong key or tweak gives other numerals, not an error."""
    shape = _checked(digits, radix, tweaks, tweak_of_row, minimum_domain)
    return _apply(digits, shape, key, tweaks, tweak_of_row=tweak_of_row, decrypting=True)


def fits_words(shape: ff1.Shape) -> bool:
    """Whether the fast path takes messages of this shape."""
    return bool(shape.radix**shape.v <= 1 << 64)


def _checked(
    digits: Numerals,
    radix: int,
    tweaks: Sequence[bytes],
    tweak_of_row: NDArray[np.intp] | None,
    minimum_domain: int,
) -> ff1.Shape:
    """Refuse what is no column of messages. Raises BadParameter, WeakChoice."""
    if digits.ndim != 2 or digits.dtype not in (np.uint8, np.uint16):
        raise BadParameter("FF1: digits must be a 2-D array of uint8 or uint16")
    if tweak_of_row is None and len(tweaks) != 1:
        raise BadParameter("FF1: several tweaks need tweak_of_row")
    if tweak_of_row is not None and len(tweak_of_row) != len(digits):
        raise BadParameter("FF1: tweak_of_row must have one entry a row")
    shape = ff1.shape_of(radix, digits.shape[1], minimum_domain)
    if len(digits) and int(digits.max()) >= radix:
        raise BadParameter("FF1: every numeral must be at least 0 and below the radix")
    return shape


def _apply(
    digits: Numerals,
    shape: ff1.Shape,
    key: bytes,
    tweaks: Sequence[bytes],
    *,
    tweak_of_row: NDArray[np.intp] | None,
    decrypting: bool,
) -> Numerals:
    out = np.empty_like(digits, order="C")
    if not fits_words(shape):
        step = ff1.decrypt if decrypting else ff1.encrypt
        for row, message in enumerate(digits.tolist()):  # the plain path: halves beyond 64 bits
            tweak = tweaks[0 if tweak_of_row is None else int(tweak_of_row[row])]
            out[row] = step(key, tweak, message, shape.radix, minimum_domain=ff1.FORMER_MINIMUM_DOMAIN)
        return out
    column = _Column(key, tweaks, shape, min(ROWS, len(digits)))
    for start in range(0, len(digits), ROWS):
        rows = slice(start, start + ROWS)
        tweak_at = None if tweak_of_row is None else tweak_of_row[rows]
        column.run(digits[rows], tweak_at, out[rows], decrypting=decrypting)
    return out


class _Column:
    """Key, tweaks and shape made ready for the fast path; `run` does up to `rows` rows at a time."""

    def __init__(self, key: bytes, tweaks: Sequence[bytes], shape: ff1.Shape, rows: int) -> None:
        self.shape = shape
        self.moduli = (_modulus(shape.radix, shape.u), _modulus(shape.radix, shape.v))
        self.encrypt_blocks: Callable[..., int] = ff1.block_cipher(key)
        self.starts = self._starts(tweaks)
        self.blocks = np.empty((rows, 2), dtype=_BIG)
        # The library wants room for 15 bytes more than it writes.
        self.output = np.empty(rows * 16 + 15, dtype=np.uint8)
        self.spare = np.empty(rows, dtype=_U64)
        self.groups = (_groups(shape.radix, shape.u), _groups(shape.radix, shape.v))

    def _starts(self, tweaks: Sequence[bytes]) -> Words:
        """CBC-MAC state of each tweak before the last block, this block's constant bytes mixed in (x 2)."""
        starts = np.empty((len(tweaks), 2), dtype=_U64)
        by_length: dict[int, list[int]] = {}
        for position, tweak in enumerate(tweaks):
            by_length.setdefault(len(tweak), []).append(position)
        # Bytes of tweak or padding in the last block, before round number and half.
        last = 16 - 1 - self.shape.b
        for length, positions in by_length.items():
            padding = bytes((-length - self.shape.b - 1) % 16)
            head = self.shape.first_block(length)
            text = b"".join(head + tweaks[p] + padding + bytes(16 - last) for p in positions)
            blocks = np.frombuffer(text, dtype=_BIG).reshape(len(positions), -1, 2)
            state = np.zeros((len(positions), 2), dtype=_BIG)
            for place in range(blocks.shape[1] - 1):
                data = (state ^ blocks[:, place]).astype(_BIG)
                out = np.empty(data.nbytes + 15, dtype=np.uint8)
                self.encrypt_blocks(data.tobytes(), out.data)
                state = out[: data.nbytes].view(_BIG).reshape(-1, 2)
            starts[positions] = state ^ blocks[:, -1]
        return starts

    def run(
        self, digits: Numerals, tweak: NDArray[np.intp] | None, out: Numerals, *, decrypting: bool
    ) -> None:
        """One piece of the column into `out`."""
        u, rows = self.shape.u, len(digits)
        places = np.ascontiguousarray(digits.T)
        left, right = _number(places[:u], self.shape.radix), _number(places[u:], self.shape.radix)
        start = self.starts[0] if tweak is None else self.starts[tweak].T
        spare = self.spare[:rows]
        for i in reversed(range(ff1.ROUNDS)) if decrypting else range(ff1.ROUNDS):
            modulus = self.moduli[i % 2]
            if decrypting:
                modulus.subtract(right, self._round(i, left, start, modulus), spare)
            else:
                modulus.add(left, self._round(i, right, start, modulus), spare)
            left, right = right, left
        _write(left, self.groups[0], out[:, :u])
        _write(right, self.groups[1], out[:, u:])

    def _round(self, i: int, half: Words, start: Words, modulus: _Modulus) -> Words:
        """y of step 6.iv, reduced modulo radix^m, for all rows."""
        b, rows = self.shape.b, len(half)
        blocks, spare = self.blocks[:rows], self.spare[:rows]
        number = i << 8 * b  # the round's number stands before the half
        blocks[:, 0] = start[0] ^ np.uint64(number >> 64)
        np.bitwise_xor(half, start[1] ^ np.uint64(number % (1 << 64)), out=spare)
        blocks[:, 1] = spare
        self.encrypt_blocks(blocks.view(np.uint8).reshape(-1).data, self.output[: 16 * rows + 15].data)
        output = self.output[: 16 * rows].view(_BIG).reshape(rows, 2)
        first: Words = output[:, 0].astype(_U64)
        if self.shape.d == 8:
            modulus.reduce(first, spare)
            return first
        second: Words = output[:, 1].astype(_U64)  # d = 12: y = first * 2^32 + upper half of second
        low = (first << np.uint64(32)) | (second >> np.uint64(32))
        return modulus.reduce_96(first >> np.uint64(32), low, spare)


def _number(places: Numerals, radix: int) -> Words:
    """NUM_radix (algorithm 1) of many: numerals x rows -> rows."""
    narrow = radix ** len(places) <= 1 << 32  # half the bytes to move
    value = places[0].astype(np.uint32 if narrow else np.uint64)
    for place in places[1:]:
        value *= value.dtype.type(radix)
        value += place
    wide: Words = value.astype(_U64, copy=False)
    return wide


@lru_cache(maxsize=64)
def _groups(radix: int, m: int) -> tuple[tuple[int, int, int, Numerals], ...]:
    """How m numerals are written, last group first: (from, to, radix^(to - from), table of the numerals)."""
    size = 1
    while size < m and radix ** (size + 1) <= TABLE:
        size += 1
    found: list[tuple[int, int, int, Numerals]] = []
    for end in range(m, 0, -size):
        width = min(size, end)
        numbers = np.arange(radix**width, dtype=np.uint32)
        columns = [numbers // radix**place % radix for place in reversed(range(width))]
        table: Numerals = np.stack(columns, axis=1).astype(np.uint16 if radix > 256 else np.uint8)
        found.append((end - width, end, radix**width, table))
    return tuple(found)


def _write(value: Words, groups: tuple[tuple[int, int, int, Numerals], ...], out: Numerals) -> None:
    """STR_radix^m (algorithm 3) of many, into rows x m."""
    for start, end, count, table in groups:
        if start == 0:  # what is left is below count
            out[:, :end] = table.take(value.astype(np.intp), axis=0)
            return
        above = value // np.uint64(count)
        out[:, start:end] = table.take((value - above * np.uint64(count)).astype(np.intp), axis=0)
        value = above
