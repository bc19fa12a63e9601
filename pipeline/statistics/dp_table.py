"""Bounded contributions -> noise -> the published table, every row `noised`.

The mechanism is the only thing that sees true answers. No rule of suppression looks at them: which rows there are is
declared, or decided by noise; empty cells are published like all others.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.config.dp_models import Quantile
from pipeline.config.statistics_models import Mean, StatisticSpec, Sum
from pipeline.statistics.cells import Axis
from pipeline.statistics.dp_bounding import Answers
from pipeline.statistics.dp_consistent import CONFIDENCE, interval, noise_margin, share_out
from pipeline.statistics.dp_design import Design, as_decimal, edges, noise_of, whole_bounds
from pipeline.statistics.dp_margins import added_up, between_parts, flat, margins
from pipeline.statistics.dp_noise import Noise
from pipeline.statistics.model import TOTAL, dimension_columns

Whole = npt.NDArray[np.int64]
NOISED = "noised"


@dataclass(frozen=True)
class Noisy:
    """Noisy answers, and the cells that show."""

    keys: tuple[tuple[str, ...], ...]
    vectors: Mapping[tuple[str, str], Whole] = field(repr=False)


def draw(answers: Answers, made: Design, noise: Noise) -> Noisy:
    """Add noise to every answer. With a threshold, keys whose noisy people do not pass it are gone."""
    sample = noise.laplace if made.mechanism == "discrete Laplace" else noise.gaussian
    if made.threshold is None:
        vectors = {
            (q.kind, q.column): _array(sample(answers.vectors[q.kind, q.column].tolist(), q.scale))
            for q in made.questions
        }
        return Noisy(answers.keys, vectors)
    people = made.question("people")
    counts = dict(zip(map(_name, answers.keys), answers.vectors["people", ""].tolist(), strict=True))
    passed = noise.above_threshold(counts, people.scale, made.threshold)
    place = {_name(key): i for i, key in enumerate(answers.keys)}
    shown = sorted(passed, key=place.__getitem__)
    rows = np.array([place[name] for name in shown], dtype=np.int64)
    vectors = {("people", ""): _array([passed[name] for name in shown])}
    for q in made.questions:
        if q.kind != "people":
            true = answers.vectors[q.kind, q.column].reshape(len(answers.keys), -1)[rows].ravel()
            vectors[q.kind, q.column] = _array(sample(true.tolist(), q.scale))
    return Noisy(tuple(answers.keys[i] for i in rows), vectors)


def _name(labels: tuple[str, ...]) -> str:
    """One text a key; JSON, so that no two keys get one text, whatever the labels hold."""
    return json.dumps(labels)


def _array(values: Sequence[int]) -> Whole:
    return np.array(values, dtype=np.int64)


@dataclass(frozen=True)
class _Figures:
    """One published figure in every row, with its error bars; in smallest units."""

    shown: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]


def table_of(
    noisy: Noisy, spec: StatisticSpec, made: Design, decimals: Mapping[str, int], axes: Sequence[Axis] | None
) -> pa.Table:
    """Return the published table: dimensions, each measure with `_low` and `_high`, and `status`.

    Rows stand in the order of labels, totals (`*`) last. Error bars hold with 95 % each. Of a cohort, what would lie
    after the last declared period is no row.
    """
    grid = _Grid(spec, made, tuple(axes) if axes is not None else (flat(len(noisy.keys)),))
    columns: dict[str, pa.Array] = {}
    names = noisy.keys if axes is None else list(itertools.product(*(axis.labels for axis in axes)))
    for i, column in enumerate(dimension_columns(spec)):
        columns[column] = pa.array([row[i] for row in names], pa.string())
    for measure in spec.measures:
        columns |= _published(measure, noisy, spec, grid, decimals)
    columns["status"] = pa.array([NOISED] * len(names), pa.string())
    found = pa.table(columns)
    return found if spec.cohort is None else found.filter(pa.array(_possible(grid.axes)))


def _possible(axes: Sequence[Axis]) -> list[bool]:
    """Which (cohort, periods later) can hold anybody."""
    first, later = axes
    return [
        first.labels[c] == TOTAL or c + after < first.leaves
        for c in range(len(first))
        for after in range(len(later))
    ]


def _published(
    measure: object, noisy: Noisy, spec: StatisticSpec, grid: "_Grid", decimals: Mapping[str, int]
) -> dict[str, pa.Array]:
    match measure:
        case "people":
            return _whole_columns("people", grid.people(noisy.vectors["people", ""]))
        case "rows":
            return _whole_columns("rows", grid.additive(noisy.vectors["rows", ""], "rows", "", 0))
        case Sum(sum=column):
            return _decimal_columns(
                f"sum_{column}", _sum(noisy, spec, grid, column, decimals), decimals[column]
            )
        case Mean(mean=column):
            return _mean_columns(noisy, spec, grid, column, decimals)
        case Quantile():
            return _quantile_columns(noisy, spec, grid, measure, decimals)
        case _:
            raise ValueError("a measure that differential privacy does not know; the plan must refuse it")


def _sum(
    noisy: Noisy, spec: StatisticSpec, grid: "_Grid", column: str, decimals: Mapping[str, int]
) -> _Figures:
    low, _ = whole_bounds(noise_of(spec), column, decimals[column])
    return grid.additive(noisy.vectors["sum", column], "sum", column, 0 if low >= 0 else None)


@dataclass(frozen=True)
class _Grid:
    """The places of all rows: cells, and behind them the totals of each dimension that has one."""

    spec: StatisticSpec
    made: Design
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Leaves of each dimension."""
        return tuple(axis.leaves for axis in self.axes)

    def additive(
        self, noisy: Whole, kind: str, column: str, least: int | None, confidence: float = CONFIDENCE
    ) -> _Figures:
        """Figures whose totals are the sums of their parts."""
        leaves = noisy.reshape(self.shape)
        raw = added_up(leaves, self.axes)
        shown = added_up(share_out(leaves, least), self.axes)
        parts = added_up(np.ones(self.shape, dtype=np.int64), self.axes)
        margin = self._margins(kind, column, parts, confidence)
        low, high = interval(raw, margin, shown, least)
        return _Figures(shown.ravel(), low.ravel(), high.ravel())

    def people(self, noisy: Whole) -> _Figures:
        """Distinct people: every total was asked by itself."""
        raw = np.zeros(tuple(len(axis) for axis in self.axes), dtype=np.int64)
        start = 0
        for margin in margins(self.axes):
            raw[np.ix_(*margin.nodes)] = noisy[start : start + margin.cells].reshape(margin.size)
            start += margin.cells
        shown = between_parts(np.maximum(raw, 0), self.axes)
        if self.spec.cohort is not None:  # who came back was there before
            shown = np.minimum(shown, shown[:, :1])
        bars = self._margins("people", "", np.ones_like(raw), CONFIDENCE)
        low, high = interval(raw, bars, shown, 0)
        return _Figures(shown.ravel(), low.ravel(), high.ravel())

    def _margins(self, kind: str, column: str, parts: Whole, confidence: float) -> Whole:
        scale = self.made.question(kind, column).scale
        each = {n: noise_margin(self.made.mechanism, scale, n, confidence) for n in np.unique(parts).tolist()}
        margins_of: Whole = np.vectorize(each.__getitem__, otypes=[np.int64])(parts)
        return margins_of


