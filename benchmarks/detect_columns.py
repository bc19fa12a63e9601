"""Column classification against labels that nobody here wrote: precision, recall, wrong flags, speed.

    python benchmarks/detect_columns.py [--data ../shared/data/detection] [--json] [--misses]

`unknown` is a miss for recall, and no flag on the negatives. A flag is any class that has a label of its own;
harmless classes (amount, product, category, other…) count as NONE, as the labels have no word for them.
"""

import argparse
import csv
import json
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from pipeline.detect.columns import propose

LABELS = {
    "TITLE": {"honorific"},
    "PERSON_NAME": {"person_name", "nickname"},
    "ADDRESS": {"postal_address"},
    "PHONE": {"mobile_phone", "contact_phone"},
    "CUSTOMER_ID": {"account_id"},
    "DATE": {"date", "order_time"},
}
HARMLESS = {
    *("unknown", "other", "amount", "quantity", "product", "category", "payment_method", "device_model"),
    *("os_version", "app_version", "language", "resolution", "plmn", "battery", "network_status"),
}


def classes_of(label: str) -> set[str]:
    return LABELS.get(label, {label.lower()})


def read_text(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    convert = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True)
    parse = pacsv.ParseOptions(newlines_in_values=True)
    return pacsv.read_csv(path, convert_options=convert, parse_options=parse)


def labelled(folder: Path) -> dict[tuple[str, str], str]:
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        return {(row["file"], row["column"]): row["class"] for row in csv.DictReader(file)}


def classify(folder: Path, labels: dict[tuple[str, str], str], *, hide: bool = False) -> tuple[dict, float]:
    found, seconds = {}, 0.0
    for name in sorted({file for file, _ in labels}):
        table = read_text(folder / name)
        columns = table.column_names
        if hide:
            table = table.rename_columns([f"c{i}" for i in range(len(columns))])
        begin = time.perf_counter()
        profiles = propose(Path(name).stem, table)
        seconds += time.perf_counter() - begin
        for column, profile in zip(columns, profiles, strict=True):
            found[(name, column)] = profile
    return found, seconds


def score(labels: dict[tuple[str, str], str], found: dict) -> dict:
    right, wrong, missed = Counter(), Counter(), Counter()
    misses = []
    for key, label in labels.items():
        proposed = found[key].data_class
        flagged = proposed not in HARMLESS
        if label == "NONE":
            if flagged:
                wrong[proposed] += 1
                misses.append((*key, label, proposed))
            continue
        if proposed in classes_of(label):
            right[label] += 1
            continue
        missed[label] += 1
        if flagged:
            wrong[proposed] += 1
        misses.append((*key, label, proposed))
    tp, fp, fn = sum(right.values()), sum(wrong.values()), sum(missed.values())
    precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
    return {
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 3),
        "per_class": {
            label: {"right": right[label], "missed": missed[label]} for label in sorted({*right, *missed})
        },
        "wrong": dict(wrong),
        "misses": misses,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "detection"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="list columns that were decided otherwise")
    options = parser.parse_args()
    results = {}
    labels = labelled(options.data / "columns")
    for row, hide in (("as is", False), ("names hidden", True)):
        found, seconds = classify(options.data / "columns", labels, hide=hide)
        results[row] = {**score(labels, found), "columns_per_second": round(len(found) / seconds)}
    negatives = labelled(options.data / "negatives")
    found, seconds = classify(options.data / "negatives", negatives)
    none = [key for key, label in negatives.items() if label == "NONE"]
    flagged = [(*key, found[key].data_class) for key in none if found[key].data_class not in HARMLESS]
    results["negatives"] = {
        **score(negatives, found),
        "wrong_flags": len(flagged),
        "wrong_share": round(len(flagged) / len(none), 4),
        "columns_per_second": round(len(found) / seconds),
    }
    if not options.misses:
        for result in results.values():
            result.pop("misses")
    print(json.dumps(results, indent=None if options.json else 1, ensure_ascii=False))


if __name__ == "__main__":
    main()
