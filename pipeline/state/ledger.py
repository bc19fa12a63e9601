"""The ledger: what was released to whom. Rows are appended, never changed, and each seals the ones before."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date as calendar_date
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import InternalError
from pipeline.state.chain import last_link, link_hash, verify_rows
from pipeline.state.database import reading, transaction

# intended: written before a tree is swapped in; published: after it; abandoned: it never became visible.
Kind = Literal["intended", "published", "abandoned"]
_KINDS = ("intended", "published", "abandoned")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TREE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FACT = re.compile(r"[A-Za-z0-9._:-]{0,128}")
_DIGEST = re.compile(r"([0-9a-f]{64})?")
_COLUMNS = (
    "seq, at, run, kind, recipient, date, number, tree, release_digest, input_digest, plan_digest, rows,"
    " facts, previous, hash"
)


@dataclass(frozen=True)
class LedgerEntry:
    """One row. Digests are SHA-256 in hex, or empty; `facts` are counts and short names, never values."""

    seq: int  # from 1, over the whole ledger
    at: str  # UTC, to the second
    run: str
    kind: str
    recipient: str
    date: str
    number: int  # from 1, per recipient: rises with every published tree
    tree: str  # name under <out>/<recipient>/.releases/
    release_digest: str  # of the published bytes
    input_digest: str
    plan_digest: str
    rows: int  # published rows, all tables
    facts: Mapping[str, int | str]
    hash: str


@dataclass(frozen=True)
class Ledger:
    """Append-only, hash-chained. `State.ledger` is one."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def record(
        self,
        kind: Kind,
        *,
        run: str,
        recipient: str,
        date: str,
        tree: str,
        release_digest: str = "",
        input_digest: str = "",
        plan_digest: str = "",
        rows: int = 0,
        facts: Mapping[str, int | str] | None = None,
    ) -> LedgerEntry:
        """Append one row; it is on disk when this returns. Raises PublishFailed: nothing was appended."""
        stored = dict(facts or {})
        digests = (release_digest, input_digest, plan_digest)
        _refuse_odd(kind=kind, recipient=recipient, date=date, tree=tree, digests=digests, facts=stored)
        at = self.clock().isoformat(timespec="seconds")
        with transaction(self.database) as database:
            last, previous = last_link(database, "ledger")
            seq, number = last + 1, _number(database, recipient)
            text = json.dumps(stored, sort_keys=True)
            cells = (at, run, kind, recipient, date, number, tree, *digests, rows, text)
            row_hash = link_hash("ledger", seq, cells, previous)
            marks = ", ".join("?" * (len(cells) + 3))
            database.execute(
                f"INSERT INTO ledger ({_COLUMNS}) VALUES ({marks})",  # noqa: S608 - constants, no input
                (seq, *cells, previous, row_hash),
            )
        return LedgerEntry(
            seq, at, run, kind, recipient, date, number, tree, *digests, rows, stored, row_hash.hex()
        )

    def entries(self) -> tuple[LedgerEntry, ...]:
        """All rows, oldest first."""
        return tuple(self._select("ORDER BY seq"))

    def published(self, recipient: str, date: str) -> LedgerEntry | None:
        """The newest published row of a release, or None."""
        rows = self._select(
            "WHERE recipient = ? AND date = ? AND kind = 'published' ORDER BY seq DESC LIMIT 1",
            recipient,
            date,
        )
        return next(rows, None)

    def pending(self) -> tuple[LedgerEntry, ...]:
        """Intended rows that a killed run left open: is the tree visible or not?"""
        return tuple(
            self._select(
                "AS mine WHERE kind = 'intended' AND NOT EXISTS (SELECT 1 FROM ledger AS later WHERE"
                " later.seq > mine.seq AND later.kind != 'intended' AND later.recipient = mine.recipient"
                " AND later.date = mine.date AND later.tree = mine.tree) ORDER BY seq"
            )
        )

    def head(self) -> tuple[int, str]:
        """Number of rows and the last row's hash: keep it elsewhere, and a ledger cut short is noticed."""
        with reading(self.database) as database:
            rows, head = last_link(database, "ledger")
        return rows, head.hex()

    def verify_chain(self) -> str:
        """Return the head's hash. Raises CheckFailed naming the first row that was touched."""
        with reading(self.database) as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM ledger ORDER BY seq")  # noqa: S608 - constants
            return verify_rows("ledger", rows).hex()

    def _select(self, clause: str, *parameters: str) -> Iterator[LedgerEntry]:
        with reading(self.database) as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM ledger {clause}",  # noqa: S608 - clauses are constants of this file
                parameters,
            ).fetchall()
        return (_entry(row) for row in rows)


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    values: tuple[Any, ...] = (*row[:12], json.loads(row[12]), row[14].hex())
    return LedgerEntry(*values)


def _number(database: sqlite3.Connection, recipient: str) -> int:
    # An intended row and its published row carry the same number: it rises when a tree has become visible.
    query = "SELECT count(*) FROM ledger WHERE recipient = ? AND kind = 'published'"
    return int(database.execute(query, (recipient,)).fetchone()[0]) + 1


def _refuse_odd(
    *,
    kind: str,
    recipient: str,
    date: str,
    tree: str,
    digests: tuple[str, ...],
    facts: Mapping[str, int | str],
) -> None:
    """Refuse anything but names, dates, digests and counts, so that no value of the data can get in."""
    try:
        calendar_date.fromisoformat(date)
    except ValueError:
        raise InternalError("a ledger row needs a date such as 2026-11-01") from None
    fits = (
        kind in _KINDS
        and _NAME.fullmatch(recipient)
        and _TREE.fullmatch(tree)
        and all(_DIGEST.fullmatch(digest) for digest in digests)
        and all(_NAME.fullmatch(key) for key in facts)
        and all(isinstance(fact, int) or _FACT.fullmatch(fact) for fact in facts.values())
    )
    if not fits:
        raise InternalError("a ledger row holds names, digests and counts only")
