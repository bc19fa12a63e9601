"""Receipts on the screen: tables for people, the whole document for programs."""

from collections.abc import Mapping
from typing import Any

from pipeline.release.report import print_rows
from pipeline.way_out import print_json


def print_keys_receipt(receipt: Mapping[str, Any], format: str) -> None:
    """What `pouch keys destroy` did."""
    if format == "json":
        print_json(receipt)
        return
    rows = [[key[name] for name in ("id", "check", "created", "destroyed")] for key in receipt["keys"]]
    print_rows("destroyed for ever", ("key", "check", "created", "destroyed"), rows)
    for name in dict.fromkeys(f"{one['recipient']} {one['date']}" for one in receipt["releases"]):
        print(f"closed with it: the tokens of {name}")  # once, though a date was published again
    for run in receipt["quarantines"]:
        print(f"closed with it: the quarantine of run {run}")
    print(f"not in reach: {receipt['not_reached']}")
    print(f"receipt: receipts/{receipt['receipt']} under the state")


def print_erasure(receipt: Mapping[str, Any], format: str) -> None:
    """What `pouch erase` did, release by release and column by column."""
    if format == "json":
        print_json(receipt)
        return
    for subject in receipt["subjects"]:
        print(f"subject {subject['subject']} ({subject['class']}): withheld from every later run;")
        print(f"  its own key: {subject['key']}; releases that held it: {len(subject['releases'])}")
        print(f"  statistics: {subject['statistics_kept']}")
        if not subject["releases"] and subject["key"] == "had none":
            print("  no release on record held it: is the id written as in the inputs, and of this class?")
        for release in subject["releases"]:
            rows = [
                [f"{c['table']}.{c['column']}", c["transform"], c["fate"], c["says"]]
                for c in release["columns"]
            ]
            rows += [
                [name, "statistics", "in the recipient's hands", "counted in it"]
                for name in release["statistics"]
            ]
            title = f"{release['recipient']} {release['date']}, {release['tree']}"
            print()
            print_rows(title, ("column", "transform", "fate", "because"), rows)
        for release in subject["unknown"]:
            print(f"unknown: {release['recipient']} {release['date']}: {release['why']}")
        print()
    here = sorted(
        {r["date"] for s in receipt["subjects"] for r in s["releases"] if r["tree"] == "published here"}
    )
    for date in here:
        print(
            f"still published here: pouch run JOB --date {date} --supersede takes the rows out of the release"
        )
    print(f"not in reach: {receipt['not_reached']}")
    print(f"receipt: receipts/{receipt['receipt']} under the state")
