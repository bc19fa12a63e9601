"""What is wrong with a table that wants noise, found before the first row."""

from collections.abc import Iterator, Mapping
from math import prod

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.dp_models import Budget, Noise, Period, Quantile
from pipeline.config.models import Mean, StatisticSpec, Sum
from pipeline.errors import JobWrong, NotBuilt, Problem, nearest
from pipeline.state.budget_accounting import Loss
from pipeline.statistics.dimensions import declared_labels
from pipeline.statistics.dp_bounding import Labels
from pipeline.statistics.dp_design import Design, design, largest_sum, noise_of, totaled, whole_bounds
from pipeline.statistics.dp_noise import INSTALL_HINT, installed
from pipeline.statistics.model import MAX_CELLS, is_open

_MOST_SUM = 1 << 40  # of one unit in one cell, in smallest units: a million units then fit 64 bits


def check_noise(
    where: str, spec: StatisticSpec, classes: Mapping[str, str], budget: Budget | None
) -> list[Problem]:
    """Return everything that keeps a table from getting noise; without a `dp` block, what needs one.

    `classes` maps the table's columns to data classes.
    """
    if spec.dp is None:
        return [
            _wrong(where, "quantiles need differential privacy", "add dp: {epsilon: 1, …}, or drop them")
            for _ in [m for m in spec.measures if isinstance(m, Quantile)][:1]
        ]
    columns = list(_columns(where, spec, spec.dp, classes))
    problems = [*_setting(where, spec, budget), *columns]
    if not columns:
        problems += _bounds(where, spec, spec.dp, classes)
    if not problems and (labels := public_labels(spec, classes)) is not None:
        steps = max((m.steps for m in spec.measures if isinstance(m, Quantile)), default=1)
        if prod(len(known) for known in labels) * steps > MAX_CELLS:
            problems.append(
                _wrong(where, f"has more than {MAX_CELLS:,} cells", "declare fewer values or steps")
            )
    return problems


def decimals_of(spec: StatisticSpec, classes: Mapping[str, str]) -> dict[str, int]:
    """Return the decimals of every measured column."""
    types = {column: CLASSES[classes[column]].value_type for column in measured_columns(spec)}
    return {c: kind.scale if pa.types.is_decimal(kind) else 0 for c, kind in types.items()}


def measured_columns(spec: StatisticSpec) -> tuple[str, ...]:
    """Return the columns of sums, means and quantiles, each once."""
    found = []
    for measure in spec.measures:
        match measure:
            case Sum(sum=column) | Mean(mean=column) | Quantile(quantile=column):
                found.append(column)
    return tuple(dict.fromkeys(found))


def public_labels(spec: StatisticSpec, classes: Mapping[str, str]) -> Labels | None:
    """Return each dimension's labels; None where noise decides which keys show."""
    if noise_of(spec).keys == "threshold":
        return None
    return tuple(declared_labels(d, CLASSES[classes[d.column]].value_type) for d in spec.dimensions)


def design_of(spec: StatisticSpec, classes: Mapping[str, str]) -> Design:
    """Return questions, noise and price of a table that `check_noise` let pass."""
    labels = public_labels(spec, classes)
    shape = None if labels is None else tuple(len(known) for known in labels)
    return design(spec, decimals_of(spec, classes), shape)


def price(spec: StatisticSpec, classes: Mapping[str, str]) -> Loss:
    """Return what one release of the table costs; nothing for a table without noise."""
    return Loss() if spec.dp is None else design_of(spec, classes).loss


def cost_of(specs: Mapping[str, StatisticSpec], classes: Mapping[str, Mapping[str, str]]) -> tuple[str, Loss]:
    """Return how the tables of one release are protected, and what they cost together.

    Tables without noise cost nothing, because the ledger's promise does not cover them.
    """
    loss = sum((price(spec, classes[name]) for name, spec in specs.items()), Loss())
    kinds = {spec.dp is not None for spec in specs.values()}
    told = {True: "noise", False: "disclosure rules"}
    return " and ".join(told[kind] for kind in sorted(kinds, reverse=True)), loss


