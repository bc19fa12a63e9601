"""The attacker over time: all tables that anybody was given, and what holds between them, as one system."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.attack import System, attack, parts_of, scale_of, with_rows
from pipeline.statistics.over_time_population import PEOPLE, Floats, Ints
from pipeline.statistics.over_time_relations import Relation, Side
from pipeline.statistics.over_time_tables import Released
from pipeline.statistics.programs import Program

Row = tuple[Sequence[int], Sequence[float], float, float]


_FEW, _DIRECTIONS = 2, 12
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

    def findings(self, needed: Callable[[Target, str], float]) -> list[Finding]:
        """Return what the attacker learns of every target.

        First a few programs for many targets at once: where two solutions lie `needed` or more apart, the target is
        safe, and what is returned lies inside its interval. Of every other target two programs tell the interval.
        """
        if not self.targets:
            return []
        low, high = self._spread(needed)
        open_ones = [
            t for t in self.targets if not high[t.variable] - low[t.variable] >= needed(t, self.quantity)
        ]
        if open_ones:
            wanted = np.array(sorted({target.variable for target in open_ones}), dtype=np.int64)
            try:
                found = attack(self.system, self.known, wanted)
            except (
                RuntimeError
            ):  # the solver gave up: take every open target for known, which suppresses more
                low[wanted] = high[wanted] = 0.0
            else:
                low[found.targets], high[found.targets] = found.lower, found.upper
        return [
            Finding(t, self.quantity, float(low[t.variable]), float(high[t.variable])) for t in self.targets
        ]

    def _spread(self, needed: Callable[[Target, str], float]) -> tuple[Floats, Floats]:
        """Least and greatest values of every number among the corners that a few random directions lead to."""
        low, high = (
            np.where(np.isnan(self.known), np.inf, self.known),
            np.where(np.isnan(self.known), -np.inf, self.known),
        )
        unknown = np.isnan(self.known)
        reduced = self.system.rows.without(self.known)
        magnitude = scale_of(reduced, self.system.lower[unknown], self.system.upper[unknown])
        least = np.zeros(len(self.known))
        for target in self.targets:
            least[target.variable] = max(least[target.variable], needed(target, self.quantity))
        directions = np.random.default_rng(0)  # equal input, equal answer
        for part in parts_of(reduced, unknown):
            asked = np.flatnonzero(least[part])
            if len(asked) <= _FEW:
                continue
            program = Program(
                reduced.restricted(part).scaled(magnitude),
                self.system.lower[part] / magnitude,
                self.system.upper[part] / magnitude,
            )
            for _ in range(_DIRECTIONS):
                left = asked[~(high[part[asked]] - low[part[asked]] >= least[part[asked]])]
                if len(left) <= _FEW:
                    break
                signs = directions.choice([-1.0, 1.0], len(left))
                for direction in (signs, -signs):
                    program.set_costs(left, direction)
                    if _solved(program):
                        corner = program.values() * magnitude
                        low[part], high[part] = np.minimum(low[part], corner), np.maximum(high[part], corner)
        return low, high


def _solved(program: Program) -> bool:
    """Solve; False where there is no answer, which clears nobody."""
    try:
        return program.minimize()
    except RuntimeError:
        return False


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
                everybody = one.everybody(row) if self._quantity == PEOPLE else None
                if everybody is not None:  # who came back was there before
                    columns = [*(self._first[key] + int(leaf) for leaf in everybody), variable]
                    self._rows.append((columns, [1.0] * len(everybody) + [-1.0], 0.0, 0.0))
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
        if self._quantity != PEOPLE:
            return columns, total
        if len(side) > 1:
            return None
        key, leaves = side[0]
        inside = np.isin(self._tables[key].population.leaf, leaves)
        people = float(len(np.unique(self._tables[key].population.unit[inside])))
        # Who knows that nobody is in two of the leaves may add their people up.
        return (columns, people) if len(columns) == 1 or people == total else None

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
