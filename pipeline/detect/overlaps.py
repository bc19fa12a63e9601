"""Which of several overlapping spans stays: by containment, then strength; the same for any input order."""

from collections.abc import Iterable

from pipeline.detect.model import Found


def resolve(found: Iterable[Found]) -> list[Found]:
    """Return spans that do not overlap, sorted by start.

    Every character that any given span covers stays covered: a contained span gives way to the containing
    one, equal spans to the stronger, and where two overlap in part the weaker keeps its remainder.
    """
    outer = _outermost(set(found))
    taken: list[Found] = []
    for span in sorted(outer, key=_strength):
        taken.extend(_remainders(span, taken))
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


def _remainders(span: Found, taken: list[Found]) -> list[Found]:
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
