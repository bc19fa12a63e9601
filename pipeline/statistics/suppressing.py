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
from pipeline.statistics.blocks import Coalition, Task
from pipeline.statistics.boxes import grid_of
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.exact import fits, solve_exactly
from pipeline.statistics.programs import Floats
from pipeline.statistics.settling import settled
from pipeline.statistics.widening import Widening

NOBODY = Coalition.nobody()
MOST_CLEANING = 30_000  # cells to give back, times needs to look at
MOST_EFFORT = 5_000  # the same, for trying other prices
MOST_ATTEMPTS = 3
MOST_TOGETHER = 8  # rounds that meet many needs at once
FEW = 12  # needs that are better met one by one


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
    if not _many_unmet(task, audits, start) and not failures_of(task, audits, start):
        return Pattern(start, audits, "none", sum(a.programs for a in audits), len(task.coalitions))
    grown, programs = _grow(task, audits, start, task.price)
    pruned = _give_back(task, grown)
    solve = fits(task, pruned) if exact is None else exact
    for prices in () if solve else _other_prices(task, pruned):
        other, more = _grow(task, tuple(Audit(block) for block in task.blocks), start, prices)
        other = _give_back(task, other)
        programs += more
        if task.weight[other].sum() < task.weight[pruned].sum() - 1e-9:
            pruned = other
    method = "heuristic"
    if solve:
        better = solve_exactly(task, pruned)
        if better is not None:
            pruned, method = better, "exact"
    pruned = settled(task, pruned, _grow_on)
    if np.array_equal(pruned, grown):
        return Pattern(
            pruned, audits, method, programs + sum(a.programs for a in audits), len(task.coalitions)
        )
    final = tuple(Audit(block) for block in task.blocks)
    if failures_of(task, final, pruned):
        raise InternalError("the attacker's audit does not confirm the pattern", where="statistics")
    programs += sum(a.programs for a in (*audits, *final))
    return Pattern(pruned, final, method, programs, len(task.coalitions))


def _grow_on(task: Task, pattern: Bools) -> Bools:
    return _grow(task, tuple(Audit(block) for block in task.blocks), pattern, task.price)[0]


def closed_under_ties(task: Task, suppressed: Bools) -> Bools:
    """Hold back what goes with something that is held back."""
    while len(task.ties):
        follow = task.ties[suppressed[task.ties[:, 0]], 1]
        if suppressed[follow].all():
            break
        suppressed[follow] = True
    return suppressed


def failures_of(
    task: Task, audits: Sequence[Audit], suppressed: Bools
) -> list[tuple[int, Failure, Coalition]]:
    """Return what the pattern lacks: block, need, and the coalition against which it is not met.

    Coalitions are asked only when outsiders are held off.
    """
    open_cells = suppressed | task.hidden
    found = [
        (number, failure, NOBODY)
        for number, audit in enumerate(audits)
        for failure in audit.failures(open_cells)
    ]
    if found or not task.coalitions:
        return found
    for number, audit in enumerate(audits):
        audit.prepare(open_cells, task.coalitions)
        for coalition in task.coalitions:
            found += [(number, f, coalition) for f in audit.failures_against(open_cells, coalition)]
    return found


def _grow(task: Task, audits: Sequence[Audit], start: Bools, prices: Floats) -> tuple[Bools, int]:
    suppressed = start.copy()
    grids = [grid_of(axes, place) for axes, place in task.tables]
    widenings = [Widening(block, prices, task.fixed, grids) for block in task.blocks]
    _grow_together(task, audits, widenings, suppressed)
    _boxes_against(task, audits, widenings, suppressed)
    while found := failures_of(task, audits, suppressed):
        for number, failure, coalition in sorted(found, key=lambda one: _urgency(task, one)):
            _widen(task, audits[number], widenings[number], failure, coalition, suppressed)
        suppressed = closed_under_ties(task, suppressed)
    return suppressed, sum(w.programs for w in widenings)


def _many_unmet(task: Task, audits: Sequence[Audit], suppressed: Bools) -> bool:
    """Whether a quick look leaves so many needs open that asking each of them alone is a waste."""
    return any(
        sum(len(numbers) for _, numbers in audit.unmet(suppressed | task.hidden)) >= FEW for audit in audits
    )


def _grow_together(
    task: Task, audits: Sequence[Audit], widenings: Sequence[Widening], suppressed: Bools
) -> None:
    """Where many needs are unmet, meet many at a time: one program for each block and direction."""
    for _ in range(MOST_TOGETHER):
        before = suppressed.copy()
        for audit, widening in zip(audits, widenings, strict=True):
            need = audit.block.need
            for direction, numbers in audit.unmet(suppressed | task.hidden):
                if len(numbers) < FEW:
                    continue
                far = (need.down if direction == DOWN else need.up if direction == UP else need.width)[
                    numbers
                ]
                if widening.boxes is not None:
                    rest = _one_box_each(task, audit, widening, (direction, numbers, far), suppressed)
                else:
                    rest = np.arange(len(numbers))
                if not len(rest):
                    continue
                move = widening.together(
                    numbers[rest], DOWN if direction == DOWN else UP, far[rest], suppressed | task.hidden
                )
                if move is not None:
                    suppressed[widening.block.cell[move.numbers]] = True
                    suppressed[task.hidden] = False
        closed_under_ties(task, suppressed)
        if np.array_equal(before, suppressed):
            return


