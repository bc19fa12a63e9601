"""The shapes that statistics pass on: partial aggregates and the published table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from pipeline.config.dp_models import Quantile
from pipeline.config.statistics_models import Dimension, Mean, Measure, Share, StatisticSpec, Sum
from pipeline.protect.model import Plan

NONE = "(none)"  # label of a null
OTHER = "other"  # label of every value that is not declared, or too rare
SEVERAL = "(several)"  # label of a person whose rows in a joined table differ
NOBODY = "no_subject"  # why a row is in no statistic: nobody can say whose it is
FILTERED = "filtered"  # the same: the statistics' filters leave it out
TOTAL = "*"  # label of a total; never a value
RESERVED = frozenset({NONE, OTHER, TOTAL, SEVERAL})

PUBLISHED = "published"
SUPPRESSED = "suppressed"

# A table of more cells than people can read is a mistake, and all cells are held in memory.
MAX_CELLS = 1_000_000
SHARE_TYPE = pa.decimal128(38, 4)


@dataclass(frozen=True)
class PartialRef:
    """One slice's share of one statistic, written to staging. Holds no raw value."""

    release: int  # position in plan.releases
    statistic: str
    path: str  # relative to staging
    rows: int  # rows of people, aggregated
    rows_without_subject: int  # left out: nobody can say whose they are
    table: str = ""  # the slice's: the statistic's own, or one that it joins
    people: str = ""  # relative to staging: who the slice's people are
    rows_of_any: int | None = None  # rows that any statistic of release and table counts; once a slice
    rows_filtered_by_all: int = 0


def measured_columns(spec: StatisticSpec) -> tuple[str, ...]:
    """Columns that are summed or averaged, each once, in order of first mention."""
    columns = (measured(measure) for measure in spec.measures)
    return tuple(dict.fromkeys(column for column in columns if column is not None))


def measured(measure: Measure) -> str | None:
    """Return the column that the measure sums, or None for people and rows."""
    match measure:
        case Sum(sum=column) | Mean(mean=column):
            return column
        case Share(share=what):
            return None if what in ("people", "rows") else what
        case _:
            return None


def measure_name(measure: Measure) -> str:
    """Return the name of the measure's published column."""
    match measure:
        case Sum(sum=column):
            return f"sum_{column}"
        case Mean(mean=column):
            return f"mean_{column}"
        case Quantile(quantile=column):
            return f"quantile_{column}"
        case Share(share=what, within=within):
            return "_".join(["share", what, *(["within", *within] if within else [])])
        case _:
            return str(measure)


def quantities_of(spec: StatisticSpec) -> frozenset[str]:
    """Return the quantities that a published row shows, or that follow from it."""
    found: set[str] = set()
    for measure in spec.measures:
        match measure:
            case Sum(sum=column):
                found.add(f"sum:{column}")
            case Mean(mean=column):
                found |= {f"sum:{column}", f"values:{column}"}
            case Share(share=what):
                found.add(what if what in ("people", "rows") else f"sum:{what}")
            case "people" | "rows":
                found.add(measure)
    return frozenset(found)


def sum_type(column_type: pa.DataType) -> pa.DataType:
    """Return the type in which a column is summed without rounding or silent overflow."""
    return pa.decimal128(38, column_type.scale if pa.types.is_decimal(column_type) else 0)


def mean_type(column_type: pa.DataType) -> pa.DataType:
    """Return the type of a mean: two digits more than the column has."""
    return pa.decimal128(38, sum_type(column_type).scale + 2)


def dimension_columns(spec: StatisticSpec) -> tuple[str, ...]:
    """Return the names of the published dimensions."""
    if spec.cohort is not None:
        return ("cohort", "after")
    return tuple(dimension.column for dimension in spec.dimensions)


def output_schema(spec: StatisticSpec, classes: Mapping[str, str]) -> pa.Schema:
    """Return the schema of the published table.

    `classes` maps the table's columns to data classes. One text column a dimension, one column a measure
    (`people`, `rows`: int64; a sum: int64, or decimal128(38, s) of a column with s decimals; a mean:
    decimal128(38, s + 2); a share: decimal128(38, 4)), and `status`.
    """
    fields = [pa.field(column, pa.string()) for column in dimension_columns(spec)]
    fields += [pa.field(measure_name(measure), _measure_type(measure, classes)) for measure in spec.measures]
    return pa.schema([*fields, pa.field("status", pa.string())])


def _measure_type(measure: Measure, classes: Mapping[str, str]) -> pa.DataType:
    column = measured(measure)
    if isinstance(measure, Share):
        return SHARE_TYPE
    if column is None:
        return pa.int64()
    column_type = CLASSES[classes[column]].value_type
    if isinstance(measure, Mean):
        return mean_type(column_type)
    return pa.int64() if pa.types.is_integer(column_type) else sum_type(column_type)


def joined_columns(spec: StatisticSpec) -> dict[str, str]:
    """Return the columns that other tables give, and which table gives each."""
    return {column: join.table for join in spec.join for column in join.columns}


def own_dimensions(spec: StatisticSpec) -> tuple[Dimension, ...]:
    """Return the dimensions over columns of the statistic's own table; of a cohort, its periods."""
    if spec.cohort is not None:
        return (Dimension(column=spec.cohort.column, unit=spec.cohort.unit),)
    given = joined_columns(spec)
    return tuple(d for d in spec.dimensions if d.column not in given)


def is_open(dimension: Dimension) -> bool:
    """Whether the data decides which labels the dimension has."""
    return dimension.values is None and dimension.bands is None and not dimension.tree


def labels_from_data(spec: StatisticSpec, published: pa.Table) -> dict[str, pa.Array]:
    """Return, by dimension, the labels of a published table that are texts of the data, each once.

    Not those that the specification declares, nor reserved ones, nor times: `2026-W45` is the calendar's.
    """
    reserved = pa.array(sorted(RESERVED))
    open_ones = (d.column for d in spec.dimensions if is_open(d) and d.unit is None)
    labels = {column: published[column].combine_chunks().unique() for column in open_ones}
    return {
        column: one.filter(pc.invert(pc.is_in(one, value_set=reserved))) for column, one in labels.items()
    }


def rows_of_statistics(
    plan: Plan, refs: Sequence[PartialRef]
) -> tuple[dict[tuple[int, str], dict[str, int]], dict[tuple[int, str], int]]:
    """Return, by release and table, the rows that no statistic counts, with the reason, and those that it does.

    These are the children's own counts, so that the conservation of rows does not prove itself. A row counts
    once, however many statistics read it.
    """
    left_out: dict[tuple[int, str], dict[str, int]] = {}
    counted: dict[tuple[int, str], int] = {}
    for ref in refs:
        if ref.rows_of_any is None:
            continue
        place = ref.release, ref.table
        counted[place] = counted.get(place, 0) + ref.rows_of_any
        for reason, number in ((NOBODY, ref.rows_without_subject), (FILTERED, ref.rows_filtered_by_all)):
            if number:
                reasons = left_out.setdefault(place, {})
                reasons[reason] = reasons.get(reason, 0) + number
    return left_out, counted
