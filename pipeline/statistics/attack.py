"""The attacker: what linear programs tell about unknown numbers from known ones and the relations between them.

It knows nothing of tables. `system_of` in relations.py writes a release's tables as a `System`; systems of many
nights are stacked and joined by further rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics.programs import INFINITY, Program, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SLACK = 1e-6  # what a program's answer may be off by, in units of the quantity or its 10^-12th part


@dataclass(frozen=True)
class System:
    """Numbers and what holds between them: lower <= x <= upper, row_lower <= A x <= row_upper.

    A is given row by row: row r has the entries starts[r] to starts[r + 1] of `columns` and `factors`. Bounds
    may be infinite. `integer` says which numbers are whole.
    """

    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)
    integer: Bools = field(repr=False)
    starts: Ints = field(repr=False)
    columns: Ints = field(repr=False)
    factors: Floats = field(repr=False)
    row_lower: Floats = field(repr=False)
    row_upper: Floats = field(repr=False)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.lower)

    @property
    def rows(self) -> Rows:
        """The rows in the form that programs take."""
        return Rows(self.starts, self.columns, self.factors, self.row_lower, self.row_upper)


@dataclass(frozen=True)
class Intervals:
    """The least and the greatest value that each target can have; whole numbers are rounded inward."""

    targets: Ints
    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)

    @property
    def recoverable(self) -> int:
        """How many targets the attacker knows exactly."""
        return int(np.sum(self.upper - self.lower <= SLACK * np.maximum(1, np.abs(self.upper))))


def attack(system: System, known: Floats, targets: Ints | None = None) -> Intervals:
    """Solve two linear programs a target: its least and its greatest value given what is known.

    `known` has one entry a number, nan where it is unknown; `targets` are all unknown numbers by default. Each
    connected part of the unknown numbers is one warm-started HiGHS model, so that far tables cost nothing.

    Raises:
        ValueError: the known values contradict the rows.

    """
    known = np.asarray(known, dtype=np.float64)
    unknown = np.isnan(known)
    wanted = np.flatnonzero(unknown) if targets is None else np.asarray(targets, dtype=np.int64)
    low, high = known.copy(), known.copy()
    reduced = system.rows.without(known)
    magnitude = scale_of(reduced, system.lower[unknown], system.upper[unknown])
    for part in parts_of(reduced, unknown):
        asked = np.intersect1d(part, wanted, assume_unique=True)
        if not len(asked):
            continue
        local = np.searchsorted(part, asked)
        program = Program(
            reduced.restricted(part).scaled(magnitude),
            system.lower[part] / magnitude,
            system.upper[part] / magnitude,
        )
        for at, position in zip(asked, local, strict=True):
            low[at] = program.extreme(int(position), -1) * magnitude
            high[at] = program.extreme(int(position), +1) * magnitude
    return _rounded(wanted, low[wanted], high[wanted], system.integer[wanted])


def stack(systems: Sequence[System]) -> System:
    """Put systems side by side: the numbers of each follow those of the one before."""
    offsets = np.cumsum([0, *(system.size for system in systems)])
    entries = np.cumsum([0, *(len(system.columns) for system in systems)])
    starts = [s.starts[:-1] + entry for s, entry in zip(systems, entries, strict=False)]
    return System(
        np.concatenate([s.lower for s in systems]),
        np.concatenate([s.upper for s in systems]),
        np.concatenate([s.integer for s in systems]),
        np.concatenate([*starts, entries[-1:]]).astype(np.int64),
        np.concatenate([s.columns + offset for s, offset in zip(systems, offsets, strict=False)]),
        np.concatenate([s.factors for s in systems]),
        np.concatenate([s.row_lower for s in systems]),
        np.concatenate([s.row_upper for s in systems]),
    )


def with_rows(system: System, rows: Sequence[tuple[Sequence[int], Sequence[float], float, float]]) -> System:
    """Add relations: (numbers, their factors, least and greatest value of the sum)."""
    if not rows:
        return system
    lengths = np.array([len(columns) for columns, *_ in rows], dtype=np.int64)
    return System(
        system.lower,
        system.upper,
        system.integer,
        np.concatenate([system.starts, system.starts[-1] + np.cumsum(lengths)]),
        np.concatenate([system.columns, *(np.asarray(c, dtype=np.int64) for c, *_ in rows)]),
        np.concatenate([system.factors, *(np.asarray(f, dtype=np.float64) for _, f, *_ in rows)]),
        np.concatenate([system.row_lower, np.array([low for *_, low, _ in rows], dtype=np.float64)]),
        np.concatenate([system.row_upper, np.array([high for *_, high in rows], dtype=np.float64)]),
    )


def scale_of(rows: Rows, lower: Floats, upper: Floats) -> float:
    """Return a power of two by which values are divided, so that the solver's absolute tolerances mean little."""
    found = [np.abs(a[np.isfinite(a)]) for a in (rows.lower, rows.upper, lower, upper)]
    largest = max((float(a.max()) for a in found if len(a)), default=1.0)
    return float(2.0 ** max(0, int(np.ceil(np.log2(max(largest, 1.0) / 1e6)))))


def parts_of(rows: Rows, unknown: Bools) -> list[Ints]:
    """Return the connected parts of the unknown numbers, each ascending; numbers share a part through rows."""
    root = np.where(unknown, np.arange(len(unknown)), len(unknown)).astype(np.int64)
    owner = rows.row_of_entry()
    while len(owner):
        least = np.full(rows.number, len(unknown), dtype=np.int64)
        np.minimum.at(least, owner, root[rows.columns])
        before = root.copy()
        np.minimum.at(root, rows.columns, least[owner])
        shortcut = unknown & (root < len(unknown))
        root[shortcut] = root[root[shortcut]]
        if np.array_equal(before, root):
            break
    members = np.flatnonzero(unknown)
    order = members[np.argsort(root[members], kind="stable")]
    edges = np.flatnonzero(np.diff(root[order])) + 1
    return list(np.split(order, edges)) if len(order) else []


def _rounded(targets: Ints, low: Floats, high: Floats, integer: Bools) -> Intervals:
    low = np.where(integer, np.ceil(low - SLACK), low)
    high = np.where(integer, np.floor(high + SLACK), high)
    return Intervals(targets, np.minimum(low, INFINITY), np.maximum(high, -INFINITY))
