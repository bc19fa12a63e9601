"""Coarsen coordinates."""

from decimal import Decimal
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from transforms.base import TEXT, BoundTransform, ColumnFacts, Family, Output, Transform, published_type
from transforms.context import Context
from transforms.domains import INVALID, MultipleOf, Pattern
from transforms.keyring import Keyring

_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{0,20})?"
_BLANKS = r"[\s\v\x1c-\x1f\x{85}\pZ]*"
_PAIR = rf"^{_BLANKS}(?P<latitude>{_NUMBER}){_BLANKS}[,; ]{_BLANKS}(?P<longitude>{_NUMBER}){_BLANKS}\z"
_MOST_PLACES = 6  # Arrow writes a zero of more decimals with an exponent
_DEGREES = pa.decimal128(38, 20)  # every number of a pair, exactly
FINEST = Decimal("0.01")


class RoundLocation(Transform):
    """Round degrees to `decimals` (at most 2) or to the nearest multiple of `grid` degrees (at least 0.01).

    Guarantee: cells are 0.01 degrees or larger: about 1.1 km north to south and less than that east to west
    away from the equator. A number beyond 180 degrees is no coordinate in degrees and becomes null, a text
    that is no `latitude,longitude` becomes `invalid`. Price: detail; a lonely house still has its cell to
    itself, so count people per cell before calling it safe. Suits floats (one column each) and text
    `lat,lon`. Source: ISO/IEC 20889, rounding.
    """

    technique: ClassVar[str] = "rounding"
    input_types: ClassVar[frozenset[Family]] = TEXT | {"float"}

    transform: Literal["round_location"] = "round_location"
    decimals: int | None = Field(default=None, ge=0, le=2)
    grid: Decimal | None = None

    @field_validator("grid")
    @classmethod
    def _coarse(cls, value: Decimal | None) -> Decimal | None:
        if value is not None and not (value.is_finite() and FINEST <= value <= 90):
            raise ValueError(f"must be from {FINEST} to 90 degrees, is {value}")
        if value is not None and _places(value) > _MOST_PLACES:
            raise ValueError(f"must have at most {_MOST_PLACES} decimals, has {_places(value)}")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> "RoundLocation":
        if self.decimals is not None and self.grid is not None:
            raise ValueError("must have decimals or grid, not both")
        return self

    @property
    def step(self) -> Decimal:
        """Degrees between two results."""
        if self.grid is not None:
            return self.grid
        return Decimal(1).scaleb(-(2 if self.decimals is None else self.decimals))

    def output(self, facts: ColumnFacts) -> Output:
        """The input's type."""
        self.require(facts.value_type)
        plain_type = published_type(facts.value_type)
        if plain_type != pa.string():
            return Output(plain_type, MultipleOf(plain_type, self.step))
        number = rf"-?[0-9]{{1,3}}(?:\.[0-9]{{1,{max(1, _places(self.step))}}})?"
        return Output(
            plain_type, Pattern(f"{number},{number}|{INVALID}", f"lat,lon in steps of {self.step} degrees")
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """A few column operations."""
        return BoundTransform(self, self._rounded)

    def _rounded(self, values: pa.Array) -> pa.Array:
        if values.type == pa.string():
            return self._rounded_pairs(values)
        inside = pc.less_equal(pc.abs(values), pa.scalar(180.0, values.type))
        nothing = pa.scalar(None, values.type)
        multiple = pa.scalar(float(self.step), values.type)
        rounded = pc.round_to_multiple(
            pc.if_else(inside, values, nothing), multiple, round_mode="half_to_even"
        )
        # Multiples of 0.1 carry float dust (0.30000000000000004): cut it, and the sign of -0.0.
        return pc.add(pc.round(rounded, ndigits=_places(self.step)), pa.scalar(0.0, values.type))

    def _rounded_pairs(self, values: pa.Array) -> pa.Array:
        pairs = pc.extract_regex(values, _PAIR)
        latitude, longitude = (
            pc.struct_field(pairs, name).cast(_DEGREES) for name in ("latitude", "longitude")
        )
        inside = pc.and_(_within(latitude, 90), _within(longitude, 180))
        rounded = pc.binary_join_element_wise(self._nearest(latitude), self._nearest(longitude), ",")
        texts = pc.if_else(pc.fill_null(inside, False), rounded, INVALID)
        return pc.if_else(pc.is_valid(values), texts, pa.scalar(None, pa.string()))

    def _nearest(self, degrees: pa.Array) -> pa.Array:
        nearest = pc.round_to_multiple(degrees, pa.scalar(self.step, _DEGREES), round_mode="half_to_even")
        return nearest.cast(pa.decimal128(38, _places(self.step))).cast(pa.string())


def _within(degrees: pa.Array, most: int) -> pa.Array:
    return pc.less_equal(pc.abs(degrees), pa.scalar(Decimal(most), _DEGREES))


def _places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))
