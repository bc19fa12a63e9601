"""Numbers cut off at declared bounds."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.domain_text import domain_as_json, domain_from_json
from transforms import ColumnFacts, Context, TopBottomCode

CONTEXT = Context("analysts", "research", "other", "static")
BOTH = TopBottomCode(bottom=Decimal(18), top=Decimal(89))


def coded(transform, values, kind):
    return transform.bind(None, CONTEXT)(pa.array(values, kind)).to_pylist()


def domain(transform, kind):
    return transform.output(ColumnFacts("age", "quasi_identifier", 2, kind)).domain


def test_what_lies_outside_becomes_the_bound_and_nothing_else_changes():
    """Both ends belong to the range; nulls stay null."""
    assert coded(BOTH, [17, 18, 50, 89, 90, -(2**63), None], pa.int64()) == [18, 18, 50, 89, 89, 18, None]
    price = TopBottomCode(top=Decimal("999.99"))
    values = [Decimal("-5.00"), Decimal("999.99"), Decimal("1000.00"), None]
    assert coded(price, values, pa.decimal128(18, 2)) == [values[0], values[1], Decimal("999.99"), None]


def test_floats_that_are_no_numbers_stay_and_infinities_are_cut():
    """NaN tells nothing; infinity is larger than any top."""
    found = coded(BOTH, [math.nan, math.inf, -math.inf, 20.5], pa.float64())
    assert math.isnan(found[0])
    assert found[1:] == [89.0, 18.0, 20.5]


@given(values=st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=8))
def test_the_domain_is_exact(values):
    """A cell is a member exactly when coding would leave it as it is."""
    array = pa.array(values, pa.int32())
    members = domain(BOTH, pa.int32()).holds(array).to_pylist()
    assert members == [value is None or 18 <= value <= 89 for value in values]


@pytest.mark.parametrize(
    "transform", [BOTH, TopBottomCode(top=Decimal("0.5")), TopBottomCode(bottom=Decimal(-1))]
)
def test_a_domain_survives_the_manifest(transform):
    """`pouch verify` proves membership from the manifest alone."""
    found = domain(transform, pa.float64())
    assert domain_from_json(domain_as_json(found)) == found
    assert found.holds(pa.array([1])).to_pylist() == [False]  # another type
