"""Consent, minors and erasure: which rows a release must leave out, and why.

The consent file is CSV with exactly the columns `account_id,purpose,granted,as_of,minor`. The newest line of
an account and purpose counts; where two lines are equally new, the one that denies. Nothing is guessed: a
line that cannot be read stops the run, because it might be a withdrawal.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from pipeline.config.models import ConsentSource
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.protect.subjects import ACCOUNT, subject_of
from transforms.primitives import sha256

COLUMNS = ("account_id", "purpose", "granted", "as_of", "minor")

NO_SUBJECT = "no_subject"  # consent cannot be looked up
ERASED = "erased"
MINOR = "minor"
NO_CONSENT = "no_consent"
# A row has one reason: the first of these that holds.
REASONS = (NO_SUBJECT, ERASED, MINOR, NO_CONSENT)

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_PURPOSE = r"^[a-z][a-z0-9_]{0,62}$"
_WHEN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?$"
Whole = NDArray[np.int64]
_LAST_OF_DAY = 86_400_000_000 - 1  # microseconds


@dataclass(frozen=True, eq=False)
class Consent:
    """What the consent file says. `digest` and `newest` belong to the run's input digest."""

    digest: str  # SHA-256 of the file, hex
    newest: str  # latest as_of, UTC, ISO 8601 with microseconds; empty when the file has no line
    lines: int  # without the header
    granted: Mapping[str, pa.Array] = field(repr=False)  # purpose -> subjects, sorted
    minors: pa.Array = field(repr=False)  # subjects whose newest flag says minor, sorted


@dataclass(frozen=True, eq=False)
class Withholding:
    """All that a child needs to withhold rows: sorted subjects, memory-mapped when read from staging."""

    granted: Mapping[str, pa.Array] = field(repr=False)  # purpose -> large_string
    minors: pa.Array = field(repr=False)  # large_string


@dataclass(frozen=True)
class Tombstones:
    """Erased subjects as keyed digests, and the function that maps subjects (text) to theirs (binary)."""

    digests: frozenset[bytes] = field(repr=False)
    digest: Callable[[pa.Array], pa.Array] = field(repr=False)


def load_consent(source: ConsentSource, base: Path) -> Consent:
    """Read the whole consent file, strictly.

    `granted` and `minor` take true, false, yes, no, 1, 0 in any case; an empty `minor` states nothing.
    `as_of` is a date or a time in ISO 8601; without offset it is UTC. A date without time covers its whole
    day: a denial counts from its end, a grant from its start, so that within one day the denial wins.

    Raises:
        InputUnreadable: the file is missing, or a line cannot be read; the line is named, never a value.

    """
    try:
        content = (base / source.path).read_bytes()
    except OSError:
        raise InputUnreadable(
            "the consent file is missing or cannot be read",
            where=f"consent {source.path}",
            hint="without it nobody's consent is known, so nothing on the basis of consent is computed",
        ) from None
    where = f"consent {source.path}"
    lines = _read_lines(content, where)
    when, day_only = _times(lines["as_of"], where)
    granted = _flags(lines["granted"], where, "granted", empty_allowed=False)
    minor = _flags(lines["minor"], where, "minor", empty_allowed=True)
    account = lines["account_id"].dictionary_encode()
    purpose = lines["purpose"].dictionary_encode()
    return Consent(
        digest=sha256(content).hex(),
        newest=_iso(when),
        lines=len(lines),
        granted=_granted(purpose, account, when + _LAST_OF_DAY * (day_only & (granted == 0)), granted),
        minors=_minors(account, when + _LAST_OF_DAY * (day_only & (minor == 1)), minor),
    )


def refuse_older(consent: Consent, known_newest: str) -> None:
    """Refuse a consent file whose newest line is older than that of a file used before.

    Raises JobWrong: withdrawals since then would be forgotten.
    """
    if consent.newest < known_newest:
        ends = consent.newest or "no line"
        raise JobWrong(
            f"the consent file ends at {ends}, and an earlier run has used one up to {known_newest}",
            where="consent",
            hint="give the newest export of the consent register",
        )


def make_withholding(consent: Consent | None, minors: pa.Array | None = None) -> Withholding:
    """Join what the consent file says with the minors whom the run's tables show (see `minors_in`)."""
    wide = pa.large_string()
    granted = {} if consent is None else {p: s.cast(wide) for p, s in sorted(consent.granted.items())}
    young = [pa.array([], wide)]
    young += [] if consent is None else [consent.minors.cast(wide)]
    young += [] if minors is None else [minors.cast(wide)]
    return Withholding(granted, pa.concat_arrays(young).unique().sort())


