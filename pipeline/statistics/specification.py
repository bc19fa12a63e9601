"""Everything that is wrong with one specification of statistics, found before the first row."""

from collections.abc import Iterator, Mapping

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticsSpec
from pipeline.errors import NotBuilt, Problem
from pipeline.statistics.checking import check
from pipeline.statistics.dp_checking import check_noise
from pipeline.statistics.linkable import linked


def check_specification(
    spec: StatisticsSpec, tables: Mapping[str, tuple[TableSource, Mapping[str, str]]]
) -> Iterator[Problem]:
    """Yield what keeps the tables of a release from being made.

    `tables` has, for every table that they may read, the source and column -> data class.
    """
    for name, one in spec.statistics.items():
        where = f"statistics {name}"
        source, classes = tables[one.table]
        # What a table with noise measures is checked with the noise.
        plain = one if one.dp is None else one.model_copy(update={"totals": False, "measures": ("people",)})
        yield from check(where, plain, source, classes, tables)
        yield from check_noise(where, one, classes, spec.budget)
    yield from linked({name: one for name, one in spec.statistics.items() if one.dp is None})
    if len({one.dp is None for one in spec.statistics.values()}) > 1:
        message = "tables with dp and tables without in one specification are not built yet"
        yield Problem(NotBuilt.code, "statistics", message, "use two specifications, for two recipients")
