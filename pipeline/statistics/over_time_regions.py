"""Where two tables speak of the same rows: the smallest regions that are whole numbers of cells of both."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from pipeline.statistics.model import NONE, OTHER
from pipeline.statistics.over_time_population import Ints
from pipeline.statistics.over_time_tables import Coordinate, Released

Matrix = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Regions:
    """Leaves of two tables -> regions, at one level of coarseness."""

    columns: tuple[str, ...]  # that tell regions apart
    to_one: Ints = field(repr=False)
    to_other: Ints = field(repr=False)


def regions(one: Sequence[Coordinate], other: Sequence[Coordinate]) -> Iterator[Regions]:
    """Yield the common regions of two tables: the finest, and every margin of it up to the total.

    A leaf whose labels nothing in the other table meets is in no region (-1).
    """
    both = [c.column for c in one if any(c.column == d.column for d in other)]
    parts = {
        column: _components(
            next(c for c in one if c.column == column), next(c for c in other if c.column == column)
        )
        for column in both
    }
    for count in range(len(both), -1, -1):
        for columns in itertools.combinations(both, count):
            kept = {column: parts[column] for column in columns}
            yield Regions(columns, _codes(one, kept, 0), _codes(other, kept, 1))


def _codes(coordinates: Sequence[Coordinate], parts: dict[str, tuple[Ints, Ints, int]], side: int) -> Ints:
    shape = tuple(len(c.labels) for c in coordinates)
    code = np.zeros(shape, dtype=np.int64)
    known: Matrix = np.ones(shape, dtype=bool)
    # The order of columns must not differ between the two sides.
    for column in sorted(parts):
        found, size = parts[column][side], parts[column][2]
        axis = next(i for i, c in enumerate(coordinates) if c.column == column)
        form = [1] * len(shape)
        form[axis] = -1
        code = code * size + np.maximum(found, 0).reshape(form)
        known &= np.asarray(found >= 0).reshape(form)
    return np.where(known, code, -1).ravel()


def _components(one: Coordinate, other: Coordinate) -> tuple[Ints, Ints, int]:
    """Connected parts of the labels of two tables under `have rows in common`; -1 where a label meets nothing."""
    meets = _meeting(one, other)
    first = np.full(len(one.labels), -1, dtype=np.int64)
    second = np.full(len(other.labels), -1, dtype=np.int64)
    number = 0
    for label in range(len(one.labels)):
        if first[label] >= 0 or not meets[label].any():
            continue
        waiting = [label]
        while waiting:
            at = waiting.pop()
            first[at] = number
            for partner in np.flatnonzero(meets[at] & (second < 0)):
                second[partner] = number
                waiting += [int(i) for i in np.flatnonzero(meets[:, partner] & (first < 0))]
        number += 1
    return first, second, max(1, number)


def _meeting(one: Coordinate, other: Coordinate) -> Matrix:
    """Whether a label of one table and a label of the other can have rows in common."""
    kinds = {one.meaning.split(" ")[0], other.meaning.split(" ")[0]}
    meets = np.zeros((len(one.labels), len(other.labels)), dtype=bool)
    if len(kinds) > 1 or (kinds == {"values"} and one.meaning != other.meaning):
        meets[:] = True  # nothing is known, so only their totals are compared
        return meets
    if kinds in ({"unit"}, {"bands"}):
        spans, others = _spans(one), _spans(other)
        for i, span in enumerate(spans):
            for j, against in enumerate(others):
                if span is not None and against is not None:
                    meets[i, j] = span[0] < against[1] and against[0] < span[1]
    else:
        for i, label in enumerate(one.labels):
            for j, against_label in enumerate(other.labels):
                meets[i, j] = label == against_label
    _rest(meets, one, other)
    return meets


def _rest(meets: Matrix, one: Coordinate, other: Coordinate) -> None:
    """`other` meets whatever the table does not name, `(none)` only itself."""
    for mine, theirs, view in ((one, other, meets), (other, one, meets.T)):
        if OTHER in mine.labels:
            at = mine.labels.index(OTHER)
            explicit = [i for i, label in enumerate(mine.labels) if label not in (OTHER, NONE)]
            named: Matrix = np.asarray(view[explicit].any(axis=0))
            for j, label in enumerate(theirs.labels):
                same_words = mine.meaning == theirs.meaning
                view[at, j] = label == OTHER or (label != NONE and not (named[j] and same_words))
        if NONE in mine.labels:
            at = mine.labels.index(NONE)
            for j, label in enumerate(theirs.labels):
                view[at, j] = label == NONE


# ------------------------------------------------------------------ labels as spans


def _spans(one: Coordinate) -> list[tuple[float, float] | None]:
    kind, _, detail = one.meaning.partition(" ")
    if kind == "unit":
        return [_time_span(detail, label) for label in one.labels]
    edges = [float(edge) for edge in detail.split(",")]
    limits = [-np.inf, *edges, np.inf]
    # Bands stand in the order of their edges; `(none)` comes last.
    return [
        (limits[i], limits[i + 1]) if label not in (NONE, OTHER) and i + 1 < len(limits) else None
        for i, label in enumerate(one.labels)
    ]


def _time_span(unit: str, label: str) -> tuple[float, float] | None:
    """First second of a label and of the one after it; None where it is no time."""
    try:
        start, end = time_bounds(unit, label)
    except ValueError:
        return None
    return start.timestamp(), end.timestamp()


def time_bounds(unit: str, label: str) -> tuple[datetime, datetime]:
    """Return when a labelled time begins and ends. Raises ValueError where it is none."""
    if unit == "quarter":
        year, _, quarter = label.partition("-Q")
        begins = _utc(int(year), 3 * int(quarter) - 2)
        return begins, _months_on(begins, 3)
    if unit == "week":
        year, _, week = label.partition("-W")
        begins = datetime.fromisocalendar(int(year), int(week), 1).replace(tzinfo=UTC)
        return begins, begins + timedelta(days=7)
    if unit == "year":
        begins = _utc(int(label), 1)
        return begins, _months_on(begins, 12)
    if unit == "month":
        year, _, month = label.partition("-")
        begins = _utc(int(year), int(month))
        return begins, _months_on(begins, 1)
    begins = datetime.strptime(label, "%Y-%m-%dT%H" if unit == "hour" else "%Y-%m-%d").replace(tzinfo=UTC)
    return begins, begins + (timedelta(hours=1) if unit == "hour" else timedelta(days=1))


def _utc(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def _months_on(begins: datetime, months: int) -> datetime:
    month = begins.month - 1 + months
    return _utc(begins.year + month // 12, month % 12 + 1)


def side_by_side(nights: Sequence[Released], time_column: str | None) -> tuple[Coordinate, ...]:
    """Return the dimensions of several nights put together; the night comes first.

    `time_column` is the time that the other table is told by and these are not: their nights are its days.
    """
    windows = tuple(one.window for one in nights)
    night = (
        Coordinate(time_column, "unit day", windows) if time_column else Coordinate(NIGHT, "night", windows)
    )
    return night, *nights[0].coordinates


NIGHT = "\x00night"  # no column is called so
