"""The limits of the budget ledger: what is spent of them, and which ones a new release would pass."""

from collections.abc import Iterator, Sequence
from datetime import date as calendar_date

from pipeline.config.dp_models import Allowance, Budget, Refresh
from pipeline.errors import BudgetExhausted, JobWrong, Problem
from pipeline.state.budget_accounting import Loss
from pipeline.state.budget_events import Charge, Event, counting, idle

_SLACK = 1e-9  # of an epsilon: what 120 steps of a search may miss, not what a release costs


def spent(events: Sequence[Event], recipient: str | None, allowance: Allowance, period: str) -> Loss:
    """What the releases of a recipient (None: of all) cost that the allowance still counts at a date."""
    total = Loss()
    for event in counting(events):
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


def beyond(events: Sequence[Event], asked: Charge, pending: Loss | None = None) -> list[Problem]:
    """Return which limits a new release would pass; `pending` is what others of the same run will cost beside it.

    Charges whose place it takes do not count.
    """
    problems: list[Problem] = []
    release, loss = asked.release, asked.loss
    if loss == Loss() or asked.budget is None:
        return problems
    given_up = {event.seq for event in idle(events, release)}
    kept = tuple(event for event in counting(events) if event.seq not in given_up)
    for name, recipient, allowance in allowances(asked.budget, release.recipient):
        before = spent(kept, recipient, allowance, release.period)
        if pending is not None and recipient is None:
            before += pending
        if not within(before + loss, allowance):
            told = f"epsilon {before.epsilon_at(allowance.delta):.3f} of {allowance.epsilon:g} is spent, "
            after = (before + loss).epsilon_at(allowance.delta)
            told += f"with this release it would be {after:.3f} (at delta {allowance.delta:g})"
            if (before + loss).delta >= allowance.delta:
                told = f"the thresholds of open keys would use up all of delta {allowance.delta:g}"
            hint = "pouch budget explain says what was spent; a larger budget is a weaker promise; a job's other "
            hint += "releases run alone with --recipient"
            problems.append(Problem(BudgetExhausted.code, f"budget of {name}", told, hint))
    return problems
