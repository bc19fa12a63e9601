"""Cells: counted exactly, published only with enough people, the same however the rows were cut."""

import pickle
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InternalError, JobWrong
from pipeline.statistics import aggregate_slice, combine_release, output_schema, protect_release
from pipeline.statistics import combining as combining_module
from tests.statistics_cases import (
    CLASSES,
    TABLE,
    Row,
    cells_of,
    plan,
    published,
    recount,
    refs_of,
    spec,
    view,
)

TABLES = {"orders": TABLE}
EVERYTHING = ["people", "rows", {"sum": "amount"}, {"mean": "amount"}]
OPEN = [{"column": "city"}, {"column": "category"}]
SHAPES = [
    OPEN,
    [{"column": "city", "values": ["Perth", "Sydney"]}, {"column": "category"}],
    [{"column": "order_time", "unit": "day"}, {"column": "amount", "bands": [1, 5]}],
]

rows_strategy = st.lists(
    st.builds(
        Row,
        person=st.sampled_from(["a", "b", "c", "d", "e", "f", None]),
        city=st.sampled_from(["Perth", "Perth", "Sydney", "Rare", "Rarer", "*", "other", None]),
        category=st.sampled_from(["books", "books", "toys", None]),
        order_time=st.sampled_from([datetime(2026, 11, 1, 5), datetime(2026, 11, 2)]),
        amount=st.one_of(st.none(), st.decimals(-(10**15), 10**15, places=2)),
    ),
    max_size=60,
)


@contextmanager
def staging() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def cut(rows: Sequence[Row], at: Sequence[int]) -> list[Sequence[Row]]:
    edges = sorted({0, len(rows), *(min(edge, len(rows)) for edge in at)})
    return [rows[low:high] for low, high in pairwise(edges)]


@settings(deadline=None, max_examples=40)
@given(rows_strategy, st.lists(st.integers(0, 60), max_size=3), st.sampled_from(SHAPES))
def test_published_cells_are_those_with_enough_people_and_their_figures_are_exact(
    rows: list[Row], at: list[int], dimensions: list[dict[str, Any]]
) -> None:
    """Against a recount by hand: people, not rows, decide; sums are exact; nothing else is filled."""
    statistic = spec(dimensions=dimensions, measures=EVERYTHING)
    with staging() as directory:
        table = published(cut(rows, at), statistic, directory)
    assert table.schema == output_schema(statistic, CLASSES)
    cells = recount(rows, statistic)
    seen = set()
    for line in table.to_pylist():
        cell = tuple(line[dimension.column] for dimension in statistic.dimensions)
        assert cell not in seen
        seen.add(cell)
        counted = cells.get(cell, {"people": 0, "paying": 0})
        if counted["people"] >= 3 and counted["paying"] >= 3:
            amounts = counted["amounts"]
            mean = Fraction(sum(amounts, Decimal())) / len(amounts)
            assert line["status"] == "published"
            assert (line["people"], line["rows"]) == (counted["people"], counted["rows"])
            assert line["sum_amount"] == sum(amounts, Decimal())
            assert abs(Fraction(line["mean_amount"]) - mean) <= Fraction(1, 20_000)
        else:
            assert line["status"] == "suppressed"
            assert {line[name] for name in ("people", "rows", "sum_amount", "mean_amount")} == {None}
    assert {cell for cell, counted in cells.items() if counted["people"] >= 3} <= seen


@settings(deadline=None, max_examples=20)
@given(rows_strategy, st.randoms(use_true_random=False), st.lists(st.integers(0, 60), max_size=4))
def test_neither_the_order_of_rows_nor_their_slices_change_a_byte(
    rows: list[Row], random: Any, at: list[int]
) -> None:
    statistic = spec(dimensions=OPEN, measures=EVERYTHING)
    shuffled = random.sample(rows, len(rows))
    with staging() as first, staging() as second:
        assert published([rows], statistic, first).equals(published(cut(shuffled, at), statistic, second))


def test_a_person_with_many_rows_in_many_slices_is_one_person() -> None:
    busy = [Row("a", amount=Decimal(1))] * 500
    statistic = spec(dimensions=[{"column": "city", "values": ["Perth"]}], measures=["people", "rows"])
    with staging() as directory:
        table = published([busy, busy, [*busy, Row("b")]], statistic, directory)
    assert set(table["status"].to_pylist()) == {"suppressed"}
    with staging() as directory:
        table = published([busy, busy, [*busy, Row("b"), Row("c")]], statistic, directory)
    assert table.to_pylist()[0] == {"city": "Perth", "people": 3, "rows": 1502, "status": "published"}


