"""Counting with totals, trees, joins, filters, cohorts and contributions, held against a recount by hand."""

import random
import tempfile
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.models import TableSource
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan, TablePlan
from pipeline.statistics import aggregate_slice, combine_release, protect_release
from pipeline.statistics.axes import coarser
from pipeline.statistics.cells import Cells
from pipeline.statistics.rules import sensitive_cells
from tests.statistics_cases import TABLE, Row, cells_of, plan, published, spec, view

TREE = [["Perth", "WA", "AU"], ["Broome", "WA", "AU"], ["Sydney", "NSW", "AU"], ["Wien", "Wien", "AT"]]
DEVICES = TablePlan(
    "devices", TableSource(path="d.jsonl", subject="account_id"), {"account_id": "account_id", "os": "city"}, {},
    frozenset({"os"}),
)  # fmt: skip
PROTECT = {"min_people": 3, "dominance": {"n": 2, "percent": 85}, "p_percent": 10}

rows_strategy = st.lists(
    st.builds(
        Row,
        person=st.sampled_from(["a", "b", "c", "d", "e", None]),
        city=st.sampled_from(["Perth", "Broome", "Sydney", "Wien", "Nowhere", None]),
        category=st.sampled_from(["books", "toys"]),
        amount=st.one_of(st.none(), st.decimals(-100, 1000, places=2)),
    ),
    max_size=40,
)


def above(city: str | None) -> set[str]:
    """Everything that a city counts in; Wien is its own state, Nowhere is not in the tree."""
    paths = {"Perth": {"Perth", "WA", "AU"}, "Broome": {"Broome", "WA", "AU"}, "Sydney": {"Sydney", "AU"}}
    named = {**paths, "Wien": {"Wien"}, None: {"(none)"}, "Nowhere": {"other"}}
    return named[city] | {"*"}


@settings(deadline=None, max_examples=60)
@given(rows_strategy, st.lists(st.integers(0, 40), max_size=2))
def test_every_node_counts_people_once_and_contributions_are_net(rows: list[Row], at: list[int]) -> None:
    """Distinct people of subtotals and totals are no sums; each person's refunds count against their orders."""
    statistic = spec(
        dimensions=[{"column": "city", "tree": TREE}, {"column": "category", "values": ["books", "toys"]}],
        totals=True,
        measures=["people", "rows", {"mean": "amount"}],
        protect=PROTECT,
    )
    edges = sorted({0, len(rows), *(min(a, len(rows)) for a in at)})
    slices = [rows[a:b] for a, b in pairwise(edges)] or [[]]
    with tempfile.TemporaryDirectory() as directory:
        cells = cells_of(slices, statistic, Path(directory))
    counted: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for city in above(row.city) if row.person else ():
            for category in (str(row.category), "*"):
                counted[city, category][str(row.person)].append(row)
    for cell, (city, category) in enumerate(labels(cells)):
        people = counted.get((city, category), {})
        assert cells.people[cell] == len(people)
        assert cells.rows[cell] == sum(map(len, people.values()))
        nets = {p: sum(int(r.amount * 100) for r in own if r.amount is not None) for p, own in people.items()}
        one = cells.of("amount")
        assert one.sums[cell] == sum(nets.values())
        assert one.people[cell] == sum(any(r.amount is not None for r in own) for own in people.values())
        if one.has_negative:
            assert one.absolute[cell] == sum(map(abs, nets.values()))
            ranked = sorted(map(abs, nets.values()), reverse=True)
            assert one.largest[:2, cell].tolist() == [*ranked, 0, 0][:2]
    assert {key for key in counted if counted[key]} <= set(labels(cells))


def labels(cells: Cells) -> list[tuple[str, ...]]:
    shape = cells.shape
    return [
        tuple(axis.labels[node] for axis, node in zip(cells.axes, index, strict=True))
        for index in np.ndindex(*shape)
    ]


