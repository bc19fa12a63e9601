"""Noisy whole numbers -> figures that a reader expects: not below zero where nothing can be, totals that add up.

Everything here sees noisy numbers only, so it costs nothing (post-processing).
"""

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
CONFIDENCE = 0.95  # of every pair of error bars, before any look at the others
_FINE = 1000.0  # above this scale a discrete law is its own rescaled copy to three digits


def share_out(noisy: Whole, least: int | None) -> Whole:
    """Return whole numbers that are at least `least` (None: unbounded), next to the noisy ones, with the same sum.

    Projection onto a simplex (Held, Wolfe and Crowder 1974): one constant is taken from all, what falls below the
    bound stops there; then largest remainders make the sum exact. Where even the sum is too small, all stand at
    the bound.
    """
    if least is None or not noisy.size or int(noisy.min()) >= least:
        return noisy.copy()
    above = noisy.ravel().astype(np.float64) - least
    total = float(above.sum())
    if total <= 0:
        return np.full_like(noisy, least)
    descending = np.sort(above)[::-1]
    running = np.cumsum(descending) - total
    count = np.arange(1, len(above) + 1)
    last = int(np.flatnonzero(descending - running / count > 0)[-1])
    exact = np.maximum(above - running[last] / (last + 1), 0)
    floor = np.floor(exact)
    missing = round(total - float(floor.sum()))
    order = np.lexsort((np.arange(len(exact)), -(exact - floor)))  # ties: the first cell
    floor[order[:missing]] += 1
    shared: Whole = (floor.astype(np.int64) + least).reshape(noisy.shape)
    return shared


# ------------------------------------------------------------------ error bars


def interval(noisy: Whole, margin: int | Whole, shown: Whole, least: int | None) -> tuple[Whole, Whole]:
    """Return the error bars: noise and the bound allow nothing else with `CONFIDENCE`; the shown figure is inside."""
    low, high = noisy - margin, noisy + margin
    if least is not None:
        low, high = np.maximum(low, least), np.maximum(high, least)
    return np.minimum(low, shown), np.maximum(high, shown)


@cache
def noise_margin(mechanism: str, scale: float, parts: int = 1, confidence: float = CONFIDENCE) -> int:
    """Return the smallest t with P(|sum of `parts` noises| > t) <= 1 - confidence, or a bound above it."""
    if mechanism == "discrete Gaussian":
        # Sub-Gaussian with the scale as its deviation (Canonne, Kamath and Steinke 2020, corollary 17 and fact 18).
        return math.ceil(NormalDist().inv_cdf((1 + confidence) / 2) * scale * math.sqrt(parts))
    if scale > _FINE:
        return math.ceil(noise_margin(mechanism, _FINE, parts, confidence) * scale / _FINE) + 1
    return _laplace_margin(scale, parts, confidence)


def _laplace_margin(scale: float, parts: int, confidence: float) -> int:
    """Of a sum of discrete Laplace noises, by the transform ((1 - p)^2 / (1 - 2 p cos t + p^2))^parts of its law."""
    decay = math.exp(-1 / scale)
    reach = 1 << math.ceil(math.log2(40 * scale * max(math.sqrt(parts), 4) + 64))
    angle = 2 * np.pi * np.arange(reach) / reach
    law = ((1 - decay) ** 2 / (1 - 2 * decay * np.cos(angle) + decay**2)) ** parts
    chance = np.fft.ifft(law).real
    inside = chance[0] + 2 * np.cumsum(np.concatenate([[0.0], chance[1 : reach // 2]]))
    return int(np.searchsorted(inside, confidence + 1e-12))
