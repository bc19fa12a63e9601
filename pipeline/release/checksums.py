"""Rule: numbers with a valid check digit, e-mail addresses and phone numbers count only above chance.

Luhn alone passes one random number in ten, the resident id's check character one in eleven. So a published
column that is not planned to hold the class is accused only when, among its distinct candidates, the share
that passes is more than five standard deviations above chance, and at least three pass. Equality with an
identity of the run is another rule's matter, and needs no such evidence.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.release.normalized import Forms, digests_of, digit_counts, forms_of
from transforms.cells import text_bytes

LEAST_CELLS = 3
SIGMAS = 5.0
_SAMPLE = 1 << 14  # distinct candidates kept per column, those with the smallest digests: a fair sample

_FEWEST_DIGITS = 14  # of a card, the shortest of the numbers with a check digit

Check = NDArray[np.bool_]
Texts = tuple[list[str], Check]


@dataclass(frozen=True)
class Recognizer:
    """A shape, and the share of random texts of this shape that pass its check."""

    data_class: str
    token_domain: str
    shape: str  # RE2 over the text, separators included
    chance: float


RECOGNIZERS: tuple[Recognizer, ...] = (
    # ISO/IEC 7812-1: issuer ranges of the large schemes, then Luhn.
    Recognizer("bank_card", "bank_card", r"(?:4|5[1-5]|2[2-7]|3[47]|6[0-9])(?:[ -]?[0-9]){12,17}", 0.1),
    # 3GPP TS 23.003, annex B: 15 digits, Luhn; reporting bodies 01, 35, 86, 98, 99.
    Recognizer("imei", "imei", r"(?:01|35|86|98|99)(?:[ -]?[0-9]){13}", 0.1),
    # ITU-T E.118: 89, country, issuer, account, Luhn.
    Recognizer("iccid", "iccid", r"89(?:[ -]?[0-9]){17,18}", 0.1),
    # GB 11643-1999: division, birth date, sequence, ISO/IEC 7064 MOD 11-2.
    Recognizer(
        "national_id",
        "national_id",
        r"[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]",
        1 / 11,
    ),
    Recognizer("email", "email", r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}", 0.0),
    Recognizer("mobile_phone", "phone", r"\+[1-9](?:[ ()-]{0,2}[0-9]){7,14}", 0.0),
)
_BY_CLASS = {recognizer.data_class: recognizer for recognizer in RECOGNIZERS}


@dataclass(frozen=True)
class Sample:
    """Distinct candidates of one recognizer in one published column."""

    release: int
    table: str
    column: str
    data_class: str
    digests: tuple[int, ...]  # the lowest bit says whether the candidate passes


def candidates(values: pa.Array, forms: Forms, allowed: frozenset[str]) -> dict[str, Texts]:
    """Recognizer -> texts of its shape in the distinct cells, and whether each passes its check.

    `allowed` are token domains that the plan keeps in this column; `forms` are those of the values.
    """
    found: dict[str, Texts] = {}
    with_mark = values.filter(pc.match_substring_regex(values, "[@+]")) if _any_mark(values) else values[:0]
    long = np.flatnonzero(forms.lengths >= _FEWEST_DIGITS)
    numbers = long[digit_counts(forms.take(long)) >= _FEWEST_DIGITS]
    with_number = values.take(pa.array(numbers))
    for recognizer in RECOGNIZERS:
        if recognizer.token_domain in allowed:
            continue
        near = with_mark if recognizer.chance == 0 else with_number
        texts = _matches(recognizer, near)
        if texts:
            found[recognizer.data_class] = (texts, _passes(recognizer.data_class, texts))
    return found


def _any_mark(values: pa.Array) -> bool:
    """Whether any text holds `@` or `+`: looking at all bytes at once costs a tenth of an expression."""
    _, content = text_bytes(values)
    return bool(((content == ord("@")) | (content == ord("+"))).any())


def _matches(recognizer: Recognizer, values: pa.Array) -> list[str]:
    """Every text of the shape in any cell: RE2 tells which cells can hold one, so that Python looks at few."""
    expression = _COMPILED[recognizer.data_class]
    near = values.filter(pc.match_substring_regex(values, recognizer.shape)).to_pylist()
    return sorted({match[0] for value in near for match in expression.finditer(value)})


# Digits on either side belong to a longer number.
_COMPILED = {r.data_class: re.compile(rf"(?<![0-9])(?:{r.shape})(?![0-9])") for r in RECOGNIZERS}


def _passes(data_class: str, texts: Sequence[str]) -> Check:
    if data_class in {"email", "mobile_phone"}:
        return np.ones(len(texts), dtype=bool)
    if data_class == "national_id":
        return np.array([resident_id_check(text) for text in texts], dtype=bool)
    return luhn([re.sub("[ -]", "", text) for text in texts])


def luhn(numbers: Sequence[str]) -> Check:
    """ISO/IEC 7812-1, annex B, for many numbers at once."""
    if not numbers:
        return np.zeros(0, dtype=bool)
    width = max(map(len, numbers))
    padded = np.array([number.rjust(width, "0") for number in numbers], dtype=f"S{width}")
    digits = padded.view(np.uint8).reshape(len(numbers), width).astype(np.int64) - ord("0")
    doubled = digits[:, -2::-2] * 2
    doubled -= 9 * (doubled > 9)
    total = digits[:, ::-2].sum(axis=1) + doubled.sum(axis=1)
    return np.asarray(total % 10 == 0, dtype=bool)


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident_id_check(text: str) -> bool:
    """ISO/IEC 7064 MOD 11-2 over 17 digits."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return "10X98765432"[total % 11] == text[17].upper()


def sampled(texts: Sequence[str], passes: Check, key: bytes) -> tuple[int, ...]:
    """The smallest digests of the distinct texts, the lowest bit telling whether the text passes."""
    digests = digests_of(forms_of(pa.array(texts, type=pa.string())), key)
    marked = (digests & ~np.uint64(1)) | passes.astype(np.uint64)
    return tuple(np.sort(marked)[:_SAMPLE].tolist())


@dataclass(frozen=True)
class Verdict:
    """What all slices together say of one column and recognizer."""

    release: int
    table: str
    column: str
    data_class: str
    candidates: int
    passing: int
    accused: bool


def verdicts(samples: Iterable[Sample]) -> tuple[Verdict, ...]:
    """Join the samples of all slices and test each column against chance."""
    joined: dict[tuple[int, str, str, str], set[int]] = {}
    for sample in samples:
        place = (sample.release, sample.table, sample.column, sample.data_class)
        kept = joined.get(place, set()) | set(sample.digests)
        joined[place] = set(sorted(kept)[:_SAMPLE]) if len(kept) > _SAMPLE else kept
    return tuple(_verdict(place, digests) for place, digests in sorted(joined.items()))


def _verdict(place: tuple[int, str, str, str], digests: set[int]) -> Verdict:
    passing = sum(digest & 1 for digest in digests)
    accused = above_chance(len(digests), passing, _BY_CLASS[place[3]].chance)
    return Verdict(*place, candidates=len(digests), passing=passing, accused=accused)


def above_chance(count: int, passing: int, chance: float) -> bool:
    """Whether `passing` of `count` cannot be chance."""
    bound = count * chance + SIGMAS * (count * chance * (1 - chance)) ** 0.5
    return passing >= LEAST_CELLS and passing > bound
