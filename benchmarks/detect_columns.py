"""Column classification against labels that nobody here wrote: precision, recall, wrong flags, speed.

    python -m benchmarks.detect_columns [--data ../shared/data/detection] [--json] [--misses] [--peer]

Rows: as is; names hidden (c0, c1…); values shuffled away (all characters of a column shuffled over its cells, so
that only lengths, alphabet and the name are left). Speed is in columns a core second. `--peer` adds Presidio's votes
over the values, in the same run.

`unknown` is a miss for recall, and no flag on the negatives. A flag is any class that has a label of its own;
harmless classes (amount, product, category, other…) count as NONE, as the labels have no word for them.
"""

import argparse
import csv
import json
import random
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
    """Right classes of a label; `A|B` where both are right."""
    return {found for one in label.split("|") for found in LABELS.get(one, {one.lower()})}


def read_text(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    convert = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True)
    parse = pacsv.ParseOptions(newlines_in_values=True)
    return pacsv.read_csv(path, convert_options=convert, parse_options=parse)


def labelled(folder: Path) -> dict[tuple[str, str], str]:
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        return {(row["file"], row["column"]): row["class"] for row in csv.DictReader(file)}


def classify(
    folder: Path, labels: dict[tuple[str, str], str], *, hide: bool = False, shuffle: bool = False
) -> tuple[dict, float]:
    found, seconds = {}, 0.0
    for name in sorted({file for file, _ in labels}):
        table = read_text(folder / name)
        columns = table.column_names
        if hide:
            table = table.rename_columns([f"c{i}" for i in range(len(columns))])
        if shuffle:
            table = shuffled(table)
        begin = time.process_time()
        profiles = propose(Path(name).stem, table)
        seconds += time.process_time() - begin
        for column, profile in zip(columns, profiles, strict=True):
            found[(name, column)] = profile
    return found, seconds


def shuffled(table: pa.Table) -> pa.Table:
    """The characters of each column, shuffled over its cells; lengths stay."""
    chance = random.Random(7)
    columns = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        signs = [sign for value in values if value for sign in value]
        chance.shuffle(signs)
        left = iter(signs)
        columns[name] = pa.array(
            [None if value is None else "".join(next(left) for _ in value) for value in values], pa.string()
        )
    return pa.table(columns)


def peer_votes(folder: Path, labels: dict[tuple[str, str], str]) -> dict:
    """Presidio's votes, scored as ours are."""
    from benchmarks.peers.presidio_columns import LABELS_OF, engine, vote

    analyzer = engine()
    right = flagged = columns = 0
    seconds = 0.0
    for name in sorted({file for file, _ in labels}):
        table = read_text(folder / name)
        for column in table.column_names:
            begin = time.process_time()
            entity = vote(analyzer, table[column])
            seconds += time.process_time() - begin
            columns += 1
            flagged += bool(entity)
            right += labels.get((name, column), "NONE") in LABELS_OF.get(entity, ())
    wanted = sum(label != "NONE" for label in labels.values())
    precision, recall = right / max(1, flagged), right / max(1, wanted)
    return {
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 3),
        "columns_per_second": round(columns / seconds, 1),
        "flags": flagged,
    }


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
            label: {
                "right": right[label],
                "missed": missed[label],
                "wrong": sum(count for data_class, count in wrong.items() if data_class in classes_of(label)),
            }
            for label in sorted({*right, *missed})
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
    parser.add_argument("--peer", action="store_true", help="measure Presidio beside")
    options = parser.parse_args()
    results = {}
    labels = labelled(options.data / "columns")
    for row, change in (
        ("as is", {}),
        ("names hidden", {"hide": True}),
        ("values shuffled", {"shuffle": True}),
    ):
        found, seconds = classify(options.data / "columns", labels, **change)
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
    if options.peer:
        results["presidio, values"] = peer_votes(options.data / "columns", labels)
        results["presidio, negatives"] = peer_votes(options.data / "negatives", negatives)
    if not options.misses:
        for result in results.values():
            result.pop("misses", None)
    print(json.dumps(results, indent=None if options.json else 1, ensure_ascii=False))


if __name__ == "__main__":
    main()
