"""Content drift: whether a column that was catalogued as harmless now holds direct identifiers.

Every value of every slice is matched against the shapes below by RE2; what has a shape goes through its check: all
of it up to `CHECKED` values of a column and slice (distinct ones where values repeat), evenly spread beyond that.
Rates are of cells that are not null, so that a value counts as often as it stands there.

A check digit holds by chance for one number in ten: such a finding counts only above chance by five standard deviations
(binomial), and the shapes without a check digit are ones that no number or word has by accident.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.classes import CLASSES
from pipeline.detect import checks
from pipeline.detect.documents import resident_digits
from pipeline.detect.folding import fold_value

CHECKED = 4_096  # values of one shape, column and slice that are checked one by one
SIGMAS = 5

Counts = Callable[[], NDArray[np.int64]]
_MAIL = re.compile(r"[a-z0-9._%+\-]{1,64}@(?:[a-z0-9\-]+\.)+[a-z]{2,24}")
_LARGE = 10**9  # a whole number below it has too few digits for any shape


@dataclass(frozen=True)
class Validator:
    """One way to see a direct identifier: a shape (RE2, of a whole cell), a check, its chance rate."""

    data_class: str
    shape: str
    check: checks.Check
    chance: float  # share of random values of this shape that pass the check


def _true(value: str) -> float | None:
    return 1.0


def _mobile(value: str) -> float | None:
    return (
        1.0 if checks.digits_of(value)[-11:][1] in "3456789" and checks.digits_of(value)[-11] == "1" else None
    )


def _mail_inside(value: str) -> float | None:
    found = _MAIL.search(value)
    return checks.email(found.group()) if found else None


def _at_least(check: checks.Check, least: float) -> checks.Check:
    return lambda value: score if (score := check(value)) is not None and score >= least else None


_GROUPED_CARD = r"[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4,5}(?:[ -][0-9]{1,7})?"

VALIDATORS: tuple[Validator, ...] = (
    Validator(
        "email",
        r"(?i)(?:.*[^a-z0-9._%+\-])?[a-z0-9._%+\-]{1,64}@(?:[a-z0-9\-]+\.)+[a-z]{2,24}(?:[^a-z0-9@].*)?",
        _mail_inside,
        0.0,
    ),
    Validator("contact_phone", r"\+[1-9][0-9 ().\-]{6,18}[0-9]", _at_least(checks.phone, 0.9), 0.0),
    # of eleven digits, 8 in 100 begin like a Chinese mobile number
    Validator("mobile_phone", r"(?:\+?86[ -]?)?[0-9]{11}|1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}", _mobile, 0.1),
    Validator(
        "national_id", r"[1-9][0-9]{16}[0-9Xx]", lambda v: 1.0 if resident_digits(v.lower()) else None, 0.01
    ),
    Validator("national_id", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", checks.us_ssn, 0.0),
    Validator("imei", r"[0-9]{15}", _at_least(checks.imei, 0.8), 0.1),
    Validator("iccid", r"89[0-9]{17,18}", _at_least(checks.iccid, 0.8), 0.2),
    Validator("bank_card", rf"[0-9]{{13,19}}|{_GROUPED_CARD}", _at_least(checks.bank_card, 0.45), 0.1),
    Validator(
        "bank_card",
        r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{11,30}",
        lambda v: checks.iban(v.replace(" ", "").lower()),
        0.02,
    ),
    Validator("mac", r"(?i)[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}", checks.mac, 0.0),
    Validator("uuid", r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", _true, 0.0),
)

# What a class holds by its nature: crawlers name their owners' addresses in user agents.
_BY_NATURE: Mapping[str, frozenset[str]] = {"user_agent": frozenset({"email"})}

# No value shorter than this has any shape, and none without a beginning such as these, or an `@`.
_SHORTEST = 6
_BEGINNING = r"^\s*(?:\+?[0-9][0-9 \-]{7}|[0-9a-fA-F]{2,8}[:\-]|[A-Z]{2}[0-9]{2})"


class Finding(NamedTuple):
    """Of one column in one slice. Counts only."""

    column: str
    data_class: str  # that the cells validate as
    cells: int  # not null
    shaped: int  # cells that have the shape
    valid: int  # and pass the check; estimated where more than `CHECKED` values have the shape
    chance: float


def watched(data_class: str) -> bool:
    """Whether a column of this class is watched: harmless or a trait, neither personal nor free text."""
    known = CLASSES[data_class]
    return known.kind in ("other", "quasi_identifier") and known.grade <= 2


def inspect_column(column: str, data_class: str, array: pa.Array) -> list[Finding]:
    """What one column of one slice holds that it should not.

    Args:
        column: its name.
        data_class: as catalogued; must be `watched`.
        array: of a slice: text (plain or dictionary-encoded) or whole numbers; other types hold no identifier.

    """
    texts, counts = _values(array)
    if texts is None or not len(texts):
        return []
    if (pc.max(pc.binary_length(texts)).as_py() or 0) < _SHORTEST:
        return []
    texts = _normalized(texts)
    near = pc.or_(pc.match_substring(texts, "@"), pc.match_substring_regex(texts, _BEGINNING))
    rows = pc.indices_nonzero(near)
    if not len(rows):
        return []
    texts, weights = pc.utf8_trim_whitespace(texts.take(rows)), counts()[rows.to_numpy()]
    cells = len(array) - array.null_count
    natural = _BY_NATURE.get(data_class, frozenset())
    found = (_validated(column, validator, texts, weights, cells) for validator in VALIDATORS)
    return [one for one in found if one is not None and one.data_class not in natural]


def _values(array: pa.Array) -> tuple[Any, Counts]:
    """Values as text, and how often each stands there, counted only on demand."""
    if pa.types.is_dictionary(array.type) and pa.types.is_string(array.type.value_type):
        return array.dictionary, lambda: _counted(array.indices, len(array.dictionary))
    if pa.types.is_string(array.type):
        return array, lambda: np.ones(len(array), np.int64)
    if pa.types.is_integer(array.type):
        largest = pc.max(array).as_py()
        if largest is None or largest < _LARGE:
            return None, _none
        encoded = array.dictionary_encode()
        return encoded.dictionary.cast(pa.string()), lambda: _counted(
            encoded.indices, len(encoded.dictionary)
        )
    return None, _none


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


def _counted(indices: pa.Array, size: int) -> NDArray[np.int64]:
    return np.bincount(indices.drop_null().to_numpy(), minlength=size)


def _normalized(texts: pa.Array) -> pa.Array:
    """Full-width digits and the like as plain ones."""
    return texts if pc.all(pc.string_is_ascii(texts)).as_py() else pc.utf8_normalize(texts, form="NFKC")


def _validated(
    column: str, validator: Validator, texts: pa.Array, weights: NDArray[np.int64], cells: int
) -> Finding | None:
    matching = pc.match_substring_regex(texts, f"^(?:{validator.shape})$")
    rows = pc.indices_nonzero(matching).to_numpy()
    if not len(rows):
        return None
    shaped = int(weights[rows].sum())
    checked = rows[:: -(-len(rows) // CHECKED)]
    passing = [validator.check(fold_value(v)) is not None for v in texts.take(pa.array(checked)).to_pylist()]
    share = float(weights[checked][passing].sum()) / float(weights[checked].sum())
    valid = round(share * shaped)
    if not valid:
        return None
    return Finding(column, validator.data_class, cells, shaped, valid, validator.chance)


def beyond(finding: Finding, share: float) -> bool:
    """Whether more than the share of cells validate, and more than chance explains."""
    if finding.valid <= share * finding.cells:
        return False
    expected = finding.chance * finding.shaped
    return finding.valid > expected + SIGMAS * sqrt(expected * (1 - finding.chance))
