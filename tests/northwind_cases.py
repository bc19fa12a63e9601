"""Northwind's order lines as one slice, and four statistics of the kind a market report asks for."""

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan, TablePlan

COLUMNS = Path(__file__).parents[2] / "shared/data/detection/columns"
CLASSES = {
    "customer_id": "account_id", "ship_country": "country", "order_date": "order_time", "category": "category",
    "shipper": "other", "amount": "amount",
}  # fmt: skip
TABLE = TablePlan("orders", TableSource(path="x.csv", subject="customer_id"), CLASSES, {}, frozenset(CLASSES))
PROTECT = {"min_people": 5, "dominance": {"n": 2, "percent": 85}, "p_percent": 10}
SPECS: dict[str, dict[str, Any]] = {
    "trade": {
        "dimensions": [{"column": "ship_country"}, {"column": "order_date", "unit": "year"}],
        "measures": ["people", "rows", {"sum": "amount"}],
    },
    "goods": {
        "dimensions": [{"column": "category"}, {"column": "shipper"}],
        "measures": ["people", "rows", {"sum": "amount"}, {"share": "amount"}],
    },
    "countries": {
        "dimensions": [{"column": "ship_country"}, {"column": "category"}],
        "measures": ["people", "rows", {"mean": "amount"}],
    },
    "returns": {
        "dimensions": [],
        "cohort": {"column": "order_date", "unit": "month", "periods": 12},
        "totals": ["cohort"],
        "measures": ["people", {"share": "people"}],
    },
}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (COLUMNS / f"northwind_{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def order_lines() -> list[dict[str, str]]:
    """One dictionary a line: customer, country, day, category, shipper and amount."""
    orders = {row["order_id"]: row for row in _rows("orders")}
    category = {row["product_id"]: f"category {row['category_id']}" for row in _rows("products")}
    return [
        {
            "customer_id": orders[line["order_id"]]["customer_id"],
            "ship_country": orders[line["order_id"]]["ship_country"],
            "order_date": orders[line["order_id"]]["order_date"],
            "category": category[line["product_id"]],
            "shipper": f"shipper {orders[line['order_id']]['ship_via']}",
            "amount": f"{float(line['unit_price']) * int(line['quantity']) * (1 - float(line['discount'])):.2f}",
        }
        for line in _rows("order_details")
    ]


def view_of(lines: list[dict[str, str]]) -> SliceView:
    """The lines as the engine would show them to the tap."""
    columns: dict[str, pa.Array] = {
        name: pa.array([line[name] for line in lines]).dictionary_encode()
        for name in ("ship_country", "category", "shipper")
    }
    days = [datetime.fromisoformat(line["order_date"]) for line in lines]
    columns["order_date"] = pa.array(days, pa.timestamp("us"))
    columns["amount"] = pa.array([Decimal(line["amount"]) for line in lines], pa.decimal128(18, 2))
    people = pa.array([line["customer_id"] for line in lines])
    return SliceView("orders", 0, columns, people, {0: pa.array(range(len(lines)))}, {}, b"0123456789abcdef")


def plan_of(names: tuple[str, ...] = tuple(SPECS)) -> tuple[Plan, ReleasePlan]:
    """All statistics as one release, so that they are linked."""
    statistics = tuple(
        StatisticPlan(
            name,
            StatisticSpec.model_validate(
                {"table": "orders", "totals": True, "protect": PROTECT, **SPECS[name]}
            ),
        )
        for name in names
    )
    release = ReleasePlan(0, "market", "statistics", "contract", "static", "", (), statistics)
    return Plan("northwind", "1998-05-06", {"orders": TABLE}, (release,), "digest"), release
