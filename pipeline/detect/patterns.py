"""Run recognizers over folded texts: Arrow tells which texts can match at all, RE2 where, checks whether."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.detect.boundaries import bounded
from pipeline.detect.catalog import Compiled, compiled
from pipeline.detect.model import CONTEXT_GAIN, THRESHOLD, Found, Pattern
from pipeline.detect.overlaps import resolve

_VETO_WINDOW = 12


def find_patterns(
    texts: Sequence[str], *, all_entities: bool = False, recognizers: Sequence[Compiled] | None = None
) -> list[list[Found]]:
    """Return, for each folded text, the spans that recognizers find, without overlaps.

    Shields (dates) keep weaker spans off their digits; they are returned only with `all_entities`.
    """
    active = compiled() if recognizers is None else recognizers
    found: list[list[Found]] = [[] for _ in texts]
    shields: dict[int, list[Found]] = {}
    array = pa.array(texts, pa.string())
    for recognizer in active:
        hits = pc.indices_nonzero(pc.match_substring_regex(array, pattern=recognizer.prefilter))
        for index in hits.to_pylist():
            spans = recognize(texts[index], recognizer)
            if recognizer.recognizer.shield:
                shields.setdefault(index, []).extend(spans)
            else:
                found[index].extend(spans)
    for index, shielding in shields.items():
        found[index] = [span for span in found[index] if not _shielded(span, shielding)]
        if all_entities:
            found[index].extend(_uncovered(shielding, found[index]))
    return [resolve(spans) if len(spans) > 1 else spans for spans in found]


def recognize(text: str, recognizer: Compiled) -> list[Found]:
    """Return all accepted matches of one recognizer in one folded text."""
    found = []
    for pattern, regex in recognizer.patterns:
        for start, end in _matches(text, pattern, regex):
            score = _score(text, start, end, pattern, recognizer)
            if score >= THRESHOLD:
                found.append(Found(start, end, recognizer.recognizer.entity, round(score, 2)))
    return found


def _matches(text: str, pattern: Pattern, regex: Any) -> Iterable[tuple[int, int]]:
    """Matches that stand free. After one that does not, the search goes on behind its first run of letters or
    digits, because a start inside that run would touch it."""
    position = 0
    while position <= len(text):
        match = regex.search(text, position)
        if match is None:
            return
        start, end = match.span()
        if end == start:
            position = end + 1
            continue
        if bounded(text, start, end, pattern.before, pattern.after):
            yield start, end
            position = end
            continue
        position = start + 1
        while position < end and text[position - 1].isalnum() and text[position].isalnum():
            position += 1


def _score(text: str, start: int, end: int, pattern: Pattern, recognizer: Compiled) -> float:
    if recognizer.vetoes is not None and recognizer.vetoes.search(text[max(0, start - _VETO_WINDOW) : start]):
        return 0.0
    score = pattern.score
    if recognizer.check is not None:
        checked = recognizer.check(text[start:end])
        if checked is None:
            return 0.0
        score = checked
    if recognizer.context is not None and score + CONTEXT_GAIN >= THRESHOLD:
        within = recognizer.recognizer.context_within
        near = text[max(0, start - within) : start] + "\n" + text[end : end + within // 3]
        if recognizer.context.search(near):
            score = min(score + CONTEXT_GAIN, 0.99)
    return score


def _shielded(span: Found, shields: Iterable[Found]) -> bool:
    return any(s.start < span.end and span.start < s.end and s.score > span.score for s in shields)


def _uncovered(shields: Iterable[Found], spans: Sequence[Found]) -> list[Found]:
    return [s for s in shields if not any(o.start < s.end and s.start < o.end for o in spans)]
