"""What `pouch stats` and `pouch budget` tell, as tables and as JSON."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.config.dp_models import Budget
from pipeline.errors import JobWrong
from pipeline.standalone import StatsSummary, load_statistics
from pipeline.state import open_state
from pipeline.state.budget import BudgetLedger, open_budget
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_events import Event, counting
from pipeline.state.budget_facts import budget_facts
from pipeline.state.budget_limits import allowances, bucket, spent, within
from pipeline.statistics.dp_checking import price
from pipeline.statistics.dp_noise import require_opendp
from pipeline.statistics.untyped import classes_of
from pipeline.way_out import print_json

_DAYS_AHEAD = 3660  # a budget that lasts ten years is not worth counting
MEANING = (
    "whatever somebody believes about one person, these releases together multiply the odds of it by at most "
    "{factor}, except with probability {delta:g}"
)


def print_stats(summary: StatsSummary, format: str) -> None:
    """Print what became of `pouch stats`."""
    told = {
        "recipient": summary.recipient,
        "path": str(summary.path),
        "number": summary.number,
        "status": "published" if summary.new else "served again",
        "run": summary.run,
        "statistics": list(summary.tables),
        "budget": list(summary.budgets),
        "notes": list(summary.notes),
    }
    if format == "json":
        print_json(told)
        return
    print(f"{summary.path}: {told['status']} (release {summary.number} of {summary.recipient})")
    for table in summary.tables:
        print(
            f"  {table['name']}: "
            + ", ".join(f"{count:,} rows {status}" for status, count in table["rows"].items())
        )
    for note in summary.notes:
        print(f"  {note}")
    for one in summary.budgets:
        print(
            f"  budget of {one['budget']}: epsilon {one['epsilon_spent']:.3f} of {one['epsilon_limit']:g} spent"
        )


# ------------------------------------------------------------------ budget


def _ledger(state: Path) -> BudgetLedger:
    if not (state / "FORMAT").exists():
        raise JobWrong("is no state directory", where=str(state), hint="name the --state of your runs")
    return open_budget(open_state(state))


def budgets_of(state: Path) -> list[dict[str, Any]]:
    """Return, for each recipient with releases of statistics, what is spent and the limits of its last charge."""
    ledger = _ledger(state)
    events = ledger.events()
    found = []
    for recipient in sorted({event.recipient for event in events}):
        mine = [event for event in events if event.recipient == recipient]
        releases = {event.release for event in mine}
        entry: dict[str, Any] = {"recipient": recipient, "releases": len(releases)}
        last = next((event for event in reversed(mine) if event.limits), None)
        if last is not None:
            budget = Budget.model_validate(last.limits)
            entry["budgets"] = budget_facts(ledger, budget, recipient, last.period)
        found.append(entry)
    return found


def print_budgets(budgets: Sequence[Mapping[str, Any]], format: str) -> None:
    """Print what `budgets_of` found."""
    if format == "json":
        print_json(list(budgets))
        return
    if not budgets:
        print("no statistics were released from this state")
    for entry in budgets:
        releases = "1 release" if entry["releases"] == 1 else f"{entry['releases']} releases"
        print(f"{entry['recipient']}: {releases} of statistics")
        if "budgets" not in entry:
            print("  none with noise, so nothing is spent")
        for one in entry.get("budgets", ()):
            again = (
                ""
                if one["refresh"] == "never"
                else f", refreshed {one['refresh']}: {_refreshed(one['refresh'])}"
            )
            print(
                f"  {one['budget']}: epsilon {one['epsilon_spent']:.3f} of {one['epsilon_limit']:g} spent "
                f"at delta {one['delta']:g}{again}"
            )


def _refreshed(refresh: str) -> str:
    period = {"yearly": "year", "quarterly": "quarter", "monthly": "month", "weekly": "week", "daily": "day"}
    return f"the promise holds for a person's data of one {period[refresh]}, not for a person"


def releases_of(state: Path, recipient: str | None) -> list[dict[str, Any]]:
    """Return every release of statistics, oldest first, with its charge and what all until then mean together."""
    events = _ledger(state).events()
    live = counting(events)
    kept = {event.seq for event in live}
    kinds = {(event.release, event.kind) for event in live}
    total: dict[str, Loss] = {}
    found = []
    for event in events:
        if event.kind != "charged" or recipient not in (None, event.recipient):
            continue
        if event.seq not in kept:
            found.append(_facts(event, "given up: another release took its charge"))
            continue
        total[event.recipient] = total.get(event.recipient, Loss()) + event.loss
        found.append(_release_facts(event, total[event.recipient], kinds))
    return found


def _release_facts(event: Event, total: Loss, kinds: set[tuple[str, str]]) -> dict[str, Any]:
    delta = Budget.model_validate(event.limits).recipient.delta if event.limits else 0.0
    reached = next((kind for kind in ("published", "stored") if (event.release, kind) in kinds), "charged")
    facts = _facts(event, reached)
    if event.loss != Loss():
        facts["epsilon"] = event.loss.epsilon_at(delta)
        facts["delta"] = delta
        facts["epsilon_until_then"] = total.epsilon_at(delta)
        facts["means"] = MEANING.format(factor=_factor(total.epsilon_at(delta)), delta=delta)
    return facts


def _facts(event: Event, reached: str) -> dict[str, Any]:
    return {
        "recipient": event.recipient,
        "number": event.number,
        "date": event.period,
        "at": event.at,
        "dataset": event.dataset,
        "mechanism": event.mechanism,
        "state": reached,
        "rho": event.loss.rho,
    }


def _factor(epsilon: float) -> str:
    return f"{math.exp(epsilon):.3g}" if epsilon < 700 else "any factor"


def print_releases(releases: Sequence[Mapping[str, Any]], format: str) -> None:
    """Print what `releases_of` found."""
    if format == "json":
        print_json(list(releases))
        return
    if not releases:
        print("no statistics were released from this state")
    for one in releases:
        when = one["date"] or one["at"][:10]
        cost = f"epsilon {one['epsilon']:.3f}" if "epsilon" in one else "no charge"
        print(
            f"{one['recipient']} {one['number']}: {one['dataset']}, {when}, {one['mechanism']}, {cost}, {one['state']}"
        )
    for recipient in dict.fromkeys(one["recipient"] for one in releases):
        last = next(
            (one for one in reversed(releases) if one["recipient"] == recipient and "means" in one), None
        )
        if last is not None:
            print(f"{recipient}: epsilon {last['epsilon_until_then']:.3f} in all: {last['means']}")


def simulate_nights(spec_path: Path, recipient: str, state: Path, day: str) -> dict[str, Any]:
    """Return what one release of a specification costs and how many, one a night, the budgets still cover.

    Nothing is charged and no data is read. Raises JobWrong: no noise, no budget, a wrong specification.
    """
    spec = load_statistics(spec_path)
    if spec.budget is None:
        raise JobWrong("has no budget, so nothing is ever spent", where=str(spec_path))
    require_opendp(str(spec_path))
    loss = sum((price(one, classes_of(one)) for one in spec.statistics.values()), Loss())
    if loss == Loss():
        raise JobWrong("has no table with dp, so nothing is ever spent", where=str(spec_path))
    events: tuple[Event, ...] = ()
    if (state / "FORMAT").exists():
        events = _ledger(state).events()
    start = date.fromisoformat(day) if day else datetime.now(UTC).date()
    limits: list[dict[str, Any]] = []
    for name, who, allowance in allowances(spec.budget, recipient):
        nights, refreshed = 0, False
        total = spent(events, who, allowance, start.isoformat())
        before = total
        first = bucket(start.isoformat(), allowance.refresh)
        while nights < _DAYS_AHEAD and within(total + loss, allowance):
            if bucket((start + timedelta(days=nights)).isoformat(), allowance.refresh) != first:
                refreshed = True
                break
            total += loss
            nights += 1
        limits.append(
            {
                "budget": name,
                "epsilon_spent": before.epsilon_at(allowance.delta),
                "epsilon_limit": allowance.epsilon,
                "delta": allowance.delta,
                "refresh": allowance.refresh,
                "nights_left": nights,
                "until_refresh": refreshed,
            }
        )
    delta = spec.budget.recipient.delta
    return {
        "recipient": recipient,
        "epsilon_a_night": loss.epsilon_at(delta),
        "rho_a_night": loss.rho,
        "delta": delta,
        "nights_left": min(one["nights_left"] for one in limits),
        "budgets": limits,
    }


def print_simulation(found: Mapping[str, Any]) -> None:
    """Print what `simulate_nights` found."""
    print(
        f"{found['recipient']}: one release costs epsilon {found['epsilon_a_night']:.3f} at delta {found['delta']:g} "
        f"(rho {found['rho_a_night']:.4g}); {found['nights_left']} nights are left"
    )
    for one in found["budgets"]:
        more = ", then the budget refreshes" if one["until_refresh"] else ""
        print(
            f"  {one['budget']}: epsilon {one['epsilon_spent']:.3f} of {one['epsilon_limit']:g} spent, "
            f"{one['nights_left']} nights left{more}"
        )
