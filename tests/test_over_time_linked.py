"""The guard follows joined tables, cohorts and shares: what one person changes is not told by them either."""

import csv
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import JobWrong
from pipeline.standalone import StatsOrder, run_statistics
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from pipeline.state.budget_events import Release
from pipeline.statistics.over_time_history import history_of
from tests.over_time_cases import attack_all

JOINED = """statistics:
  systems:
    table: orders
    subject: account_id
    join: [{table: devices, columns: [os]}]
    dimensions: [{column: os}, {column: city, values: [Perth, Sydney]}]
    totals: true
    measures: [people, rows, {sum: amount}]
    protect: {min_people: 5, group_disclosure: false}
"""
RETURNS = """statistics:
  returns:
    table: orders
    subject: account_id
    cohort: {column: day, unit: day, periods: 3}
    totals: [cohort]
    measures: [people, {share: people}]
    protect: {min_people: 5, group_disclosure: false}
"""
WEEKLY = """statistics:
  days:
    table: orders
    subject: account_id
    dimensions: [{column: day, unit: day}]
    measures: [people]
    protect: {min_people: 5}
"""
SHARES = """statistics:
  cities:
    table: orders
    subject: account_id
    dimensions: [{column: city, values: [Perth, Sydney, Hobart]}]
    totals: true
    measures: [rows, {share: rows}]
    protect: {min_people: 5}
"""
DAYS = ("2026-11-02", "2026-11-03", "2026-11-04")
Order = dict[str, str]


def orders(people: int = 90, seed: int = 3) -> list[Order]:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    return [
        {"account_id": f"a{n}", "city": ("Perth", "Sydney", "Hobart")[n % 3], "day": day,
         "amount": str(chance.randrange(1, 90))}
        for n in range(people)
        for day in sorted(chance.sample(DAYS, chance.randrange(1, 4)))
    ]  # fmt: skip


class Shop:
    """A folder with orders and devices, and one state."""

    def __init__(self, folder: Path, rows: list[Order], state: str = "state") -> None:
        self.folder, self.rows, self.state = folder, rows, folder / state
        systems = [{"account_id": f"a{n}", "os": ("iOS", "Android")[n % 2]} for n in range(200)]
        self.write("devices.csv", systems)

    def write(self, name: str, rows: list[Order]) -> None:
        with (self.folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def give(self, text: str, name: str, recipient: str = "market") -> dict[tuple[str, ...], dict]:
        """Run one specification on today's rows; return its rows by labels."""
        self.write("orders.csv", self.rows)
        (self.folder / f"{name}.yaml").write_text(text)
        tables = {t: self.folder / f"{t}.csv" for t in ("orders", "devices") if f"table: {t}" in text}
        out = self.folder / f"out-{self.state.name}"
        told = run_statistics(StatsOrder(self.folder / f"{name}.yaml", tables, recipient, out, self.state))
        (path,) = told.path.glob("statistics/*.parquet")
        found = pq.read_table(path).to_pylist()
        figures = {"people", "rows", "sum_amount", "share_people", "share_rows", "status"}
        return {tuple(v for k, v in row.items() if k not in figures): row for row in found}

    def attacked(self):
        """What an attacker learns from all that was given."""
        nobody = Release("nobody", "", "", "", "")
        tables, relations = history_of(open_state(self.state), open_budget(open_state(self.state)), nobody)
        return attack_all(tables, relations)


def shown(rows: dict[tuple[str, ...], dict], figure: str) -> dict[tuple[str, ...], object]:
    return {labels: row[figure] for labels, row in rows.items() if row["status"] == "published"}


def telling(before: dict, after: dict, figure: str, least: int = 5) -> set[tuple[str, ...]]:
    """Rows whose figures both tables show and that differ: one person was taken out."""
    one, other = shown(before, figure), shown(after, figure)
    return {labels for labels in set(one) & set(other) if one[labels] != other[labels]}


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path, orders())


def without(shop: Shop, person: str) -> None:
    shop.rows = [row for row in shop.rows if row["account_id"] != person]


