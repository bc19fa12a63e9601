"""Every call into OpenDP: discrete noise on whole numbers, and what it costs.

Guarantee: a vector that one privacy unit changes by at most the declared distance gets noise whose loss, by OpenDP's
own privacy map (rounded against us), is at most what is asked for. Samples are exact, without floating point:
discrete Laplace and Gaussian of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy"
(NeurIPS 2020); thresholded keys after Rogers, "A Unifying Privacy Analysis Framework for Unknown Domain
Algorithms" (2023). Randomness is the operating system's, never seeded.
"""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.errors import JobWrong

INSTALL_HINT = "pip install 'pouch-deid[dp]'"


@dataclass(frozen=True)
class Distance:
    """How far one privacy unit, added or removed, moves a vector of whole numbers."""

    l1: int
    l2: float
    entries: int
    largest: int


class Noise(Protocol):
    """What draws. Tests put a frozen one in its place, to see everything but the noise."""

    def laplace(self, values: Sequence[int], scale: float) -> list[int]:
        """Values with discrete Laplace noise."""

    def gaussian(self, values: Sequence[int], scale: float) -> list[int]:
        """Values with discrete Gaussian noise."""

    def above_threshold(self, counts: Mapping[str, int], scale: float, threshold: int) -> dict[str, int]:
        """Counts with discrete Gaussian noise, of those keys that pass the threshold."""


def installed() -> bool:
    """Whether the extra is there; nothing is imported."""
    return importlib.util.find_spec("opendp") is not None


def require_opendp(where: str = "") -> None:
    """Raise JobWrong with the install hint where OpenDP is missing."""
    if not installed():
        raise JobWrong("differential privacy needs the extra dp", where=where, hint=INSTALL_HINT)


class OpenDP:
    """Noise by OpenDP."""

    def laplace(self, values: Sequence[int], scale: float) -> list[int]:
        """Values with discrete Laplace noise of the scale; 0 is not allowed."""
        return list(_laplace(scale)([int(value) for value in values])) if len(values) else []

    def gaussian(self, values: Sequence[int], scale: float) -> list[int]:
        """Values with discrete Gaussian noise of the scale."""
        return list(_gaussian(scale)([int(value) for value in values])) if len(values) else []

    def above_threshold(self, counts: Mapping[str, int], scale: float, threshold: int) -> dict[str, int]:
        """Counts with discrete Gaussian noise, of those keys that pass the threshold."""
        return dict(_threshold(scale, threshold)({key: int(count) for key, count in counts.items()}))


# ------------------------------------------------------------------ scales and what they cost


def laplace_scale(distance: Distance, epsilon: float) -> float:
    """Return the smallest scale, to a part in 10^9, whose loss is at most epsilon."""
    return _grown(distance.l1 / epsilon, lambda scale: laplace_epsilon(distance, scale) <= epsilon)


def gaussian_scale(distance: Distance, rho: float) -> float:
    """Return the smallest scale, to a part in 10^9, whose loss is at most rho."""
    return _grown(distance.l2 / math.sqrt(2 * rho), lambda scale: gaussian_rho(distance, scale) <= rho)


def laplace_epsilon(distance: Distance, scale: float) -> float:
    """Loss of the noise, by OpenDP's map."""
    return float(_laplace(scale).map(distance.l1))


def gaussian_rho(distance: Distance, scale: float) -> float:
    """Loss of the noise in zCDP, by OpenDP's map."""
    return float(_gaussian(scale).map(distance.l2))


def threshold_for(distance: Distance, scale: float, delta: float) -> int:
    """Return the smallest threshold at which a unit's own key shows with probability of at most delta.

    Search over OpenDP's map, which falls with the threshold.
    """
    low, high = distance.largest, distance.largest + 1
    while _threshold_loss(distance, scale, high)[1] > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _threshold_loss(distance, scale, middle)[1] <= delta else (middle, high)
    return high


def _threshold_loss(distance: Distance, scale: float, threshold: int) -> tuple[float, float]:
    rho, delta = _threshold(scale, threshold).map((distance.entries, distance.l2, float(distance.largest)))
    return float(rho), float(delta)


def _grown(scale: float, enough: Any) -> float:
    """OpenDP rounds a loss up: grow the scale by steps of 10^-12 until its own map agrees."""
    step = 1e-12
    while not enough(scale):
        scale *= 1 + step
        step *= 2
    return scale


# ------------------------------------------------------------------ OpenDP's constructors


def _prelude() -> Any:
    require_opendp()
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp


def _vectors(dp: Any) -> Any:
    return dp.vector_domain(dp.atom_domain(T=dp.i64))


def _laplace(scale: float) -> Any:
    dp = _prelude()
    return dp.m.make_laplace(_vectors(dp), dp.l1_distance(T=dp.i64), scale=scale)


def _gaussian(scale: float) -> Any:
    dp = _prelude()
    return dp.m.make_gaussian(_vectors(dp), dp.l2_distance(T=float), scale=scale)


def _threshold(scale: float, threshold: int) -> Any:
    dp = _prelude()
    domain = dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T=dp.i64))
    metric = dp.l02inf_distance(dp.absolute_distance(T=float))
    return dp.m.make_gaussian_threshold(domain, metric, scale=scale, threshold=threshold)
