"""What a column's name says: words, phrases per class, and what takes them back."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pipeline.detect.lexicon import words

_PARTS = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|#|[\u3400-\u9fff]+")
_SPELLINGS = re.compile("IP(?=v[46])|WiFi|WLan|iOS|macOS|iPhone")
_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class NameMatch:
    """A class that the name speaks for; a weak match needs the values to agree."""

    data_class: str
    phrase: str
    weak: bool


@dataclass(frozen=True)
class _Phrases:
    by_words: dict[tuple[str, ...], list[tuple[str, bool]]]  # words -> classes, weak
    abbreviations: dict[str, str]
    chinese: tuple[tuple[str, str], ...]  # phrase, class; longest first
    vocabulary: frozenset[str]
    longest: int


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    text = files("pipeline.detect").joinpath("word_lists", "column_names.txt").read_text(encoding="utf-8")
    by_words: dict[tuple[str, ...], list[tuple[str, bool]]] = {}
    chinese: list[tuple[str, str]] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        data_class, _, listed = line.partition(":")
        for phrase in (part.strip() for part in listed.split("|")):
            if _HAN.search(phrase):
                chinese.append((phrase, data_class))
                continue
            weak = phrase.endswith("?")
            by_words.setdefault(tuple(phrase.rstrip(" ?").split()), []).append((data_class, weak))
    vocabulary = {word for phrase in by_words for word in phrase}
    vocabulary |= words("column_vetoes") | words("column_fillers") | words("column_prefix_vetoes")
    abbreviations = dict(pair.split("=") for pair in sorted(words("column_abbreviations")))
    vocabulary |= set(abbreviations)
    return _Phrases(
        by_words,
        abbreviations,
        tuple(sorted(chinese, key=lambda pair: (-len(pair[0]), pair))),
        frozenset(word for word in vocabulary if word.isascii() and (len(word) >= 2 or word.isdigit())),
        max(map(len, by_words)),
    )


@lru_cache(maxsize=4096)
def split_name(name: str) -> tuple[str, ...]:
    """Split a column name to lower-case words: camel case, snake case, dots, digits, glued words.

    >>> split_name("shippingAddress.zipcode2")
    ('shipping', 'address', 'zipcode', '2')
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if unicodedata.category(c) != "Mn")
    plain = _SPELLINGS.sub(
        lambda match: f" {match.group().lower()} ", unicodedata.normalize("NFKC", bare).replace("ß", "ss")
    )
    found: list[str] = []
    for part in _PARTS.findall(plain):
        word = part.lower()
        found.extend(_unglued(word) if word.isascii() and word.isalpha() else (word,))
    return tuple(found)


def _unglued(word: str) -> tuple[str, ...]:
    """Cut `homephone` into two or three known words; a word that is known stays whole."""
    known = _phrases().vocabulary
    if word in known or len(word) < 5:
        return (word,)
    for cut in range(len(word) - 2, 1, -1):
        head, tail = word[:cut], word[cut:]
        if head in known and len(head) >= 2:
            if tail in known and len(tail) >= 2:
                return (head, tail)
            rest = _unglued(tail)
            if len(rest) == 2:
                return (head, *rest)
    if len(word) > 5 and word[1:] in known:  # `temail`, `fcity`: a letter for the kind of column
        return (word[0], word[1:])
    return (word,)


@lru_cache(maxsize=4096)
def match_name(name: str) -> tuple[NameMatch, ...]:
    """Return the classes that the name speaks for, best first; none where a veto takes them back."""
    tokens = split_name(name)
    if not tokens:
        return ()
    spelled = tuple(_phrases().abbreviations.get(token, token) for token in tokens)
    matches = _matches(tokens)
    matches += [] if spelled == tokens else _matches(spelled)
    ordered = sorted(matches, key=lambda m: (m[0], m[1], m[2], m[3].data_class))
    found = dict.fromkeys(match for _, _, _, match in ordered)
    whole = [match.phrase for match in found if not match.weak]
    # `battery state` is no state, 物流公司 no 公司: what ends a longer phrase does not speak for itself
    return tuple(m for m in found if not any(_ends_in(phrase, m.phrase) for phrase in whole))


def _ends_in(phrase: str, part: str) -> bool:
    return phrase != part and phrase.endswith(part if not part.isascii() else f" {part}")


def _matches(tokens: tuple[str, ...]) -> list[tuple[bool, int, int, NameMatch]]:
    """Of any phrase: doubtful or not, where it ends, how long it is."""
    matches: list[tuple[bool, int, int, NameMatch]] = []
    phrases = _phrases()
    for start in range(len(tokens)):
        for end in range(start + 1, min(len(tokens), start + phrases.longest) + 1):
            window = tokens[start:end]
            glued = ("".join(window),) if len(window) > 1 else ()  # GeburtsDatum
            for data_class, weak in (*phrases.by_words.get(window, ()), *phrases.by_words.get(glued, ())):
                if _taken_back(tokens, start, end):
                    continue
                # an unknown word behind the phrase may turn it into something else: `phone_brand`
                fillers = words("column_fillers")
                if weak and not all(t in fillers for t in (*tokens[:start], *tokens[end:])):
                    continue
                doubtful = weak or not all(t in fillers for t in tokens[end:])
                match = NameMatch(data_class, " ".join(tokens[start:end]), doubtful)
                matches.append((doubtful, -end, start - end, match))
    joined = "".join(token for token in tokens if _HAN.search(token))
    for phrase, data_class in phrases.chinese:
        if phrase in joined and not any(joined.endswith(veto) for veto in words("column_vetoes")):
            end = joined.index(phrase) + len(phrase)
            matches.append((False, -end, -len(phrase), NameMatch(data_class, phrase, weak=False)))
    return matches


def is_vetoed(name: str) -> bool:
    """Whether the name says that the column is about something: its type, count, template…"""
    tokens = split_name(name)
    return bool(tokens) and (
        tokens[-1] in words("column_vetoes") or tokens[0] in words("column_prefix_vetoes")
    )


def says_nothing(name: str) -> bool:
    """Whether the name is only a place in the table: `c3`, `field_7`, `Unnamed: 0`, `V1`, `x`.

    >>> says_nothing("column_12"), says_nothing("totlngth")
    (True, False)
    """
    return all(
        len(token) == 1 or token.isdigit() or token in words("column_blanks") for token in split_name(name)
    )


def _taken_back(tokens: tuple[str, ...], start: int, end: int) -> bool:
    """A word behind the phrase says that the column is about it; a word before all makes it a yes or no."""
    behind = tokens[end:]
    if start > 0 and tokens[0] in words("column_prefix_vetoes"):
        return True
    return any(token in words("column_vetoes") for token in behind)
