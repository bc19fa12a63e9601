"""The subject index: which release held whom, by keyed digests, so that an erasure can say where its subject went.

    subjects/
      <run id>/<recipient>.json    what the release held: tables, columns with their transforms, and each table's set
      sets/<sha256>                the people of one table: little-endian 64-bit words, ascending, each once

A word is the first half of the subject's AES-CMAC (see `protect.known_subjects`): without the keyring it tells
nobody's name, and of 10^6 people a stranger is taken for one of them with probability 10^6 / 2^64. Sets are named by
their content, so that releases of the same people share one. The ledger's row of a release holds the digest of its
index, so a changed index is noticed.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import CheckFailed
from pipeline.keys.private_files import TEMPORARY, create_private, private_directory, sync_directory
from pipeline.state.directory import State, disk_failures
from pipeline.state.ledger import LedgerEntry
from pipeline.state.runs import day_of

FOLDER = "subjects"
FACT = "subject_index"  # of the ledger: SHA-256 of the index, hex
_SETS = "sets"
_FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
RANGE_WORDS = 1 << 20  # of all files together, looked at in one go

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class PeopleSet:
    """A set of people that is on disk."""

    sha256: str
    people: int


def write_set(state: State, files: Sequence[Path]) -> PeopleSet:
    """Join sorted files of words into one set of the state. Raises PublishFailed where the disk refuses.

    Memory holds one range of the files, not the set.
    """
    folder = state.root / FOLDER / _SETS
    digest, people = hashlib.sha256(), 0
    with disk_failures(FOLDER):
        private_directory(folder.parent)
        private_directory(folder)
        temporary = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for words in joined([_mapped(path) for path in files]):
                    content = words.astype("<u8", copy=False).tobytes()
                    file.write(content)
                    digest.update(content)
                    people += len(words)
                file.flush()
                os.fsync(file.fileno())
            final = folder / digest.hexdigest()
            if final.exists():
                temporary.unlink()
            else:
                temporary.replace(final)
                sync_directory(folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return PeopleSet(digest.hexdigest(), people)


def write_index(state: State, run: str, recipient: str, document: Mapping[str, Any]) -> str:
    """Write what one release of a run held; return SHA-256 of it, hex. Raises PublishFailed."""
    day_of(run)
    folder = state.root / FOLDER / run
    content = (
        json.dumps({"format": _FORMAT, **document}, ensure_ascii=False, sort_keys=True) + "\n"
    ).encode()
    with disk_failures(FOLDER):
        private_directory(folder.parent)
        private_directory(folder)
        create_private(folder / f"{recipient}.json", content)
    return hashlib.sha256(content).hexdigest()


def sweep(state: State) -> None:
    """Remove what a killed run left half-written. Call it under the lock."""
    with disk_failures(FOLDER):
        for path in (state.root / FOLDER).glob(f"*/{TEMPORARY}*"):
            path.unlink(missing_ok=True)


def read_index(state: State, entry: LedgerEntry) -> dict[str, Any] | None:
    """What a published release held; None where it was made before there was an index. Raises CheckFailed."""
    stated = entry.facts.get(FACT)
    if not stated:
        return None
    try:
        content = (state.root / FOLDER / entry.run / f"{entry.recipient}.json").read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != stated:
        raise CheckFailed(
            "the subject index of this release was changed or is missing",
            where=f"{entry.recipient}/{entry.date}",
            hint="restore the state from its backup: without it nobody knows whom the release held",
        )
    return dict(json.loads(content))


def holds(state: State, sha256: str, word: int) -> bool:
    """Whether a set has this person. Raises CheckFailed where the set was changed or is missing."""
    words = people_of_set(state, sha256)
    at = int(np.searchsorted(words, np.uint64(word)))
    return at < len(words) and int(words[at]) == word


def people_of_set(state: State, sha256: str) -> Words:
    """The words of a set, ascending. Raises CheckFailed where the set was changed or is missing."""
    path = state.root / FOLDER / _SETS / sha256
    found = ""
    if _SHA256.fullmatch(sha256) and path.is_file():
        with disk_failures(FOLDER), path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise CheckFailed(
            "a set of the subject index was changed or is missing",
            where=sha256[:16],
            hint="restore the state from its backup",
        )
    return _mapped(path)


def joined(files: Sequence[Words]) -> Iterator[Words]:
    """The words of sorted files, ascending and each once, one range after the other."""
    total = sum(len(words) for words in files)
    count = -(-total // RANGE_WORDS)
    for number in range(count):
        low, high = (1 << 64) * number // count, (1 << 64) * (number + 1) // count
        found = _unique(_between(words, low, high) for words in files)
        if len(found):
            yield found


def _unique(parts: Iterable[Words]) -> Words:
    # A stable sort merges what is in order already: a fifth of the time.
    words = np.sort(np.concatenate(list(parts)), kind="stable")
    kept = np.ones(len(words), dtype=bool)
    kept[1:] = words[1:] != words[:-1]
    return words[kept]


def _between(words: Words, low: int, high: int) -> Words:
    first = np.searchsorted(words, np.uint64(low))
    last = len(words) if high >= 1 << 64 else np.searchsorted(words, np.uint64(high))
    return np.asarray(words[first:last], dtype=np.uint64)


def _mapped(path: Path) -> Words:
    return np.memmap(path, dtype="<u8", mode="r") if path.stat().st_size else np.zeros(0, dtype="<u8")
