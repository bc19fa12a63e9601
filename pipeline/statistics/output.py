"""The published table: tidy, one row a cell, every measure empty where the cell is held back."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.config.statistics_models import Mean, Measure, Share, StatisticSpec, Sum
from pipeline.errors import JobWrong
from pipeline.statistics.cells import Bools, Cells, Ints
from pipeline.statistics.model import (
    PUBLISHED,
    SHARE_TYPE,
    SUPPRESSED,
    TOTAL,
    measure_name,
    measured,
    output_schema,
)

_EXACT = Context(prec=80)  # more digits than decimal128 has: nothing rounds by accident


def published_table(
    cells: Cells, spec: StatisticSpec, classes: Mapping[str, str], suppressed: Bools
) -> pa.Table:
    """Return the published table: every cell that may be listed, in the order of the axes' nodes.

    A row's measures are null exactly where its status is `suppressed`, which says neither which rule held it
    back nor whether anybody is in the cell. A mean is the exact quotient, rounded half to even at two decimals
    more than the column has; a share the same at four decimals; both are null where nothing is divided.

    Raises:
        JobWrong: the sum of a whole-number column passes 64 bits, or any sum 38 digits.

    """
    listed = ~cells.hidden if cells.absent is None else ~cells.hidden & ~cells.absent
    at = np.flatnonzero(listed)
    shown = ~suppressed[at]
    schema = output_schema(spec, classes)
    columns: list[pa.Array] = []
    codes = np.unravel_index(at, cells.shape)
    for axis, code in zip(cells.axes, codes, strict=True):
        columns.append(pa.array(axis.labels, pa.string()).take(pa.array(code)))
    for measure in spec.measures:
        kind = schema.field(measure_name(measure)).type
        values = _values(cells, spec, measure, at, shown, kind)
        columns.append(values)
    columns.append(pc.if_else(pa.array(shown), PUBLISHED, SUPPRESSED))
    return pa.table(columns, schema=schema)


def denominators(cells: Cells, spec: StatisticSpec, share: Share) -> Ints:
    """Return, for each cell, the cell whose part it is told as: its own nodes within, totals elsewhere."""
    grid = np.arange(cells.size).reshape(cells.shape)
    index: list[Any] = []
    for position, axis in enumerate(cells.axes):
        if spec.cohort is not None:
            keep = axis.column == "cohort"
            chosen = np.arange(len(axis)) if keep else np.zeros(len(axis), dtype=np.int64)
        else:
            keep = axis.column in share.within
            top = axis.labels.index(TOTAL) if not keep else 0
            chosen = np.arange(len(axis)) if keep else np.full(len(axis), top)
        form = [1] * len(cells.shape)
        form[position] = -1
        index.append(chosen.reshape(form))
    return np.broadcast_to(grid[tuple(index)], cells.shape).ravel()


def _values(
    cells: Cells, spec: StatisticSpec, measure: Measure, at: Ints, shown: Bools, kind: pa.DataType
) -> pa.Array:
    match measure:
        case Sum(sum=column):
            return _sums(cells.of(column).sums[at], shown, kind, column, spec)
        case Mean(mean=column):
            one = cells.of(column)
            return _quotients(one.sums[at], one.values[at], shown, 2, kind)
        case Share(share=what):
            values = _quantity(cells, what)
            whole = values[denominators(cells, spec, measure)]
            return _quotients(values[at], whole[at], shown, 4, kind)
        case _:
            assert measured(measure) is None
            return pa.array(_quantity(cells, str(measure))[at], kind, mask=~shown)


def _quantity(cells: Cells, name: str) -> NDArray[Any]:
    if name == "people":
        return cells.people
    return cells.rows if name == "rows" else cells.of(name).sums


def _sums(
    values: NDArray[Any], shown: Bools, kind: pa.DataType, column: str, spec: StatisticSpec
) -> pa.Array:
    numbers = [int(v) if s else None for v, s in zip(values, shown, strict=True)]
    try:
        if pa.types.is_integer(kind):
            return pa.array(numbers, kind)
        return pa.array(
            [None if n is None else Decimal(n).scaleb(-kind.scale, _EXACT) for n in numbers], kind
        )
    except (pa.ArrowInvalid, OverflowError):
        raise JobWrong(
            f"a sum of {column} passes {'64 bits' if pa.types.is_integer(kind) else '38 digits'}",
            where=spec.table,
            hint="is the column a number of things?",
        ) from None


def _quotients(
    totals: NDArray[Any], numbers: NDArray[Any], shown: Bools, digits: int, kind: pa.DataType
) -> pa.Array:
    """Exact quotients with so many digits more than the totals have."""
    quotients = [
        _half_even(int(total) * 10**digits, int(number)).scaleb(-kind.scale, _EXACT)
        if number and show
        else None
        for total, number, show in zip(totals, numbers, shown, strict=True)
    ]
    assert kind == SHARE_TYPE or digits == 2
    return pa.array(quotients, kind)


def _half_even(total: int, number: int) -> Decimal:
    """Return total / number as a whole number, ties to even (IEEE 754-2019, 4.3.1), in integers only."""
    if number < 0:
        total, number = -total, -number
    quotient, rest = divmod(total, number)
    if 2 * rest > number or (2 * rest == number and quotient % 2):
        quotient += 1
    return Decimal(quotient)
