"""Box moves: the cheapest way to meet a need in large tables without a program.

A cell and one sibling of it along each axis span a box; adding to one corner and taking from the next keeps every
total as it is (the hypercube of R. D. Repsilber 1994, as in GHMITER). Boxes that are held back already come first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.auditing import NEAR, UP, Move
from pipeline.statistics.blocks import Block
from pipeline.statistics.cells import TOP, Axis, Bools, Ints
from pipeline.statistics.programs import Floats

_BEST = 6  # boxes of one cell that are tried


@dataclass(frozen=True)
class Grid:
    """One table of the task: its shape, the linked cell of each of its cells, and the siblings of each node."""

    shape: tuple[int, ...]
    place: Ints = field(repr=False)
    siblings: tuple[tuple[Ints, ...], ...] = field(repr=False)


def grid_of(axes: Sequence[Axis], place: Ints) -> Grid:
    """Describe a table: leaves of one parent are siblings, other nodes have none."""
    siblings = []
    for axis in axes:
        own = []
        for node, parent in enumerate(axis.parents):
            leaf = parent != TOP and not axis.children[node]
            mates = [n for n in axis.children[parent] if n != node] if leaf else []
            own.append(np.array([n for n in mates if not axis.children[n]], dtype=np.int64))
        siblings.append(tuple(own))
    return Grid(tuple(len(axis) for axis in axes), place, tuple(siblings))


class Boxes:
    """The box moves of one block."""

    def __init__(self, block: Block, grids: Sequence[Grid], price: Floats, fixed: Bools) -> None:
        self._block, self._grids = block, grids
        self._price = np.where(fixed, np.inf, price)
        self._numbers = np.full((len(block.names), len(price)), -1, dtype=np.int64)
        self._numbers[block.quantity, block.cell] = np.arange(block.size)
        self._leaf: dict[int, tuple[int, int]] = {}
        for position, grid in enumerate(grids):
            for own in np.flatnonzero(_has_siblings(grid)):
                self._leaf.setdefault(int(grid.place[own]), (position, int(own)))

    def cheapest(self, number: int, direction: int, far: float, held: Bools, closed: Bools) -> Move | None:
        """Return a box move that takes a number so far and needs the fewest further cells; None without one.

        Cells of `closed` stay as they are.
        """
        found = self._leaf.get(int(self._block.cell[number]))
        if found is None:
            return None
        grid, own = self._grids[found[0]], found[1]
        cells, signs = _boxes(grid, own)
        if not len(cells):
            return None
        cost = np.where(held, 1e-3, self._price)
        cost[closed] = np.inf
        costs = cost[cells].sum(axis=1)
        if direction != UP:
            signs = -signs
        for quantity in range(len(self._block.names)):
            at = self._numbers[quantity][cells]
            low = np.where(at >= 0, self._block.lower[at], 0.0)
            costs = np.where(((signs < 0) & (at >= 0) & (low > -far)).any(axis=1), np.inf, costs)
        for box in np.argsort(costs, kind="stable")[:_BEST]:
            if not np.isfinite(costs[box]):
                return None
            move = self._move(cells[box], signs * far)
            if self._holds(move):
                return move
        return None

    def _move(self, cells: Ints, distances: Floats) -> Move:
        numbers = self._numbers[:, cells]
        there = numbers >= 0
        return Move(numbers[there], np.broadcast_to(distances, numbers.shape)[there])

    def _holds(self, move: Move) -> bool:
        values = np.zeros(self._block.size)
        values[move.numbers] = move.distances
        rows = self._block.rows
        sums = rows.times(values)
        return bool(np.all(sums >= rows.lower - NEAR) and np.all(sums <= rows.upper + NEAR))


def _has_siblings(grid: Grid) -> Bools:
    """Cells that have a sibling along every axis that has more than one node in a total."""
    found = np.ones(grid.shape, dtype=bool)
    for position, own in enumerate(grid.siblings):
        form = [1] * len(grid.shape)
        form[position] = -1
        found &= np.array([len(mates) > 0 for mates in own]).reshape(form)
    return found.ravel()


def _boxes(grid: Grid, own: int) -> tuple[Ints, Floats]:
    """Return the linked cells of every box of a cell, (boxes, corners), and the sign of each corner."""
    nodes = np.unravel_index(own, grid.shape)
    pairs = [grid.siblings[position][int(node)] for position, node in enumerate(nodes)]
    corners = 2 ** len(nodes)
    choices = np.stack(np.meshgrid(*pairs, indexing="ij"), axis=-1).reshape(-1, len(nodes))
    cells = np.empty((len(choices), corners), dtype=np.int64)
    signs = np.empty(corners)
    for corner in range(corners):
        switched = [bool(corner >> position & 1) for position in range(len(nodes))]
        index = [
            choices[:, p] if switched[p] else np.full(len(choices), int(nodes[p])) for p in range(len(nodes))
        ]
        cells[:, corner] = grid.place[np.ravel_multi_index(tuple(index), grid.shape)]
        signs[corner] = -1.0 if sum(switched) % 2 else 1.0
    return cells, signs
