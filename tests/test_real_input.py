"""The whole job on third-party tables: an order log of Northwind, subscriber, cell and machine logs.

Nothing of the tables is copied into the project: they are linked into a working directory, where the order
log is joined from its parts, as a mall's warehouse would.
"""

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ahocorasick_rs
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests import fork_server
from tests.conftest import PROJECT, SHARED_DATA, needs_shared_data

pytestmark = needs_shared_data

COLUMNS = SHARED_DATA / "detection" / "columns"
JOB = PROJECT / "tests" / "real_input" / "job.yaml"
DATE = "2026-11-23"
ROW_RELEASES = {
    "research": ("orders", "customers"),
    "carrier": ("orders",),
    "network": ("subscriber", "operator", "cells"),
    "telemetry": ("android", "health", "agents"),
}


def source(name: str) -> pd.DataFrame:
    """Read a third-party table as text; empty cells stay empty texts."""
    return pd.read_csv(COLUMNS / f"{name}.csv", dtype=str, keep_default_na=False)


def order_log() -> pd.DataFrame:
    """Join orders with customers, details and products: one row per order line, amounts in cents."""
    lines = source("northwind_order_details").merge(
        source("northwind_products")[["product_id", "product_name"]], on="product_id"
    )
    price, share = lines["unit_price"].astype(float), 1 - lines["discount"].astype(float)
    lines["amount"] = (price * lines["quantity"].astype(int) * share).map("{:.2f}".format)
    people = source("northwind_customers")[["customer_id", "contact_name", "phone", "fax"]]
    orders = source("northwind_orders").drop(columns="ship_via")
    orders["freight"] = orders["freight"].astype(float).map("{:.2f}".format)
    joined = orders.merge(people, on="customer_id").merge(
        lines[["order_id", "product_name", "quantity", "amount"]], on="order_id"
    )
    return joined.sort_values(["order_id", "product_name"], ignore_index=True)


def consent_lines(customers: Iterable[str]) -> Iterator[str]:
    """Every fourth refuses analytics, every fifth withdraws from market statistics later."""
    yield "account_id,purpose,granted,as_of,minor"
    for number, customer in enumerate(customers):
        opinion = "false" if number % 4 == 0 else "true"
        yield f"{customer},product_analytics,{opinion},2026-01-01T00:00:00Z,false"
        yield f"{customer},market_statistics,true,2026-01-01T00:00:00Z,false"
        if number % 5 == 0:
            yield f"{customer},market_statistics,false,2026-06-01T00:00:00Z,false"


