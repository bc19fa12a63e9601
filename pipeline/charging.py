"""What a job's statistics cost, and whether the ledger lets them pass; known before the first row."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.config.loading import Config, digest_of
from pipeline.errors import CheckFailed, PouchError, Problem
from pipeline.protect.model import Plan
from pipeline.state import State
from pipeline.state.budget import open_budget
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_anchor import verify_anchors
from pipeline.state.budget_events import Charge, Release, counting
from pipeline.state.budget_limits import beyond
from pipeline.statistics.dp_checking import cost_of


def charges_of(config: Config, plan: Plan, digests: Mapping[int, str]) -> dict[int, Charge]:
    """Return the charge of every release that has statistics; `digests` of everything that decides their bytes."""
    found = {}
    for release in plan.releases:
        if not release.statistics:
            continue
        specs = {entry.name: entry.spec for entry in release.statistics}
        tables = {table for spec in specs.values() for table in spec.tables}
        mechanism, loss = cost_of(specs, {name: table.classes for name, table in plan.tables.items()})
        path = config.job.releases[release.number].statistics
        found[release.number] = Charge(
            Release(
                release.recipient,
                "+".join(sorted(tables)),
                plan.date,
                # What it may cost is no part of what it is: a larger budget does not make a new release.
                digest_of({name: spec.model_dump(mode="json") for name, spec in specs.items()}),
                digests[release.number],
            ),
            mechanism,
            loss,
            config.statistics[path].budget if path else None,
        )
    return found


def unpaid(charges: Mapping[int, Charge], store: State, out: Path) -> dict[int, tuple[Problem, ...]]:
    """Return the releases that the ledger would refuse, by number, and why: a limit, or an anchor that knows better.

    Releases of one run are looked at in their order, as they will be charged: one that a limit refuses leaves the
    limit to those after it.
    """
    if not charges:
        return {}
    try:
        ledger = open_budget(store)
    except CheckFailed as error:
        return dict.fromkeys(charges, error.problems)
    events = counting(ledger.events())
    pending = Loss()
    found: dict[int, tuple[Problem, ...]] = {}
    for number, charge in charges.items():
        try:
            verify_anchors(ledger, out, charge.release.recipient, charge.release.dataset)
        except PouchError as error:
            found[number] = error.problems
            continue
        if any(event.release == charge.release.id for event in events):
            continue  # was paid for
        if problems := beyond(events, charge, pending):
            found[number] = tuple(problems)
        else:
            pending += charge.loss
    return found