def test_a_rare_value_is_never_named() -> None:
    rows = [Row(p, city="Perth") for p in "abc"] + [Row("d", city="Onslow"), Row("e", city="Marble Bar")]
    statistic = spec(dimensions=[{"column": "city"}], measures=["people"])
    with staging() as directory:
        few = published([rows], statistic, directory)
        more = published([[*rows, Row("f", city="Cue")]], statistic, directory)
    assert few["city"].to_pylist() == ["Perth", "other"], "nobody lacks a city, so nothing is listed for it"
    assert few["people"].to_pylist() == [3, None], "two people of `other` are too few"
    assert more["city"].to_pylist() == ["Perth", "other"]
    assert more["people"].to_pylist() == [3, 3]


def test_folding_counts_people_of_the_whole_margin_not_of_cells() -> None:
    """A value that is rare in every cell stays when its margin has enough people."""
    rows = [Row("a", "Cue", "books"), Row("b", "Cue", "toys"), Row("c", "Cue", "games")]
    with staging() as directory:
        table = published([rows], spec(dimensions=OPEN, measures=["people"]), directory)
    assert set(table["city"].to_pylist()) == {"Cue"}
    assert set(table["category"].to_pylist()) == {"other"}
    assert table.filter(table["people"].is_valid()).to_pylist() == [
        {"city": "Cue", "category": "other", "people": 3, "status": "published"}
    ]


def test_one_person_in_two_rare_values_is_one_person_of_other() -> None:
    rows = [Row(person, city) for person in "ab" for city in ("Cue", "Onslow", "Leonora")]
    with staging() as directory:
        table = published([rows], spec(dimensions=[{"column": "city"}], measures=["people"]), directory)
    assert set(table["status"].to_pylist()) == {"suppressed"}


def test_a_cell_that_nobody_is_in_looks_like_one_that_is_suppressed() -> None:
    declared = [{"column": "city", "values": ["Perth", "Cue", "Onslow"]}]
    statistic = spec(dimensions=declared, measures=["people", "rows"])
    rows = [Row(person) for person in "abc"]
    with staging() as directory:
        absent = published([rows], statistic, directory)
        small = published([[*rows, Row("d", "Cue"), Row("e", "Cue")]], statistic, directory)
    assert absent.equals(small)


def test_a_sum_needs_enough_people_who_have_a_value() -> None:
    """Ten people in a cell, one of whom paid: the sum would be that person's amount."""
    rows = [Row(f"p{i}", amount=None) for i in range(10)] + [Row("p0", amount=Decimal("77.00"))]
    statistic = spec(
        dimensions=[{"column": "city", "values": ["Perth"]}], measures=["people", {"sum": "amount"}]
    )
    with staging() as directory:
        table = published([rows], statistic, directory)
    assert set(table["status"].to_pylist()) == {"suppressed"}
    assert table["sum_amount"].null_count == len(table)


def test_rows_without_subject_and_withheld_rows_are_in_no_figure() -> None:
    rows = [Row("a"), Row(None), Row("b"), Row("c"), Row("d")]
    statistic = spec(dimensions=[{"column": "city", "values": ["Perth"]}], measures=["people", "rows"])
    with staging() as directory:
        refs = aggregate_slice(view(rows, released=[0, 1, 2, 4]), plan(statistic), directory)
        release = plan(statistic).releases[0]
        cells = combine_release(refs, release, TABLES, directory)
    assert (cells["s"].rows_aggregated, cells["s"].rows_without_subject) == (3, 1)
    assert protect_release(cells, release, TABLES).tables["s"].to_pylist()[0]["rows"] == 3


def test_min_people_itself_is_enough() -> None:
    statistic = spec(
        dimensions=[{"column": "city", "values": ["Perth"]}],
        measures=["people"],
        protect={"min_people": 10},
    )
    with staging() as directory:
        nine = published([[Row(f"p{i}") for i in range(9)]], statistic, directory)
        ten = published([[Row(f"p{i}") for i in range(10)]], statistic, directory)
    assert nine["people"].to_pylist() == [None]
    assert ten["people"].to_pylist() == [10]