def _one_box_each(
    task: Task,
    audit: Audit,
    widening: Widening,
    unmet: tuple[int, Ints, Floats],
    suppressed: Bools,
) -> Ints:
    """In large tables: the farthest need first, a box for each that no box before it met.

    Return the positions of those that have no box.
    """
    direction, numbers, far = unmet
    left = []
    nobody = np.zeros(task.cells, dtype=bool)
    assert widening.boxes is not None
    for position in np.lexsort((numbers, -far)):
        number, distance = int(numbers[position]), float(far[position])
        reached = {UP: audit.up, DOWN: audit.down, WIDTH: audit.up + audit.down}[direction][number]
        if reached >= distance:
            continue
        way = DOWN if direction == DOWN else UP
        move = widening.boxes.cheapest(number, way, distance, suppressed | task.hidden, nobody)
        if move is None:
            left.append(position)
            continue
        suppressed[widening.block.cell[move.numbers]] = True
        suppressed[task.hidden] = False
        audit.credit(move)
    return np.array(left, dtype=np.int64)


def _boxes_against(
    task: Task, audits: Sequence[Audit], widenings: Sequence[Widening], suppressed: Bools
) -> None:
    """In large tables: a box without a coalition's cells for each need that no known move meets against it."""
    for audit, widening in zip(audits, widenings, strict=True):
        if widening.boxes is None:
            continue
        need = audit.block.need
        audit.prepare(suppressed | task.hidden, task.coalitions)
        for coalition in task.coalitions:
            closed = np.zeros(task.cells, dtype=bool)
            closed[coalition.cells] = True
            for direction, numbers in audit.unmet_against(coalition):
                far = {UP: need.up, DOWN: need.down, WIDTH: need.width}[direction]
                for number in numbers:
                    way = DOWN if direction == DOWN else UP
                    move = widening.boxes.cheapest(
                        int(number), way, float(far[number]), suppressed | task.hidden, closed
                    )
                    if move is not None:
                        suppressed[widening.block.cell[move.numbers]] = True
                        suppressed[task.hidden] = False
                        audit.remember(move)
    closed_under_ties(task, suppressed)


def _other_prices(task: Task, pattern: Bools) -> Iterator[Floats]:
    """Prices near the true ones: where the task is small, the best of some patterns is taken."""
    for attempt in range(MOST_ATTEMPTS if _effort(task, pattern) <= MOST_EFFORT else 0):
        chance = np.random.default_rng(attempt)  # the same numbers every time
        yield task.price * chance.uniform(0.6, 1.6, task.cells)


def _effort(task: Task, pattern: Bools) -> int:
    needs = sum(int(np.sum((b.need.up > 0) | (b.need.down > 0) | (b.need.width > 0))) for b in task.blocks)
    return int(np.sum(pattern & ~task.sensitive)) * needs * (1 + len(task.coalitions))


def _urgency(task: Task, one: tuple[int, Failure, Coalition]) -> tuple[float, int, int, int]:
    number, failure, _ = one
    need = task.blocks[number].need
    far = {UP: need.up, DOWN: need.down, WIDTH: need.width}[failure.direction][failure.number]
    return (-float(far), number, failure.number, failure.direction)


def _widen(
    task: Task, audit: Audit, widening: Widening, failure: Failure, coalition: Coalition, suppressed: Bools
) -> None:
    """Let the cells of the cheapest move that meets the need join `suppressed`."""
    need, number = widening.block.need, failure.number
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
    if not len(coalition.cells) and any(
        (audit.up if direction == UP else audit.down)[number] >= far for direction, far in options
    ):
        return  # a move that was found for another need meets this one, too
    if len(coalition.cells) and not any(
        number in numbers
        for direction, numbers in audit.unmet_against(coalition)
        if direction == failure.direction
    ):
        return
    held = suppressed | task.hidden
    for direction, far in options:
        move = widening.cheapest(number, direction, far, held, coalition.cells)
        if move is not None:
            suppressed[widening.block.cell[move.numbers]] = True
            suppressed[task.hidden] = False
            if not widening.block.integer or bool(np.all(np.abs(move.distances % 1.0) < 1e-9)):
                audit.credit(move, keep=True)
            return
    raise InternalError("no pattern of suppression meets the needs", where="statistics")


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
