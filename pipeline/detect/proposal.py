"""`pouch scan`: files in, a proposed catalog out, as YAML that a steward edits or as JSON."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.detect.columns import Profile, propose
from pipeline.errors import InputUnreadable
from pipeline.intake.cutting import cut_files
from pipeline.intake.model import Limits
from pipeline.intake.sampling import read_table, sample

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIKE_A_VALUE = re.compile(r"@|\d{6}")  # a JSON object keyed by phone numbers or e-mail addresses
_NOT_TEXT = frozenset(
    ["y", "n", "yes", "no", "true", "false", "on", "off", "null"]
)  # YAML 1.1 reads these words as something else


def propose_files(paths: Sequence[Path], *, rows: int = 2000, delimiter: str = ",") -> list[Profile]:
    """Propose a class for every column of every file, in the order given; a table is named as its file.

    Raises:
        InputUnreadable: a file that is missing or cannot be read.

    """
    return [
        profile for path in paths for profile in propose(table_name(path), _sampled(path, rows, delimiter))
    ]


def table_name(path: Path) -> str:
    """The file's stem; that of `orders.csv.gz` is `orders`."""
    return Path(path.stem).stem if path.suffix.lower() in (".gz", ".zst") else path.stem


def _sampled(path: Path, rows: int, delimiter: str) -> pa.Table:
    if not path.is_file():
        raise InputUnreadable("is no file", where=path.name)
    if path.suffix.lower() == ".txt":
        return read_table(path).slice(0, rows)
    source = TableSource(path=path.name, subject="none", delimiter=delimiter)
    cut = cut_files(table_name(path), [path.name], source, path.parent, Limits())
    found = sample(cut, source, rows, base=path.parent)
    like_values = sum(_LIKE_A_VALUE.search(name) is not None for name in found.column_names)
    if like_values:
        raise InputUnreadable(
            f"{like_values} names of columns or keys look like data, and are not shown",
            where=path.name,
            hint="objects keyed by people's data must become lists first",
        )
    return found


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
