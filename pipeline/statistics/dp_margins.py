"""Cells and totals of a table with noise: every way to look at the leaves of its dimensions' trees."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from pipeline.statistics.cells import TOP, Axis, Ints


@dataclass(frozen=True)
class Margin:
    """One level of each dimension: the cells, or one kind of total."""

    # Of each dimension: leaf -> place at this level, -1 for none.
    places: tuple[Ints, ...] = field(repr=False)
    nodes: tuple[Ints, ...] = field(repr=False)  # place -> node of the dimension

    @property
    def size(self) -> tuple[int, ...]:
        """Places of each dimension."""
        return tuple(len(nodes) for nodes in self.nodes)

    @property
    def cells(self) -> int:
        """How many there are."""
        return prod(self.size)

    def codes(self, leaves: Sequence[Ints]) -> Ints:
        """The cell of each record from its leaf in every dimension; -1 where it is in none of this margin."""
        number = len(leaves[0]) if leaves else 0
        code = np.zeros(number, dtype=np.int64)
        inside = np.ones(number, dtype=bool)
        for places, at, size in zip(self.places, leaves, self.size, strict=True):
            code = code * size + places[at]
            inside &= places[at] >= 0
        return np.where(inside, code, -1)


def margins(axes: Sequence[Axis]) -> tuple[Margin, ...]:
    """Return the cells first, then every kind of total. Together they have each published row once."""
    found = []
    for maps in itertools.product(*(axis.levels for axis in axes)):
        nodes = tuple(np.unique(one[one >= 0]) for one in maps)
        places = tuple(
            np.where(one >= 0, np.searchsorted(known, one), -1)
            for one, known in zip(maps, nodes, strict=True)
        )
        found.append(Margin(places, nodes))
    return tuple(found)


def leaves_of(axes: Sequence[Axis]) -> tuple[tuple[str, ...], ...]:
    """Return the labels of the leaves of every dimension."""
    return tuple(axis.labels[: axis.leaves] for axis in axes)


def flat(number: int) -> Axis:
    """A dimension of so many leaves and no total."""
    return Axis("", ("",) * number, (TOP,) * number, ("",) * number, (False,) * number)


def added_up(leaves: Ints, axes: Sequence[Axis]) -> Ints:
    """Return the figures of all nodes from those of the leaves, along every dimension's tree."""
    grid = leaves
    for position, axis in enumerate(axes):
        before = np.moveaxis(grid, position, 0)
        after = np.zeros((len(axis), *before.shape[1:]), dtype=before.dtype)
        for nodes in axis.levels:
            inside = nodes >= 0
            np.add.at(after, nodes[inside], before[inside])
        grid = np.moveaxis(after, 0, position)
    return np.ascontiguousarray(grid)


def between_parts(grid: Ints, axes: Sequence[Axis]) -> Ints:
    """Make numbers of people fit: a total is at least its largest part and at most the sum of its parts.

    People are not additive (one person may be in several cells), so totals have noise of their own. Totals of few
    cells are settled before those made of them.
    """
    fitted = grid.copy()
    heights = [_heights(axis) for axis in axes]
    levels = itertools.product(*(range(max(one, default=0) + 1) for one in heights))
    for level in sorted(levels, key=lambda one: (sum(one), one)):
        rows = [np.flatnonzero(np.array(one) == high) for one, high in zip(heights, level, strict=True)]
        for position, axis in enumerate(axes):
            for node in rows[position].tolist() if level[position] else ():
                place, parts = list(rows), list(rows)
                place[position], parts[position] = np.array([node]), np.array(axis.children[node])
                below = fitted[np.ix_(*parts)]
                fitted[np.ix_(*place)] = np.clip(
                    fitted[np.ix_(*place)],
                    below.max(axis=position, keepdims=True),
                    below.sum(axis=position, keepdims=True),
                )
    return fitted


def _heights(axis: Axis) -> list[int]:
    """How many steps the farthest leaf lies below each node."""
    heights = [0] * len(axis)
    for leaf in range(axis.leaves):
        for height, node in enumerate(axis.ancestors(leaf)):
            heights[node] = max(heights[node], height)
    return heights
