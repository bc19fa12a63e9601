"""Primary rules: which cells must not be published, and how far an attacker must stay from each.

Everything counts people. Contributions may be negative (refunds): the dominance rules then look at their absolute
values, and the attacker knows no least value of a sum.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config.statistics_models import Protection
from pipeline.statistics.blocks import Need
from pipeline.statistics.cells import Bools, Cells, Measured
from pipeline.statistics.model import NONE
from pipeline.statistics.programs import Floats


@dataclass(frozen=True)
class Sensitivity:
    """Which cells of a statistic are sensitive by themselves, why, and what each quantity's interval needs."""

    cells: Bools = field(repr=False)
    reasons: dict[str, int]  # rule -> cells that it names; internal evidence, never published
    needs: dict[str, Need] = field(repr=False)


def sensitive_cells(cells: Cells, protect: Protection, *, zeros_public: bool) -> Sensitivity:
    """Apply every rule of the policy to every cell.

    - `min_people`: fewer people, or fewer people with a value behind one of the sums. A cell that nobody is in
      is one of them, unless zeros are public.
    - dominance (n, k): the n largest contributors make up more than k percent.
    - p percent: the second-largest contributor could estimate the largest within p percent.
    - group disclosure: a cell holds everybody of the total that it is part of.

    Needs: counts `spread.people` up and down (down no further than what everybody knows to be the least);
    sums at least `spread.percent` of the value or one mean row as width, and what the dominance rules ask for.
    """
    size = cells.size
    shown = ~cells.hidden
    empty = cells.people == 0
    counted = np.ones(size, dtype=bool) if not zeros_public else ~empty
    if cells.absent is not None:
        counted &= ~cells.absent
    few = counted & (cells.people < protect.min_people)
    for one in cells.measured:
        few |= counted & (one.people < protect.min_people)
    group = _everybody(cells, protect) & ~few & shown
    found = few | group
    reasons = {"min_people": int((few & shown).sum()), "group_disclosure": int(group.sum())}
    least = 1.0 if zeros_public else 0.0
    far = float(protect.spread_people)
    needs = {}
    for name, values in (("people", cells.people), ("rows", cells.rows)):
        needs[name] = _count_need(values.astype(np.float64), few, group, far, least)
    dominated = np.zeros(size, dtype=bool)
    for one in cells.measured:
        needs[f"values:{one.column}"] = _count_need(one.values.astype(np.float64), few, group, far, 0.0)
        over = _dominance_need(one, protect) * counted
        dominated |= over > 0
        needs[f"sum:{one.column}"] = _sum_need(one, few | group, over, protect)
    reasons["dominance"] = int((dominated & ~found & shown).sum())
    return Sensitivity(found | dominated, reasons, needs)


def _count_need(values: Floats, few: Bools, group: Bools, far: float, least: float) -> Need:
    marked = few | group
    down = np.where(marked, np.minimum(far, np.maximum(values - least, 0.0)), 0.0)
    return Need(np.where(few, far, 0.0), down, np.zeros(len(values)))


def _sum_need(one: Measured, marked: Bools, over: Floats, protect: Protection) -> Need:
    sums = one.sums.astype(np.float64)
    rows = max(float(one.values.max(initial=0)), 1.0)
    mean_row = float(one.absolute.astype(np.float64).max(initial=0.0)) / rows
    width = np.maximum(np.abs(sums) * protect.spread.percent / 100, mean_row * protect.spread.percent / 100)
    asked = marked | (over > 0)
    return Need(over, np.zeros(len(sums)), np.where(asked, width, 0.0))


def _dominance_need(one: Measured, protect: Protection) -> Floats:
    """How far above the truth an attacker's upper end must be; zero where neither rule names the cell.

    Dominance: n largest > k% of T needs T + up >= 100/k * (n largest). p percent: T - x1 - x2 < p% of x1 needs
    up = p% of x1 - (T - x1 - x2) (L. Cox 1981; L. Willenborg, T. de Waal, Elements of SDC, 4.2).
    """
    total, largest = one.absolute, one.largest
    need = np.zeros(total.shape, dtype=np.float64)
    if protect.dominance is not None:
        top = largest[: protect.dominance.n].sum(axis=0)
        # Exact in whole numbers: percent has at most three decimals.
        thousandths = round(protect.dominance.percent * 1000)
        over = _as_exact(top) * 100_000 > _as_exact(total) * thousandths
        room = top.astype(np.float64) * 100 / protect.dominance.percent - total.astype(np.float64)
        need = np.where(over, np.maximum(room, 1.0), need)
    if protect.p_percent is not None:
        first = largest[0]
        rest = total - largest[:2].sum(axis=0)
        thousandths = round(protect.p_percent * 1000)
        over = _as_exact(rest) * 100_000 < _as_exact(first) * thousandths
        room = first.astype(np.float64) * protect.p_percent / 100 - rest.astype(np.float64)
        need = np.where(over, np.maximum(need, np.maximum(room, 1.0)), need)
    return need


def _as_exact(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers that a hundred thousand times themselves still fit."""
    if values.dtype == object or (len(values) and int(np.abs(values).max()) < 2**44):
        return values
    return values.astype(object)


def _everybody(cells: Cells, protect: Protection) -> Bools:
    """Cells that hold all people of a published total along an axis that the rule looks at."""
    found = np.zeros(cells.shape, dtype=bool)
    grid = cells.people.reshape(cells.shape)
    for position, axis in enumerate(cells.axes):
        if not protect.guards_group(axis.column, is_time=axis.is_time):
            continue
        for node, children in enumerate(axis.children):
            if len(children) < 2 or axis.hidden[node]:
                continue
            whole = np.take(grid, node, axis=position)
            for child in children:
                if axis.labels[child] == NONE:
                    continue
                at = [slice(None)] * len(cells.shape)
                at[position] = child  # type: ignore[call-overload]
                found[tuple(at)] |= (np.take(grid, child, axis=position) == whole) & (whole > 0)
    everybody = found.ravel()
    if cells.within is not None and protect.group_disclosure is not False:
        part, whole = cells.within[:, 0], cells.within[:, 1]
        everybody[part] |= (cells.people[part] == cells.people[whole]) & (cells.people[whole] > 0)
    return everybody
