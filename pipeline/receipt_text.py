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
    for release in receipt["releases"]:
        print(f"closed with it: the tokens of {release['recipient']} {release['date']}")
    for run in receipt["quarantines"]:
        print(f"closed with it: the quarantine of run {run}")
    print(f"not in reach: {receipt['not_reached']}")
    print(f"receipt: receipts/{receipt['receipt']} under the state")
