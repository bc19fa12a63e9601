"""The statistics of one release: rules, complementary suppression over all linked tables, audit, output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.config.statistics_models import Share, StatisticSpec
from pipeline.protect.model import ReleasePlan, StatisticPlan, TablePlan
from pipeline.statistics.cells import Bools, Cells, Ints
from pipeline.statistics.evidence import evidence_of
from pipeline.statistics.model import quantities_of
from pipeline.statistics.output import denominators, published_table
from pipeline.statistics.population import population_of
from pipeline.statistics.relations import Linked, Table, link
from pipeline.statistics.rules import Sensitivity, sensitive_cells
from pipeline.statistics.suppressing import Pattern, suppress
from pipeline.statistics.task import task_of


@dataclass(frozen=True)
class Protected:
    """What is published, and the internal proof that it may be: it never leaves the state."""

    tables: Mapping[str, pa.Table] = field(repr=False)
    evidence: Mapping[str, Any] = field(repr=False)


def protect_release(
    cells: Mapping[str, Cells], release: ReleasePlan, tables: Mapping[str, TablePlan]
) -> Protected:
    """Protect all statistics of a release together; those under differential privacy are none of its business.

    Statistics of the same rows are linked: a cell that two of them have is held back in both or in none, and the
    attacker reads all of them at once.

    Raises:
        JobWrong: a sum does not fit the published type.
        InternalError: no pattern of suppression meets the policy, or the audit does not confirm the pattern.

    """
    chosen = [s for s in release.statistics if guarded(s.spec)]
    published: dict[str, pa.Table] = {}
    evidence: dict[str, Any] = {}
    for population in dict.fromkeys(population_of(s.spec) for s in chosen):
        group = [s for s in chosen if population_of(s.spec) == population]
        linked, found, pattern = hold_back(group, cells, population)
        for statistic in group:
            suppressed = pattern.suppressed[linked.places[statistic.name]]
            classes = tables[statistic.spec.table].classes
            published[statistic.name] = published_table(
                cells[statistic.name], statistic.spec, classes, suppressed
            )
        evidence |= evidence_of(linked, found, pattern)
    return Protected(published, evidence)


def guarded(spec: StatisticSpec) -> bool:
    """Whether a statistic is protected by rules and suppression: noise needs neither."""
    return spec.dp is None


def hold_back(
    statistics: Sequence[StatisticPlan], cells: Mapping[str, Cells], population: str
) -> tuple[Linked, Mapping[str, Sensitivity], Pattern]:
    """Return the linked cells of statistics of the same rows, what is sensitive, and the pattern that protects it."""
    linked = link(
        [
            Table(
                s.name,
                population,
                cells[s.name],
                s.spec.protect.zeros == "public",
                s.spec.cohort is not None,
            )
            for s in statistics
        ]
    )
    found = {
        s.name: sensitive_cells(cells[s.name], s.spec.protect, zeros_public=s.spec.protect.zeros == "public")
        for s in statistics
    }
    task = task_of(
        linked,
        found,
        {s.name: quantities_of(s.spec) for s in statistics},
        _ties(statistics, cells, linked),
        frozenset(s.name for s in statistics if s.spec.protect.minimize == "rows"),
    )
    pattern = suppress(task)
    return linked, found, pattern


def _ties(statistics: Sequence[StatisticPlan], cells: Mapping[str, Cells], linked: Linked) -> Ints:
    """A share beside its value tells the total, so it goes when the total goes."""
    pairs: list[Ints] = [np.zeros((0, 2), dtype=np.int64)]
    for statistic in statistics:
        own, place = cells[statistic.name], linked.places[statistic.name]
        listed: Bools = ~own.hidden if own.absent is None else ~own.hidden & ~own.absent
        for measure in statistic.spec.measures:
            if isinstance(measure, Share):
                whole = denominators(own, statistic.spec, measure)
                part = np.flatnonzero(listed & (whole != np.arange(own.size)))
                pairs.append(np.stack([place[whole[part]], place[part]], axis=1))
    return np.concatenate(pairs)
