"""Tables that others made, for `heldout_columns`: spans marked in texts as columns, and data inside packages."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

SPANS = {
    **{"PERSON": "PERSON_NAME", "ADDRESS": "ADDRESS", "PHONE_NUMBER": "PHONE", "EMAIL_ADDRESS": "EMAIL"},
    **{
        "DOMAIN_NAME": "DOMAIN",
        "IP_ADDRESS": "IP",
        "CREDIT_CARD": "BANK_CARD",
        "TITLE": "TITLE",
        "URL": "URL",
    },
    **{"ZIP_CODE": "POSTCODE", "IBAN_CODE": "BANK_CARD"},
}


def span_tables(folder: Path) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Per file, the spans of each label as a column of one table, cut to the shortest."""
    for path in sorted(folder.glob("*.jsonl")):
        found: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            for start, end, label in record["spans"]:
                if label in SPANS:
                    found.setdefault(label, []).append(record["text"][start:end])
        found = {label: values[:400] for label, values in found.items() if len(values) >= 30}
        for label, values in found.items():  # one column a table: no neighbor helps
            yield f"{path.stem}_{label}", pa.table({label: pa.array(values, pa.string())}), [SPANS[label]]


# What identifies in the packages' tables, and is therefore no wrong flag.
EXPECTED = frozenset(
    {
        *(
            "age",
            "'age'",
            "sex",
            "gender",
            "lat",
            "lon",
            "latitude",
            "longitude",
            "country",
            "city",
            "state",
            "county",
        ),
        *(
            "name",
            "iata",
            "date",
            "year",
            "month",
            "datetime",
            "firm",
            "first_name",
            "last_name",
            "address",
            "death_date",
        ),
    }
)


def package_tables() -> Iterator[tuple[str, pa.Table]]:
    import importlib.util

    import pandas as pd

    for package, pattern in (
        ("statsmodels", "datasets/*/*.csv"),
        ("sklearn", "datasets/data/*.csv*"),
        ("vega_datasets", "_data/*"),
    ):
        found = importlib.util.find_spec(package)
        assert found is not None and found.origin is not None
        for path in sorted(Path(found.origin).parent.glob(pattern)):
            try:
                if path.suffix == ".json":
                    frame = pd.read_json(path)
                elif package == "sklearn":
                    continue  # data without headers, as arrays
                else:
                    frame = pd.read_csv(path, sep=None, engine="python", dtype=str)
            except (ValueError, csv.Error):
                continue
            if len(frame.columns) >= 2:
                columns = {
                    str(name): pa.array(
                        [None if pd.isna(v) else str(v) for v in frame[name][:2000]], pa.string()
                    )
                    for name in frame
                }
                yield f"{package}_{path.stem}", pa.table(columns)
    from sklearn import datasets

    for load in (
        datasets.load_iris,
        datasets.load_wine,
        datasets.load_breast_cancer,
        datasets.load_diabetes,
        datasets.load_linnerud,
    ):
        frame = load(as_frame=True).frame
        yield (
            f"sklearn_{load.__name__}",
            pa.table({str(n): pa.array(frame[n].astype(str), pa.string()) for n in frame}),
        )
