"""An attacker who measures: lower bounds of what a mechanism tells, from its outputs on two neighboring tables.

The attacker chooses an event (`figure >= t` or `figure <= t`) on one half of the samples, and tests it on the other.
With probability 1 - alpha the bound is true, whatever the mechanism does: two Clopper-Pearson limits at alpha / 2 each.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ALPHA = 1e-6
Samples = npt.NDArray[np.int64]
_THRESHOLDS = 60
_ORDERS = tuple(1 + 2.0**exponent for exponent in np.arange(-6, 7, 0.25))


@dataclass(frozen=True)
class Bound:
    """What the test half says of an event: at least `often` with the person, at most `seldom` without (or reversed)."""

    event: str
    often: float
    seldom: float
    samples: int  # of each table, in the test half

    def epsilon(self, delta: float = 0.0) -> float:
        """The mechanism is not (epsilon, delta)-private for any smaller epsilon."""
        return max(0.0, math.log((self.often - delta) / self.seldom)) if self.often > delta else 0.0

    def rho(self) -> float:
        """The mechanism is not rho-zCDP for any smaller rho.

        zCDP bounds the Renyi divergence of order alpha of every event by alpha rho (Bun and Steinke 2016), so each
        order gives a bound. A yes-or-no event keeps only part of what a figure tells: the bound is loose.
        """
        p, q = self.often, self.seldom
        if p <= q:
            return 0.0
        return float(max(_renyi(p, q, order) / order for order in _ORDERS))


@dataclass(frozen=True)
class Law:
    """The discrete Gaussian law that a manifest states, as the best test that it allows an attacker.

    `power(q)` is the largest chance to recognize the person where the chance of a false alarm is q (Neyman and
    Pearson; likelihood ratios of whole numbers are monotone, so the best tests are thresholds). A mechanism whose
    events pass it has another scale. This sees what the loose bound of `Bound.rho` cannot.
    """

    scale: float

    def power(self, false_alarm: float) -> float:
        """Of the best test; exact up to 40 scales, beyond which nothing is left of the law."""
        reach = math.ceil(40 * self.scale) + 1
        law = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * self.scale**2))
        tails = np.cumsum((law / law.sum())[::-1])  # ascending: chance of at least k, from the largest k on
        return float(np.interp(false_alarm, np.append(0.0, tails[:-1]), tails))

    def excess(self, bound: Bound) -> float:
        """How far an event certainly passes the law; at most 0 where it keeps to it."""
        return bound.often - self.power(bound.seldom)


def _renyi(p: float, q: float, order: float) -> float:
    """Divergence of a coin with share p from one with share q; in logarithms, since powers overflow."""
    yes = order * math.log(p) + (1 - order) * math.log(q)
    no = order * math.log1p(-p) + (1 - order) * math.log1p(-q) if p < 1 else -math.inf
    return (max(yes, no) + math.log1p(math.exp(-abs(yes - no)))) / (order - 1)


def audit(
    without: Samples, having: Samples, alpha: float = ALPHA, *, by_rho: bool = False, law: Law | None = None
) -> Bound:
    """Return the best event of the choosing half, as the testing half sees it.

    Args:
        without, having: outputs on the table without and with one person; independent samples, equal in number.
        alpha: probability that the bound is wrong.
        by_rho: choose the event that tells most in the sense of `rho`, not of `epsilon`.
        law: choose the event that passes it farthest.

    """
    half = len(without) // 2
    choosing = _events(without[:half], having[:half])
    worth: Callable[[Bound], float] = Bound.rho if by_rho else Bound.epsilon
    worth = law.excess if law is not None else worth
    event, reversed_roles = max(
        ((event, role) for event in choosing for role in (False, True)),
        key=lambda pair: worth(_bound(pair[0], pair[1], without[:half], having[:half], alpha)),
    )
    return _bound(event, reversed_roles, without[half:], having[half:], alpha)


def _events(without: Samples, having: Samples) -> list[tuple[str, int]]:
    both = np.concatenate([without, having])
    at = np.unique(np.quantile(both, np.linspace(0.01, 0.99, _THRESHOLDS)).astype(np.int64))
    return [(side, int(t)) for t in at for side in (">=", "<=")]


def _bound(
    event: tuple[str, int], reversed_roles: bool, without: Samples, having: Samples, alpha: float
) -> Bound:
    side, threshold = event
    hits = [
        int(np.count_nonzero(one >= threshold if side == ">=" else one <= threshold))
        for one in (having, without)
    ]
    often, seldom = reversed(hits) if reversed_roles else hits
    trials = len(without)
    return Bound(
        f"figure {side} {threshold}",
        clopper_pearson(often, trials, alpha / 2, upper=False),
        clopper_pearson(seldom, trials, alpha / 2, upper=True),
        trials,
    )


# ------------------------------------------------------------------ exact limits of a share


def clopper_pearson(hits: int, trials: int, alpha: float, *, upper: bool) -> float:
    """Return the one-sided exact limit of a binomial share (Clopper and Pearson 1934).

    Lower: the p at which `hits` or more have probability alpha; upper: at which `hits` or fewer have it.
    """
    if not upper:
        return 0.0 if not hits else _solve(lambda p: binomial_tail(hits, trials, p), alpha)
    return 1.0 if hits == trials else _solve(lambda p: binomial_tail(hits + 1, trials, p), 1 - alpha)


def _solve(tail: Callable[[float], float], goal: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) < goal else (low, middle)
    return (low + high) / 2


def binomial_tail(least: int, trials: int, p: float) -> float:
    """Return P(X >= least): the regularized incomplete beta function I_p(least, trials - least + 1)."""
    if p <= 0 or p >= 1:
        return float(p >= 1)
    a, b = float(least), float(trials - least + 1)
    if p < (a + 1) / (a + b + 2):
        return _beta_part(a, b, p)
    return 1 - _beta_part(b, a, 1 - p)


def _beta_part(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method."""
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            step = c * d
            result *= step
        if abs(step - 1) < 1e-14:
            break
    return front * result / a


def repeated(count: int, times: int) -> Samples:
    """The true answer of one cell, as many times as it is to be drawn."""
    return np.full(times, count, dtype=np.int64)