def test_cells_too_large_for_anybody_to_matter_are_not_looked_at_one_by_one() -> None:
    rows = [Row(f"p{i}", amount=Decimal(1 + i % 3)) for i in range(200)] + [
        Row("q", "Sydney", amount=Decimal(2))
    ]
    statistic = spec(
        dimensions=[{"column": "city", "values": ["Perth", "Sydney"]}],
        measures=[{"sum": "amount"}],
        protect=PROTECT,
    )
    with tempfile.TemporaryDirectory() as directory:
        cells = cells_of([rows], statistic, Path(directory))
    one = cells.of("amount")
    assert one.largest[:, 0].tolist() == [300, 300], "the table's largest stand for those of the large cell"
    assert one.largest[:, 1].tolist() == [200, 0], "the small cell's own"


def test_one_who_makes_up_most_of_a_sum_is_not_published() -> None:
    rows = [Row(f"p{i}", amount=Decimal(1)) for i in range(11)] + [Row("big", amount=Decimal(1000))]
    rows += [Row(f"q{i}", "Sydney", amount=Decimal(5)) for i in range(12)]
    cities = [{"column": "city", "values": ["Perth", "Sydney"]}]
    measures = ["people", {"sum": "amount"}]
    for protect, status in (
        ({"min_people": 10}, ["published", "published"]),
        ({"min_people": 10, "dominance": {"n": 1, "percent": 85}}, ["suppressed", "published"]),
        ({"min_people": 10, "p_percent": 10}, ["suppressed", "published"]),
    ):
        with tempfile.TemporaryDirectory() as directory:
            table = published(
                [rows], spec(dimensions=cities, measures=measures, protect=protect), Path(directory)
            )
        assert table["status"].to_pylist() == status, protect


def test_a_household_is_one_contributor_where_the_policy_says_so() -> None:
    """Twelve people, eleven of one household: their sum is the household's."""
    rows = [Row(f"p{i}", category="flat 7" if i else "flat 8", amount=Decimal(5)) for i in range(12)]
    base: dict[str, Any] = {"min_people": 10, "dominance": {"n": 1, "percent": 85}}
    for protect, status in ((base, "published"), ({**base, "contributor": "category"}, "suppressed")):
        statistic = spec(
            dimensions=[{"column": "city", "values": ["Perth"]}],
            measures=[{"sum": "amount"}],
            protect=protect,
        )
        with tempfile.TemporaryDirectory() as directory:
            table = published([rows[:7], rows[7:]], statistic, Path(directory))
        assert table["status"].to_pylist() == [status]


def test_a_cell_that_holds_everybody_is_not_published() -> None:
    """All of Perth buy books: the row would tell of each of them what they buy."""
    rows = [Row(f"p{i}", "Perth", "books") for i in range(30)]
    rows += [Row(f"q{i}", "Sydney", c) for i in range(30) for c in ("books", "toys")]
    rows += [Row(f"r{i}", "Wien", c) for i in range(30) for c in ("books", "toys")]
    dimensions = [{"column": "city"}, {"column": "category"}]
    for asked, named in ((True, True), (False, False), (("category",), True), (("city",), False)):
        protect = {"min_people": 5, "group_disclosure": asked}
        statistic = spec(dimensions=dimensions, totals=True, measures=["people", "rows"], protect=protect)
        with tempfile.TemporaryDirectory() as directory:
            cells = cells_of([rows], statistic, Path(directory))
            table = published([rows], statistic, Path(directory)).to_pylist()
        place = labels(cells).index(("Perth", "books"))
        found = sensitive_cells(cells, statistic.protect, zeros_public=False)
        assert bool(found.cells[place]) == named, asked
        if named:
            assert found.reasons["group_disclosure"] >= 1
            status = {(r["city"], r["category"]): r["status"] for r in table}
            assert status["Perth", "books"] == "suppressed"


