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
    small = cells * number < 1 << 31  # half the bytes are sorted in half the time
    keys = np.sort((cell * number + who).astype(np.int32 if small else np.int64))
    once = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, dtype=bool)
    found: Ints = keys[once].astype(np.int64)
    return found


def count_distinct(cell: Ints, who: Ints, cells: int, number: int) -> tuple[Ints, Ints]:
    """Return how many are in each cell, and who is in the cells of one or two: (2, cells), -1 elsewhere."""
    counts, few = np.zeros(cells, dtype=np.int64), np.full((2, cells), -1, dtype=np.int64)
    if (cell < 0).any():
        inside = cell >= 0
        cell, who = cell[inside], who[inside]
    if not len(cell) or not number:
        return counts, few
    used = np.zeros(cells, dtype=bool)
    used[cell] = True
    chosen = np.flatnonzero(used)
    if len(chosen) * number > _DENSE * max(len(cell), 1 << 19):
        held = distinct(cell, who, cells, number)
        at = held // number
        counts = np.bincount(at, minlength=cells)
        small = counts[at] <= 2
        at, people = at[small], held[small] % number
    else:
        flat = np.zeros(len(chosen) * number, dtype=bool)
        flat[(np.cumsum(used) - 1)[cell] * number + who] = True  # one index is quicker than two
        bitmap = flat.reshape(len(chosen), number)
        counts[chosen] = [np.count_nonzero(people) for people in bitmap]
        thin = np.flatnonzero(counts[chosen] <= 2)
        row, people = np.nonzero(bitmap[thin])
        at = chosen[thin[row]]
    few[0, at[::-1]] = people[::-1]  # ascending people: the first one stays
    few[1, at] = people
    return counts, few
