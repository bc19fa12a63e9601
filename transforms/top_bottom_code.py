"""Cut numbers off at bounds that the policy declares."""

from decimal import Decimal
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator, model_validator

from transforms.base import NUMBERS, BoundTransform, ColumnFacts, Family, Output, Transform, published_type
from transforms.context import Context
from transforms.domains import Between, bound_scalar
from transforms.errors import UnsuitableColumn
from transforms.keyring import Keyring


class TopBottomCode(Transform):
    """Replace numbers below `bottom` by `bottom` and numbers above `top` by `top`.

    Guarantee: no number outside [bottom, top] is published, so the largest order and the oldest customer look like
    everybody at the bound; the bounds come from the policy, never from the data, so they tell nothing of it.
    Price: numbers between the bounds are published exactly; sums and means of the column are no longer those of
    the source. Suits numbers; bounds must be values of the column's type. A float that is not a number stays one.
    Source: ISO/IEC 20889, generalization: top and bottom coding.
    """

    technique: ClassVar[str] = "top and bottom coding"
    input_types: ClassVar[frozenset[Family]] = NUMBERS

    transform: Literal["top_bottom_code"] = "top_bottom_code"
    bottom: Decimal | None = None
    top: Decimal | None = None

    @field_validator("bottom", "top")
    @classmethod
    def _plain_number(cls, value: Decimal | None) -> Decimal | None:
        if value is None:
            return None
        if not value.is_finite() or abs(value) >= 10**15:
            raise ValueError("must be a number below 10^15")
        if -int(value.normalize().as_tuple().exponent) > 9:
            raise ValueError("must have at most 9 decimals")
        return value

    @model_validator(mode="after")
    def _some_bound(self) -> "TopBottomCode":
        if self.bottom is None and self.top is None:
            raise ValueError("must have a bottom, a top, or both")
        if self.bottom is not None and self.top is not None and self.bottom >= self.top:
            raise ValueError(f"bottom must be below top, is {self.bottom} and {self.top}")
        return self

    def output(self, facts: ColumnFacts) -> Output:
        """The input's type, between the bounds."""
        self.require(facts.value_type)
        plain_type = published_type(facts.value_type)
        return Output(plain_type, Between(plain_type, self.bottom, self.top))

    def require(self, data_type: pa.DataType) -> None:
        """The bounds must be values of the type."""
        super().require(data_type)
        data_type = published_type(data_type)
        for bound in (self.bottom, self.top):
            if bound is not None and not _fits(bound, data_type):
                raise UnsuitableColumn(f"top_bottom_code with bound {bound} does not suit {data_type}")

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation."""
        return BoundTransform(self, self._coded, once_per_distinct=False)

    def _coded(self, values: pa.Array) -> pa.Array:
        if self.top is not None:
            top = bound_scalar(self.top, values.type)
            values = pc.if_else(pc.greater(values, top), top, values)
        if self.bottom is not None:
            bottom = bound_scalar(self.bottom, values.type)
            values = pc.if_else(pc.less(values, bottom), bottom, values)
        return values


def _fits(bound: Decimal, data_type: pa.DataType) -> bool:
    try:
        bound_scalar(bound, data_type)
    except (pa.ArrowInvalid, OverflowError, ValueError):
        return False
    return True
