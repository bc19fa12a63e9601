"""Whether a pattern of suppression meets every need: the attacker's programs, asked only as far as needed.

A table that the attacker cannot exclude is a *move*: its distance from the true table. A move proves that some
intervals reach so far; a need that a move meets needs no program of its own. Where no move is known, the number's
own program is solved to the end, and if that falls short the need fails. Moves of whole numbers count only when
they are whole, so that an attacker who knows that counts are whole learns no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.blocks import Block, Coalition
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.programs import Floats, Program

UP, DOWN, WIDTH = 1, -1, 0
NEAR = 1e-6
_ALONE_ANYWAY = 8  # so few numbers are not worth a program for all of them
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
        need = block.need
        self.block = block
        self.up = np.zeros(block.size)
        self.down = np.zeros(block.size)
        self.programs = 0  # linear programs solved so far
        self.asked = np.flatnonzero((need.up > 0) | (need.down > 0) | (need.width > 0))
        self._place = np.full(block.size, -1, dtype=np.int64)
        self._place[self.asked] = np.arange(len(self.asked))
        self._moves: list[Move] = []
        self._cells = int(block.cell.max(initial=-1)) + 1
        # Of each move, how far it takes each number that is asked.
        self._far = np.zeros((16, len(self.asked)))
        self._touched = np.zeros((16, self._cells), dtype=bool)  # and which cells it changes

    def credit(self, move: Move, *, keep: bool = False) -> None:
        """Remember a move and what it proves; one that proves nothing new only when it is to be kept."""
        numbers, distances = move.numbers, move.distances
        up, down = self.up[numbers], self.down[numbers]
        if not keep and not ((distances > up + NEAR) | (-distances > down + NEAR)).any():
            return
        self.up[numbers] = np.maximum(up, distances)
        self.down[numbers] = np.maximum(down, -distances)
        self._remember(move)

    def without(self, cell: int) -> "Audit":
        """Return an audit that knows the moves which leave a cell as it is: what is proved if it is published."""
        fewer = Audit(self.block)
        for number, move in enumerate(self._moves):
            if not self._touched[number, cell]:
                fewer.credit(move, keep=True)
        return fewer

    def failures(self, suppressed: Bools) -> list[Failure]:
        """Return the needs that the pattern does not meet, for one who only reads what is published."""
        if not len(_unmet(self.block, self.up, self.down, self.asked)):
            return []
        known = _Known(self.block, suppressed, np.zeros(0, dtype=np.int64))
        found = known.search(self.up, self.down, self.asked, self._remember)
        self.programs += known.programs
        return found

    def unmet(self, suppressed: Bools) -> list[tuple[int, Ints]]:
        """Return the needs that no move is known for after a quick look: direction, numbers."""
        known = _Known(self.block, suppressed, np.zeros(0, dtype=np.int64))
        if len(_unmet(self.block, self.up, self.down, self.asked)):
            known.search(self.up, self.down, self.asked, self._remember, alone=False)
            self.programs += known.programs
        need, n = self.block.need, self.asked
        return [
            (UP, n[need.up[n] > self.up[n] + NEAR]),
            (DOWN, n[need.down[n] > self.down[n] + NEAR]),
            (WIDTH, n[need.width[n] > self.up[n] + self.down[n] + NEAR]),
        ]

    def unmet_against(self, coalition: Coalition) -> list[tuple[int, Ints]]:
        """Return the needs that no known move meets against a coalition, without asking any program."""
        up, down, n = self._proved(coalition)
        need = self.block.need
        return [
            (UP, n[need.up[n] > up[n] + NEAR]),
            (DOWN, n[need.down[n] > down[n] + NEAR]),
            (WIDTH, n[need.width[n] > up[n] + down[n] + NEAR]),
        ]

    def remember(self, move: Move) -> None:
        """Keep a move that proves something against some coalition."""
        self._remember(move)

    def failures_against(self, suppressed: Bools, coalition: Coalition) -> list[Failure]:
        """Return the needs that are not met against those who know the coalition's cells besides."""
        up, down, targets = self._proved(coalition)
        if not len(_unmet(self.block, up, down, targets)):
            return []
        known = _Known(self.block, suppressed, coalition.cells)
        found = known.search(up, down, targets, self._remember)
        self.programs += known.programs
        return found

    def prepare(self, suppressed: Bools, coalitions: Sequence[Coalition]) -> None:
        """Look for moves that meet needs against many coalitions at once, before each is asked alone.

        A move that leaves the cells of a hundred coalitions as they are is proof against each of them. Half of
        the coalitions are closed at a time, by the digits of their numbers in base 2: of any two, some half has
        one and not the other.
        """
        for digit in range(max(len(coalitions) - 1, 0).bit_length()):
            for side in (0, 1):
                half = [c for number, c in enumerate(coalitions) if number >> digit & 1 == side]
                none = np.zeros(0, dtype=np.int64)
                closed = np.unique(np.concatenate([none, *(c.cells for c in half)]))
                partly = np.unique(np.concatenate([none, *(c.partly for c in half)]))
                up, down, targets = self._proved(Coalition(closed, partly))
                if len(_unmet(self.block, up, down, targets)):
                    known = _Known(self.block, suppressed, closed)
                    known.search(up, down, targets, self._remember, alone=False)
                    self.programs += known.programs

    def _proved(self, coalition: Coalition) -> tuple[Floats, Floats, Ints]:
        """What moves without the coalition's cells prove, and the numbers that are asked against it."""
        inside, partly = np.zeros((2, self._cells), dtype=bool)
        inside[coalition.cells[coalition.cells < self._cells]] = True
        partly[coalition.partly[coalition.partly < self._cells]] = True
        free = ~(self._touched[: len(self._moves)] & inside).any(axis=1)
        far = self._far[: len(self._moves)][free]
        up, down = np.zeros(self.block.size), np.zeros(self.block.size)
        if len(far):
            up[self.asked] = np.maximum(far.max(axis=0), 0.0)
            down[self.asked] = np.maximum(-far.min(axis=0), 0.0)
        spared = self.asked[partly[self.block.cell[self.asked]]]
        down[spared] = np.maximum(down[spared], self.block.need.down[spared])
        return up, down, self.asked[~inside[self.block.cell[self.asked]]]

    def _remember(self, move: Move) -> None:
        number = len(self._moves)
        if number == len(self._far):
            self._far = np.concatenate([self._far, np.zeros_like(self._far)])
            self._touched = np.concatenate([self._touched, np.zeros_like(self._touched)])
        place = self._place[move.numbers]
        self._far[number, place[place >= 0]] = move.distances[place >= 0]
        self._touched[number, self.block.cell[move.numbers]] = True
        self._moves.append(move)


