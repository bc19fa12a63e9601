"""How one known identity may be written: needles, prepared once per distinct value.

A needle is looked for in a text's *compact* form (folded, letters and digits only), so that blanks, dashes,
dots and parentheses between its characters do not hide it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.detect.boundaries import is_unspaced
from pipeline.detect.folding import fold_value
from pipeline.detect.lexicon import words

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SPACED_WORD = re.compile(f"[^\\W_{_UNSPACED}]+(?:['’][^\\W_{_UNSPACED}]+)*")
_ALNUM_RUN = re.compile(r"[^\W_]+")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")

_COMPOUND_SURNAMES = words("compound_surnames")
_TITLES_AFTER = tuple(sorted(words("chinese_titles")))
_TITLES_BEFORE = ("小", "老", "阿", "大")
_PARTICLES = words("name_particles")
_EVERYDAY = words("everyday_names")
STREET_TYPES = words("street_types")
# One writing for each, so that `12 Main Street` and `12 Main St.` are equal.
_STREET_WORDS = {
    "street": "st",
    "road": "rd",
    "avenue": "ave",
    "av": "ave",
    "drive": "dr",
    "court": "ct",
    "place": "pl",
    "lane": "ln",
    "boulevard": "blvd",
    "crescent": "cres",
    "cr": "cres",
    "highway": "hwy",
    "parade": "pde",
    "terrace": "tce",
    "square": "sq",
    "circle": "cir",
    "parkway": "pkwy",
    "trail": "trl",
    "alley": "aly",
    "plaza": "plz",
    "turnpike": "tpke",
    "freeway": "fwy",
    "apartment": "apt",
    "suite": "ste",
    "level": "lvl",
    "floor": "fl",
    "building": "bldg",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "strasse": "str",
    "straße": "str",
}
STREET_WORDS = STREET_TYPES | frozenset(_STREET_WORDS)  # in full or short
_PARTS = frozenset({"apartment", "suite", "level", "floor", "building", "north", "south", "east", "west"})
STREET_KINDS = STREET_WORDS - _PARTS
STREET_ENDINGS = tuple(sorted(words("street_endings")))  # `Hauptstrasse`, `Kungsgatan`
ADDRESS_MARKS = re.compile("[0-9路街道巷弄号號栋幢室村苑园庭城座寓厦楼]")


@dataclass(frozen=True)
class Needle:
    """One writing of an identity, compact; `capital` = the text must begin it with a capital letter."""

    text: str
    score: float = 1.0
    capital: bool = False


@dataclass(frozen=True)
class Needles:
    """All writings of one identity. A text that holds none of `gates` holds none of them."""

    gates: tuple[str, ...]
    needles: tuple[Needle, ...]


def compact(folded: str) -> str:
    """Letters and digits only."""
    return "".join(_ALNUM_RUN.findall(folded))


def _gated(gates: Iterable[str], needles: list[Needle]) -> Needles:
    """Longest first; a text written in two ways counts once."""
    unique = {needle.text: needle for needle in reversed(needles) if needle.text}
    ordered = tuple(sorted(unique.values(), key=lambda n: (-len(n.text), n.text)))
    return Needles(tuple(gate for gate in dict.fromkeys(gates) if gate), ordered)


@lru_cache(maxsize=65_536)
def name_needles(value: str) -> Needles:
    """Whole name, either order, its parts, Chinese given names and surname with title."""
    folded = fold_value(value).strip()
    whole = compact(folded)
    if _HAN.search(whole) and " " not in folded and len(whole) <= 6:
        return _unspaced_name(whole)
    parts = [compact(word) for word in _WORD.findall(folded)][:6]
    needles = [Needle(whole)] if len(whole) >= 2 else []
    if len(parts) >= 2:
        needles.append(Needle("".join(reversed(parts))))
        needles.append(Needle(parts[-1] + "".join(parts[:-1])))
        needles.append(Needle(parts[0] + parts[-1]))
        runs = ((a, b) for a in range(len(parts)) for b in range(a + 2, len(parts) + 1))
        needles += [Needle("".join(parts[a:b]), 0.95) for a, b in runs]
    for part in parts:
        if len(part) < 2 or part in _PARTICLES:
            continue
        latin = not is_unspaced(part[0])
        needles.append(Needle(part, 0.85, capital=latin and (len(part) <= 3 or part in _EVERYDAY)))
    return _gated(parts if len(parts) > 1 else (whole,), needles)


def _unspaced_name(whole: str) -> Needles:
    """A name in Chinese characters.

    A first character that is no frequent Chinese surname may begin a Japanese one of two.
    """
    surnames = [whole[:2]] if whole[:2] in _COMPOUND_SURNAMES else [whole[:1]]
    if len(whole) >= 4 or (len(whole) == 3 and whole[:1] not in words("chinese_surnames")):
        surnames.append(whole[:2])
    needles = [Needle(whole)] if len(whole) >= 2 else []
    for surname in dict.fromkeys(surnames):
        given = whole[len(surname) :]
        needles += [Needle(surname + title, 0.9) for title in _TITLES_AFTER]
        needles += [Needle(title + surname, 0.8) for title in _TITLES_BEFORE if len(surname) == 1]
        needles += [Needle(part, 0.85) for part in (given, surname) if len(part) >= 2]
    return _gated((whole[:1], *(needle.text for needle in needles if needle.score == 0.85)), needles)


def email_parts(value: str) -> tuple[str, str]:
    """The longest run of letters and digits of either side; every writing of the address holds one of them."""
    local, _, domain = fold_value(value).rpartition("@")
    runs = [max(_ALNUM_RUN.findall(side), key=len, default="") for side in (local or domain, domain)]
    return runs[0] or runs[1], runs[1] or runs[0]


@lru_cache(maxsize=65_536)
def email_needles(value: str) -> Needles:
    """The address, the address spelled out (`at`, `dot`, 艾特, 点), and a local part that says something."""
    folded = fold_value(value).strip()
    local, _, domain = folded.rpartition("@")
    needles = [Needle(compact(folded))]
    if local:
        for at, dot in (("at", "dot"), ("at", ""), ("艾特", "点"), ("艾特", ""), ("at", "点")):
            host = dot.join(compact(label) for label in domain.split("."))
            needles.append(Needle(compact(local) + at + host, 0.95))
            needles.append(Needle(dot.join(compact(part) for part in local.split(".")) + at + host, 0.95))
        if len(compact(local)) >= 5:
            needles.append(Needle(compact(local), 0.85))
    return _gated(email_parts(value), needles)


@lru_cache(maxsize=65_536)
def plain_needles(value: str) -> Needles:
    """The value itself: at least three characters, two where they are Chinese."""
    whole = compact(fold_value(value))
    shortest = 2 if _HAN.search(whole) else 3
    return _gated((whole,), [Needle(whole)] if len(whole) >= shortest else [])


@lru_cache(maxsize=65_536)
def phone_digits(value: str) -> str:
    """All digits of a phone, without an international prefix 00."""
    digits = "".join(character for character in fold_value(value) if "0" <= character <= "9")
    return digits[2:] if digits.startswith("00") else digits


@dataclass(frozen=True)
class Address:
    """An address, ready to be compared with texts."""

    whole: str  # compact
    words: tuple[str, ...]  # with street words abbreviated; empty for scripts without blanks
    rare: frozenset[str]  # words that must be met before a comparison pays
    unspaced: bool  # holds characters of a script without blanks


@lru_cache(maxsize=65_536)
def address_form(value: str) -> Address:
    """Compact form and words of an address."""
    folded = fold_value(value)
    written = tuple(address_word(word) for word in _SPACED_WORD.findall(folded))
    rare = frozenset(
        word for word in written if len(word) >= 3 and not word.isdigit() and word not in STREET_TYPES
    )
    return Address(compact(folded), written, rare, any(map(is_unspaced, folded)))


def address_word(word: str) -> str:
    """One writing for `Street`, `St` and `St.`."""
    bare = compact(word)
    return _STREET_WORDS.get(bare, bare)


def words_of(folded: str) -> list[tuple[str, int, int]]:
    """Words of a folded text with their places, street words abbreviated."""
    return [(address_word(m.group()), m.start(), m.end()) for m in _SPACED_WORD.finditer(folded)]
