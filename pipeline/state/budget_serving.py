"""One release of statistics from the ledger's side: charge, draw, store; or what was stored already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import refuse
from pipeline.state.budget import BudgetLedger
from pipeline.state.budget_anchor import verify_anchors, write_anchors
from pipeline.state.budget_events import Charge, Release, contents
from pipeline.state.budget_limits import beyond
from pipeline.state.budget_store import read_content, store_content, sweep_contents
from pipeline.state.directory import State

Step = Callable[[str], None]
Draw = Callable[[int], Mapping[str, bytes]]  # number of the release -> its files


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
    asked: Charge,
    begin: Callable[[], Draw],
    after: Step = nothing_happens,
) -> Served:
    """Return the bytes of a release, charged, drawn and stored, or the stored ones; call it under the state's lock.

    Args:
        store: the state.
        ledger: of that state.
        out: where its anchors lie.
        asked: the release, and what it costs.
        begin: does everything that costs nothing and may refuse; then nothing was charged. What it returns draws, and
            is called when the charge is on disk, with the release's number for its manifest. Where drawing refuses,
            the charge stands until the release, or another one of the same recipient, dataset and period, takes it.
        after: told each step when it is done: begun, charged, anchored, drawn, written, stored.

    Raises:
        BudgetExhausted: a limit would be passed; nothing happened.
        CheckFailed: ledger, anchor or stored bytes are not what they were.

    """
    store.require_lock()
    ledger.verify_chain()
    release = asked.release
    verify_anchors(ledger, out, release.recipient, release.dataset)
    sweep_contents(store, {name: content for name, (_, content) in contents(ledger.events()).items()})
    standing = ledger.standing(release)
    if standing is not None and standing.content:
        return Served(read_content(store, release.id, standing.content), standing.number, new=False)
    if standing is None:
        refuse(beyond(ledger.events(), asked))
    draw = begin()
    after("begun")
    if standing is None:
        number = ledger.charge(asked).number
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
