"""A table that no catalog describes: what its columns are follows from how the specification uses them.

    dimension with unit      a time                 subject, household       text
    dimension with bands     a number               period of dp             a time
    measured column          a number               any other dimension      text

A number is whole where all values are whole, else an amount with two decimals. Under differential privacy it is always
an amount: what the data holds must not show in the form of the output.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from pipeline.config.dp_models import Period
from pipeline.config.models import TableSource
from pipeline.config.statistics_models import Measure, Share, StatisticSpec
from pipeline.engines.fitting import TEXT, column_of
from pipeline.engines.model import SliceView
from pipeline.errors import InputUnreadable, JobWrong, Problem, nearest, refuse, shown_name
from pipeline.intake import Cut, Reason, SliceRecords, cut_files, parse_types, read, sample
from pipeline.protect.model import TablePlan
from pipeline.protect.subjects import resolve_subject
from pipeline.statistics.dp_checking import classes_for, measured_columns
from pipeline.statistics.model import joined_columns
from pipeline.statistics.over_time_population import Marks
from pipeline.statistics.partial import person_digests

_TEXT_CLASS, _TIME_CLASS, _WHOLE_CLASS, _AMOUNT_CLASS, _SUBJECT_CLASS = (
    "category",
    "order_time",
    "quantity",
    "amount",
    "account_id",
)


_HEAD = 2000  # values of each column that are looked at first


@dataclass(frozen=True)
class Untyped:
    """One input file, cut, with the classes that its columns are taken for."""

    name: str
    base: Path
    cut: Cut
    source: TableSource
    classes: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0  # records that cannot be used

    @property
    def plan(self) -> TablePlan:
        """How the table is read."""
        types = {
            column: CLASSES[data_class].value_type
            for column, data_class in self.classes.items()
            if CLASSES[data_class].value_type != TEXT
        }
        return TablePlan(self.name, self.source, self.classes, types, frozenset(self.classes))

    @property
    def digest(self) -> list[list[object]]:
        """What decides that two inputs are equal."""
        return [[file.sha256, file.records] for file in self.cut.files]


def open_untyped(name: str, path: Path, specs: Mapping[str, StatisticSpec], source: TableSource) -> Untyped:
    """Cut a file and decide its columns' classes.

    Args:
        name: of the table.
        path: of the file: CSV, JSON lines or Parquet.
        specs: the statistics of this table.
        source: how it is read; its subject is replaced by the one that the specification names.

    Raises:
        JobWrong: with every problem: no subject, two subjects, a column that the file does not have.
        InputUnreadable: the file cannot be read.

    """
    subjects = {one: _subject(spec) for one, spec in specs.items()}
    problems = [
        Problem(JobWrong.code, f"statistics {one}", "people are counted by a subject", "add subject: COLUMN")
        for one, subject in subjects.items()
        if not subject
    ]
    if len(set(subjects.values())) > 1:
        problems.append(
            Problem(JobWrong.code, f"table {name}", "its statistics count different subjects", "use one")
        )
    refuse(problems)
    known = replace_subject(source, next(iter(subjects.values())))
    found = cut_files(name, [path.name], known, path.parent)
    classes: dict[str, str] = {}
    for one, spec in specs.items():
        for column, data_class in _uses(spec, name):
            if found.files[0].format != "jsonl" and column not in found.columns:
                message = f"{path.name} has no column {shown_name(column)}"
                problems.append(
                    Problem(JobWrong.code, f"statistics {one}", message, nearest(column, found.columns))
                )
            elif classes.setdefault(column, data_class) != data_class:
                message = f"column {column} is used as {classes[column]} and as {data_class}"
                problems.append(Problem(JobWrong.code, f"statistics {one}", message, "use it in one way"))
    refuse(problems)
    return Untyped(name, path.parent, found, known, classes)


def classes_of(spec: StatisticSpec) -> dict[str, str]:
    """Return the classes that the columns of one specification are taken for, before any data."""
    return classes_for(spec, {table: dict(_uses(spec, table)) for table in spec.tables})


def replace_subject(source: TableSource, subject: tuple[str, ...]) -> TableSource:
    """The source, with the columns that name the subject."""
    return source.model_copy(update={"subject": subject})


def _subject(spec: StatisticSpec) -> tuple[str, ...]:
    return (spec.subject,) if isinstance(spec.subject, str) else spec.subject or ()


def _uses(spec: StatisticSpec, table: str) -> Iterator[tuple[str, str]]:
    number = _WHOLE_CLASS if spec.dp is None else _AMOUNT_CLASS
    joined = joined_columns(spec)
    yield from ((column, _SUBJECT_CLASS) for column in _subject(spec))
    for dimension in spec.dimensions:
        if joined.get(dimension.column, spec.table) == table:
            kind = _TIME_CLASS if dimension.unit else number if dimension.bands else _TEXT_CLASS
            yield dimension.column, kind
    if table != spec.table:
        return
    yield from ((column, number) for column in measured_columns(spec))
    yield from ((column, number) for column in map(_shared_column, spec.measures) if column)
    for one in spec.filters:
        limit = one.at_least or one.below
        is_day = limit is not None and re.match(r"\d{4}-\d\d-\d\d", limit)
        yield one.column, _TIME_CLASS if is_day else _TEXT_CLASS if limit is None else number
    if spec.cohort is not None:
        yield spec.cohort.column, _TIME_CLASS
    if spec.protect.contributor is not None:
        yield spec.protect.contributor, _SUBJECT_CLASS
    if spec.dp is not None:
        yield from ((column, _SUBJECT_CLASS) for column in spec.dp.unit or ())
        if isinstance(spec.dp.period, Period):
            yield spec.dp.period.column, _TIME_CLASS


def _shared_column(measure: Measure) -> str | None:
    """The column of a share of sums."""
    return measure.share if isinstance(measure, Share) and measure.share not in ("people", "rows") else None


def held_rows(path: Path, table: Untyped) -> Untyped:
    """Cut a file of rows that a recipient holds; only its subject column is read."""
    source = table.source
    found = cut_files(table.name, [path.name], source, path.parent)
    missing = [
        c for c in source.subject_columns if found.files[0].format != "jsonl" and c not in found.columns
    ]
    refuse(
        [
            Problem(
                JobWrong.code, f"--known {table.name}", f"{path.name} has no column {shown_name(column)}", ""
            )
            for column in missing
        ]
    )
    classes = {column: table.classes[column] for column in source.subject_columns}
    return Untyped(table.name, path.parent, found, source, classes)


def people_of(tables: Mapping[str, Untyped], key: bytes) -> Marks:
    """Return the distinct people of some tables, as the guard over time knows them."""
    found = [person_digests(view.subject, key) for table in tables.values() for view in views(table, [], key)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)


def with_amounts(table: Untyped, leave_out: float = 0.0) -> Untyped:
    """Read the file once, take those numbers for amounts that are not all whole, and count what cannot be used.

    Raises InputUnreadable where more than the share `leave_out` of the records is malformed or fits no type.
    """
    table = _at_sight(table)
    while True:
        misfits = [str(one.reason) for records in _typed(table) for one in records.rejected]
        whole = {column for column, kind in table.classes.items() if kind == _WHOLE_CLASS}
        wrong = {column for column in whole if f"{shown_name(column)}: {Reason.NOT_INTEGER}" in misfits}
        if not wrong:
            if len(misfits) > leave_out * table.cut.records:
                raise InputUnreadable(
                    f"{len(misfits):,} of {table.cut.records:,} records cannot be used, the first: {misfits[0]}",
                    where=table.cut.files[0].path,
                    hint="repair them, or let a share of records be left out: --leave-out 0.01",
                )
            return replace(table, left_out=len(misfits))
        table = replace(table, classes={**table.classes, **dict.fromkeys(wrong, _AMOUNT_CLASS)})


def _at_sight(table: Untyped) -> Untyped:
    """Take those for amounts whose first values show it, so that the file is rarely read twice."""
    head = sample(table.cut, table.source, _HEAD, base=table.base)
    amounts = {
        column: _AMOUNT_CLASS
        for column, kind in table.classes.items()
        if kind == _WHOLE_CLASS
        and column in head.column_names
        and not pc.all(pc.match_substring_regex(head[column], r"^[+-]?[0-9]+(\.0*)?$")).as_py()
    }
    return replace(table, classes={**table.classes, **amounts})


def views(table: Untyped, releases: Sequence[int], key: bytes) -> Iterator[SliceView]:
    """Yield the slices as the taps of a run see them; `key` is what people are digested under."""
    for records in _typed(table):
        columns = {
            name: _encoded(column_of(records.table, name, CLASSES[data_class].value_type))
            for name, data_class in sorted(table.classes.items())
        }
        named = [(table.classes[name], columns[name]) for name in table.source.subject_columns]
        every = pa.array(np.arange(len(records.table)))
        subject = resolve_subject(named)
        yield SliceView(table.name, records.index, columns, subject, dict.fromkeys(releases, every), {}, key)


def _typed(table: Untyped) -> Iterator[SliceRecords]:
    plan = table.plan
    for lane in table.cut.lanes:
        for records in read(table.cut, lane, table.source, columns=plan.used, base=table.base):
            yield parse_types(records, plan.types, table.source.timezone, plan.ranges)


def _encoded(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return whole.dictionary_encode() if pa.types.is_string(whole.type) else whole
