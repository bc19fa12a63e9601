"""Records that could not be read: kept encrypted for a while, then made unreadable for ever.

    quarantine/<run id>/
      key.json                    the run's random key, wrapped by the keyring
      about.json                  counts, in clear
      index.sealed                which parts there are
      <table>-<slice>.sealed      the records of one slice

Guarantee: one random 256-bit key per run; parts are AES-256-GCM (NIST SP 800-38D) with the run id and the
part's name as associated data, so no part can be renamed, swapped between runs or left out unnoticed. When
the wrapped key is destroyed, nobody can read the parts, the keyring's owner included. What this cannot
promise: copies of `key.json` in backups, snapshots or a disk's spare blocks.
"""

import base64
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipeline.errors import CheckFailed, InternalError, JobWrong, KeyUnavailable
from pipeline.keys.private_files import (
    create_private,
    private_directory,
    read_private,
    shred_private,
    sync_directory,
)
from pipeline.state.directory import PARTIAL, State, disk_failures
from pipeline.state.runs import RUN_ID, day_of
from transforms import errors as transform_errors
from transforms.keyring import Keyring
from transforms.primitives import Unauthentic, encode_fields, seal, unseal, unwrap_key, wrap_key

KEY_BYTES = 32
_KEY, _ABOUT, _INDEX, _RECEIPT = "key.json", "about.json", "index.sealed", "destroyed.json"
_LABEL = "pouch/quarantine/1"
_PART = re.compile(r"[a-z][a-z0-9_]{0,62}-\d{5,9}\.sealed")
_FLUSH_BYTES = 8 << 20  # of raw records that a writer holds before it writes a part
_FIRST_OWN_SLICE = 900_000_000  # parts of the writer itself are numbered from here, above every slice


@dataclass(frozen=True)
class QuarantinedRecord:
    """One record as it was read, and why it could not be used. Its repr leaves the bytes out."""

    table: str
    file: str
    record: int  # from 0, within the file
    position: int  # of its first byte, within the (decompressed) file
    reason: str  # of a fixed vocabulary
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class QuarantineFacts:
    """What is public about a run's quarantine."""

    run: str
    records: int
    parts: int
    destroyed: str | None = None  # day on which its key was destroyed


def write_part(
    directory: Path,
    records: Sequence[QuarantinedRecord],
    *,
    key: bytes,
    run: str,
    table: str,
    slice_index: int,
) -> Path:
    """Seal one slice's records into one new file of `directory` (a child's staging). Raises PublishFailed."""
    name = f"{table}-{slice_index:05d}.sealed"
    if not _PART.fullmatch(name):
        raise InternalError("a quarantine part must be named by its table and slice")
    with disk_failures("quarantine"):
        private_directory(directory)
        create_private(directory / name, seal(key, _lines(records), _label(run, name)))
    return directory / name