@pytest.mark.parametrize(
    ("amounts", "mean"),
    [
        (["0.01", "0.01", "0.00"], "0.0067"),
        (["0.01", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"], "0.0012"),  # 0.00125: tie, to even
        (["0.03", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"], "0.0038"),  # 0.00375: tie, to even
        (["-0.01", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"], "-0.0012"),
        (["9999999999999999.99"] * 3, "9999999999999999.9900"),
    ],
)
def test_means_are_exact_and_rounded_half_to_even(amounts: list[str], mean: str) -> None:
    rows = [Row(f"p{i}", amount=Decimal(amount)) for i, amount in enumerate(amounts)]
    statistic = spec(dimensions=[{"column": "city", "values": ["Perth"]}], measures=[{"mean": "amount"}])
    with staging() as directory:
        value = published([rows], statistic, directory)["mean_amount"][0].as_py()
    exact = sum(map(Decimal, amounts)) / len(amounts)
    assert str(value) == mean == str(exact.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))


def test_whole_numbers_are_summed_as_such_and_never_wrap_around() -> None:
    statistic = spec(
        dimensions=[{"column": "city", "values": ["Perth"]}],
        measures=[{"sum": "quantity"}, {"mean": "quantity"}],
    )
    large = 2**62
    with staging() as directory:
        table = published([[Row(p, quantity=7) for p in "abc"]], statistic, directory)
        assert (table["sum_quantity"].type, table["sum_quantity"][0].as_py()) == (pa.int64(), 21)
        assert table["mean_quantity"][0].as_py() == Decimal("7.00")
    for slices in ([[Row(p, quantity=large) for p in "abc"]], [[Row(p, quantity=large)] for p in "abc"]):
        with staging() as directory, pytest.raises(JobWrong, match="passes 64 bits") as raised:
            published(slices, statistic, directory)
        assert str(large) not in str(raised.value)


def test_no_rows_at_all_give_the_same_form() -> None:
    for dimensions in SHAPES:
        statistic = spec(dimensions=dimensions, measures=EVERYTHING)
        with staging() as directory:
            none_read = published([], statistic, directory)
            none_left = published([[]], statistic, directory)
        assert none_read.schema == output_schema(statistic, CLASSES)
        assert none_read.equals(none_left)
        assert set(none_read["status"].to_pylist()) == {"suppressed"}


def test_staging_holds_no_subject_and_only_the_owner_reads_it() -> None:
    rows = [Row("subject-in-clear", city=city) for city in ("Perth", "Cue")]
    with staging() as directory:
        (ref,) = refs_of([rows], spec(dimensions=OPEN, measures=EVERYTHING), directory)
        assert b"subject-in-clear" not in (directory / ref.path).read_bytes()
        assert stat.S_IMODE((directory / ref.path).parent.stat().st_mode) == 0o700


def test_two_runs_name_the_same_person_differently() -> None:
    statistic = spec(dimensions=OPEN, measures=["people"])
    digests = []
    for key in (b"0" * 16, b"1" * 16):
        with staging() as directory:
            (ref,) = aggregate_slice(
                replace(view([Row("a")]), fingerprint_key=key), plan(statistic), directory
            )
            digests.append(pa.ipc.open_file(directory / ref.people).read_all()["s0"][0].as_py())
    assert digests[0] != digests[1]


def test_other_tables_statistics_and_releases_are_left_alone() -> None:
    statistic = spec(dimensions=OPEN, measures=["people"])
    with staging() as directory:
        elsewhere = replace(view([Row("a")]), table="devices")
        assert aggregate_slice(elsewhere, plan(statistic), directory) == ()
        refs = refs_of([[Row(p) for p in "abc"]], statistic, directory)
        strangers = [replace(ref, release=5) for ref in refs] + [replace(ref, statistic="t") for ref in refs]
        cells = combine_release(strangers, plan(statistic).releases[0], TABLES, directory)
        assert cells["s"].rows_aggregated == 0


def test_what_crosses_processes_pickles_and_shows_no_value() -> None:
    with staging() as directory:
        cells = cells_of([[Row(p) for p in "abc"]], spec(dimensions=OPEN, measures=EVERYTHING), directory)
    again = pickle.loads(pickle.dumps(cells))  # noqa: S301 (our own)
    assert again.people.tolist() == cells.people.tolist()
    assert pickle.loads(pickle.dumps(combine_release)) is combine_release  # noqa: S301 (our own)
    assert "Perth" not in repr(cells)


def test_a_table_that_grows_too_large_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining_module, "MAX_CELLS", 3)
    rows = [
        Row(p, city, category) for p in "abc" for city in ("Cue", "Perth") for category in ("books", "toys")
    ]
    with staging() as directory, pytest.raises(JobWrong, match="would have 4 cells, more than 3"):
        cells_of([rows], spec(dimensions=OPEN, measures=["people"]), directory)


def test_a_failure_of_the_grouping_engine_tells_no_value() -> None:
    with staging() as directory:
        refs = refs_of([[Row("a", city="Cue")]], spec(dimensions=OPEN, measures=["people"]), directory)
        (directory / refs[0].path).write_bytes(b"Cue is no Arrow file")
        with pytest.raises(InternalError) as raised:
            combine_release(
                refs, plan(spec(dimensions=OPEN, measures=["people"])).releases[0], TABLES, directory
            )
    assert "Cue" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
