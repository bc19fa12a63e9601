"""Run recognizers over folded texts: Arrow tells which texts can match at all, RE2 where, checks whether."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.detect.boundaries import bounded
from pipeline.detect.catalog import Compiled, compiled
from pipeline.detect.model import CONTEXT_GAIN, THRESHOLD, Found, Pattern
from pipeline.detect.overlaps import readings, resolve

_VETO_WINDOW = 12
_SHORTER_READINGS = 4


def find_patterns(
    texts: Sequence[str], *, all_entities: bool = False, recognizers: Sequence[Compiled] | None = None
) -> list[list[Found]]:
    """Return, for each folded text, the spans that recognizers find, without overlaps.

    Shields (dates) keep weaker spans off their digits; they are returned only with `all_entities`.
    """
    active = compiled() if recognizers is None else recognizers
    found: list[list[Found]] = [[] for _ in texts]
    shields: dict[int, list[Found]] = {}
    encoded: dict[int, Encoded] = {}
    array = pa.array(texts, pa.string())
    for recognizer in active:
        read: dict[int, list[Found]] = {}
        for number, index in _candidates(array, recognizer):
            text = encoded.get(index) or encoded.setdefault(index, Encoded(texts[index]))
            read.setdefault(index, []).extend(_accepted(text, recognizer, number))
        for index, spans in read.items():
            if recognizer.recognizer.shield:
                shields.setdefault(index, []).extend(spans)
            else:
                found[index].extend(readings(spans, texts[index]))
    for index, shielding in shields.items():
        found[index] = [span for span in found[index] if not _shielded(span, shielding)]
        if all_entities:
            found[index].extend(_uncovered(shielding, found[index]))
    return [resolve(spans, text) for spans, text in zip(found, texts, strict=True)]


def _candidates(array: pa.Array, recognizer: Compiled) -> Iterator[tuple[int, int]]:
    """Pairs of pattern and text that Arrow's RE2 lets through, over whole columns at once."""
    rows = _where(array, recognizer.prefilter)
    if len(rows) == 0:
        return
    texts = array.take(rows)
    near = pc.match_substring_regex(texts, recognizer.context_prefilter)
    for number, (pattern, _) in enumerate(recognizer.patterns):
        matching = pc.match_substring_regex(texts, pattern.regex)
        if pattern.in_context:
            matching = pc.and_(matching, near)
        for index in rows.filter(matching).to_pylist():
            yield number, index


def _where(array: pa.Array, regex: str) -> pa.Array:
    return pc.indices_nonzero(pc.match_substring_regex(array, regex))


class Encoded:
    """A text as the bytes that RE2 runs on. Its binding would encode the text anew at each search."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode()
        self._starts: list[int] | None = None
        if len(self.data) != len(text):
            octets = np.frombuffer(self.data, np.uint8)
            self._starts = np.flatnonzero((octets & 0xC0) != 0x80).tolist()  # no continuation byte: UTF-8

    def character(self, octet: int) -> int:
        """Index of the character that begins at the octet."""
        return octet if self._starts is None else bisect_left(self._starts, octet)

    def octet(self, character: int) -> int:
        """Offset of the character's first octet."""
        if self._starts is None or character >= len(self.text):
            return character if self._starts is None else len(self.data)
        return self._starts[character]


def recognize(text: str, recognizer: Compiled) -> list[Found]:
    """Return the matches of one recognizer in one folded text, without overlaps."""
    encoded = Encoded(text)
    numbers = range(len(recognizer.patterns))
    return readings([span for number in numbers for span in _accepted(encoded, recognizer, number)], text)


def _accepted(encoded: Encoded, recognizer: Compiled, number: int) -> list[Found]:
    """Matches that stand free and pass the check.

    Where a match fails, its readings without the last group are tried (`4111 1111 1111 1111 2 boxes`), then
    the search goes on behind its first run of letters or digits: a start inside that run would touch it.
    """
    pattern, regex = recognizer.patterns[number]
    text, position, found = encoded.text, 0, []
    while position < len(text):
        match = regex.search(encoded.data, encoded.octet(position))
        if match is None:
            break
        start = encoded.character(match.start())
        for end in _ends(encoded, start, encoded.character(match.end()), regex):
            score = 0.0
            if bounded(text, start, end, pattern.before, pattern.after):
                score = _score(text, start, end, pattern, recognizer)
            if score >= THRESHOLD:
                found.append(Found(start, end, recognizer.recognizer.entity, round(score, 2)))
                position = max(end, start + 1)
                break
        else:
            position = _behind_run(text, start)
    return found


def _ends(encoded: Encoded, start: int, end: int, regex: Any) -> Iterator[int]:
    """The match's end, then the ends of shorter readings, cut at blanks."""
    yield end
    for _ in range(_SHORTER_READINGS):
        end = encoded.text.rfind(" ", start + 1, end)
        if end < 0:
            return
        if regex.fullmatch(encoded.data[encoded.octet(start) : encoded.octet(end)]):
            yield end


def _behind_run(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position - 1].isalnum() and text[position].isalnum():
        position += 1
    return position


def _score(text: str, start: int, end: int, pattern: Pattern, recognizer: Compiled) -> float:
    if recognizer.vetoes is not None and recognizer.vetoes.search(text[max(0, start - _VETO_WINDOW) : start]):
        return 0.0
    score = pattern.score
    if recognizer.check is not None:
        checked = recognizer.check(text[start:end])
        if checked is None:
            return 0.0
        score = checked
    if recognizer.context is None:
        return score
    if score + CONTEXT_GAIN >= THRESHOLD:
        within = recognizer.recognizer.context_within
        near = text[max(0, start - within) : start] + "\n" + text[end : end + within // 3]
        if recognizer.context.search(near):
            return min(score + CONTEXT_GAIN, 0.99)
    return 0.0 if pattern.in_context else score


def _shielded(span: Found, shields: Iterable[Found]) -> bool:
    return any(s.start < span.end and span.start < s.end and s.score > span.score for s in shields)


def _uncovered(shields: Iterable[Found], spans: Sequence[Found]) -> list[Found]:
    return [s for s in shields if not any(o.start < s.end and s.start < o.end for o in spans)]
