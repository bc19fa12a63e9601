"""Shifted dates beside the release's own date: counted over every row, where the plan only saw a sample.

The folder is named by the date. Where most values of a column lie around it, a shifted value tells its offset, and
with it all dates of the subject.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan
from pipeline.protect.sampled_values import MOST_IN_WINDOW, WINDOW_DAYS
from pipeline.release.gate import Hit, SliceFindings


@dataclass(frozen=True)
class NearDates:
    """How many values of one shifted column lie around the release's date, in one slice."""

    release: int
    table: str
    column: str
    data_class: str
    near: int
    values: int


def count_near_dates(view: SliceView, plan: Plan, staging: Path) -> tuple[NearDates, ...]:
    """Count in the child, while the raw columns are there; one entry per shifted column of each release."""
    found = []
    for release in plan.releases:
        for export in release.exports:
            if export.table != view.table or release.number not in view.released:
                continue
            for step in export.steps:
                if step.transform.transform == "date_shift":
                    raw = view.columns[step.column].take(view.released[release.number]).drop_null()
                    near = _near(raw, plan.date)
                    found.append(
                        NearDates(release.number, view.table, step.column, step.data_class, near, len(raw))
                    )
    return tuple(found)


def _near(values: pa.Array, date: str) -> int:
    day = calendar_date.fromisoformat(date)
    # A time belongs to its day: the first moment behind the window is that of the next day.
    first = pa.scalar(day - timedelta(days=WINDOW_DAYS), pa.date32()).cast(values.type)
    behind = pa.scalar(day + timedelta(days=WINDOW_DAYS + 1), pa.date32()).cast(values.type)
    inside = pc.and_(pc.greater_equal(values, first), pc.less(values, behind))
    return int(pc.sum(inside, min_count=0).as_py())


def inspect_shifts(counts: Iterable[NearDates]) -> tuple[SliceFindings, ...]:
    """Join the slices' counts; a column most of whose values lie around the date is a hit, which `prove` takes up."""
    totals: dict[tuple[int, str, str, str], tuple[int, int]] = {}
    for one in counts:
        place = (one.release, one.table, one.column, one.data_class)
        near, values = totals.get(place, (0, 0))
        totals[place] = near + one.near, values + one.values
    return tuple(
        SliceFindings(
            table, 0, hits=(Hit(release, table, column, data_class, "shifted", near, _says(near, values)),)
        )
        for (release, table, column, data_class), (near, values) in totals.items()
        if near > MOST_IN_WINDOW * values
    )


def _says(near: int, values: int) -> str:
    share = f"{near / values:.0%}"
    return f"lies {share} within {WINDOW_DAYS} days of the release's date, which tells the offsets of shifted dates"