def write_withholding(withholding: Withholding, path: Path) -> None:
    """Write an Arrow IPC file that children map: one record batch a list, named in the schema's metadata.

    It holds raw subjects: nobody else may read it.
    """
    path.touch(mode=0o600)
    names = [MINOR, *(f"granted {purpose}" for purpose in withholding.granted)]
    schema = pa.schema([("subject", pa.large_string())], metadata={"lists": json.dumps(names)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for subjects in (withholding.minors, *withholding.granted.values()):
            writer.write_batch(pa.record_batch([subjects], schema=schema))


def read_withholding(path: Path) -> Withholding:
    """Map a file of `write_withholding`: children share its pages instead of holding copies."""
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    names = json.loads(reader.schema.metadata[b"lists"])
    lists = {name: reader.get_batch(i).column(0) for i, name in enumerate(names)}
    granted = {name.removeprefix("granted "): subjects for name, subjects in lists.items() if name != MINOR}
    return Withholding(granted, lists[MINOR])


def withheld(
    withholding: Withholding,
    basis: str,
    purpose: str,
    subject: pa.Array,
    tombstones: Tombstones | None = None,
) -> pa.Array:
    """Return why each row is withheld: text out of `REASONS`, null where the release may use the row.

    Erased subjects are withheld on every basis. On the basis of consent, so are rows without a subject,
    subjects under 14, and subjects whose newest line for the purpose is no grant. Other bases need none.
    """
    coded = subject if pa.types.is_dictionary(subject.type) else subject.dictionary_encode()
    names = coded.dictionary.cast(pa.large_string())
    # The last place is that of rows without subject.
    rank = np.full(len(names) + 1, len(REASONS), dtype=np.int64)
    if basis == "consent":
        allowed = withholding.granted.get(purpose)
        consenting = np.zeros(len(names), dtype=bool) if allowed is None else _among(names, allowed)
        rank[:-1][~consenting] = REASONS.index(NO_CONSENT)
        rank[:-1][_among(names, withholding.minors)] = REASONS.index(MINOR)
        rank[-1] = REASONS.index(NO_SUBJECT)
    if tombstones is not None and tombstones.digests and len(names):
        digests = tombstones.digest(coded.dictionary.cast(pa.string())).cast(pa.binary())
        erased = pc.is_in(digests, value_set=pa.array(sorted(tombstones.digests), pa.binary()))
        rank[:-1][np.asarray(erased)] = REASONS.index(ERASED)
    reasons = pa.array([*REASONS, None], pa.string()).take(pa.array(rank))
    return reasons.take(coded.indices.cast(pa.int64()).fill_null(len(names)))


def _among(names: pa.Array, subjects: pa.Array) -> "NDArray[np.bool_]":
    """Whether each name is among the subjects. The slice's names are hashed, not the millions of subjects."""
    found = subjects.filter(pc.is_in(subjects, value_set=names))
    return np.asarray(pc.is_in(names, value_set=found))


# ------------------------------------------------------------------ reading


def _bad_line(where: str, line: int | None, what: str) -> InputUnreadable:
    at = f"{where}, line {line}" if line else where
    return InputUnreadable(what, where=at, hint=f"the columns are {','.join(COLUMNS)}")


def _read_lines(content: bytes, where: str) -> pa.Table:
    """Read five text columns; line n of the file is row n - 2."""
    wrong: list[int] = []

    def note(row: Any) -> str:
        wrong.append(row.number or 0)
        return "skip"  # only so that the first bad line is named; the file is refused below

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            pyarrow.csv.ReadOptions(use_threads=False),  # else bad rows have no number
            pyarrow.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=note),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False
            ),
        )
        names = sorted(table.column_names)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):  # the last: a header in another encoding
        raise _bad_line(where, _not_utf8(content), "is no UTF-8 CSV file with a header line") from None
    if names != sorted(COLUMNS):
        raise _bad_line(where, 1, "the header does not name exactly the five columns")
    if wrong:
        raise _bad_line(where, wrong[0], "does not have five fields")
    table = table.select(COLUMNS).combine_chunks()
    for name in COLUMNS:
        # A quotation mark that is never closed swallows lines; it shows as a line end inside a value.
        _refuse_first(pc.match_substring_regex(table[name], r"[\r\n]"), where, f"{name} holds a line end")
    ids = table["account_id"]
    padded = pc.not_equal(ids, pc.utf8_trim_whitespace(ids))
    _refuse_first(pc.or_(pc.equal(ids, ""), padded), where, "account_id is empty or has blanks around it")
    named = pc.match_substring_regex(table["purpose"], _PURPOSE)
    _refuse_first(pc.invert(named), where, "purpose must be a name of lowercase letters, digits and _")
    return table


