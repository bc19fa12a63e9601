"""Statistics beside rows: who holds the rows of nearly everybody in a cell learns the figure of the others."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pipeline.statistics.over_time_population import Marks
from pipeline.statistics.over_time_tables import Released

_ALL_COALITIONS = 8  # holders; of more than these, each alone, every two, and all together are asked
_MOST = 63  # holders; a unit's are the bits of one whole number
Bits = npt.NDArray[np.int64]


def beside_held(new: Sequence[Released], held: Sequence[Marks]) -> dict[str, list[int]]:
    """Return the rows of each new table that hold people of some holders and fewer than `min_people` others.

    Holders may put their rows together, in any way: more rows leave fewer others, and may leave none, which tells
    nothing new. So every coalition is asked.
    """
    if not held:
        return {}
    hidden: dict[str, list[int]] = {}
    for one in new:
        bits = _holders(one.population.unit, held)
        for row, members in enumerate(one.members):
            inside = np.isin(one.population.leaf, members)
            units, first = np.unique(one.population.unit[inside], return_index=True)
            if len(units) and _few_others(bits[inside][first], len(held), one.least):
                hidden.setdefault(one.key, []).append(row)
    return hidden


def _holders(units: Marks, held: Sequence[Marks]) -> Bits:
    """Of every unit, a bit for each holder of its rows. What holders beyond the last bit hold is one holder's."""
    found = np.zeros(len(units), dtype=np.int64)
    for number, known in enumerate(held):
        found |= np.isin(units, known).astype(np.int64) << min(number, _MOST - 1)
    return found


def _few_others(bits: Bits, holders: int, least: int) -> bool:
    kinds, counts = np.unique(bits, return_counts=True)
    for coalition in _coalitions(min(holders, _MOST)):
        others = int(counts[kinds & coalition == 0].sum())
        if 0 < others < least and others < len(bits):
            return True
    return False


def _coalitions(holders: int) -> Iterator[int]:
    if holders <= _ALL_COALITIONS:
        yield from range(1, 1 << holders)
        return
    for size in (1, 2):
        for chosen in combinations(range(holders), size):
            yield sum(1 << number for number in chosen)
    yield (1 << holders) - 1
