"""Noise over trees, joined tables and cohorts: what one person can change stays what was declared."""

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.engines.model import SliceView
from pipeline.errors import JobWrong
from pipeline.release.verify import verify_release
from pipeline.standalone import StatsOrder, run_statistics
from pipeline.statistics.dp_bounding import Answers, answer
from pipeline.statistics.dp_checking import check_noise, decimals_of, design_of, public_axes
from pipeline.statistics.dp_partial import contributions_of, followed, joined, labels_of, with_labels
from pipeline.statistics.dp_table import draw, table_of
from pipeline.statistics_report import releases_of, simulate_nights
from tests.dp_cases import CATEGORIES, KEY, Frozen, noisy_spec
from tests.statistics_cases import CLASSES, Row, view

TREE = [["Perth", "West"], ["Hobart", "South"], ["Adelaide", "South"], ["Sydney", "East"]]
DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]
ALL = ["people", "rows", {"sum": "amount"}, {"mean": "amount"}, {"quantile": "amount", "at": [0.5]}]
SPECS = {
    "tree": {"dimensions": [{"column": "city", "tree": TREE}, CATEGORIES], "totals": True, "measures": ALL},
    "levels": {
        "dimensions": [{"column": "city", "tree": TREE, "levels": [0, 1]}],
        "measures": ["people", "rows"],
        "dp": {"max_groups": 2},
    },
    "days": {
        "dimensions": [{"column": "order_time", "unit": "day", "values": DAYS, "subtotals": ["month"]}],
        "measures": ["people", "rows"],
    },
    "joined": {
        "join": [{"table": "devices", "columns": ["os"]}],
        "dimensions": [{"column": "os", "values": ["iOS", "Android"]}, CATEGORIES],
        "totals": True,
        "measures": ALL,
    },
    "cohort": {
        "dimensions": [],
        "cohort": {"column": "order_time", "unit": "day", "periods": 3, "values": DAYS},
        "totals": ["cohort"],
        "measures": ["people"],
        "dp": {"bounds": {}, "max_groups": 2},
    },
}
CLASSES_OF_ALL = {**CLASSES, "devices/os": "category"}
Devices = list[tuple[str, str]]


def spec_of(name):
    fields = {key: dict(value) if key == "dp" else value for key, value in SPECS[name].items()}
    if "bounds" not in fields.get("dp", {}) and not any(
        "sum" in m for m in fields["measures"] if m != "people"
    ):
        fields["dp"] = {**fields.get("dp", {}), "bounds": {}}
    return noisy_spec(**fields)


def devices_view(devices: Devices) -> SliceView:
    people = pa.array([person for person, _ in devices], pa.string())
    columns = {"os": pa.array([system for _, system in devices], pa.string()).dictionary_encode()}
    return SliceView("devices", 0, columns, people, {4: pa.array(range(len(devices)), pa.int64())}, {}, KEY)


def answers(rows: list[Row], devices: Devices, spec, cuts: tuple[int, ...] = ()) -> Answers:
    decimals, parts = decimals_of(spec, CLASSES_OF_ALL), []
    for number, (a, b) in enumerate(zip((0, *cuts), (*cuts, len(rows)), strict=True)):
        seen = view(rows[a:b], number)
        known = seen.released[4].filter(pc.is_valid(seen.subject))
        parts.append(contributions_of(seen, spec, known, decimals, KEY))
    given = joined(parts, spec)
    if spec.cohort is not None:
        given = followed(given, spec)
    else:
        seen = devices_view(devices)
        told = [labels_of(seen, spec, seen.released[4], KEY)] if spec.join else []
        given = with_labels(given, spec, {"devices": told})
    return answer(given, spec, decimals, public_axes(spec, CLASSES_OF_ALL), KEY)


