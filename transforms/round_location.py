"""Coarsen coordinates."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from transforms.base import TEXT, BoundTransform, ColumnFacts, Family, Output, Transform, published_type
from transforms.context import Context
from transforms.domains import INVALID, MultipleOf, Pattern
from transforms.keyring import Keyring

_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{0,20})?"
_PAIR = re.compile(rf"\s*({_NUMBER})\s*[,; ]\s*({_NUMBER})\s*")
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
        number = rf"-?[0-9]{{1,3}}(?:\.[0-9]{{1,{max(1, self._places)}}})?"
        return Output(
            plain_type, Pattern(f"{number},{number}|{INVALID}", f"lat,lon in steps of {self.step} degrees")
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation on floats; Python per distinct text."""
        return BoundTransform(self, self._rounded)

    @property
    def _places(self) -> int:
        return max(0, -int(self.step.normalize().as_tuple().exponent))

    def _rounded(self, values: pa.Array) -> pa.Array:
        if values.type == pa.string():
            return pa.array(
                [None if v is None else self._rounded_pair(v) for v in values.to_pylist()], pa.string()
            )
        inside = pc.less_equal(pc.abs(values), pa.scalar(180.0, values.type))
        nothing = pa.scalar(None, values.type)
        multiple = pa.scalar(float(self.step), values.type)
        rounded = pc.round_to_multiple(
            pc.if_else(inside, values, nothing), multiple, round_mode="half_to_even"
        )
        # Multiples of 0.1 carry float dust (0.30000000000000004): cut it, and the sign of -0.0.
        return pc.add(pc.round(rounded, ndigits=self._places), pa.scalar(0.0, values.type))

    def _rounded_pair(self, value: str) -> str:
        match = _PAIR.fullmatch(value)
        if match is None:
            return INVALID
        latitude, longitude = (Decimal(number) for number in match.groups())
        if abs(latitude) > 90 or abs(longitude) > 180:
            return INVALID
        return f"{self._nearest(latitude)},{self._nearest(longitude)}"

    def _nearest(self, degrees: Decimal) -> str:
        nearest = (degrees / self.step).to_integral_value(ROUND_HALF_EVEN) * self.step
        return f"{nearest if nearest else abs(nearest):.{self._places}f}"
