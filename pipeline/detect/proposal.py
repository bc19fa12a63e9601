"""`pouch scan`: files in, a proposed catalog out, as YAML that a steward edits or as JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.config.models import NAME_PATTERN
from pipeline.detect.columns import Profile, propose
from pipeline.detect.type_fit import fit_to_type
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.intake.cutting import cut_files
from pipeline.intake.model import Limits
from pipeline.intake.sampling import one_file_source, read_table, sample_with_reasons

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIKE_A_VALUE = re.compile(r"@|\d{6}")  # a JSON object keyed by phone numbers or e-mail addresses
# YAML 1.1 reads these words as something else.
_NOT_TEXT = frozenset(["y", "n", "yes", "no", "true", "false", "on", "off", "null"])


@dataclass(frozen=True)
class Reading:
    """How `pouch scan` reads its files."""

    rows: int = 2000
    delimiter: str = ","
    encoding: str = "utf-8"


def propose_files(
    paths: Sequence[Path],
    reading: Reading = Reading(),
    *,
    table: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Profile]:
    """Propose a class for every column of every file, in the order given; a table is named as its file.

    With `table`, the files together are that one table, and must have the same columns. `tell` gets sentences
    about records that could not be read, and about files that look wrong; none holds a value.

    Raises:
        InputUnreadable: a file that is missing or cannot be read.
        Drift: files of one table with different columns.
        JobWrong: delimiter, encoding or table name cannot be.

    """
    profiles = []
    for name, sampled in sampled_tables(paths, reading, table=table, tell=tell):
        columns = dict(zip(sampled.column_names, sampled.columns, strict=True))
        profiles += [
            fit_to_type(profile, columns[profile.column].combine_chunks())
            for profile in propose(name, sampled)
        ]
    return profiles


def sampled_tables(
    paths: Sequence[Path],
    reading: Reading,
    *,
    table: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield each table's name and sampled rows; see `propose_files`, which raises the same."""
    if table is not None and not re.fullmatch(NAME_PATTERN, table):
        raise JobWrong("--table must be a name of lowercase letters, digits and _, beginning with a letter")
    tables = {table: list(paths)} if table is not None else None
    groups = list(tables.items()) if tables else [(table_name(path), [path]) for path in paths]
    seen: dict[tuple[str, ...], str] = {}
    for name, files in groups:
        sampled = _sampled(name, files, reading, tell)
        header = tuple(sorted(sampled.column_names))
        if header in seen and header != ("text",):
            tell(
                f"{files[0].name} has the columns of {seen[header]}: --table NAME proposes one table for them"
            )
        seen.setdefault(header, files[0].name)
        yield name, sampled


def table_name(path: Path) -> str:
    """The file's stem; that of `orders.csv.gz` is `orders`."""
    return Path(path.stem).stem if path.suffix.lower() in (".gz", ".zst") else path.stem


def _sampled(name: str, paths: Sequence[Path], reading: Reading, tell: Callable[[str], None]) -> pa.Table:
    for path in paths:
        if not path.is_file():
            raise InputUnreadable("is no file", where=path.name)
    source = one_file_source(reading.delimiter, reading.encoding)
    texts = [path for path in paths if path.suffix.lower() == ".txt"]
    if texts and len(paths) > 1:
        raise JobWrong("--table joins CSV, JSON-lines or Parquet files", where=texts[0].name)
    if texts:
        return read_table(texts[0], encoding=reading.encoding).slice(0, reading.rows)
    # One file is read from its own folder, so that messages hold its name and no path.
    base, names = (paths[0].parent, [paths[0].name]) if len(paths) == 1 else (Path(), [str(p) for p in paths])
    cut = cut_files(name, names, source, base, Limits())
    found = sample_with_reasons(cut, source, reading.rows, base=base)
    where = names[0] if len(names) == 1 else name
    if found.reasons and not found.table.column_names:
        raise InputUnreadable(
            f"none of {found.records} sampled records can be read, the first: {found.reasons[0]}", where=where
        )
    if found.reasons:
        tell(
            f"{where}: {len(found.reasons)} of {found.records} sampled records could not be read, the first: "
            f"{found.reasons[0]}"
        )
    for sign, word in ((";", "';'"), ("\t", "$'\\t'"), ("|", "'|'")):
        if cut.files[0].format == "csv" and len(cut.columns) == 1 and sign in cut.columns[0]:
            tell(f"{where}: one column: try --delimiter {word}")
    like_values = sum(_LIKE_A_VALUE.search(column) is not None for column in found.table.column_names)
    if like_values:
        raise InputUnreadable(
            f"{like_values} names of columns or keys look like data, and are not shown",
            where=where,
            hint="objects keyed by people's data must become lists first",
        )
    return found.table


def as_yaml(profiles: Iterable[Profile]) -> str:
    """Return the proposal as a catalog: table, column, class, with the evidence as a comment.

    Undecided columns stand as `unknown`, which no policy publishes: the steward decides.
    """
    lines: list[str] = []
    table = None
    for profile in profiles:
        if profile.table != table:
            table = profile.table
            lines.append(f"{_key(table)}:")
        entry = f"  {_key(profile.column)}: {profile.data_class}"
        lines.append(f"{entry}  # {profile.confidence:.2f}: {'; '.join(profile.evidence)}")
    return "\n".join(lines) + "\n" if lines else ""


def _key(name: str) -> str:
    """A name as a YAML key; JSON strings are YAML strings (YAML 1.2 section 1.3)."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _NOT_TEXT
    return name if plain else json.dumps(name, ensure_ascii=False)
