"""Labels: what a raw value is called in a published dimension."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.models import Dimension
from pipeline.statistics.model import NONE, OTHER, RESERVED

# ISO 8601: calendar dates, ordinal weeks (%G-W%V is the week-numbering year), hours without minutes.
_FORMATS = {"year": "%Y", "month": "%Y-%m", "week": "%G-W%V", "day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}


def label(dimension: Dimension, column: pa.Array) -> pa.DictionaryArray:
    """Return the label of every row: dictionary<int32, string>, as long as `column`, without nulls.

    A null (and a float that is no number) is `(none)`. Outside declared values a label is `other`; so are the
    texts `*` and `(none)` themselves, so that data cannot pose as a total or as a null.
    """
    if dimension.bands is not None:
        return _unified(pa.array(band_labels(dimension.bands)), _band_numbers(dimension.bands, column))
    if dimension.unit is not None:
        # Every hour of a slice once: formatting is the slow part.
        floored = pc.floor_temporal(column.cast(pa.timestamp("us")), unit="hour").dictionary_encode()
        labels, codes = _time_labels(dimension.unit, floored.dictionary), floored.indices
    else:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        labels, codes = coded.dictionary.cast(pa.string()), coded.indices
        labels = pc.if_else(pc.is_in(labels, value_set=pa.array(sorted(RESERVED))), OTHER, labels)
    if dimension.values is not None:
        declared = pc.is_in(labels, value_set=pa.array(dimension.values, pa.string()))
        labels = pc.if_else(declared, labels, OTHER)
    return _unified(labels, codes)


def declared_labels(dimension: Dimension) -> tuple[str, ...]:
    """Return the labels of a closed dimension in published order, `other` and `(none)` last."""
    if dimension.bands is not None:
        return (*band_labels(dimension.bands), NONE)
    return (*(dimension.values or ()), OTHER, NONE)


def band_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Return the names of the bands below, between and above the edges; a band holds its lower edge."""
    texts = [f"{Decimal(repr(edge)).normalize():f}" for edge in edges]
    between = [f"[{low}, {high})" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *between, f"{texts[-1]} and over")


def _band_numbers(edges: tuple[float, ...], column: pa.Array) -> pa.Array:
    """Count the edges at or below each value. Null where there is no number."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        at = [pa.scalar(edge) for edge in edges]
    else:
        # 0.1 as an edge means the decimal 0.1, not the nearest double, or a price would change its band.
        column = column.cast(pa.decimal128(38, 12 if pa.types.is_integer(column.type) else column.type.scale))
        at = [pa.scalar(Decimal(repr(edge))) for edge in edges]
    number = pc.if_else(pc.is_valid(column), pa.scalar(0, pa.int32()), pa.scalar(None, pa.int32()))
    for edge in at:
        number = pc.add(number, pc.greater_equal(column, edge).cast(pa.int32()))
    return number


def _time_labels(unit: str, times: pa.Array) -> pa.Array:
    if unit == "quarter":
        quarter = pc.quarter(times).cast(pa.string())
        return pc.binary_join_element_wise(pc.strftime(times, format="%Y"), quarter, "-Q")
    return pc.strftime(times, format=_FORMATS[unit])


def _unified(labels: pa.Array, codes: pa.Array) -> pa.DictionaryArray:
    """Give equal labels one code, and nulls the label `(none)`."""
    named = pa.concat_arrays([labels.fill_null(NONE), pa.array([NONE])]).dictionary_encode()
    at = np.asarray(codes.cast(pa.int64()).fill_null(len(labels)))
    return pa.DictionaryArray.from_arrays(named.indices.take(pa.array(at)), named.dictionary)
