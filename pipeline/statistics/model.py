"""The shapes that statistics pass on: partial aggregates, cells, and the published table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from pipeline.config.dp_models import Quantile
from pipeline.config.models import Dimension, Mean, Measure, StatisticSpec, Sum
from pipeline.protect.model import Plan

NONE = "(none)"  # label of a null
OTHER = "other"  # label of every value that is not declared, or too rare
NOBODY = "no_subject"  # why a row is in no statistic: nobody can say whose it is
TOTAL = "*"  # label of a total; never a value
RESERVED = frozenset({NONE, OTHER, TOTAL})

PUBLISHED = "published"
SUPPRESSED = "suppressed"

# A table of more cells than people can read is a mistake, and the grid of all cells is held in memory.
MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class PartialRef:
    """One slice's share of one statistic, written to staging. Holds no raw value."""

    release: int  # position in plan.releases
    statistic: str
    path: str  # relative to staging
    rows: int  # rows of people, aggregated
    rows_without_subject: int  # left out: nobody can say whose they are


@dataclass(frozen=True)
class Cells:
    """All cells of one statistic that hold at least one person, after folding and before suppression.

    `counts` has one row a cell: `d0`, `d1`… (labels, one a dimension), `people`, `rows`, and for the i-th
    measured column `sum{i}` (exact decimal), `values{i}` (rows that are not null) and `people{i}` (distinct
    people with at least one such row). `labels` has, for each dimension, every label that may be published,
    in published order.
    """

    counts: pa.Table = field(repr=False)
    labels: tuple[tuple[str, ...], ...] = field(repr=False)
    rows: int
    rows_without_subject: int


def measured_columns(spec: StatisticSpec) -> tuple[str, ...]:
    """Columns that are summed or averaged, each once, in order of first mention."""
    columns = (measured(measure) for measure in spec.measures)
    return tuple(dict.fromkeys(column for column in columns if column is not None))


def measured(measure: Measure) -> str | None:
    """Return the column that the measure sums, or None for people and rows."""
    match measure:
        case Sum(sum=column) | Mean(mean=column):
            return column
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
        case _:
            return measure


def sum_type(column_type: pa.DataType) -> pa.DataType:
    """Return the type in which a column is summed without rounding or silent overflow."""
    return pa.decimal128(38, column_type.scale if pa.types.is_decimal(column_type) else 0)


def mean_type(column_type: pa.DataType) -> pa.DataType:
    """Return the type of a mean: two digits more than the column has."""
    return pa.decimal128(38, sum_type(column_type).scale + 2)


def output_schema(spec: StatisticSpec, classes: Mapping[str, str]) -> pa.Schema:
    """Return the schema of the published table.

    `classes` maps the table's columns to data classes. One text column a dimension, one column a measure
    (`people`, `rows`: int64; a sum: int64, or decimal128(38, s) of a column with s decimals; a mean:
    decimal128(38, s + 2)), and `status`.
    """
    fields = [pa.field(dimension.column, pa.string()) for dimension in spec.dimensions]
    for measure in spec.measures:
        column = measured(measure)
        if column is None:
            fields.append(pa.field(measure_name(measure), pa.int64()))
            continue
        column_type = CLASSES[classes[column]].value_type
        if isinstance(measure, Mean):
            fields.append(pa.field(measure_name(measure), mean_type(column_type)))
        else:
            whole = pa.types.is_integer(column_type)
            fields.append(pa.field(measure_name(measure), pa.int64() if whole else sum_type(column_type)))
    return pa.schema([*fields, pa.field("status", pa.string())])


def is_open(dimension: Dimension) -> bool:
    """Whether the data decides which labels the dimension has."""
    return dimension.values is None and dimension.bands is None


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

    These are the children's own counts, so that the conservation of rows does not prove itself.
    """
    tables = {(r.number, s.name): s.spec.table for r in plan.releases for s in r.statistics}
    left_out: dict[tuple[int, str], dict[str, int]] = {}
    counted: dict[tuple[int, str], int] = {}
    for ref in refs:
        place = ref.release, tables[ref.release, ref.statistic]
        counted[place] = counted.get(place, 0) + ref.rows
        if ref.rows_without_subject:
            reasons = left_out.setdefault(place, {NOBODY: 0})
            reasons[NOBODY] += ref.rows_without_subject
    return left_out, counted
