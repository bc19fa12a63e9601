"""What is spent of a budget, for people and programs."""

from datetime import UTC, datetime
from typing import Any

from pipeline.config.dp_models import Budget
from pipeline.state.budget import BudgetLedger
from pipeline.state.budget_limits import allowances, spent


def budget_facts(
    ledger: BudgetLedger, budget: Budget | None, recipient: str, date: str
) -> list[dict[str, Any]]:
    """What is spent and what is left, for the recipient and for all together."""
    if budget is None:
        return []
    day = date or datetime.now(UTC).date().isoformat()
    found = []
    for name, who, allowance in allowances(budget, recipient):
        total = spent(ledger.events(), who, allowance, day)
        epsilon = total.epsilon_at(allowance.delta)
        found.append(
            {
                "budget": name,
                "epsilon_spent": epsilon,
                "epsilon_limit": allowance.epsilon,
                "delta": allowance.delta,
                "refresh": allowance.refresh,
                "rho_spent": total.rho,
            }
        )
    return found
