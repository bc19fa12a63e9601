"""What is wrong with a statistic, found before the first row."""

import re
from collections.abc import Iterator, Mapping
from math import prod

import pyarrow as pa
from pydantic import ValidationError

from pipeline.classes import CLASSES
from pipeline.config.models import Dimension, StatisticSpec, TableSource
from pipeline.errors import JobWrong, NotBuilt, Problem, nearest
from pipeline.statistics.dimensions import bands, declared_labels
from pipeline.statistics.model import MAX_CELLS, RESERVED, is_open, measure_name, measured

_UNIT_VALUES = {
    "year": r"\d{4}",
    "quarter": r"\d{4}-Q[1-4]",
    "month": r"\d{4}-(0[1-9]|1[0-2])",
    "week": r"\d{4}-W(0[1-9]|[1-4]\d|5[0-3])",
    "day": r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])",
    "hour": r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])",
}


def check(where: str, spec: StatisticSpec, source: TableSource, classes: Mapping[str, str]) -> list[Problem]:
    """Return everything that is wrong with one statistic; an empty list means that it can be computed.

    `where` names the statistic in messages, `source` is its table's, `classes` maps the table's columns to
    data classes. All problems have exit code 2; what a later form brings is refused as not built yet.
    """
    problems = [*_not_built(where, spec, source), *_names(where, spec)]
    if not source.subject_columns:
        problems.append(
            Problem(
                JobWrong.code,
                where,
                f"table {spec.table} has no subject, and statistics count people",
                "name the table's subject column in the job",
            )
        )
    for dimension in spec.dimensions:
        problems += _dimension(f"{where}, dimension {dimension.column}", dimension, classes)
    for measure in spec.measures:
        if (column := measured(measure)) is not None:
            problems += _measured(f"{where}, measure {measure_name(measure)}", column, classes)
    if not problems:
        types = {column: CLASSES[data_class].value_type for column, data_class in classes.items()}
        known = prod(len(declared_labels(d, types[d.column])) for d in spec.dimensions if not is_open(d))
        if known > MAX_CELLS:
            message = f"the table would have at least {known:,} cells, more than {MAX_CELLS:,}"
            problems.append(Problem(JobWrong.code, where, message, "use fewer values, or split the table"))
    return problems


def linked(specs: Mapping[str, StatisticSpec]) -> Iterator[Problem]:
    """Refuse two statistics of one table in one release: they share a total, so that one can give away what the
    other suppresses.
    """
    first: dict[str, str] = {}
    for name, spec in specs.items():
        if (other := first.setdefault(spec.table, name)) != name:
            yield Problem(
                NotBuilt.code,
                f"statistics {name}",
                f"a second statistic of table {spec.table} beside {other} is not built yet: without complementary "
                "suppression the two can be subtracted from each other",
                "use one table of statistics, with all its dimensions",
            )


def _not_built(where: str, spec: StatisticSpec, source: TableSource) -> Iterator[Problem]:
    if spec.totals:
        yield Problem(
            NotBuilt.code,
            where,
            "totals are not built yet: without complementary suppression they give small cells away",
            "drop totals until then",
        )
    if spec.protect.dominance is not None:
        yield Problem(NotBuilt.code, where, "the dominance rule is not built yet", "drop it until then")
    if spec.protect.p_percent is not None:
        yield Problem(NotBuilt.code, where, "the p% rule is not built yet", "drop p_percent until then")
    own = source.subject_columns
    asked = (spec.subject,) if isinstance(spec.subject, str) else spec.subject
    if asked is not None and own and asked != own:
        yield Problem(
            NotBuilt.code,
            where,
            f"counting {', '.join(asked)} is not built yet: people are counted by the table's own subject",
            f"drop subject, or say {', '.join(own)}",
        )


