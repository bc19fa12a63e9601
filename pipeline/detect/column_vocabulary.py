"""Tests of one folded value against frozen vocabularies: names, places, occupations, companies, streets.

The lists come from public registers (see docs/detection.md), never from data that the benchmarks measure.
"""

import re
from functools import lru_cache

from pipeline.detect.lexicon import words

_WORDS = re.compile(r"[^\W_]+")
_HAN = re.compile("[\u3400-\u9fff]")
_HAN_NAME = re.compile("[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]{1,4}·[\u3400-\u9fff]{1,8}")
_SPLIT = re.compile(r"[\s,/()]+")
_NAME_TOKEN = re.compile(r"[^\W\d_][^\d_]*")
_CHINESE_STREET = re.compile("[路街号弄巷栋幢村镇乡室]|单元|小区|大道|胡同|丁目|番地")
_CHINESE_ADDRESS = re.compile(
    "[路街巷道弄村镇庄苑园区][^,。!?;]{0,12}?[0-9a-z一二三四五六七八九十]+ ?(?:号|栋|幢|座|室|弄|楼|层|单元)"
    "|(?:省|市|区|县)[^,。!?;]{1,20}(?:路|街|大道|巷|村|镇)"
)


def given_name(value: str) -> bool:
    """One or two given names."""
    known = words("given_names")
    if value in known:
        return True
    parts = re.split(r"[ \-]", value)
    return 2 <= len(parts) <= 3 and all(
        part.rstrip(".") in known or len(part.rstrip(".")) == 1 for part in parts
    )


def surname(value: str) -> bool:
    """One surname, or two with a hyphen, a blank or particles."""
    known = words("surnames")
    if value in known or (
        len(value) <= 2 and (value in words("chinese_surnames") or value in words("compound_surnames"))
    ):
        return True
    parts = [part for part in re.split(r"[ \-'’]", value) if part and part not in words("name_additions")]
    return 1 <= len(parts) <= 2 and value not in parts and all(part in known for part in parts)


def whole_name(value: str) -> bool:
    """Two to five words, no digit: a given name and a surname in either order, or one of them and an initial."""
    if _HAN.search(value):
        return chinese_name(value)
    parts = [part for part in _SPLIT.split(value) if part and part not in words("name_additions")]
    if not 2 <= len(parts) <= 4 or not all(_NAME_TOKEN.fullmatch(part) for part in parts):
        return False
    given, family = words("given_names"), words("surnames")
    first, last = parts[0], parts[-1]
    known_first, known_last = first in given or first in family, _known_last(last, family) or last in given
    if known_first and known_last:
        return first in given or last in given or any(part in given for part in parts)
    return (first in given or last in given) and all(len(part) >= 2 for part in (first, last))


def _known_last(last: str, family: frozenset[str]) -> bool:
    return last in family or all(part in family for part in re.split(r"[\-'’]", last) if part)


def chinese_name(value: str) -> bool:
    """A frequent surname, or a compound one, and one or two characters."""
    if _HAN_NAME.fullmatch(value) is None:
        return False
    return value[0] in words("chinese_surnames") or value[:2] in words("compound_surnames")


def city(value: str) -> bool:
    """A city of some size, without its country or state."""
    known = words("cities")
    bare = value.partition(",")[0].strip()
    return bare in known or bare.removesuffix("市") in known or bare.replace("saint ", "st. ") in known


def region(value: str) -> bool:
    """A first-level division of a country, by name."""
    known = words("regions")
    if value in known:
        return True
    if _HAN.search(value):
        return re.sub("(?:省|市|自治区|壮族自治区|回族自治区|维吾尔自治区|特别行政区)$", "", value) in known
    return False


def region_code(value: str) -> bool:
    """A code of ISO 3166-2, without the country, of some large countries."""
    return value in words("region_codes")


def country(value: str) -> bool:
    """A country's name in some language, or its two- or three-letter code."""
    return value in words("countries") or country_code(value)


def country_code(value: str) -> bool:
    """A two- or three-letter code of ISO 3166-1."""
    return value in words("country_codes")


def job(value: str) -> bool:
    """Some word of it is that of an occupation, or all of it is in the list."""
    if value in words("occupations"):
        return True
    return _whole_word(value, "job_words") or _head(value) in _heads()


@lru_cache(maxsize=1)
def _heads() -> frozenset[str]:
    """Words that end, or begin, at least three occupations of the list: `engineer`, `operator`…"""
    counts: dict[str, int] = {}
    for occupation in words("occupations"):
        tokens = occupation.split()
        if len(tokens) >= 2:
            for token in {tokens[0], tokens[-1]}:
                counts[token] = counts.get(token, 0) + 1
    return frozenset(token for token, count in counts.items() if count >= 4 and len(token) >= 5)


def _head(value: str) -> str:
    tokens = _WORDS.findall(value.partition(",")[0].partition("(")[0])
    return tokens[-1] if len(tokens) >= 2 else ""


def company(value: str) -> bool:
    """A legal form, or a word that companies call themselves by."""
    tokens = value.replace(",", " ").split()
    legal = words("legal_forms")
    if len(tokens) >= 2 and (
        tokens[-1] in legal or tokens[-1].rstrip(".") in legal or tokens[0] in ("pt", "ооо", "зао")
    ):
        return True
    return _whole_word(value, "company_words")


def _whole_word(value: str, lexicon: str) -> bool:
    known = words(lexicon)
    if any(token in known for token in _SPLIT.split(value)):
        return True
    return not value.isascii() and any(word in value for word in known if not word.isascii())


def street(value: str) -> bool:
    """A house number and a word for street, or Chinese marks of an address."""
    if _HAN.search(value):
        return _CHINESE_ADDRESS.search(value) is not None
    return any(character.isdigit() for character in value) and road(value)


@lru_cache(maxsize=1)
def _glued() -> tuple[str, ...]:
    return tuple(sorted(words("street_endings")))


def road(value: str) -> bool:
    """A word for street, or one glued to its name."""
    if _HAN.search(value):
        return _CHINESE_STREET.search(value) is not None
    tokens = _WORDS.findall(value)
    known = words("street_words")
    return len("".join(tokens)) >= 4 and any(
        token in known or (len(token) >= 7 and token.endswith(_glued())) for token in tokens
    )


def spoken(value: str) -> bool:
    """A word that sentences have, and neither names nor addresses."""
    known = words("prose_words")
    if any(token in known for token in re.split(r"[\s,.;:!?]+", value)):
        return True
    return not value.isascii() and any(word in value for word in known if not word.isascii())


def ends_in_place(value: str) -> bool:
    """Several parts, the last ones a country, a division or a city: a whole address in one line."""
    parts = [part.strip() for part in value.split(",")]
    tokens = value.replace(",", " ").split()
    if len(tokens) < 4:
        return False
    tails = [*parts[-2:], *(" ".join(tokens[-count:]) for count in (1, 2, 3))]
    return any(
        tail in words("countries") or (len(tail) >= 4 and (region(tail) or city(tail))) for tail in tails
    )
