"""Whether a pattern of suppression meets every need: the attacker's programs, asked only as far as needed.

A table that the attacker cannot exclude is a *move*: its distance from the true table. A move proves that some
intervals reach so far; a need that a move meets needs no program of its own. Where no move is known, the number's
own program is solved to the end, and if that falls short the need fails. Moves of whole numbers count only when
they are whole, so that an attacker who knows that counts are whole learns no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.blocks import Block
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.programs import Floats, Program

UP, DOWN, WIDTH = 1, -1, 0
NEAR = 1e-6
MOST_NODES = 2_000  # of one mixed-integer program that looks for a whole move


@dataclass(frozen=True)
class Failure:
    """One need that is not met: by how much the interval may reach, in the block's unit."""

    number: int
    direction: int
    reached: float


@dataclass(frozen=True)
class Move:
    """Distances from the truth, of the numbers that differ."""

    numbers: Ints = field(repr=False)
    distances: Floats = field(repr=False)


Credit = Callable[[Floats], bool]


class Audit:
    """What is proved about one block: moves that were found, and which need each of them meets.

    Proofs stay valid when more cells are suppressed, so one audit goes along while a pattern grows.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.up = np.zeros(block.size)
        self.down = np.zeros(block.size)
        self._moves: list[Move] = []
        self.programs = 0  # linear programs solved so far

    def credit(self, move: Move, *, keep: bool = False) -> None:
        """Remember a move and what it proves; one that proves nothing new only when it is to be kept."""
        numbers, distances = move.numbers, move.distances
        up, down = self.up[numbers], self.down[numbers]
        if not keep and not ((distances > up + NEAR) | (-distances > down + NEAR)).any():
            return
        self._moves.append(move)
        self.up[numbers] = np.maximum(up, distances)
        self.down[numbers] = np.maximum(down, -distances)

    def without(self, cell: int) -> "Audit":
        """Return an audit that knows the moves which leave a cell as it is: what is proved if it is published."""
        fewer = Audit(self.block)
        own = np.flatnonzero(self.block.cell == cell)
        for move in self._moves:
            if not np.isin(own, move.numbers).any():
                fewer.credit(move, keep=True)
        return fewer

    def failures(self, suppressed: Bools) -> list[Failure]:
        """Return the needs that the pattern does not meet, for one who only reads what is published."""
        if not len(_unmet(self.block, self.up, self.down, None)):
            return []
        known = _Known(self.block, suppressed, np.zeros(0, dtype=np.int64))
        found = known.search(self.up, self.down, None, self._keep)
        self.programs += known.programs
        return found

    def failures_against(self, suppressed: Bools, coalition: Ints) -> list[Failure]:
        """Return the needs that are not met against those who know the coalition's cells besides."""
        block = self.block
        inside = np.zeros(len(suppressed), dtype=bool)
        inside[coalition] = True
        closed = inside[block.cell]
        up, down = np.zeros(block.size), np.zeros(block.size)
        for move in self._moves:
            if closed[move.numbers].any():
                continue
            up[move.numbers] = np.maximum(up[move.numbers], move.distances)
            down[move.numbers] = np.maximum(down[move.numbers], -move.distances)
        targets = np.flatnonzero(~closed)
        if not len(_unmet(block, up, down, targets)):
            return []
        known = _Known(block, suppressed, coalition)
        found = known.search(up, down, targets, self._keep)
        self.programs += known.programs
        return found

    def _keep(self, move: Move) -> None:
        self._moves.append(move)


def _unmet(block: Block, up: Floats, down: Floats, targets: Ints | None) -> Ints:
    need = block.need
    short = (need.up > up + NEAR) | (need.down > down + NEAR) | (need.width > up + down + NEAR)
    if targets is not None:
        chosen = np.zeros(block.size, dtype=bool)
        chosen[targets] = True
        short &= chosen
    return np.flatnonzero(short)


