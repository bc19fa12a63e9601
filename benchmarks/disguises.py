"""Twenty and more ways in which people write an identity so that a search for the value itself misses it.

Each takes the chance stream, the kind of value and a person's value, and returns the writing, or None where
the disguise does not fit the kind.
"""

import unicodedata
from collections.abc import Callable

from sample_data import phones
from sample_data.chance import Chance
from sample_data.people import Person

Disguise = Callable[[Chance, str, str, Person], str | None]
DIGITS = ("phone", "card", "order")

_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_BOLD = {**{ord("A") + i: 0x1D400 + i for i in range(26)}, **{ord("a") + i: 0x1D41A + i for i in range(26)}}
_BOLD |= {ord("0") + i: 0x1D7CE + i for i in range(10)}
_CIRCLED = {ord("0"): 0x24EA} | {ord("1") + i: 0x2460 + i for i in range(9)}
_LOOKS = str.maketrans("aeopcxyiABEKMHOPCTX", "аеорсхуіАВЕКМНОРСТХ")
_NUMERALS = str.maketrans("0123456789", "零一二三四五六七八九")
_WORDS = dict(
    zip(
        "0123456789",
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        strict=True,
    )
)


def _national(kind: str, value: str) -> str:
    return phones.national(value) if kind == "phone" else value


def _groups(kind: str, value: str, sign: str) -> str | None:
    if kind == "phone":
        return phones.national(value, sign)
    if kind in ("card", "order"):
        bare = value.replace("-", "")
        return sign.join(bare[i : i + 4] for i in range(0, len(bare), 4))
    return None


def spaced(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind == "name" and person.chinese:
        return " ".join(value)
    return _groups(kind, value, " ")


def dashes(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return _groups(kind, value, "-")


def dots(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return _groups(kind, value, ".") if kind in ("phone", "card") else None


def full_width(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return _national(kind, value).translate(_FULL) if value.isascii() else None


def zero_width(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return chance.pick(("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad")).join(_national(kind, value))


def letter_spaced(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return " ".join(_national(kind, value)) if kind in DIGITS else None


def numerals(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return phones.national(value).translate(_NUMERALS) if kind == "phone" else None


def number_words(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return " ".join(_WORDS[d] for d in phones.national(value)) if kind == "phone" else None


def country_code(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind != "phone":
        return None
    form = phones.international(value)
    return chance.pick(
        (form, form.replace("+", "00", 1), form.replace(" ", "-"), f"({value[:3]}){value[3:]}")
    )


def last_digits(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return value[-chance.between(4, 7) :] if kind == "phone" else value[-4:] if kind == "card" else None


def masked(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    home = phones.national(value) if kind == "phone" else ""
    return f"{home[:3]}{chance.pick(('****', 'xxxx', '••••'))}{home[-4:]}" if len(home) == 11 else None


def upper(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return value.upper() if kind in ("name", "email", "address") and value.upper() != value else None


def lower(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return value.lower() if kind in ("name", "address", "order") and value.lower() != value else None


def title(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return person.title_name if kind == "name" else None


def reversed_name(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind != "name" or person.chinese or " " not in value:
        return None
    first, _, last = value.partition(" ")
    return f"{last}, {first}"


def part(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    match kind:
        case "name" if person.chinese:
            given = value[len(person.surname) :]
            return given if len(given) >= 2 else None
        case "name":
            return value.split(" ", maxsplit=1)[0]
        case "address":
            return person.street
    return None


def styled(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return _national(kind, value).translate(_BOLD) if value.isascii() else None


def circled(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return phones.national(value).translate(_CIRCLED) if kind == "phone" else None


def keycaps(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return "".join(f"{d}\ufe0f\u20e3" for d in phones.national(value)) if kind == "phone" else None


def look_alikes(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    changed = value.translate(_LOOKS)
    return changed if kind in ("name", "email", "address") and changed != value else None


def letters_for_digits(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    changed = phones.national(value).replace("0", "O").replace("1", "l") if kind == "phone" else ""
    return changed if sum(map(str.isdigit, changed)) >= 5 else None


def at_dot(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind != "email":
        return None
    at, dot = chance.pick(
        ((" at ", " dot "), ("(at)", "."), (" [at] ", " [dot] "), ("艾特", "点"), (" @ ", "."), ("#", "."))
    )
    local, _, domain = value.partition("@")
    return local + at + domain.replace(".", dot)


def no_accents(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    bare = "".join(c for c in unicodedata.normalize("NFD", value) if not unicodedata.combining(c))
    return bare if bare != value and kind in ("name", "address") and not person.chinese else None


def unpunctuated(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    changed = value.replace(",", "").replace("/", " ")
    return changed if kind == "address" and changed != value else None


def line_break(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return value.replace(", ", "\n") if kind == "address" and ", " in value else None


def long_words(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind != "address":
        return None
    changed = value
    for short, long in ((" St", " Street"), (" Rd", " Road"), (" Ave", " Avenue"), (" Dr", " Drive")):
        if changed.count(long):
            changed = changed.replace(long, short, 1)
    return changed if changed != value else None


def brackets(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    if kind == "phone":
        home = phones.national(value)
        return f"({home[:3]}) {home[3:]}"
    return f"【{value}】" if kind == "name" else None


def hashtag(chance: Chance, kind: str, value: str, person: Person) -> str | None:
    return "#" + value.replace(" ", "") if kind == "name" else None


ALL: dict[str, Disguise] = {
    function.__name__: function
    for function in (
        *(spaced, dashes, dots, full_width, zero_width, letter_spaced, numerals, number_words, country_code),
        *(last_digits, masked, upper, lower, title, reversed_name, part, styled, circled, keycaps),
        *(look_alikes, letters_for_digits, at_dot, no_accents, unpunctuated, line_break, long_words),
        *(brackets, hashtag),
    )
}