def _whole_columns(name: str, figures: _Figures) -> dict[str, pa.Array]:
    return {
        name: pa.array(figures.shown, pa.int64()),
        f"{name}_low": pa.array(figures.low, pa.int64()),
        f"{name}_high": pa.array(figures.high, pa.int64()),
    }


def _decimal_columns(name: str, figures: _Figures, decimals: int) -> dict[str, pa.Array]:
    if not decimals:
        return _whole_columns(name, figures)
    columns = (("", figures.shown), ("_low", figures.low), ("_high", figures.high))
    return {f"{name}{suffix}": _scaled(values, decimals) for suffix, values in columns}


def _scaled(values: Whole, decimals: int) -> pa.Array:
    return pa.array([as_decimal(value, decimals) for value in values.tolist()], pa.decimal128(38, decimals))


def _mean_columns(
    noisy: Noisy, spec: StatisticSpec, grid: _Grid, column: str, decimals: Mapping[str, int]
) -> dict[str, pa.Array]:
    """Noisy sum by noisy number of values, kept within the declared bounds; two decimals more than the column.

    Both error bars at 97.5 %, so that the quotient's hold with 95 %.
    """
    each = (1 + CONFIDENCE) / 2
    bounds = whole_bounds(noise_of(spec), column, decimals[column])
    least = 0 if bounds[0] >= 0 else None
    sums = grid.additive(noisy.vectors["sum", column], "sum", column, least, each)
    values = grid.additive(noisy.vectors["values", column], "values", column, 0, each)
    low, high = 100 * bounds[0], 100 * bounds[1]

    def quotient(total: Whole, number: Whole, otherwise: int) -> Whole:
        exact = [
            _rounded(100 * int(t), int(n)) if n > 0 else otherwise
            for t, n in zip(total.tolist(), number.tolist(), strict=True)
        ]
        return np.array([min(max(one, low), high) for one in exact], dtype=np.int64)

    shown = quotient(sums.shown, values.shown, (low + high) // 2)
    smallest = quotient(sums.low, np.where(sums.low >= 0, values.high, values.low), low)
    largest = quotient(sums.high, np.where(sums.high >= 0, values.low, values.high), high)
    figures = _Figures(shown, np.minimum(smallest, shown), np.maximum(largest, shown))
    return _decimal_columns(f"mean_{column}", figures, decimals[column] + 2)


def _rounded(total: int, number: int) -> int:
    quotient, rest = divmod(total, number)
    return quotient + (2 * rest > number or (2 * rest == number and quotient % 2 == 1))


def _quantile_columns(
    noisy: Noisy, spec: StatisticSpec, grid: _Grid, quantile: Quantile, decimals: Mapping[str, int]
) -> dict[str, pa.Array]:
    """The edge below which the noisy share of rows lies; error bars from the noise of the cumulative counts.

    What decides is, for every step j, the count up to j minus rank x total: its noise has j parts of weight 1 - rank
    and the others of weight rank. The bars hold for all steps together (each at 95 % / steps).
    """
    name, places = quantile.quantile, decimals[quantile.quantile]
    scale = grid.made.question("steps", name).scale
    leaves = noisy.vectors["steps", name].reshape(*grid.shape, quantile.steps)
    counts = added_up(leaves, grid.axes).reshape(-1, quantile.steps)
    parts = added_up(np.ones(grid.shape, dtype=np.int64), grid.axes).ravel()
    low_edge, _ = whole_bounds(noise_of(spec), name, places)
    upper = np.array(edges(noise_of(spec), quantile, places), dtype=np.int64)
    lower = np.concatenate([[low_edge], upper[:-1]])
    running = np.cumsum(counts, axis=1)
    columns: dict[str, pa.Array] = {}
    for rank in quantile.at:
        beyond = running - rank * running[:, -1:]
        bars = {
            n: _step_bars(grid.made.mechanism, scale, n, quantile.steps, rank) for n in set(parts.tolist())
        }
        margin = np.stack([bars[n] for n in parts.tolist()]) if len(parts) else np.zeros((0, quantile.steps))
        shown = upper[_first(beyond >= 0)]
        smallest, largest = lower[_first(beyond >= -margin)], upper[_first(beyond >= margin)]
        figures = _Figures(shown, np.minimum(smallest, shown), np.maximum(largest, shown))
        columns |= _decimal_columns(f"p{round(rank * 100)}_{name}", figures, places)
    return columns


def _step_bars(mechanism: str, scale: float, parts: int, steps: int, rank: float) -> npt.NDArray[np.float64]:
    """Bound of the noise of (count up to step j) - rank x total, for every j; `parts` noises in each step."""
    each = 1 - (1 - CONFIDENCE) / (2 * steps)  # the two groups of noises are bounded separately
    below = [0.0] + [float(noise_margin(mechanism, scale, parts * j, each)) for j in range(1, steps + 1)]
    return np.array([(1 - rank) * below[j] + rank * below[steps - j] for j in range(1, steps + 1)])


def _first(reached: npt.NDArray[np.bool_]) -> Whole:
    """The first step that is reached, the last where none is."""
    first: Whole = np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1] - 1)
    return first


def published_schema(spec: StatisticSpec, decimals: Mapping[str, int]) -> pa.Schema:
    """Return the schema of a table with noise."""
    fields = [pa.field(column, pa.string()) for column in dimension_columns(spec)]
    for name, places in figure_names(spec, decimals):
        kind = pa.decimal128(38, places) if places else pa.int64()
        fields += [pa.field(f"{name}{suffix}", kind) for suffix in ("", "_low", "_high")]
    return pa.schema([*fields, pa.field("status", pa.string())])


def figure_names(spec: StatisticSpec, decimals: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return each published figure with its decimals."""
    found: list[tuple[str, int]] = []
    for measure in spec.measures:
        match measure:
            case Sum(sum=column):
                found.append((f"sum_{column}", decimals[column]))
            case Mean(mean=column):
                found.append((f"mean_{column}", decimals[column] + 2))
            case Quantile(quantile=column, at=ranks):
                found += [(f"p{round(rank * 100)}_{column}", decimals[column]) for rank in ranks]
            case "people" | "rows":
                found.append((measure, 0))
    return found
