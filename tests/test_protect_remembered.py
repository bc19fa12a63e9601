"""Remembered tokens are the function's own, however values come, and stop where values do not come back."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.protect import remembered
from pipeline.protect.remembered import Remembered, text_digests


class Counting:
    """Tokens of one length, or of the value's; remembers how many it was asked for."""

    def __init__(self, *, one_length: bool = True) -> None:
        self.asked = 0
        self.one_length = one_length

    def __call__(self, values: pa.Array) -> pa.Array:
        self.asked += len(values)
        return pa.array([self.token(v) for v in values.to_pylist()], pa.string())

    def token(self, value: str) -> str:
        return hashlib.sha256(value.encode()).hexdigest() if self.one_length else value + value


def rows(values: list[str], picks: list[int | None]) -> tuple[pa.Array, pa.Array]:
    codes = [None if p is None else p % len(values) for p in picks] if values else [None] * len(picks)
    return pa.array(values, pa.string()), pa.array(codes, pa.int32())


texts = st.text("abc\x00é", max_size=20)
slices = st.lists(
    st.tuples(st.lists(texts, max_size=8), st.lists(st.none() | st.integers(0, 99), max_size=12)),
    max_size=8,
)


@settings(deadline=None)
@given(slices, st.booleans())
def test_results_are_those_of_the_function(batches, one_length):
    known = Remembered(Counting(one_length=one_length))
    for batch, picks in batches:
        values, codes = rows(batch, picks)
        assert known(values, codes).equals(Counting(one_length=one_length)(values).take(codes))


@settings(deadline=None)
@given(slices)
def test_values_whose_digests_are_equal_keep_their_own_tokens(batches):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembered, "text_digests", lambda values: np.full(len(values), 7 << 20, np.uint64))
        known = Remembered(Counting())
        for batch, picks in batches:
            values, codes = rows(batch, picks)
            assert known(values, codes).equals(Counting()(values).take(codes))


@settings(deadline=None)
@given(st.lists(texts, unique=True, max_size=30))
def test_digests_tell_values_apart_and_depend_on_nothing_else(values):
    array = pa.array(values, pa.string())
    digests = text_digests(array)
    assert len(set(digests.tolist())) == len(values)
    behind = pa.array(["zzzz", *values], pa.string()).slice(1)
    assert (text_digests(behind) == digests).all()
    beside_a_longer_one = pa.array([*values, "y" * 40], pa.string())
    assert (text_digests(beside_a_longer_one)[:-1] == digests).all()


def test_digests_depend_on_the_order_of_words():
    digests = text_digests(pa.array(["first---second--", "second--first---"]))
    assert digests[0] != digests[1]


def test_long_values_that_differ_at_their_ends_keep_their_own_tokens():
    """Digests look at the head of a text only."""
    counting = Counting()
    known = Remembered(counting)
    values = pa.array(["x" + ("é" * 300) + end for end in "abab"])
    for _ in range(2):
        assert known(values, pa.array([0, 1, 2, 3])).equals(Counting()(values))
    assert text_digests(values).tolist() == [int(text_digests(values)[0])] * 4


def test_a_long_value_is_not_copied_for_each_unknown_one():
    """One cell of 64 KiB among short ones; 2,000 copies of it would be 128 MiB."""
    known = Remembered(lambda values: pa.array(["t" * 32] * len(values), pa.string()))
    known.rows(pa.array(["x" * (64 << 10), *map(str, range(1000))]), np.arange(1001))
    plain = pa.default_memory_pool()
    watched = pa.proxy_memory_pool(plain)
    pa.set_memory_pool(watched)
    try:
        assert known.rows(pa.array(list(map(str, range(3000)))), np.arange(3000)) is not None
    finally:
        pa.set_memory_pool(plain)
    assert watched.max_memory() < 8 << 20


def test_values_that_come_back_are_not_computed_again():
    counting = Counting()
    known = Remembered(counting)
    values = pa.array([f"person {i}" for i in range(100)])
    codes = pa.array(np.arange(100, dtype=np.int32))
    for _ in range(5):
        assert known(values, codes).equals(Counting()(values))
    assert counting.asked == 100


