"""The fewest lost cells, exactly: a mixed-integer program over cells, cut by the attacker's dual prices.

After M. Fischetti and J. J. Salazar-González (2001), "Solving the cell suppression problem on tabular data with
linear constraints". A cell's variable is 1 where it is held back. Whenever the attacker falls short of a need
under the current pattern, the duals of that program give an inequality that the pattern breaks and every
pattern that meets the need fulfills: capacity times price, summed over the cells, is at least the need.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.auditing import DOWN, NEAR, UP, Audit
from pipeline.statistics.blocks import Block, Coalition, Task
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.programs import Floats, Program, Rows

MOST_CELLS = 50
MOST_THREATS = 500
MOST_ROUNDS = 40
MOST_NODES = 200
_WIDE = 4.0  # moves of this many needs are looked at; the cuts hold whatever it is
_BROKEN = 0.01  # a cut that lacks less than this is no use


@dataclass(frozen=True)
class _Threat:
    """One need of one number against one coalition."""

    block: int
    number: int
    far: float
    directions: tuple[int, ...]  # both for a width
    coalition: Coalition = field(repr=False)


def fits(task: Task, pattern: Bools) -> bool:
    """Whether the exact program is small enough to be worth solving."""
    free = ~(task.sensitive | task.fixed | task.hidden)
    if not np.any(pattern & ~task.sensitive) or int(free.sum()) > MOST_CELLS:
        return False
    needs = sum(int(np.sum((b.need.up > 0) | (b.need.down > 0) | (b.need.width > 0))) for b in task.blocks)
    return 2 * needs * (1 + len(task.coalitions)) <= MOST_THREATS


def solve_exactly(task: Task, known: Bools) -> Bools | None:
    """Return the cheapest pattern that meets every need, or None where the program did not come to an end.

    `known` is a pattern that meets them: it is the answer when none is cheaper.
    """
    free = np.flatnonzero(~(task.sensitive | task.fixed | task.hidden))
    place = np.full(task.cells, -1, dtype=np.int64)
    place[free] = np.arange(len(free))
    master = _Master(task, free, place, known)
    threats = list(_threats(task))
    attackers = [_Attacker(block) for block in task.blocks]
    held = np.where(task.sensitive | task.hidden, 1.0, 0.0)
    for whole in (False, True):  # cuts of fractional patterns are cheap, and most of those that are needed
        for _ in range(MOST_ROUNDS):
            chosen = master.solve(whole=whole)
            if chosen is None:
                return None
            if not len(chosen):
                return known  # nothing cheaper
            held[free] = chosen
            cuts = [cut for t in threats if (cut := attackers[t.block].cut(t, held, task)) is not None]
            if not sum(master.add(capacity, far, chosen) for capacity, far in cuts):
                break
        else:
            if whole:
                return None
    pattern = task.sensitive.copy()
    pattern[np.flatnonzero(held > 0.5)] = True
    pattern &= ~task.hidden
    return _confirmed(task, pattern)


def _confirmed(task: Task, pattern: Bools) -> Bools | None:
    """Linear programs let an attacker have fractions of people; the audit does not."""
    audits = [Audit(block) for block in task.blocks]
    open_cells = pattern | task.hidden
    held = not any(audit.failures(open_cells) for audit in audits) and not any(
        audit.failures_against(open_cells, coalition) for coalition in task.coalitions for audit in audits
    )
    return pattern if held else None


def _threats(task: Task) -> Iterator[_Threat]:
    for coalition in (Coalition.nobody(), *task.coalitions):
        for position, block in enumerate(task.blocks):
            outside = ~np.isin(block.cell, coalition.cells)
            partly = np.isin(block.cell, coalition.partly)
            asked = ((block.need.up, (UP,)), (block.need.down, (DOWN,)), (block.need.width, (UP, DOWN)))
            for need, directions in asked:
                for number in np.flatnonzero((need > NEAR) & outside & ~(partly & (directions == (DOWN,)))):
                    yield _Threat(position, int(number), float(need[number]), directions, coalition)


class _Attacker:
    """The attacker's program over one block, for changing patterns."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._still = np.zeros(block.size)
        self._program = Program(block.rows, self._still, self._still)

    def cut(self, threat: _Threat, held: Floats, task: Task) -> tuple[Floats, float] | None:
        """Return the capacity of every cell and what they must come to, or None when the need is met.

        `held` is 1 where a cell is held back, 0 where not, and between where the pattern is fractional.
        """
        block = self._block
        inside = np.isin(block.cell, threat.coalition.cells)
        share = np.where(inside, 0.0, held[block.cell])
        share[threat.number] = 1.0
        most = _WIDE * threat.far
        self._program.set_bounds(
            np.arange(block.size),
            np.maximum(block.lower, -most) * share,
            np.minimum(block.upper, most) * share,
        )
        reached, given = 0.0, 0.0
        capacity = np.zeros(task.cells)
        for direction in threat.directions:
            at = np.array([threat.number])
            low, high = np.maximum(block.lower[at], -most), np.minimum(block.upper[at], most)
            near = (low, np.array([threat.far])) if direction == UP else (np.array([-threat.far]), high)
            self._program.set_bounds(at, *near)
            self._program.set_costs(at, np.array([-float(direction)]))
            self._program.minimize()
            reached -= self._program.objective()
            prices = self._explained() - self._costs(threat.number, direction)
            given += self._given()
            self._program.set_bounds(at, low, high)
            with np.errstate(invalid="ignore"):
                rising, falling = prices * block.upper, prices * block.lower
            gain = np.where(prices > NEAR, rising, np.where(prices < -NEAR, falling, 0.0))
            gain[threat.number] = 0.0
            gain[inside] = 0.0
            np.add.at(capacity, block.cell, gain)
        far = threat.far - given
        if reached >= threat.far - NEAR * max(1.0, threat.far) or far <= NEAR:
            return None
        return np.minimum(capacity, far), far

    def _costs(self, number: int, direction: int) -> Floats:
        costs = np.zeros(self._block.size)
        costs[number] = -float(direction)
        return costs

    def _explained(self) -> Floats:
        rows = self._block.rows
        entries = rows.factors * self._program.row_duals()[rows.row_of_entry()]
        return np.asarray(
            np.bincount(rows.columns, weights=entries, minlength=self._block.size), dtype=np.float64
        )

    def _given(self) -> float:
        """What the rows' own bounds contribute, whatever the pattern."""
        duals, rows = self._program.row_duals(), self._block.rows
        bound = np.where(duals > 0, rows.lower, rows.upper)
        used = np.abs(duals) > 1e-9
        return float(-np.sum(duals[used] * bound[used]))


