"""What releases cost together: zCDP, told as (epsilon, delta). Pure arithmetic, no OpenDP, so that a ledger can be read
without the extra.

A loss is (rho, epsilon, delta): rho of zero-concentrated differential privacy (Bun and Steinke 2016), which adds up
over releases; epsilon where every part is pure, which adds up, too; delta of thresholded keys, which adds up.
"""

import math
from dataclasses import dataclass

_UP = math.inf


@dataclass(frozen=True)
class Loss:
    """What releases may have told about one privacy unit."""

    rho: float = 0.0
    epsilon: float | None = 0.0  # None: some part has no pure guarantee
    delta: float = 0.0  # of thresholded keys: the probability that a unit's own key shows

    def __add__(self, other: "Loss") -> "Loss":
        """Adaptive composition; every sum is rounded up."""
        both = self.epsilon is not None and other.epsilon is not None
        epsilon = _sum(self.epsilon or 0.0, other.epsilon or 0.0) if both else None
        return Loss(_sum(self.rho, other.rho), epsilon, _sum(self.delta, other.delta))

    def epsilon_at(self, delta: float) -> float:
        """The epsilon at which the releases are (epsilon, delta)-differentially private; infinite where there is none.

        The better of the pure sum and the conversion of rho, at what the thresholds leave of delta.
        """
        pure = self.epsilon if self.epsilon is not None and self.delta <= delta else math.inf
        left = delta - self.delta
        return min(pure, zcdp_epsilon(self.rho, left) if left > 0 else math.inf)


def pure_loss(epsilon: float) -> Loss:
    """epsilon-differential privacy is (epsilon^2 / 2)-zCDP (Bun and Steinke 2016, proposition 1.4)."""
    return Loss(math.nextafter(epsilon * epsilon / 2, _UP), epsilon)


def zcdp_epsilon(rho: float, delta: float) -> float:
    """Return the epsilon of rho-zCDP at delta (Canonne, Kamath and Steinke 2020, corollary 13).

    epsilon = min over alpha > 1 of  alpha rho + ln(1 / (alpha delta)) / (alpha - 1) + ln(1 - 1 / alpha).
    Every alpha gives a valid bound, so an inexact minimum errs on the safe side.
    """
    if rho <= 0:
        return 0.0
    if not 0 < delta < 1:
        return math.inf
    low, high = math.log(1e-9), math.log(1e9)  # of alpha - 1; the bound is unimodal in it
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(120):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _bound(rho, delta, left) < _bound(rho, delta, right):
            high = right
        else:
            low = left
    return max(0.0, _bound(rho, delta, (low + high) / 2))


def _bound(rho: float, delta: float, log_excess: float) -> float:
    excess = math.exp(log_excess)
    alpha = 1 + excess
    return alpha * rho - math.log(alpha * delta) / excess + math.log(excess / alpha)


def rho_for(epsilon: float, delta: float) -> float:
    """Return the largest rho, to a part in 10^12, whose epsilon at delta is at most epsilon."""
    # zcdp_epsilon(epsilon, delta) > epsilon: alpha > 1, and the rest is >= 0 where it counts.
    low, high = 0.0, epsilon
    while zcdp_epsilon(high, delta) <= epsilon:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if zcdp_epsilon(middle, delta) <= epsilon else (low, middle)
    return low


def _sum(one: float, other: float) -> float:
    total = one + other
    return total if total in (one, other) else math.nextafter(total, _UP)
