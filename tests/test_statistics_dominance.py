"""The attack by the second-largest customer: a row's sum less one's own is nearly the largest customer's amount."""

import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.statistics_cases import Row, published, spec

P = 10  # percent within which nobody may estimate another
WEAK = {"min_people": 3}
OURS = {"min_people": 3, "p_percent": P}
CITIES = ("Perth", "Sydney", "Hobart", "Darwin")


def sales(seed: int) -> list[Row]:
    """A few large customers and many small ones in every city."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    return [
        Row(f"{city}-{n}", city=city, amount=Decimal(round(chance.paretovariate(0.9) * 100)) / 100)
        for city in CITIES
        for n in range(12)
    ]


def estimates(rows: list[Row], protect: dict[str, object], staging: Path) -> list[float]:
    """For each published row: by how many percent the second-largest customer misses the largest one's amount."""
    table = published(
        [rows],
        spec(dimensions=[{"column": "city"}], totals=True, measures=[{"sum": "amount"}], protect=protect),
        staging,
    )
    found = []
    for one in table.to_pylist():
        if one["status"] != "published":
            continue
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            if one["city"] in (row.city, "*"):
                amounts[str(row.person)] += row.amount or Decimal(0)
        largest, second, *_ = sorted(amounts.values(), reverse=True)
        guess = one["sum_amount"] - second
        found.append(float((guess - largest) / largest * 100))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_second_largest_customer_never_comes_near_the_largest(seed: int, tmp_path: Path) -> None:
    assert all(missed > P for missed in estimates(sales(seed), OURS, tmp_path))


def test_without_the_rule_the_second_largest_customer_wins(tmp_path: Path) -> None:
    missed = [one for seed in range(12) for one in estimates(sales(seed), WEAK, tmp_path / str(seed))]
    assert sum(one <= P for one in missed) >= 3


def test_something_is_still_published(tmp_path: Path) -> None:
    assert sum(len(estimates(sales(seed), OURS, tmp_path / str(seed))) for seed in range(12)) > 12