class _Known:
    """The attacker's program for one pattern and one coalition: published and known numbers do not move."""

    def __init__(self, block: Block, suppressed: Bools, coalition: Ints) -> None:
        open_cells = suppressed.copy()
        open_cells[coalition] = False
        self.block = block
        self.at = np.flatnonzero(open_cells[block.cell])
        truth = np.zeros(block.size)
        truth[self.at] = np.nan
        self.rows = block.rows.without(truth).restricted(self.at)
        self.lower, self.upper = block.lower[self.at], block.upper[self.at]
        self.program = Program(self.rows, self.lower, self.upper)
        self.programs = 0

    def search(
        self, up: Floats, down: Floats, targets: Ints | None, found: Callable[[Move], None]
    ) -> list[Failure]:
        """Look for moves that meet the needs; `up` and `down` are updated, moves go to `found`."""
        block = self.block
        place = np.full(block.size, -1, dtype=np.int64)
        place[self.at] = np.arange(len(self.at))
        wanted = _unmet(block, up, down, targets)
        failures = [Failure(int(n), UP, 0.0) for n in wanted if place[n] < 0]
        wanted = wanted[place[wanted] >= 0]

        def credit(values: Floats) -> bool:
            if block.integer and np.max(np.abs(values - np.rint(values)), initial=0.0) > NEAR:
                return False
            moved = np.flatnonzero(np.abs(values) > NEAR)
            numbers = self.at[moved]
            distances = np.rint(values[moved]) if block.integer else values[moved]
            up[numbers] = np.maximum(up[numbers], distances)
            down[numbers] = np.maximum(down[numbers], -distances)
            found(Move(numbers, distances))
            return True

        for direction, need, reached in ((UP, block.need.up, up), (DOWN, block.need.down, down)):
            self._together(direction, need, reached, place, wanted, credit)
            for number in wanted[need[wanted] > reached[wanted] + NEAR]:
                if need[number] > reached[number] + NEAR:
                    self._alone(direction, int(place[number]), float(need[number]), credit)
                if need[number] > reached[number] + NEAR:
                    failures.append(Failure(int(number), direction, float(reached[number])))
        width = block.need.width
        for number in wanted:
            for direction in (UP, DOWN):
                if width[number] > up[number] + down[number] + NEAR:
                    self._alone(direction, int(place[number]), float(width[number]), credit)
            if width[number] > up[number] + down[number] + NEAR:
                failures.append(Failure(int(number), WIDTH, float(up[number] + down[number])))
        return failures

    def _together(
        self, direction: int, need: Floats, reached: Floats, place: Ints, wanted: Ints, credit: Credit
    ) -> None:
        """One program that moves as many numbers as it can, each only as far as it needs."""
        short = wanted[need[wanted] > reached[wanted] + NEAR]
        while len(short) > 1:
            local, far = place[short], need[short]
            if direction == UP:
                self.program.set_bounds(local, self.lower[local], np.minimum(self.upper[local], far))
            else:
                self.program.set_bounds(local, np.maximum(self.lower[local], -far), self.upper[local])
            self.program.set_costs(local, -direction / far)
            self.programs += 1
            whole = self.program.minimize() and credit(self.program.values())
            self.program.set_bounds(local, self.lower[local], self.upper[local])
            left = short[need[short] > reached[short] + NEAR]
            if not whole or len(left) == len(short):
                return
            short = left

    def _alone(self, direction: int, local: int, far: float, credit: Credit) -> None:
        """The number's own program, up to what it needs."""
        at = np.array([local])
        low, high = self.lower[at], self.upper[at]
        bounds = (low, np.minimum(high, far)) if direction == UP else (np.maximum(low, -far), high)
        self.program.set_bounds(at, *bounds)
        self.program.set_costs(at, np.array([-float(direction)]))
        self.programs += 1
        solved = self.program.minimize()
        values = self.program.values() if solved else None
        self.program.set_bounds(at, low, high)
        if values is not None and not credit(values):
            self._whole(direction, local, far, credit)

    def _whole(self, direction: int, local: int, far: float, credit: Credit) -> None:
        """A vertex that is no whole table proves nothing about whole tables: ask for a whole one."""
        lower, upper = self.lower.copy(), self.upper.copy()
        if direction == UP:
            lower[local], upper[local] = far, far
        else:
            lower[local], upper[local] = -far, -far
        program = Program(self.rows, lower, upper, integer=np.ones(len(self.at), dtype=bool))
        program.set_option("mip_max_nodes", MOST_NODES)
        self.programs += 1
        values = program.feasible()
        if values is not None:
            credit(np.rint(values))


def proofs(audits: Sequence[Audit]) -> int:
    """How many programs were solved."""
    return sum(audit.programs for audit in audits)