class QuarantineWriter:
    """Collects one run's records and parts; nothing is part of the state before `commit`.

    A run that dies leaves parts whose key died with it; the next run's `begin_run` sweeps them away.
    """

    __slots__ = ("_buffer", "_buffered", "_directory", "_key", "_keyring", "_own", "_parts", "_run", "_state")

    def __init__(self, state: State, run: str, keyring: Keyring) -> None:
        day_of(run)
        self._state, self._run, self._keyring = state, run, keyring
        self._key = secrets.token_bytes(KEY_BYTES)
        self._directory = state.quarantine_root / f"{PARTIAL}{run}"
        self._parts: dict[str, int] = {}
        self._buffer: dict[str, list[QuarantinedRecord]] = {}
        self._buffered = 0
        self._own = _FIRST_OWN_SLICE

    def export_secret_key(self) -> bytes:
        """The run's key: for the pipe that a child process inherits, and nothing else."""
        return self._key

    def add(self, table: str, file: str, record: int, position: int, reason: str, raw: bytes) -> None:
        """Take one record that the parent itself met. Raises PublishFailed."""
        one = QuarantinedRecord(table, file, record, position, reason, raw)
        self._buffer.setdefault(table, []).append(one)
        self._buffered += len(raw)
        if self._buffered >= _FLUSH_BYTES:
            self._flush()

    def adopt(self, staging: Path) -> int:
        """Move the parts that children wrote into `staging`, each opened once; return the number of records.

        Raises CheckFailed where a part does not open, PublishFailed where the disk refuses.
        """
        adopted = 0
        with disk_failures("quarantine"):
            for path in sorted(staging.glob("*.sealed")):
                if not _PART.fullmatch(path.name) or path.name in self._parts:
                    raise InternalError("a quarantine part must be named by its table and slice, once")
                records = sum(1 for _ in _opened(self._key, self._run, path))
                private_directory(self._directory)
                _move(path, self._directory / path.name)
                self._parts[path.name] = records
                adopted += records
        return adopted

    def commit(self) -> QuarantineFacts:
        """Make the quarantine part of the state, in one step. A run without such records leaves nothing."""
        self._flush()
        facts = QuarantineFacts(self._run, sum(self._parts.values()), len(self._parts))
        if not self._parts:
            return facts
        wrapped = wrap_key(self._keyring.state_key("quarantine"), self._key)
        key_file = {"format": 1, "key_id": self._keyring.active, "wrapped": wrapped.hex()}
        about = {"format": 1, "run": self._run, "records": facts.records, "parts": facts.parts}
        index = json.dumps(self._parts, sort_keys=True).encode()
        final = self._state.quarantine_dir(self._run)
        with disk_failures("quarantine"):
            create_private(self._directory / _INDEX, seal(self._key, index, _label(self._run, _INDEX)))
            create_private(self._directory / _ABOUT, _document(about))
            create_private(self._directory / _KEY, _document(key_file))
            if final.exists():
                raise InternalError("a run commits its quarantine once")
            self._directory.rename(final)
            sync_directory(final.parent)
        return facts

    def _flush(self) -> None:
        for table, records in self._buffer.items():
            path = write_part(
                self._directory, records, key=self._key, run=self._run, table=table, slice_index=self._own
            )
            self._parts[path.name] = len(records)
            self._own += 1
        self._buffer, self._buffered = {}, 0


def read_quarantine(
    state: State, run: str, keyring: Keyring, *, who: str, reason: str
) -> Iterator[QuarantinedRecord]:
    """Open a run's quarantine, in the order of its parts. The audit log is written first.

    Raises JobWrong (no such run, no reason), KeyUnavailable (destroyed, or another keyring), CheckFailed (a
    part was changed or is missing) before the first record or at the changed part.
    """
    directory = state.quarantine_dir(run)
    state.audit.append(who=who, action="reveal quarantine", what=run, reason=reason)
    if not directory.is_dir():
        raise JobWrong(
            "this run has no quarantine", where=run, hint="the run report says how many records it holds"
        )
    key = _unwrapped(directory, run, keyring)
    try:
        index = json.loads(unseal(key, (directory / _INDEX).read_bytes(), _label(run, _INDEX)))
    except (Unauthentic, OSError, ValueError):
        raise _damaged(run) from None
    paths = [directory / name for name in sorted(index)]
    if not all(path.is_file() for path in paths):
        raise _damaged(run)
    return (record for path in paths for record in _opened(key, run, path))


def quarantines(state: State) -> tuple[QuarantineFacts, ...]:
    """All quarantines, oldest first, destroyed ones included."""
    with disk_failures("quarantine"):
        names = sorted(path.name for path in state.quarantine_root.iterdir() if RUN_ID.fullmatch(path.name))
    return tuple(_facts(state.quarantine_root / name) for name in names)


def sealed_under(state: State, key_ids: frozenset[str]) -> tuple[str, ...]:
    """Runs whose quarantine needs one of these masters to be opened, oldest first."""
    found = []
    for facts in quarantines(state):
        try:
            document = json.loads((state.quarantine_dir(facts.run) / _KEY).read_bytes())
            if document["key_id"] in key_ids:
                found.append(facts.run)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # expired, or damaged: nobody opens it anyway
    return tuple(found)


