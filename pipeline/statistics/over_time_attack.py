"""The attacker over time: all tables that anybody was given, and what holds between them, as one system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.attack import System, attack, with_rows
from pipeline.statistics.over_time_population import PEOPLE, Floats, Ints
from pipeline.statistics.over_time_relations import Relation, Side
from pipeline.statistics.over_time_tables import Released

Row = tuple[Sequence[int], Sequence[float], float, float]


_FAR = 10.0  # times all that a table tells


@dataclass(frozen=True)
class Target:
    """A number that nobody may learn: a suppressed row, or the difference that too few people make."""

    kind: str  # row | difference
    table: str  # key; empty of a difference
    row: int  # of the table, or number of the relation
    true: float
    variable: int
    people: int


@dataclass(frozen=True)
class Finding:
    """What the attacker learns of a target."""

    target: Target
    quantity: str
    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.upper - self.lower


@dataclass(frozen=True)
class Joint:
    """The system of one quantity over some tables and relations."""

    quantity: str
    system: System = field(repr=False)
    known: Floats = field(repr=False)
    targets: tuple[Target, ...] = field(repr=False)

    def findings(self) -> list[Finding]:
        """Solve two linear programs a target."""
        if not self.targets:
            return []
        wanted = np.array(sorted({target.variable for target in self.targets}), dtype=np.int64)
        found = attack(self.system, self.known, wanted)
        at = {int(v): i for i, v in enumerate(found.targets)}
        return [
            Finding(t, self.quantity, float(found.lower[at[t.variable]]), float(found.upper[at[t.variable]]))
            for t in self.targets
        ]


def joint_system(
    quantity: str,
    tables: Mapping[str, Released],
    relations: Sequence[Relation],
    unknown: frozenset[str] = frozenset(),
) -> Joint:
    """Write tables and relations as a system; the rows of `unknown` tables are taken as not published.

    Tables that do not tell the quantity say nothing about it and are left out, with their relations.
    """
    telling = {key: one for key, one in tables.items() if quantity in one.published}
    writer = _Writer(quantity, telling, unknown)
    for number, relation in enumerate(relations):
        if relation.keys <= telling.keys():
            writer.join(number, relation)
    return writer.done()


class _Writer:
    """Numbers the unknowns: leaves of each table, totals, differences."""

    def __init__(self, quantity: str, tables: Mapping[str, Released], unknown: frozenset[str]) -> None:
        self._quantity, self._tables = quantity, tables
        self._lower: list[float] = []
        self._known: list[float] = []
        self._rows: list[Row] = []
        self._targets: list[Target] = []
        self._first: dict[str, int] = {}
        self._by_members: dict[tuple[str, bytes], int] = {}
        self._leaves = {key: one.truth.dense(quantity, one.leaves) for key, one in tables.items()}
        for key, one in tables.items():
            self._first[key] = len(self._lower)
            least = -np.inf if self._leaves[key].min(initial=0) < 0 else 0.0
            self._lower += [least] * one.leaves
            self._known += [np.nan] * one.leaves
            self._add_rows(key, one, known=key not in unknown, least=least)

    def _new(self, lower: float, known: float = np.nan) -> int:
        self._lower.append(lower)
        self._known.append(known)
        return len(self._lower) - 1

    def _add_rows(self, key: str, one: Released, *, known: bool, least: float) -> None:
        values = one.values(self._quantity)
        for row, members in enumerate(one.members):
            if len(members) == 1:
                variable = self._first[key] + int(members[0])
            else:
                variable = self._new(least)
                self._total(key, members, variable, values[row])
            self._by_members[key, members.tobytes()] = variable
            if known and one.shown[row]:
                self._known[variable] = values[row]
            elif one.sensitive[row]:
                self._targets.append(Target("row", key, row, float(values[row]), variable, 0))

    def _total(self, key: str, members: Ints, variable: int, value: float) -> None:
        columns = [*(self._first[key] + int(m) for m in members), variable]
        adds = self._quantity != PEOPLE or self._leaves[key][members].sum() == value
        self._rows.append((columns, [1.0] * len(members) + [-1.0], 0.0, 0.0 if adds else np.inf))
        if not adds:
            self._rows += [([variable, column], [1.0, -1.0], 0.0, np.inf) for column in columns[:-1]]

    def join(self, number: int, relation: Relation) -> None:
        """Add the row of a relation, and its difference as an unknown where too few people make it."""
        left, right = self._terms(relation.left), self._terms(relation.right)
        if left is None or right is None:
            return
        columns = [*left[0], *right[0]]
        factors = [1.0] * len(left[0]) + [-1.0] * len(right[0])
        if self._quantity in relation.changed:
            difference = self._new(-np.inf)
            columns.append(difference)
            factors.append(-1.0)
            self._targets.append(
                Target("difference", "", number, left[1] - right[1], difference, relation.people)
            )
        self._rows.append((columns, factors, 0.0, 0.0))

    def _terms(self, side: Side) -> tuple[list[int], float] | None:
        """The unknowns that add up to a side and their true sum; None where people do not add up."""
        columns: list[int] = []
        total = 0.0
        for key, leaves in side:
            total += float(self._leaves[key][leaves].sum())
            whole = self._by_members.get((key, np.sort(leaves).tobytes()))
            if whole is not None:
                columns.append(whole)
            else:
                columns += [self._first[key] + int(leaf) for leaf in leaves]
        if self._quantity == PEOPLE and len(columns) > 1:
            return None
        if self._quantity == PEOPLE:
            key, leaves = side[0]
            inside = np.isin(self._tables[key].population.leaf, leaves)
            total = float(len(np.unique(self._tables[key].population.unit[inside])))
        return columns, total

    def done(self) -> Joint:
        """The whole."""
        size = len(self._lower)
        # Far bounds instead of none keep every program bounded; no interval of interest is that wide.
        far = _FAR * (
            1.0 + max((float(np.abs(leaves).sum()) for leaves in self._leaves.values()), default=0.0)
        )
        nothing = np.zeros(0, dtype=np.int64)
        empty = System(
            np.maximum(np.array(self._lower), -far),
            np.full(size, far),
            np.full(size, not self._quantity.startswith("sum:")),
            np.zeros(1, dtype=np.int64),
            nothing,
            nothing.astype(np.float64),
            nothing.astype(np.float64),
            nothing.astype(np.float64),
        )
        return Joint(
            self._quantity, with_rows(empty, self._rows), np.array(self._known), tuple(self._targets)
        )
