"""Find the identities of a row in its own text, however they are written.

No model and no guess: only what the row's own identity columns hold is looked for, so that look-alike
words of other rows stay.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.detect.boundaries import is_unspaced, joins_words
from pipeline.detect.catalog import CLASS_ENTITIES
from pipeline.detect.folding import Folded
from pipeline.detect.linked_forms import (
    ADDRESS_MARKS,
    STREET_TYPES,
    Address,
    Needles,
    address_form,
    email_needles,
    email_parts,
    name_needles,
    phone_digits,
    plain_needles,
    words_of,
)
from pipeline.detect.model import Found

Identities = Mapping[str, str | Sequence[str]]  # data class -> value or values of the same row

_GAP = 4  # most characters between two letters of one mention: `138 - 0013`, `jo (at) x`
_NUMERALS = re.compile("[〇零一二三四五六七八九幺]{7}")
_TO_DIGITS = str.maketrans("〇零一二三四五六七八九幺", "001234567891")
_MASKED_PHONE = re.compile(r"([0-9]{2,4})[*x•·.]{3,}([0-9]{2,4})")
_SHORT_RUN = re.compile(r"(?<![0-9])[0-9]{2,10}(?:[ \-][0-9]{2,6})?(?![0-9])")
# `l38OOl38OOO`: letters that stand for digits, among digits
_LETTERED = re.compile(
    "(?<![a-z0-9])(?=[a-z]*[0-9][a-z]*[0-9][a-z]*[0-9][a-z]*[0-9])[0-9olisbz]{7,15}(?![a-z0-9])"
)
_LETTER_DIGITS = str.maketrans("olisbz", "011582")
_SPOKEN = dict(
    zip(
        ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        "00123456789",
        strict=True,
    )
)
_SPOKEN_RUN = re.compile(
    rf"(?<![a-z])(?:(?:double |triple )?(?:{'|'.join(_SPOKEN)})[ ,.\-]{{1,3}}){{4,}}(?:{'|'.join(_SPOKEN)})(?![a-z])"
)
_PHONE_TAIL = 7  # digits that make a phone's mention certain
_SHORTEST_ENDING = 4
_ENDING_CLASSES = frozenset({"bank_card", "national_id", "imei", "iccid"})  # "card ending 7118"
_UNIT = re.compile(
    r"(?<![a-z])(?:unit|apt|apartment|flat|suite|room|level|no\.?|#) ?([0-9]{1,5}[a-z]?)(?![0-9a-z])"
    r"|([0-9]{1,5})(?:室|号|號|栋|幢|楼|单元|弄|户|層|层)"
)
_SEED = 5  # Chinese characters that two addresses must share


class Linked(NamedTuple):
    """A mention: where it stands in the original text, and which identity it is."""

    found: Found
    data_class: str
    value: str  # as the row's column holds it


class Searched:
    """One text in the forms that needles are compared with; made once, searched for many rows."""

    def __init__(self, original: str, folded: Folded) -> None:
        self.original = original
        self.folded = folded
        text = folded.text
        self.places = [index for index, character in enumerate(text) if character.isalnum()]
        self.compact = "".join([text[index] for index in self.places])
        self.digits = self.compact  # with Chinese numerals as digits
        self.haystacks: tuple[str, ...] = (self.compact,)
        if not text.isascii() and _NUMERALS.search(self.compact):
            self.digits = self.compact.translate(_TO_DIGITS)
            self.haystacks = (self.compact, self.digits)
        for lettered in _LETTERED.finditer(text):
            first = bisect_left(self.places, lettered.start())
            low, high = first, first + len(lettered.group())
            self.digits = self.digits[:low] + lettered.group().translate(_LETTER_DIGITS) + self.digits[high:]

    def spans(self, needle: str, haystack: str) -> Iterator[tuple[int, int]]:
        """Folded spans of free-standing occurrences of a needle."""
        at = haystack.find(needle)
        while at >= 0:
            last = at + len(needle) - 1
            if self.stands_free(at, last):
                yield self.places[at], self.places[last] + 1
            at = haystack.find(needle, at + 1)

    def stands_free(self, first: int, last: int) -> bool:
        """Whether the compact characters are one mention: close together, and no part of something longer."""
        return self._tight(first, last) and self._free(first, last)

    def _tight(self, first: int, last: int) -> bool:
        if self.places[last] - self.places[first] == last - first:
            return True
        return all(self.places[i + 1] - self.places[i] <= _GAP for i in range(first, last))

    def _free(self, first: int, last: int) -> bool:
        """A word must not go on; a number must not go on with digits."""
        text = self.folded.text
        start, end = self.places[first], self.places[last] + 1
        return not (start > 0 and _continues(text[start], text[start - 1])) and not (
            end < len(text) and _continues(text[end - 1], text[end])
        )

    def capital(self, start: int) -> bool:
        """Whether the original has a capital letter there."""
        origin = self.folded.original(start, start + 1)[0]
        return self.original[origin].isupper()


def _continues(edge: str, neighbor: str) -> bool:
    if edge.isdigit():
        return neighbor.isdigit()
    return not is_unspaced(edge) and joins_words(neighbor)


def find_linked(text: Searched, identities: Identities) -> list[Linked]:
    """Return every mention of the row's identities, in folded offsets; mentions may overlap."""
    if not text.compact:
        return []
    mentions = []
    for data_class, values in identities.items():
        entity = CLASS_ENTITIES.get(data_class, data_class.upper())
        for value in (values,) if isinstance(values, str) else values:
            if not value:
                continue
            for start, end, score in _mentions(text, data_class, value):
                mentions.append(Linked(Found(start, end, entity, score), data_class, value))
    return mentions


