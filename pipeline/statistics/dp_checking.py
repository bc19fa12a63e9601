"""What is wrong with a table that wants noise, found before the first row."""

from collections.abc import Iterator, Mapping
from math import prod

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.dp_models import Budget, Noise, Period, Quantile
from pipeline.config.statistics_models import Mean, StatisticSpec, Sum
from pipeline.errors import JobWrong, Problem, nearest
from pipeline.state.budget_accounting import Loss
from pipeline.statistics.axes import REST, axis_of, cohort_axes
from pipeline.statistics.cells import Axis
from pipeline.statistics.dimensions import declared_labels
from pipeline.statistics.dp_design import Design, design, largest_sum, noise_of, totaled, whole_bounds
from pipeline.statistics.dp_noise import INSTALL_HINT, installed
from pipeline.statistics.model import MAX_CELLS, is_open, joined_columns

_MOST_SUM = 1 << 40  # of one unit in one cell, in smallest units: a million units then fit 64 bits


def check_noise(
    where: str, spec: StatisticSpec, classes: Mapping[str, str], budget: Budget | None
) -> list[Problem]:
    """Return everything that keeps a table from getting noise; without a `dp` block, what needs one.

    `classes` is that of `classes_for`.
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
    if not problems and (axes := public_axes(spec, classes)) is not None:
        steps = max((m.steps for m in spec.measures if isinstance(m, Quantile)), default=1)
        if prod(len(axis) for axis in axes) * steps > MAX_CELLS:
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


def classes_for(spec: StatisticSpec, tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the classes of a statistic's columns: its own table's by name, joined ones as `table/column`.

    `tables` has column -> data class of every table.
    """
    found = dict(tables[spec.table])
    for column, table in joined_columns(spec).items():
        if column in tables.get(table, {}):
            found[f"{table}/{column}"] = tables[table][column]
    return found


def public_axes(spec: StatisticSpec, classes: Mapping[str, str]) -> tuple[Axis, ...] | None:
    """Return the dimensions with their totals; None where noise decides which keys show."""
    if noise_of(spec).keys == "threshold":
        return None
    if spec.cohort is not None:
        return cohort_axes(spec.cohort, spec.cohort.values or (), total=spec.has_total("cohort"))
    summed = totaled(spec)
    joined = joined_columns(spec)
    axes = []
    for i, dimension in enumerate(spec.dimensions):
        table = joined.get(dimension.column)
        data_class = classes[f"{table}/{dimension.column}" if table else dimension.column]
        labels = declared_labels(dimension, CLASSES[data_class].value_type)
        if table:
            labels = (*(x for x in labels if x not in REST), *REST)
        axes.append(axis_of(dimension, labels, total=i in summed, hidden_total=False))
    return tuple(axes)


def design_of(spec: StatisticSpec, classes: Mapping[str, str]) -> Design:
    """Return questions, noise and price of a table that `check_noise` let pass."""
    return design(spec, decimals_of(spec, classes), public_axes(spec, classes))


def price(spec: StatisticSpec, classes: Mapping[str, str]) -> Loss:
    """Return what one release of the table costs; nothing for a table without noise."""
    return Loss() if spec.dp is None else design_of(spec, classes).loss


def cost_of(specs: Mapping[str, StatisticSpec], tables: Mapping[str, Mapping[str, str]]) -> tuple[str, Loss]:
    """Return how the tables of one release are protected, and what they cost together.

    `tables` has column -> data class of every table. Statistics without noise cost nothing, because the ledger's
    promise does not cover them.
    """
    loss = sum((price(spec, classes_for(spec, tables)) for spec in specs.values()), Loss())
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
    yield from _unsound(where, spec, noise)
    yield from _cohort(where, spec)
    if noise.keys == "public":
        for dimension in spec.dimensions:
            if is_open(dimension) and not dimension.hierarchy:
                yield _wrong(
                    f"{where}, dimension {dimension.column}",
                    "its values would come from the data",
                    "declare values or bands, or write keys: threshold and a delta",
                )


def _unsound(where: str, spec: StatisticSpec, noise: Noise) -> Iterator[Problem]:
    """What would let one unit move more than its own cells, or has no public list of rows."""
    whole_person = noise.unit is None and noise.period == "release"
    if spec.join and not whole_person:
        message = "a joined label follows from all rows of a person, so the unit must be the subject and the release"
        yield _wrong(where, message, "drop unit and period, or the join")
    if spec.cohort is not None and not whole_person:
        message = (
            "a cohort follows from all rows of a person, so the unit must be the subject and the release"
        )
        yield _wrong(where, message, "drop unit and period")
    if noise.keys == "threshold":
        trees = [d.column for d in spec.dimensions if d.subtotals or d.tree or d.hierarchy]
        if trees:
            yield _wrong(
                where, f"subtotals of {trees[0]} need public keys", "drop keys: threshold, or the hierarchy"
            )
    for measure in spec.measures:
        if not isinstance(measure, (str, Sum, Mean, Quantile)):
            message = "shares get no noise of their own: they follow from the noisy figures"
            yield _wrong(where, message, "measure what they are shares of")


def _cohort(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    if spec.cohort is None:
        return
    if any(measure != "people" for measure in spec.measures):
        yield _wrong(where, "a cohort with dp counts people", "measures: [people]")
    if spec.cohort.values is None or noise_of(spec).keys == "threshold":
        hint = "cohort: {values: [2026-W44, 2026-W45]}, and no keys: threshold"
        yield _wrong(where, "the periods of a cohort would come from the data", hint)


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
