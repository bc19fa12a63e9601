"""Put numbers into bands."""

import math
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from transforms.base import NUMBERS, TEXT, BoundTransform, ColumnFacts, Family, Output, Transform, family
from transforms.context import Context
from transforms.domains import INVALID, ClosedSet
from transforms.keyring import Keyring


class Bands(Transform):
    """Replace a number with the label of its band.

    Guarantee: one of len(edges) + 1 labels. With edges 20 and 30, integers (and text) give `<20`, `20-29`,
    `>=30`; decimals and floats give `<20`, `20-<30`, `>=30`. A lower edge belongs to its band. A text that
    is no number becomes `invalid`, as does a float that is not finite. Price: detail. Suits numbers and
    text that holds numbers (a fraction such as 29.5 lies in `20-29`). Source: ISO/IEC 20889,
    generalization; top and bottom coding.
    """

    technique: ClassVar[str] = "generalization"
    input_types: ClassVar[frozenset[Family]] = NUMBERS | TEXT

    transform: Literal["bands"] = "bands"
    edges: tuple[Decimal, ...]

    @field_validator("edges")
    @classmethod
    def _ascending(cls, value: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        if not 1 <= len(value) <= 200:
            raise ValueError(f"must have 1 to 200 edges, has {len(value)}")
        if not all(edge.is_finite() and abs(edge) < 10**15 for edge in value):
            raise ValueError("must be numbers below 10^15")
        if any(lower >= upper for lower, upper in pairwise(value)):
            raise ValueError("must ascend")
        if any(-int(edge.normalize().as_tuple().exponent) > 9 for edge in value):
            raise ValueError("must have at most 9 decimals")
        return value

    def output(self, facts: ColumnFacts) -> Output:
        """Text, one of the labels."""
        self.require(facts.value_type)
        return Output(pa.string(), ClosedSet(self.labels(family(facts.value_type))))

    def labels(self, of: Family | None) -> tuple[str, ...]:
        """Labels from low to high, then `invalid` where the type can hold something else than a number."""
        names = [_plain_number(edge) for edge in self.edges]
        whole = of in ("integer", "text") and all(edge == edge.to_integral_value() for edge in self.edges)
        labels = [f"<{names[0]}"]
        for lower, upper in pairwise(self.edges):
            if not whole:
                labels.append(f"{_plain_number(lower)}-<{_plain_number(upper)}")
            elif upper - lower == 1:
                labels.append(_plain_number(lower))
            else:
                labels.append(f"{_plain_number(lower)}-{_plain_number(upper - 1)}")
        labels.append(f">={names[-1]}")
        return (*labels, INVALID) if of in ("text", "float") else tuple(labels)

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations on distinct values."""
        return BoundTransform(self, self._banded)

    def _banded(self, values: pa.Array) -> pa.Array:
        of = family(values.type)
        labels = pa.array(self.labels(of), pa.string())
        if (whole := _whole_numbers(values)) is not None:
            numbers, scale = whole
            return labels.take(self._bands_of(numbers, scale, values))
        if of == "float":
            readable = pc.is_finite(values)
            edges = [pa.scalar(float(edge), pa.float64()) for edge in self.edges]
        else:
            values, readable = _exact(values, of)
            exact = values.type if pa.types.is_decimal256(values.type) else pa.decimal128(24, 9)
            edges = [pa.scalar(edge, exact) for edge in self.edges]
        band = pc.cast(pc.greater_equal(values, edges[0]), pa.int32())
        for edge in edges[1:]:
            band = pc.add(band, pc.cast(pc.greater_equal(values, edge), pa.int32()))
        if readable is not None:
            band = pc.if_else(readable, band, pa.scalar(len(self.edges) + 1, pa.int32()))
        return labels.take(band)

    def _bands_of(self, numbers: npt.NDArray[np.int64], scale: int, values: pa.Array) -> pa.Array:
        """Bands of numbers that are multiples of 10^-scale; null where the values are."""
        least = [math.ceil(Fraction(edge) * 10**scale) for edge in self.edges]
        reached = np.clip(np.array(least, dtype=object), -_BEYOND, _BEYOND).astype(np.int64)
        band = np.searchsorted(reached, numbers, side="right")
        return pa.array(band, mask=values.is_null().to_numpy(zero_copy_only=False))


_MOST_DIGITS = 18  # of numbers that fit 64 bits
_BEYOND = 10**_MOST_DIGITS  # above all of them


def _whole_numbers(values: pa.Array) -> tuple[npt.NDArray[np.int64], int] | None:
    """Decimals as numbers of their smallest unit, and how many decimals that has; None where they may not fit 64 bits.

    What stands at nulls is any number. The low half of a two's complement of 128 bits is the number, where it fits.
    """
    if not pa.types.is_decimal128(values.type) or values.type.precision > _MOST_DIGITS:
        return None
    halves = np.frombuffer(values.buffers()[1], "<i8").reshape(-1, 2)
    return halves[values.offset : values.offset + len(values), 0], values.type.scale


def _exact(values: pa.Array, of: Family | None) -> tuple[pa.Array, pa.Array | None]:
    """Decimals, and for text which cells are numbers (null where null)."""
    if of == "text":
        trimmed = pc.utf8_trim_whitespace(values)
        readable = pc.match_substring_regex(trimmed, r"^[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?\z")
        number = pc.replace_substring_regex(trimmed, r"^\+", "")
        return pc.if_else(readable, number, pa.scalar("0")).cast(pa.decimal128(38, 9)), readable
    if pa.types.is_uint64(values.type):
        return values.cast(pa.decimal128(29, 0)), None
    if of == "decimal":
        digits = max(15, values.type.precision - values.type.scale) + max(9, values.type.scale)
        if digits > 38 or pa.types.is_decimal256(values.type):  # else both meet the edges in 128 bits
            return values.cast(pa.decimal256(76, max(9, values.type.scale))), None
    return values, None


def _plain_number(number: Decimal) -> str:
    return f"{number.normalize():f}"
