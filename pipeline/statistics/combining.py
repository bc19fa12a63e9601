"""Partial aggregates of all slices of a release -> the cells of its statistics; rare values are folded here.

Folding needs people, not cells: a person who is in two rare cells is one person of `other`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path

import numpy as np

from pipeline.classes import CLASSES
from pipeline.config.statistics_models import Dimension, StatisticSpec
from pipeline.errors import InternalError, JobWrong
from pipeline.protect.model import ReleasePlan, StatisticPlan, TablePlan
from pipeline.statistics.axes import FINER, REST, axis_of, coarser
from pipeline.statistics.cells import Axis, Cells, Ints
from pipeline.statistics.cohorts import cohort_cells
from pipeline.statistics.counting import Counted, count_cells
from pipeline.statistics.dimensions import declared_labels
from pipeline.statistics.distinct import count_distinct
from pipeline.statistics.model import MAX_CELLS, NONE, OTHER, PartialRef, is_open
from pipeline.statistics.population import population_of
from pipeline.statistics.records import People, Records, read_records

_THREADS = 2
_Names = dict[tuple[str, str], tuple[str, ...]]  # population and dimension -> its named values


def combine_release(
    refs: Sequence[PartialRef],
    release: ReleasePlan,
    tables: Mapping[str, TablePlan],
    staging: Path,
) -> Mapping[str, Cells]:
    """Count every cell of every statistic of one release that has no noise, totals included; for a child of its own.

    `refs` may hold those of other releases, too, in any order. The answer does not depend on how rows were cut
    into slices.

    Raises:
        JobWrong: a table would have more than `MAX_CELLS` cells.
        InternalError: a staged file cannot be read; without the reader's message, which may hold values.

    """
    mine = [ref for ref in refs if ref.release == release.number]
    try:
        people = People(mine, staging)
        names: _Names = {}
        chosen = [statistic for statistic in release.statistics if statistic.spec.dp is None]
        # Array operations let go of Python's lock, and no other child works at this time.
        with ThreadPoolExecutor(_THREADS) as pool:
            done = [
                pool.submit(_combine, mine, statistic, release, tables, people, staging, names)
                for statistic in chosen
            ]
            return {s.name: d.result() for s, d in zip(chosen, done, strict=True)}
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, JobWrong | InternalError):
            raise
        raise InternalError(
            "combining the partial aggregates failed",
            where=f"statistics of {release.recipient}",
            hint="too little memory, or a full disk",
        ) from None


def _combine(
    refs: Sequence[PartialRef],
    statistic: StatisticPlan,
    release: ReleasePlan,
    tables: Mapping[str, TablePlan],
    people: People,
    staging: Path,
    names: _Names,
) -> Cells:
    spec = statistic.spec
    mine = [ref for ref in refs if ref.statistic == statistic.name]
    records = read_records([r for r in mine if r.table == spec.table], spec, people, staging)
    rows = sum(ref.rows for ref in mine if ref.table == spec.table)
    without = sum(ref.rows_without_subject for ref in mine if ref.table == spec.table)
    scales = [_scale(tables[spec.table], column) for column in records.columns]
    if spec.cohort is not None:
        return cohort_cells(spec, records, rows, without)
    for table in {join.table for join in spec.join}:
        records = people.joined(records, [r for r in mine if r.table == table], spec, staging)
    axes, records = _axes(statistic, release, tables, records, names)
    counted = Counted(
        spec.protect.dominance.n if spec.protect.dominance else 0, spec.protect.p_percent is not None, scales
    )
    return count_cells(axes, records, counted, _limits(spec), rows, without)


def _scale(table: TablePlan, column: str) -> int:
    return int(getattr(CLASSES[table.classes[column]].value_type, "scale", 0) or 0)


def _limits(spec: StatisticSpec) -> tuple[float | None, float | None]:
    dominance = spec.protect.dominance
    return dominance.percent if dominance else None, spec.protect.p_percent


# ------------------------------------------------------------------ axes


def _axes(
    statistic: StatisticPlan,
    release: ReleasePlan,
    tables: Mapping[str, TablePlan],
    records: Records,
    names: _Names,
) -> tuple[tuple[Axis, ...], Records]:
    """Decide each dimension's leaves, fold the others into `other`, and build the axes."""
    spec = statistic.spec
    alone = sum(population_of(s.spec) == population_of(spec) for s in release.statistics) == 1
    axes: list[Axis] = []
    codes: list[Ints] = []
    for position, dimension in enumerate(spec.dimensions):
        found, code = records.labels[position], records.codes[position]
        if is_open(dimension):
            # Statistics of the same rows name the same values: they are looked for once.
            key = (population_of(spec), dimension.model_dump_json())
            if key not in names:
                least = _least(spec, release, dimension.column)
                names[key] = _named(found, code, records.person, least, dimension)
            named = names[key]
        else:
            source = tables[_table_of(spec, dimension.column)]
            kind = CLASSES[source.classes[dimension.column]].value_type
            named = tuple(x for x in declared_labels(dimension, kind) if x not in REST)
        present = np.bincount(code, minlength=len(found)) > 0
        has_other = any(
            p and x not in named and x not in REST[1:] for x, p in zip(found, present, strict=True)
        )
        rest = [x for x in REST if (has_other if x == OTHER else _present(x, found, present))]
        leaves = (*named, *rest) or (NONE,)
        place = {label: number for number, label in enumerate(leaves)}
        target = np.array([place.get(label, place.get(OTHER, 0)) for label in found], dtype=np.int64)
        codes.append(target[code] if len(found) else code)
        total = spec.has_total(dimension.column)
        axes.append(axis_of(dimension, leaves, total=total, hidden_total=not alone))
    cells = prod(len(axis) for axis in axes)
    if cells > MAX_CELLS:
        raise JobWrong(
            f"the table would have {cells:,} cells, more than {MAX_CELLS:,}",
            where=f"statistics {statistic.name}",
            hint="declare values, use bands or a coarser time unit, or split the table",
        )
    return tuple(axes), records.with_codes(codes, [axis.labels for axis in axes])


