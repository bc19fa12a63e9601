"""Complementary suppression: cells that are held back so that nobody can compute the sensitive ones.

The pattern grows until the attacker's programs find every need met, for outsiders and for every coalition; then
cells that turn out not to be needed are given back. Small tasks are solved exactly. Equal tasks give equal
patterns: there is no clock and no chance in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import InternalError
from pipeline.statistics.auditing import DOWN, UP, WIDTH, Audit, Failure
from pipeline.statistics.blocks import Task
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.exact import fits, solve_exactly
from pipeline.statistics.programs import Floats
from pipeline.statistics.widening import Widening

NOBODY: Ints = np.zeros(0, dtype=np.int64)
MOST_CLEANING = 30_000  # cells to give back, times needs to look at
MOST_EFFORT = 5_000  # the same, for trying other prices
MOST_ATTEMPTS = 4


@dataclass(frozen=True)
class Pattern:
    """Which cells are held back, how that was found, and the audits that prove it."""

    suppressed: Bools = field(repr=False)
    audits: tuple[Audit, ...] = field(repr=False)
    method: str  # none | heuristic | exact
    programs: int
    coalitions: int = 0


def suppress(task: Task, *, exact: bool | None = None) -> Pattern:
    """Find a pattern that meets every need; `exact` forces or forbids the exact program.

    Raises:
        InternalError: no pattern meets the needs, not even everything.

    """
    start = closed_under_ties(task, task.sensitive.copy())
    audits = tuple(Audit(block) for block in task.blocks)
    if not failures_of(task, audits, start):
        return Pattern(start, audits, "none", sum(a.programs for a in audits), len(task.coalitions))
    grown, programs = _grow(task, audits, start, task.price)
    pruned = _give_back(task, grown)
    for prices in _other_prices(task, pruned):
        other, more = _grow(task, tuple(Audit(block) for block in task.blocks), start, prices)
        other = _give_back(task, other)
        programs += more
        if task.weight[other].sum() < task.weight[pruned].sum() - 1e-9:
            pruned = other
    method = "heuristic"
    if fits(task, pruned) if exact is None else exact:
        better = solve_exactly(task, pruned)
        if better is not None:
            pruned, method = better, "exact"
    final = tuple(Audit(block) for block in task.blocks)
    if failures_of(task, final, pruned):
        raise InternalError("the attacker's audit does not confirm the pattern", where="statistics")
    programs += sum(a.programs for a in (*audits, *final))
    return Pattern(pruned, final, method, programs, len(task.coalitions))


def closed_under_ties(task: Task, suppressed: Bools) -> Bools:
    """Hold back what goes with something that is held back."""
    while len(task.ties):
        follow = task.ties[suppressed[task.ties[:, 0]], 1]
        if suppressed[follow].all():
            break
        suppressed[follow] = True
    return suppressed


def failures_of(task: Task, audits: Sequence[Audit], suppressed: Bools) -> list[tuple[int, Failure, Ints]]:
    """Return what the pattern lacks: block, need, and the coalition against which it is not met.

    Coalitions are asked only when outsiders are held off.
    """
    open_cells = suppressed | task.hidden
    found = [
        (number, failure, NOBODY)
        for number, audit in enumerate(audits)
        for failure in audit.failures(open_cells)
    ]
    if found:
        return found
    for coalition in task.coalitions:
        for number, audit in enumerate(audits):
            found += [(number, f, coalition) for f in audit.failures_against(open_cells, coalition)]
    return found


def _grow(task: Task, audits: Sequence[Audit], start: Bools, prices: Floats) -> tuple[Bools, int]:
    suppressed = start.copy()
    widenings = [Widening(block, prices, task.fixed) for block in task.blocks]
    while found := failures_of(task, audits, suppressed):
        for number, failure, coalition in sorted(found, key=lambda one: _urgency(task, one)):
            _widen(task, audits[number], widenings[number], failure, coalition, suppressed)
        suppressed = closed_under_ties(task, suppressed)
    return suppressed, sum(w.programs for w in widenings)


def _other_prices(task: Task, pattern: Bools) -> Iterator[Floats]:
    """Prices near the true ones: where the task is small, the best of some patterns is taken."""
    for attempt in range(MOST_ATTEMPTS if _effort(task, pattern) <= MOST_EFFORT else 0):
        chance = np.random.default_rng(attempt)  # the same numbers every time
        yield task.price * chance.uniform(0.6, 1.6, task.cells)


def _effort(task: Task, pattern: Bools) -> int:
    needs = sum(int(np.sum((b.need.up > 0) | (b.need.down > 0) | (b.need.width > 0))) for b in task.blocks)
    return int(np.sum(pattern & ~task.sensitive)) * needs * (1 + len(task.coalitions))


def _urgency(task: Task, one: tuple[int, Failure, Ints]) -> tuple[float, int, int, int]:
    number, failure, _ = one
    need = task.blocks[number].need
    far = {UP: need.up, DOWN: need.down, WIDTH: need.width}[failure.direction][failure.number]
    return (-float(far), number, failure.number, failure.direction)


def _widen(
    task: Task, audit: Audit, widening: Widening, failure: Failure, coalition: Ints, suppressed: Bools
) -> None:
    """Let the cells of the cheapest move that meets the need join `suppressed`."""
    need, number = task.blocks[widening_number(task, widening)].need, failure.number
    options: list[tuple[int, float]]
    match failure.direction:
        case 1:
            options = [(UP, float(need.up[number]))]
        case -1:
            options = [(DOWN, float(need.down[number]))]
        case _:
            options = [
                (UP, float(need.width[number] - audit.down[number])),
                (DOWN, float(need.width[number] - audit.up[number])),
            ]
    if not len(coalition) and any(
        (audit.up if direction == UP else audit.down)[number] >= far for direction, far in options
    ):
        return  # a move that was found for another need meets this one, too
    held = suppressed | task.hidden
    for direction, far in options:
        move = widening.cheapest(number, direction, far, held, coalition)
        if move is not None:
            suppressed[widening.block.cell[move.numbers]] = True
            suppressed[task.hidden] = False
            if not widening.block.integer or bool(np.all(np.abs(move.distances % 1.0) < 1e-9)):
                audit.credit(move)
            return
    raise InternalError("no pattern of suppression meets the needs", where="statistics")


def widening_number(task: Task, widening: Widening) -> int:
    """Position of the widening's block."""
    return next(i for i, block in enumerate(task.blocks) if block is widening.block)


def _give_back(task: Task, suppressed: Bools) -> Bools:
    """Publish cells that are not needed after all, the dearest first."""
    spare = np.flatnonzero(suppressed & ~task.sensitive)
    if _effort(task, suppressed) > MOST_CLEANING:
        return suppressed
    audits = tuple(Audit(block) for block in task.blocks)
    failures_of(task, audits, suppressed)
    order = spare[np.lexsort((spare, -task.weight[spare]))]
    for cell in order:
        fewer = suppressed.copy()
        fewer[cell] = False
        if not np.array_equal(closed_under_ties(task, fewer.copy()), fewer):
            continue
        left = tuple(audit.without(int(cell)) for audit in audits)
        if not failures_of(task, left, fewer):
            suppressed, audits = fewer, left
    return suppressed
