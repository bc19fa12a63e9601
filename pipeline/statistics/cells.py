"""What aggregation hands to protection: every cell of a statistic, totals and empty ones included, as dense arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TOP = -1  # parent of a node that is part of nothing


@dataclass(frozen=True)
class Axis:
    """One dimension: its nodes in published order, leaves first, and the tree that adds them up.

    `parents` has for each node the node that it is part of, or `TOP`. `conditions` has for each node what its
    rows have in common, in words that are equal in every table of equal rows (`city=Perth`); the total's is
    empty. `hidden` nodes are never published: the relations need them.
    """

    column: str
    labels: tuple[str, ...] = field(repr=False)
    parents: tuple[int, ...] = field(repr=False)
    conditions: tuple[str, ...] = field(repr=False)
    hidden: tuple[bool, ...] = field(repr=False)
    is_time: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each node the nodes that are part of it."""
        found: list[list[int]] = [[] for _ in self.labels]
        for node, parent in enumerate(self.parents):
            if parent != TOP:
                found[parent].append(node)
        return tuple(map(tuple, found))

    @cached_property
    def leaves(self) -> int:
        """How many nodes, the first ones, are leaves."""
        return sum(not children for children in self.children)

    def ancestors(self, node: int) -> tuple[int, ...]:
        """The node itself, then what it is part of, up to the top."""
        path = [node]
        while self.parents[path[-1]] != TOP:
            path.append(self.parents[path[-1]])
        return tuple(path)

    @cached_property
    def levels(self) -> tuple[Ints, ...]:
        """Maps of leaves to nodes that together name every node once, with all its leaves.

        In map h a leaf stands for what it is part of h levels above the lowest leaf, or for -1.
        """
        ranks = [0] * len(self)
        for leaf in range(self.leaves):
            for height, node in enumerate(self.ancestors(leaf)):
                ranks[node] = max(ranks[node], height)
        maps = np.full((max(ranks, default=0) + 1, self.leaves), -1, dtype=np.int64)
        for leaf in range(self.leaves):
            for node in self.ancestors(leaf):
                maps[ranks[node], leaf] = node
        return tuple(maps)


@dataclass(frozen=True)
class Measured:
    """What the cells say about one column; one entry a cell, sums as whole numbers of 10^-scale.

    `largest` has the greatest contributions of single contributors in absolute value, greatest first; `absolute`
    is the sum of all of them. Where a cell is too large for any contributor to matter, `largest` holds upper
    bounds that say so.
    """

    column: str
    scale: int
    sums: NDArray[Any] = field(repr=False)
    absolute: NDArray[Any] = field(repr=False)
    values: Ints = field(repr=False)
    people: Ints = field(repr=False)
    largest: NDArray[Any] = field(repr=False)
    has_negative: bool = False


@dataclass(frozen=True)
class Cells:
    """All cells of one statistic, in C order over its axes; empty ones have zeros.

    `contributors` has, for cells of one or two people, who they are (run-local numbers, the same person twice
    in a cell of one); -1 elsewhere. No entry is a raw value, but small counts are confidential.
    """

    axes: tuple[Axis, ...]
    people: Ints = field(repr=False)
    rows: Ints = field(repr=False)
    measured: tuple[Measured, ...] = field(repr=False)
    contributors: Ints = field(repr=False)  # (2, cells)
    rows_aggregated: int = 0
    rows_without_subject: int = 0
    absent: Bools | None = field(default=None, repr=False)  # cells that cannot exist, and are never listed
    # Pairs (part, whole): no part is more than its whole.
    within: Ints | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes of each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return prod(self.shape)

    def of(self, column: str) -> Measured:
        """What the cells say about one column."""
        return next(one for one in self.measured if one.column == column)

    @cached_property
    def hidden(self) -> Bools:
        """Cells that are never published, because one of their nodes is not."""
        return any_node(self.axes, [axis.hidden for axis in self.axes])


def any_node(axes: Sequence[Axis], marks: Sequence[Sequence[bool]]) -> Bools:
    """Return, for each cell, whether any of its nodes is marked."""
    shape = tuple(len(axis) for axis in axes)
    found = np.zeros(shape, dtype=bool)
    for position, mark in enumerate(marks):
        form = [1] * len(shape)
        form[position] = -1
        found |= np.asarray(mark, dtype=bool).reshape(form)
    return found.ravel()


def sums_within(shape: Sequence[int], position: int, node: int) -> Ints:
    """Return the cells whose node on one axis is `node`, in C order of the other axes."""
    grid = np.arange(prod(shape), dtype=np.int64).reshape(tuple(shape))
    found: Ints = np.take(grid, node, axis=position).ravel()
    return found
