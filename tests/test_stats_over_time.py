"""`pouch stats` remembers what it gave to whom: reruns, coarser tables and held rows, as a stranger would try them."""

import csv
import json

import pytest

from pipeline.errors import JobWrong, RiskLimitPassed
from pipeline.release.verify import verify_release
from pipeline.standalone import StatsOrder, run_statistics
from tests.dp_cases import write_orders

FINE = """statistics:
  sales:
    table: orders
    subject: account_id
    dimensions: [{column: city, values: [Perth, Sydney, Hobart]}, {column: category, values: [books, toys]}]
    measures: [people, rows, {sum: amount}]
    protect: {min_people: 5}
"""
COARSE = FINE.replace(", {column: category, values: [books, toys]}", "")


@pytest.fixture
def shop(tmp_path):
    write_orders(tmp_path / "orders.csv", people=120)
    (tmp_path / "fine.yaml").write_text(FINE)
    (tmp_path / "coarse.yaml").write_text(COARSE)
    return tmp_path


def run(shop, spec="fine", recipient="market", **fields):
    inputs = {"orders": shop / "orders.csv"}
    order = StatsOrder(shop / f"{spec}.yaml", inputs, recipient, shop / "out", shop / "state", **fields)
    return run_statistics(order)


def rows(shop, spec="fine", recipient="market"):
    with (shop / "out" / recipient / spec / "statistics" / "sales.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    dimensions = [name for name in ("city", "category") if name in found[0]]
    return {tuple(row[name] for name in dimensions): row for row in found}


def drop(shop, place):
    """Take the first order of a cell out of the file."""
    lines = (shop / "orders.csv").read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if f",{place[0]},{place[1]}," in line)
    (shop / "orders.csv").write_text("".join(lines[:at] + lines[at + 1 :]))


def test_a_rerun_without_one_order_does_not_tell_whose_it_was(shop):
    run(shop)
    before = rows(shop)
    drop(shop, ("Perth", "books"))
    told = run(shop)
    after = rows(shop)
    assert (
        after["Perth", "books"]["status"] == "suppressed"
        and before["Perth", "books"]["status"] == "published"
    )
    others = [place for place in before if place != ("Perth", "books")]
    assert all(before[place] == after[place] for place in others)
    assert told.notes and "guard over time: 1 row of sales suppressed" in told.notes[0]


def test_another_recipient_is_no_way_around(shop):
    run(shop)
    drop(shop, ("Sydney", "toys"))
    run(shop, recipient="press")
    assert rows(shop, recipient="press")["Sydney", "toys"]["status"] == "suppressed"


def test_a_coarser_table_of_equal_data_is_free_where_nothing_was_suppressed(shop):
    run(shop)
    assert {row["status"] for row in rows(shop).values() if "other" not in row.values()} >= {"published"}
    run(shop, "coarse")
    published = [place for place, row in rows(shop, "coarse").items() if row["status"] == "published"]
    assert {("Perth",), ("Sydney",), ("Hobart",)} <= set(published)


def test_the_evidence_says_what_was_compared(shop):
    run(shop)
    drop(shop, ("Perth", "toys"))
    run(shop)
    kept = [json.loads(path.read_text()) for path in (shop / "state").rglob("statistics-*-over-time.json")]
    (second,) = [one for one in kept if one["compared_with"] == 1]
    assert second["recoverable"] == 0 and second["differences_of_few_people"] >= 1


def test_the_policy_may_stop(shop):
    (shop / "fine.yaml").write_text(FINE.replace("min_people: 5", "min_people: 5, over_time: stop"))
    run(shop)
    before = rows(shop)
    drop(shop, ("Perth", "books"))
    with pytest.raises(RiskLimitPassed):
        run(shop)
    assert rows(shop) == before


def test_the_policy_may_publish_a_coarser_table_instead(shop):
    (shop / "fine.yaml").write_text(FINE.replace("min_people: 5", "min_people: 5, over_time: coarsen"))
    run(shop)
    assert ("Perth", "books") in rows(shop)
    drop(shop, ("Perth", "books"))
    told = run(shop)
    after = rows(shop)
    assert set(after) >= {("Perth",), ("Sydney",)}  # the category is gone
    assert after[("Sydney",)]["status"] == "published"
    assert after[("Perth",)]["status"] == "suppressed" and told.notes  # one order less shows here, too
    assert verify_release(shop / "out" / "market" / "fine") == []


def test_held_rows_count_as_known(shop):
    """Who holds the rows of nearly everybody in a cell would learn the others' figure from the table."""
    lines = (shop / "orders.csv").read_text().splitlines(keepends=True)
    perth = {line.split(",")[0] for line in lines if ",Perth,books," in line}
    few = set(sorted(perth)[:3])
    held = [lines[0], *(line for line in lines[1:] if line.split(",")[0] not in few)]
    (shop / "held.csv").write_text("".join(held))
    run(shop, known={"orders": shop / "held.csv"})
    found = rows(shop)
    assert found["Perth", "books"]["status"] == "suppressed"
    (shop / "held.csv").write_text("".join(lines))  # everybody's: nothing new is told
    run(shop, recipient="press", known={"orders": shop / "held.csv"})


def test_held_rows_must_name_a_table(shop):
    with pytest.raises(JobWrong, match="no statistic reads this table"):
        run(shop, known={"devices": shop / "orders.csv"})
