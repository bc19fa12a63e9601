"""The rows of the budget ledger as values, and which charges count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.config.dp_models import Budget
from pipeline.state.budget_accounting import Loss
from pipeline.state.chain import FIRST, link_hash

Kind = Literal["charged", "stored", "published", "void", "remasked"]


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
class Charge:
    """One release of statistics, what it costs, and the limits that it must keep to."""

    release: Release
    mechanism: str
    loss: Loss
    budget: Budget | None


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

    @property
    def of(self) -> Release:
        """The release that the row is about."""
        return Release(self.recipient, self.dataset, self.period, self.spec_digest, self.input_digest)


@dataclass(frozen=True)
class Standing:
    """How far a release has come."""

    number: int
    content: str  # digest of the stored bytes; empty: charged, never stored
    published: bool


def counting(events: Sequence[Event]) -> tuple[Event, ...]:
    """Leave out charges that were given up, and the rows that say so."""
    gone: set[int] = set()
    charged: dict[str, int] = {}
    for event in events:
        if event.kind == "charged":
            charged[event.release] = event.seq
        elif event.kind == "void":
            gone |= {charged.pop(event.release), event.seq}
    return tuple(event for event in events if event.seq not in gone)


def contents(events: Sequence[Event]) -> dict[str, tuple[Event, str]]:
    """Return every stored release, oldest first: the row that says so, and the digest of its bytes as they are now."""
    found: dict[str, tuple[Event, str]] = {}
    for event in counting(events):
        if event.kind == "stored":
            found[event.release] = event, event.content
        elif event.kind == "remasked":
            found[event.release] = found[event.release][0], event.content
    return found


def idle(events: Sequence[Event], release: Release) -> tuple[Event, ...]:
    """Charges that a release of the same recipient, dataset and period may take the place of.

    Nothing of them was stored, so nothing left the state: what the noise said is forgotten, and one person can have
    been told about once only.
    """
    live = counting(events)
    stored = {event.release for event in live if event.kind == "stored"}
    place = (release.recipient, release.dataset, release.period)
    return tuple(
        event
        for event in live
        if event.kind == "charged"
        and event.release not in stored | {release.id}
        and (event.recipient, event.dataset, event.period) == place
    )
