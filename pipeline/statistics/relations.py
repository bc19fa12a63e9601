"""The relations of all linked tables of a release: which cells add up to which, and which are the same cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.statistics.attack import System
from pipeline.statistics.cells import Axis, Bools, Cells, Ints, sums_within
from pipeline.statistics.programs import Floats, Rows


@dataclass(frozen=True)
class Table:
    """One statistic among the linked ones: its cells, and which rows of the data it counts at all."""

    name: str
    population: str  # source table, joins and filters, in words that are equal where the rows are
    cells: Cells = field(repr=False)
    zeros_public: bool = False
    people_only: bool = False  # a cohort counts no rows


@dataclass(frozen=True)
class Relations:
    """wholes[r] is made of parts[starts[r]:starts[r + 1]]; `people_add` where nobody is in two of the parts.

    In each of `pairs` (part, whole) the part is at most the whole.
    """

    wholes: Ints = field(repr=False)
    starts: Ints = field(repr=False)
    parts: Ints = field(repr=False)
    people_add: Bools = field(repr=False)
    pairs: Ints = field(repr=False)

    @property
    def number(self) -> int:
        """How many relations there are."""
        return len(self.wholes)


@dataclass(frozen=True)
class Linked:
    """The cells of some tables, each once, and their relations.

    `places[name]` has the linked cell of every cell of a table. Quantities are `people`, `rows`, and of each
    measured column `sum:<column>`, `values:<column>`; a cell that no table counts in a quantity has nan there.
    """

    tables: tuple[Table, ...] = field(repr=False)
    places: Mapping[str, Ints] = field(repr=False)
    size: int
    relations: Relations = field(repr=False)
    quantities: Mapping[str, Floats] = field(repr=False)

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """One text a cell, equal across releases where the cells mean the same rows."""
        names = [""] * self.size
        for table in self.tables:
            for place, name in zip(self.places[table.name], identities(table), strict=True):
                names[place] = names[place] or name
        return tuple(names)


def link(tables: Sequence[Table]) -> Linked:
    """Join the tables of one release: equal cells become one, and each table's totals become relations."""
    places, size = _places(tables)
    relations = [_of_table(table, places[table.name]) for table in tables]
    wholes = np.concatenate([r.wholes for r in relations])
    lengths = np.concatenate([np.diff(r.starts) for r in relations])
    joined = Relations(
        wholes,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([r.parts for r in relations]),
        np.concatenate([r.people_add for r in relations]),
        np.concatenate([r.pairs for r in relations]),
    )
    return Linked(tuple(tables), places, size, joined, _quantities(tables, places, size))


def identities(table: Table) -> Iterator[str]:
    """Name every cell: its population, then the conditions of its nodes, sorted."""
    shape = table.cells.shape
    for cell in np.ndindex(*shape):
        found = sorted(
            axis.conditions[node]
            for axis, node in zip(table.cells.axes, cell, strict=True)
            if axis.conditions[node]
        )
        yield "|".join([table.population, *found])


def system_of(linked: Linked, quantity: str, lower: float = 0.0) -> System:
    """Write the relations of one quantity as a system over all linked cells.

    Rows, values and sums add up in every relation. People add up where nobody is in two parts; elsewhere
    the whole is at least each part and at most their sum. `lower` is what everybody knows a suppressed
    cell to be at least.
    """
    rows = rows_of(linked.relations, additive=quantity != "people")
    return System(
        np.full(linked.size, lower),
        np.full(linked.size, np.inf),
        np.full(linked.size, not quantity.startswith("sum:")),
        rows.starts,
        rows.columns,
        rows.factors,
        rows.lower,
        rows.upper,
    )


