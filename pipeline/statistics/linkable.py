"""Whether the statistics of one release can be audited together, found before the first row."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from pipeline.config.statistics_models import Dimension, StatisticSpec
from pipeline.errors import JobWrong, Problem
from pipeline.statistics.population import disjoint, population_of


def linked(specs: Mapping[str, StatisticSpec]) -> Iterator[Problem]:
    """Refuse statistics of one release whose relation cannot be written, so that no audit could see it.

    Statistics of the same rows must cut a column the same way; statistics of one table with different filters
    must have no row in common.
    """
    for (first, one), (second, other) in combinations(specs.items(), 2):
        where = f"statistics {second}"
        if disjoint(one, other):
            continue
        if population_of(one) != population_of(other):
            yield Problem(
                JobWrong.code,
                where,
                f"counts some of the rows of {first}, and nobody can say how the two are related",
                "give both the same filters, or filters that no row passes together",
            )
            continue
        yield from _diagonals(first, one, second, other)
        columns = {d.column: d for d in one.dimensions}
        for dimension in other.dimensions:
            mate = columns.get(dimension.column)
            if mate is not None and _cut(mate) != _cut(dimension) and not _independent(mate, dimension):
                yield Problem(
                    JobWrong.code,
                    where,
                    f"cuts {dimension.column} in another way than {first}: their difference would not be audited",
                    "give both the same values, unit, bands or hierarchy; a finer table with subtotals serves both",
                )


def _diagonals(first: str, one: StatisticSpec, second: str, other: StatisticSpec) -> Iterator[Problem]:
    """People of a period are those of all cohorts so many periods later: a sum across rows, which no audit sees."""
    for name, cohort, mate in ((first, one.cohort, other), (second, other.cohort, one)):
        if cohort is None:
            continue
        units: set[str | None] = {d.unit for d in mate.dimensions if d.column == cohort.column}
        units -= {"hour_of_day", "weekday"}
        if mate.cohort is not None and mate.cohort.column == cohort.column:
            units = {None} if mate.cohort.unit != cohort.unit else set()
        if units:
            yield Problem(
                JobWrong.code,
                f"statistics {second}",
                f"cuts {cohort.column} beside the cohorts of {name if name != second else first}: how they add up "
                "would not be audited",
                "give it to another release, or drop the dimension: the guard over time holds releases together",
            )
            return


def _cut(dimension: Dimension) -> object:
    return (
        dimension.values,
        dimension.unit,
        dimension.bands,
        dimension.subtotals,
        dimension.tree,
        dimension.levels,
    )


def _independent(one: Dimension, other: Dimension) -> bool:
    """Units of which neither adds up to the other, nor both to a third: only their totals are related."""
    units: set[str | None] = {one.unit, other.unit}
    cyclic = {"weekday", "hour_of_day"}
    plain = not (one.subtotals or other.subtotals)
    return plain and len(units) == 2 and units <= cyclic | {"day", "week", "month"} and _crossing(units)


def _crossing(units: set[str | None]) -> bool:
    return "hour_of_day" in units or ("weekday" in units and "day" not in units)