def _names(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    names = [d.column for d in spec.dimensions] + [measure_name(m) for m in spec.measures] + ["status"]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(JobWrong.code, where, f"two published columns would be called {name}", "name it once")


def _column(where: str, column: str, classes: Mapping[str, str]) -> Iterator[Problem]:
    if column not in classes:
        hint = nearest(column, classes) or "name a column of the catalog"
        yield Problem(JobWrong.code, where, "the table's catalog has no such column", hint)
        return
    data_class = CLASSES[classes[column]]
    if data_class.kind == "direct_identifier":
        message = f"class {data_class.id} is a direct identifier, and statistics never hold one"
        yield Problem(JobWrong.code, where, message, "choose a column that many people share")
    elif data_class.suitable == {"drop"}:
        message = f"class {data_class.id} can only be dropped"
        yield Problem(JobWrong.code, where, message, "choose another column, or decide its class")


def _measured(where: str, column: str, classes: Mapping[str, str]) -> Iterator[Problem]:
    wrong = list(_column(where, column, classes))
    yield from wrong
    if wrong:
        return
    data_class = CLASSES[classes[column]]
    kind = data_class.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        message = f"class {data_class.id} is no exact number, and sums are exact"
        yield Problem(JobWrong.code, where, message, "sum an amount, a quantity or another whole number")


def _dimension(where: str, dimension: Dimension, classes: Mapping[str, str]) -> Iterator[Problem]:
    wrong = list(_column(where, dimension.column, classes))
    yield from wrong
    if wrong:
        return
    data_class = CLASSES[classes[dimension.column]]
    if data_class.kind == "free_text" and dimension.values is None:
        message = f"class {data_class.id} is free text, which may say anything about anyone"
        yield Problem(JobWrong.code, where, message, "declare the values that may appear")
    yield from _form(where, dimension, data_class.value_type)
    yield from _values(where, dimension)


def _form(where: str, dimension: Dimension, kind: pa.DataType) -> Iterator[Problem]:
    """Times need a unit and numbers bands, and only they take them."""
    is_time = pa.types.is_temporal(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    if dimension.unit is not None and not is_time:
        yield Problem(JobWrong.code, where, "unit needs a time", "drop unit")
    if dimension.unit is None and is_time:
        yield Problem(JobWrong.code, where, "a time needs a unit", "add unit: day, or a coarser one")
    if dimension.unit == "hour" and pa.types.is_date(kind):
        yield Problem(JobWrong.code, where, "a date has no hours", "add unit: day, or a coarser one")
    if dimension.bands is not None and not is_number:
        yield Problem(JobWrong.code, where, "bands need a number", "drop bands")
    if dimension.bands is None and is_number and not pa.types.is_integer(kind):
        yield Problem(JobWrong.code, where, "a number with decimals needs bands", "add bands: [10, 50, 100]")


def _values(where: str, dimension: Dimension) -> Iterator[Problem]:
    edges, values, unit = dimension.bands, dimension.values, dimension.unit
    if edges is not None:
        if values is not None:
            yield Problem(JobWrong.code, where, "has values and bands", "drop values: bands name theirs")
        try:
            bands(edges)
        except ValidationError as error:
            for wrong in error.errors(include_input=False, include_context=False):
                yield Problem(JobWrong.code, where, f"bands: {wrong['msg']}", "bands: [10, 50, 100]")
    if values is None:
        return
    if not values or len(set(values)) != len(values):
        yield Problem(JobWrong.code, where, "must have at least one value, each once", "drop repeated ones")
    for reserved in sorted(RESERVED & set(values)):
        message = f"{reserved} is no value: the output says so for totals, nulls and undeclared values"
        yield Problem(JobWrong.code, where, message, "drop it from values")
    if unit is not None and not all(re.fullmatch(_UNIT_VALUES[unit], value) for value in values):
        example = {"year": "2026", "quarter": "2026-Q4", "month": "2026-11", "week": "2026-W45"}
        shown = example.get(unit, "2026-11-01" if unit == "day" else "2026-11-01T09")
        yield Problem(JobWrong.code, where, f"a declared value is no {unit}", f"write it as {shown}")
