"""Small tables with noise, run through every stage but the ledger; and noise that tests can see through."""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.dp_bounding import Answers, answer
from pipeline.statistics.dp_checking import decimals_of, design_of, public_axes
from pipeline.statistics.dp_noise import Noise, OpenDP
from pipeline.statistics.dp_partial import contributions_of, joined
from pipeline.statistics.dp_table import draw, table_of
from tests.statistics_cases import CLASSES, Row, view
from tests.statistics_cases import spec as plain_spec

KEY = b"0123456789abcdef"
CITIES = {"column": "city", "values": ["Perth", "Sydney"]}
CATEGORIES = {"column": "category", "values": ["books", "toys"]}
NOISE: Mapping[str, Any] = {
    "epsilon": 1,
    "delta": 1e-6,
    "max_groups": 3,
    "max_rows": 2,
    "bounds": {"amount": [0, 100]},
}


class Frozen:
    """The same noise at every call, whatever the data: a neighbor run then differs by the data alone."""

    def __init__(self, seed: int = 0, spread: int = 0) -> None:
        self._seed, self._spread = seed, spread

    def laplace(self, values: Sequence[int], scale: float) -> list[int]:
        chance = random.Random(self._seed)  # noqa: S311 - seeded on purpose
        return [value + chance.randint(-self._spread, self._spread) for value in values]

    def gaussian(self, values: Sequence[int], scale: float) -> list[int]:
        return self.laplace(values, scale)

    def above_threshold(self, counts: Mapping[str, int], scale: float, threshold: int) -> dict[str, int]:
        return {key: count for key, count in counts.items() if count >= threshold}


def noisy_spec(**fields: Any) -> StatisticSpec:
    dp = {**NOISE, **fields.pop("dp", {})}
    base = {"dimensions": [CITIES, CATEGORIES], "measures": ["people", "rows", {"sum": "amount"}], "dp": dp}
    return plain_spec(**{**base, **fields})


def answers_of(slices: Sequence[Sequence[Row]], spec: StatisticSpec, key: bytes = KEY) -> Answers:
    decimals = decimals_of(spec, CLASSES)
    parts = []
    for number, rows in enumerate(slices):
        seen = view(rows, number)
        known = seen.released[4].filter(pc.is_valid(seen.subject))
        parts.append(contributions_of(seen, spec, known, decimals, key))
    return answer(joined(parts, spec), spec, decimals, public_axes(spec, CLASSES), key)


def noised(rows: Sequence[Row], spec: StatisticSpec, noise: Noise | None = None) -> pa.Table:
    made = design_of(spec, CLASSES)
    axes, decimals = public_axes(spec, CLASSES), decimals_of(spec, CLASSES)
    noisy = draw(answers_of([rows], spec), made, noise or OpenDP())
    return table_of(noisy, spec, made, decimals, axes)


def crowd(people: int, orders: int, seed: int) -> list[Row]:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    return [
        Row(
            f"p{chance.randrange(people)}",
            city=chance.choice(["Perth", "Sydney", "Hobart", None]),
            category=chance.choice(["books", "toys", "garden"]),
            amount=chance.choice([None, Decimal(chance.randrange(-500, 20_000)) / 100]),
        )
        for _ in range(orders)
    ]


# ------------------------------------------------------------------ pouch stats

SALES = """statistics:
  sales:
    table: orders
    subject: account_id
    dimensions: [{column: city, values: [Perth, Sydney]}]
    measures: [people, rows, {sum: amount}]
    dp: {epsilon: 1, delta: 1e-6, max_groups: 2, max_rows: 3, bounds: {amount: [0, 100]}}
budget: {recipient: {epsilon: 2.5}}
"""


def write_orders(path: Path, people: int = 60, seed: int = 1) -> Path:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    lines = ["account_id,city,category,amount,order_time"]
    lines += [
        f"a{person},{chance.choice(['Perth', 'Sydney', 'Hobart'])},{chance.choice(['books', 'toys'])},"
        f"{chance.randrange(100, 9000) / 100},2026-11-01T10:00:00"
        for person in range(people)
        for _ in range(chance.randrange(1, 4))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
