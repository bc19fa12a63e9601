"""The guard over time: what a new table tells together with everything that anybody was given before.

Recipients may collude, so histories are not kept apart. A row of the new table is suppressed when, with all earlier
tables, it would tell a figure about fewer than `min_people` persons: a difference between two releases, or a cell
that was suppressed. Published tables are never changed: they are out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import RiskLimitPassed
from pipeline.statistics.over_time_attack import Finding, Target, joint_system
from pipeline.statistics.over_time_held import beside_held
from pipeline.statistics.over_time_population import NOBODY, Marks
from pipeline.statistics.over_time_relations import Relation, relations_of
from pipeline.statistics.over_time_tables import Released

SHARE = 0.1  # of a sum: how close to it nobody may come, on either side
_SLACK = 1e-6


@dataclass(frozen=True)
class Guarded:
    """The new tables, with more rows suppressed, and what was found."""

    tables: tuple[Released, ...]
    relations: tuple[Relation, ...] = field(repr=False)  # of the new tables with earlier ones
    evidence: Mapping[str, Any] = field(repr=False)


def guard(
    new: Sequence[Released],
    history: Sequence[Released],
    relations: Sequence[Relation] = (),
    *,
    held: Marks = NOBODY,
    policy: str = "suppress",
) -> Guarded:
    """Suppress rows of new tables until no figure about too few people can be had from all tables together.

    Args:
        new: the tables of one release, protected among themselves.
        history: all tables given before, to anybody.
        relations: of those among themselves, as they were found when each was released.
        held: units whose rows the recipient holds; a cell must not be theirs and a few others'.
        policy: `stop` refuses the release instead.

    Raises:
        RiskLimitPassed: the policy is `stop`, and something would have to be suppressed.

    """
    found = [relation for one in new for relation in relations_of(one, history)]
    tables = {one.key: one for one in (*history, *new)}
    mine = frozenset(one.key for one in new)
    before = {key: tables[key].shown.copy() for key in mine}
    _hide(tables, beside_held(new, held))
    linked = _linked(mine, [*relations, *found])
    known = [relation for relation in (*relations, *found) if relation.keys <= linked]
    near = _near(tables, mine, found)
    _hide(tables, near)
    # Without a relation to earlier tables nothing is new: what a release tells by itself is its own rules' business.
    together = {key: tables[key] for key in sorted(linked | mine)}
    findings = _settle(together, known, mine, tables) if known else []
    lost = {key: int(np.sum(before[key] & ~tables[key].shown)) for key in sorted(mine)}
    if policy == "stop" and any(lost.values()):
        raise RiskLimitPassed(
            f"{sum(lost.values())} rows, subtracted from earlier releases, would tell about too few people",
            where="guard over time",
            hint="protect: {over_time: suppress} leaves such rows empty; nothing of this release was published",
        )
    evidence = {
        "compared_with": len(history),
        "linked": len(linked - mine),
        "relations": len(found),
        "differences_of_few_people": sum(bool(one.people) for one in found),
        "rows_suppressed": {tables[key].name: count for key, count in lost.items()},
        "targets": len(findings),
        "recoverable": sum(finding.width <= _SLACK for finding in findings),
        "narrowest": min((finding.width for finding in findings), default=None),
    }
    return Guarded(tuple(tables[one.key] for one in new), tuple(found), evidence)


def _hide(tables: dict[str, Released], rows: Mapping[str, Sequence[int]]) -> None:
    for key, hidden in rows.items():
        marks = np.zeros(len(tables[key].names), dtype=bool)
        marks[list(hidden)] = True
        tables[key] = tables[key].hiding(marks)


def _linked(mine: frozenset[str], relations: Sequence[Relation]) -> frozenset[str]:
    """Tables that relations join with the new ones, over any number of steps."""
    found = set(mine)
    while True:
        more = {key for relation in relations if relation.keys & found for key in relation.keys} - found
        if not more:
            return frozenset(found)
        found |= more


# ------------------------------------------------------------------ differences at sight


def _near(
    tables: Mapping[str, Released], mine: frozenset[str], relations: Sequence[Relation]
) -> dict[str, list[int]]:
    """Choose rows whose suppression hides the differences that show without any equation.

    A row over exactly the region of a difference must go; where there is none, the smallest changed cell inside,
    unless one is hidden already. Smallest regions first.
    """
    told = _told(tables, mine, relations)
    hidden: dict[str, set[int]] = {}
    for relation in sorted((one for one in relations if one.people), key=_size):
        for key, leaves in _sides_of(relation, mine):
            one, gone = tables[key], hidden.setdefault(key, set())
            inside = set(leaves.tolist())
            whole = [row for row, members in enumerate(one.members) if set(members.tolist()) == inside]
            if whole:
                gone.update(row for row in whole if one.shown[row])
                continue
            rows = [int(row) for row in _leaf_rows(one)[leaves] if row >= 0 and int(row) not in told[key]]
            if rows and all(one.shown[row] and row not in gone for row in rows):
                people = one.truth.dense("people", one.leaves)
                gone.add(min(rows, key=lambda row: (people[one.members[row][0]], row)))
    return {key: sorted(rows) for key, rows in hidden.items()}


def _told(
    tables: Mapping[str, Released], mine: frozenset[str], relations: Sequence[Relation]
) -> dict[str, set[int]]:
    """Rows of the new tables that earlier ones tell anyway: to suppress them would hide nothing."""
    found: dict[str, set[int]] = {key: set() for key in mine}
    places = {
        (key, members.tobytes()): row for key in mine for row, members in enumerate(tables[key].members)
    }
    for relation in relations:
        for key, leaves in _sides_of(relation, mine):
            if not relation.people and (row := places.get((key, np.sort(leaves).tobytes()))) is not None:
                found[key].add(row)
    return found


def _size(relation: Relation) -> int:
    return sum(len(leaves) for _, leaves in (*relation.left, *relation.right))


def _sides_of(relation: Relation, mine: frozenset[str]) -> list[tuple[str, npt.NDArray[np.int64]]]:
    return [(key, leaves) for key, leaves in (*relation.left, *relation.right) if key in mine]


def _leaf_rows(one: Released) -> npt.NDArray[np.int64]:
    """The row of every leaf, -1 where it has none."""
    rows = np.full(one.leaves, -1, dtype=np.int64)
    for row, members in enumerate(one.members):
        if len(members) == 1:
            rows[members[0]] = row
    return rows


# ------------------------------------------------------------------ differences by equations


def _settle(
    linked: dict[str, Released],
    relations: Sequence[Relation],
    mine: frozenset[str],
    tables: dict[str, Released],
) -> list[Finding]:
    """Suppress until nothing is too narrow that the new tables made narrow; return what the attacker finds then."""
    while True:
        found: list[Finding] = []
        rows: dict[str, set[int]] = {}
        for quantity in sorted({name for key in mine for name in linked[key].published}):
            needed = _needs(linked)
            findings = joint_system(quantity, linked, relations).findings(needed)
            narrow = [one for one in findings if one.width < needed(one.target, quantity) - _SLACK]
            if narrow:
                without = joint_system(quantity, linked, relations, mine).findings(needed)
                alone = {(f.target.kind, f.target.table, f.target.row): f.width for f in without}
                alone |= _own(quantity, linked, mine)
                for one in narrow:
                    place = (one.target.kind, one.target.table, one.target.row)
                    if one.width < alone.get(place, np.inf) - _SLACK:
                        _choose(one, linked, relations, mine, rows)
            found += findings
        if not rows:
            return found
        _hide(linked, {key: sorted(hidden) for key, hidden in rows.items()})
        for key in mine:
            tables[key] = linked[key]


def _own(
    quantity: str, linked: Mapping[str, Released], mine: frozenset[str]
) -> dict[tuple[str, str, int], float]:
    """How wide the new tables' own suppressed rows are without any history: that is their rules' business."""
    joint = joint_system(quantity, {key: linked[key] for key in mine}, ())
    return {(f.target.kind, f.target.table, f.target.row): f.width for f in joint.findings(_needs(linked))}


def _needs(linked: Mapping[str, Released]) -> Callable[[Target, str], float]:
    """Return how wide an interval must be: `min_people` for counts, a share on both sides for sums."""
    most = float(max(one.least for one in linked.values()))

    def needed(target: Target, quantity: str) -> float:
        if quantity.startswith("sum:"):
            return max(1.0, 2 * SHARE * abs(target.true))
        return float(linked[target.table].least) if target.table else most

    return needed


def _choose(
    finding: Finding,
    linked: Mapping[str, Released],
    relations: Sequence[Relation],
    mine: frozenset[str],
    rows: dict[str, set[int]],
) -> None:
    """Add the smallest published row of the new tables that touches the target's region; else the smallest of all."""
    for key, row in _candidates(finding, linked, relations, mine):
        if row not in rows.get(key, set()):
            rows.setdefault(key, set()).add(row)
            return


def _candidates(
    finding: Finding, linked: Mapping[str, Released], relations: Sequence[Relation], mine: frozenset[str]
) -> Iterator[tuple[str, int]]:
    target = finding.target
    touched: dict[str, set[int]] = {}
    if target.kind == "difference":
        sides = (*relations[target.row].left, *relations[target.row].right)
    elif target.table in mine:
        sides = ((target.table, linked[target.table].members[target.row]),)
    else:
        wanted = set(linked[target.table].members[target.row].tolist())
        sides = tuple(
            side
            for relation in relations
            if any(
                k == target.table and wanted & set(leaves.tolist())
                for k, leaves in (*relation.left, *relation.right)
            )
            for side in (*relation.left, *relation.right)
        )
    for key, leaves in sides:
        if key in mine:
            touched.setdefault(key, set()).update(leaves.tolist())
    told = _told(linked, mine, relations)
    ranked = []
    for key in sorted(mine):
        one = linked[key]
        people = one.values("people")
        region = touched.get(key, set())
        for row in np.flatnonzero(one.shown).tolist():
            members = set(one.members[row].tolist())
            far = (not members & region, row in told[key], members != region)
            ranked.append((far, len(members), people[row], key, row))
    for *_, key, row in sorted(ranked):
        yield key, row