class _Master:
    """The mixed-integer program over the cells that may be held back."""

    def __init__(self, task: Task, free: Ints, place: Ints, known: Bools) -> None:
        self._task, self._free, self._place = task, free, place
        self._rows: list[tuple[Ints, Floats, float]] = []
        self._seen: set[tuple[bytes, bytes]] = set()
        weight = task.weight[free]
        self._weight = weight / max(float(weight.min(initial=np.inf)), 1e-9) if len(weight) else weight
        # Only what is cheaper than the known pattern is looked for: by a cell, where cells are what counts.
        if np.all(weight < 2.0):
            self._rows.append((np.arange(len(free)), -np.ones(len(free)), 1.0 - float(known[free].sum())))
        else:
            most = float(self._weight[known[free]].sum()) - 1e-6
            self._rows.append((np.arange(len(free)), -self._weight, -most))
        for first, second in task.ties:
            if place[first] >= 0 and place[second] >= 0:
                self._rows.append((place[[second, first]], np.array([1.0, -1.0]), 0.0))

    def add(self, capacity: Floats, far: float, chosen: Floats) -> bool:
        """Add a cut that `chosen` breaks, and say whether it does.

        Sensitive cells are held back anyway: their share is taken off the right-hand side.
        """
        task = self._task
        far -= float(capacity[task.sensitive | task.hidden].sum())
        if far <= NEAR:
            return False
        cells = np.flatnonzero((self._place >= 0) & (capacity > NEAR))
        columns, factors = self._place[cells], np.minimum(capacity[cells], far) / far
        if factors @ chosen[columns] > 1.0 - _BROKEN:
            return False
        key = (columns.tobytes(), np.round(factors, 9).tobytes())
        if key in self._seen:
            return False
        self._seen.add(key)
        self._rows.append((columns, factors, 1.0))
        return True

    def solve(self, *, whole: bool) -> Floats | None:
        """Return the chosen part of each free cell: none at all when nothing cheaper is left, None when unknown."""
        number = len(self._free)
        lengths = [len(columns) for columns, *_ in self._rows]
        rows = Rows(
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.concatenate([np.zeros(0, dtype=np.int64), *(c for c, *_ in self._rows)]),
            np.concatenate([np.zeros(0), *(f for _, f, _ in self._rows)]),
            np.array([right for *_, right in self._rows], dtype=np.float64),
            np.full(len(self._rows), np.inf),
        )
        kinds = np.ones(number, dtype=bool) if whole else None
        program = Program(rows, np.zeros(number), np.ones(number), integer=kinds)
        if whole:
            program.set_option("mip_max_nodes", MOST_NODES)
            program.set_option("mip_rel_gap", 0.0)
        program.set_costs(np.arange(number), self._weight)
        try:
            solved = program.minimize()
        except ValueError:
            return np.zeros(0)
        except RuntimeError:
            return None
        if not solved:
            return None
        values = program.values()
        return np.rint(values) if whole else values
