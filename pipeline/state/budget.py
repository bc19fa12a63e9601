"""The budget ledger: every release of statistics, and what it may have told about one person.

    charged ─▶ (noise is drawn) ─▶ stored ─▶ published        one event each, appended, hash-chained

Guarantee: no noise is drawn before its charge is on disk, so what leaves the state was paid for, whatever crashes. A
release that was charged and never stored left nothing: it may be drawn again at no charge, or its charge is given up
(`void`) in the moment in which another release of the same recipient, dataset and period is charged. A stored one is
served again, the same bytes. What is noticed, and what is not, stands in `budget_anchor`.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import CheckFailed, InternalError, error_of
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_events import Charge, Event, Kind, Release, Standing, contents, counting, idle
from pipeline.state.budget_limits import beyond
from pipeline.state.budget_tables import FILE, create_budget
from pipeline.state.chain import FIRST, last_link, link_hash, verify_rows
from pipeline.state.database import reading, transaction
from pipeline.state.directory import State

_COLUMNS = (
    "seq, at, kind, release, recipient, dataset, number, period, spec_digest, input_digest, mechanism, loss,"
    " limits, content, previous, hash"
)


@dataclass(frozen=True)
class BudgetLedger:
    """Append-only, hash-chained. Make it with `open_budget`."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    name: str  # random, by which anchors know it
    secret: bytes = field(repr=False)  # digests of people are made under it; it never leaves the state

    def standing(self, release: Release) -> Standing | None:
        """How far the release has come; None: never asked for."""
        events = [event for event in counting(self.events()) if event.release == release.id]
        if not events:
            return None
        _, stored = contents(events).get(release.id, (None, ""))
        return Standing(events[0].number, stored, any(event.kind == "published" for event in events))

    def charge(self, asked: Charge) -> Event:
        """Append the charge of a new release; it is on disk when this returns.

        The recipient's releases and everybody's, with this one, must keep within their limits; a release without
        loss needs none. Charges whose place it takes are given up with it. Raises BudgetExhausted: nothing was
        appended.
        """
        release = asked.release
        if asked.loss != Loss() and asked.budget is None:
            raise InternalError("a release with noise needs a budget")
        with transaction(self.database) as database:
            events = _read(database)
            if any(event.release == release.id for event in counting(events)):
                raise InternalError("a release is charged once")
            if problems := beyond(events, asked):
                raise error_of(problems)
            for one in idle(events, release):
                self._append(database, "void", one.of, one.number, one.mechanism, Loss(), {}, "")
            number = max((e.number for e in events if e.recipient == release.recipient), default=0) + 1
            limits = asked.budget.model_dump(mode="json") if asked.budget is not None else {}
            return self._append(database, "charged", release, number, asked.mechanism, asked.loss, limits, "")

    def stored(self, release: Release, content: str) -> Event:
        """Append that the bytes of a charged release are in the state."""
        return self._follow("stored", release, content)

    def published(self, release: Release) -> Event:
        """Append that readers can see a stored release."""
        return self._follow("published", release, "")

    def remasked(self, release: Release, content: str) -> Event:
        """Append that what is kept beside a stored release was replaced; what readers see was not."""
        return self._follow("remasked", release, content)

    def _follow(self, kind: Kind, release: Release, content: str) -> Event:
        with transaction(self.database) as database:
            mine = [event for event in counting(_read(database)) if event.release == release.id]
            before = {"stored": "charged", "published": "stored", "remasked": "stored"}[kind]
            if not any(event.kind == before for event in mine):
                raise InternalError(f"a release must be {before} before it is {kind}")
            # What it cost stands in the charge alone: nothing is counted twice.
            return self._append(
                database, kind, release, mine[0].number, mine[0].mechanism, Loss(), {}, content
            )

    def _append(
        self,
        database: sqlite3.Connection,
        kind: Kind,
        release: Release,
        number: int,
        mechanism: str,
        loss: Loss,
        limits: Mapping[str, Any],
        content: str,
    ) -> Event:
        last, previous = last_link(database, "events")
        seq = last + 1
        cells = (
            self.clock().isoformat(timespec="seconds"),
            kind,
            release.id,
            release.recipient,
            release.dataset,
            number,
            release.period,
            release.spec_digest,
            release.input_digest,
            mechanism,
            json.dumps(asdict(loss), sort_keys=True),
            json.dumps(limits, sort_keys=True),
            content,
        )
        row_hash = link_hash("budget", seq, cells, previous)
        marks = ", ".join("?" * (len(cells) + 3))
        database.execute(
            f"INSERT INTO events ({_COLUMNS}) VALUES ({marks})",  # noqa: S608 - constants, no input
            (seq, *cells, previous, row_hash),
        )
        return _event((seq, *cells, previous, row_hash))

    def events(self) -> tuple[Event, ...]:
        """All rows, oldest first."""
        with reading(self.database) as database:
            return _read(database)

    def head(self) -> tuple[int, str]:
        """Number of rows and the last row's hash."""
        events = self.events()
        return (events[-1].seq, events[-1].hash) if events else (0, FIRST.hex())

    def hash_at(self, seq: int) -> str:
        """The hash of a row, or empty where there is none."""
        if not seq:
            return FIRST.hex()
        return next((event.hash for event in self.events() if event.seq == seq), "")

    def verify_chain(self) -> str:
        """Return the head's hash. Raises CheckFailed naming the first row that was touched."""
        with reading(self.database) as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM events ORDER BY seq")  # noqa: S608 - constants
            return verify_rows("budget", rows).hex()


def open_budget(store: State) -> BudgetLedger:
    """Open the ledger of a state, or make one; its chain is verified.

    Raises CheckFailed: the chain is broken, or the file was lost while statistics are stored beside it.
    """
    path = store.root / FILE
    kept = store.root / "statistics"
    if not path.exists() and kept.is_dir() and any(kept.iterdir()):
        raise CheckFailed(
            "statistics were released from here, but their ledger is missing",
            where=path.name,
            hint="restore it from its backup",
        )
    create_budget(path)
    with reading(path) as database:
        name, secret = database.execute("SELECT ledger, secret FROM identity").fetchone()
    ledger = BudgetLedger(path, store.clock, name, secret)
    ledger.verify_chain()
    return ledger


def _read(database: sqlite3.Connection) -> tuple[Event, ...]:
    rows = database.execute(f"SELECT {_COLUMNS} FROM events ORDER BY seq")  # noqa: S608 - constants
    return tuple(_event(row) for row in rows)


def _event(row: tuple[Any, ...]) -> Event:
    try:
        loss, limits = Loss(**json.loads(row[11])), json.loads(row[12])
    except (ValueError, TypeError):
        raise CheckFailed(f"row {row[0]} of the budget is not what Pouch wrote", where="state") from None
    values: tuple[Any, ...] = (*row[:11], loss, limits, row[13], row[15].hex())
    return Event(*values)