def crowd(seed: int, people: int = 6, orders: int = 70) -> tuple[list[Row], Devices]:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    import datetime
    from decimal import Decimal

    rows = [
        Row(
            f"p{chance.randrange(people)}",
            city=chance.choice(["Perth", "Sydney", "Hobart", "Adelaide", "Wien", None]),
            category=chance.choice(["books", "toys", "garden"]),
            amount=Decimal(chance.randrange(-500, 20_000)) / 100,
            order_time=datetime.datetime(2026, 11, chance.choice([1, 2, 2, 3, 3, 3, 4]), 10),
        )
        for _ in range(orders)
    ]
    systems = [
        (f"p{n}", chance.choice(["iOS", "Android", "other"])) for n in range(people - 1) for _ in range(2)
    ]
    return rows, systems


@pytest.mark.parametrize("name", SPECS)
def test_one_unit_more_or_less_moves_no_vector_beyond_its_declared_distance(name):
    """With all of its rows in all tables."""
    spec = spec_of(name)
    made, reached = design_of(spec, CLASSES_OF_ALL), 0.0
    for seed in range(10):
        rows, devices = crowd(seed)
        before = answers(rows, devices, spec)
        for unit in {row.person for row in rows}:
            left = [row for row in rows if row.person != unit]
            after = answers(left, [one for one in devices if one[0] != unit], spec)
            for question in made.questions:
                place = (question.kind, question.column)
                moved = before.vectors[place] - after.vectors[place]
                far = question.distance
                assert np.abs(moved).sum() <= far.l1
                assert math.sqrt((moved.astype(float) ** 2).sum()) <= far.l2 + 1e-9
                assert question.kind == "steps" or (moved != 0).sum() <= far.entries
                reached = max(reached, int(np.abs(moved).sum()) / far.l1)
    assert reached > 0.6  # the bound is no idle one


@pytest.mark.parametrize("name", SPECS)
def test_slices_and_their_order_decide_nothing(name):
    spec = spec_of(name)
    rows, devices = crowd(77)
    mixed = rows.copy()
    random.Random(1).shuffle(mixed)  # noqa: S311 - seeded on purpose
    whole, cut = answers(rows, devices, spec), answers(mixed, devices[::-1], spec, (11, 40))
    assert all((vector == cut.vectors[place]).all() for place, vector in whole.vectors.items())


def test_a_cohort_of_households_would_not_be_exact():
    """Why it is refused: who is in two households is new in another period once one of them is gone."""
    fields = {**SPECS["cohort"], "dp": {"bounds": {}, "unit": "category", "max_groups": 3, "max_rows": 2}}
    spec = noisy_spec(**fields)
    far, passed = design_of(spec, CLASSES_OF_ALL).question("people").distance, 0
    for seed in range(10):
        rows, _ = crowd(seed)
        before = answers(rows, [], spec).vectors["people", ""]
        for household in ("books", "toys", "garden"):
            after = answers([row for row in rows if row.category != household], [], spec).vectors[
                "people", ""
            ]
            passed += int(np.count_nonzero(before != after) > far.entries)
    assert passed


def test_a_label_follows_from_the_persons_own_rows():
    """Somebody else's devices move nobody: the neighbor differs in one person's cells only."""
    spec = spec_of("joined")
    rows = [Row("a"), Row("b")]
    one = answers(rows, [("a", "iOS"), ("b", "iOS")], spec).vectors["rows", ""]
    other = answers(rows, [("a", "iOS"), ("b", "iOS"), ("b", "Android")], spec).vectors["rows", ""]
    assert np.abs(one - other).sum() == 2 and one.sum() == other.sum() == 2


def test_without_bounding_a_busy_person_would_pass_the_distance_of_a_tree():
    spec = spec_of("tree")
    far = design_of(spec, CLASSES_OF_ALL).question("people").distance
    everywhere = [Row("busy", city=c, category=k) for c, *_ in TREE for k in ("books", "toys", "garden")]
    free = spec.model_copy(update={"dp": spec.dp.model_copy(update={"max_groups": 100})})
    assert np.abs(answers(everywhere, [], free).vectors["people", ""]).sum() > far.l1
    assert np.abs(answers(everywhere, [], spec).vectors["people", ""]).sum() <= far.l1


