"""The nightly run beside a plain copy, hand-written SQL and pandas, on the same CSV.

    python -m benchmarks.nightly [--rows 1000000] [--runs 5] [--workers 2] [--slot format_preserving] ...

Every figure is of a whole process tree (see `measure.py`), medians of interleaved runs: in each round every
contestant runs once, so that a slow minute of the machine hits all alike. Pouch runs with the gate on, an
empty state and output folder each time; its keys are made once. Memory growth compares Pouch's peak at
ROWS with its peak at 4 x ROWS. Prints tables and writes benchmarks/results/nightly.json.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.measure import Cost, measure
from benchmarks.orders import write_orders

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "nightly.json"
DATE = "2026-11-01"
GROWTH = 4  # the second size, in multiples of the first

JOB = """\
job: bench
tables:
  orders:
    path: "data/{rows}/{{date}}/*.csv"
    subject: account_id
    timezone: Australia/Sydney
    phone_region: AU
catalog: catalog.yaml
keyring: {{file: "keys/keyring.json", wrapped_by: {{file: "keys/kek"}}, demo: true}}
releases:
  - {{recipient: analysts, purpose: product_analytics, basis: legal, policy: policy.yaml, tables: [orders]}}
"""

CATALOG = """\
orders:
  order_number: order_id
  account_id: account_id
  nickname: nickname
  consignee_name: person_name
  receiving_address: postal_address
  city: city
  postcode: postcode
  mobile: mobile_phone
  email: email
  product: product
  category: category
  quantity: quantity
  amount: amount
  order_time: order_time
  payment_method: payment_method
  bank_card: bank_card
  ip: ip
  device_id: device_id
  delivery_status: other
"""

# Twelve steps that compute something: 4 keyed hashes (order numbers unique, the others 250,000 values in 1 M
# rows), 1 encryption, masks, truncations, bands. Format-preserving encryption takes over the card.
POLICY = """\
policy: analysts
rules:
  order_id:       {{transform: keyed_hash}}
  account_id:     {{transform: keyed_hash}}
  mobile_phone:   {{transform: keyed_hash}}
  email:          {{transform: keyed_hash}}
  postal_address: {{transform: encrypt_siv}}
  person_name:    {{transform: mask, keep_first: 1}}
  bank_card:      {slot}
  device_id:      {{transform: mask, keep_last: 4}}
  postcode:       {{transform: prefix, length: 2}}
  amount:         {{transform: bands, edges: ["20", "50", "100", "200", "500"]}}
  order_time:     {{transform: truncate_time, unit: hour}}
  ip:             {{transform: ip_prefix}}
  nickname:       {{transform: redact}}
  city:           {{transform: keep}}
  product:        {{transform: keep}}
  category:       {{transform: keep}}
  quantity:       {{transform: keep}}
  payment_method: {{transform: keep}}
  other:          {{transform: keep}}