@dataclass(frozen=True)
class Night:
    """A working directory in which the job has run."""

    folder: Path
    said: dict[str, Any]  # what the run reported

    def pouch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line there."""
        return fork_server.pouch(arguments, self.folder, os.environ, timeout=300)

    def release(self, recipient: str) -> Path:
        """Published folder of a recipient."""
        return self.folder / "releases" / recipient / DATE

    def rows(self, recipient: str, table: str) -> list[dict[str, str | None]]:
        """All published rows of a table, every cell as text."""
        found: list[dict[str, str | None]] = []
        for part in sorted((self.release(recipient) / "data" / table).iterdir()):
            found += list(_read_rows(part))
        return found

    def files(self, out: Path | None = None) -> dict[str, bytes]:
        """Every file of every recipient's release, by recipient and path."""
        found = {}
        for recipient in (*ROW_RELEASES, "market"):
            folder = ((out or self.folder / "releases") / recipient / DATE).resolve(strict=True)
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    found[f"{recipient}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
        return found


def _read_rows(part: Path) -> Iterator[dict[str, str | None]]:
    match part.suffix:
        case ".parquet":
            for row in pq.read_table(part).to_pylist():
                yield {column: None if cell is None else str(cell) for column, cell in row.items()}
        case ".csv":
            with part.open(encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)
        case _:
            for line in part.read_text("utf-8").splitlines():
                yield {
                    column: None if cell is None else str(cell) for column, cell in json.loads(line).items()
                }


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    said: dict[str, Any] = {}
    made = Night(tmp_path_factory.mktemp("real_input"), said)
    (made.folder / "real").symlink_to(COLUMNS)
    (made.folder / "joined").mkdir()
    joined = order_log()
    assert len(joined) == len(source("northwind_order_details"))
    joined.to_csv(made.folder / "joined" / "orders.csv", index=False)
    lines = consent_lines(source("northwind_customers")["customer_id"])
    (made.folder / "consent.csv").write_text("\n".join(lines) + "\n", "utf-8")
    keys = made.pouch("keys", "init", str(JOB))
    assert keys.returncode == 0, keys.stderr
    run = made.pouch("run", str(JOB), "--date", DATE, "--format", "json")
    assert run.returncode == 0, run.stderr
    said.update(json.loads(run.stdout))
    return made


def test_every_release_is_published(night: Night) -> None:
    for recipient in (*ROW_RELEASES, "market"):
        assert (night.release(recipient) / "_SUCCESS").is_file(), recipient
        assert night.pouch("verify", str(night.release(recipient))).returncode == 0, recipient


def test_no_record_is_lost(night: Night) -> None:
    """Conservation: every record read is published, suppressed, quarantined or withheld."""
    sizes = {
        "orders": len(order_log()),
        "customers": len(source("northwind_customers")),
        "subscriber": len(source("dirbs_subscriber")),
        "operator": len(source("dirbs_operator")),
        "cells": len(source("opencellid")),
        "android": len(source("log_android")),
        "health": len(source("log_healthapp")),
        "agents": len(source("uap_dev")),
    }
    counts = {
        (release["recipient"], table["table"]): table
        for release in night.said["releases"]
        for table in release["tables"]
    }
    for recipient, tables in ROW_RELEASES.items():
        for table in tables:
            count = counts[recipient, table]
            assert count["rows_read"] == sizes[table], (recipient, table)
            assert count["rows_quarantined"] == 0, (recipient, table)
            ends = ("rows_published", "rows_suppressed", "rows_quarantined", "rows_withheld")
            assert count["rows_read"] == sum(count[end] for end in ends), (recipient, table)
            assert count["rows_published"] == len(night.rows(recipient, table)), (recipient, table)
            assert (count["rows_withheld"] > 0) == (recipient == "research"), (recipient, table)


def _texts(values: Iterable[str], shortest: int) -> set[str]:
    return {value for value in values if len(value) >= shortest}


def raw_identifiers(recipient: str) -> set[str]:
    """What must not occur anywhere in a recipient's files: raw values that its policy does not keep."""
    orders, customers = order_log(), source("northwind_customers")
    subscriber, operator = source("dirbs_subscriber"), source("dirbs_operator")
    names, phones = set(customers["contact_name"]), _texts([*customers["phone"], *customers["fax"]], 6)
    places = {*orders["ship_address"], *customers["address"]}
    banned = names | phones | places
    banned |= _texts(subscriber["imsi"], 9) | _texts(subscriber["uid"], 9)
    for column in ("imei", "imsi", "msisdn"):
        banned |= _texts(operator[column], 9)
    banned |= _texts(source("uap_dev")["ua"], 16)
    if recipient == "carrier":
        banned -= {value for column in ("contact_name", "phone", "ship_address") for value in orders[column]}
    return _texts(banned, 4)


@pytest.mark.parametrize("recipient", [*ROW_RELEASES, "market"])
def test_no_raw_identifier_is_in_any_published_byte(night: Night, recipient: str) -> None:
    banned = sorted(raw_identifiers(recipient))
    assert len(banned) > 500
    finder = ahocorasick_rs.AhoCorasick(banned)
    for path, stored in night.files().items():
        if path.startswith(f"{recipient}/") and not path.endswith(".parquet"):
            hits = finder.find_matches_as_indexes(stored.decode())
            assert not hits, f"{path}: {len(hits)} raw identifiers"
    for table in ROW_RELEASES.get(recipient, ()):
        # Decoded as well: what Parquet holds compressed or dictionary-encoded no search of bytes would find.
        for row in night.rows(recipient, table):
            for column, cell in row.items():
                assert not finder.find_matches_as_indexes(cell or ""), f"{recipient}.{table}.{column}"


def test_search_for_raw_identifiers_would_find_one(night: Night) -> None:
    """The carrier's contract publishes names and phones: the same search must find them there."""
    found = "\n".join(cell or "" for row in night.rows("carrier", "orders") for cell in row.values())
    banned = raw_identifiers("research")
    hits = ahocorasick_rs.AhoCorasick(sorted(banned)).find_matches_as_indexes(found)
    assert len(hits) > len(night.rows("carrier", "orders"))


def test_gate_blocks_shop_names_that_hold_the_customer_id(night: Night, tmp_path: Path) -> None:
    """Northwind's `QUICK` is the beginning of QUICK-Stop: with ship_name the contract would give ids away."""
    shutil.copytree(JOB.parent, tmp_path / "job")
    policy = tmp_path / "job" / "policies" / "carrier.yaml"
    looser = policy.read_text("utf-8").replace(
        "contact_name, ship_address", "contact_name, ship_name, ship_address"
    )
    policy.write_text(looser.replace("rules:\n", "rules:\n  company: {transform: keep}\n"), "utf-8")
    before = night.files()
    arguments = ("--date", DATE, "--recipient", "carrier", "--supersede", "--format", "json")
    run = night.pouch("run", str(tmp_path / "job" / "job.yaml"), *arguments)
    assert run.returncode == 7, run.stderr
    said = run.stdout + run.stderr
    assert "carrier.orders.ship_name" in said and "account_id" in said and "QUICK" not in said
    assert night.files() == before


def test_tokens_join_tables_of_one_recipient(night: Night) -> None:
    """Orders with customers by account and phone, subscriber with operator list by IMSI, as in the clear."""
    orders, customers = night.rows("research", "orders"), night.rows("research", "customers")
    assert {row["customer_id"] for row in orders} <= {row["customer_id"] for row in customers}
    phone_of = {row["customer_id"]: row["phone"] for row in customers}
    assert all(phone_of[row["customer_id"]] == row["phone"] for row in orders)
    tokens = {row["customer_id"] for row in customers} | {row["phone"] for row in customers}
    assert all(re.fullmatch(r"[0-9a-f]{32}", token or "") for token in tokens)
    subscriber = {row["imsi"] for row in night.rows("network", "subscriber")}
    operator = {row["imsi"] for row in night.rows("network", "operator")} - {""}
    clear = set(source("dirbs_subscriber")["imsi"]) & set(source("dirbs_operator")["imsi"]) - {""}
    assert len(subscriber & operator) == len(clear) > 100


def test_published_rows_are_those_of_consenting_customers(night: Night) -> None:
    customers = source("northwind_customers")["customer_id"]
    consenting = {customer for number, customer in enumerate(customers) if number % 4}
    log = order_log()
    assert len(night.rows("research", "customers")) == len(consenting)
    assert len(night.rows("research", "orders")) == int(log["customer_id"].isin(list(consenting)).sum())
    assert len(night.rows("carrier", "orders")) == len(log)  # a contract needs no consent


def test_statistics_equal_pandas_where_five_people_stand_behind_a_cell(night: Night) -> None:
    """Customers who withdrew count nowhere; countries of fewer than five customers are not named."""
    customers = source("northwind_customers")["customer_id"]
    consenting = [customer for number, customer in enumerate(customers) if number % 5]
    log = order_log()
    log = log[log["customer_id"].isin(consenting)]
    log["cents"] = (log["amount"].astype(float) * 100).round().astype(int)
    expected = log.groupby("ship_country").agg(
        people=("customer_id", "nunique"), rows=("order_id", "size"), cents=("cents", "sum")
    )
    expected = expected[expected["people"] >= 5]
    with (night.release("market") / "statistics" / "trade.csv").open(encoding="utf-8", newline="") as file:
        published = {row["ship_country"]: row for row in csv.DictReader(file)}
    shown = {
        country: row
        for country, row in published.items()
        if row["status"] == "published" and country != "other"
    }
    assert set(shown) == set(expected.index) and len(shown) >= 4
    for country, row in shown.items():
        people, rows, cents = expected.loc[country]
        assert (int(row["people"]), int(row["rows"])) == (people, rows)
        assert round(float(row["sum_amount"]) * 100) == cents
    assert set(published) - set(expected.index) <= {"other", "(none)"}


def test_machine_logs_keep_their_words(night: Night) -> None:
    """Patterns find nothing personal in most system log lines; they must come out as they went in."""
    for table, name in (("android", "log_android"), ("health", "log_healthapp")):
        before = sorted(source(name)["Content"])
        after = sorted(row["Content"] or "" for row in night.rows("telemetry", table))
        same = len(set(before) & set(after)) / len(set(before))
        assert same > 0.9, f"{table}: only {same:.0%} of the lines are unchanged"


def test_rerun_leaves_published_files_as_they_are(night: Night) -> None:
    before = night.files()
    run = night.pouch("run", str(JOB), "--date", DATE)
    assert run.returncode == 0, run.stderr
    assert night.files() == before


def test_run_into_an_empty_folder_gives_the_same_bytes(night: Night, tmp_path: Path) -> None:
    """The same inputs and keys, another folder and state, another number of workers."""
    out = tmp_path / "out"
    run = night.pouch(
        "run",
        str(JOB),
        "--date",
        DATE,
        "--out",
        str(out),
        "--state",
        str(tmp_path / "state"),
        "--workers",
        "1",
    )
    assert run.returncode == 0, run.stderr
    assert night.files(out) == night.files()
    assert len(night.files()) > 20