def test_filters_leave_rows_out_and_are_counted() -> None:
    rows = [Row(f"p{i}", amount=Decimal(i)) for i in range(10)] + [Row("x", "Wien"), Row("y", amount=None)]
    statistic = spec(
        dimensions=[{"column": "category", "values": ["books"]}],
        measures=["people", "rows"],
        filters=[
            {"column": "city", "values": ["Perth"]},
            {"column": "amount", "at_least": "2", "below": "8.00"},
        ],
    )
    with tempfile.TemporaryDirectory() as directory:
        (ref,) = aggregate_slice(view(rows), plan(statistic), Path(directory))
        cells = combine_release([ref], plan(statistic).releases[0], {"orders": TABLE}, Path(directory))["s"]
    assert (cells.people.tolist(), cells.rows.tolist()) == ([6], [6])
    assert (ref.rows_of_any, ref.rows_filtered_by_all) == (6, 6)


def test_a_join_gives_each_person_one_value() -> None:
    """Two systems are `(several)`, none `(none)`; rows of the statistic's own table are counted once."""
    statistic = spec(
        join=[{"table": "devices", "columns": ["os"]}],
        dimensions=[{"column": "os", "values": ["iOS", "Android"]}],
        totals=True,
        measures=["people", "rows"],
    )
    release = ReleasePlan(4, "m", "s", "contract", "static", "", (), (StatisticPlan("s", statistic),))
    both = Plan("nightly", "2026-11-01", {"orders": TABLE, "devices": DEVICES}, (release,), "digest")
    os_of = {
        "a": ["iOS", "iOS", None],
        "b": ["iOS"],
        "c": ["iOS", "Android"],
        "d": ["Android"],
        "stranger": ["iOS"],
    }
    pairs = [(p, system) for p, systems in os_of.items() for system in systems]
    people, systems = (pa.array(column, pa.string()) for column in zip(*pairs, strict=True))
    devices = view([Row("a")])
    devices = type(devices)(
        "devices", 0, {"os": systems.dictionary_encode()}, people, {4: pa.array(range(len(pairs)), pa.int64())}, {},
        devices.fingerprint_key,
    )  # fmt: skip
    orders = view([Row(p) for p in "aabcde" for _ in range(2)])
    with tempfile.TemporaryDirectory() as directory:
        refs = [r for v in (orders, devices) for r in aggregate_slice(v, both, Path(directory))]
        cells = combine_release(refs, release, {"orders": TABLE, "devices": DEVICES}, Path(directory))["s"]
    found = dict(
        zip(cells.axes[0].labels, zip(cells.people.tolist(), cells.rows.tolist(), strict=True), strict=True)
    )
    assert found == {"iOS": (2, 6), "Android": (1, 2), "(several)": (1, 2), "(none)": (1, 2), "*": (5, 12)}


