"""What the drift check costs beside a whole nightly run: core seconds of both, on the same synthetic orders.

    python -m benchmarks.drift [--rows 250000] [--work .bench/drift]

The check is timed by itself on slices as children see them (65,536 rows, text columns dictionary-encoded); the run is
`pouch run` of benchmarks/nightly.py with everything in it, its children included.
"""

import argparse
import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.nightly import CATALOG, DATE, JOB, POLICY, SLOTS, make_keys, run_pouch
from benchmarks.orders import write_orders
from pipeline.classes import CLASSES
from pipeline.config.loading import load_config
from pipeline.detect.drift import inspect_column, watched


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--work", type=Path, default=Path(".bench/drift"))
    given = parser.parse_args()
    work = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    for name, text in (
        (f"job-{given.rows}.yaml", JOB.format(rows=given.rows)),
        ("catalog.yaml", CATALOG),
        ("policy.yaml", POLICY.format(slot=next(iter(SLOTS.values())))),
    ):
        (work / name).write_text(text)
    orders = work / "data" / str(given.rows) / DATE / "orders.csv"
    if not orders.exists():
        write_orders(given.rows, orders)
    make_keys(work, given.rows)
    run = run_pouch(work, given.rows, 1)
    catalog = load_config(work / f"job-{given.rows}.yaml", work).catalog["orders"]
    table = pa_csv.read_csv(orders)
    texts = {
        name for name, data_class in catalog.items() if pa.types.is_string(CLASSES[data_class].value_type)
    }
    spent, looked = 0.0, {name for name in texts if watched(catalog[name])}
    for start in range(0, len(table), 65_536):
        part = table.slice(start, 65_536)
        columns = {
            name: part[name].cast("string").combine_chunks().dictionary_encode() for name in sorted(looked)
        }
        begin = time.process_time()
        for name, array in columns.items():
            inspect_column(name, catalog[name], array)
        spent += time.process_time() - begin
    print(
        json.dumps(
            {
                "rows": given.rows,
                "run_core_s": round(run.cores, 2),
                "drift_core_s": round(spent, 3),
                "share": round(spent / run.cores, 4),
                "columns": sorted(looked),
            }
        )
    )


if __name__ == "__main__":
    main()
