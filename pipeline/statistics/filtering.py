"""Which rows a statistic's filters keep."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.statistics_models import Filter


def keeps(filters: Sequence[Filter], columns: Mapping[str, pa.Array], rows: pa.Array) -> pa.Array:
    """Return, for each of the rows, whether every filter keeps it; a null is kept by none."""
    kept = np.ones(len(rows), dtype=bool)
    for one in filters:
        kept &= np.asarray(_keeps(one, columns[one.column].take(rows)).fill_null(False))
    return pa.array(kept)


def limit(text: str, kind: pa.DataType) -> pa.Scalar:
    """Return a limit as a value of the column's kind. Raises ValueError."""
    if pa.types.is_temporal(kind):
        return pa.scalar(datetime.fromisoformat(text), pa.timestamp("us"))
    try:
        return pa.scalar(Decimal(text), pa.decimal128(38, 9))
    except (ArithmeticError, pa.ArrowInvalid):
        raise ValueError("must be a number") from None


def _keeps(one: Filter, column: pa.Array) -> pa.Array:
    if one.values is not None:
        if pa.types.is_dictionary(column.type):
            named = pc.is_in(column.dictionary.cast(pa.string()), value_set=pa.array(one.values, pa.string()))
            return named.take(column.indices)
        return pc.is_in(column.cast(pa.string()), value_set=pa.array(one.values, pa.string()))
    is_time = pa.types.is_temporal(column.type)
    values = column.cast(pa.timestamp("us") if is_time else pa.decimal128(38, 9))
    kept = pc.is_valid(values)
    if one.at_least is not None:
        kept = pc.and_(kept, pc.greater_equal(values, limit(one.at_least, values.type)))
    if one.below is not None:
        kept = pc.and_(kept, pc.less(values, limit(one.below, values.type)))
    return kept
