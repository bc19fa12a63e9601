"""Where a name or an address that a model found really ends: honorifics before it, unit, town and code behind it.

Rules of form only, in Latin script: a model stops at the first part that it is not sure of.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pipeline.detect.lexicon import words
from pipeline.detect.model import Found

_UNIT = re.compile(
    r"[ ,]{0,2}[ \n]?(?:(?:unit|apt|apartment|suite|ste|flat|room|rm|floor|fl|level|lvl|bldg|building|block|tower|lot)\.? ?#?"
    r"|# ?|no\.? ?)[0-9]{0,4}[a-z]?[0-9]{0,3}(?![a-z0-9])"
    r"|[ ,]{1,2}[0-9]{1,3}(?:st|nd|rd|th) floor"
)
_SEGMENT = re.compile(
    r" ?[,\n] {0,2}(?:[0-9]{4,6} )?[a-z][a-z'’.\-]*(?: [a-z][a-z'’.\-]*){0,4}?(?: [0-9]{4,6}(?:-[0-9]{4})?| [a-z][0-9][a-z] ?[0-9][a-z][0-9]"
    r"| [a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2})?(?= ?(?:[,.;!?)\n]|$))"
)
_CODE = re.compile(r"[ ,]{1,2}[0-9]{4,6}(?:-[0-9]{4})?(?![0-9a-z.,]*[0-9])(?= ?(?:[,.;!?)\n]|$))")
_NUMBER_BEFORE = re.compile(r"(?:^|(?<=[ \n\"'(>:,]))[0-9]{1,5}[a-z]?(?:[\-/][0-9]{1,5}[a-z]?)?,? $")
_SMALL = frozenset({"of", "de", "la", "the", "del", "da", "do", "le", "upon", "on", "and"})
_MOST_SEGMENTS = 3


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
            others = (one.start for one in ordered[number + 1 :] if one.entity != "LOCATION")
            moved.append(
                _address(folded, span, low, next(others, len(folded)), ordered[number + 1 :], is_capital)
            )
        elif span.entity == "PERSON":
            moved.append(_person(folded, span, low))
        else:
            moved.append(span._replace(start=max(span.start, low)))
    return moved


def _person(folded: str, span: Found, low: int) -> Found:
    """`Dr. Ann Lee` is one mention, as 李医生 is."""
    before = _honorific().search(folded[max(low, span.start - 12) : span.start])
    return span._replace(start=span.start - len(before.group())) if before else span


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
        town = next((one for one in behind if one.start >= end and one.entity == "LOCATION"), None)
        if town is not None and not any(map(str.isalnum, folded[end : town.start])) and town.start - end <= 3:
            end = town.end
            continue
        unit = _UNIT.match(folded, end, high)
        if unit and any(map(str.isalnum, unit.group())):
            end = unit.end()
            continue
        code = _CODE.match(folded, end, high)
        if code:
            end = code.end()
            continue
        segment = _SEGMENT.match(folded, end, high)
        if segment and segments < _MOST_SEGMENTS and _all_capital(folded, segment, is_capital):
            end, segments = segment.end(), segments + 1
            continue
        break
    return span._replace(start=start, end=end)


def _all_capital(folded: str, segment: re.Match[str], is_capital: Callable[[int], bool]) -> bool:
    """Whether every word of the segment is written as a name, in a text that is not all capitals."""
    places = [
        segment.start() + word.start()
        for word in re.finditer(r"[a-z][a-z'’.\-]*", segment.group())
        if word.group() not in _SMALL
    ]
    if not places or not all(is_capital(place) for place in places):
        return False
    return any(
        folded[at].isalpha() and not is_capital(at)
        for at in range(max(0, segment.start() - 40), segment.end())
    )
