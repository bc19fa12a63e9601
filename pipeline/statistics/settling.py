"""Nothing that is held back may be known exactly, not even a cell that is held back for others' sake.

A cell may be needed for one quantity (people) and be computable in another (rows). Where everything about it can be
computed, holding it back is vain, and it is published: that tells nobody anything new. Elsewhere more is held back.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.statistics.auditing import Audit
from pipeline.statistics.blocks import Block, Need, Task
from pipeline.statistics.cells import Bools

MOST_ROUNDS = 12

Grow = Callable[[Task, Bools], Bools]


def settled(task: Task, pattern: Bools, grow: Grow) -> Bools:
    """Return a pattern in which every cell that is held back has room in every quantity.

    `grow` holds back what a task needs, beginning with a pattern.
    """
    for _ in range(MOST_ROUNDS):
        watched = _watched(task, pattern & ~task.sensitive)
        if watched is None:
            return pattern
        number = np.zeros(task.cells, dtype=np.int64)
        failed = np.zeros(task.cells, dtype=np.int64)
        for block in watched.blocks:
            np.add.at(number, block.cell[block.need.width > 0], 1)
            failures = Audit(block).failures(pattern | task.hidden)
            np.add.at(failed, [int(block.cell[f.number]) for f in failures], 1)
        if not failed.any():
            return pattern
        vain = (failed > 0) & (failed == number)
        if len(task.ties):
            vain[task.ties[pattern[task.ties[:, 0]], 1]] = False
        pattern = pattern & ~vain if vain.any() else grow(watched, pattern)
    return pattern


def _watched(task: Task, spare: Bools) -> Task | None:
    """The task of giving the spare cells some room; None without any."""
    if not spare.any():
        return None
    blocks = tuple(replace(block, need=_room(block, spare)) for block in task.blocks)
    return replace(task, blocks=blocks, coalitions=())


def _room(block: Block, spare: Bools) -> Need:
    """One for a count, and for a sum as much as the least need of another cell."""
    asked = block.need.width[block.need.width > 0]
    least = 1.0 if block.integer else float(asked.min(initial=np.inf))
    width = np.where(spare[block.cell], least if np.isfinite(least) else 1.0, 0.0)
    return Need(np.zeros(block.size), np.zeros(block.size), width)
