"""Which of several overlapping spans stays: by containment, then strength; the same for any input order."""

from collections.abc import Iterable, Sequence

from pipeline.detect.model import Found


def resolve(found: Iterable[Found], text: str) -> list[Found]:
    """Return spans that do not overlap, sorted by start.

    Every letter and digit that any given span covers stays covered: a contained span gives way to the
    containing one, equal spans to the stronger. Of spans that overlap in part the stronger stays whole, and
    the weaker keeps what nobody else covers, unless that is blanks and signs only.
    """
    spans = list(found)
    if len(spans) < 2:
        return spans
    return _settled(sorted(_outermost(set(spans)), key=_strength), text)


def readings(found: Sequence[Found], text: str) -> list[Found]:
    """Settle how one recognizer reads a text; `found` comes in the order of its patterns, specific first.

    Here the longer reading does not win: `0412 345 678 0498 765 432` holds two numbers, although some country
    has a layout for the first thirteen digits.
    """
    if len(found) < 2:
        return list(found)
    return _settled(sorted(found, key=lambda span: -span.score), text, least=_SHORTEST_REST)


_SHORTEST_REST = 4  # `0491 570 006 10 min`: two digits more are no number of their own
_PLACES = frozenset({"ADDRESS", "LOCATION"})


def around(weak: Iterable[Found], strong: Sequence[Found], text: str) -> list[Found]:
    """What weak spans keep beside strong ones of another kind, without blanks and signs at their ends.

    A strong span of the same kind changes nothing: `resolve` joins the two.
    """
    kept = []
    for span in weak:
        others = [one for one in strong if not _same_kind(one, span)]
        for part in _remainders(span, others) if others else [span]:
            start, end = part.start, part.end
            while start < end and not text[start].isalnum():
                start += 1
            while start < end and not text[end - 1].isalnum():
                end -= 1
            if start < end:
                kept.append(part._replace(start=start, end=end))
    return kept


def united(found: Sequence[Found], certain: Sequence[Found], text: str) -> list[Found]:
    """Spans with certain addresses among them: an address takes in the places that it overlaps, others give way."""
    joined: list[Found] = list(certain)
    for span in (one for one in found if one.entity in _PLACES):
        touching = [one for one in joined if one.start < span.end and span.start < one.end]
        joined = [one for one in joined if one not in touching]
        entity = "ADDRESS" if touching else span.entity
        start = min(one.start for one in (span, *touching))
        end = max(one.end for one in (span, *touching))
        joined.append(Found(start, end, entity, max(one.score for one in (span, *touching))))
    others = [one for one in found if one.entity not in _PLACES]
    return sorted([*joined, *around(others, joined, text)])


def _same_kind(one: Found, other: Found) -> bool:
    return one.entity == other.entity or {one.entity, other.entity} <= _PLACES


def _settled(ordered: Iterable[Found], text: str, least: int = 1) -> list[Found]:
    """The first ones stay whole; the others keep what nobody covers and holds at least so many letters or digits."""
    taken: list[Found] = []
    waiting: list[Found] = []
    for span in ordered:
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        (taken if free else waiting).append(span)
    for span in waiting:
        taken.extend(
            r for r in _remainders(span, taken) if sum(map(str.isalnum, text[r.start : r.end])) >= least
        )
    return sorted(taken)


def _strength(span: Found) -> tuple[float, int, int, str]:
    return (-span.score, span.start - span.end, span.start, span.entity)


def _outermost(found: set[Found]) -> list[Found]:
    kept: list[Found] = []
    largest_end = -1
    for span in sorted(found, key=lambda s: (s.start, -s.end, -s.score, s.entity)):
        if span.end > largest_end and span.end > span.start:
            kept.append(span)
            largest_end = span.end
    return kept


def _remainders(span: Found, taken: Sequence[Found]) -> list[Found]:
    """The parts of the span that no taken span covers."""
    pieces = [(span.start, span.end)]
    for other in taken:
        pieces = [
            (low, high)
            for start, end in pieces
            for low, high in ((start, min(end, other.start)), (max(start, other.end), end))
            if low < high
        ]
    return [span._replace(start=start, end=end) for start, end in dict.fromkeys(pieces)]
