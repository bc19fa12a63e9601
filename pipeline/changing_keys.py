"""Rotating and destroying the keys of a job: under the lock of its state, remembered before and after the deed."""

import getpass
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.config.loading import load_config
from pipeline.config.models import KeyringRef
from pipeline.errors import CheckFailed, JobWrong
from pipeline.keys import MasterSummary, describe, destroy_masters, read_file, rotate_keyring
from pipeline.release.fates import made_with_key
from pipeline.state import State, anchor, open_state, sealed_under, write_receipt
from pipeline.state.subject_index import read_index
from pipeline.subject_keys import refuse_older

_NOT_REACHED = (
    "copies of the keyring file in backups, snapshots and spare blocks of a disk: whoever has one and the wrapping"
    " key can still open what these keys made"
)


def rotate_keys(job: Path, state: Path, reason: str, base: Path | None = None) -> dict[str, Any]:
    """Make a new active key; the one before is retired and still opens what it made.

    Raises LockHeld while a run or another change is under way, KeyUnavailable, JobWrong.
    """
    base = base or Path.cwd()
    ref = load_config(job, base).job.keyring
    store = _state_of(ref, base, state)
    with store.lock():
        refuse_older(ref, base, store)
        store.audit.append(who=getpass.getuser(), action="rotate keys", what=ref.file, reason=reason)
        fresh = rotate_keyring(ref, base)
        anchor_keyring(ref, base, store, f"rotated to {fresh.id}")
    return {"keyring": ref.file, "active": fresh.id, "keys": [asdict(key) for key in describe(ref, base)]}


def destroy_keys(
    job: Path, state: Path, key_ids: tuple[str, ...], reason: str, base: Path | None = None
) -> dict[str, Any]:
    """Destroy keys for ever and return the receipt, which is kept under the state.

    Raises LockHeld while a run or another change is under way, KeyUnavailable, JobWrong for an unknown key.
    """
    base = base or Path.cwd()
    ref = load_config(job, base).job.keyring
    store = _state_of(ref, base, state)
    if not key_ids:
        raise JobWrong("--key names the key to destroy", hint="pouch keys list JOB lists them")
    with store.lock():
        refuse_older(ref, base, store)
        names = " ".join(key_ids)
        store.audit.append(who=getpass.getuser(), action="destroy keys", what=names, reason=reason)
        gone = destroy_masters(ref, base, tuple(dict.fromkeys(key_ids)))
        anchor_keyring(ref, base, store, f"destroyed {names}")
        receipt = _receipt(ref, store, gone, reason)
        path = write_receipt(store, "keys", receipt)
    return {**receipt, "receipt": path.name}


def anchor_keyring(ref: KeyringRef, base: Path, store: State, reason: str) -> None:
    """Remember how far the keyring has come. Raises PublishFailed."""
    file = read_file(ref, base)
    anchor(store, f"keyring {file.name}", file.generation, reason)


def _state_of(ref: KeyringRef, base: Path, state: Path) -> State:
    read_file(ref, base)  # a missing keyring is told before a state is made
    return open_state(base / state)


def _receipt(ref: KeyringRef, store: State, gone: tuple[MasterSummary, ...], reason: str) -> dict[str, Any]:
    ids = frozenset(master.id for master in gone)
    return {
        "what": "keys destroyed",
        "at": store.clock().isoformat(timespec="seconds"),
        "who": getpass.getuser(),
        "reason": reason,
        "keyring": ref.file,
        "keys": [asdict(master) for master in gone],
        "releases": _closed(store, ids),
        "quarantines": list(sealed_under(store, ids)),
        "not_reached": _NOT_REACHED,
    }


def _closed(store: State, ids: frozenset[str]) -> list[dict[str, str]]:
    """Releases that hold tokens of these keys, as far as the subject index tells.

    Every release names the key of its date; one in clear, or of statistics, has no cell that the key closes.
    """
    found = []
    for entry in store.ledger.entries():
        if entry.kind != "published":
            continue
        with suppress(CheckFailed):  # a damaged index of this release keeps no key from being destroyed
            index = read_index(store, entry)
            if index is not None and index["key_id"] in ids and _holds_tokens(index):
                found.append({"recipient": entry.recipient, "date": entry.date, "key_id": index["key_id"]})
    return found


def _holds_tokens(index: Mapping[str, Any]) -> bool:
    return any(made_with_key(column) for table in index["tables"] for column in table["columns"])
