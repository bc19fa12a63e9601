"""What the guard over time costs: seconds and memory of each night, with the nights before it in the state.

    python -m benchmarks.guard [--nights 30] [--orders 32768] [--large 1048576] [--large-nights 4] [--only nights,large]

Every night has three tables of its orders (city x category x day, payments, hours; with totals) for one recipient, as
`pouch stats` makes them: partial aggregates (not timed), cells, rules, suppression and audit, then the guard with all
that was given before. `nights` is many nights of few orders, `large` a few nights of a million: what grows with the
orders shows in the second, what grows with the nights in the first. Four orders in ten are by customers of the night
before. Prints a table and writes benchmarks/results/guard.json.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan, TablePlan
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_events import Charge, Release
from pipeline.state.budget_serving import serve
from pipeline.statistics import aggregate_slice
from pipeline.statistics.over_time_history import Guarding
from pipeline.statistics_tables import Making, exact_tables, statistic_files

RESULTS = Path(__file__).parent / "results" / "guard.json"
CLASSES = {
    "account_id": "account_id", "city": "city", "category": "category", "order_time": "order_time",
    "payment": "payment_method", "amount": "amount",
}  # fmt: skip
TABLE = TablePlan("orders", TableSource(path="x.csv", subject="account_id"), CLASSES, {}, frozenset(CLASSES))
PROTECT = {"min_people": 10, "dominance": {"n": 2, "percent": 85}, "p_percent": 10}
SPECS: dict[str, dict[str, Any]] = {
    "sales": {
        "dimensions": [{"column": "city"}, {"column": "category"}, {"column": "order_time", "unit": "day"}],
        "measures": ["people", "rows", {"sum": "amount"}],
    },
    "payments": {
        "dimensions": [{"column": "payment"}],
        "measures": ["people", "rows", {"sum": "amount"}, {"share": "rows"}],
    },
    "hours": {
        "dimensions": [{"column": "order_time", "unit": "hour_of_day"}],
        "measures": ["people", "rows"],
    },
}
SLICE = 65_536


@dataclass
class Stopwatch:
    """Calls functions, and remembers how long they took."""

    seconds: float = 0.0
    by_name: dict[str, float] = field(default_factory=dict)

    def __call__(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Call it here."""
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            took = time.perf_counter() - began
            self.seconds += took
            self.by_name[function.__name__] = self.by_name.get(function.__name__, 0.0) + took


def plan() -> Plan:
    statistics = tuple(
        StatisticPlan(
            name,
            StatisticSpec.model_validate({"table": "orders", "totals": True, "protect": PROTECT, **fields}),
        )
        for name, fields in SPECS.items()
    )
    release = ReleasePlan(0, "market", "statistics", "contract", "static", "", (), statistics)
    return Plan("bench", "2026-11-01", {"orders": TABLE}, (release,), "digest")


def orders(night: int, number: int) -> Iterator[SliceView]:
    """Seeded orders of one night: customers, half as many as orders, of whom some come back."""
    customers = max(number // 2, 1000)
    for index in range(-(-number // SLICE)):
        rows = min(SLICE, number - index * SLICE)
        chance = np.random.default_rng([night, index])
        who = (
            chance.integers(0, customers, rows)
            + np.where(chance.random(rows) < 0.4, night - 1, night) * customers
        )

        def text(prefix: str, kinds: int, rows: int = rows, chance: Any = chance) -> pa.Array:
            weights = 1.0 / np.arange(1, kinds + 1)
            codes = chance.choice(kinds, rows, p=weights / weights.sum()).astype(np.int32)
            return pa.DictionaryArray.from_arrays(
                pa.array(codes), pa.array([f"{prefix}{i}" for i in range(kinds)])
            )

        seconds = (
            chance.integers(0, 86_400, rows) * 1_000_000 + 1_793_491_200_000_000 + night * 86_400_000_000
        )
        halves = np.zeros((rows, 2), dtype="<i8")
        halves[:, 0] = chance.integers(100, 50_000, rows)
        columns = {
            "city": text("city", 30), "category": text("category", 8), "payment": text("pay", 6),
            "amount": pa.Array.from_buffers(pa.decimal128(18, 2), rows, [None, pa.py_buffer(halves)]),
            "order_time": pa.array(seconds.astype("datetime64[us]")),
        }  # fmt: skip
        people = pa.array(who).cast(pa.string())
        everything = {0: pa.array(np.arange(rows))}
        yield SliceView("orders", index, columns, people, everything, {}, b"0123456789abcdef")


def nights(count: int, number: int) -> dict[str, Any]:
    """Give so many nights of so many orders in one state; what the last one took, and the slowest."""
    made = plan()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        store = open_state(root / "state")
        took: list[tuple[float, float]] = []
        lost = 0
        with store.lock():
            ledger = open_budget(store)
            for night in range(1, count + 1):
                staging = root / f"staging-{night}"
                staging.mkdir()
                refs = [ref for view in orders(night, number) for ref in aggregate_slice(view, made, staging)]
                identity = Release("market", "orders", f"2026-11-{night:02d}", "5" * 64, f"{night:064x}")
                watch = Stopwatch()
                making = Making(
                    made.releases[0], made.tables, refs, staging, store, ledger, identity,
                    Guarding(ledger.secret), watch,
                )  # fmt: skip
                began = time.perf_counter()
                tables = exact_tables(making)
                took.append((time.perf_counter() - began - watch.seconds, watch.seconds))
                lost += sum(tables.over_time["rows_suppressed"].values())
                files = {**statistic_files(tables.published, staging), **tables.kept}
                charge = Charge(identity, "disclosure rules", Loss(), None)
                serve(store, ledger, root / "out", charge, lambda files=files: lambda number: files)  # type: ignore[misc]
        kept = sum(path.stat().st_size for path in (root / "state/statistics").rglob("*") if path.is_file())
    return {
        "orders a night": number,
        "nights": count,
        "guard, seconds of the last night": round(took[-1][0], 2),
        "guard, seconds of the slowest night": round(max(one for one, _ in took), 2),
        "cells, rules and audit, seconds of the last night": round(took[-1][1], 2),
        "rows that the guard held back": lost,
        "kept in the state, MB a night": round(kept / count / 1e6, 1),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--orders", type=int, default=32_768)
    parser.add_argument("--large", type=int, default=1_048_576)
    parser.add_argument("--large-nights", type=int, default=4)
    parser.add_argument("--only", default="nights,large")
    given = parser.parse_args()
    runs = {"nights": (given.nights, given.orders), "large": (given.large_nights, given.large)}
    results: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "numpy": np.__version__}}
    for name in given.only.split(","):
        results[name] = nights(*runs[name])
        print(f"\n{name}")
        for key, value in results[name].items():
            print(f"  {key:<52}{value}")
    RESULTS.write_text(json.dumps({**_before(), **results}, indent=2) + "\n")


def _before() -> dict[str, Any]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


if __name__ == "__main__":
    main()