def destroy_expired(state: State, today: date, days: int) -> tuple[QuarantineFacts, ...]:
    """Destroy the key of every quarantine that is `days` days old or older; return their receipts.

    The wrapped key is overwritten and removed, then a receipt takes its place and the sealed parts go. A
    process killed in between leaves a quarantine without key, which the next call finishes. Call it under the
    lock.
    """
    if days < 1:
        raise JobWrong(f"must be at least 1 day, not {days}", where="quarantine_days")
    state.require_lock()
    receipts = []
    for facts in quarantines(state):
        if facts.destroyed is not None:
            _remove_parts(state.quarantine_dir(facts.run))  # where a killed process did not come to it
        elif (today - day_of(facts.run)).days >= days:
            receipts.append(_destroy(state, facts.run, today, f"{days} days have passed"))
    return tuple(receipts)


def _destroy(state: State, run: str, today: date, reason: str) -> QuarantineFacts:
    directory = state.quarantine_dir(run)
    state.audit.append(who="pouch", action="destroy quarantine", what=run, reason=reason)
    facts = _facts(directory)
    receipt = {
        "format": 1,
        "run": run,
        "records": facts.records,
        "parts": facts.parts,
        "destroyed": today.isoformat(),
    }
    with disk_failures("quarantine"):
        shred_private(directory / _KEY)
        with suppress(FileExistsError):
            create_private(directory / _RECEIPT, _document(receipt))
    _remove_parts(directory)
    return _facts(directory)


def _remove_parts(directory: Path) -> None:
    with disk_failures("quarantine"):
        parts = [path for path in directory.iterdir() if path.name != _RECEIPT]
        for path in parts:
            path.unlink()
        if parts:
            sync_directory(directory)


def _unwrapped(directory: Path, run: str, keyring: Keyring) -> bytes:
    content = read_private(directory / _KEY, f"quarantine of {run}") if (directory / _KEY).exists() else b""
    if not any(content):  # gone, or overwritten by a process that was killed before it could remove the name
        when = _facts(directory).destroyed
        raise KeyUnavailable(
            f"the key of this quarantine was destroyed{f' on {when}' if when else ''}; nobody can open it",
            where=run,
        )
    try:
        document = json.loads(content)
        wrapped, key_id = bytes.fromhex(document["wrapped"]), str(document["key_id"])
        key = unwrap_key(keyring.state_key("quarantine", key_id=key_id), wrapped)
    except (ValueError, KeyError, TypeError):
        raise _damaged(run) from None
    except transform_errors.KeyUnavailable:
        raise KeyUnavailable(
            "this keyring does not open the quarantine",
            where=run,
            hint=f"it was sealed under key {key_id}, which the keyring does not hold, or not any more",
        ) from None
    except Unauthentic:
        raise KeyUnavailable(
            "this keyring does not open the quarantine",
            where=run,
            hint=f"it was sealed under key {key_id}",
        ) from None
    return key


def _opened(key: bytes, run: str, path: Path) -> Iterator[QuarantinedRecord]:
    try:
        lines = unseal(key, path.read_bytes(), _label(run, path.name)).splitlines()
    except (Unauthentic, OSError):
        raise _damaged(run) from None
    for line in lines:
        table, file, record, position, reason, raw = json.loads(line)
        yield QuarantinedRecord(table, file, record, position, reason, base64.b64decode(raw))


def _lines(records: Sequence[QuarantinedRecord]) -> bytes:
    return b"".join(
        _document(
            [one.table, one.file, one.record, one.position, one.reason, base64.b64encode(one.raw).decode()]
        )
        for one in records
    )


def _facts(directory: Path) -> QuarantineFacts:
    for name in (_RECEIPT, _ABOUT):
        try:
            document = json.loads((directory / name).read_bytes())
            return QuarantineFacts(
                directory.name, int(document["records"]), int(document["parts"]), document.get("destroyed")
            )
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise _damaged(directory.name) from None
    return QuarantineFacts(directory.name, 0, 0)


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:  # the releases lie on another file system than the state
        create_private(target, source.read_bytes())
        source.unlink()


def _label(run: str, name: str) -> bytes:
    return encode_fields(_LABEL, run, name)


def _document(content: object) -> bytes:
    return (json.dumps(content) + "\n").encode()


def _damaged(run: str) -> CheckFailed:
    return CheckFailed(
        "a file of this quarantine was changed or is missing", where=run, hint="restore the state's backup"
    )