def test_cohorts_are_people_by_their_first_period() -> None:
    days = {"a": [1, 2, 4], "b": [1, 4], "c": [2, 3], "d": [4], "e": [2, 2]}
    rows = [Row(p, order_time=datetime(2026, 11, day, 9)) for p, own in days.items() for day in own]
    statistic = spec(
        dimensions=[], cohort={"column": "order_time", "unit": "day", "periods": 3}, totals=True,
        measures=["people", {"share": "people"}],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        cells = cells_of([rows[:4], rows[4:]], statistic, Path(directory))
        table = published([rows[:4], rows[4:]], statistic, Path(directory))
    found = {key: n for key, n in zip(labels(cells), cells.people.tolist(), strict=True) if n}
    assert found == {
        ("2026-11-01", "0"): 2, ("2026-11-01", "1"): 1, ("2026-11-02", "0"): 2, ("2026-11-02", "1"): 1,
        ("2026-11-04", "0"): 1, ("*", "0"): 5, ("*", "1"): 2,
    }  # fmt: skip
    listed = {(r["cohort"], r["after"]) for r in table.to_pylist()}
    assert ("2026-11-04", "1") not in listed, "what lies after the last day is not listed"
    assert ("2026-11-03", "1") in listed, "a day without new people is"


def test_linked_tables_hold_the_same_cells_back() -> None:
    """What one table of a release suppresses, no other one shows, and the audit reads them together."""
    rows = [Row(f"p{i}", c, k) for i in range(40) for c, k in (("Perth", "books"), ("Sydney", "toys"))]
    rows += [Row(f"q{i}", "Perth", "toys") for i in range(4)] + [
        Row(f"r{i}", "Wien", "toys") for i in range(20)
    ]
    one = spec(
        dimensions=[{"column": "city"}, {"column": "category"}], totals=True, measures=["people", "rows"]
    )
    two = spec(dimensions=[{"column": "category"}], totals=True, measures=["rows"])
    protect = {"min_people": 10, "group_disclosure": False}
    one, two = (s.model_copy(update={"protect": type(s.protect)(**protect)}) for s in (one, two))
    release = ReleasePlan(
        4, "m", "s", "contract", "static", "", (), (StatisticPlan("one", one), StatisticPlan("two", two))
    )
    both = Plan("nightly", "2026-11-01", {"orders": TABLE}, (release,), "digest")
    with tempfile.TemporaryDirectory() as directory:
        refs = aggregate_slice(view(rows), both, Path(directory))
        cells = combine_release(refs, release, {"orders": TABLE}, Path(directory))
        tables = protect_release(cells, release, {"orders": TABLE}).tables
    total = {r["category"]: r["status"] for r in tables["one"].to_pylist() if r["city"] == "*"}
    assert {r["category"]: r["status"] for r in tables["two"].to_pylist()} == total


@pytest.mark.parametrize(
    ("label", "unit", "wanted", "expected"),
    [
        ("2026-11-01T23", "hour", "hour_of_day", "23"),
        ("2026-11-01T23", "hour", "day", "2026-11-01"),
        ("2027-01-01", "day", "week", "2026-W53"),
        ("2026-11-01", "day", "weekday", "7"),
        ("2026-11-01", "day", "quarter", "2026-Q4"),
        ("2026-03", "month", "quarter", "2026-Q1"),
        ("2026-Q1", "quarter", "year", "2026"),
    ],
)
def test_periods_lie_in_coarser_ones(label: str, unit: str, wanted: str, expected: str) -> None:
    assert coarser(label, unit, wanted) == expected


def test_every_published_column_is_described() -> None:
    from pipeline.statistics.dictionary import column_descriptions
    from pipeline.statistics.model import output_schema
    from tests.statistics_cases import CLASSES

    for statistic in (
        spec(
            dimensions=[
                {"column": "city", "tree": TREE},
                {"column": "order_time", "unit": "day", "subtotals": ["month"]},
            ],
            totals=True,
            measures=["people", "rows", {"sum": "amount"}, {"mean": "amount"}, {"share": "rows"}],
        ),
        spec(dimensions=[], cohort={"column": "order_time"}, measures=["people", {"share": "people"}]),
    ):
        said = column_descriptions(statistic, "UTC")
        assert list(said) == output_schema(statistic, CLASSES).names
        assert all(sentence.endswith(".") for sentence in said.values())


def test_a_total_with_shares_is_kept_where_other_cells_can_go(tmp_path):
    """Whoever loses a total loses every share of it: a few small cells must not cost half of the table."""
    chance = random.Random(5)  # noqa: S311 - test data
    cities, categories = ["Sydney", "Perth", "Hobart", "Darwin"], ["toys", "books", "food", "garden"]
    rows = []
    for number in range(3000):
        person, city = f"a{chance.randrange(900)}", chance.choices(cities, [60, 25, 12, 3])[0]
        category = chance.choices(categories, [50, 30, 15, 5])[0]
        chance.lognormvariate(3, 1)
        rows.append(Row(person, city, category, datetime(2026, 11, 1 + number % 5, 10)))
    lost = []
    for measures in (["people", "rows"], ["people", "rows", {"share": "rows", "within": ["city"]}]):
        statistic = spec(
            dimensions=[
                {"column": "city", "values": cities},
                {"column": "category"},
                {"column": "order_time", "unit": "day"},
            ],
            totals=True,
            measures=measures,
            protect={"min_people": 10},
        )
        table = published([rows], statistic, tmp_path / str(len(measures)))
        lost.append(table["status"].to_pylist().count("suppressed"))
    assert lost[0] > 0 and lost[1] <= 1.3 * lost[0]
