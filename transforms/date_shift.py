"""Move all times of one person by one secret number of days."""

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from transforms.base import (
    TIMES,
    BoundTransform,
    ColumnFacts,
    Family,
    Output,
    Transform,
    published_type,
)
from transforms.by_subject import BoundBySubject, KeyedBits
from transforms.context import Context
from transforms.domains import Typed
from transforms.errors import UnsuitableColumn
from transforms.keyring import Keyring

_ALGORITHM = "date-shift hmac-sha256"
# One for all classes, so that order and intervals between a person's columns stay, too.
_DOMAIN = "date_shift"
FEWEST_OFFSETS = 60
_DAY_SECONDS = 86_400
_STEP_SECONDS = {"day": _DAY_SECONDS, "week": 7 * _DAY_SECONDS, "second": 1}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# What every reader of dates takes: 0001-01-01 to 9999-12-31, in days of 1970.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896

Longs = npt.NDArray[np.int64]


class DateShift(Transform):
    """Move every time of a subject by the same secret offset, a whole number of days (weeks, seconds).

    The offset is HMAC-SHA-256 of the row's subject, one of the 2 * `max_days` (/7, * 86,400) that are not zero.
    A row without a subject gets an offset by its own value.
    Guarantee: inside a subject, over all columns and tables of a recipient, purpose and epoch, order and
    intervals stay exactly; without the key every offset is equally likely, so a time by itself tells at most
    plus or minus `max_days`. No time stays where it was.
    Price: who knows one true time of a subject knows all of theirs; counts by day mean nothing any more; the
    time of day stays unless `unit: second`, the weekday with `unit: week`. A result before year 1 or after 9999
    moves the other way. The plan refuses a table without subject, and a column whose values mostly lie in the
    days around the release's date, because the folder's name would tell the offset; it warns of a value that many
    subjects share (1970-01-01), which tells it, too.
    Suits timestamps and dates (not by seconds). Source: ISO/IEC 20889, noise addition; HMAC as RFC 2104.
    """

    technique: ClassVar[str] = "noise addition"
    keyed: ClassVar[bool] = True
    identifying: ClassVar[bool] = True
    input_types: ClassVar[frozenset[Family]] = TIMES

    transform: Literal["date_shift"] = "date_shift"
    max_days: int = Field(default=365, ge=30, le=3650)
    unit: Literal["day", "week", "second"] = "day"

    @model_validator(mode="after")
    def _many_offsets(self) -> "DateShift":
        if self.offsets < FEWEST_OFFSETS:
            least = -(-FEWEST_OFFSETS // 2) * _STEP_SECONDS[self.unit] // _DAY_SECONDS
            raise ValueError(f"max_days must be at least {least} with unit: {self.unit}, is {self.max_days}")
        return self

    @property
    def offsets(self) -> int:
        """How many offsets there are, without zero."""
        return 2 * self._most_steps

    @property
    def _most_steps(self) -> int:
        return self.max_days * _DAY_SECONDS // _STEP_SECONDS[self.unit]

    def output(self, facts: ColumnFacts) -> Output:
        """The input's type."""
        self.require(facts.value_type)
        plain_type = published_type(facts.value_type)
        return Output(plain_type, Typed(plain_type))

    def require(self, data_type: pa.DataType) -> None:
        """Dates have no seconds."""
        super().require(data_type)
        if self.unit == "second" and pa.types.is_date(published_type(data_type)):
            raise UnsuitableColumn(f"date_shift by seconds takes timestamps, this column is {data_type}")

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Derive the key of (recipient, purpose, epoch): one for all columns."""
        shared = Context(context.recipient, context.purpose, _DOMAIN, context.epoch)
        return _BoundShift(self, self.need_keyring(keyring).derive(_ALGORITHM, shared))

    def steps_of(self, bits: KeyedBits) -> Longs:
        """Offsets in units, never zero, from 64 keyed bits each; the bias is below 2^-33."""
        place = (bits % np.uint64(self.offsets)).astype(np.int64)
        most = self._most_steps
        return np.where(place < most, place - most, place - most + 1)

    @property
    def step_seconds(self) -> int:
        """Seconds of one step."""
        return _STEP_SECONDS[self.unit]


class _BoundShift(BoundBySubject):
    def __init__(self, transform: DateShift, key: bytes) -> None:
        super().__init__(transform, key)
        self._shift = transform

    def rows(self, values: pa.Array, people: pa.Array | None) -> pa.Array:
        """Every time moved by its row's offset."""
        steps = self._shift.steps_of(self.keyed_bits(values, people))
        return _moved(values, steps * self._shift.step_seconds)


def _moved(values: pa.Array, seconds: Longs) -> pa.Array:
    """Values moved by seconds, the other way where the calendar or the type would end."""
    whole = _whole(values)
    per_second = _per_second(values.type)
    delta = seconds // _DAY_SECONDS if per_second == 0 else seconds * per_second
    first, last = _bounds(per_second)
    # Beyond the bounds already: any move that does not leave the type will do.
    ahead = np.where(delta > 0, whole > last - delta, whole < first - delta)
    moved = whole + np.where(ahead, -delta, delta)
    nulls = pc.is_null(values).to_numpy(zero_copy_only=False)
    integers = pa.array(moved, pa.int64(), mask=nulls)
    if per_second == 0:
        return _from_days(integers, values.type)
    return integers.view(values.type)


def _whole(values: pa.Array) -> Longs:
    """Days of dates, units of timestamps; 0 where null."""
    if pa.types.is_date64(values.type):
        values = values.cast(pa.date32())
    narrow = (
        values.cast(pa.int32()).cast(pa.int64()) if pa.types.is_date(values.type) else values.view(pa.int64())
    )
    whole: Longs = narrow.fill_null(0).to_numpy(zero_copy_only=False)
    return whole


def _from_days(days: pa.Array, data_type: pa.DataType) -> pa.Array:
    return days.cast(pa.int32()).cast(pa.date32()).cast(data_type)


def _per_second(data_type: pa.DataType) -> int:
    """Units in a second; 0 for dates."""
    return 0 if pa.types.is_date(data_type) else _PER_SECOND[data_type.unit]


def _bounds(per_second: int) -> tuple[int, int]:
    """First and last value of the calendar, inside 64 bits."""
    if per_second == 0:
        return _FIRST_DAY, _LAST_DAY
    most = 2**63 - 1
    first = max(-most, _FIRST_DAY * _DAY_SECONDS * per_second)
    return first, min(most, (_LAST_DAY + 1) * _DAY_SECONDS * per_second - 1)
