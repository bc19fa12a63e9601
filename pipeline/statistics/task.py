"""From linked tables and their policies to one task of suppression."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.statistics.blocks import Block, Coalition, Need, Quantity, Task, block_of
from pipeline.statistics.cells import Bools, Ints
from pipeline.statistics.relations import Linked, Relations, rows_of
from pipeline.statistics.rules import Sensitivity


def task_of(
    linked: Linked,
    sensitivities: Mapping[str, Sensitivity],
    published: Mapping[str, frozenset[str]],
    ties: Ints,
    dear: frozenset[str] = frozenset(),
) -> Task:
    """Write the task of all tables of a release.

    `published` has, for each table, the quantities that its output shows or lets be computed. What one table
    shows of a cell is known of it in every table. `dear` names the tables whose cells cost their rows.
    """
    size = linked.size
    sensitive, shown, fixed = (np.zeros(size, dtype=bool) for _ in range(3))
    needs: dict[str, Need] = {}
    zeros = any(table.zeros_public for table in linked.tables)
    for table in linked.tables:
        place, cells = linked.places[table.name], table.cells
        found = sensitivities[table.name]
        sensitive[place[found.cells]] = True
        shown[place[~cells.hidden]] = True
        if table.zeros_public:
            fixed[place[cells.people == 0]] = True
        if cells.absent is not None:
            fixed[place[cells.absent]] = True
        for name, need in found.needs.items():
            needs[name] = needs.get(name, Need.nothing(size)).at_least(_placed(need, place, size))
    hidden = ~shown
    counts = np.nan_to_num(linked.quantities.get("rows", linked.quantities["people"]))
    # All parts of one together stay below one: a cell more is always worse than a larger one.
    weight = 1.0 + 0.9 * counts / max(float(counts.sum()), 1.0)
    price = 1.0 + counts / max(float(counts.max(initial=0.0)), 1.0)
    for table in linked.tables:
        if table.name in dear:
            weight[linked.places[table.name]] = 1.0 + np.maximum(table.cells.rows, table.cells.people)
            price[linked.places[table.name]] = weight[linked.places[table.name]]
    # Who loses a total loses every share of it.
    price += np.bincount(ties[:, 0], weights=price[ties[:, 1]], minlength=size)
    names = frozenset().union(*published.values())
    blocks = tuple(_blocks(linked, names, needs, 1.0 if zeros else 0.0))
    return Task(
        size,
        weight,
        price,
        sensitive & shown & ~fixed,
        fixed,
        hidden,
        blocks,
        coalitions_of(linked, sensitive | hidden),
        ties,
        tuple((table.cells.axes, linked.places[table.name]) for table in linked.tables),
    )


def _placed(need: Need, place: Ints, size: int) -> Need:
    answer = []
    for part in (need.up, need.down, need.width):
        whole = np.zeros(size)
        np.maximum.at(whole, place, part)
        answer.append(whole)
    return Need(*answer)


def _blocks(
    linked: Linked, names: frozenset[str], needs: Mapping[str, Need], least: float
) -> Iterator[Block]:
    """One block of counts, one for each sum."""
    counts = [name for name in linked.quantities if name in names and not name.startswith("sum:")]
    quantities = [_quantity(linked, name, needs, least) for name in counts]
    couples = [
        (counts.index(few), counts.index("rows")) for few in counts if few != "rows" and "rows" in counts
    ]
    if quantities:
        yield block_of(quantities, couples)
    for name in linked.quantities:
        if name.startswith("sum:") and name in names:
            yield block_of([_quantity(linked, name, needs, least)])


def _quantity(linked: Linked, name: str, needs: Mapping[str, Need], least: float) -> Quantity:
    values = linked.quantities[name]
    is_sum = name.startswith("sum:")
    if is_sum:
        column = name.removeprefix("sum:")
        negative = any(
            one.has_negative for t in linked.tables for one in t.cells.measured if one.column == column
        )
        lower = np.full(linked.size, -np.inf if negative else 0.0)
    else:
        lower = np.full(linked.size, 0.0 if name.startswith("values:") else least)
    return Quantity(
        name,
        values,
        lower,
        rows_of(linked.relations, additive=name != "people"),
        needs.get(name, Need.nothing(linked.size)),
        integer=not is_sum,
    )


# ------------------------------------------------------------------ coalitions


def coalitions_of(linked: Linked, held: Bools) -> tuple[Coalition, ...]:
    """Return what each one or two people know by themselves, without repetition.

    One who is alone in a cell knows it; two who are alone in a cell know it together, and with it the cells in
    which one of them is alone. Who knows a total knows its parts: what is not theirs is nobody's.
    """
    people = _contributors(linked)
    alone: dict[int, list[int]] = {}
    pairs: dict[tuple[int, int], list[int]] = {}
    for cell in np.flatnonzero((people[0] >= 0) & held):
        first, second = int(people[0, cell]), int(people[1, cell])
        if first == second:
            alone.setdefault(first, []).append(int(cell))
        else:
            pairs.setdefault((first, second), []).append(int(cell))
    paired = {person for pair in pairs for person in pair}
    found = [cells for person, cells in sorted(alone.items()) if person not in paired]
    for (first, second), cells in sorted(pairs.items()):
        found.append([*cells, *alone.get(first, ()), *alone.get(second, ())])
    parts, wholes = _parts_and_wholes(linked.relations)
    known = dict.fromkeys(_with_parts(parts, cells) for cells in found)
    return tuple(Coalition(np.array(cells, dtype=np.int64), _above(wholes, cells)) for cells in known)


def _contributors(linked: Linked) -> Ints:
    people = np.full((2, linked.size), -1, dtype=np.int64)
    for table in linked.tables:
        people[:, linked.places[table.name]] = table.cells.contributors
    return people


def _with_parts(by_whole: Mapping[int, Sequence[int]], cells: Sequence[int]) -> tuple[int, ...]:
    """The cells and everything that they are made of, or that is at most one of them."""
    return tuple(sorted({*cells, *_reached(by_whole, cells)}))


def _above(by_part: Mapping[int, Sequence[int]], cells: Sequence[int]) -> Ints:
    """What the cells are part of, without themselves."""
    return np.array(sorted(_reached(by_part, cells) - set(cells)), dtype=np.int64)


def _reached(following: Mapping[int, Sequence[int]], cells: Sequence[int]) -> set[int]:
    found: set[int] = set()
    waiting = list(cells)
    while waiting:
        fresh = set(following.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def _parts_and_wholes(relations: Relations) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return, for each cell, what it is made of and what it is part of."""
    parts: dict[int, list[int]] = {}
    wholes: dict[int, list[int]] = {}
    owner = np.repeat(relations.wholes, np.diff(relations.starts))
    both = np.concatenate([np.stack([relations.parts, owner], axis=1), relations.pairs])
    for part, whole in both.tolist():
        parts.setdefault(whole, []).append(part)
        wholes.setdefault(part, []).append(whole)
    return parts, wholes
