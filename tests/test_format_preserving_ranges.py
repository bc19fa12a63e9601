"""Format-preserving tokens of numbers and times, and what the output domain holds."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classes import CLASSES
from pipeline.protect.steps import facts_of
from tests.form_cases import AU, FIXED, KEYRING, context, refused
from transforms import (
    BadParameter,
    FormatPreserving,
    UnsuitableColumn,
)
from transforms.token_form import FormatPreserved

# ------------------------------------------------------------------ numbers and times

AMOUNT = FormatPreserving(low="0", high="99999.99")


def test_amounts_stay_inside_their_range_and_come_back() -> None:
    values = pa.array([Decimal(n * 7919 % 10**7) / 100 for n in range(2000)], pa.decimal128(18, 2))
    bound = AMOUNT.bind(KEYRING, context("amount"))
    found = bound(values)
    assert found.null_count <= 1
    assert 0 <= pc.min(found).as_py() <= pc.max(found).as_py() <= Decimal("99999.99")
    known = found.is_valid()
    assert bound.reveal(found.filter(known)).equals(values.filter(known).cast(pa.string()))


def test_what_lies_outside_the_range_is_null() -> None:
    values = pa.array([Decimal("-0.01"), Decimal("100000"), Decimal("1.50"), None], pa.decimal128(18, 2))
    assert AMOUNT.bind(KEYRING, context("amount"))(values).is_valid().to_pylist() == [
        False,
        False,
        True,
        False,
    ]


def test_times_stay_on_whole_seconds() -> None:
    transform = FormatPreserving(low="2026-01-01", high="2026-12-31 23:59:59")
    start = dt.datetime(2026, 11, 1, 3, 4, 5)
    values = pa.array(
        [start, start + dt.timedelta(microseconds=1), dt.datetime(2027, 1, 1)], pa.timestamp("us")
    )
    found = transform.bind(KEYRING, context("order_time"))(values).to_pylist()
    assert found[0].year == 2026
    assert found[0].microsecond == 0
    assert found[1:] == [None, None]


@settings(max_examples=30, deadline=None)
@given(low=st.integers(-(2**62), 2**62 - 10**6), size=st.integers(10**6, 2**62), seed=st.integers(0, 2**32))
def test_any_range_of_integers_is_permuted(low: int, size: int, seed: int) -> None:
    """From a million to 2^62 values, negative ones, and both ends of the range."""
    high = min(low + size - 1, 2**63 - 1)
    transform = FormatPreserving(low=str(low), high=str(high))
    values = pa.array(
        [low, high, *(int(v) for v in np.random.default_rng(seed).integers(low, high, 20))], pa.int64()
    )
    bound = transform.bind(KEYRING, context("quantity"))
    found = bound(values)
    known = found.is_valid()
    assert low <= pc.min(found).as_py() <= pc.max(found).as_py() <= high
    assert bound.reveal(found.filter(known)).equals(values.filter(known).cast(pa.string()))


def test_a_range_is_a_permutation_and_what_maps_to_itself_is_null() -> None:
    """All million whole numbers, each once, but for one fixed point."""
    values = pa.array(range(10**6), pa.int64())
    found = FormatPreserving(low="0", high="999999").bind(FIXED, context("quantity"))(values)
    assert found.null_count == 1
    assert pc.count_distinct(found, mode="only_valid").as_py() == 10**6 - 1
    assert not pc.any(pc.equal(found, values)).as_py()


def test_ranges_that_leave_too_few_or_do_not_fit_are_refused() -> None:
    day = FormatPreserving(low="1900-01-01", high="2026-12-31")
    assert "46,386 values" in refused(day, "birth_date")
    assert "100 values" in refused(FormatPreserving(low="1", high="100"), "quantity")
    for transform, data_class in [
        (FormatPreserving(), "amount"),
        (FormatPreserving(low="a", high="b"), "amount"),
        (FormatPreserving(low="0", high="9"), "mobile_phone"),
    ]:
        with pytest.raises(UnsuitableColumn):
            transform.output(facts_of(CLASSES[data_class]))
    with pytest.raises(BadParameter):
        FormatPreserving(low="9", high="1").output(facts_of(CLASSES["quantity"]))


# ------------------------------------------------------------------ output domain


@pytest.mark.parametrize(
    ("transform", "domain", "inside", "outside"),
    [
        (
            AU,
            "phone",
            ["+61491570006", "0491570006", "[PHONE]"],
            ["+6112345", "+61 491570006", "a", "", "+0491570006"],
        ),
        (
            FormatPreserving(normal_form="phone:AU", keep_prefix=3),
            "phone",
            ["+61491570006", "+8613800138000"],
            ["+6512345678", "[ORDER_ID]"],
        ),
        (
            FormatPreserving(),
            "bank_card",
            ["4111 1111 1111 1112", "1234567"],
            ["4111111111111111", "4111111111111113", "4111 1111 1111 111x", "12345"],
        ),
        (FormatPreserving(), "imei", ["490154203237518", "490154203237511"], ["49015420323751a", "49015"]),
        (
            FormatPreserving(),
            "national_id",
            ["11010519491231002X"],
            ["1101051949123100XX", "X1010519491231002X"],
        ),
        (
            FormatPreserving(alphabet="upper_alphanumeric", keep_prefix=2),
            "serial",
            ["SN-4F7K-99", "so-1234"],
            ["SN-4f7k-99", "SN4F7", "SN-4F7K-9é", "SN-4F7K_*9"],
        ),
    ],
)
def test_the_domain_holds_exactly_what_can_come_out(
    transform: FormatPreserving, domain: str, inside: list[str], outside: list[str]
) -> None:
    form = transform._form(domain)
    assert form.holds(pa.array([*inside, None])).to_pylist() == [True] * (len(inside) + 1), inside
    assert form.holds(pa.array([*outside, None])).to_pylist() == [False] * len(outside) + [True], outside
    assert form.holds(pa.array([1, None])).to_pylist() == [False, True]
    assert form.holds(pa.array([*inside, *outside], pa.large_string())).to_pylist() == [True] * len(
        inside
    ) + [False] * len(outside)


def test_raw_text_is_searched_for_where_ends_are_kept() -> None:
    assert not FormatPreserved("0123456789").holds_raw_text
    assert FormatPreserved("0123456789", keep_prefix=2).holds_raw_text
    assert FormatPreserved("0123456789", keep_suffix=4).holds_raw_text
