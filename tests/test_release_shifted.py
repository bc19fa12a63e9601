"""The gate on fakes and shifted dates: none equals its own raw cell, and no column tells its offsets."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.engines.model import SliceView
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, Step
from pipeline.release.gate import prove
from pipeline.release.shifted import count_near_dates, inspect_shifts
from pipeline.release.untouched import raw_column, untouched
from transforms import ColumnFacts, Context, DateShift, Surrogate, Transform

DATE = "2026-11-01"


def step_of(transform: Transform, data_class: str, kind: pa.DataType) -> Step:
    context = Context("analysts", "test", data_class, "static", DATE, "orders", "c")
    output = transform.output(ColumnFacts(data_class, "quasi_identifier", 3, kind))
    return Step("c", data_class, transform, output.type, output.domain, context)


@pytest.mark.parametrize(
    ("step", "raw"),
    [
        (step_of(Surrogate(), "person_name", pa.string()), pa.array(["Ann Lee", None, "Bob Ray", "Ann Lee"])),
        (
            step_of(DateShift(), "birth_date", pa.date32()),
            pa.array([dt.date(1980, 1, 1), None, dt.date(1990, 1, 1), dt.date(1980, 1, 1)]),
        ),
        (
            step_of(DateShift(), "order_time", pa.timestamp("us")),
            pa.array([dt.datetime(1980, 1, 1, 5), None, dt.datetime(1990, 1, 1), dt.datetime(1980, 1, 1, 5)]),
        ),
    ],
    ids=["surrogate", "date", "time"],
)
def test_a_cell_that_was_left_as_it_is_is_found(step, raw):
    """Two raw cells published by mistake, in another order of rows, are two hits; nulls are none."""
    order = np.array([3, 1, 0, 2])
    moved = raw.take(pa.array(order))
    changed = moved.take(pa.array([3, 1, 3, 0]))  # rows 0, 2 and 3 hold another row's cell
    originals = raw_column(step, raw)
    assert originals is not None
    assert untouched(step, moved, originals, order) == 3
    assert untouched(step, changed, originals, order) == 0


def view_and_plan(days: list[int | None], kind: pa.DataType, released: list[int]) -> tuple[SliceView, Plan]:
    """One slice whose dates lie so many days from the release's, and the plan that shifts them."""
    values = [None if day is None else dt.date(2026, 11, 1) + dt.timedelta(days=day) for day in days]
    step = step_of(DateShift(), "date", kind)
    release = ReleasePlan(
        4, "analysts", "test", "contract", "static", "", (ExportPlan("orders", "parquet", (step,)),)
    )
    raw = pa.array(values, pa.date32()).cast(kind)
    view = SliceView("orders", 0, {"c": raw}, None, {4: pa.array(released)}, {}, b"")
    return view, Plan("job", DATE, {}, (release,), "")


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")], ids=str)
def test_the_window_is_thirty_days_on_either_side(kind):
    """-30 and +30 belong to it, -31 and +31 do not; nulls and withheld rows do not count."""
    view, plan = view_and_plan([-31, -30, 0, 30, 31, None, 0], kind, [0, 1, 2, 3, 4, 5])
    (found,) = count_near_dates(view, plan, Path())
    assert (found.near, found.values) == (3, 5)
    hits = prove(plan, inspect_shifts([found]), Path()).of(4).hits
    assert [(hit.rule, hit.column, hit.cells) for hit in hits] == [("shifted", "c", 3)]
    assert "60% within 30 days" in str(hits[0])


def test_the_last_moment_of_the_window_belongs_to_it():
    """23:59:59.999999 of day +30 is near, midnight of day +31 is not."""
    view, plan = view_and_plan([0], pa.timestamp("us"), [0, 1])
    last = dt.datetime(2026, 12, 1, 23, 59, 59, 999999)
    raw = pa.array([last, last + dt.timedelta(microseconds=1)], pa.timestamp("us"))
    view = SliceView("orders", 0, {"c": raw}, None, {4: pa.array([0, 1])}, {}, b"")
    (found,) = count_near_dates(view, plan, Path())
    assert (found.near, found.values) == (1, 2)


def test_slices_are_added_up_and_half_is_allowed():
    """Two slices, one all near and one all far, are one column at half: passed. One more near cell is too many."""
    near, far = (view_and_plan([day] * 4, pa.date32(), [0, 1, 2, 3]) for day in (0, 400))
    counts = [*count_near_dates(*near, Path()), *count_near_dates(*far, Path())]
    assert inspect_shifts(counts) == ()
    more = count_near_dates(*view_and_plan([0], pa.date32(), [0]), Path())
    assert len(inspect_shifts([*counts, *more])) == 1
    assert inspect_shifts(count_near_dates(*view_and_plan([None], pa.date32(), [0]), Path())) == ()
