"""What protection has to reach: which cells are sensitive, and how far an attacker must be from knowing them.

A block is a set of quantities that relations tie together. Everything in it is told as a distance from the
truth: the true table is the point zero, and what an attacker cannot exclude are the other points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.cells import Axis, Bools, Ints
from pipeline.statistics.programs import Floats, Rows


@dataclass(frozen=True)
class Need:
    """How far an attacker's interval must reach beyond the truth, by cell; zero where nothing is needed.

    `up` and `down` are distances from the true value, `width` is the whole interval's.
    """

    up: Floats = field(repr=False)
    down: Floats = field(repr=False)
    width: Floats = field(repr=False)

    @staticmethod
    def nothing(size: int) -> "Need":
        """No cell needs anything."""
        return Need(np.zeros(size), np.zeros(size), np.zeros(size))

    def at_least(self, other: "Need") -> "Need":
        """Both needs."""
        return Need(
            np.maximum(self.up, other.up),
            np.maximum(self.down, other.down),
            np.maximum(self.width, other.width),
        )


@dataclass(frozen=True)
class Quantity:
    """One quantity of the linked cells; arrays have one entry a cell."""

    name: str
    values: Floats = field(repr=False)  # the truth; nan where no table counts it
    lower: Floats = field(repr=False)  # what everybody knows it to be at least
    rows: Rows = field(repr=False)
    need: Need = field(repr=False)
    integer: bool = True


@dataclass(frozen=True)
class Block:
    """Numbers tied by rows, as distances d from the truth: lower <= d <= upper, row.lower <= A d <= row.upper."""

    names: tuple[str, ...]
    cell: Ints = field(repr=False)  # the cell of each number
    quantity: Ints = field(repr=False)  # position in `names` of each number
    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)
    rows: Rows = field(repr=False)
    need: Need = field(repr=False)
    integer: bool
    unit: float  # what one of these numbers is in units of the quantity

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.cell)


@dataclass(frozen=True)
class Coalition:
    """What one or two people know by themselves: the cells that are all theirs, and those that are theirs in part.

    A cell that is theirs in part they know to be at least their part, so nothing is asked below the truth there.
    """

    cells: Ints = field(repr=False)
    partly: Ints = field(repr=False)

    @staticmethod
    def nobody() -> "Coalition":
        """An outsider."""
        return Coalition(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Task:
    """Which cells to hold back so that every need is met, for outsiders and for each coalition.

    `weight` is what losing a cell costs; `price` is what the search is told instead, so that of equally cheap
    patterns it finds those that keep totals. `fixed` cells cannot be held back (public zeros); `hidden` ones are
    never published anyway. In a pair of `ties` the second cell goes when the first one does.
    """

    cells: int
    weight: Floats = field(repr=False)
    price: Floats = field(repr=False)
    sensitive: Bools = field(repr=False)
    fixed: Bools = field(repr=False)
    hidden: Bools = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    coalitions: tuple[Coalition, ...] = field(repr=False)
    ties: Ints = field(repr=False)  # (pairs, 2)
    tables: tuple[tuple[tuple[Axis, ...], Ints], ...] = field(default=(), repr=False)  # axes, linked cells


def block_of(quantities: Sequence[Quantity], couples: Sequence[tuple[int, int]] = ()) -> Block:
    """Join quantities; in each couple (a, b) no cell's a is more than its b, as people and rows are."""
    present = [np.flatnonzero(~np.isnan(q.values)) for q in quantities]
    offsets = np.cumsum([0, *(len(p) for p in present)])
    place = np.full((len(quantities), len(quantities[0].values)), -1, dtype=np.int64)
    for number, cells in enumerate(present):
        place[number, cells] = offsets[number] + np.arange(len(cells))
    parts = [_rows_of(q, place[number]) for number, q in enumerate(quantities)]
    for few, many in couples:
        parts.append(_couple(quantities[few], quantities[many], place[few], place[many]))
    scale = _unit(quantities)
    values = np.concatenate([q.values[cells] for q, cells in zip(quantities, present, strict=True)])
    lower = np.concatenate([q.lower[cells] for q, cells in zip(quantities, present, strict=True)])
    rows = _stacked(parts)
    return Block(
        tuple(q.name for q in quantities),
        np.concatenate(present),
        np.repeat(np.arange(len(quantities)), np.diff(offsets)),
        np.minimum(0.0, (lower - values) / scale),
        np.full(len(values), np.inf),
        Rows(rows.starts, rows.columns, rows.factors, rows.lower / scale, rows.upper / scale),
        Need(*(_gathered(quantities, present, part) / scale for part in ("up", "down", "width"))),
        all(q.integer for q in quantities),
        scale,
    )


def _unit(quantities: Sequence[Quantity]) -> float:
    """Whole counts stay as they are; sums are told in a unit that suits the solver's absolute tolerances."""
    if all(q.integer for q in quantities):
        return 1.0
    needs = np.concatenate([np.concatenate([q.need.up, q.need.down, q.need.width]) for q in quantities])
    positive = needs[needs > 0]
    return float(2.0 ** np.floor(np.log2(np.median(positive) / 16))) if len(positive) else 1.0


def _gathered(quantities: Sequence[Quantity], present: Sequence[Ints], part: str) -> Floats:
    return np.concatenate(
        [getattr(q.need, part)[cells] for q, cells in zip(quantities, present, strict=True)]
    )


def _rows_of(quantity: Quantity, place: Ints) -> Rows:
    """Rows as distances from the truth; those with a cell that nobody counts are left out."""
    rows = quantity.rows
    owner = rows.row_of_entry()
    at = place[rows.columns]
    complete = np.bincount(owner[at < 0], minlength=rows.number) == 0
    truth = rows.times(np.nan_to_num(quantity.values))
    entry = complete[owner]
    counts = np.diff(rows.starts)[complete]
    return Rows(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        at[entry],
        rows.factors[entry],
        # Rounding in long sums must not make the truth itself impossible.
        np.minimum(0.0, (rows.lower - truth)[complete]),
        np.maximum(0.0, (rows.upper - truth)[complete]),
    )


def _couple(few: Quantity, many: Quantity, few_at: Ints, many_at: Ints) -> Rows:
    both = np.flatnonzero((few_at >= 0) & (many_at >= 0))
    room = many.values[both] - few.values[both]
    return Rows(
        2 * np.arange(len(both) + 1, dtype=np.int64),
        np.stack([many_at[both], few_at[both]], axis=1).ravel(),
        np.tile([1.0, -1.0], len(both)),
        -np.maximum(room, 0.0),
        np.full(len(both), np.inf),
    )


def _stacked(parts: Sequence[Rows]) -> Rows:
    ends = np.cumsum([0, *(len(p.columns) for p in parts)])
    return Rows(
        np.concatenate([*(p.starts[:-1] + end for p, end in zip(parts, ends, strict=False)), ends[-1:]]),
        np.concatenate([p.columns for p in parts]),
        np.concatenate([p.factors for p in parts]),
        np.concatenate([p.lower for p in parts]),
        np.concatenate([p.upper for p in parts]),
    )
