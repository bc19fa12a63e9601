"""The budget ledger: every release of statistics, and what it may have told about one person.

    charged ─▶ (noise is drawn) ─▶ stored ─▶ published        one event each, appended, hash-chained

Guarantee: no noise is drawn before its charge is on disk, so what leaves the state was paid for, whatever crashes. A
release that was charged and never stored left nothing; it may be drawn again at no charge. A stored one is served
again, the same bytes. Charges are only added. What is noticed, and what is not, stands in `budget_anchor`.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date as calendar_date
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pipeline.config.dp_models import Allowance, Budget, Refresh
from pipeline.errors import BudgetExhausted, CheckFailed, InternalError, JobWrong, Problem, error_of
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_tables import FILE, create_budget
from pipeline.state.chain import FIRST, Link, link_hash, verify_links
from pipeline.state.database import reading, transaction
from pipeline.state.directory import State

Kind = Literal["charged", "stored", "published"]
_COLUMNS = (
    "seq, at, kind, release, recipient, dataset, number, period, spec_digest, input_digest, mechanism, loss,"
    " limits, content, previous, hash"
)
_SLACK = 1e-9  # of an epsilon: what 120 steps of a search may miss, not what a release costs


@dataclass(frozen=True)
class Release:
    """Which release of statistics this is. Equal fields are the same release; anything else is a new one."""

    recipient: str
    dataset: str  # names of the tables, sorted, joined by +
    period: str  # date of the release, or empty
    spec_digest: str
    input_digest: str

    @property
    def id(self) -> str:
        """SHA-256 over all fields, hex."""
        fields = (self.recipient, self.dataset, self.period, self.spec_digest, self.input_digest)
        return link_hash("release of statistics", 0, fields, FIRST).hex()


@dataclass(frozen=True)
class Event:
    """One row. Digests are SHA-256 in hex; nothing is a value of the data."""

    seq: int
    at: str
    kind: str
    release: str
    recipient: str
    dataset: str
    number: int  # of the recipient's releases of statistics, from 1; its manifest shows it
    period: str
    spec_digest: str
    input_digest: str
    mechanism: str
    loss: Loss
    limits: Mapping[str, Any]
    content: str  # digest of the stored bytes, or empty
    hash: str


@dataclass(frozen=True)
class Standing:
    """How far a release has come."""

    number: int
    content: str  # digest of the stored bytes; empty: charged, never stored
    published: bool


@dataclass(frozen=True)
class BudgetLedger:
    """Append-only, hash-chained. Make it with `open_budget`."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    name: str  # random, by which anchors know it
    secret: bytes = field(repr=False)  # digests of people are made under it; it never leaves the state

    def standing(self, release: Release) -> Standing | None:
        """How far the release has come; None: never asked for."""
        events = [event for event in self.events() if event.release == release.id]
        if not events:
            return None
        stored = next((event.content for event in events if event.kind == "stored"), "")
        return Standing(events[0].number, stored, any(event.kind == "published" for event in events))

    def charge(self, release: Release, mechanism: str, loss: Loss, budget: Budget | None) -> Event:
        """Append the charge of a new release; it is on disk when this returns.

        The recipient's releases and everybody's, with this one, must keep within their limits; a release without
        loss needs none. Raises BudgetExhausted: nothing was appended.
        """
        if loss != Loss() and budget is None:
            raise InternalError("a release with noise needs a budget")
        with transaction(self.database) as database:
            events = _read(database)
            if any(event.release == release.id for event in events):
                raise InternalError("a release is charged once")
            if budget is not None and (problems := beyond(events, release, loss, budget)):
                raise error_of(problems)
            number = max((e.number for e in events if e.recipient == release.recipient), default=0) + 1
            limits = budget.model_dump(mode="json") if budget is not None else {}
            return self._append(database, "charged", release, number, mechanism, loss, limits, "")

    def stored(self, release: Release, content: str) -> Event:
        """Append that the bytes of a charged release are in the state."""
        return self._follow("stored", release, content)

    def published(self, release: Release) -> Event:
        """Append that readers can see a stored release."""
        return self._follow("published", release, "")

    def _follow(self, kind: Kind, release: Release, content: str) -> Event:
        with transaction(self.database) as database:
            mine = [event for event in _read(database) if event.release == release.id]
            before = {"stored": "charged", "published": "stored"}[kind]
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
        last = database.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = (last[0] + 1, last[1]) if last else (1, FIRST)
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
            return verify_links("budget", (Link(row[0], row[1:-2], row[-2], row[-1]) for row in rows)).hex()


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


# ------------------------------------------------------------------ limits


def spent(events: tuple[Event, ...], recipient: str | None, allowance: Allowance, period: str) -> Loss:
    """What the releases of a recipient (None: of all) cost that the allowance still counts at a date."""
    total = Loss()
    for event in events:
        if recipient in (None, event.recipient) and _counts(event.period, period, allowance.refresh):
            total += event.loss
    return total


def bucket(period: str, refresh: Refresh) -> str:
    """Name the calendar period of a date that an allowance is for; empty for `never`.

    Raises JobWrong where the release has no date and the allowance refreshes.
    """
    if refresh == "never":
        return ""
    try:
        day = calendar_date.fromisoformat(period)
    except ValueError:
        raise JobWrong(
            f"a budget with refresh: {refresh} needs the date of the release", hint="add --date YYYY-MM-DD"
        ) from None
    year, week, _ = day.isocalendar()
    return {
        "yearly": f"{day:%Y}",
        "quarterly": f"{day:%Y}-Q{(day.month + 2) // 3}",
        "monthly": f"{day:%Y-%m}",
        "weekly": f"{year:04d}-W{week:02d}",
        "daily": day.isoformat(),
    }[refresh]


def _counts(charged: str, period: str, refresh: Refresh) -> bool:
    """Whether a charge counts; one without a date always does."""
    return refresh == "never" or not charged or bucket(charged, refresh) == bucket(period, refresh)


def allowances(budget: Budget, recipient: str) -> Iterator[tuple[str, str | None, Allowance]]:
    """Name, recipient (None: all together) and limit of both budgets."""
    yield f"recipient {recipient}", recipient, budget.recipient
    yield "all recipients together", None, budget.overall or budget.recipient


def within(total: Loss, allowance: Allowance) -> bool:
    """Whether a sum of losses keeps to a limit."""
    return total.epsilon_at(allowance.delta) <= allowance.epsilon + _SLACK


def beyond(
    events: tuple[Event, ...], release: Release, loss: Loss, budget: Budget, pending: Loss | None = None
) -> list[Problem]:
    """Return which limits a release would pass; `pending` is what others of the same run will cost beside it."""
    problems: list[Problem] = []
    if loss == Loss():
        return problems
    for name, recipient, allowance in allowances(budget, release.recipient):
        before = spent(events, recipient, allowance, release.period)
        if pending is not None and recipient is None:
            before += pending
        if not within(before + loss, allowance):
            told = f"epsilon {before.epsilon_at(allowance.delta):.3f} of {allowance.epsilon:g} is spent, "
            after = (before + loss).epsilon_at(allowance.delta)
            told += f"with this release it would be {after:.3f} (at delta {allowance.delta:g})"
            if (before + loss).delta >= allowance.delta:
                told = f"the thresholds of open keys would use up all of delta {allowance.delta:g}"
            hint = "pouch budget explain says what was spent; a larger budget is a weaker promise"
            problems.append(Problem(BudgetExhausted.code, f"budget of {name}", told, hint))
    return problems


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
