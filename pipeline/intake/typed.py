"""Text columns -> the types that data classes ask for. What does not fit rejects its record.

- amount, decimal128(18, 2): digits with at most two decimals that are not zero; never rounded; no thousands
  signs.
- whole number, int64: digits; `3.0` is 3; no hexadecimal.
- number, float64: finite.
- time, timestamp[us], wall time in the table's zone: `YYYY-MM-DD`, then `T` or a blank and
  `hh[:mm[:ss[.fraction]]]`, also with
  `/` for `-` and without leading zeros; `Z` or an offset converts into the zone; 10 digits are seconds and 13
  digits
  milliseconds since 1970 UTC. Digits beyond microseconds are dropped. Day-first and month-first dates are not
  guessed.
- date32: `YYYY-MM-DD`, `YYYY/MM/DD`, `YYYYMMDD`, or a time at midnight.

The empty string is a value and fits no type; null stays null.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import shown_name
from pipeline.intake.model import Reason, Rejected, SliceRecords

_MICROSECOND = pa.timestamp("us")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000  # microseconds
# Wall times must stay inside the years 1 to 9999 after the zone's offset.
_FIRST, _LAST = -62_135_510_400_000_000, 253_402_214_400_000_000
_TIME = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[T ](\d{1,2})(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_WHOLE = re.compile(r"([+-]?\d+)\.0*", re.ASCII)


def parse_types(
    records: SliceRecords,
    types: Mapping[str, pa.DataType],
    timezone: str,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> SliceRecords:
    """Type the named columns; the others stay text. Misfits move to `rejected`, their record as JSON text.

    A number outside its column's range (both ends belong to it) is a misfit, too.
    A misfit's position is its record's number: its offset in the file is no longer known here. Its reason names
    the first column that does not fit, never what it holds.
    """
    table = records.table
    misfit = np.zeros(len(table), bool)
    reasons: dict[int, str] = {}
    typed: dict[str, pa.ChunkedArray] = {}
    zone = ZoneInfo(timezone)
    for name, kind in types.items():
        if name not in table.column_names or pa.types.is_string(kind):
            continue
        convert, reason = _reader_of(kind, zone)
        typed[name], bad = convert(table.column(name).combine_chunks())
        far = _outside(typed[name], ranges[name]) if ranges and name in ranges else None
        for wrong, why in ((bad, reason), (far, Reason.OUT_OF_RANGE)):
            if wrong is not None:
                says = f"{shown_name(name)}: {why}"
                reasons |= dict.fromkeys(np.flatnonzero(wrong & ~misfit).tolist(), says)
                misfit |= wrong
    for name, column in typed.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    if not misfit.any():
        return replace(records, table=table)
    rows = np.flatnonzero(misfit)
    raw = records.table.take(pa.array(rows)).to_pylist()
    rejected = [
        Rejected(
            records.file[row].as_py(),
            number,
            number,
            reasons[row],
            json.dumps(values, ensure_ascii=False).encode(),
        )
        for row, values in zip(rows.tolist(), raw, strict=True)
        for number in [records.record[row].as_py()]
    ]
    keep = pa.array(~misfit)
    return replace(
        records,
        table=table.filter(keep),
        file=records.file.filter(keep),
        record=records.record.filter(keep),
        rejected=(*records.rejected, *rejected),
    )


_Read = tuple[pa.Array, npt.NDArray[np.bool_]]


def _reader_of(kind: pa.DataType, zone: ZoneInfo) -> tuple[Callable[[pa.Array], _Read], Reason]:
    if pa.types.is_decimal(kind):
        return lambda text: _cast(text, kind), Reason.NOT_AMOUNT
    if pa.types.is_integer(kind):
        return lambda text: _integers(text, kind), Reason.NOT_INTEGER
    if pa.types.is_floating(kind):
        return lambda text: _numbers(text, kind), Reason.NOT_NUMBER
    if pa.types.is_timestamp(kind):
        return lambda text: _times(text, zone), Reason.NOT_TIME
    if pa.types.is_date(kind):
        return lambda text: _dates(text, zone), Reason.NOT_DATE
    raise TypeError(f"no reader for the type {kind}")


def _cast(text: pa.Array, kind: pa.DataType) -> _Read:
    """Cast what Arrow casts; the rest is null and a misfit. Halves the column until only misfits are left."""
    good, bad = _halves(text, kind)
    return good, np.asarray(bad, bool)


def _halves(text: pa.Array, kind: pa.DataType) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    try:
        return text.cast(kind), np.zeros(len(text), bool)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return pa.nulls(1, kind), np.ones(1, bool)
    middle = len(text) // 2
    left, right = _halves(text.slice(0, middle), kind), _halves(text.slice(middle), kind)
    return pa.concat_arrays([left[0], right[0]]), np.concatenate([left[1], right[1]])


def _mask(array: pa.Array) -> npt.NDArray[np.bool_]:
    """A boolean array as numpy, null as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), bool)


