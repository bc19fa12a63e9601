"""Who is under 14, from what the tables themselves say: birth dates, ages, resident ids.

Where a value leaves room (a year without a day, day and month in doubt), the youngest reading counts: a row
too many is withheld rather than one too few.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms import check_digits

MINOR_AGE = 14  # years; a person is of age from the 14th birthday on

# Patterns of written birth dates, by what they leave open. Anything else says nothing about age.
_YEAR_FIRST = r"^(?P<y>[12]\d{3})[-/.年](?P<m>0?[1-9]|1[0-2])[-/.月](?P<d>0?[1-9]|[12]\d|3[01])日?(?:$|[T ])"
_COMPACT = r"^(?P<y>[12]\d{3})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])$"
_YEAR_LAST = r"^(?P<a>0?[1-9]|[12]\d|3[01])[-/.](?P<b>0?[1-9]|[12]\d|3[01])[-/.](?P<y>[12]\d{3})(?:$|[T ])"
_YEAR_MONTH = r"^(?P<y>[12]\d{3})[-/.年]?(?P<m>0[1-9]|1[0-2]|[1-9](?:$|月))月?$"
_YEAR = r"^(?P<y>[12]\d{3})年?$"

# GB 11643-1999; the last of 18 characters is a check digit by ISO/IEC 7064, MOD 11-2.
_RESIDENT_18 = r"^[1-9]\d{5}(?P<y>[12]\d{3})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])\d{3}[\dX]$"
_RESIDENT_15 = r"^[1-9]\d{5}(?P<y>\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])\d{3}$"


def minors_in(subject: pa.Array, columns: Sequence[tuple[str, pa.Array]], on: date) -> pa.Array:
    """Return the distinct subjects, sorted, whom any row shows to be under 14 on the date `on`.

    `columns` are (data class, values) as long as `subject`; classes other than `birth_date`, `age` and
    `national_id` are passed over. Values may be typed or text. Rows without a subject name nobody.
    """
    young = pa.array(np.zeros(len(subject), dtype=bool))
    for data_class, values in columns:
        if (rule := _RULES.get(data_class)) is not None:
            coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
            young = pc.or_(young, rule(coded.dictionary, on).take(coded.indices).fill_null(False))
    names = subject.filter(young).drop_null()
    names = names.cast(pa.string()) if pa.types.is_dictionary(names.type) else names
    return names.unique().sort()


def _youngest_allowed(on: date) -> int:
    """Return the latest birth date of a person who is 14 on `on`, as yyyymmdd: later means under 14.

    Numbers, not dates: who was born on 29 February comes of age on 1 March of a common year.
    """
    return (on.year - MINOR_AGE) * 10_000 + on.month * 100 + on.day


def _by_birth_date(values: pa.Array, on: date) -> pa.Array:
    if pa.types.is_temporal(values.type):
        days = values.cast(pa.timestamp("us"))
        number = _number(pc.year(days), pc.month(days), pc.day(days))
        return pc.greater(number, _youngest_allowed(on))
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    readings = [
        _written(text, _YEAR_FIRST),
        _written(text, _COMPACT),
        _year_last(text),
        _written(text, _YEAR_MONTH, day=31),
        _written(text, _YEAR, month=12, day=31),
    ]
    return pc.greater(pc.coalesce(*readings), _youngest_allowed(on))


def _by_age(values: pa.Array, on: date) -> pa.Array:
    """Negative ages and texts that are no whole number say nothing."""
    del on  # an age is as of its row, which is the run's
    if pa.types.is_integer(values.type):
        number = values
    else:
        text = pc.utf8_trim_whitespace(values.cast(pa.string()))
        plain = pc.match_substring_regex(text, r"^\d{1,3}(?:\.0*)?$")
        whole = pc.if_else(
            plain, pc.replace_substring_regex(text, r"\.0*$", ""), pa.scalar(None, pa.string())
        )
        number = whole.cast(pa.int64())
    return pc.and_(pc.greater_equal(number, 0), pc.less(number, MINOR_AGE))


def _by_resident_id(values: pa.Array, on: date) -> pa.Array:
    text = pc.ascii_upper(pc.replace_substring_regex(values.cast(pa.string()), r"[\s\-]", ""))
    long = pc.if_else(_check_digit_holds(text), _written(text, _RESIDENT_18), pa.scalar(None, pa.int64()))
    # 15 digits were issued until 1999, so all of them are of the 1900s; they have no check digit.
    short = pc.add(_written(text, _RESIDENT_15), 19_000_000)
    return pc.greater(pc.coalesce(long, short), _youngest_allowed(on))


_RULES: Mapping[str, Callable[[pa.Array, date], pa.Array]] = {
    "birth_date": _by_birth_date,
    "age": _by_age,
    "national_id": _by_resident_id,
}
AGE_CLASSES = frozenset(_RULES)


def _written(text: pa.Array, pattern: str, *, month: int = 0, day: int = 0) -> pa.Array:
    """Read yyyymmdd by a pattern with groups y, m, d; `month` and `day` stand in for groups it lacks."""
    parts = pc.extract_regex(text, pattern)
    m = month or _whole(parts, "m")
    d = day or _whole(parts, "d")
    return _number(_whole(parts, "y"), m, d)


def _year_last(text: pa.Array) -> pa.Array:
    """Day and month in either order: the later reading that is a date."""
    parts = pc.extract_regex(text, _YEAR_LAST)
    year, a, b = _whole(parts, "y"), _whole(parts, "a"), _whole(parts, "b")
    month_first = pc.if_else(pc.less_equal(a, 12), _number(year, a, b), None)
    day_first = pc.if_else(pc.less_equal(b, 12), _number(year, b, a), None)
    return pc.max_element_wise(month_first, day_first, skip_nulls=True)


def _whole(parts: pa.Array, name: str) -> pa.Array:
    return pc.replace_substring_regex(pc.struct_field(parts, name), r"\D", "").cast(pa.int64())


def _number(year: pa.Array, month: pa.Array | int, day: pa.Array | int) -> pa.Array:
    return pc.add(pc.add(pc.multiply(year, 10_000), pc.multiply(month, 100)), day)


def _check_digit_holds(text: pa.Array) -> pa.Array:
    """Whether a text of 18 characters of the resident id's shape ends in the right check character."""
    shaped = np.asarray(pc.match_substring_regex(text, _RESIDENT_18).fill_null(False))
    holds = np.zeros(len(text), dtype=bool)
    if shaped.any():
        joined = "".join(text.filter(pa.array(shaped)).to_pylist()).encode()
        characters = np.frombuffer(joined, dtype=np.uint8).reshape(-1, 18)
        holds[shaped] = check_digits.offset("mod11_2", characters, 17) == 0
    return pa.array(holds)
