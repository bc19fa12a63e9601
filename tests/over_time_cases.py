"""Releases of a shop over many nights, as tables that the guard and its attacker see."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipeline.statistics.over_time_attack import joint_system
from pipeline.statistics.over_time_population import population_of
from pipeline.statistics.over_time_relations import Relation, relations_of
from pipeline.statistics.over_time_tables import Coordinate, Released

LEAST = 5
TOTAL = "*"


@dataclass(frozen=True)
class Sale:
    person: str
    city: str = "Perth"
    category: str = "books"
    day: str = "2026-11-01"
    amount: int = 100


def _halves(person: str) -> tuple[int, int]:
    digest = hashlib.sha256(person.encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


def table(
    sales: Sequence[Sale],
    dimensions: Sequence[str] = ("city", "category"),
    *,
    release: str,
    window: str = "",
    totals: bool = False,
    units: dict[str, str] | None = None,
    labels: dict[str, Sequence[str]] | None = None,
    recipient: str = "market",
) -> Released:
    """A table protected by its threshold alone (a total as well): the weak setting that the guard must save."""
    rounded = {"week": lambda day: f"2026-W{_week(day)}", "day": lambda day: day, None: lambda text: text}
    units = units or {}
    of = {d: (lambda s, d=d: rounded[units.get(d)](getattr(s, d))) for d in dimensions}
    known = {d: tuple((labels or {}).get(d) or sorted({of[d](s) for s in sales})) for d in dimensions}
    columns: dict[str, list[object]] = {f"d{i}": [of[d](s) for s in sales] for i, d in enumerate(dimensions)}
    partials = pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "s0": pa.array([_halves(s.person)[0] for s in sales], pa.uint64()),
            "s1": pa.array([_halves(s.person)[1] for s in sales], pa.uint64()),
            "rows": pa.array([1] * len(sales), pa.int64()),
            "sum0": pa.array([Decimal(s.amount) for s in sales], pa.decimal128(38, 0)),
        }
    )
    grid = tuple(known[d] for d in dimensions)
    population, truth = population_of(partials, ["amount"], grid)
    coordinates = tuple(
        Coordinate(d, f"unit {units[d]}" if d in units else "values", known[d]) for d in dimensions
    )
    names = _names([(*labels_of, TOTAL) if totals else labels_of for labels_of in grid])
    draft = Released(
        release, recipient, "sales", "orders", window, LEAST, coordinates, names, np.ones(len(names), dtype=bool),
        np.zeros(len(names), dtype=bool), frozenset({"people", "rows", "sum:amount"}), population, truth,
    )  # fmt: skip
    return draft.hiding(draft.values("people") < LEAST, by_guard=False)


def _week(day: str) -> int:
    import datetime

    return datetime.date.fromisoformat(day).isocalendar().week


def _names(parts: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    import itertools

    return tuple(itertools.product(*parts))


def shop(people: int, orders: int, seed: int, day: str = "2026-11-01") -> list[Sale]:
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    return [
        Sale(
            f"p{chance.randrange(people)}",
            chance.choices(["Perth", "Sydney", "Hobart"], [5, 4, 1])[0],
            chance.choices(["books", "toys", "garden"], [5, 4, 1])[0],
            day,
            chance.randrange(1, 500),
        )
        for _ in range(orders)
    ]


@dataclass(frozen=True)
class Won:
    """What the attacker learned about fewer than `LEAST` people from all tables together."""

    exact: int  # figures known exactly
    targets: int


def attack_all(tables: Sequence[Released], relations: Sequence[Relation]) -> Won:
    """Solve all tables jointly: suppressed cells of 1 to 4 people, and differences that so few make."""
    by_key = {one.key: one for one in tables}
    exact = targets = 0
    for quantity in ("people", "rows", "sum:amount"):
        for found in joint_system(quantity, by_key, relations).findings(
            lambda target, of: 1e-5 * max(1.0, abs(target.true))
        ):
            targets += 1
            exact += found.width < 1e-6 * max(1.0, abs(found.upper))
    return Won(exact, targets)


def all_relations(tables: Sequence[Released]) -> list[Relation]:
    """Those of each table with all before it."""
    return [r for i, one in enumerate(tables) for r in relations_of(one, tables[:i])]
