"""Everything that is wrong with one specification of statistics, found before the first row."""

from collections.abc import Iterator, Mapping

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticSpec, StatisticsSpec
from pipeline.errors import Problem
from pipeline.statistics.checking import check
from pipeline.statistics.dp_checking import check_noise, classes_for
from pipeline.statistics.linkable import linked


def check_specification(
    spec: StatisticsSpec, tables: Mapping[str, tuple[TableSource, Mapping[str, str]]]
) -> Iterator[Problem]:
    """Yield what keeps the tables of a release from being made.

    `tables` has, for every table that they may read, the source and column -> data class.
    """
    known = {name: classes for name, (_, classes) in tables.items()}
    for name, one in spec.statistics.items():
        where = f"statistics {name}"
        source, classes = tables[one.table]
        found = [p for form in _as_plain(one) for p in check(where, form, source, classes, tables)]
        yield from dict.fromkeys(found)
        # A column that no table has is told above.
        if not found or one.dp is None:
            yield from check_noise(where, one, classes_for(one, known), spec.budget)
    yield from linked({name: one for name, one in spec.statistics.items() if one.dp is None})


def _as_plain(spec: StatisticSpec) -> tuple[StatisticSpec, ...]:
    """The forms in which a table is checked; what one with noise measures is checked with the noise.

    Its public keys are declared, also those of times with subtotals: values and subtotals are checked one by one.
    """
    if spec.dp is None:
        return (spec,)
    plain = spec.model_copy(update={"totals": False, "measures": ("people",)})
    if not any(d.subtotals and d.values is not None for d in spec.dimensions):
        return (plain,)
    listed = tuple(d.model_copy(update={"subtotals": ()}) for d in spec.dimensions)
    summed = tuple(d.model_copy(update={"values": None}) if d.subtotals else d for d in spec.dimensions)
    return tuple(plain.model_copy(update={"dimensions": one}) for one in (listed, summed))
