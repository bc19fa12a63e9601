"""What the values themselves say about a plan, before the first row: looked at in a sample, told in numbers only.

Frequency analysis turns deterministic tokens back where values are few or skewed; a shifted date that lies beside the
release's date gives its offset away. Neither shows in class or policy, so the heads of the input files are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as calendar_date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.classes import CLASSES
from pipeline.config.models import TableSource
from pipeline.errors import Problem, RiskLimitPassed, TransformUnsuitable
from pipeline.intake import Cut, SliceRecords, parse_types, sample
from pipeline.protect.frequency import recoverable_share
from pipeline.protect.model import Plan, ReleasePlan, Step
from transforms.date_shift import FEWEST_OFFSETS
from transforms.normal_forms import normal_form

ROWS = 20_000  # of a table, from the heads of all its files
# Share of rows recovered that is worth a warning. How often each phone or account occurs is no public knowledge, as
# it is of names, cities or products; there only columns that a few people dominate are worth one.
LEAST_SHARE = 0.05
LEAST_SHARE_OF_NUMBERS = 0.25
FEW_VALUES = 1_000  # possible values of a class: few, whatever the data
WINDOW_DAYS = FEWEST_OFFSETS // 2  # a date known to lie so near leaves fewer offsets than any policy may have
MOST_IN_WINDOW = 0.5
SHARED = 0.05  # of the values, one and the same day
# Equal values become equal tokens, row by row.
DETERMINISTIC = frozenset({"keyed_hash", "sha256", "encrypt_siv", "format_preserving"})


@dataclass(frozen=True)
class Findings:
    """Warnings and refusals. Numbers only, no value."""

    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def warned_without_values(plan: Plan) -> Plan:
    """The plan of a job without input, with warnings of deterministic tokens on classes that have few values."""
    found = [
        f"{where}: {step.transform.transform} of a class with {_at_most(step)}: frequency analysis names most rows; "
        "with --date the share is estimated"
        for _, _, step, where in _steps(plan)
        if is_deterministic(step, has_subject=True) and _at_most(step)
    ]
    return replace(plan, warnings=(*plan.warnings, *found))


def _at_most(step: Step) -> str:
    size = CLASSES[step.data_class].enumerable
    return f"at most {size:,} values" if size is not None and size <= FEW_VALUES else ""


def look_at_values(
    plan: Plan, cuts: Mapping[str, Cut], limits: Mapping[int, float | None], base: Path
) -> Findings:
    """Return what a sample of each table says against the steps of its columns.

    Args:
        plan: of the run.
        cuts: the tables' files.
        limits: release number -> largest share of a column's rows that may be recoverable, None for no limit.
        base: working directory, for input paths.

    """
    warnings: list[str] = []
    problems: list[Problem] = []
    for table in sorted(plan.tables):
        source = plan.tables[table].source
        steps = [(r, s, w) for r, name, s, w in _steps(plan) if name == table and _is_looked_at(s, source)]
        if not steps:
            continue
        rows = sample(cuts[table], source, ROWS, base=base)
        for release, step, where in steps:
            if step.column not in rows.column_names:
                continue
            values = rows.column(step.column).combine_chunks()
            if step.transform.transform == "date_shift":
                told, refused = _against_shift(step, where, values, rows, source, plan.date)
            else:
                told, refused = _against_token(
                    step, where, values, cuts[table].records, limits[release.number]
                )
            warnings += told
            problems += refused
    return Findings(tuple(dict.fromkeys(warnings)), tuple(problems))


def _steps(plan: Plan) -> Iterator[tuple[ReleasePlan, str, Step, str]]:
    for release in plan.releases:
        for export in release.exports:
            for step in export.steps:
                yield release, export.table, step, f"{release.recipient}.{export.table}.{step.column}"


def _is_looked_at(step: Step, source: TableSource) -> bool:
    return step.transform.transform == "date_shift" or is_deterministic(
        step, has_subject=bool(source.subject_columns)
    )


def is_deterministic(step: Step, *, has_subject: bool) -> bool:
    """Whether equal values of all people become equal cells that still tell which rows are equal."""
    transform = step.transform
    if transform.transform == "surrogate":
        return getattr(transform, "by", "") == "value" or not has_subject
    return transform.transform in DETERMINISTIC and getattr(transform, "per", None) != "subject"


# ------------------------------------------------------------------ tokens


def _against_token(
    step: Step, where: str, values: pa.Array, records: int, limit: float | None
) -> tuple[list[str], list[Problem]]:
    counts = _counts_of(step, values)
    if limit is not None and not len(counts):
        says = (
            f"no value in {len(values):,} sampled rows, so the policy's max_recoverable could not be checked"
        )
        return [f"{where}: {says}"], []
    filled = len(values) - values.null_count
    share = recoverable_share(counts, round(records * filled / max(1, len(values))))
    least = LEAST_SHARE_OF_NUMBERS if CLASSES[step.data_class].high_entropy else LEAST_SHARE
    if share < least and (limit is None or share <= limit):
        return [], []
    says = (
        f"{step.transform.transform} of {len(counts):,} values in {int(counts.sum()):,} sampled rows: who knows how "
        f"often each value occurs turns about {share:.0%} of all rows"
        f"{' that have a value' if values.null_count else ''} back by frequency analysis"
    )
    if limit is not None and share > limit:
        hint = "use encrypt_gcm, generalize or drop the column, or raise max_recoverable"
        return [], [Problem(RiskLimitPassed.code, where, f"{says}; the policy allows {limit:.0%}", hint)]
    accepted = f" Accepted: {step.transform.accept_weakness}" if step.transform.accept_weakness else ""
    return [f"{where}: {says}.{accepted}"], []


def _counts_of(step: Step, values: pa.Array) -> NDArray[np.int64]:
    """How often each value is met, values made equal as the transform makes them equal."""
    form = getattr(step.transform, "normal_form", None) or "none"
    encoded = values.drop_null().dictionary_encode()
    equal = normal_form(form)(encoded.dictionary).take(encoded.indices)
    found: NDArray[np.int64] = equal.value_counts().field("counts").to_numpy(zero_copy_only=False)
    return found


# ------------------------------------------------------------------ shifted dates


def _against_shift(
    step: Step, where: str, values: pa.Array, rows: pa.Table, source: TableSource, date: str
) -> tuple[list[str], list[Problem]]:
    days, kept = _days_of(step, values, source)
    if not len(days):
        return [], []
    near = float(np.mean(np.abs(days - _day_number(date)) <= WINDOW_DAYS))
    if near > MOST_IN_WINDOW:
        says = (
            f"date_shift of a column whose values lie {near:.0%} within {WINDOW_DAYS} days of the release's date: the "
            f"folder's name would tell their offset, must be at most {MOST_IN_WINDOW:.0%}"
        )
        return [], [Problem(TransformUnsuitable.code, where, says, "use truncate_time, or drop the column")]
    commonest, count = _commonest(days)
    people = _people(rows.take(pa.array(kept[days == commonest])), source.subject_columns)
    if count / len(days) < SHARED or people < 2:
        return [], []
    return [
        f"{where}: {count / len(days):.0%} of {len(days):,} sampled values are one and the same day, of {people:,} "
        "subjects; who recognizes it (a default such as 1970-01-01) reads their offsets"
    ], []


def _days_of(
    step: Step, values: pa.Array, source: TableSource
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days since 1970 of the values that are times, and the rows that they stand in."""
    at = pa.array(np.arange(len(values)))
    records = SliceRecords(
        0,
        pa.table({step.column: values, "row": at}),
        pa.nulls(len(values), pa.int32()).fill_null(0),
        at,
        (),
        frozenset({step.column}),
    )
    typed = parse_types(records, {step.column: CLASSES[step.data_class].value_type}, source.timezone).table
    typed = typed.filter(pc.is_valid(typed[step.column]))
    days = (
        typed[step.column].cast(pa.timestamp("s"), safe=False).cast(pa.date32(), safe=False).cast(pa.int32())
    )
    return days.to_numpy().astype(np.int64), typed["row"].to_numpy()


def _day_number(date: str) -> int:
    return (calendar_date.fromisoformat(date) - calendar_date(1970, 1, 1)).days


def _commonest(days: NDArray[np.int64]) -> tuple[int, int]:
    values, counts = np.unique(days, return_counts=True)
    first = int(np.argmax(counts))
    return int(values[first]), int(counts[first])


def _people(rows: pa.Table, columns: Sequence[str]) -> int:
    """Distinct subjects of the rows, by the first subject column that each names."""
    known = [rows[column] for column in columns if column in rows.column_names]
    return int(pc.count_distinct(pc.coalesce(*known)).as_py()) if known else 0