@pytest.mark.parametrize(("text", "figure"), [(JOINED, "rows"), (RETURNS, "people")])
def test_one_person_less_is_not_told_by_the_difference(shop, tmp_path, text, figure):
    before = shop.give(text, "first")
    fresh = Shop(tmp_path, shop.rows, "without-memory")
    without(fresh, "a0")
    weak = fresh.give(text, "second")
    assert len(telling(before, weak, figure)) >= 2  # a state that remembers nothing gives a0 away
    without(shop, "a0")
    after = shop.give(text, "second", "press")
    assert telling(before, after, figure) == set()
    assert shown(after, figure) and shop.attacked().exact == 0


def test_a_person_whose_device_changed_is_not_told_by_the_difference(shop):
    """The orders are the same: only the joined label moved."""
    before = shop.give(JOINED, "first")
    systems = [{"account_id": f"a{n}", "os": ("iOS", "Android")[n % 2 if n else 1]} for n in range(200)]
    shop.write("devices.csv", systems)
    after = shop.give(JOINED, "second")
    assert telling(before, after, "rows") == set() and telling(before, after, "sum_amount") == set()
    assert ("*", "*") in shown(after, "rows")  # nothing changed in it


def test_enough_people_less_may_be_told(shop):
    before = shop.give(RETURNS, "first")
    for n in range(0, 80, 2):
        without(shop, f"a{n}")
    after = shop.give(RETURNS, "second")
    assert ("*", "0") in telling(before, after, "people")


def few_come_back(tmp_path: Path) -> Shop:
    """Three of forty come back on the second day, where twenty are new: their row is suppressed."""
    rows = [{"account_id": f"a{n}", "city": "Perth", "day": DAYS[0], "amount": "1"} for n in range(40)]
    rows += [{**rows[n], "day": DAYS[1]} for n in range(3)]
    rows += [{"account_id": f"b{n}", "city": "Perth", "day": DAYS[1], "amount": "1"} for n in range(20)]
    return Shop(tmp_path, rows)


def test_the_people_of_a_day_less_the_new_ones_are_those_who_came_back(tmp_path):
    """A table of days gives a suppressed row of the cohorts away: 23 of the day, 20 of them new."""
    shop = few_come_back(tmp_path)
    returns, days = RETURNS.replace("    totals: [cohort]\n", ""), WEEKLY
    cohorts = shop.give(returns, "first")
    assert cohorts[DAYS[0], "1"]["status"] == "suppressed"
    daily = shop.give(days, "second", "press")
    new, everybody = shown(cohorts, "people").get((DAYS[1], "0")), shown(daily, "people").get((DAYS[1],))
    assert new is None or everybody is None
    assert shop.attacked().exact == 0


def test_the_same_in_the_other_order(tmp_path):
    shop = few_come_back(tmp_path)
    daily = shop.give(WEEKLY, "first")
    assert shown(daily, "people") == {(DAYS[0],): 40, (DAYS[1],): 23}
    cohorts = shop.give(RETURNS.replace("    totals: [cohort]\n", ""), "second")
    assert (DAYS[1], "0") not in shown(cohorts, "people") and shop.attacked().exact == 0


def test_in_one_release_cohorts_and_days_are_refused_by_name(shop):
    both = RETURNS + WEEKLY.removeprefix("statistics:\n")
    with pytest.raises(JobWrong, match="beside the cohorts of returns"):
        shop.give(both, "both")
    months = RETURNS.replace("returns:", "monthly:").replace("unit: day", "unit: month")
    with pytest.raises(JobWrong, match="beside the cohorts of returns"):
        shop.give(RETURNS + months.removeprefix("statistics:\n"), "both")


def test_shares_of_a_total_that_the_guard_holds_back_go_with_it(shop):
    """Rows by their share would be the total."""
    before = shop.give(SHARES, "first")
    without(shop, "a0")
    after = shop.give(SHARES, "second")
    assert ("*",) in shown(before, "rows") and ("*",) not in shown(after, "rows")
    assert shown(after, "rows") == {}
