"""Who is in which cell, each once."""

import numpy as np

from pipeline.statistics.cells import Ints

_DENSE = 128  # a bitmap of this many places a record is quicker than sorting


def distinct(cell: Ints, who: Ints, cells: int, number: int) -> Ints:
    """Return each (cell, who) once, ascending, as cell * number + who; records of cell -1 are left out."""
    if not len(cell) or not number:
        return np.zeros(0, dtype=np.int64)
    if (cell < 0).any():
        inside = cell >= 0
        cell, who = cell[inside], who[inside]
    used = np.zeros(cells, dtype=bool)
    used[cell] = True
    rank = np.cumsum(used) - 1
    chosen = np.flatnonzero(used)
    if len(chosen) * number <= _DENSE * max(len(cell), 1 << 19):
        bitmap = np.zeros(len(chosen) * number, dtype=bool)
        bitmap[rank[cell] * number + who] = True
        dense = np.flatnonzero(bitmap)
        return chosen[dense // number] * number + dense % number
    keys = np.sort(cell * number + who)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
