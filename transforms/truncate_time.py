"""Cut times down to a calendar unit."""

from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import TIMES, BoundTransform, ColumnFacts, Family, Output, Transform, published_type
from transforms.context import Context
from transforms.domains import ClosedSet, TruncatedTime
from transforms.errors import UnsuitableColumn
from transforms.keyring import Keyring

PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")  # six hours each, from midnight


class TruncateTime(Transform):
    """Replace a time with the beginning of its year, quarter, month, week (Monday), day or hour.

    Guarantee: nothing finer than the unit remains, in the wall time of the column. `part_of_day` gives the
    text `night` (0-5), `morning` (6-11), `afternoon` (12-17) or `evening` (18-23) and no date at all.
    Price: detail. Suits timestamps; dates, too, for units from day up. Source: ISO/IEC 20889,
    generalization.
    """

    technique: ClassVar[str] = "generalization"
    input_types: ClassVar[frozenset[Family]] = TIMES

    transform: Literal["truncate_time"] = "truncate_time"
    unit: Literal["year", "quarter", "month", "week", "day", "hour", "part_of_day"]

    def output(self, facts: ColumnFacts) -> Output:
        """The input's type; text for part_of_day."""
        self.require(facts.value_type)
        if self.unit == "part_of_day":
            return Output(pa.string(), ClosedSet(PARTS_OF_DAY))
        plain_type = published_type(facts.value_type)
        return Output(plain_type, TruncatedTime(plain_type, self.unit))

    def require(self, data_type: pa.DataType) -> None:
        """Dates have no hours."""
        super().require(data_type)
        if self.unit in ("hour", "part_of_day") and pa.types.is_date(published_type(data_type)):
            raise UnsuitableColumn(
                f"truncate_time to {self.unit} takes timestamps, this column is {data_type}"
            )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation."""
        return BoundTransform(self, self._truncated, once_per_distinct=False)

    def _truncated(self, values: pa.Array) -> pa.Array:
        if self.unit == "part_of_day":
            return pa.array(PARTS_OF_DAY, pa.string()).take(pc.divide(pc.hour(values), 6))
        return pc.floor_temporal(values, unit=self.unit, week_starts_monday=True).cast(values.type)