otherwise: refuse
"""
SLOTS = {
    "mask": "{transform: mask, keep_last: 4}",
    "format_preserving": "{transform: format_preserving}",
}
PEERS = {
    "pyarrow copy": "arrow_copy.py",
    "DuckDB SQL": "duckdb_sql.py",
    "pandas": "plain_pandas.py",
}
POUCH = "pouch run"


@dataclass(frozen=True)
class Median:
    """Of the runs of one contestant."""

    wall: float
    cores: float
    memory: float
    walls: tuple[float, ...]


def prepare(work: Path, rows: int, slot: str) -> None:
    """Configs, keys folder and orders of both sizes; what exists with the right size stays."""
    work.mkdir(parents=True, exist_ok=True)
    for size in (rows, rows * GROWTH):
        (work / f"job-{size}.yaml").write_text(JOB.format(rows=size))
        orders = work / "data" / str(size) / DATE / "orders.csv"
        if not orders.exists():
            draft = orders.with_suffix(".draft")
            write_orders(size, draft)
            draft.rename(orders)
    (work / "catalog.yaml").write_text(CATALOG)
    (work / "policy.yaml").write_text(POLICY.format(slot=SLOTS[slot]))


def run_peer(work: Path, rows: int, script: str) -> Cost:
    target = work / "peer.parquet"
    target.unlink(missing_ok=True)
    source = work / "data" / str(rows) / DATE / "orders.csv"
    path = Path(__file__).parent / "peers" / script
    return measure([sys.executable, str(path), str(source), str(target)], work, work / "peer.log")


def run_pouch(work: Path, rows: int, workers: int) -> Cost:
    """One `pouch run` from nothing: no state, no release of before."""
    for folder in ("out", "state"):
        shutil.rmtree(work / folder, ignore_errors=True)
    command = [
        sys.executable, "-m", "pipeline", "run", f"job-{rows}.yaml", "--date", DATE,
        "--out", "out", "--state", "state", "--workers", str(workers),
    ]  # fmt: skip
    cost = measure(command, work, work / "pouch.log")
    if not (work / "out" / "analysts" / DATE / "_SUCCESS").exists():
        raise RuntimeError("pouch run ended with 0 and published nothing")
    return cost


def make_keys(work: Path, rows: int) -> None:
    if not (work / "keys" / "keyring.json").exists():
        measure(
            [sys.executable, "-m", "pipeline", "keys", "init", f"job-{rows}.yaml"], work, work / "keys.log"
        )


def median(costs: list[Cost]) -> Median:
    return Median(
        wall=statistics.median(cost.wall for cost in costs),
        cores=statistics.median(cost.cores for cost in costs),
        memory=statistics.median(cost.memory for cost in costs),
        walls=tuple(round(cost.wall, 3) for cost in costs),
    )


def tables(
    medians: dict[str, Median], rows: int, runs: int, growth: tuple[float, float] | None
) -> list[Table]:
    table = Table(title=f"{rows:,} orders x 19 columns, CSV to Parquet, medians of {runs} interleaved runs")
    for name in ("", "wall s", "core s", "peak MB", "spread of wall", "x copy", "x SQL"):
        table.add_column(name, justify="right" if name else "left")
    copy, sql = medians["pyarrow copy"].wall, medians["DuckDB SQL"].wall
    for name, cost in medians.items():
        table.add_row(
            name,
            f"{cost.wall:.2f}",
            f"{cost.cores:.2f}",
            f"{cost.memory / 1e6:,.0f}",
            f"{min(cost.walls):.2f} - {max(cost.walls):.2f}",
            f"{cost.wall / copy:.2f}",
            f"{cost.wall / sql:.2f}",
        )
    if growth is None:
        return [table]
    memory = Table(title="Peak memory of all of Pouch's processes")
    for name in ("rows", "peak MB", "x"):
        memory.add_column(name, justify="right")
    memory.add_row(f"{rows:,}", f"{growth[0] / 1e6:,.0f}", "1.00")
    memory.add_row(f"{rows * GROWTH:,}", f"{growth[1] / 1e6:,.0f}", f"{growth[1] / growth[0]:.2f}")
    return [table, memory]


def report(medians: dict[str, Median], given: argparse.Namespace, large: list[Cost]) -> dict[str, object]:
    """The figures as they go into the JSON file."""
    found: dict[str, object] = {
        "rows": given.rows,
        "runs": given.runs,
        "workers": given.workers,
        "card": given.slot,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {
            name: version(name) for name in ("pyarrow", "duckdb", "pandas", "numpy", "cryptography")
        },
        "medians": {name: asdict(cost) for name, cost in medians.items()},
    }
    if POUCH in medians:
        wall = medians[POUCH].wall
        found["ratios"] = {name: round(wall / medians[name].wall, 3) for name in PEERS}
    if large:
        small, peak = medians[POUCH].memory, statistics.median(cost.memory for cost in large)
        found["memory_growth"] = {
            "rows": given.rows * GROWTH,
            "wall": statistics.median(cost.wall for cost in large),
            "peak": peak,
            "ratio": round(peak / small, 3),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--large-runs", type=int, default=2, help="runs at 4 x ROWS, for memory; 0 leaves them out"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slot", choices=SLOTS, default="mask", help="what becomes of the card")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "nightly")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    work = given.work.resolve()
    prepare(work, given.rows, given.slot)
    os.environ["PYTHONPATH"] = str(ROOT)  # the runs start in the work folder, where relative paths lead
    costs: dict[str, list[Cost]] = {name: [] for name in PEERS}
    if not given.peers_only:
        make_keys(work, given.rows)
        costs[POUCH] = []
    console = Console()
    for _ in track(range(given.runs), "rounds", console=console, transient=True):
        for name, script in PEERS.items():
            costs[name].append(run_peer(work, given.rows, script))
        if not given.peers_only:
            costs[POUCH].append(run_pouch(work, given.rows, given.workers))
    large = []
    if not given.peers_only:
        large = [run_pouch(work, given.rows * GROWTH, given.workers) for _ in range(given.large_runs)]
    medians = {name: median(found) for name, found in costs.items()}
    figures = report(medians, given, large)
    growth = (medians[POUCH].memory, statistics.median(cost.memory for cost in large)) if large else None
    for table in tables(medians, given.rows, given.runs, growth):
        console.print(table)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
