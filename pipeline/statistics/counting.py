"""Counting cells: distinct people, rows, exact sums and largest contributions, for every node of every axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics.cells import Axis, Bools, Cells, Ints, Measured
from pipeline.statistics.distinct import count_distinct
from pipeline.statistics.records import Records


@dataclass(frozen=True)
class Counted:
    """What the rules need to know of contributions: how many of the largest, and whether the p% rule looks."""

    largest: int  # n of the dominance rule, 0 without
    p_percent: bool
    scales: Sequence[int]  # decimals of each measured column

    @property
    def depth(self) -> int:
        """How many of the largest contributions are kept."""
        return max(2, self.largest)

    @property
    def asked(self) -> bool:
        """Whether any rule looks at contributions."""
        return self.largest > 0 or self.p_percent


def count_cells(
    axes: Sequence[Axis],
    records: Records,
    counted: Counted,
    limits: tuple[float | None, float | None],
    rows: int,
    rows_without_subject: int,
) -> Cells:
    """Count all cells. `limits` are the percents of the dominance and the p% rule: cells that are so large that
    nobody in the table could pass them are not looked at one by one.
    """
    shape = tuple(len(axis) for axis in axes)
    leaf = _leaf_cells(axes, records)
    size = prod(shape)
    people, contributors = np.zeros(size, dtype=np.int64), np.full((2, size), -1, dtype=np.int64)
    having = [np.zeros(size, dtype=np.int64) for _ in records.columns]
    full = [bool((values > 0).all()) for values in records.values]
    levels = list(_levels(axes, records))
    for cell in levels:
        counts, few = count_distinct(cell, records.person, size, records.people)
        people += counts
        if not records.contributors_are_people:
            many = int(records.contributor.max(initial=0)) + 1
            _, few = count_distinct(cell, records.contributor, size, many)
        contributors = np.maximum(contributors, few)
        for i, values in enumerate(records.values):
            if not full[i]:
                some = np.where(values > 0, cell, -1)
                having[i] += count_distinct(some, records.person, size, records.people)[0]
    measured = []
    for i, column in enumerate(records.columns):
        sums = _summed(axes, leaf, records.sums[i])
        negative = bool((records.sums[i] < 0).any())
        absolute, largest = _contributions(levels, records, i, sums, negative, counted, limits)
        measured.append(
            Measured(
                column,
                counted.scales[i],
                sums,
                absolute,
                _summed(axes, leaf, records.values[i]),
                people if full[i] else having[i],
                largest,
                negative,
            )
        )
    return Cells(
        tuple(axes),
        people,
        _summed(axes, leaf, records.rows),
        tuple(measured),
        contributors,
        rows,
        rows_without_subject,
    )


def _leaf_cells(axes: Sequence[Axis], records: Records) -> Ints:
    cell = np.zeros(len(records.person), dtype=np.int64)
    for axis, code in zip(axes, records.codes, strict=True):
        cell = cell * axis.leaves + code
    return cell


def _levels(axes: Sequence[Axis], records: Records) -> Iterator[Ints]:
    """For every combination of levels, the cell that each record counts in, -1 for none."""
    for maps in product(*(axis.levels for axis in axes)):
        cell = np.zeros(len(records.person), dtype=np.int64)
        outside: Bools | None = None
        for axis, code, nodes in zip(axes, records.codes, maps, strict=True):
            if len(nodes) and nodes[0] >= 0 and (nodes == nodes[0]).all():
                cell = cell * len(axis) + nodes[0]  # a total: every record is in it
                continue
            node = nodes[code]
            if (nodes < 0).any():
                outside = (node < 0) if outside is None else outside | (node < 0)
            cell = cell * len(axis) + node
        yield cell if outside is None else np.where(outside, -1, cell)


def _summed(axes: Sequence[Axis], leaf: Ints, values: NDArray[Any]) -> NDArray[Any]:
    """Exact sums of records for every cell: leaves first, then along each axis's tree."""
    total = np.zeros(prod(axis.leaves for axis in axes), dtype=values.dtype)
    if values.dtype != object and len(values) and float(np.abs(values.astype(np.float64)).sum()) < 2.0**52:
        total = np.rint(np.bincount(leaf, weights=values, minlength=len(total))).astype(np.int64)
    else:
        np.add.at(total, leaf, values)
    grid = total.reshape(tuple(axis.leaves for axis in axes))
    for position, axis in enumerate(axes):
        before = np.moveaxis(grid, position, 0)
        after = np.zeros((len(axis), *before.shape[1:]), dtype=values.dtype)
        for nodes in axis.levels:
            inside = nodes >= 0
            np.add.at(after, nodes[inside], before[inside])
        grid = np.moveaxis(after, 0, position)
    return np.ascontiguousarray(grid).ravel()


# ------------------------------------------------------------------ contributions


def _contributions(
    levels: Sequence[Ints],
    records: Records,
    column: int,
    sums: NDArray[Any],
    negative: bool,
    counted: Counted,
    limits: tuple[float | None, float | None],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the sum of absolute contributions and the largest ones, of every cell."""
    size, values = len(sums), records.sums[column]
    largest = np.zeros((counted.depth, size), dtype=values.dtype)
    if not counted.asked or not len(values):
        return np.abs(sums), largest
    absolute = np.abs(sums).copy()
    most = _most(records, values)
    safe = np.zeros(size, dtype=bool) if negative else _safe(sums, most, counted, limits)
    number = int(records.contributor.max(initial=0)) + 1
    for cell in levels:
        looked = np.flatnonzero((cell >= 0) & ~safe[cell])
        if not len(looked):
            continue
        keys = cell[looked] * number + records.contributor[looked]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        own = np.abs(np.add.reduceat(values[looked][order], starts))
        _rank(ordered[starts] // number, own, absolute, largest)
    largest[:, safe] = most
    return absolute, largest


def _rank(cell: Ints, own: NDArray[Any], absolute: NDArray[Any], largest: NDArray[Any]) -> None:
    """Write each cell's sum and its largest contributions; equal cells are neighbors."""
    starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    absolute[cell[starts]] = np.add.reduceat(own, starts)
    if own.dtype == object:
        order = np.array(sorted(range(len(own)), key=lambda i: (cell[i], -own[i])), dtype=np.int64)
    else:
        order = np.lexsort((-own, cell))
    rank = np.arange(len(cell)) - np.repeat(starts, np.diff(starts, append=len(cell)))
    for place in range(len(largest)):
        at = rank == place
        largest[place, cell[at]] = own[order][at]


def _most(records: Records, values: NDArray[Any]) -> Any:
    """The most that any contributor has in all cells together."""
    per = np.zeros(int(records.contributor.max(initial=0)) + 1, dtype=values.dtype)
    np.add.at(per, records.contributor, np.abs(values))
    return per.max()


def _safe(
    sums: NDArray[Any], most: Any, counted: Counted, limits: tuple[float | None, float | None]
) -> Bools:
    """Cells so large that no contributor of the table, not even with others as large, passes a limit."""
    percent, p = limits
    least = 0.0
    if counted.largest and percent is not None:
        least = max(least, counted.largest * float(most) * 100 / percent)
    if counted.p_percent and p is not None:
        least = max(least, (2 + p / 100) * float(most))
    return np.asarray(sums.astype(np.float64) > least * (1 + 1e-9) + 1)
