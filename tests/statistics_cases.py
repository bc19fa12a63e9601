"""Small runs of the statistics stage, and a brute-force recount to hold them against."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan, TablePlan
from pipeline.statistics import Cells, PartialRef, aggregate_slice, combine_release, protect_release
from pipeline.statistics.dimensions import label

CLASSES = {
    "account_id": "account_id",
    "city": "city",
    "category": "category",
    "order_time": "order_time",
    "birth": "birth_date",
    "amount": "amount",
    "quantity": "quantity",
    "age": "age",
    "note": "free_text",
    "mobile": "mobile_phone",
    "cvv": "card_cvv",
    "undecided": "unknown",
    "position": "gps",
}
TYPES = {
    "city": pa.string(),
    "category": pa.string(),
    "order_time": pa.timestamp("us"),
    "amount": pa.decimal128(18, 2),
    "quantity": pa.int64(),
}
SOURCE = TableSource(path="orders.csv", subject="account_id")
TABLE = TablePlan("orders", SOURCE, CLASSES, {}, frozenset(CLASSES))


@dataclass(frozen=True)
class Row:
    """One order; `person` None = no subject."""

    person: str | None
    city: str | None = "Perth"
    category: str | None = "books"
    order_time: datetime | None = datetime(2026, 11, 1, 10)
    amount: Decimal | None = Decimal("1.00")
    quantity: int | None = 1


def spec(**fields: Any) -> StatisticSpec:
    return StatisticSpec.model_validate({"table": "orders", "protect": {"min_people": 3}, **fields})


def plan(statistic: StatisticSpec) -> Plan:
    release = ReleasePlan(
        4, "market", "statistics", "contract", "static", "", (), (StatisticPlan("s", statistic),)
    )
    return Plan("nightly", "2026-11-01", {"orders": TABLE}, (release,), "digest")


def view(rows: Sequence[Row], index: int = 0, released: Sequence[int] | None = None) -> SliceView:
    columns: dict[str, pa.Array] = {}
    for name, kind in TYPES.items():
        array = pa.array([getattr(row, name) for row in rows], kind)
        columns[name] = array.dictionary_encode() if pa.types.is_string(kind) else array
    chosen = pa.array(range(len(rows)) if released is None else released, pa.int64())
    people = pa.array([row.person for row in rows], pa.string())
    return SliceView("orders", index, columns, people, {4: chosen}, {}, b"0123456789abcdef")


def refs_of(
    slices: Sequence[Sequence[Row]], statistic: StatisticSpec, staging: Path
) -> tuple[PartialRef, ...]:
    return tuple(
        ref
        for index, rows in enumerate(slices)
        for ref in aggregate_slice(view(rows, index), plan(statistic), staging)
    )


def cells_of(slices: Sequence[Sequence[Row]], statistic: StatisticSpec, staging: Path) -> Cells:
    refs = refs_of(slices, statistic, staging)
    return combine_release(refs, plan(statistic).releases[0], {"orders": TABLE}, staging)["s"]


def published(slices: Sequence[Sequence[Row]], statistic: StatisticSpec, staging: Path) -> pa.Table:
    cells = {"s": cells_of(slices, statistic, staging)}
    return protect_release(cells, plan(statistic).releases[0], {"orders": TABLE}).tables["s"]


def recount(rows: Sequence[Row], statistic: StatisticSpec) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Count by hand, row by row: cells as folded, before suppression."""
    known = [row for row in rows if row.person is not None]
    labels = []
    for dimension in statistic.dimensions:
        column = pa.array([getattr(row, dimension.column) for row in known], TYPES[dimension.column])
        labels.append(label(dimension, column).cast(pa.string()).to_pylist())
        if dimension.values is None and dimension.bands is None:
            having = defaultdict(set)
            for row, text in zip(known, labels[-1], strict=True):
                having[text].add(row.person)
            few = {text for text in having if len(having[text]) < statistic.protect.min_people}
            labels[-1] = ["other" if text in few and text != "(none)" else text for text in labels[-1]]
    cells: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for number, row in enumerate(known):
        cells[tuple(column[number] for column in labels)].append(row)
    return {
        cell: {
            "people": len({row.person for row in members}),
            "rows": len(members),
            "amounts": [row.amount for row in members if row.amount is not None],
            "paying": len({row.person for row in members if row.amount is not None}),
        }
        for cell, members in cells.items()
    }
