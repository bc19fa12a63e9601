"""Statistics beside rows: a recipient that holds the rows of nearly everybody in a cell learns the others' figure."""

from collections.abc import Sequence

import numpy as np

from pipeline.statistics.over_time_population import Marks
from pipeline.statistics.over_time_tables import Released


def beside_held(new: Sequence[Released], held: Marks) -> dict[str, list[int]]:
    """Return the rows of each table that count people whose rows are held, and 1 to `min_people` - 1 others."""
    hidden: dict[str, list[int]] = {}
    for one in new if len(held) else ():
        known = np.isin(one.population.unit, held)
        for row, members in enumerate(one.members):
            inside = np.isin(one.population.leaf, members)
            units, first = np.unique(one.population.unit[inside], return_index=True)
            others = len(units) - int(known[inside][first].sum())
            if 0 < others < one.least and others < len(units):
                hidden.setdefault(one.key, []).append(row)
    return hidden
