"""What a job's statistics cost, and whether the ledger lets them pass; known before the first row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.dp_models import Budget
from pipeline.config.loading import Config, digest_of
from pipeline.errors import Problem, refuse
from pipeline.protect.model import Plan
from pipeline.state import State
from pipeline.state.budget import Release, beyond, open_budget
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_anchor import verify_anchors
from pipeline.statistics.dp_checking import price


@dataclass(frozen=True)
class Charge:
    """One release of statistics in the ledger, and what it costs."""

    release: Release
    mechanism: str
    loss: Loss
    budget: Budget | None


def charges_of(config: Config, plan: Plan, digests: Mapping[int, str]) -> dict[int, Charge]:
    """Return the charge of every release that has statistics; `digests` of everything that decides their bytes."""
    found = {}
    for release in plan.releases:
        if not release.statistics:
            continue
        specs = {entry.name: entry.spec for entry in release.statistics}
        tables = {table for spec in specs.values() for table in spec.tables}
        loss = sum((price(spec, plan.tables[spec.table].classes) for spec in specs.values()), Loss())
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
            "noise" if loss != Loss() else "disclosure rules",
            loss,
            config.statistics[path].budget if path else None,
        )
    return found


def refuse_unpaid(charges: Mapping[int, Charge], store: State, out: Path) -> None:
    """Refuse releases that the ledger would refuse, all of one run together.

    Raises:
        BudgetExhausted: a limit would be passed.
        CheckFailed: the ledger is not what its anchors have seen.

    """
    if not charges:
        return
    ledger = open_budget(store)
    events = ledger.events()
    pending = Loss()
    problems: list[Problem] = []
    for charge in charges.values():
        verify_anchors(ledger, out, charge.release.recipient, charge.release.dataset)
        if charge.budget is None or any(event.release == charge.release.id for event in events):
            continue  # costs nothing, or was paid for
        problems += beyond(events, charge.release, charge.loss, charge.budget, pending)
        pending += charge.loss
    refuse(problems)
