"""What is wrong with a statistic, found before the first row."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import prod

import pyarrow as pa
from pydantic import ValidationError

from pipeline.classes import CLASSES
from pipeline.config.models import TableSource
from pipeline.config.statistics_models import Cohort, Dimension, Filter, Join, Share, StatisticSpec
from pipeline.errors import JobWrong, Problem, nearest
from pipeline.statistics.axes import FINER, ambiguous_labels
from pipeline.statistics.cohorts import next_period
from pipeline.statistics.dimensions import bands, declared_labels
from pipeline.statistics.filtering import limit
from pipeline.statistics.model import (
    MAX_CELLS,
    RESERVED,
    dimension_columns,
    is_open,
    joined_columns,
    measure_name,
    measured,
)

_UNIT_VALUES = {
    "year": r"\d{4}",
    "quarter": r"\d{4}-Q[1-4]",
    "month": r"\d{4}-(0[1-9]|1[0-2])",
    "week": r"\d{4}-W(0[1-9]|[1-4]\d|5[0-3])",
    "day": r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])",
    "weekday": r"[1-7]",
    "hour_of_day": r"([01]\d|2[0-3])",
    "hour": r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])",
}


def check(
    where: str,
    spec: StatisticSpec,
    source: TableSource,
    classes: Mapping[str, str],
    others: Mapping[str, tuple[TableSource, Mapping[str, str]]] | None = None,
) -> list[Problem]:
    """Return everything that is wrong with one statistic; an empty list means that it can be computed.

    `where` names the statistic in messages, `source` is its table's, `classes` maps the table's columns to
    data classes; `others` has both for the tables that it may join. All problems have exit code 2.
    """
    problems = [*_names(where, spec), *_subjects(where, spec, source, others or {})]
    joined = joined_columns(spec)
    classes_of = {table: found for table, (_, found) in (others or {}).items()}
    for join in spec.join:
        problems += _join(where, spec, join, classes_of)
    types: dict[str, pa.DataType] = {}
    for dimension in spec.dimensions:
        own = classes_of.get(joined[dimension.column], {}) if dimension.column in joined else classes
        problems += _dimension(f"{where}, dimension {dimension.column}", dimension, own)
        if dimension.column in own:
            types[dimension.column] = CLASSES[own[dimension.column]].value_type
    for one in spec.filters:
        problems += _filter(f"{where}, filter {one.column}", one, classes)
    for measure in spec.measures:
        if (column := measured(measure)) is not None:
            problems += _measured(f"{where}, measure {measure_name(measure)}", column, classes)
    problems += [*_totals(where, spec), *_shares(where, spec), *_contributor(where, spec, classes)]
    if spec.cohort is not None:
        problems += _cohort(where, spec, spec.cohort, classes)
    if not problems:
        known = prod(
            len(declared_labels(d, types[d.column]))
            for d in spec.dimensions
            if not is_open(d) and d.column in types
        )
        if known > MAX_CELLS:
            message = f"the table would have at least {known:,} cells, more than {MAX_CELLS:,}"
            problems.append(Problem(JobWrong.code, where, message, "use fewer values, or split the table"))
    return problems


def _subjects(
    where: str,
    spec: StatisticSpec,
    source: TableSource,
    others: Mapping[str, tuple[TableSource, Mapping[str, str]]],
) -> Iterator[Problem]:
    own = source.subject_columns
    if not own:
        yield Problem(
            JobWrong.code,
            where,
            f"table {spec.table} has no subject, and statistics count people",
            "name the table's subject column in the job",
        )
    asked = (spec.subject,) if isinstance(spec.subject, str) else spec.subject
    if asked is not None and own and asked != own:
        yield Problem(
            JobWrong.code,
            where,
            f"counts {', '.join(asked)}, and people are counted by the table's own subject",
            f"drop subject, or say {', '.join(own)}; a household can be the contributor of the dominance rules",
        )
    for join in spec.join:
        if join.table in others and not others[join.table][0].subject_columns:
            yield Problem(
                JobWrong.code,
                where,
                f"joins {join.table}, which has no subject",
                "name that table's subject column in the job",
            )


def _join(
    where: str, spec: StatisticSpec, join: Join, classes_of: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    if join.table not in classes_of:
        hint = nearest(join.table, classes_of) or "name a table of the job"
        yield Problem(JobWrong.code, where, f"joins {join.table}, and the job has no such table", hint)
        return
    if join.table == spec.table:
        yield Problem(JobWrong.code, where, "joins its own table", "drop the join")
    used = {d.column for d in spec.dimensions}
    for column in join.columns:
        if column not in used:
            yield Problem(
                JobWrong.code,
                where,
                f"joins {join.table}.{column} and does not use it",
                "make it a dimension",
            )


def _totals(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    if isinstance(spec.totals, bool):
        return
    known = dimension_columns(spec)
    for column in spec.totals:
        if column not in known:
            yield Problem(
                JobWrong.code,
                where,
                f"totals: {column} is no dimension",
                nearest(column, known) or "name a dimension",
            )
    if spec.cohort is not None and "after" in spec.totals:
        yield Problem(
            JobWrong.code, where, "totals: after has none", "one who comes back twice would count twice"
        )


def _shares(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    for measure in spec.measures:
        if not isinstance(measure, Share):
            continue
        here = f"{where}, measure {measure_name(measure)}"
        if spec.cohort is not None:
            if measure.within or measure.share != "people":
                yield Problem(
                    JobWrong.code, here, "a cohort's share is of its people", "write {share: people}"
                )
            continue
        columns = [d.column for d in spec.dimensions]
        for column in measure.within:
            if column not in columns:
                hint = nearest(column, columns) or "name a dimension"
                yield Problem(JobWrong.code, here, f"within: {column} is no dimension", hint)
        for column in columns:
            if column not in measure.within and not spec.has_total(column):
                yield Problem(
                    JobWrong.code,
                    here,
                    f"is a part of the total over {column}, which is not published",
                    f"add totals: true, or within: [{column}]",
                )


def _contributor(where: str, spec: StatisticSpec, classes: Mapping[str, str]) -> Iterator[Problem]:
    column = spec.protect.contributor
    if column is not None and column not in classes:
        hint = nearest(column, classes) or "name a column of the catalog"
        yield Problem(JobWrong.code, where, f"contributor: the table's catalog has no column {column}", hint)
    chosen = spec.protect.group_disclosure
    for name in chosen if isinstance(chosen, tuple) else ():
        if name not in dimension_columns(spec):
            yield Problem(
                JobWrong.code, where, f"group_disclosure: {name} is no dimension", "name a dimension"
            )


def _cohort(where: str, spec: StatisticSpec, cohort: Cohort, classes: Mapping[str, str]) -> Iterator[Problem]:
    here = f"{where}, cohort {cohort.column}"
    wrong = list(_column(here, cohort.column, classes))
    yield from wrong
    if not wrong and not pa.types.is_temporal(CLASSES[classes[cohort.column]].value_type):
        yield Problem(JobWrong.code, here, "must be a time", "name the column that says when")
    for measure in spec.measures:
        if measure != "people" and not isinstance(measure, Share):
            yield Problem(
                JobWrong.code, here, f"has no {measure_name(measure)}", "measures: [people, {share: people}]"
            )
    if spec.join:
        yield Problem(JobWrong.code, here, "joins no table", "drop join")
    if cohort.values is None:
        return
    if spec.dp is None:
        yield Problem(JobWrong.code, here, "has values, which only noise needs", "drop values, or add dp")
    elif not all(re.fullmatch(_UNIT_VALUES[cohort.unit], value) for value in cohort.values):
        shown = {"month": "2026-11", "week": "2026-W45", "day": "2026-11-01"}[cohort.unit]
        yield Problem(JobWrong.code, here, f"a value is no {cohort.unit}", f"write it as {shown}")
    elif not cohort.values or any(next_period(a, cohort.unit) != b for a, b in pairwise(cohort.values)):
        yield Problem(JobWrong.code, here, "values must be periods one after the other", "leave none out")


def _filter(where: str, one: Filter, classes: Mapping[str, str]) -> Iterator[Problem]:
    wrong = list(_column(where, one.column, classes))
    yield from wrong
    if wrong:
        return
    data_class = CLASSES[classes[one.column]]
    kind = data_class.value_type
    if data_class.kind == "free_text":
        yield Problem(JobWrong.code, where, "free text is no filter", "filter by a column of few values")
    if one.values is not None:
        if pa.types.is_temporal(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
            yield Problem(JobWrong.code, where, "has values of a time or an amount", "use at_least and below")
        return
    if not (pa.types.is_temporal(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        yield Problem(JobWrong.code, where, "limits need a number or a time", "use values")
        return
    for text in (one.at_least, one.below):
        try:
            if text is not None:
                limit(text, kind)
        except ValueError:
            shown = "2026-11-01" if pa.types.is_temporal(kind) else "100"
            yield Problem(
                JobWrong.code, where, "a limit is neither a number nor a day", f"write it as {shown}"
            )


def _names(where: str, spec: StatisticSpec) -> Iterator[Problem]:
    names = [*dimension_columns(spec)] + [measure_name(m) for m in spec.measures] + ["status"]
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
    if dimension.unit in ("hour", "hour_of_day") and pa.types.is_date(kind):
        yield Problem(JobWrong.code, where, "a date has no hours", "add unit: day, or a coarser one")
    coarser = FINER.get(dimension.unit or "", ())
    for unit in dimension.subtotals:
        if unit not in coarser:
            message = f"subtotals: {unit} is not made of whole {dimension.unit or 'units'}s"
            yield Problem(
                JobWrong.code, where, message, f"choose among {', '.join(coarser) or 'none: add unit: day'}"
            )
    if {"week"} < set(dimension.subtotals):
        yield Problem(
            JobWrong.code,
            where,
            "subtotals: weeks do not add up to months or years",
            "choose week, or the others",
        )
    if dimension.subtotals and dimension.values is not None:
        yield Problem(JobWrong.code, where, "has subtotals and declared values", "drop one of them")
    if (dimension.hierarchy or dimension.tree) and (is_time or is_number):
        yield Problem(JobWrong.code, where, "a hierarchy needs text", "use unit or bands")
    if dimension.levels is not None and not dimension.tree:
        yield Problem(JobWrong.code, where, "levels need a hierarchy", "drop levels")
    if dimension.bands is not None and not is_number:
        yield Problem(JobWrong.code, where, "bands need a number", "drop bands")
    if dimension.bands is None and is_number and not pa.types.is_integer(kind):
        yield Problem(JobWrong.code, where, "a number with decimals needs bands", "add bands: [10, 50, 100]")


def _values(where: str, dimension: Dimension) -> Iterator[Problem]:
    edges, values, unit = dimension.bands, dimension.values, dimension.unit
    if dimension.tree and values is not None:
        yield Problem(
            JobWrong.code, where, "has values and a hierarchy", "drop values: the hierarchy names them"
        )
    if dimension.tree:
        for label in ambiguous_labels(dimension)[:3]:
            message = f"the hierarchy calls two sets of values {label}"
            yield Problem(
                JobWrong.code, where, message, "give each node a name of its own, or publish fewer levels"
            )
        width = max(map(len, dimension.tree))
        if dimension.levels is not None and not all(0 <= level < width for level in dimension.levels):
            yield Problem(
                JobWrong.code, where, f"levels must be 0 to {width - 1}", "level n is the file's column n"
            )
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
        example |= {"weekday": "1", "hour_of_day": "09"}
        shown = example.get(unit, "2026-11-01" if unit == "day" else "2026-11-01T09")
        yield Problem(JobWrong.code, where, f"a declared value is no {unit}", f"write it as {shown}")
