"""Receipts: what was destroyed, when, by whom, and what it means; kept for the auditor."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.keys.private_files import create_private, private_directory
from pipeline.state.directory import State, disk_failures

FOLDER = "receipts"


def write_receipt(state: State, kind: str, receipt: Mapping[str, Any]) -> Path:
    """Write `<state>/receipts/<kind>-<UTC time>-<random>.json` (0600) in one step; return its path.

    Raises PublishFailed where the disk refuses; what the receipt is about has been done by then, and doing it again
    writes the receipt.
    """
    name = f"{kind}-{state.clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
    path = state.root / FOLDER / name
    with disk_failures(FOLDER):
        private_directory(path.parent)
        create_private(path, (json.dumps(receipt, ensure_ascii=False, indent=2) + "\n").encode())
    return path
