"""The memo gives the function's own results, however values come, and stops where values do not come back."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.protect import memo
from pipeline.protect.memo import Memo


class Counting:
    """Doubles texts and remembers how many it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, values: pa.Array) -> pa.Array:
        self.asked += len(values)
        return pa.array([None if v is None else v + v for v in values.to_pylist()], pa.string())


slices = st.lists(st.lists(st.text("abc\x00é", max_size=3), unique=True, max_size=8), max_size=8)


@given(slices)
def test_results_are_those_of_the_function(batches: list[list[str]]):
    remembered = Memo(Counting())
    for batch in batches:
        values = pa.array(batch, pa.string())
        assert remembered(values).equals(Counting()(values))


def test_values_that_come_back_are_not_computed_again():
    counting = Counting()
    remembered = Memo(counting)
    values = pa.array([f"person {i}" for i in range(100)])
    for _ in range(5):
        remembered(values)
    assert counting.asked == 100


def test_values_that_never_come_back_are_forgotten():
    counting = Counting()
    remembered = Memo(counting)
    for batch in range(6):
        remembered(pa.array([f"order {batch}-{i}" for i in range(50)]))
    assert counting.asked == 300
    assert remembered._values is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memo, "MOST_VALUES", 10)
    remembered = Memo(Counting())
    for batch in range(3):
        values = pa.array([f"v{i}" for i in range(batch * 3, batch * 3 + 9)])
        assert remembered(values).equals(Counting()(values))
    assert remembered._values is not None and len(remembered._values) == 10


def test_nulls_go_through():
    assert Memo(Counting())(pa.array(["a", None])).to_pylist() == ["aa", None]
