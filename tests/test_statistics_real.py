"""Statistics of Northwind's orders: exact, protected together, and nothing to compute back from what is published."""

import tempfile
from collections import defaultdict
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.statistics import aggregate_slice, combine_release, protect_release
from pipeline.statistics.attack import System, attack
from tests.northwind_cases import COLUMNS, TABLE, order_lines, plan_of, view_of

pytestmark = pytest.mark.skipif(not COLUMNS.is_dir(), reason="needs ../shared/data/detection/columns")


@pytest.fixture(scope="module")
def published() -> dict[str, pa.Table]:
    plan, release = plan_of()
    with tempfile.TemporaryDirectory() as directory:
        refs = aggregate_slice(view_of(order_lines()), plan, Path(directory))
        cells = combine_release(refs, release, {"orders": TABLE}, Path(directory))
    protected = protect_release(cells, release, {"orders": TABLE})
    assert all(one["too_narrow"] == 0 for one in protected.evidence.values())
    return dict(protected.tables)


def test_what_is_published_is_exact(published: dict[str, pa.Table]) -> None:
    lines = order_lines()
    named = set(published["countries"]["ship_country"].to_pylist())
    found: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for line in lines:
        country = line["ship_country"] if line["ship_country"] in named else "other"
        for key in product((country, "*"), (line["category"], "*")):
            found[key].append(line)
    rows = published["countries"].to_pylist()
    shown = [row for row in rows if row["status"] == "published"]
    assert len(shown) > 20
    for row in shown:
        own = found[row["ship_country"], row["category"]]
        amounts = [Decimal(line["amount"]) for line in own]
        assert row["people"] == len({line["customer_id"] for line in own}) >= 5
        assert row["rows"] == len(own)
        assert abs(row["mean_amount"] - sum(amounts) / len(own)) <= Decimal("0.00005")


@pytest.mark.parametrize("name", ["trade", "goods", "countries"])
def test_nothing_is_found_by_who_reads_the_published_file(published: dict[str, pa.Table], name: str) -> None:
    """The relations are written from the published rows alone: every `*` is the sum over its dimension."""
    rows = published[name].to_pylist()
    dimensions = published[name].column_names[:2]
    place = {tuple(row[d] for d in dimensions): i for i, row in enumerate(rows)}
    for measure in ("rows", "sum_amount"):
        if measure not in rows[0]:
            continue
        known = np.array([np.nan if row[measure] is None else float(row[measure]) for row in rows])
        found = attack(additive(rows, dimensions, place), known)
        assert len(found.targets) == sum(row["status"] == "suppressed" for row in rows)
        assert found.recoverable == 0


def additive(rows: list[dict[str, Any]], dimensions: list[str], place: dict[tuple[str, ...], int]) -> System:
    labels = [list(dict.fromkeys(row[d] for row in rows)) for d in dimensions]
    entries: list[tuple[list[int], list[float]]] = []
    for axis, own in enumerate(labels):
        for other in labels[1 - axis]:
            keys = [(x, other) if axis == 0 else (other, x) for x in own]
            entries.append(([place[key] for key in keys], [-1.0 if x == "*" else 1.0 for x in own]))
    lengths = [len(columns) for columns, _ in entries]
    return System(
        np.zeros(len(rows)),
        np.full(len(rows), np.inf),
        np.zeros(len(rows), dtype=bool),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([np.array(c, dtype=np.int64) for c, _ in entries]),
        np.concatenate([np.array(f) for _, f in entries]),
        np.zeros(len(entries)),
        np.zeros(len(entries)),
    )


def test_cohorts_count_people_once(published: dict[str, pa.Table]) -> None:
    rows = published["returns"].to_pylist()
    customers = len({line["customer_id"] for line in order_lines()})
    (everybody,) = (row for row in rows if (row["cohort"], row["after"]) == ("*", "0"))
    assert everybody["people"] == customers
    assert any(row["status"] == "suppressed" for row in rows)