def _present(label: str, found: Sequence[str], present: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> bool:
    return label in found and bool(present[list(found).index(label)])


def _table_of(spec: StatisticSpec, column: str) -> str:
    return next((join.table for join in spec.join if column in join.columns), spec.table)


def _least(spec: StatisticSpec, release: ReleasePlan, column: str) -> int:
    """How many people a value needs to be named: the most that any linked statistic asks for."""
    return max(
        s.spec.protect.min_people
        for s in release.statistics
        if population_of(s.spec) == population_of(spec) and any(d.column == column for d in s.spec.dimensions)
    )


def _named(
    labels: Sequence[str], code: Ints, person: Ints, least: int, dimension: Dimension
) -> tuple[str, ...]:
    """Return the values of an open dimension that enough people have, in order.

    Periods with subtotals are named when their coarsest subtotal has enough people, because a subtotal counts
    all of its periods.
    """
    groups = list(labels)
    if dimension.subtotals:
        coarsest = next(
            u for u in dimension.subtotals if not any(w in dimension.subtotals for w in FINER.get(u, ()))
        )
        groups = [x if x in REST else coarser(x, str(dimension.unit), coarsest) for x in labels]
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    group_code = np.array([number[g] for g in groups], dtype=np.int64)[code] if len(code) else code
    people = int(person.max(initial=0)) + 1
    counts, _ = count_distinct(group_code, person, len(number), people)
    used = np.bincount(code, minlength=len(labels)) > 0
    return tuple(
        sorted(
            x
            for i, x in enumerate(labels)
            if x not in REST and used[i] and counts[number[groups[i]]] >= least
        )
    )
