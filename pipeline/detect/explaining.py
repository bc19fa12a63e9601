"""`pouch scan --explain COLUMN`: everything that spoke for or against a class, in words and rates, never a value."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.detect.column_evidence import Profile
from pipeline.detect.column_names import is_vetoed, match_name, says_nothing, split_name
from pipeline.detect.column_values import FORMS, Values, sample_values
from pipeline.detect.columns import propose
from pipeline.detect.proposal import Reading, sampled_tables
from pipeline.errors import JobWrong, nearest

_WORTH_TELLING = 0.02  # rates below it are noise


def explain_files(
    paths: Sequence[Path],
    column: str,
    reading: Reading,
    *,
    table: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Explain one column, `COLUMN` or `TABLE.COLUMN`, of every table that has it; lines for a reader.

    Raises:
        JobWrong: no table has it.
        InputUnreadable: a file that is missing or cannot be read.

    """
    lines: list[str] = []
    known: list[str] = []
    for name, sample in sampled_tables(paths, reading, table=table, tell=tell):
        known += sample.column_names
        wanted = [one for one in sample.column_names if column in (one, f"{name}.{one}")]
        profiles = {profile.column: profile for profile in propose(name, sample)} if wanted else {}
        for one in wanted:
            lines += _explained(profiles[one], sample.column(one), list(profiles.values()))
    if not lines:
        raise JobWrong(f"no column {column}", where="--explain", hint=nearest(column, known))
    return lines


def _explained(profile: Profile, column: pa.ChunkedArray, profiles: Sequence[Profile]) -> list[str]:
    values = sample_values(column)
    return [
        f"{profile.table}.{profile.column}: {profile.data_class}, grade {profile.grade}, "
        f"confidence {profile.confidence:.2f}",
        *(f"  decided by: {reason}" for reason in profile.evidence),
        *_of_name(profile.column),
        *_of_values(values, len(column)),
        *_of_neighbors(profile, profiles),
    ]


def _of_name(name: str) -> list[str]:
    lines = [f"  name: reads as {' · '.join(split_name(name)) or 'nothing'}"]
    if says_nothing(name):
        lines.append("  name: says nothing, so weaker evidence of the values may decide")
    if is_vetoed(name):
        lines.append("  name: says that the column is about something (its type, count, flag…)")
    spoken: dict[str, str] = {}
    for match in match_name(name):
        weak = ", weakly: the values must agree" if match.weak else ""
        spoken.setdefault(match.data_class, f"  name: `{match.phrase}` speaks for {match.data_class}{weak}")
    return [*lines, *spoken.values()]


def _of_values(values: Values, rows: int) -> list[str]:
    if not values.folded:
        return [f"  values: none in {rows} sampled rows"]
    rates = sorted(((values.rate(form), form) for form in FORMS), key=lambda one: (-one[0], one[1]))
    shown = [f"{form} {rate:.0%}" for rate, form in rates if rate >= _WORTH_TELLING]
    return [
        f"  values: {values.rows} of {rows} sampled rows filled, {values.distinct} distinct "
        f"({values.distinct_share:.0%}), {values.typical_length:.0f} characters on average",
        f"  forms of {len(values.folded)} distinct values: {', '.join(shown) or 'none'}",
    ]


def _of_neighbors(profile: Profile, profiles: Sequence[Profile]) -> list[str]:
    place = next(i for i, one in enumerate(profiles) if one.column == profile.column)
    beside = [
        f"{profiles[i].column} ({profiles[i].data_class})"
        for i in (place - 2, place - 1, place + 1, place + 2)
        if 0 <= i < len(profiles)
    ]
    return [f"  beside: {', '.join(beside)}"] if beside else []
