"""Round numbers to multiples of a step."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from transforms.base import NUMBERS, BoundTransform, ColumnFacts, Family, Output, Transform, published_type
from transforms.context import Context
from transforms.domains import MultipleOf
from transforms.errors import UnsuitableColumn
from transforms.keyring import Keyring


class RoundNumber(Transform):
    """Round to the nearest multiple of `step`, ties to the even multiple.

    Guarantee: every result is a multiple of the step; exact for integers and decimals, nearest float for
    floats. A result beyond the type's range is the last multiple inside it. Price: an error of at most half
    a step, zero on average. Suits numbers; integers and decimals need a step that their type can express.
    Source: ISO/IEC 20889, rounding; ties as IEEE 754 roundTiesToEven.
    """

    technique: ClassVar[str] = "rounding"
    input_types: ClassVar[frozenset[Family]] = NUMBERS

    transform: Literal["round_number"] = "round_number"
    step: Decimal

    @field_validator("step")
    @classmethod
    def _positive(cls, value: Decimal) -> Decimal:
        if not value.is_finite() or value <= 0:
            raise ValueError(f"must be positive, is {value}")
        if value > 10**15 or -int(value.normalize().as_tuple().exponent) > 9:
            raise ValueError("must be at most 10^15, with at most 9 decimals")
        return value

    def output(self, facts: ColumnFacts) -> Output:
        """The input's type, multiples of the step."""
        self.require(facts.value_type)
        plain_type = published_type(facts.value_type)
        return Output(plain_type, MultipleOf(plain_type, self.step))

    def require(self, data_type: pa.DataType) -> None:
        """The step must be a value of the type."""
        super().require(data_type)
        data_type = published_type(data_type)
        decimals = max(0, -int(self.step.normalize().as_tuple().exponent))
        scale = data_type.scale if pa.types.is_decimal(data_type) else 0
        if not pa.types.is_floating(data_type) and decimals > scale:
            raise UnsuitableColumn(f"round_number with {decimals} decimals does not suit {data_type}")

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation."""
        return BoundTransform(self, self._rounded, once_per_distinct=False)

    def _rounded(self, values: pa.Array) -> pa.Array:
        if pa.types.is_floating(values.type):
            return self._rounded_floats(values.cast(pa.float64())).cast(values.type)
        try:
            wide = (
                values.cast(pa.decimal128(38, values.type.scale))
                if pa.types.is_decimal(values.type)
                else values
            )
            multiple = pa.scalar(self.step if pa.types.is_decimal(values.type) else int(self.step), wide.type)
            return pc.round_to_multiple(wide, multiple, round_mode="half_to_even").cast(values.type)
        except (pa.ArrowInvalid, OverflowError):
            return pa.array(
                [None if v is None else self._nearest(v, values.type) for v in values.to_pylist()],
                values.type,
            )

    def _rounded_floats(self, values: pa.Array) -> pa.Array:
        # Floats of 2^53 steps and more lie further apart than a step: nothing finer is left in them.
        fine = pc.less(pc.abs(values), pa.scalar(float(self.step) * 2.0**53))
        multiple = pa.scalar(float(self.step))
        near = pc.if_else(fine, values, pa.scalar(0.0))
        rounded = pc.round_to_multiple(near, multiple, round_mode="half_to_even")
        # Adding zero turns -0.0 into 0.0: the sign would tell that the value was below zero.
        return pc.add(pc.if_else(fine, rounded, values), pa.scalar(0.0))

    def _nearest(self, value: int | Decimal, data_type: pa.DataType) -> int | Decimal:
        exact = Decimal(value)
        nearest = (exact / self.step).to_integral_value(ROUND_HALF_EVEN) * self.step
        try:
            pa.scalar(nearest if isinstance(value, Decimal) else int(nearest), data_type)
        except (pa.ArrowInvalid, OverflowError):
            nearest = (exact / self.step).to_integral_value(ROUND_DOWN) * self.step
        return nearest if isinstance(value, Decimal) else int(nearest)