def noised(name, rows, devices, noise):
    spec = spec_of(name)
    made = design_of(spec, CLASSES_OF_ALL)
    noisy = draw(answers(rows, devices, spec), made, noise)
    axes = public_axes(spec, CLASSES_OF_ALL)
    return table_of(noisy, spec, made, decimals_of(spec, CLASSES_OF_ALL), axes)


def test_without_noise_the_figures_are_those_of_a_recount():
    rows = [Row(f"p{n}", city=c) for n, c in enumerate(["Perth", "Hobart", "Hobart", "Adelaide", "Wien"])]
    table = {(r["city"], r["category"]): r for r in noised("tree", rows, [], Frozen()).to_pylist()}
    assert table["South", "books"]["people"] == table["South", "*"]["rows"] == 3
    assert table["*", "*"]["people"] == 5 and table["other", "*"]["people"] == 1
    assert {label for label, _ in table} >= {"Perth", "Hobart", "Adelaide", "Sydney", "South", "other", "*"}
    devices = [("p0", "iOS"), ("p1", "iOS"), ("p1", "Android"), ("p2", "Android")]
    systems = {
        r["os"]: r["people"]
        for r in noised("joined", rows, devices, Frozen()).to_pylist()
        if r["category"] == "*"
    }
    assert systems == {"iOS": 1, "Android": 1, "other": 0, "(several)": 1, "(none)": 2, "*": 5}


