"""What a raw value is called in a published dimension."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.statistics_models import Dimension
from pipeline.statistics.dimensions import declared_labels, label


def labels(array: pa.Array, **fields: Any) -> list[str]:
    answer = label(Dimension(column="c", **fields), array)
    answer.validate(full=True)
    assert len(set(answer.dictionary.to_pylist())) == len(answer.dictionary)
    return answer.cast(pa.string()).to_pylist()


@pytest.mark.parametrize("encoded", [False, True])
def test_text_is_its_own_label_but_never_poses_as_total_or_null(encoded: bool) -> None:
    cities = pa.array(["Perth", None, "*", "(none)", "other", "", "Perth"])
    cities = cities.dictionary_encode() if encoded else cities
    assert labels(cities) == ["Perth", "(none)", "other", "other", "other", "", "Perth"]
    assert labels(cities, values=["Perth"]) == ["Perth", "(none)", *["other"] * 4, "Perth"]


def test_nulls_and_repeats_inside_a_dictionary_are_one_label() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["a", None, "a"]))
    assert labels(array) == ["a", "(none)", "a", "(none)"]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("year", "2027"),
        ("quarter", "2027-Q1"),
        ("month", "2027-01"),
        ("week", "2026-W53"),
        ("day", "2027-01-01"),
        ("hour", "2027-01-01T23"),
    ],
)
def test_time_units_are_iso_8601(unit: str, expected: str) -> None:
    """1 January 2027 is a Friday, so its week is the last one of 2026."""
    times = pa.array([datetime(2027, 1, 1, 23, 59, 59, 999999), None], pa.timestamp("us"))
    assert labels(times, unit=unit) == [expected, "(none)"]
    assert labels(times, unit=unit, values=["1999"]) == ["other", "(none)"]
    if unit != "hour":
        assert labels(pa.array([date(2027, 1, 1)]), unit=unit) == [expected]


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_weeks_are_those_of_the_calendar(time: datetime) -> None:
    year, week, _ = time.isocalendar()
    assert labels(pa.array([time], pa.timestamp("us")), unit="week") == [f"{year}-W{week:02d}"]


def test_an_edge_belongs_to_the_band_above_it_exactly() -> None:
    """0.1 as a double is more than one tenth: a price of 0.10 would fall below its own edge."""
    prices = pa.array([Decimal("0.09"), Decimal("0.10"), Decimal("0.29"), Decimal("0.30"), None])
    prices = prices.cast(pa.decimal128(18, 2))
    bands = [0.1, 0.3]
    assert labels(prices, bands=bands) == ["<0.1", "0.1-<0.3", "0.1-<0.3", ">=0.3", "(none)"]
    assert labels(pa.array([19, 20, 29, 30]), bands=[20, 30]) == ["<20", "20-29", "20-29", ">=30"]


def test_no_row_has_a_label_that_its_closed_dimension_does_not_declare() -> None:
    numbers = pa.array([float("nan"), float("inf"), -1.0, 0.0, None])
    dimension = Dimension(column="c", bands=[0, 1])
    assert set(labels(numbers, bands=[0, 1])) <= set(declared_labels(dimension, pa.float64()))


def test_whole_numbers_without_bands_are_their_own_labels() -> None:
    assert labels(pa.array([1, -2, None])) == ["1", "-2", "(none)"]