def test_a_value_that_stands_twice_is_computed_once():
    counting = Counting()
    known = Remembered(counting)
    values = pa.array(["anna", "bert", "anna", "anna", "carl", "bert"])
    assert known(values, pa.array([0, 1, 2, 3, 4, 5])).equals(Counting()(values))
    assert counting.asked == 3
    assert known(values, pa.array([5, 4, 3, 2, 1, 0])).equals(
        Counting()(values.take(pa.array([5, 4, 3, 2, 1, 0])))
    )
    assert counting.asked == 3


@settings(deadline=None)
@given(slices, st.integers(0, 3), st.integers(1, 4), st.sampled_from([100, 1000]))
def test_neither_few_digests_nor_little_room_change_a_token(batches, bits, room, size):
    """Room for few values, or for few bytes of them; the table never holds more than there is room for."""
    with pytest.MonkeyPatch.context() as patch:
        low = np.uint64(((1 << bits) - 1) << 21)
        patch.setattr(
            remembered, "text_digests", lambda values: text_digests(values) & low | np.uint64(1 << 20)
        )
        patch.setattr(remembered, "MOST_VALUES", room)
        patch.setattr(remembered, "MOST_BYTES", size)
        patch.setattr(remembered, "LEAST_SHARE", 0)
        known = Remembered(Counting())
        for batch, picks in batches:
            values, codes = rows(batch, picks)
            assert known(values, codes).equals(Counting()(values).take(codes))
            assert np.count_nonzero(known._table._entries) == known._table.claimed <= room


def test_the_table_holds_nothing_but_what_was_claimed(monkeypatch):
    """Room for two is taken up by one value that stands twice: the other one has to wait for the next slice."""
    monkeypatch.setattr(remembered, "MOST_VALUES", 2)
    known = Remembered(Counting())
    values = pa.array(["anna", "anna", "bert"])
    for claimed in (1, 2):
        assert known(values, pa.array([0, 1, 2])).equals(Counting()(values))
        assert np.count_nonzero(known._table._entries) == known._table.claimed == claimed


def test_the_search_goes_on_at_the_beginning_of_the_table(monkeypatch):
    last = np.uint64((remembered._SLOTS - 1) << 45)
    monkeypatch.setattr(remembered, "text_digests", lambda values: text_digests(values) | last)
    counting = Counting()
    known = Remembered(counting)
    values = pa.array([f"person {i}" for i in range(50)])
    for _ in range(3):
        assert known(values, pa.array(np.arange(50))).equals(Counting()(values))
    assert counting.asked == 50


def test_values_that_never_come_back_are_let_go():
    counting = Counting()
    known = Remembered(counting)
    codes = pa.array(np.arange(50, dtype=np.int32))
    for batch in range(6):
        values = pa.array([f"order {batch}-{i}" for i in range(50)])
        assert known(values, codes).equals(Counting()(values))
    assert counting.asked == 300
    assert not known._active and not len(known._values)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(remembered, "MOST_VALUES", 10)
    known = Remembered(Counting())
    codes = pa.array(np.arange(9, dtype=np.int32))
    for batch in range(4):
        values = pa.array([f"v{i}" for i in range(batch * 2, batch * 2 + 9)])
        assert known(values, codes).equals(Counting()(values))
    assert len(known._values) == 10 == len(known._tokens)


def test_values_that_crowd_one_place_of_the_table_cost_no_endless_search(monkeypatch):
    """Digests are no secret, so somebody could write such values; they are computed each time instead."""
    monkeypatch.setattr(
        remembered,
        "text_digests",
        lambda values: np.arange(1, len(values) + 1, dtype=np.uint64) << np.uint64(20),
    )
    known = Remembered(Counting())
    values = pa.array([f"v{i}" for i in range(1000)])
    codes = pa.array(np.arange(1000)[::-1])
    for _ in range(3):
        assert known(values, codes).equals(Counting()(values).take(codes))
    assert 200 < known._table.claimed < 600