def rows_of(relations: Relations, *, additive: bool) -> Rows:
    """Relations as rows: parts minus whole, which is zero where they add up, else at least zero.

    Where people do not add up, a second row for each part says that the whole is at least the part.
    """
    lengths = np.diff(relations.starts)
    starts = np.concatenate([[0], np.cumsum(lengths + 1)]).astype(np.int64)
    columns = np.empty(starts[-1], dtype=np.int64)
    factors = np.ones(starts[-1])
    last = starts[1:] - 1
    columns[last], factors[last] = relations.wholes, -1.0
    inner = np.ones(starts[-1], dtype=bool)
    inner[last] = False
    columns[inner] = relations.parts
    loose = np.zeros(relations.number, dtype=bool) if additive else ~relations.people_add
    upper = np.where(loose, np.inf, 0.0)
    owner = np.repeat(np.arange(relations.number), lengths)
    of_loose = loose[owner]
    of_relations = np.stack([relations.wholes[owner[of_loose]], relations.parts[of_loose]], axis=1)
    pairs = np.concatenate([of_relations, relations.pairs[:, ::-1]])
    return Rows(
        np.concatenate([starts, starts[-1] + 2 * np.arange(1, len(pairs) + 1)]),
        np.concatenate([columns, pairs.ravel()]),
        np.concatenate([factors, np.tile([1.0, -1.0], len(pairs))]),
        np.concatenate([np.zeros(relations.number), np.zeros(len(pairs))]),
        np.concatenate([upper, np.full(len(pairs), np.inf)]),
    )


# ------------------------------------------------------------------ equal cells


def _places(tables: Sequence[Table]) -> tuple[dict[str, Ints], int]:
    """Number the cells of all tables; cells of equal rows get one number."""
    known: dict[str, int] = {}
    places: dict[str, Ints] = {}
    size = 0
    for position, table in enumerate(tables):
        place = np.full(table.cells.size, -1, dtype=np.int64)
        others = [t for i, t in enumerate(tables) if i != position and t.population == table.population]
        shared = {axis.column for other in others for axis in other.cells.axes}
        for cell, name in _shareable(table, shared if others else None):
            if name in known:
                place[cell] = known[name]
        fresh = np.flatnonzero(place < 0)
        place[fresh] = size + np.arange(len(fresh))
        for cell, name in _shareable(table, shared if others else None):
            known.setdefault(name, int(place[cell]))
        size += len(fresh)
        places[table.name] = place
    return places, size


def _shareable(table: Table, shared: set[str] | None) -> Iterator[tuple[int, str]]:
    """Cells that another table may have, too: those with totals wherever it has no such column."""
    if shared is None:
        return
    axes = table.cells.axes
    grid = np.arange(table.cells.size).reshape(table.cells.shape)
    choices = [range(len(a)) if a.column in shared else _tops(a) for a in axes]
    for nodes in np.ndindex(*(len(c) for c in choices)):
        cell = tuple(c[n] for c, n in zip(choices, nodes, strict=True))
        found = sorted(
            axis.conditions[node] for axis, node in zip(axes, cell, strict=True) if axis.conditions[node]
        )
        yield int(grid[cell]), "|".join([table.population, *found])


def _tops(axis: Axis) -> tuple[int, ...]:
    return tuple(node for node in range(len(axis)) if not axis.conditions[node])


# ------------------------------------------------------------------ a table's own totals


def _of_table(table: Table, place: Ints) -> Relations:
    cells = table.cells
    wholes: list[Ints] = []
    parts: list[Ints] = []
    lengths: list[Ints] = []
    add: list[Bools] = []
    within = np.zeros((0, 2), dtype=np.int64) if cells.within is None else place[cells.within]
    for position, axis in enumerate(cells.axes):
        for node, children in enumerate(axis.children):
            if not children:
                continue
            whole = sums_within(cells.shape, position, node)
            part = np.stack([sums_within(cells.shape, position, child) for child in children], axis=1)
            wholes.append(place[whole])
            parts.append(place[part].ravel())
            lengths.append(np.full(len(whole), len(children), dtype=np.int64))
            add.append(cells.people[part].sum(axis=1) == cells.people[whole])
    if not wholes:
        empty = np.zeros(0, dtype=np.int64)
        return Relations(empty, np.zeros(1, dtype=np.int64), empty, np.zeros(0, dtype=bool), within)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Relations(np.concatenate(wholes), starts, np.concatenate(parts), np.concatenate(add), within)


def _quantities(tables: Sequence[Table], places: Mapping[str, Ints], size: int) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for table in tables:
        place = places[table.name]
        pairs = [("people", table.cells.people)]
        if not table.people_only:
            pairs.append(("rows", table.cells.rows))
        for one in table.cells.measured:
            pairs += [(f"sum:{one.column}", one.sums), (f"values:{one.column}", one.values)]
        for name, values in pairs:
            found.setdefault(name, np.full(size, np.nan))[place] = values.astype(np.float64)
    return found
