"""Anchors: what a ledger had come to, written down outside its state.

    <out>/.anchor/<recipient>.json            always
    $POUCH_ANCHOR/<recipient>.json            where the variable names a directory: put it on another machine's disk
    <out>/<recipient>/*/manifest.json         "number": how many releases of statistics the recipient had

An anchor is written after every event, before the next step. Noticed: a ledger set back to an older copy, a row
changed or removed with the chain recomputed, another state that serves the same recipient and dataset. Not noticed:
state, `--out` and the anchor directory replaced together, by the same hand; and a fresh state with a fresh `--out`
where no anchor directory is set.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import CheckFailed, PublishFailed
from pipeline.keys.private_files import private_directory, sync_directory
from pipeline.state.budget import BudgetLedger
from pipeline.state.directory import disk_failures

VARIABLE = "POUCH_ANCHOR"
FOLDER = ".anchor"
FORMAT = "pouch anchor 1"


def anchor_folders(out: Path) -> tuple[Path, ...]:
    """Where the anchors of a state that publishes to `out` lie."""
    elsewhere = os.environ.get(VARIABLE)
    return (out / FOLDER, Path(elsewhere)) if elsewhere else (out / FOLDER,)


def verify_anchors(ledger: BudgetLedger, out: Path, recipient: str, dataset: str) -> None:
    """Raise CheckFailed where an anchor or a published manifest knows more than the ledger, or another ledger."""
    for folder in anchor_folders(out):
        for name, entry in _entries(folder, recipient).items():
            if entry["ledger"] == ledger.name:
                if ledger.hash_at(entry["rows"]) != entry["head"]:
                    raise CheckFailed(
                        f"the budget ledger is older than its anchor, or was changed: the anchor has seen "
                        f"{entry['rows']} rows",
                        where="state",
                        hint="restore the newest backup of the state; nothing of this release was published",
                    )
            elif name == dataset:
                raise CheckFailed(
                    f"{recipient} was given statistics of {dataset} from another state, whose budget and history "
                    "this one does not have",
                    where="state",
                    hint="use the --state of the earlier releases; nothing of this release was published",
                )
    mine = max((event.number for event in ledger.events() if event.recipient == recipient), default=0)
    shown = max(_numbers(out / recipient), default=0)
    if shown > mine:
        raise CheckFailed(
            f"{recipient} has a published release of statistics with number {shown}, the ledger knows {mine}",
            where="state",
            hint="use the --state of the earlier releases, or restore its newest backup",
        )


def write_anchors(ledger: BudgetLedger, out: Path, recipient: str, dataset: str) -> None:
    """Write down where the ledger stands; on disk when this returns. Raises PublishFailed."""
    rows, head = ledger.head()
    for folder in anchor_folders(out):
        entries = _entries(folder, recipient)
        entries[dataset] = {"ledger": ledger.name, "rows": rows, "head": head}
        with disk_failures(FOLDER):
            folder.parent.mkdir(parents=True, exist_ok=True)
            private_directory(folder)
            _replace(folder / f"{recipient}.json", {"format": FORMAT, "datasets": entries})


def _entries(folder: Path, recipient: str) -> dict[str, dict[str, Any]]:
    path = folder / f"{recipient}.json"
    try:
        return _checked(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise PublishFailed(
            "a file is in the place of a directory; nothing of this release was published",
            where=folder.parent.name,
            hint="move it away",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CheckFailed(
            "an anchor of the budget ledger cannot be read", where=f"{FOLDER}/{path.name}", hint="restore it"
        ) from None


def _checked(document: Any) -> dict[str, dict[str, Any]]:
    """The entries by dataset. Raises ValueError and its like where this is no anchor."""
    entries = {
        str(name): {"ledger": str(one["ledger"]), "rows": int(one["rows"]), "head": str(one["head"])}
        for name, one in document["datasets"].items()
    }
    if document["format"] != FORMAT:
        raise ValueError
    return entries


def _numbers(recipient: Path) -> Iterator[int]:
    for path in _manifests(recipient):
        with suppress(OSError, ValueError, TypeError, KeyError):
            manifest = json.loads(path.read_bytes())
            given = manifest["kind"] == "statistics" or manifest.get("statistics")
            if isinstance(number := manifest["number"], int) and given:
                yield number


def _manifests(recipient: Path) -> Sequence[Path]:
    return sorted(recipient.glob("*/manifest.json")) if recipient.is_dir() else []


def _replace(path: Path, document: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".partial-{path.name}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write((json.dumps(document, indent=2, sort_keys=True) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)
