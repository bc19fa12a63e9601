"""What the subject index costs, on the orders of `benchmarks.nightly`.

    python -m benchmarks.subject_index [--rows 1000000] [--pairs 5]

Interleaved pairs of whole processes: `pouch run` as it is, and the same with the tap that notes subjects and the
step that joins them taken out (`benchmarks/peers/without_subject_index.py`). The share is the median over pairs of
(with - without) / with, of core seconds and of wall time. Prints the figures and writes
benchmarks/results/subject_index.json.
"""

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.measure import Cost, measure
from benchmarks.nightly import CATALOG, DATE, JOB, POLICY, SLOTS, make_keys
from benchmarks.orders import write_orders

RESULTS = Path(__file__).parent / "results" / "subject_index.json"


def run_once(work: Path, rows: int, name: str, *, index: bool) -> Cost:
    """One `pouch run` of an empty state and output folder."""
    for folder in (work / "releases", work / ".pouch"):
        shutil.rmtree(folder, ignore_errors=True)
    boot = ["-m", "pipeline"] if index else ["-m", "benchmarks.peers.without_subject_index"]
    command = [sys.executable, *boot, "run", f"job-{rows}.yaml", "--date", DATE, "--workers", "2"]
    return measure(command, work, work / f"{name}.log")


def prepare(work: Path, rows: int) -> None:
    """Configs, keys and orders; what exists stays."""
    orders = work / "data" / str(rows) / DATE / "orders.csv"
    if not orders.exists():
        orders.parent.mkdir(parents=True, exist_ok=True)
        draft = orders.with_suffix(".draft")
        write_orders(rows, draft)
        draft.rename(orders)
    (work / f"job-{rows}.yaml").write_text(JOB.format(rows=rows))
    (work / "catalog.yaml").write_text(CATALOG)
    (work / "policy.yaml").write_text(POLICY.format(slot=SLOTS["mask"]))
    make_keys(work, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(".bench/nightly"))
    options = parser.parse_args()
    prepare(options.work, options.rows)
    pairs = []
    for number in range(options.pairs):
        order = (True, False) if number % 2 else (False, True)
        costs = {index: run_once(options.work, options.rows, "subject-index", index=index) for index in order}
        pairs.append((costs[True], costs[False]))
        print(
            f"pair {number + 1}: {costs[True].cores:.2f} core-s with, {costs[False].cores:.2f} without",
            flush=True,
        )
    shares = {
        "core seconds": [(a.cores - b.cores) / a.cores for a, b in pairs],
        "wall": [(a.wall - b.wall) / a.wall for a, b in pairs],
    }
    for name, values in shares.items():
        print(f"{name}: {statistics.median(values):.1%} (from {min(values):.1%} to {max(values):.1%})")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": options.rows, "shares": shares}, indent=2) + "\n")


if __name__ == "__main__":
    main()
