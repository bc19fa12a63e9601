"""What a table with noise asks the data, and at what price; all of it known before the first row.

Sensitivities (one unit added or removed; G = max_groups, R = max_rows, B = R x the larger bound):

    rows       each of at most G cells moves by at most R:              L1 = G R,  L2 = R sqrt(G)
    people     the same with 1, or R where a unit holds several people; each kind of total (of every level of a
               tree) is a vector of its own, in which a unit of G cells is in at most min(G, cells of it), since a
               cell is in one total of a kind:                          L1 = sum,  L2 = sqrt(sum of squares)
    sum        each of at most G cells moves by at most B:              L1 = G B,  L2 = B sqrt(G)
    values     as rows (the divisor of a mean)
    steps      a cell's steps together move by at most R:               L1 = G R,  L2 = R sqrt(G)

Totals of rows, sums and steps are added up after the noise. A joined label and a cohort follow from the person's own
rows, so that they decide which G cells a unit is in, and move nobody else's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod

from pipeline.config.dp_models import REPORTED_DELTA, Noise, Quantile
from pipeline.config.statistics_models import Mean, StatisticSpec, Sum
from pipeline.state.budget_accounting import Loss, pure_loss, rho_for
from pipeline.statistics.cells import Axis
from pipeline.statistics.dp_margins import margins
from pipeline.statistics.dp_noise import (
    Distance,
    gaussian_rho,
    gaussian_scale,
    laplace_epsilon,
    laplace_scale,
    threshold_for,
)


@dataclass(frozen=True)
class Question:
    """One vector of whole numbers that gets noise."""

    kind: str  # people | rows | sum | values | steps
    column: str  # measured column, or empty
    distance: Distance
    scale: float  # of the noise


@dataclass(frozen=True)
class Design:
    """Everything about a table with noise but the data."""

    mechanism: str  # discrete Laplace | discrete Gaussian
    questions: tuple[Question, ...]
    loss: Loss
    delta: float  # at which epsilon is told; 0 for a pure guarantee
    threshold: int | None  # least noisy people of a key that shows; None: keys are public

    @property
    def epsilon(self) -> float:
        """Of this table alone, at `delta`."""
        return self.loss.epsilon if self.loss.epsilon is not None else self.loss.epsilon_at(self.delta)

    def question(self, kind: str, column: str = "") -> Question:
        """The question of that kind."""
        return next(q for q in self.questions if (q.kind, q.column) == (kind, column))


def noise_of(spec: StatisticSpec) -> Noise:
    """The specification's block; every caller has looked for it."""
    assert spec.dp is not None
    return spec.dp


def asked(spec: StatisticSpec) -> tuple[tuple[str, str], ...]:
    """Return kind and column of every question, each once, in order of first need."""
    found: list[tuple[str, str]] = [("people", "")] if noise_of(spec).keys == "threshold" else []
    for measure in spec.measures:
        match measure:
            case Sum(sum=column):
                found.append(("sum", column))
            case Mean(mean=column):
                found += [("sum", column), ("values", column)]
            case Quantile(quantile=column):
                found.append(("steps", column))
            case "people" | "rows":
                found.append((measure, ""))
    return tuple(dict.fromkeys(found))


def quantiles_of(spec: StatisticSpec) -> tuple[Quantile, ...]:
    """Return the quantile measures."""
    return tuple(measure for measure in spec.measures if isinstance(measure, Quantile))


def totaled(spec: StatisticSpec) -> tuple[int, ...]:
    """Return the dimensions that have a total."""
    if isinstance(spec.totals, bool):
        return tuple(range(len(spec.dimensions))) if spec.totals else ()
    return tuple(i for i, dimension in enumerate(spec.dimensions) if dimension.column in spec.totals)


def whole_bounds(noise: Noise, column: str, decimals: int) -> tuple[int, int]:
    """Return the column's bounds in its smallest unit, rounded inward."""
    low, high = (bound.scaleb(decimals) for bound in noise.bounds[column])
    return math.ceil(low), math.floor(high)


def largest_sum(noise: Noise, column: str, decimals: int) -> int:
    """Return how far one unit moves the sum of one cell."""
    low, high = whole_bounds(noise, column, decimals)
    return noise.max_rows * max(abs(low), abs(high))


def design(spec: StatisticSpec, decimals: Mapping[str, int], axes: Sequence[Axis] | None) -> Design:
    """Return questions, noise and price of a table.

    Args:
        spec: with a `dp` block.
        decimals: of each measured column.
        axes: the dimensions; None where noise decides which keys there are.

    Raises:
        JobWrong: the extra dp is not installed.

    """
    noise, kinds = noise_of(spec), asked(spec)
    distances = [_distance(spec, kind, column, decimals, axes) for kind, column in kinds]
    if noise.pure:
        assert noise.epsilon is not None
        share = noise.epsilon / len(kinds)
        scales = [laplace_scale(one, share) for one in distances]
        spent = [laplace_epsilon(one, scale) for one, scale in zip(distances, scales, strict=True)]
        loss = sum((pure_loss(epsilon) for epsilon in spent), Loss())
        return Design("discrete Laplace", _questions(kinds, distances, scales), loss, 0.0, None)
    delta = noise.delta or REPORTED_DELTA
    for_keys = delta / 2 if noise.keys == "threshold" else 0.0
    rho = noise.rho if noise.rho is not None else rho_for(noise.epsilon or 0.0, delta - for_keys)
    scales = [gaussian_scale(one, rho / len(kinds)) for one in distances]
    spent = [gaussian_rho(one, scale) for one, scale in zip(distances, scales, strict=True)]
    threshold = threshold_for(distances[0], scales[0], for_keys) if for_keys else None
    loss = sum((Loss(one, None) for one in spent), Loss(0.0, None, for_keys))
    return Design("discrete Gaussian", _questions(kinds, distances, scales), loss, delta, threshold)


def _questions(
    kinds: Sequence[tuple[str, str]], distances: Sequence[Distance], scales: Sequence[float]
) -> tuple[Question, ...]:
    return tuple(
        Question(kind, column, distance, scale)
        for (kind, column), distance, scale in zip(kinds, distances, scales, strict=True)
    )


def _distance(
    spec: StatisticSpec, kind: str, column: str, decimals: Mapping[str, int], axes: Sequence[Axis] | None
) -> Distance:
    noise = noise_of(spec)
    groups = noise.max_groups
    if axes is not None:
        groups = min(groups, prod(axis.leaves for axis in axes))
    if kind == "people":
        largest = noise.max_rows if noise.unit is not None else 1
        reached = [groups]
        if axes is not None:
            reached = [min(groups, margin.cells) for margin in margins(axes)]
        entries = sum(reached)
    else:
        largest = largest_sum(noise, column, decimals[column]) if kind == "sum" else noise.max_rows
        entries = groups
    # A cell's steps move by at most R together, so the bound of a whole cell holds for them, too.
    return Distance(largest * entries, _up(largest * math.sqrt(entries)), entries, largest)


def _up(value: float) -> float:
    return math.nextafter(value, math.inf)


def edges(noise: Noise, quantile: Quantile, decimals: int) -> tuple[int, ...]:
    """Return the upper edge of every step, in the column's smallest unit; the last is the upper bound."""
    low, high = whole_bounds(noise, quantile.quantile, decimals)
    return tuple(low + (high - low) * (step + 1) // quantile.steps for step in range(quantile.steps))


def as_decimal(value: int, decimals: int) -> Decimal:
    """A whole number of smallest units as the column writes it."""
    return Decimal(value).scaleb(-decimals)