def test_a_cohort_without_noise_counts_who_came_back():
    import datetime

    def at(person: str, *days: int) -> list[Row]:
        return [Row(person, order_time=datetime.datetime(2026, 11, day, 9)) for day in days]

    rows = [*at("a", 1, 2), *at("b", 1, 3), *at("c", 2), *at("d", 4)]  # the fourth is no declared period
    people = {
        (r["cohort"], r["after"]): r["people"] for r in noised("cohort", rows, [], Frozen()).to_pylist()
    }
    assert people == {
        ("2026-11-01", "0"): 2, ("2026-11-01", "1"): 1, ("2026-11-01", "2"): 1,
        ("2026-11-02", "0"): 1, ("2026-11-02", "1"): 0, ("2026-11-03", "0"): 0,
        ("*", "0"): 3, ("*", "1"): 1, ("*", "2"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_frozen_noise_on_neighbors_shows_no_difference_of_structure(name):
    for seed in range(3):
        rows, devices = crowd(seed)
        alone = [row for row in rows if row.person != "p0"], [one for one in devices if one[0] != "p0"]
        one, other = noised(name, rows, devices, Frozen(seed, 40)), noised(name, *alone, Frozen(seed, 40))
        assert one.schema == other.schema and len(one) == len(other)
        labels = [column for column in one.column_names if pa.types.is_string(one.schema.field(column).type)]
        assert all(one[column].equals(other[column]) for column in labels)


WRONG = {
    "the unit must be the subject": ("joined", {"dp": {"unit": "category"}}),
    "must be the subject and the release": (
        "joined",
        {"dp": {"period": {"column": "order_time", "unit": "day"}}},
    ),
    "a cohort follows from all rows": ("cohort", {"dp": {"period": {"column": "order_time", "unit": "day"}}}),
    "all rows of a person, so": ("cohort", {"dp": {"unit": "category"}}),
    "would come from the data": ("cohort", {"cohort": {"column": "order_time", "unit": "day"}}),
    "counts people": ("cohort", {"measures": ["people", {"share": "people"}]}),
    "subtotals of city need public keys": ("tree", {"dp": {"keys": "threshold"}, "totals": False}),
}


@pytest.mark.parametrize("says", WRONG)
def test_what_would_not_be_exact_is_refused_with_its_reason(says):
    name, change = WRONG[says]
    fields = {**SPECS[name], **change}
    fields["dp"] = {"bounds": {}, **SPECS[name].get("dp", {}), **change.get("dp", {})}
    if name in ("tree", "joined"):
        fields["dp"].pop("bounds")
    problems = check_noise("s", noisy_spec(**fields), CLASSES_OF_ALL, None)
    assert any(says in str(problem) for problem in problems), problems


# ------------------------------------------------------------------ from the shell

SHOP = """statistics:
  places:
    table: orders
    subject: account_id
    join: [{table: devices, columns: [os]}]
    dimensions: [{column: city, hierarchy: cities.csv}, {column: os, values: [iOS, Android]}]
    totals: true
    measures: [people, rows, {sum: amount}]
    dp: {epsilon: 2, delta: 1e-6, max_groups: 2, max_rows: 3, bounds: {amount: [0, 100]}}
  returns:
    table: orders
    subject: account_id
    cohort: {column: day, unit: day, periods: 2, values: [2026-11-01, 2026-11-02]}
    measures: [people]
    dp: {epsilon: 1, delta: 1e-6, max_groups: 2}
  plain:
    table: orders
    subject: account_id
    dimensions: [{column: city}]
    measures: [people, rows]
    protect: {min_people: 5}
budget: {recipient: {epsilon: 4, delta: 1e-6}}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(4)  # noqa: S311 - seeded on purpose
    with (tmp_path / "orders.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["account_id", "city", "day", "amount"])
        for n in range(120):
            writer.writerow([f"a{n}", chance.choice(["Perth", "Hobart"]), f"2026-11-0{1 + n % 2}", n % 50])
    with (tmp_path / "devices.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["account_id", "os"], *([f"a{n}", ("iOS", "Android")[n % 2]] for n in range(120))]
        )
    (tmp_path / "cities.csv").write_text("Perth;West\nHobart;South\nAdelaide;South\n")
    (tmp_path / "shop.yaml").write_text(SHOP)
    return tmp_path


def give(shop: Path):
    tables = {"orders": shop / "orders.csv", "devices": shop / "devices.csv"}
    return run_statistics(StatsOrder(shop / "shop.yaml", tables, "market", shop / "out", shop / "state"))


def test_noise_and_rules_stand_side_by_side_in_one_release(shop):
    night = simulate_nights(shop / "shop.yaml", "market", shop / "state", "")
    told = give(shop)
    by_name = {one["name"]: one["rows"] for one in told.tables}
    assert by_name["places"] == {"noised": 7 * 6} and by_name["returns"] == {"noised": 3}
    assert set(by_name["plain"]) <= {"published", "suppressed"}
    manifest = json.loads((told.path / "manifest.json").read_text())
    assert manifest["label"] == "statistics, some with differential privacy, some protected by suppression"
    labels = {one["name"]: one["protection"]["label"] for one in manifest["statistics"]}
    assert labels["places"] != labels["plain"]
    assert verify_release(told.path) == []
    (one,) = releases_of(shop / "state", "market")
    assert one["mechanism"] == "noise and disclosure rules"
    assert one["epsilon"] == pytest.approx(night["epsilon_a_night"])
    assert not give(shop).new
    places = pq.read_table(told.path / "statistics/places.parquet").to_pylist()
    figures = {(row["city"], row["os"]): row for row in places}
    assert abs(figures["*", "*"]["people"] - 120) < 60
    assert figures["South", "*"]["rows"] == sum(figures[c, "*"]["rows"] for c in ("Hobart", "Adelaide"))


def test_a_table_without_noise_that_is_refused_costs_nothing(shop):
    (shop / "shop.yaml").write_text(SHOP.replace("{min_people: 5}", "{min_people: 5, over_time: stop}"))
    give(shop)
    lines = (shop / "orders.csv").read_text().splitlines(keepends=True)
    (shop / "orders.csv").write_text("".join(lines[:-1]))
    (shop / "shop.yaml").write_text((shop / "shop.yaml").read_text().replace("epsilon: 4,", "epsilon: 40,"))
    from pipeline.errors import RiskLimitPassed

    with pytest.raises(RiskLimitPassed):
        give(shop)
    assert len(releases_of(shop / "state", "market")) == 1


def test_periods_must_follow_each_other(shop):
    (shop / "shop.yaml").write_text(SHOP.replace("[2026-11-01, 2026-11-02]", "[2026-11-01, 2026-11-03]"))
    with pytest.raises(JobWrong, match="one after the other"):
        give(shop)
