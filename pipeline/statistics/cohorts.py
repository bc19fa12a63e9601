"""Cohort return: people by the period of their first row, and how many come back so many periods later."""

from datetime import date, timedelta

import numpy as np

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.axes import cohort_axes
from pipeline.statistics.cells import Cells, Ints
from pipeline.statistics.distinct import distinct
from pipeline.statistics.model import RESERVED
from pipeline.statistics.records import Records


def cohort_cells(spec: StatisticSpec, records: Records, rows: int, without: int) -> Cells:
    """Count people by (first period, periods until a later row).

    All periods between the first and the last of the input are listed; what would lie after the last one is
    absent. A person's first row is the first of the input: who bought before it is new in it.
    """
    assert spec.cohort is not None
    periods = _all_periods([x for x in records.labels[0] if x not in RESERVED], spec.cohort.unit)
    place = {label: number for number, label in enumerate(periods)}
    target = np.array([place.get(label, -1) for label in records.labels[0]], dtype=np.int64)
    period = target[records.codes[0]] if len(records.person) else np.zeros(0, dtype=np.int64)
    person = records.person[period >= 0]
    period = period[period >= 0]
    first = np.full(records.people, len(periods), dtype=np.int64)
    np.minimum.at(first, person, period)
    axes = cohort_axes(spec.cohort, periods, total=spec.has_total("cohort"))
    number = len(axes[1])
    after = period - first[person]
    inside = after < number
    at = (first[person] * number + after)[inside]
    seen = distinct(at, person[inside], len(axes[0]) * number, records.people)
    cell, who = seen // max(records.people, 1), seen % max(records.people, 1)
    counts = np.zeros((len(axes[0]), number), dtype=np.int64)
    np.add.at(counts.ravel(), cell, 1)
    people = counts
    if spec.has_total("cohort"):
        people[-1] = counts[: len(periods)].sum(axis=0)
    absent = np.zeros(people.shape, dtype=bool)
    for start in range(len(periods)):
        absent[start, len(periods) - start :] = True
    return Cells(
        axes,
        people.ravel(),
        np.zeros(people.size, dtype=np.int64),
        (),
        _few(cell, who, people, len(periods), spec.has_total("cohort")),
        rows,
        without,
        absent.ravel(),
        _pairs(people.shape, absent),
    )


def _few(cell: Ints, who: Ints, people: Ints, periods: int, has_total: bool) -> Ints:
    """Who is in the cells of one or two people."""
    found = np.full((2, people.size), -1, dtype=np.int64)
    number = people.shape[1]
    pairs = [(cell, who)]
    if has_total:
        total = periods * number + cell % number
        pairs.append((total, who))
    for at, person in pairs:
        few = people.ravel()[at] <= 2
        for c, p in zip(at[few].tolist(), person[few].tolist(), strict=True):
            found[0, c] = p if found[0, c] < 0 else min(found[0, c], p)
            found[1, c] = max(found[1, c], p)
    return found


def _pairs(shape: tuple[int, ...], absent: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> Ints:
    """Who came back was there before: (later cell, its cohort)."""
    grid = np.arange(int(np.prod(shape))).reshape(shape)
    later = ~absent
    later[:, 0] = False
    rows, columns = np.nonzero(later)
    return np.stack([grid[rows, columns], grid[rows, np.zeros_like(columns)]], axis=1).astype(np.int64)


def _all_periods(labels: list[str], unit: str) -> tuple[str, ...]:
    if not labels:
        return ()
    first, last = min(labels), max(labels)
    found, at = [first], first
    while at < last:
        at = next_period(at, unit)
        found.append(at)
    return tuple(found)


def next_period(label: str, unit: str) -> str:
    """Return the label of the month, week or day after this one."""
    if unit == "month":
        year, month = int(label[:4]), int(label[5:7])
        return f"{year + month // 12}-{month % 12 + 1:02d}"
    if unit == "week":
        following = date.fromisocalendar(int(label[:4]), int(label[6:]), 1) + timedelta(days=7)
        year, week, _ = following.isocalendar()
        return f"{year}-W{week:02d}"
    return (date.fromisoformat(label) + timedelta(days=1)).isoformat()
