"""Which rows a statistic counts, in words that are equal where the rows are."""

from collections.abc import Iterator

from pipeline.config.statistics_models import Filter, StatisticSpec


def population_of(spec: StatisticSpec) -> str:
    """Name the rows that a statistic counts: its table and filters. A join changes no row."""
    return "|".join([spec.table, *sorted(_filter(one) for one in spec.filters)])


def disjoint(one: StatisticSpec, other: StatisticSpec) -> bool:
    """Whether no row can be in both: they ask different values of one column, or are of different tables."""
    if one.table != other.table:
        return True
    return any(_apart(a, b) for a in one.filters for b in other.filters if a.column == b.column)


def _apart(a: Filter, b: Filter) -> bool:
    if a.values is not None and b.values is not None:
        return not set(a.values) & set(b.values)
    return any(
        low.at_least is not None
        and high.below is not None
        and low.at_least >= high.below
        and _comparable(low, high)
        for low, high in ((a, b), (b, a))
    )


def _comparable(low: Filter, high: Filter) -> bool:
    """Days compare as texts do; numbers do not, and are compared as numbers."""
    try:
        return float(str(low.at_least)) >= float(str(high.below))
    except ValueError:
        return True


def _filter(one: Filter) -> str:
    return f"{one.column} {'|'.join(_parts(one))}"


def _parts(one: Filter) -> Iterator[str]:
    if one.values is not None:
        yield "in " + ",".join(sorted(one.values))
    if one.at_least is not None:
        yield f">={one.at_least}"
    if one.below is not None:
        yield f"<{one.below}"
