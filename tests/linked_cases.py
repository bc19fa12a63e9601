"""Cells made by hand from microdata: an oracle for aggregation, and material for the rules and the attacker."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from pipeline.config.statistics_models import Protection
from pipeline.statistics.blocks import Task
from pipeline.statistics.cells import TOP, Axis, Cells, Measured
from pipeline.statistics.relations import Linked, Table, link
from pipeline.statistics.rules import sensitive_cells
from pipeline.statistics.task import task_of

NO_TIES = np.zeros((0, 2), dtype=np.int64)


class Record(NamedTuple):
    """One row: who, which leaf of every axis, how much (cents)."""

    person: int
    leaves: tuple[int, ...]
    amount: int = 100


def axis(column: str, leaves: int, groups: Sequence[int] = (), *, total: bool = True) -> Axis:
    """`groups[i]` is the inner node of leaf i; without them leaves hang under the total."""
    inner = max(groups, default=-1) + 1
    labels = [f"{column}{i}" for i in range(leaves)] + [f"{column}-group{i}" for i in range(inner)]
    top = leaves + inner if total else TOP
    parents = [leaves + groups[i] if groups else top for i in range(leaves)] + [top] * inner
    conditions = [f"{column}={label}" for label in labels]
    if total:
        labels, parents, conditions = [*labels, "*"], [*parents, TOP], [*conditions, ""]
    return Axis(column, tuple(labels), tuple(parents), tuple(conditions), (False,) * len(labels))


def cells_by_hand(axes: Sequence[Axis], records: Sequence[Record], top: int = 5) -> Cells:
    """Count row by row, with no array operation that the pipeline uses."""
    shape = tuple(len(a) for a in axes)
    people: dict[tuple[int, ...], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    rows: dict[tuple[int, ...], int] = defaultdict(int)
    for record in records:
        for cell in product(*(a.ancestors(leaf) for a, leaf in zip(axes, record.leaves, strict=True))):
            people[cell][record.person] += record.amount
            rows[cell] += 1
    size = int(np.prod(shape))
    n, r, s, ab = (np.zeros(size, dtype=np.int64) for _ in range(4))
    largest, who = np.zeros((top, size), dtype=np.int64), np.full((2, size), -1, dtype=np.int64)
    for cell, found in people.items():
        at = int(np.ravel_multi_index(cell, shape))
        n[at], r[at], s[at] = len(found), rows[cell], sum(found.values())
        ab[at] = sum(map(abs, found.values()))
        ranked = sorted(map(abs, found.values()), reverse=True)[:top]
        largest[: len(ranked), at] = ranked
        if len(found) <= 2:
            who[:, at] = min(found), max(found)
    negative = any(record.amount < 0 for record in records)
    measured = Measured("amount", 2, s, ab, r, n, largest, negative)
    return Cells(tuple(axes), n, r, (measured,), who, len(records))


def random_records(
    seed: int, axes: Sequence[Axis], persons: int, rows: int, skew: float = 1.2, partition: int | None = None
) -> list[Record]:
    """Skewed leaves and amounts; along axis `partition` each person has one leaf."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, persons, rows)
    leaves = []
    for position, a in enumerate(axes):
        weights = 1.0 / np.arange(1, a.leaves + 1) ** skew
        weights = rng.permutation(weights / weights.sum())
        if position == partition:
            own = rng.choice(a.leaves, persons, p=weights)
            leaves.append(own[who])
        else:
            leaves.append(rng.choice(a.leaves, rows, p=weights))
    amounts = np.rint(rng.lognormal(7, 1.2, rows)).astype(int) + 1
    return [
        Record(int(p), tuple(map(int, cell)), int(a))
        for p, cell, a in zip(who, zip(*leaves, strict=True), amounts, strict=True)
    ]


def linked_of(*cells: Cells, zeros_public: bool = False) -> Linked:
    return link([Table(f"t{i}", "orders", c, zeros_public) for i, c in enumerate(cells)])


def task_for(
    linked: Linked,
    protect: Protection,
    quantities: Sequence[str] = ("people", "rows", "sum:amount"),
) -> Task:
    sensitivities = {
        t.name: sensitive_cells(t.cells, protect, zeros_public=t.zeros_public) for t in linked.tables
    }
    published = {t.name: frozenset(quantities) for t in linked.tables}
    return task_of(
        linked,
        sensitivities,
        published,
        NO_TIES,
        frozenset(published) if protect.minimize == "rows" else frozenset(),
    )
