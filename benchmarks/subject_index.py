"""What the subject index costs a run, on the orders of `benchmarks.nightly`.

    python -m benchmarks.subject_index [--rows 1000000] [--runs 3] [--work .bench/nightly]

Whole runs with and without the index differ by less than the machine drifts from one to the next, so the index's own
work is measured by itself: the tap on every slice of the orders, shared by two children that each remember people, and
the join of what they spilled into the state, in core seconds (`time.process_time`) of one process. The share is that
over the core seconds of `pouch run` on the same orders, medians, taken in turn. Prints the figures and writes
benchmarks/results/subject_index.json.
"""

import argparse
import json
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.measure import measure
from benchmarks.nightly import CATALOG, DATE, JOB, POLICY, SLOTS, make_keys
from benchmarks.orders import write_orders
from pipeline.engines.model import SliceView
from pipeline.protect.known_subjects import KnownSubjects
from pipeline.protect.subjects import subject_of
from pipeline.release.subject_index import note_subjects
from pipeline.state import open_state
from pipeline.state.subject_index import write_set
from transforms import Keyring

RESULTS = Path(__file__).parent / "results" / "subject_index.json"
SLICE_ROWS = 98_304  # about 32 MiB of these orders
CHILDREN = 2


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


def cost_of_run(work: Path, rows: int) -> float:
    """Core seconds of one `pouch run` from nothing."""
    for folder in ("out", "state"):
        shutil.rmtree(work / folder, ignore_errors=True)
    command = [
        sys.executable, "-m", "pipeline", "run", f"job-{rows}.yaml", "--date", DATE,
        "--out", "out", "--state", "state", "--workers", str(CHILDREN),
    ]  # fmt: skip
    return measure(command, work, work / "pouch.log").cores


def cost_of_index(subjects: list[pa.Array]) -> tuple[float, int]:
    """Core seconds of the index over all slices, and how many people it holds."""
    keyring = Keyring({"k1": secrets.token_bytes(32)}, "k1")
    with tempfile.TemporaryDirectory() as folder:
        staging = Path(folder)
        store = open_state(staging / "state")
        started = time.process_time()
        known = [KnownSubjects(keyring) for _ in range(CHILDREN)]
        paths = []
        for index, subject in enumerate(subjects):
            rows = pa.array(np.arange(len(subject)))
            view = SliceView("orders", index, {}, subject, {0: rows}, {}, b"", known=known[index % CHILDREN])
            paths += [staging / path for path in note_subjects(view, None, staging).files.values()]
        people = write_set(store, paths).people
        return time.process_time() - started, people


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(".bench/nightly"))
    options = parser.parse_args()
    prepare(options.work, options.rows)
    source = options.work / "data" / str(options.rows) / DATE / "orders.csv"
    wanted = pyarrow.csv.ConvertOptions(include_columns=["account_id"])
    column = pyarrow.csv.read_csv(source, convert_options=wanted)["account_id"].combine_chunks()
    ids = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    whole = subject_of("account_id", ids)
    subjects = [whole.slice(at, SLICE_ROWS) for at in range(0, len(whole), SLICE_ROWS)]
    cost_of_index(subjects[:1])  # imports
    runs, indexes, people = [], [], 0
    for _ in range(options.runs):
        runs.append(cost_of_run(options.work, options.rows))
        index, people = cost_of_index(subjects)
        indexes.append(index)
        print(f"pouch run {runs[-1]:.2f} core-s, index {index:.2f} core-s", flush=True)
    share = statistics.median(indexes) / statistics.median(runs)
    print(f"{options.rows:,} rows, {people:,} people: the index is {share:.1%} of the run's core seconds")
    found = {
        "rows": options.rows,
        "people": people,
        "run_core_s": runs,
        "index_core_s": indexes,
        "share": share,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
