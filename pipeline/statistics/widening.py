"""Cheapest moves: which further cells to hold back so that one need is met.

One linear program over all numbers of a block: |d| costs what losing its cell costs, and next to nothing where
the cell is held back already (J. P. Kelly, B. L. Golden, A. A. Assad 1992; the linear-programming heuristic of
complementary suppression). The cells that the cheapest move touches join the pattern.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.statistics.auditing import NEAR, UP, Move
from pipeline.statistics.blocks import Block
from pipeline.statistics.boxes import Boxes, Grid
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.programs import Floats, Program, Rows

_HELD_BACK = 1e-3  # of the cheapest cell: a small price keeps moves short
_BOXES = 8_000  # numbers beyond which boxes come before programs
_LARGE = 2_000  # numbers beyond which warm starts lose
_REWARD = 50.0  # for meeting a need, in prices: more than any way to meet it costs


class Widening:
    """The program of one block; it stays warm from need to need."""

    def __init__(self, block: Block, weight: Floats, fixed: Bools, grids: Sequence[Grid] = ()) -> None:
        self.block = block
        self.boxes = Boxes(block, grids, weight, fixed) if block.size > _BOXES else None
        size = block.size
        rows = block.rows
        counts = np.diff(rows.starts)
        # Each number is the difference of two that are not negative: what it rises by and what it falls by.
        entry = np.repeat(np.arange(len(rows.columns)), 2)
        columns = rows.columns[entry] + size * (np.arange(len(entry)) % 2)
        factors = rows.factors[entry] * np.where(np.arange(len(entry)) % 2, -1.0, 1.0)
        starts = np.concatenate([[0], np.cumsum(2 * counts)]).astype(np.int64)
        still = fixed[block.cell]
        self._rise = np.where(still, 0.0, block.upper)
        self._fall = np.where(still, 0.0, -block.lower)
        self._program = Program(
            Rows(starts, columns, factors, rows.lower, rows.upper),
            np.zeros(2 * size),
            np.concatenate([self._rise, self._fall]),
        )
        self._price = weight[block.cell] / max(float(np.min(weight, initial=np.inf)), 1e-9)
        self.programs = 0

    def cheapest(self, number: int, direction: int, far: float, held: Bools, coalition: Ints) -> Move | None:
        """Return the cheapest move that takes a number at least so far, without the coalition's cells.

        `held` are the cells that are held back already. None when no move goes so far.
        """
        block, size = self.block, self.block.size
        if self.boxes is not None:
            closed_cells = np.zeros(len(held), dtype=bool)
            closed_cells[coalition] = True
            box = self.boxes.cheapest(number, direction, far, held, closed_cells)
            if box is not None:
                return box
        price = np.where(held[block.cell], _HELD_BACK, 1.0) * self._price
        self._program.set_costs(np.arange(2 * size), np.concatenate([price, price]))
        closed = (
            np.flatnonzero(np.isin(block.cell, coalition)) if len(coalition) else np.zeros(0, dtype=np.int64)
        )
        self._bound(closed, np.zeros(len(closed)), np.zeros(len(closed)))
        at = np.array([number])
        rise = np.array([far if direction == UP else 0.0])
        fall = np.array([0.0 if direction == UP else far])
        self._program.set_bounds(at, rise, rise)
        self._program.set_bounds(at + size, fall, fall)
        self.programs += 1
        try:
            solved = self._program.minimize(afresh=size > _LARGE)
        except ValueError:
            solved = False
        move = self._move() if solved else None
        touched = np.append(closed, number)
        self._bound(touched, self._rise[touched], self._fall[touched])
        return move

    def together(self, numbers: Ints, direction: int, far: Floats, held: Bools) -> Move | None:
        """Return a cheap move that takes as many numbers as it can as far as they need, all in one direction."""
        block, size = self.block, self.block.size
        price = np.where(held[block.cell], _HELD_BACK, 1.0) * self._price
        costs = np.concatenate([price, price])
        at = numbers + (0 if direction == UP else size)
        costs[at] -= _REWARD * float(self._price.max()) * float(np.median(far)) / far
        self._program.set_costs(np.arange(2 * size), costs)
        ends = np.concatenate([self._rise, self._fall])
        self._program.set_bounds(at, np.zeros(len(at)), np.minimum(ends[at], far))
        self.programs += 1
        try:
            solved = self._program.minimize(afresh=True)
        except ValueError:
            solved = False
        move = self._move() if solved else None
        self._program.set_bounds(at, np.zeros(len(at)), ends[at])
        return move

    def _bound(self, numbers: Ints, rise: Floats, fall: Floats) -> None:
        if len(numbers):
            zero = np.zeros(len(numbers))
            self._program.set_bounds(numbers, zero, rise)
            self._program.set_bounds(numbers + self.block.size, zero, fall)

    def _move(self) -> Move:
        values = self._program.values()
        distances = values[: self.block.size] - values[self.block.size :]
        moved = np.flatnonzero(np.abs(distances) > NEAR)
        return Move(moved, distances[moved])
