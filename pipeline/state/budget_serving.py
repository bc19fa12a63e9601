"""One release of statistics from the ledger's side: charge, draw, store; or what was stored already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config.dp_models import Budget
from pipeline.state.budget import BudgetLedger, Release
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_anchor import verify_anchors, write_anchors
from pipeline.state.budget_store import read_content, store_content
from pipeline.state.directory import State

Step = Callable[[str], None]


@dataclass(frozen=True)
class Served:
    """The bytes of a release; they are in the state."""

    files: Mapping[str, bytes] = field(repr=False)
    number: int
    new: bool  # False: served again


def nothing_happens(step: str) -> None:
    """Between two steps; tests end the process here."""


def serve(
    store: State,
    ledger: BudgetLedger,
    out: Path,
    release: Release,
    mechanism: str,
    loss: Loss,
    budget: Budget | None,
    draw: Callable[[int], Mapping[str, bytes]],
    after: Step = nothing_happens,
) -> Served:
    """Return the bytes of a release, drawn at most once after it was stored.

    Args:
        store: whose lock this process holds.
        ledger: of that state.
        out: where releases are published; its anchors are checked and kept.
        release: which one.
        mechanism: its name, for the ledger.
        loss: what it costs.
        budget: limits; None where nothing is charged.
        draw: makes the bytes, given the release's number for its manifest. Called after the charge is on disk.
        after: told each step when it is done: charged, anchored, drawn, stored.

    Raises:
        BudgetExhausted: a limit would be passed; nothing happened.
        CheckFailed: ledger, anchor or stored bytes are not what they were.

    """
    store.require_lock()
    ledger.verify_chain()
    verify_anchors(ledger, out, release.recipient, release.dataset)
    standing = ledger.standing(release)
    if standing is not None and standing.content:
        return Served(read_content(store, release.id, standing.content), standing.number, new=False)
    if standing is None:
        number = ledger.charge(release, mechanism, loss, budget).number
        after("charged")
    else:
        number = standing.number  # paid for, and nothing left the state: draw again
    write_anchors(ledger, out, release.recipient, release.dataset)
    after("anchored")
    files = dict(draw(number))
    after("drawn")
    digest = store_content(store, release.id, files)
    after("written")
    ledger.stored(release, digest)
    write_anchors(ledger, out, release.recipient, release.dataset)
    after("stored")
    return Served(files, number, new=True)


def mark_published(ledger: BudgetLedger, out: Path, release: Release) -> None:
    """Append that readers can see the release, once."""
    standing = ledger.standing(release)
    if standing is not None and not standing.published:
        ledger.published(release)
    write_anchors(ledger, out, release.recipient, release.dataset)
