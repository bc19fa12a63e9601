"""Where a name or an address that a model found really ends: honorifics before it, unit, town and code behind it.

Rules of form only, in Latin script: a model stops at the first part that it is not sure of.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pipeline.detect.lexicon import words
from pipeline.detect.linked_forms import STREET_ENDINGS, STREET_KINDS, STREET_WORDS
from pipeline.detect.model import Found

_UNIT_NAMES = "unit|apt|apartment|suite|ste|flat|room|rm|floor|fl|level|lvl|bldg|building|block|tower|lot|box"
_UNIT_WORD = re.compile(rf"[ ,.\n]{{1,3}}(?:{_UNIT_NAMES})[ .#]{{1,3}}")
_UNIT = re.compile(
    rf"[ ,\n]{{0,3}}(?:(?:{_UNIT_NAMES})"
    r"(?:\.? ?#|\. ?| )"
    r"|# ?|no\.? ?)(?:[0-9]{1,4}[a-z]?[0-9]{0,3}|[a-z][0-9]{0,3})(?![a-z0-9])"
    r"|[ ,]{1,2}[0-9]{1,3}(?:st|nd|rd|th) floor"
)
_CODE_FORM = (
    r"[0-9]{4,6}(?:-[0-9]{4})?|[a-z][0-9][a-z] ?[0-9][a-z][0-9]|[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}"
)
_NEXT_PART = re.compile(r" ?[,\n] {0,2}")
_PART_WORD = re.compile(rf"(?:{_CODE_FORM})(?![0-9a-z])|[a-z][a-z'’.\-]*(?<![.\-'’])\.?")
_CLOSED = re.compile(r" ?(?:[,.;!?)\n]|$)")
_CODE = re.compile(
    r"[ ,]{1,2}(?:[a-z]{2,3} )?[0-9]{4,6}(?:-[0-9]{4})?(?![0-9a-z.,]*[0-9])(?= ?(?:[,.;!?)\n]|$))"
)
_NUMBER_BEFORE = re.compile(r"(?:^|(?<=[ \n\"'(>:,]))[0-9]{1,5}[a-z]?(?:[\-/][0-9]{1,5}[a-z]?)?,? $")
_SMALL = frozenset({"of", "de", "la", "the", "del", "da", "do", "le", "upon", "on", "and"})
_MOST_SEGMENTS = 3
_MOST_WORDS = 5
_FORM_SCORE = 0.7
_SHORTEST_GLUED = 8  # letters of a street with its kind glued to it; `ring` and `during` are none
_WORDS = re.compile(r"[^\W\d_]+")


def widened(folded: str, found: Sequence[Found], is_capital: Callable[[int], bool]) -> list[Found]:
    """Return the spans with their edges moved; they never reach into one another.

    `is_capital` tells of a folded place whether the original has a capital letter there.
    """
    moved: list[Found] = []
    ordered = sorted(found)
    for number, span in enumerate(ordered):
        low = moved[-1].end if moved else 0
        if span.end <= low:
            continue  # an address has taken it in
        if span.entity == "ADDRESS":
            others = (one.start for one in ordered[number + 1 :] if one.entity == "PERSON")
            moved.append(
                _address(folded, span, low, next(others, len(folded)), ordered[number + 1 :], is_capital)
            )
        elif span.entity == "PERSON":
            moved.append(with_honorific(folded, span, low))
        else:
            moved.append(span._replace(start=max(span.start, low)))
    return moved


def with_honorific(folded: str, span: Found, low: int = 0) -> Found:
    """`Dr. Ann Lee` is one mention, as 李医生 and `Mr 李` are. It does not reach before `low`."""
    before = _honorific().search(folded[max(low, span.start - 12) : span.start])
    return span._replace(start=span.start - len(before.group())) if before else span


def tells_a_door(part: str) -> bool:
    """A number, or a word for streets: `Hopkins Park Apartments` is a place that many live in."""
    return any(map(str.isdigit, part)) or any(
        word in STREET_KINDS or (len(word) >= _SHORTEST_GLUED and word.endswith(STREET_ENDINGS))
        for word in _WORDS.findall(part)
    )


@lru_cache(maxsize=1)
def _honorific() -> re.Pattern[str]:
    listed = "|".join(re.escape(word) for word in sorted(words("honorifics"), key=lambda w: (-len(w), w)))
    return re.compile(rf"(?<![\w])(?:{listed})\.? {{0,2}}$")


def _address(
    folded: str,
    span: Found,
    low: int,
    high: int,
    behind: Sequence[Found],
    is_capital: Callable[[int], bool],
) -> Found:
    start, end = span.start, span.end
    before = _NUMBER_BEFORE.search(folded[max(low, start - 14) : start])
    if before and not folded[start].isdigit():
        start -= len(before.group())
    segments = 0
    while end < high:
        following = next((one for one in behind if one.start >= end), None)
        if following is not None and _goes_on(folded[end : following.start], following):
            end = following.end
            continue
        unit = _UNIT.match(folded, end, high)
        if unit and any(map(str.isalnum, unit.group())):
            end = unit.end()
            continue
        code = _CODE.match(folded, end, high)
        if code:
            end = code.end()
            continue
        part_end = _part(folded, end, high, is_capital) if segments < _MOST_SEGMENTS else end
        if part_end == end:
            break
        end, segments = part_end, segments + 1
    return span._replace(start=start, end=end)


def _goes_on(between: str, following: Found) -> bool:
    """Whether a place belongs to the address before it: nothing, or the word for a unit, stands between."""
    if following.entity == "LOCATION" and len(between) <= 3 and not any(map(str.isalnum, between)):
        return True
    return following.entity in ("ADDRESS", "LOCATION") and _UNIT_WORD.fullmatch(between) is not None


def _part(folded: str, at: int, high: int, is_capital: Callable[[int], bool]) -> int:
    """End of `, Town 2000` or `, United States` behind an address; `at` where no such part follows.

    Its words are written as names, in a text that is not all capitals.
    """
    comma = _NEXT_PART.match(folded, at, high)
    if comma is None:
        return at
    end, place, names, codes = at, comma.end(), 0, 0
    while word := _PART_WORD.match(folded, place, high):
        if word.group()[0].isdigit() or any(map(str.isdigit, word.group())):
            codes += 1
        elif is_capital(word.start()):
            names += 1
        elif word.group() not in _SMALL:
            break
        if names or codes:
            end = word.end() if word.group() not in _SMALL else end
        place = word.end() + 1
        if folded[word.end() : place] != " " or names + codes > _MOST_WORDS:
            break
    closed = _CLOSED.match(folded, end) is not None
    mixed = any(folded[i].isalpha() and not is_capital(i) for i in range(max(0, at - 40), end))
    return end if mixed and names and (closed or names + codes >= 2) else at


# ------------------------------------------------------------------ addresses that need no model

_STATED = re.compile(
    r"(?<![a-z])(?:at|to|near|address is|address:|from) ([0-9]{1,5}[a-z]?(?:[/\-][0-9]{1,4})?(?: [a-z][a-z'’\-]+){1,3})"
)
_STREET = re.compile(
    r"(?<![0-9a-z.,:/\-])[0-9]{1,5}[a-z]?(?:[/\-][0-9]{1,4}[a-z]?)?((?: [a-z][a-z'’.\-]+){1,3}?) "
    rf"(?:{'|'.join(sorted(STREET_WORDS, key=lambda w: (-len(w), w)))})\.?(?![a-z])"
)


def stated_addresses(
    folded: str, is_capital: Callable[[int], bool], is_calm: Callable[[str], bool]
) -> list[Found]:
    """House number and street by their form: `45 Hosking Place`, and `at 1 Ham Yard` where capitals say so."""
    found = [
        Found(match.start(), match.end(), "ADDRESS", _FORM_SCORE)
        for match in _STREET.finditer(folded)
        if _named(match.start(1), match.group(1), is_capital)
        or not all(is_calm(word) for word in match.group(1).split())
    ]
    for match in _STATED.finditer(folded):
        end, place = match.start(1), folded.index(" ", match.start(1)) + 1
        while place < match.end(1) and is_capital(place):
            end = folded.find(" ", place, match.end(1))
            end = match.end(1) if end < 0 else end
            place = end + 1
        if end > match.start(1) and not any(f.start < end and match.start(1) < f.end for f in found):
            found.append(Found(match.start(1), end, "ADDRESS", _FORM_SCORE))
    return sorted(found)


def _named(at: int, words_between: str, is_capital: Callable[[int], bool]) -> bool:
    return all(is_capital(at + word.start()) for word in re.finditer(r"(?<= )[a-z]", words_between))