def _not_utf8(content: bytes) -> int | None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return None


def _refuse_first(wrong: pa.ChunkedArray, where: str, what: str) -> None:
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        raise _bad_line(where, at + 2, what)


def _flags(texts: pa.ChunkedArray, where: str, name: str, *, empty_allowed: bool) -> Whole:
    """Return 1 for true, 0 for false, -1 for not stated."""
    lower = pc.ascii_lower(texts)
    true, false = pc.is_in(lower, value_set=pa.array(_TRUE)), pc.is_in(lower, value_set=pa.array(_FALSE))
    known = pc.or_(true, false)
    if empty_allowed:
        known = pc.or_(known, pc.equal(texts, ""))
    _refuse_first(pc.invert(known), where, f"{name} must be true or false")
    return np.where(np.asarray(true), 1, np.where(np.asarray(false), 0, -1))


def _times(texts: pa.ChunkedArray, where: str) -> tuple[Whole, "NDArray[np.bool_]"]:
    """Return microseconds since 1970 UTC, and whether the text is a date without time."""
    _refuse_first(pc.invert(pc.match_substring_regex(texts, _WHEN)), where, "as_of must be a date or time")
    coded = texts.combine_chunks().dictionary_encode()
    if (times := _parsed(coded.dictionary)) is None:
        impossible = pa.array([_parsed(pa.array([text])) is None for text in coded.dictionary])
        _refuse_first(impossible.take(coded.indices), where, "as_of is no date or time of the calendar")
        raise _bad_line(where, None, "as_of cannot be read")
    day_only = pc.equal(pc.utf8_length(coded.dictionary), 10)
    return np.asarray(times.take(coded.indices)), np.asarray(day_only.take(coded.indices))


def _parsed(texts: pa.Array) -> pa.Array | None:
    """Return microseconds since 1970 UTC; None when any text is no time: Arrow's error would hold it."""
    zoned = pc.match_substring_regex(texts, r"(Z|[+-]\d{2}:\d{2})$")
    try:
        utc = pc.if_else(zoned, texts, pa.scalar(None, pa.string())).cast(pa.timestamp("us", "UTC"))
        plain = pc.if_else(zoned, pa.scalar(None, pa.string()), texts).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    return pc.coalesce(utc.cast(pa.int64()), plain.cast(pa.int64()))


def _iso(when: Whole) -> str:
    if not len(when):
        return ""
    newest = np.datetime64(int(when.max()), "us")
    return f"{np.datetime_as_string(newest, unit='us')}Z"


# ------------------------------------------------------------------ the newest line counts


def _granted(
    purpose: pa.ChunkedArray, account: pa.ChunkedArray, when: Whole, granted: Whole
) -> dict[str, pa.Array]:
    purposes, accounts = _codes(purpose), _codes(account)
    # Newest first; among equally new lines the denial (0) comes before the grant (1).
    order = np.lexsort((granted, -when, accounts, purposes))
    first = order[_starts(purposes[order], accounts[order])]
    yes = first[granted[first] == 1]
    names = account.combine_chunks().dictionary
    return {
        name: _subjects(names, accounts[yes[purposes[yes] == code]])
        for code, name in enumerate(purpose.combine_chunks().dictionary.to_pylist())
    }


def _minors(account: pa.ChunkedArray, when: Whole, minor: Whole) -> pa.Array:
    accounts = _codes(account)
    stated = np.flatnonzero(minor >= 0)
    # Newest first; among equally new lines the flag (1) comes before its absence (0).
    order = stated[np.lexsort((-minor[stated], -when[stated], accounts[stated]))]
    first = order[_starts(accounts[order])]
    return _subjects(account.combine_chunks().dictionary, accounts[first[minor[first] == 1]])


def _codes(column: pa.ChunkedArray) -> Whole:
    return np.asarray(column.combine_chunks().indices, dtype=np.int64)


def _starts(*keys: Whole) -> "NDArray[np.bool_]":
    """Whether each row of sorted keys is the first of its group."""
    starts = np.ones(len(keys[0]), dtype=bool)
    if len(starts):
        starts[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return starts


def _subjects(accounts: pa.Array, codes: Whole) -> pa.Array:
    return subject_of(ACCOUNT, accounts.take(pa.array(codes))).sort()