def _mentions(text: Searched, data_class: str, value: str) -> Iterator[tuple[int, int, float]]:
    if data_class in ("mobile_phone", "contact_phone"):
        yield from _phones(text, phone_digits(value))
    elif data_class == "person_name":
        yield from _needles(text, name_needles(value))
    elif data_class == "email":
        # most texts hold no part of the address: do not spell it out in all ways for them
        if any(part in haystack for part in email_parts(value) for haystack in text.haystacks):
            yield from _needles(text, email_needles(value))
    elif data_class == "postal_address":
        yield from _address(text, address_form(value))
    elif data_class in _ENDING_CLASSES:
        yield from _needles(text, plain_needles(value))
        yield from _endings(text, phone_digits(value))
    else:
        yield from _needles(text, plain_needles(value))


def _needles(text: Searched, known: Needles) -> Iterator[tuple[int, int, float]]:
    for haystack in text.haystacks:
        if not any(gate in haystack for gate in known.gates):
            continue
        for needle in known.needles:
            if needle.text not in haystack:
                continue
            for start, end in text.spans(needle.text, haystack):
                if not needle.capital or text.capital(start):
                    yield start, end, needle.score


def _phones(text: Searched, digits: str) -> Iterator[tuple[int, int, float]]:
    """The number with or without its prefixes, its last four to ten digits, its masked form."""
    if len(digits) >= _PHONE_TAIL:
        yield from whole_phones(text, digits)
    yield from _endings(text, digits)
    if "*" in text.original or "x" in text.folded.text or "•" in text.original:
        for masked in _MASKED_PHONE.finditer(text.folded.text):
            if masked.group(1).lstrip("0") in digits and digits.endswith(masked.group(2)):
                yield masked.start(), masked.end(), 0.9
    for spoken in _SPOKEN_RUN.finditer(text.folded.text):
        if digits[-_PHONE_TAIL:] in _spoken_digits(spoken.group()):
            yield spoken.start(), spoken.end(), 0.95


def _spoken_digits(run: str) -> str:
    """`double three oh five` -> 3305."""
    digits, times = [], 1
    for word in re.findall("[a-z]+", run):
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        digits.append(_SPOKEN[word] * times)
        times = 1
    return "".join(digits)


