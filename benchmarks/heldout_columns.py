"""Column classification on tables that are no part of the labelled ones: generated ones, texts' spans, package data.

    python -m pip install faker==37.12.0 statsmodels scikit-learn vega_datasets
    python -m benchmarks.heldout_columns [--json] [--misses] [--data ../shared/data/detection]

* faker: shops' tables in ten locales, names of columns in nine styles; with their names, and as c0, c1… The first
  run, before any rule had been made with its misses in view, gave F1 .929 and .816.
* faker fresh: the same in eight other locales, of which only the figures were looked at.
* spans: the names, addresses, jobs… marked in texts of `text_gold`, each label a column, without a name.
* vendors: exports of shop systems, telemetry and advertising logs (`heldout_vendors`), in locales used nowhere else.
* packages: tables of statsmodels, scikit-learn and vega_datasets, in which hardly anything identifies; columns that
  do (`EXPECTED`) were marked by hand.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from benchmarks.detect_columns import HARMLESS, score
from benchmarks.heldout_found import EXPECTED, package_tables, span_tables
from benchmarks.heldout_shops import FRESH, faker_tables
from benchmarks.heldout_vendors import vendor_tables
from pipeline.detect.columns import propose


def measured(tables: Iterator[tuple[str, pa.Table, list[str]]], *, hide: bool) -> dict:
    labels, found = {}, {}
    for name, table, expected in tables:
        shown = table.rename_columns([f"c{i}" for i in range(table.num_columns)]) if hide else table
        for column, label, profile in zip(table.column_names, expected, propose(name, shown), strict=True):
            labels[name, column], found[name, column] = label, profile
    return score(labels, found)


def packages() -> dict:
    columns, flags = 0, []
    for name, table in package_tables():
        for profile in propose(name, table):
            columns += 1
            if profile.data_class not in HARMLESS and profile.column.lower() not in EXPECTED:
                flags.append((name, profile.column, profile.data_class))
    return {
        "columns": columns,
        "wrong_flags": len(flags),
        "wrong_share": round(len(flags) / max(1, columns), 4),
        "misses": flags,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "detection"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="list columns that were decided otherwise")
    options = parser.parse_args()
    results = {
        "faker, as is": measured(faker_tables(), hide=False),
        "faker, names hidden": measured(faker_tables(), hide=True),
        "faker fresh, as is": measured(faker_tables(FRESH), hide=False),
        "faker fresh, names hidden": measured(faker_tables(FRESH), hide=True),
        "spans, names hidden": measured(span_tables(options.data / "text_gold"), hide=True),
        "vendors, as is": measured(vendor_tables(), hide=False),
        "vendors, names hidden": measured(vendor_tables(), hide=True),
        "packages": packages(),
    }
    if not options.misses:
        for result in results.values():
            result.pop("misses")
    print(json.dumps(results, indent=None if options.json else 1, ensure_ascii=False))


if __name__ == "__main__":
    main()