def _wrong(where: str, message: str, hint: str = "") -> Problem:
    return Problem(JobWrong.code, where, message, hint)


def _setting(where: str, spec: StatisticSpec, budget: Budget | None) -> Iterator[Problem]:
    noise = noise_of(spec)
    if not installed():
        yield _wrong(where, "differential privacy needs the extra dp", INSTALL_HINT)
    if budget is None:
        hint = "beside statistics, add budget: {recipient: {epsilon: 10}}"
        yield _wrong(where, "a table with dp needs a budget", hint)
    protect = spec.protect
    if protect.dominance is not None or protect.p_percent is not None:
        message = "in a table with dp no rule may look at the data: noise is the protection"
        yield _wrong(where, message, "drop dominance and p_percent")
    if noise.keys == "threshold" and totaled(spec):
        yield _wrong(
            where, "totals need public keys", "declare the values of every dimension, or drop totals"
        )
    names = [m.quantile for m in spec.measures if isinstance(m, Quantile)]
    if len(set(names)) != len(names):
        yield _wrong(
            where, "has two quantile measures of one column", "name all ranks in one: at: [0.25, 0.5]"
        )
    yield from _unbuilt(where, spec)
    if noise.keys == "public":
        for dimension in spec.dimensions:
            if is_open(dimension):
                yield _wrong(
                    f"{where}, dimension {dimension.column}",
                    "its values would come from the data",
                    "declare values or bands, or write keys: threshold and a delta",
                )


def _unbuilt(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    """What the specification has and noise does not yet."""
    for name in ("join", "cohort"):
        if getattr(spec, name, None):
            yield Problem(
                NotBuilt.code, where, f"{name} is not built for dp", "use one table and its columns"
            )
    for dimension in spec.dimensions:
        if getattr(dimension, "subtotals", None) or getattr(dimension, "hierarchy", None):
            message = "subtotals and hierarchies are not built for dp"
            yield Problem(NotBuilt.code, f"{where}, dimension {dimension.column}", message, "use totals")
    for measure in spec.measures:
        if not isinstance(measure, (str, Sum, Mean, Quantile)):
            yield Problem(
                NotBuilt.code, where, "this measure is not built for dp", "people, rows, sum, mean, quantile"
            )


def _columns(where: str, spec: StatisticSpec, noise: Noise, classes: Mapping[str, str]) -> Iterator[Problem]:
    period = (noise.period.column,) if isinstance(noise.period, Period) else ()
    for column in (*measured_columns(spec), *(noise.unit or ()), *period):
        if column not in classes:
            yield _wrong(where, f"no column {column}", nearest(column, classes))
            continue
        kind = CLASSES[classes[column]].value_type
        if column in period and not pa.types.is_temporal(kind):
            yield _wrong(where, f"{column} is no time, so it has no periods", "name a column of times")
        exact = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
        if column in measured_columns(spec) and not exact:
            yield _wrong(where, f"{column} is no exact number", "measure an amount or a whole number")


def _bounds(where: str, spec: StatisticSpec, noise: Noise, classes: Mapping[str, str]) -> Iterator[Problem]:
    decimals = decimals_of(spec, classes)
    for column in noise.bounds:
        if column not in decimals:
            yield _wrong(where, f"bounds name {column}, which is not measured", nearest(column, decimals))
    for column, places in decimals.items():
        if column not in noise.bounds:
            yield _wrong(
                where, f"{column} needs bounds", f"dp: {{bounds: {{{column}: [0, 500]}}}}, from no data"
            )
            continue
        low, high = whole_bounds(noise, column, places)
        if low >= high:
            yield _wrong(where, f"the bounds of {column} hold no two values", "widen them")
        elif largest_sum(noise, column, places) > _MOST_SUM:
            yield _wrong(where, f"max_rows times the bound of {column} is too large", "narrow the bounds")