def _endings(text: Searched, digits: str) -> Iterator[tuple[int, int, float]]:
    """Runs of four and more digits, with at most one separator, by which the number ends."""
    if len(digits) < _SHORTEST_ENDING or digits[-_SHORTEST_ENDING:] not in text.digits:
        return
    for run in _SHORT_RUN.finditer(text.folded.text):
        whole = re.sub("[ -]", "", run.group())
        if len(whole) >= _SHORTEST_ENDING and digits.endswith(whole):
            yield run.start(), run.end(), 0.85
            continue
        for part in re.finditer("[0-9]+", run.group()):
            if len(part.group()) >= _SHORTEST_ENDING and digits.endswith(part.group()):
                yield run.start() + part.start(), run.start() + part.end(), 0.85


def whole_phones(text: Searched, digits: str) -> Iterator[tuple[int, int, float]]:
    """Places where the phone's last seven digits stand, with what of it stands before them."""
    tail, haystack = digits[-_PHONE_TAIL:], text.digits
    at = haystack.find(tail)
    while at >= 0:
        first, last = at, at + _PHONE_TAIL - 1
        known = len(digits) - _PHONE_TAIL
        while (
            first > 0
            and known > 0
            and haystack[first - 1] == digits[known - 1]
            and text._tight(first - 1, first)
        ):
            first, known = first - 1, known - 1
        prefix = 0  # digits before what matched: a country code or trunk prefix that the column does not hold
        while (
            first > 0 and haystack[first - 1].isdigit() and text.places[first] - text.places[first - 1] <= 2
        ):
            first, prefix = first - 1, prefix + 1
        ends = last + 1 == len(haystack) or not (
            haystack[last + 1].isdigit() and text.places[last + 1] - text.places[last] == 1
        )
        if prefix <= 5 and ends and text._tight(first, last):
            start = text.places[first]
            while start > 0 and text.folded.text[start - 1] in "+(":
                start -= 1
            yield start, text.places[last] + 1, 1.0
        at = haystack.find(tail, at + 1)


def _address(text: Searched, address: Address) -> Iterator[tuple[int, int, float]]:
    """The whole address, or parts that tell it."""
    if len(address.whole) >= _SEED and address.whole in text.compact:
        for start, end in text.spans(address.whole, text.compact):
            yield start, end, 1.0
    for unit in _UNIT.finditer(text.folded.text):
        if unit.group(1) in address.words or (unit.group(2) and unit.group() in address.whole):
            yield unit.start(), unit.end(), 0.8
    if address.words:
        yield from _address_words(text, address)
    whole = address.whole
    if address.unspaced and len(whole) > _SEED:
        yield from _address_strokes(text, whole)


def _address_strokes(text: Searched, whole: str) -> Iterator[tuple[int, int, float]]:
    """Longest pieces that text and address share, in scripts without blanks between words."""
    haystack, at = text.compact, 0
    while at + _SEED <= len(whole):
        place = haystack.find(whole[at : at + _SEED])
        if place < 0:
            at += 1
            continue
        length = _SEED
        while at + length < len(whole) and haystack.startswith(whole[at : at + length + 1], place):
            length += 1
        piece = whole[at : at + length]
        if len(piece) >= 8 or ADDRESS_MARKS.search(piece):
            for start, end in text.spans(piece, haystack):
                yield start, end, 0.9
        at += length


def _address_words(text: Searched, address: Address) -> Iterator[tuple[int, int, float]]:
    """Runs of the address's words: number and street, street with its type, or three words in a row."""
    if not any(word in text.compact for word in address.rare):
        return
    words, wanted = words_of(text.folded.text), address.words
    index = 0
    while index < len(words):
        best = 0
        for position, word in enumerate(wanted):
            if word != words[index][0]:
                continue
            length = 1
            while (
                index + length < len(words)
                and position + length < len(wanted)
                and words[index + length][0] == wanted[position + length]
                and words[index + length][1] - words[index + length - 1][2] <= 3
            ):
                length += 1
            best = max(best, length)
        run = [word for word, _, _ in words[index : index + best]]
        if _tells_an_address(run):
            yield words[index][1], words[index + best - 1][2], 0.9
        index += max(best, 1)


def _tells_an_address(run: Sequence[str]) -> bool:
    names = [word for word in run if len(word) >= 3 and not word.isdigit() and word not in STREET_TYPES]
    if len(run) < 2 or not names:
        return False
    return len(run) >= 3 or any(word[0].isdigit() or word in STREET_TYPES for word in run)