def _unmet(block: Block, up: Floats, down: Floats, targets: Ints) -> Ints:
    need, up, down = block.need, up[targets], down[targets]
    short = (need.up[targets] > up + NEAR) | (need.down[targets] > down + NEAR)
    return targets[short | (need.width[targets] > up + down + NEAR)]


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
        self, up: Floats, down: Floats, targets: Ints, found: Callable[[Move], None], *, alone: bool = True
    ) -> list[Failure]:
        """Look for moves that meet the needs; `up` and `down` are updated, moves go to `found`.

        Without `alone`, no number gets a program of its own, and what is left unmet is no failure yet.
        """
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

        need = block.need
        wishes: tuple[tuple[int, tuple[int, ...], Floats, Callable[[Ints], Floats]], ...] = (
            (UP, (UP,), need.up, lambda n: up[n]),
            (DOWN, (DOWN,), need.down, lambda n: down[n]),
            (WIDTH, (UP, DOWN), need.width, lambda n: up[n] + down[n]),
        )
        for kind, directions, far, reached in wishes:
            for direction in directions:
                self._together(direction, far, reached, place, wanted, credit, alone=alone)
            for number in wanted[far[wanted] > reached(wanted) + NEAR] if alone else ():
                for direction in directions:
                    if far[number] > reached(number) + NEAR:
                        self._alone(direction, int(place[number]), float(far[number]), credit)
                if far[number] > reached(number) + NEAR:
                    failures.append(Failure(int(number), kind, float(reached(number))))
        return failures

    def _together(
        self,
        direction: int,
        need: Floats,
        reached: Callable[[Ints], Floats],
        place: Ints,
        wanted: Ints,
        credit: Credit,
        *,
        alone: bool,
    ) -> None:
        """One program that moves as many numbers as it can, each only as far as it needs."""
        short = wanted[need[wanted] > reached(wanted) + NEAR]
        while len(short) > _ALONE_ANYWAY:
            local, far = place[short], need[short]
            if direction == UP:
                self.program.set_bounds(local, self.lower[local], np.minimum(self.upper[local], far))
            else:
                self.program.set_bounds(local, np.maximum(self.lower[local], -far), self.upper[local])
            self.program.set_costs(local, -direction / far)
            self.programs += 1
            whole = self.program.minimize() and credit(self.program.values())
            if not whole and alone:
                values = self._whole_together(local, far, direction)
                whole = values is not None and credit(values)
            self.program.set_bounds(local, self.lower[local], self.upper[local])
            left = short[need[short] > reached(short) + NEAR]
            if not whole or len(left) == len(short):
                return
            short = left

    def _whole_together(self, local: Ints, far: Floats, direction: int) -> Floats | None:
        """The same in whole numbers, near the best: what it cannot move is asked alone."""
        lower, upper = self.lower.copy(), self.upper.copy()
        if direction == UP:
            upper[local] = np.minimum(upper[local], far)
        else:
            lower[local] = np.maximum(lower[local], -far)
        program = Program(self.rows, lower, upper, integer=np.ones(len(self.at), dtype=bool))
        program.set_option("mip_max_nodes", 50)
        program.set_option("mip_rel_gap", 0.05)
        program.set_costs(local, -direction / far)
        self.programs += 1
        values = program.feasible()
        return None if values is None else np.rint(values)

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
