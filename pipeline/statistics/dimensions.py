"""Labels: what a raw value is called in a published dimension."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.statistics_models import Dimension
from pipeline.statistics.axes import tree_leaf_of, tree_leaves
from pipeline.statistics.model import NONE, OTHER, RESERVED
from transforms import Bands, Context
from transforms.base import family

# ISO 8601: calendar dates, ordinal weeks (%G-W%V is the week-numbering year), hours without minutes.
_FORMATS = {"year": "%Y", "month": "%Y-%m", "week": "%G-W%V", "day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}
_FORMATS |= {"weekday": "%u", "hour_of_day": "%H"}


def label(dimension: Dimension, column: pa.Array) -> pa.DictionaryArray:
    """Return the label of every row: dictionary<int32, string>, as long as `column`, without nulls.

    A null is `(none)`. Outside declared values a label is `other`; so are the texts `*` and `(none)`
    themselves, so that data cannot pose as a total or as a null.
    """
    if dimension.bands is not None:
        nowhere = Context("", "", "", "")  # bands have no key
        named = bands(dimension.bands).bind(None, nowhere)(column).dictionary_encode()
        return _unified(named.dictionary, named.indices)
    if dimension.unit is not None:
        # Every hour of a slice once: formatting is the slow part.
        floored = pc.floor_temporal(column.cast(pa.timestamp("us")), unit="hour").dictionary_encode()
        labels, codes = _time_labels(dimension.unit, floored.dictionary), floored.indices
    else:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        labels, codes = coded.dictionary.cast(pa.string()), coded.indices
        labels = pc.if_else(pc.is_in(labels, value_set=pa.array(sorted(RESERVED))), OTHER, labels)
    if dimension.tree:
        leaf_of = tree_leaf_of(dimension)
        at = pc.index_in(labels, value_set=pa.array(leaf_of, pa.string()))
        labels = pa.array(list(leaf_of.values()), pa.string()).take(at).fill_null(OTHER)
        labels = pc.if_else(pc.is_valid(coded.dictionary), labels, None)
    if dimension.values is not None:
        declared = pc.is_in(labels, value_set=pa.array(dimension.values, pa.string()))
        labels = pc.if_else(declared, labels, OTHER)
    return _unified(labels, codes)


def declared_labels(dimension: Dimension, column_type: pa.DataType) -> tuple[str, ...]:
    """Return the labels of a closed dimension in published order, `other` and `(none)` last."""
    if dimension.bands is not None:
        return (*bands(dimension.bands).labels(family(column_type)), NONE)
    return (*(tree_leaves(dimension) if dimension.tree else dimension.values or ()), OTHER, NONE)


def bands(edges: tuple[float, ...]) -> Bands:
    """Return the transform that names the bands, so that rows and statistics say the same.

    An edge means the decimal that the specification shows, not the nearest double, or a price would change
    its band. Raises pydantic's ValidationError where edges do not ascend.
    """
    return Bands(edges=tuple(Decimal(repr(edge)) for edge in edges))


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
