"""FF1 over numbers and times inside a declared range: the result is a number or time of the same range.

A value's place in the range, counted in steps, is one message of a few numerals whose radix is chosen so that the
messages hardly outnumber the places; a result beyond the range is encrypted again until it is inside (cycle
walking, which keeps it a permutation of the range).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms import ff1, ff1_column
from transforms.errors import BadParameter, UnsuitableColumn, WeakChoice

Ticks = NDArray[np.int64]
_LARGEST_RADIX = 1 << 16
_MOST = (1 << 63) - 1  # values of a range
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Within:
    """Numbers or times from `low` to `high`, both included; times on a whole `unit`."""

    type: pa.DataType
    low: str
    high: str
    unit: str
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        whole = f", whole {self.unit}s" if pa.types.is_timestamp(self.type) else ""
        return f"{self.type} from {self.low} to {self.high}{whole}"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if array.type != self.type:
            return pa.array(array.is_null().to_numpy(zero_copy_only=False))
        _, inside = self.places(array)
        return pa.array(inside | array.is_null().to_numpy(zero_copy_only=False))

    def count(self) -> int:
        """How many values there are. Raises UnsuitableColumn where the range is none of the type, BadParameter."""
        low, high, step = self._limits()
        if not 0 <= high - low < _MOST:
            raise BadParameter("format_preserving: high must be above low, by less than 2^63 steps")
        return (high - low) // step + 1

    def places(self, array: pa.Array) -> tuple[Ticks, NDArray[np.bool_]]:
        """Place of each value, counted from 0, and whether it is inside; false for nulls."""
        low, high, step = self._limits()
        ticks, known = _ticks(array)
        inside = known & (ticks >= low) & (ticks <= high)
        places = np.where(inside, ticks, low) - low
        if step > 1:
            inside &= places % step == 0
            places //= step
        return np.where(inside, places, 0), inside

    def values(self, places: Ticks, inside: NDArray[np.bool_]) -> pa.Array:
        """The values at these places; null where not `inside`."""
        low, _, step = self._limits()
        return _from_ticks(places * step + low, ~inside, self.type)

    def _limits(self) -> tuple[int, int, int]:
        """Low, high and step in ticks. Raises UnsuitableColumn."""
        try:
            ends, known = _ticks(
                pa.array([_parsed(end, self.type) for end in (self.low, self.high)], self.type)
            )
        except (pa.ArrowException, ValueError, ArithmeticError, TypeError):
            known = np.zeros(2, dtype=bool)
        if not known.all():
            raise UnsuitableColumn(f"format_preserving: low and high must be values of {self.type}")
        step = _UNITS[self.unit] * _PER_SECOND[self.type.unit] if pa.types.is_timestamp(self.type) else 1
        return int(ends[0]), int(ends[1]), step


def require_many(domain: Within) -> None:
    """Raise WeakChoice where a range has fewer than 1,000,000 values, and what `count` raises."""
    count = domain.count()
    if count < ff1.MINIMUM_DOMAIN:
        raise WeakChoice(
            f"format_preserving: the range has {count:,} values, at least {ff1.MINIMUM_DOMAIN:,} required"
        )


def encrypt_range(key: bytes, tweak: bytes, domain: Within, values: pa.Array) -> pa.Array:
    """Encrypt each value inside the range; null for those outside, and for one that FF1 maps to itself."""
    places, inside = domain.places(values)
    found = _walk(ff1_column.encrypt_digits, key, tweak, places, domain.count())
    return domain.values(found, inside & (found != places))


def decrypt_range(key: bytes, tweak: bytes, domain: Within, values: pa.Array) -> pa.Array:
    """Inverse of `encrypt_range`; null for values outside the range."""
    places, inside = domain.places(values)
    return domain.values(_walk(ff1_column.decrypt_digits, key, tweak, places, domain.count()), inside)


def _walk(
    step: Callable[..., ff1_column.Numerals], key: bytes, tweak: bytes, places: Ticks, count: int
) -> Ticks:
    radix, length = shape_for(count)
    found = places.astype(np.uint64)
    walking = np.arange(len(places))
    while len(walking):
        digits = _numerals(found[walking], radix, length)
        found[walking] = _number(step(key, [tweak], digits, radix), radix)
        walking = walking[found[walking] >= np.uint64(count)]
    return found.astype(np.int64)


def shape_for(count: int) -> tuple[int, int]:
    """Radix and length with the fewest messages that are at least `count`, of the shortest possible length."""
    length = 2
    while _LARGEST_RADIX**length < count:
        length += 1
    radix = max(2, int(count ** (1 / length)) - 1)
    while radix**length < count:
        radix += 1
    return radix, length


def _numerals(values: NDArray[np.uint64], radix: int, length: int) -> NDArray[np.uint16]:
    digits = np.empty((len(values), length), dtype=np.uint16)
    for place in range(length - 1, -1, -1):
        above = values // np.uint64(radix)
        digits[:, place] = values - above * np.uint64(radix)
        values = above
    return digits


def _number(digits: ff1_column.Numerals, radix: int) -> NDArray[np.uint64]:
    """May reach beyond 2^63, never beyond 2^64: `shape_for` exceeds a count below 2^63 by far less."""
    value = np.zeros(len(digits), dtype=np.uint64)
    for place in range(digits.shape[1]):
        value = value * np.uint64(radix) + digits[:, place]
    return value


def _parsed(text: str, kind: pa.DataType) -> object:
    if pa.types.is_decimal(kind):
        return Decimal(text)
    if pa.types.is_integer(kind):
        return int(text)
    return pc.cast(pa.scalar(text), pa.timestamp("us")).cast(kind).as_py()


def _ticks(array: pa.Array) -> tuple[Ticks, NDArray[np.bool_]]:
    """Values as whole numbers (cents, days, microseconds), and which are known and fit 64 bits."""
    known = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal128(array.type):
        raw = np.frombuffer(array.buffers()[1], dtype="<i8")[2 * array.offset :][: 2 * len(array)].reshape(
            -1, 2
        )
        fits = raw[:, 1] == raw[:, 0] >> 63
        return np.where(known, raw[:, 0], 0).astype(np.int64), known & fits
    if array.type == pa.uint64():
        array = pc.if_else(pc.less(array, pa.scalar(1 << 63, array.type)), array, pa.scalar(None, array.type))
        known = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    numbers = array.view(pa.int64()) if pa.types.is_timestamp(array.type) else array.cast(pa.int64())
    return numbers.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64), known


def _from_ticks(ticks: Ticks, missing: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal128(kind):
        pairs = np.stack([ticks, ticks >> 63], axis=1)
        plain = pa.Array.from_buffers(kind, len(ticks), [None, pa.py_buffer(pairs.tobytes())])
        return pc.if_else(pa.array(missing), pa.scalar(None, kind), plain)
    numbers = pa.array(ticks, pa.int64(), mask=missing)
    if pa.types.is_timestamp(kind):
        return numbers.view(kind)
    return numbers.cast(pa.int32()).view(kind) if pa.types.is_date32(kind) else numbers.cast(kind)
