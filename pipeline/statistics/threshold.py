"""The one disclosure rule of this form: a cell is published only when enough people share it."""

from decimal import Context, Decimal
from math import prod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.models import Mean, Measure, StatisticSpec
from pipeline.errors import JobWrong
from pipeline.statistics.model import (
    MAX_CELLS,
    PUBLISHED,
    SUPPRESSED,
    Cells,
    mean_type,
    measure_name,
    measured,
    measured_columns,
)

_EXACT = Context(prec=80)  # more digits than decimal128 has: nothing rounds by accident


def protect_table(cells: Cells, spec: StatisticSpec) -> pa.Table:
    """Return the published table: every combination of known labels, suppressed below `min_people`.

    A row's measures are filled only when at least `min_people` distinct people are in the cell and, for each
    sum or mean, at least `min_people` of them have a value in it; otherwise all its measures are null and
    `status` is `suppressed`. A cell that nobody is in looks the same, so that absence tells nothing.
    Rows are ordered by the labels' published order, first dimension first.
    A mean is the exact quotient, rounded half to even at two decimals more than the column has.

    Raises:
        JobWrong: more than `MAX_CELLS` cells, or the sum of a whole-number column passes 64 bits.

    """
    shape = tuple(len(labels) for labels in cells.labels)
    if prod(shape) > MAX_CELLS:
        message = f"the table would have {prod(shape):,} cells, more than {MAX_CELLS:,}"
        raise JobWrong(message, where=spec.table)
    kept = cells.counts.filter(_enough(cells.counts, spec))
    at = _positions(kept, cells.labels)
    source = np.full(prod(shape), -1, dtype=np.int64)
    source[at] = np.arange(len(kept))
    rows = pa.array(source, mask=source < 0)
    columns: dict[str, pa.Array] = {}
    codes = np.unravel_index(np.arange(prod(shape)), shape)
    for dimension, labels, code in zip(spec.dimensions, cells.labels, codes, strict=True):
        columns[dimension.column] = pa.array(labels, pa.string()).take(pa.array(code))
    for measure in spec.measures:
        columns[measure_name(measure)] = _measure(kept, spec, measure).take(rows)
    columns["status"] = pc.if_else(pc.is_valid(rows), PUBLISHED, SUPPRESSED)
    return pa.table(columns)


def _enough(counts: pa.Table, spec: StatisticSpec) -> pa.ChunkedArray:
    """Whether each cell has enough people, also behind each of its sums: its measures stand together."""
    least = spec.protect.min_people
    enough = pc.greater_equal(counts["people"], least)
    for i in range(len(measured_columns(spec))):
        enough = pc.and_(enough, pc.greater_equal(counts[f"people{i}"], least))
    return enough


def _positions(
    counts: pa.Table, labels: tuple[tuple[str, ...], ...]
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return the cell's place in the grid of all labels, first dimension slowest."""
    at = np.zeros(len(counts), dtype=np.int64)
    for i, known in enumerate(labels):
        code = pc.index_in(counts[f"d{i}"], value_set=pa.array(known, pa.string()))
        if code.null_count:
            raise ValueError(f"dimension {i}: a cell's label is not among the known ones")
        at = at * len(known) + np.asarray(code, dtype=np.int64)
    return at


def _measure(counts: pa.Table, spec: StatisticSpec, measure: Measure) -> pa.Array:
    column = measured(measure)
    if column is None:
        return counts[measure_name(measure)].combine_chunks()
    i = measured_columns(spec).index(column)
    sums = counts[f"sum{i}"].combine_chunks()
    if isinstance(measure, Mean):
        return _means(sums, counts[f"values{i}"].combine_chunks())
    if sums.type.scale:
        return sums
    try:
        return sums.cast(pa.int64())
    except pa.ArrowInvalid:
        raise JobWrong(
            f"a sum of {column} passes 64 bits", where=spec.table, hint="is the column a number of things?"
        ) from None


def _means(sums: pa.Array, values: pa.Array) -> pa.Array:
    scale = sums.type.scale
    means = [
        _half_even(int(total.scaleb(scale, _EXACT)) * 100, number).scaleb(-scale - 2, _EXACT)
        for total, number in zip(sums.to_pylist(), values.to_pylist(), strict=True)
    ]
    return pa.array(means, mean_type(sums.type))


def _half_even(total: int, number: int) -> Decimal:
    """Return total / number as a whole number, ties to even (IEEE 754-2019, 4.3.1), in integers only."""
    quotient, rest = divmod(total, number)
    if 2 * rest > number or (2 * rest == number and quotient % 2):
        quotient += 1
    return Decimal(quotient)
