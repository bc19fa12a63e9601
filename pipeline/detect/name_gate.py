"""The gate before the models: which part of a text a model must read, if any.

What it hides: a name that is an everyday word where nothing announces it (`leave it with summer`), and towns
where nothing makes one a home. Its word list is made by `benchmarks/calm_words.py`; no data set is read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from pipeline.detect.column_vocabulary import whole_name
from pipeline.detect.folding import Folded
from pipeline.detect.lexicon import places, words
from pipeline.detect.linked_forms import STREET_WORDS
from pipeline.detect.model import Found
from pipeline.detect.text_kinds import has_han, has_latin_words

_LATIN_WORDS = re.compile("[a-z\u00c0-\u024f]+")
_HAN_RUN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]+")
_ENDINGS = ("'s", "s", "es", "d", "ed", "ing", "ly", "er")
_TWO_WAYS = frozenset({"will", "may"})  # words of grammar that are given names, too
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_SHORTEST_WORD = 2
_SHORTEST_STEM = 4


_LISTED = 0.6  # score of a town by list
_LONGEST_TOWN = 3  # words
_INSIDE = frozenset({"in", "near", "around"})  # `in Paris` is a town, `to Paris` may be a person
_TOWARD = frozenset({"to", "from", "at"})
# a full stop ends a sentence behind a word and before one: not in `no. 5`, `apt. 12`
_SENTENCE_END = re.compile(r"[!?](?=\s)|(?<=[a-z0-9]{3})\.(?=\s+[^\W\d_])")


def tells_a_home(folded: str, found: Sequence[Found]) -> bool:
    """Whether a town in this text may be somebody's: an identity stands beside it, or a word of living there.

    A town by itself is no identity: `concerts in Boston`.
    """
    return any(span.entity in ("PERSON", "ADDRESS") for span in found) or _home().search(folded) is not None


@lru_cache(maxsize=1)
def _home() -> re.Pattern[str]:
    listed = sorted(words("text_home"))
    latin = "|".join(re.escape(word) for word in listed if word.isascii())
    other = "|".join(re.escape(word) for word in listed if not word.isascii())
    return re.compile(rf"(?<![a-z])(?:{latin})(?![a-z])|{other}")


def asked_part(
    original: str, form: Folded, covered: Sequence[Found], *, lone_towns: bool = False
) -> tuple[int, int] | None:
    """Return the sentences that the model must read, as one range of the folded text; None when nothing asks.

    A word asks that is more than everyday speech and outside what is found already. What stands before the first
    sentence that asks, or behind the last, is everyday speech.
    """
    folded = form.text
    asking = list(_asking(original, form, covered))
    if not asking:
        return None
    if not covered and not lone_towns and not _home().search(folded):
        named = towns(folded)
        if all(_is_covered(at, at + 1, named) for at in asking):
            return None
    start, end = 0, len(folded)
    for boundary in _SENTENCE_END.finditer(folded):
        if boundary.end() <= asking[0]:
            start = boundary.end()
        elif boundary.start() > asking[-1]:
            end = boundary.start() + 1
            break
    return start, end


def _asking(original: str, form: Folded, covered: Sequence[Found]) -> Iterator[int]:
    """Where the words stand that ask."""
    folded = form.text
    if not has_latin_words(folded):
        return
    calm, cues = words("calm_words"), words("text_cues")
    numbered = any(map(str.isdigit, folded))
    for word in _LATIN_WORDS.finditer(folded):
        token = word.group()
        if token in _ORDINALS and word.start() > 0 and folded[word.start() - 1].isdigit():
            continue
        tells = (
            token in cues
            or (numbered and token in STREET_WORDS)
            or not _is_calm(token, calm)
            or (token in _TWO_WAYS and _is_inner_capital(original, form, word.start()))
        )
        if tells and not _is_covered(word.start(), word.end(), covered):
            yield word.start()


def towns(folded: str) -> list[Found]:
    """Towns and countries that are no names, or stand behind a word of place.

    Where nothing makes a town a home, no model need see them.
    """
    found: list[Found] = []
    read = list(_LATIN_WORDS.finditer(folded))
    for number, word in enumerate(read):
        if found and word.start() < found[-1].end:
            continue
        before = read[number - 1].group() if number and folded[word.start() - 1] == " " else ""
        for last in reversed(read[number : number + _LONGEST_TOWN]):
            name = folded[word.start() : last.end()]
            if name not in places():
                continue
            alone = last is word
            if before in _INSIDE or (before in _TOWARD and not alone) or not _is_name(name, alone=alone):
                found.append(Found(word.start(), last.end(), "LOCATION", _LISTED))
            break
    return found


def _is_name(name: str, *, alone: bool) -> bool:
    return (name in words("given_names") or name in words("surnames")) if alone else whole_name(name)


def _is_inner_capital(original: str, form: Folded, at: int) -> bool:
    """Whether the word is written as a name inside a sentence: `leave it with Will`."""
    place = form.original(at, at + 1)[0]
    before = original[:place].rstrip()
    return original[place].isupper() and before[-1:].isalnum()


def is_calm_word(token: str) -> bool:
    """Whether a folded word is everyday speech."""
    return _is_calm(token, words("calm_words"))


def _is_calm(token: str, calm: frozenset[str]) -> bool:
    """Single letters and words of other scripts are calm: no name of theirs is known to the model."""
    if token in calm or len(token) < _SHORTEST_WORD or not has_latin_words(token):
        return True
    for ending in _ENDINGS:
        if token.endswith(ending) and len(token) - len(ending) >= _SHORTEST_STEM:
            stem = token[: -len(ending)]
            if stem in calm or (ending in ("ed", "ing", "er", "es") and stem + "e" in calm):
                return True
    return False


def asks_for_lac(folded: str, covered: Sequence[Found]) -> bool:
    """Whether Chinese characters outside what is found already could name a person or a place."""
    if not has_han(folded):
        return False
    telling = _telling_characters()
    return any(
        character in telling and not _is_covered(run.start() + at, run.start() + at + 1, covered)
        for run in _HAN_RUN.finditer(folded)
        for at, character in enumerate(run.group())
    )


@lru_cache(maxsize=1)
def _telling_characters() -> frozenset[str]:
    """Surnames, and what addresses end on."""
    surnames = {character for listed in words("text_surnames") for character in listed}
    return frozenset(surnames | set("路街道巷弄号號栋棟幢室村苑园庭城座寓厦楼樓区區镇鎮县縣市省乡鄉州阿小老"))


def _is_covered(start: int, end: int, covered: Iterable[Found]) -> bool:
    return any(span.start <= start and end <= span.end for span in covered)
