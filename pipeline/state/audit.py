"""The audit log: who did what to protected data, and why. Appended before the deed, hash-chained."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import JobWrong
from pipeline.state.chain import last_link, link_hash, verify_rows
from pipeline.state.database import reading, transaction

_COLUMNS = "seq, at, who, action, what, reason, previous, hash"
_LONGEST = 1000  # characters of a cell


@dataclass(frozen=True)
class AuditEntry:
    """One deed. `what` names a release, run or column; a raw value belongs nowhere here."""

    seq: int
    at: str  # UTC, to the second
    who: str
    action: str
    what: str
    reason: str
    hash: str


@dataclass(frozen=True)
class AuditLog:
    """Append-only, hash-chained. `State.audit` is one."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def append(self, *, who: str, action: str, what: str, reason: str) -> AuditEntry:
        """Append one row; it is on disk when this returns, so call it before the deed.

        Raises JobWrong for an empty reason or one with line breaks, PublishFailed where the disk refuses.
        """
        for name, cell in (("who", who), ("action", action), ("what", what), ("reason", reason)):
            if not cell.strip() or not cell.isprintable() or len(cell) > _LONGEST:
                raise JobWrong(
                    f"must be one line of 1 to {_LONGEST} characters", where=name, hint=_HINTS.get(name, "")
                )
        at = self.clock().isoformat(timespec="seconds")
        with transaction(self.database) as database:
            last, previous = last_link(database, "audit")
            seq, cells = last + 1, (at, who, action, what, reason)
            row_hash = link_hash("audit", seq, cells, previous)
            database.execute(
                f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
                (seq, *cells, previous, row_hash),
            )
        return AuditEntry(seq, *cells, row_hash.hex())

    def entries(self) -> tuple[AuditEntry, ...]:
        """All rows, oldest first."""
        with reading(self.database) as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY seq").fetchall()  # noqa: S608 - constants
        return tuple(_entry(row) for row in rows)

    def verify_chain(self) -> str:
        """Return the head's hash. Raises CheckFailed naming the first row that was touched."""
        with reading(self.database) as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY seq")  # noqa: S608 - constants
            return verify_rows("audit", rows).hex()


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    values: tuple[Any, ...] = (*row[:6], row[7].hex())
    return AuditEntry(*values)


_HINTS = {"reason": "say why, for the auditor: --reason 'ticket 4711, customer asks for a correction'"}
