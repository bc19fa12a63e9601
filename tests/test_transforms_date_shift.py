"""Shifted times: one secret offset per subject, never zero, order and intervals kept, the calendar never left."""

import datetime as dt
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classes import CLASSES
from pipeline.config.models import TableSource
from pipeline.protect.steps import resolve_step
from transforms import BadParameter, Context, DateShift, Keyring

KEYRING = Keyring({"k1": bytes(range(32))}, "k1")
CONTEXT = Context("analysts", "research", "order_time", "static", "2026-11-01", "orders", "order_time")
US = pa.timestamp("us")


def shifted(values, subjects=None, transform=None, context=CONTEXT, kind=US):
    subject = None if subjects is None else pa.array(subjects, pa.string())
    bound = (transform or DateShift()).bind(KEYRING, context)
    return bound(pa.array(values, kind), subject=subject).to_pylist()


def day(number, hour=0):
    return dt.datetime(2020, 1, 1, hour) + dt.timedelta(days=number)


@settings(max_examples=50, deadline=None)
@given(
    days=st.lists(st.integers(0, 2_000), min_size=2, max_size=20),
    unit=st.sampled_from(["day", "week", "second"]),
)
def test_order_and_intervals_inside_a_subject_stay(days, unit):
    """Every difference between two times of one subject is exactly what it was."""
    times = [day(number, number % 24) for number in days]
    moved = shifted(times, ["acc1"] * len(times), DateShift(unit=unit))
    offsets = {after - before for after, before in zip(moved, times, strict=True)}
    assert len(offsets) == 1
    (offset,) = offsets
    step = {"day": dt.timedelta(days=1), "week": dt.timedelta(days=7), "second": dt.timedelta(seconds=1)}[
        unit
    ]
    assert offset != dt.timedelta(0) and not offset % step
    assert abs(offset) <= dt.timedelta(days=365)


def test_columns_tables_and_types_of_a_subject_move_together():
    """A birth date and an order time of one person keep their distance: the age at the order stays."""
    order = shifted([day(0)], ["acc1"])[0]
    other = Context("analysts", "research", "birth_date", "static", "2026-11-02", "people", "born")
    born = shifted([dt.date(1990, 5, 5)], ["acc1"], context=other, kind=pa.date32())[0]
    assert order.date() - dt.date(2020, 1, 1) == born - dt.date(1990, 5, 5)


def test_recipients_purposes_and_epochs_have_other_offsets():
    """400 subjects: equal offsets are chance, about 1 in 730."""
    people = [f"acc{number}" for number in range(400)]
    base = shifted([day(0)] * 400, people)
    for other in (
        Context("courier", "research", "order_time", "static"),
        Context("analysts", "other", "order_time", "static"),
        Context("analysts", "research", "order_time", "2026-q4"),
    ):
        assert (
            sum(a == b for a, b in zip(base, shifted([day(0)] * 400, people, context=other), strict=True)) < 6
        )


@pytest.mark.parametrize(("unit", "days"), [("day", 30), ("week", 210)])
def test_every_offset_is_equally_likely_and_none_is_zero(unit, days):
    """60,000 subjects over 60 offsets: all occur, chi-square within five standard deviations."""
    transform = DateShift(unit=unit, max_days=days)
    people = [f"acc{number}" for number in range(60_000)]
    moved = shifted([day(0)] * len(people), people, transform)
    step = 7 if unit == "week" else 1
    offsets = np.array([(after - day(0)).days for after in moved])
    found, counts = np.unique(offsets, return_counts=True)
    assert found.tolist() == [n * step for n in range(-30, 31) if n]
    assert abs(((counts - 1_000) ** 2 / 1_000).sum() - 59) < 5 * math.sqrt(2 * 59)
    assert transform.offsets == 60


def test_a_row_without_subject_moves_by_its_own_value():
    """Equal values move alike, other values otherwise; nothing is left where it was."""
    times = [day(0), day(0), day(1), None]
    moved = shifted(times, [None] * 4)
    assert moved == shifted(times)
    assert moved[0] == moved[1] != times[0]
    offsets = {after - before for after, before in zip(moved[:3], times[:3], strict=True)}
    assert len(offsets) == 2 and moved[3] is None
    assert shifted([day(0), day(0)], ["acc1", None])[1] == moved[0]


@pytest.mark.parametrize("kind", [US, pa.date32(), pa.timestamp("s"), pa.date64()], ids=str)
def test_the_calendar_is_never_left(kind):
    """At the ends of years 1 and 9999 the offset turns around, and every reader still takes the result."""
    ends = [dt.date(1, 1, 1), dt.date(9999, 12, 31)]
    people = [f"acc{number}" for number in range(50)]
    for end in ends:
        moved = shifted(
            [dt.datetime.combine(end, dt.time()) if pa.types.is_timestamp(kind) else end] * 50,
            people,
            kind=kind,
        )
        days = [value.date() if isinstance(value, dt.datetime) else value for value in moved]
        assert all(dt.date.min <= value <= dt.date.max and value != end for value in days)
        assert len(set(days)) > 30


def test_nanoseconds_at_the_end_of_their_type_turn_around():
    """64 bits of nanoseconds end in 2262 and 1677."""
    for end in (2**63 - 1, -(2**63) + 1):
        values = pa.array([end] * 20, pa.int64()).view(pa.timestamp("ns"))
        moved = DateShift().bind(KEYRING, CONTEXT)(values, subject=pa.array([f"s{n}" for n in range(20)]))
        away = np.abs(moved.view(pa.int64()).to_numpy().astype(float) - end)
        assert (away >= 86_400e9 * 0.99).all() and (away <= 366 * 86_400e9).all()


def test_subjects_must_fit_the_rows():
    """Too few subjects would move other people's times."""
    with pytest.raises(BadParameter):
        shifted([day(0), day(1)], ["one"])


def test_a_table_without_subject_is_refused_by_the_plan():
    """There would be nobody whose times move together."""
    source = TableSource(path="t.csv", subject="none")
    step, problems = resolve_step(
        "t.c", CLASSES["birth_date"], "c", DateShift(), Context("r", "p", "", "static"), source
    )
    assert step is None
    assert problems[0].code == 5 and re.search("subject is none", problems[0].message)
