"""Disclosure control: what naive suppression gives away, what ours costs, and how long it takes.

    python -m benchmarks.disclosure [--quick] [--only audits,optimum,sizes,aggregation]

Tables are made from seeded microdata. Every audit here is the whole attacker (`attack`: two linear programs a
held-back cell, on each published quantity), not the abridged one that the pipeline uses while it searches.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import Dominance, Protection, StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan, TablePlan
from pipeline.statistics import PartialRef, aggregate_slice, combine_release
from pipeline.statistics.attack import attack
from pipeline.statistics.blocks import Task
from pipeline.statistics.exact import fits, solve_exactly
from pipeline.statistics.relations import Linked, system_of
from pipeline.statistics.suppressing import suppress
from tests.linked_cases import axis, cells_by_hand, linked_of, random_records, task_for

RESULTS = Path(__file__).parent / "results" / "disclosure.json"
FIVE = Protection(min_people=5, dominance=Dominance(n=2, percent=85), p_percent=10)
QUANTITIES = ("people", "rows", "sum:amount")


def table_of(seed: int) -> tuple[Linked, Task]:
    """One random table of 2 or 3 dimensions with totals: 20 to 120 cells, skewed, some people in many cells."""
    shapes = ((4, 5), (6, 6), (8, 5), (3, 3, 3), (4, 3, 2), (4, 4, 3))
    shape = shapes[seed % len(shapes)]
    axes = [axis("abc"[i], n) for i, n in enumerate(shape)]
    records = random_records(seed, axes, 40 * int(np.prod(shape)) // 5, 10 * int(np.prod(shape)), 0.9)
    linked = linked_of(cells_by_hand(axes, records))
    return linked, task_for(linked, FIVE)


def recoverable(linked: Linked, suppressed: np.ndarray) -> int:
    """How many held-back cells the attacker knows exactly in at least one quantity."""
    found: set[int] = set()
    for quantity in QUANTITIES:
        values = linked.quantities[quantity].copy()
        values[suppressed] = np.nan
        intervals = attack(system_of(linked, quantity), values)
        width = intervals.upper - intervals.lower
        found |= set(intervals.targets[width <= 1e-6 * np.maximum(1.0, np.abs(intervals.lower))].tolist())
    return len(found)


def audits(number: int) -> dict[str, Any]:
    """Recoverable cells of naive suppression and of ours over random tables."""
    naive = ours = held = sensitive = 0
    seconds = 0.0
    for seed in range(number):
        linked, task = table_of(seed)
        naive += recoverable(linked, task.sensitive)
        began = time.perf_counter()
        pattern = suppress(task)
        seconds += time.perf_counter() - began
        ours += recoverable(linked, pattern.suppressed)
        sensitive += int(task.sensitive.sum())
        held += int(pattern.suppressed.sum())
    return {
        "tables": number,
        "sensitive cells": sensitive,
        "held back": held,
        "recoverable, naive": naive,
        "recoverable, ours": ours,
        "seconds a table": round(seconds / number, 2),
    }


def optimum(number: int) -> dict[str, Any]:
    """What the pipeline and the search without the exact program hold back, beside the proved optimum.

    A table that the exact program cannot solve within its limits is counted as asked only.
    """
    best = ours = searched = solved = asked = 0
    worst = 1.0
    for seed in range(number):
        _, task = table_of(1000 + seed)
        found = suppress(task, exact=False)
        if not fits(task, found.suppressed):
            continue
        asked += 1
        exact = solve_exactly(task, found.suppressed)
        if exact is None:
            continue
        solved += 1
        best += int(exact.sum())
        searched += int(found.suppressed.sum())
        mine = int(suppress(task).suppressed.sum())
        ours += mine
        worst = max(worst, mine / int(exact.sum()))
    return {
        "tables asked": asked,
        "solved to the optimum": solved,
        "cells at the optimum": best,
        "pipeline / optimum": round(ours / max(best, 1), 3),
        "worst table": round(worst, 3),
        "search alone / optimum": round(searched / max(best, 1), 3),
    }


def sizes() -> Iterator[dict[str, Any]]:
    """Large tables: protected and audited, coalitions included."""
    for name, axes, people in (
        ("50 x 50 with margins", [axis("a", 50), axis("b", 50)], 25_000),
        ("3-d, trees, 10,648 cells", [axis(c, 17, [i // 5 for i in range(17)]) for c in "abc"], 60_000),
    ):
        linked = linked_of(cells_by_hand(axes, random_records(1, axes, people, people, 0.5)))
        task = task_for(linked, Protection(min_people=5, p_percent=10))
        began = time.perf_counter()
        pattern = suppress(task)
        yield {
            "table": name,
            "cells": linked.size,
            "sensitive": int(task.sensitive.sum()),
            "coalitions": len(task.coalitions),
            "held back": int(pattern.suppressed.sum()),
            "programs": pattern.programs,
            "seconds": round(time.perf_counter() - began, 1),
        }


# ------------------------------------------------------------------ aggregation

CLASSES = {
    "account_id": "account_id", "city": "city", "category": "category", "order_time": "order_time",
    "payment": "payment_method", "product": "product", "amount": "amount", "quantity": "quantity",
}  # fmt: skip
TABLE = TablePlan("orders", TableSource(path="x.csv", subject="account_id"), CLASSES, {}, frozenset(CLASSES))
DIMENSIONS: Sequence[Sequence[dict[str, Any]]] = (
    ({"column": "city"}, {"column": "category"}, {"column": "order_time", "unit": "day"}),
    ({"column": "city"}, {"column": "payment"}),
    ({"column": "category"}, {"column": "payment"}),
    ({"column": "order_time", "unit": "hour_of_day"},),
    ({"column": "payment"},),
    ({"column": "product"}, {"column": "payment"}),
    ({"column": "city"}, {"column": "order_time", "unit": "hour_of_day"}),
    ({"column": "product"},),
    ({"column": "category"}, {"column": "order_time", "unit": "day"}),
    ({"column": "city"},),
)


def ten_statistics() -> tuple[Plan, ReleasePlan]:
    """Ten tables of orders with totals, people, rows and sums; dominance rules on."""
    statistics = tuple(
        StatisticPlan(
            f"s{number}",
            StatisticSpec.model_validate(
                {
                    "table": "orders",
                    "dimensions": list(dimensions),
                    "totals": True,
                    "measures": ["people", "rows", {"sum": "amount"}],
                    "protect": {"min_people": 10, "dominance": {"n": 2, "percent": 85}, "p_percent": 10},
                }
            ),
        )
        for number, dimensions in enumerate(DIMENSIONS)
    )
    release = ReleasePlan(0, "market", "statistics", "contract", "static", "", (), statistics)
    return Plan("bench", "2026-11-01", {"orders": TABLE}, (release,), "digest"), release


def slice_view(index: int, rows: int = 65_536) -> SliceView:
    """One slice of seeded orders: 300,000 accounts, 40 cities, 12 categories, 7 days, 200 products."""
    rng = np.random.default_rng(index)

    def text(prefix: str, kinds: int) -> pa.Array:
        codes = pa.array(rng.integers(0, kinds, rows).astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array([f"{prefix}{i}" for i in range(kinds)]))

    seconds = rng.integers(0, 7 * 86_400, rows) * 1_000_000 + 1_793_491_200_000_000
    halves = np.zeros((rows, 2), dtype="<i8")  # of the 128 bits of each decimal; the upper one is 0
    halves[:, 0] = rng.integers(100, 50_000, rows)
    amount = pa.Array.from_buffers(pa.decimal128(18, 2), rows, [None, pa.py_buffer(halves)])
    columns = {
        "city": text("city", 40), "category": text("category", 12), "payment": text("pay", 7),
        "product": text("product", 200), "amount": amount, "quantity": pa.array(rng.integers(1, 5, rows)),
        "order_time": pa.array(seconds.astype("datetime64[us]")),
    }  # fmt: skip
    people = pa.array(rng.integers(0, 300_000, rows)).cast(pa.string())
    return SliceView(
        "orders", index, columns, people, {0: pa.array(np.arange(rows))}, {}, b"0123456789abcdef"
    )


def _tap(work: tuple[int, str]) -> tuple[tuple[PartialRef, ...], float]:
    view = slice_view(work[0])
    plan, _ = ten_statistics()
    began = time.perf_counter()
    return aggregate_slice(view, plan, Path(work[1])), time.perf_counter() - began


def aggregation(slices: int) -> dict[str, Any]:
    """Partial aggregates on two processes, then the combination on one; making the input is not counted."""
    _, release = ten_statistics()
    with tempfile.TemporaryDirectory() as directory:
        with ProcessPoolExecutor(2, get_context("fork")) as pool:
            done = list(pool.map(_tap, [(index, directory) for index in range(slices)]))
        taps = sum(seconds for _, seconds in done)
        refs = [ref for some, _ in done for ref in some]
        began = time.perf_counter()
        cells = combine_release(refs, release, {"orders": TABLE}, Path(directory))
        combining = time.perf_counter() - began
    return {
        "orders": slices * 65_536,
        "tables": len(cells),
        "cells": sum(one.size for one in cells.values()),
        "taps, core seconds": round(taps, 2),
        "combining, seconds": round(combining, 2),
        "seconds on 2 cores": round(taps / 2 + combining, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer tables")
    parser.add_argument("--only", default="audits,optimum,sizes,aggregation")
    asked = parser.parse_args()
    number = 20 if asked.quick else 200
    runs: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "audits": lambda: [audits(number)],
        "optimum": lambda: [optimum(number // 5)],
        "sizes": lambda: list(sizes()),
        "aggregation": lambda: [aggregation(4 if asked.quick else 16)],
    }
    results: dict[str, Any] = {}
    for name in asked.only.split(","):
        results[name] = runs[name]()
        print(f"\n{name}")
        for line in results[name]:
            for key, value in line.items():
                print(f"  {key:<26}{value}")
    results["machine"] = {"cores": os.cpu_count(), "numpy": np.__version__, "pyarrow": pa.__version__}
    if not asked.quick:
        results = {**(json.loads(RESULTS.read_text()) if RESULTS.exists() else {}), **results}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
