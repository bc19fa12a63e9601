"""What `pouch detect` prints: one row of offsets per text, never a text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.detect.catalog import CLASS_ENTITIES
from pipeline.detect.columns import propose
from pipeline.detect.linked import Identities
from pipeline.detect.names import problems
from pipeline.detect.others import NOTHING_MORE, Wanted, prepared
from pipeline.detect.spans import find_mentions
from pipeline.detect.whole_run import RunIdentities
from pipeline.errors import InputUnreadable, JobWrong, nearest
from pipeline.intake.sampling import read_records

BATCH = 16_384  # texts searched at once: bounds memory, changes no result


class Span(TypedDict):
    """One span; offsets in code points of the original text, end exclusive."""

    start: int
    end: int
    entity: str
    score: float


class TextRow(TypedDict):
    """One line of `pouch detect`."""

    row: int
    spans: list[Span]


def detect_file(
    path: Path,
    column: str = "text",
    *,
    linked: Sequence[str] = (),
    all_entities: bool = False,
    names: bool = True,
    wanted: Wanted = NOTHING_MORE,
    known: Sequence[str] = (),
    delimiter: str = ",",
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[TextRow]:
    """As `detect_rows`, on a CSV, JSON-lines, Parquet or text file (column `text`, one text a line).

    A malformed record is skipped and told to `tell`; `row` stays the number of the record in the file, from 0.

    Raises:
        InputUnreadable: the file is missing, or none of its records can be read.
        JobWrong: as `detect_rows`; linked columns of a text file.

    """
    if not path.is_file():
        raise InputUnreadable("is no file", where=path.name)
    if (linked or known) and path.suffix.lower() == ".txt":
        raise JobWrong(
            "--linked needs columns, and a .txt file has none: each of its lines is one text",
            where=path.name,
            hint="put texts and identities side by side in a CSV, JSON-lines or Parquet file",
        )
    found = read_records(path, delimiter=delimiter)
    if found.rejected:
        first = min(found.rejected, key=lambda one: one.record)
        says = f"number {first.record} (from 0) is the first: {first.reason}"
        if not len(found.table):
            raise InputUnreadable(f"no record can be read; {says}", where=path.name)
        tell(f"{path.name}: unreadable records skipped: {len(found.rejected)}; {says}")
    numbers = found.record.to_pylist() if found.rejected else None
    return detect_rows(
        found.table,
        column,
        linked=linked,
        all_entities=all_entities,
        names=names,
        wanted=wanted,
        known=known,
        numbers=numbers,
    )


def detect_rows(
    table: pa.Table,
    column: str,
    *,
    linked: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
    all_entities: bool = False,
    names: bool = True,
    wanted: Wanted = NOTHING_MORE,
    known: Sequence[str] = (),
    numbers: Sequence[int] | None = None,
) -> Iterator[TextRow]:
    """Yield one line per row of a table, rows without spans and without text included.

    Args:
        table: text columns.
        column: the one that is searched.
        linked: identity columns, whose values are looked for in the text of their own row.
        classes: column -> data class of linked columns; where absent, `propose` tells.
        all_entities: dates and organizations, too.
        names: names and addresses of whom no column tells, too, by the models.
        wanted: national recognizers and users' own, beside ours.
        known: identity columns, whose values are looked for in the texts of all rows.
        numbers: what `row` says for each row, where that is not its place in the table.

    Raises:
        JobWrong: a column that the table does not have, a linked column whose class nothing tells, or a
            model of names that is not installed.

    """
    for name in (column, *linked, *known):
        if name not in table.column_names:
            raise JobWrong(f"there is no column {name!r}", hint=nearest(name, table.column_names))
    kinds = _classes_of(table, linked, classes or {})
    prepared(wanted)
    for problem in problems() if names else ():
        raise JobWrong(problem.message, hint=problem.hint)
    whole_run = _whole_run(table, _classes_of(table, known, classes or {}))
    for begin in range(0, len(table), BATCH):
        part = table.slice(begin, BATCH)
        texts = [value or "" for value in part.column(column).cast(pa.string()).to_pylist()]
        identities = _identities(part, kinds)
        for row, mentions in enumerate(
            find_mentions(
                texts, identities, all_entities=all_entities, names=names, wanted=wanted, whole_run=whole_run
            )
        ):
            spans = [Span(start=f.start, end=f.end, entity=f.entity, score=f.score) for f, _, _ in mentions]
            place = begin + row
            yield TextRow(row=numbers[place] if numbers else place, spans=spans)


def _classes_of(table: pa.Table, linked: Sequence[str], classes: Mapping[str, str]) -> dict[str, str]:
    kinds = {name: classes[name] for name in linked if name in classes}
    rest = [name for name in linked if name not in kinds]
    for profile in propose("", table.select(rest).slice(0, 1000)) if rest else []:
        if profile.data_class in ("unknown", "other"):
            raise JobWrong(
                f"what column {profile.column!r} holds is not clear from its name and values",
                hint="name it after its class, such as " + ", ".join(sorted(CLASS_ENTITIES)[:4]),
            )
        kinds[profile.column] = profile.data_class
    for name, data_class in kinds.items():
        if data_class not in CLASSES:
            raise JobWrong(
                f"no data class is called {data_class!r}", where=name, hint=nearest(data_class, CLASSES)
            )
    return kinds


def _whole_run(table: pa.Table, kinds: Mapping[str, str]) -> RunIdentities | None:
    values: dict[str, list[str]] = {}
    for name, data_class in kinds.items():
        values.setdefault(data_class, []).extend(table.column(name).cast(pa.string()).drop_null().to_pylist())
    return RunIdentities(values) if values else None


def _identities(part: pa.Table, kinds: Mapping[str, str]) -> list[Identities | None] | None:
    if not kinds:
        return None
    columns = [(kinds[name], part.column(name).cast(pa.string()).to_pylist()) for name in kinds]
    rows: list[Identities | None] = []
    for row in range(len(part)):
        known: dict[str, list[str]] = {}
        for data_class, values in columns:
            if values[row]:
                known.setdefault(data_class, []).append(values[row])
        rows.append({data_class: tuple(found) for data_class, found in known.items()})
    return rows
