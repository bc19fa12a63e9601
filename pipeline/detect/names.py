"""Names and addresses by models: which texts are worth it, which model reads them, and what is remembered.

A model is anything with `digest` and `find(folded text) -> spans`. Guarantee: a text's spans depend on the
text alone; every text is read by itself (a batch would change 8-bit results), by one thread.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from pipeline.detect import lac, rampart
from pipeline.detect.folding import Folded
from pipeline.detect.lexicon import places, words
from pipeline.detect.linked_forms import STREET_WORDS
from pipeline.detect.model import Found
from pipeline.detect.model_files import missing
from pipeline.detect.name_edges import stated_addresses, widened
from pipeline.detect.name_evidence import believed, handles
from pipeline.detect.overlaps import around, united
from pipeline.detect.text_kinds import has_han, has_header, has_latin_words, is_log_like
from pipeline.errors import Problem

MOST_REMEMBERED = 65_536  # texts whose spans are kept in a process
_LATIN_WORDS = re.compile("[a-z\u00c0-\u024f]+")
_HAN_RUN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]+")
_ENDINGS = ("'s", "s", "es", "d", "ed", "ing", "ly", "er")
_TWO_WAYS = frozenset({"will", "may"})  # words of grammar that are given names, too
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_SHORTEST_WORD = 2
_SHORTEST_STEM = 4


# `in Paris` is a town; `to Paris` may be a person
_PLACED = re.compile("(?<![a-z])(in|near|around|to|from|at) ((?:[a-z]+)(?: [a-z]+){0,2})")
_INSIDE = frozenset({"in", "near", "around"})


class NameModel(Protocol):
    """What a model of names must offer."""

    digest: str

    def find(self, text: str) -> list[Found]:
        """Spans of a folded text, in its offsets; what scores below `name_evidence.LEAST` is a doubt."""


class Names:
    """Both models behind one door, loaded when the first text needs them."""

    def __init__(self, latin: NameModel | None = None, chinese: NameModel | None = None) -> None:
        self._latin, self._chinese = latin, chinese
        self._known: OrderedDict[bytes, tuple[Found, ...]] = OrderedDict()

    def find(self, original: str, form: Folded, covered: Sequence[Found]) -> list[Found]:
        """Return the names in one text, in folded offsets; nothing where the gate sees no need.

        `covered`: folded spans that are found already; what they cover does not ask for a model.
        """
        folded = form.text
        if has_header(folded):
            return []
        chinese = _asks_for_lac(folded, covered)
        latin = _asks_for_rampart(original, form, covered)
        numbered = any(map(str.isdigit, folded)) and has_latin_words(folded)
        if not (chinese or latin or numbered or "@" in folded) or is_log_like(original, folded):
            return []

        def is_capital(at: int) -> bool:
            return original[form.original(at, at + 1)[0]].isupper()

        found: list[Found] = []
        if latin:
            read = self._remembered(self._latin or _rampart(), folded)
            found += believed(original, folded, read, is_capital, _is_calm_word)
        if numbered:
            stated = stated_addresses(folded, is_capital, _is_calm_word)
            found = united(found, stated, folded)
        if accounts := handles(folded):
            found = [*around(found, accounts, folded), *accounts]
        found = widened(folded, found, is_capital)
        if chinese:
            found += self._remembered(self._chinese or _lac(), folded)
        return found

    def _remembered(self, model: NameModel, folded: str) -> tuple[Found, ...]:
        """The key is a digest: texts are not kept."""
        key = blake2b(folded.encode(), digest_size=16, key=model.digest[:32].encode()).digest()
        found = self._known.get(key)
        if found is None:
            found = tuple(model.find(folded))
            self._known[key] = found
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found


@lru_cache(maxsize=1)
def _rampart() -> NameModel:
    return rampart.Rampart()


@lru_cache(maxsize=1)
def _lac() -> NameModel:
    return lac.Lac()


@lru_cache(maxsize=1)
def shared_names() -> Names:
    """The models of this process."""
    return Names()


@lru_cache(maxsize=1)
def problems() -> tuple[Problem, ...]:
    """What keeps names from being found: a model that is not installed, or another one. Nothing is loaded."""
    return tuple(missing((*rampart.FILES, *lac.FILES)))


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


# ------------------------------------------------------------------ the gate


def _asks_for_rampart(original: str, form: Folded, covered: Sequence[Found]) -> bool:
    """Whether a word outside what is found already is more than everyday speech."""
    folded = form.text
    if not has_latin_words(folded):
        return False
    calm, cues = words("calm_words"), words("text_cues")
    numbered = any(map(str.isdigit, folded))
    towns: list[Found] | None = None if not covered else []
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
            if towns is None:
                towns = [] if _home().search(folded) else _towns(folded)
            if not _is_covered(word.start(), word.end(), towns):
                return True
    return False


def _towns(folded: str) -> list[Found]:
    """Towns and countries behind a word of place: where nothing makes a town a home, no model need see them."""
    found = []
    for match in _PLACED.finditer(folded):
        end, longest = match.start(2), 0
        for word in _LATIN_WORDS.finditer(match.group(2)):
            name = match.group(2)[: word.end()]
            if name in places() and (match.group(1) in _INSIDE or not _is_name(name)):
                longest = word.end()
        if longest:
            found.append(Found(end, end + longest, "LOCATION", 1.0))
    return found


def _is_name(word: str) -> bool:
    return word in words("given_names") or word in words("surnames")


def _is_inner_capital(original: str, form: Folded, at: int) -> bool:
    """Whether the word is written as a name inside a sentence: `leave it with Will`."""
    place = form.original(at, at + 1)[0]
    before = original[:place].rstrip()
    return original[place].isupper() and before[-1:].isalnum()


def _is_calm_word(token: str) -> bool:
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


def _asks_for_lac(folded: str, covered: Sequence[Found]) -> bool:
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