def _each_distinct(
    text: pa.Array, rows: npt.NDArray[np.bool_], read: Callable[[str], object], kind: pa.DataType
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Read the masked rows with a Python function, once per distinct text; None is a misfit."""
    coded = text.filter(pa.array(rows)).dictionary_encode()
    values = pa.array([read(value) for value in coded.dictionary.to_pylist()], kind)
    found = values.take(coded.indices)
    return found, _mask(found.is_null())


def _repair(
    text: pa.Array, good: pa.Array, bad: npt.NDArray[np.bool_], read: Callable[[str], object]
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Give misfits of the fast cast a second reading."""
    if not bad.any():
        return good, bad
    found, still = _each_distinct(text, bad, read, good.type)
    left = bad.copy()
    left[bad] = still
    return pc.replace_with_mask(good, pa.array(bad), found), left


def _integers(text: pa.Array, kind: pa.DataType) -> _Read:
    hexadecimal = _mask(pc.or_(pc.match_substring(text, "x"), pc.match_substring(text, "X")))
    plain = pc.if_else(pa.array(hexadecimal), pa.scalar("?"), text) if hexadecimal.any() else text
    good, bad = _cast(plain, kind)

    def whole(value: str) -> int | None:
        match = _WHOLE.fullmatch(value)
        number = int(match[1]) if match and len(value) < 40 else None
        return number if number is not None and -(2**63) <= number < 2**63 else None

    return _repair(text, good, bad, whole)


def _numbers(text: pa.Array, kind: pa.DataType) -> _Read:
    good, bad = _cast(text, kind)
    endless = ~_mask(pc.fill_null(pc.is_finite(good), True))
    if endless.any():
        good = pc.if_else(pa.array(endless), pa.scalar(None, kind), good)
    return good, bad | endless


def _outside(numbers: pa.Array, limits: tuple[float, float]) -> npt.NDArray[np.bool_] | None:
    """Rows outside the limits; None where there are none, which the two ends of the column tell."""
    ends = pc.min_max(numbers)
    if not ends["min"].is_valid or limits[0] <= ends["min"].as_py() <= ends["max"].as_py() <= limits[1]:
        return None
    return _mask(pc.or_(pc.less(numbers, limits[0]), pc.greater(numbers, limits[1])))


def _times(text: pa.Array, zone: ZoneInfo) -> _Read:
    try:
        return _bounded(text.cast(_MICROSECOND), np.zeros(len(text), bool))
    except pa.ArrowInvalid:
        pass
    bad = _mask(text.is_valid())
    good = pa.nulls(len(text), _MICROSECOND)
    zoned = _mask(pc.match_substring_regex(text, r"^\d{4}-.{5,22}(Z|[+-]\d\d:?\d\d)$"))
    digits = _mask(pc.match_substring_regex(text, r"^(\d{10}|\d{13})$"))
    plain = bad & ~zoned & ~digits
    for rows, read in ((plain, _plain), (zoned, _instants), (digits, _epochs)):
        if rows.any():
            found, missed = read(text.filter(pa.array(rows)), zone)
            good = pc.replace_with_mask(good, pa.array(rows), found)
            bad[rows] = missed
    good, bad = _repair(text, good, bad, lambda value: _one_time(value, zone))
    return _bounded(good, bad)


def _bounded(good: pa.Array, bad: npt.NDArray[np.bool_]) -> _Read:
    ticks = good.cast(pa.int64())
    outside = _mask(pc.or_(pc.less(ticks, _FIRST), pc.greater_equal(ticks, _LAST)))
    if outside.any():
        good = pc.if_else(pa.array(outside), pa.scalar(None, good.type), good)
    return good, bad | outside


def _plain(text: pa.Array, _: ZoneInfo) -> _Read:
    return _cast(text, _MICROSECOND)


def _instants(text: pa.Array, zone: ZoneInfo) -> _Read:
    good, bad = _cast(text, pa.timestamp("us", "UTC"))
    return _local(good.cast(pa.int64()), zone), bad


def _epochs(text: pa.Array, zone: ZoneInfo) -> _Read:
    number = text.cast(pa.int64())
    seconds = pc.equal(pc.utf8_length(text), 10)
    ticks = pc.multiply(
        number, pc.if_else(seconds, pa.scalar(1_000_000, pa.int64()), pa.scalar(1000, pa.int64()))
    )
    return _local(ticks, zone), np.zeros(len(text), bool)


def _local(ticks: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Microseconds since 1970 UTC -> wall time in the zone. Offsets are looked up once per distinct
    minute.
    """
    numbers = np.asarray(ticks.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
    minutes, inverse = np.unique(numbers // _MINUTE, return_inverse=True)
    offsets = np.array([_offset(int(minute), zone) for minute in minutes], np.int64)
    local = pa.array(numbers + offsets[inverse], _MICROSECOND)
    return pc.if_else(ticks.is_valid(), local, pa.scalar(None, _MICROSECOND))


def _offset(minute: int, zone: ZoneInfo) -> int:
    try:
        offset = (_EPOCH + timedelta(minutes=minute)).astimezone(zone).utcoffset()
    except OverflowError:
        return 0
    return round(offset.total_seconds() * 1_000_000) if offset is not None else 0


def _one_time(text: str, zone: ZoneInfo) -> datetime | None:
    """The rarer forms, one at a time."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, _, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        wall = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
        )  # fmt: skip
        if not offset:
            return wall
        aware = datetime.fromisoformat(f"{wall.isoformat()}{'+00:00' if offset in 'Zz' else offset}")
        return aware.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _dates(text: pa.Array, zone: ZoneInfo) -> _Read:
    good, bad = _cast(text, pa.date32())

    def one(value: str) -> object:
        compact = _DATE.fullmatch(value)
        found = _one_time(f"{compact[1]}-{compact[2]}-{compact[3]}" if compact else value, zone)
        if found is None or (found.hour, found.minute, found.second, found.microsecond) != (0, 0, 0, 0):
            return None
        return found.date()

    return _repair(text, good, bad, one)
