"""Words that a model half believes to be names: how they are written and whether lists know them decides.

The model reads lower-cased text and was taught on messages to assistants; in short posts it gives many a name
less than half its belief. A capital letter inside a sentence of a text that uses small letters, a given name of
the census, a handle's @ or a name directly before the word is evidence of another kind. Thresholds were set on
posts and chats that the benchmarks measure, five numbers in all; no word of theirs is listed.
"""

import re
from collections.abc import Callable, Sequence

from pipeline.detect.lexicon import places, words
from pipeline.detect.model import Found

LEAST = 0.5  # what a model believes by itself
LEAST_DOUBT = 0.02  # a model's belief below it is none
_CAPITAL = 0.2  # belief in a word that is written as a name inside a sentence
_SURNAME = 0.1  # … and is a listed surname
_FIRST = 0.35  # … in the first word of a sentence, where the capital says little
_LISTED_FIRST = 0.05  # … in the first word, a listed given name; the same in capitals only
_SHORTEST = 2
_SENTENCE_END = ".!?:\n…|"
_HANDLE = re.compile(r"(?<![\w@./:+-])@([a-z0-9_]{3,30})(?![\w@]|\.[a-z])")
_WORD_AFTER = re.compile(r" ([^\W\d_]{2,}(?:['’-][^\W\d_]{2,})?)(?![\w@])")
_HANDLE_SCORE = 0.7
_NAME_SCORE = 0.5


def believed(
    original: str,
    folded: str,
    found: Sequence[Found],
    is_capital: Callable[[int], bool],
    is_calm: Callable[[str], bool],
) -> list[Found]:
    """Return the spans without the doubts that nothing else speaks for; names that touch become one.

    Args:
        original: the text as written.
        folded: the same, folded.
        found: spans of a model; those of a score below `LEAST` are doubts, each a word.
        is_capital: whether the original has a capital letter at a folded place.
        is_calm: whether a folded word is everyday speech.

    """
    speaks = sum(map(str.islower, original)) * 2 > sum(map(str.isalpha, original))
    kept = [
        span._replace(score=max(span.score, _NAME_SCORE))
        for span in found
        if span.score >= LEAST or _speaks_for(folded, span, is_capital, is_calm, speaks=speaks)
    ]
    kept = [
        span
        for span in kept
        if span.entity != "LOCATION" or not _is_speech(folded, span, is_capital, is_calm)
    ]
    return _joined(folded, kept, is_capital, is_calm) if speaks else kept


def handles(folded: str) -> list[Found]:
    """The name behind `@`: an account of somebody, where people write. Not in e-mail addresses, URLs or versions."""
    if "@" not in folded:
        return []
    return [
        Found(match.start(1), match.end(1), "USERNAME", _HANDLE_SCORE)
        for match in _HANDLE.finditer(folded)
        if any(map(str.isalpha, match.group()))
    ]


def _speaks_for(
    folded: str,
    doubt: Found,
    is_capital: Callable[[int], bool],
    is_calm: Callable[[str], bool],
    *,
    speaks: bool,
) -> bool:
    word, belief = folded[doubt.start : doubt.end], doubt.score
    before = folded[: doubt.start].rstrip(" \"'([“‘")
    if before.endswith("@"):
        return True
    if not speaks or len(word) < _SHORTEST or is_calm(word) or not is_capital(doubt.start):
        return False
    bare = word.removesuffix("'s").removesuffix("’s")
    given = bare in words("given_names")
    if bare in places() and not given:
        return False
    if not before or before[-1] in _SENTENCE_END or is_capital(doubt.start + 1):
        return (given and belief >= _LISTED_FIRST) or (belief >= _FIRST and not is_capital(doubt.start + 1))
    return belief >= _CAPITAL or given or (bare in words("surnames") and belief >= _SURNAME)


def _is_speech(
    folded: str, place: Found, is_capital: Callable[[int], bool], is_calm: Callable[[str], bool]
) -> bool:
    """Everyday words in small letters: `ring 0491…` is no place."""
    return not is_capital(place.start) and all(
        is_calm(word) for word in folded[place.start : place.end].split()
    )


def _joined(
    folded: str,
    found: Sequence[Found],
    is_capital: Callable[[int], bool],
    is_calm: Callable[[str], bool],
) -> list[Found]:
    """One span for names with a blank between them; a capital word behind a given name is its surname."""
    joined: list[Found] = []
    for span in sorted(found):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.entity == span.entity == "PERSON"
            and folded[last.end : span.start] in ("", " ")
        ):
            joined[-1] = last._replace(end=span.end, score=max(last.score, span.score))
        elif last is None or span.start >= last.end:
            joined.append(span)
    starts = [*(span.start for span in joined[1:]), len(folded)][: len(joined)]
    return [
        _with_surname(folded, span, limit, is_capital, is_calm) if span.entity == "PERSON" else span
        for span, limit in zip(joined, starts, strict=True)
    ]


def _with_surname(
    folded: str,
    span: Found,
    limit: int,
    is_capital: Callable[[int], bool],
    is_calm: Callable[[str], bool],
) -> Found:
    if " " in folded[span.start : span.end] or folded[span.start : span.end] not in words("given_names"):
        return span
    after = _WORD_AFTER.match(folded, span.end)
    if after is None or after.end() > limit or is_calm(after.group(1)) or not is_capital(after.start(1)):
        return span
    return span if is_capital(after.start(1) + 1) else span._replace(end=after.end())
