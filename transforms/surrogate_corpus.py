"""The fixed corpora of fakes: numbered texts, put together from frozen lists of parts (corpora/README.md).

A corpus is the product of its parts: 690 given names and 1,000 surnames make 690,000 names. So it is small on disk, and
membership is exact: a text belongs to it when it comes apart into listed parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import prod
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.errors import BadParameter, UnsuitableColumn
from transforms.primitives import sha256

CORPUS = 1  # number of the corpora below; a change of any word needs the next one

Kind = Literal["person_name", "postal_address", "company", "email", "phone"]
Gender = Literal["any", "female", "male"]
Indices = npt.NDArray[np.uint64]

DIGESTS: Mapping[str, str] = MappingProxyType(
    {
        "de_DE": "9b97e89a02377f8c66deea645aedd178254fb6b31a9d712b44aa3d6a96fa14d0",
        "en_AU": "6abfcea123ffafbdc19a94c444ee9b6de8ba74c5265f76e0233aa10ba51f2682",
        "en_GB": "0d85db78513f1ed5026b53291a8cf8cc4f323dafb32864dfc880b5588bb9f4ad",
        "en_US": "e3ef22fedcb95b3079fe8b2a2c455ffd96d60faea9060221973c6cb115fce7da",
        "fr_FR": "a881838f60b50752f43e8cc625f04eed8efe89aade674e906c7e763321f2439b",
        "ja_JP": "d67c6458eb4853610e04c9aa7001de4750dff33132f2be0e5095cf0ca38c1088",
        "zh_CN": "1e5057e14a82ac255bde37b8866f76b855007050dff04fdb5d737618bd1e8186",
    }
)
# Of the mail addresses of every locale: their local parts are ASCII.
_MAIL_LOCALE = "en_US"
_MAIL_DOMAINS = ("example.com", "example.net", "example.org")  # RFC 2606 section 3
_MOST = {"house": 199, "block": 30}  # numbers, from 1


@dataclass(frozen=True)
class _Part:
    """One list of the product, and what stands behind its word; without a separator some part has a fixed width."""

    name: str
    after: str = ""
    width: int = 0


_GIVEN_FIRST = (_Part("given", " "), _Part("surname"))
_TWO_NAMES = (_Part("surname", "-"), _Part("surname", " "), _Part("company_form"))
_EN_STREET = (_Part("house", " "), _Part("surname", " "), _Part("street_kind", ", "))
_BLOCK = _Part("phone_block")

_FORMS: Mapping[tuple[str, str], tuple[_Part, ...]] = MappingProxyType(
    {
        **{("person_name", locale): _GIVEN_FIRST for locale in ("de_DE", "en_AU", "en_GB", "en_US", "fr_FR")},
        ("person_name", "ja_JP"): (_Part("surname", " "), _Part("given")),
        ("person_name", "zh_CN"): (_Part("surname", width=1), _Part("given")),
        ("postal_address", "en_AU"): (*_EN_STREET, _Part("town", " "), _Part("area")),
        ("postal_address", "en_GB"): (*_EN_STREET, _Part("town", " "), _Part("area")),
        ("postal_address", "en_US"): (*_EN_STREET, _Part("town", ", "), _Part("area")),
        ("postal_address", "de_DE"): (
            _Part("joined_street", " "),
            _Part("house", ", "),
            _Part("area", " "),
            _Part("town"),
        ),
        ("postal_address", "fr_FR"): (
            _Part("house", " "),
            _Part("street_kind", " "),
            _Part("surname", ", "),
            _Part("area", " "),
            _Part("town"),
        ),
        ("postal_address", "ja_JP"): (
            _Part("place", " "),
            _Part("town", " "),
            _Part("block", "-"),
            _Part("block", "-"),
            _Part("block"),
        ),
        ("postal_address", "zh_CN"): (
            _Part("place", "市"),
            _Part("district", "区"),
            _Part("street", "路"),
            _Part("house", "号"),
        ),
        **{("company", locale): _TWO_NAMES for locale in ("en_AU", "en_GB", "en_US")},
        ("company", "de_DE"): (_Part("surname", " & "), _Part("surname", " "), _Part("company_form")),
        ("company", "fr_FR"): (_Part("surname", " et "), _Part("surname", " "), _Part("company_form")),
        ("company", "ja_JP"): (
            _Part("company_form", width=4),
            _Part("surname", "・"),
            _Part("surname"),
            _Part("company_kind", width=2),
        ),
        ("company", "zh_CN"): (
            _Part("company_name", width=2),
            _Part("company_name", width=2),
            _Part("company_kind", width=2),
            _Part("company_form"),
        ),
        **{
            ("email", locale): (
                _Part("mail_given", "."),
                _Part("mail_surname", "."),
                _Part("mail_number", "@"),
                _Part("mail_domain"),
            )
            for locale in DIGESTS
        },
        **{
            ("phone", locale): (_BLOCK, _Part("phone_line", width=width))
            for locale, width in {"en_AU": 4, "en_GB": 3, "en_US": 2, "de_DE": 3, "fr_FR": 4}.items()
        },
    }
)


def offered(kind: str) -> tuple[str, ...]:
    """The locales that have fakes of a kind, sorted."""
    return tuple(sorted(locale for of, locale in _FORMS if of == kind))


@dataclass(frozen=True)
class Corpus:
    """All fakes of one kind, locale and gender, numbered from 0.

    Raises `UnsuitableColumn` where a locale has none: no phone numbers are kept for fiction in China and Japan.
    """

    kind: str
    locale: str
    gender: str = "any"

    def __post_init__(self) -> None:
        if (self.kind, self.locale) not in _FORMS:
            raise UnsuitableColumn(
                f"surrogate has no {self.kind} for {self.locale}: no range is officially kept for fiction there; "
                f"name one of {', '.join(offered(self.kind))}"
            )

    @property
    def size(self) -> int:
        """How many fakes there are; every one is a different text."""
        return prod(len(words) for words in self._lists())

    def texts(self, indices: Indices) -> pa.Array:
        """The fakes of the given numbers. The first part turns fastest, so that neighbors differ in it."""
        pieces: list[pa.Array | pa.Scalar] = []
        rest = indices
        for part, words in zip(self._parts(), self._lists(), strict=True):
            size = np.uint64(len(words))
            pieces.append(pa.array(words, pa.string()).take(pa.array(rest % size)))
            if part.after:
                pieces.append(pa.scalar(part.after))
            rest = rest // size
        return pc.binary_join_element_wise(*pieces, "")

    def holds(self, texts: pa.Array) -> pa.Array:
        """Booleans, one per text; null counts as no member."""
        member = pc.is_valid(texts)
        rest = texts
        parts, lists = self._parts(), self._lists()
        for place, (part, words) in enumerate(zip(parts, lists, strict=True)):
            is_last = place == len(parts) - 1
            head, rest, fits = _split(rest, part, None if is_last else parts[place + 1])
            listed = pc.is_in(head, value_set=pa.array(words, pa.string()))
            member = pc.and_(member, pc.and_(fits, listed))
        return member.fill_null(False)

    def turned_around(self, indices: Indices) -> pa.Array:
        """The fakes with their first two words exchanged: how somebody else may write the same name."""
        first, second = (
            pa.array(words, pa.string()).take(pa.array(at))
            for words, at in zip(self._lists()[:2], self._first_two(indices), strict=True)
        )
        return pc.binary_join_element_wise(second, first, " ")

    def _first_two(self, indices: Indices) -> tuple[Indices, Indices]:
        one, two = (np.uint64(len(words)) for words in self._lists()[:2])
        return indices % one, indices // one % two

    def _parts(self) -> tuple[_Part, ...]:
        return _FORMS[self.kind, self.locale]

    def _lists(self) -> list[tuple[str, ...]]:
        return [_words(part.name, self.locale, self.gender) for part in self._parts()]


def _split(texts: pa.Array, part: _Part, following: _Part | None) -> tuple[pa.Array, pa.Array, pa.Array]:
    """The part's word, what is left behind it, and whether the text could be split there."""
    if part.after:
        at = pc.find_substring(texts, part.after)
        fits = pc.greater_equal(at, 0)
        halves = pc.split_pattern(texts, part.after, max_splits=1)
        head = pc.list_element(halves, 0)
        behind = pc.binary_join(pc.list_slice(halves, 1), "")
        return head, behind, pc.and_(fits, pc.equal(behind, "")) if following is None else fits
    if following is None:
        return texts, texts, pc.is_valid(texts)
    cut = part.width or -following.width
    head = pc.utf8_slice_codeunits(texts, 0, cut)
    return head, pc.utf8_slice_codeunits(texts, cut), pc.is_valid(texts)


@cache
def _words(name: str, locale: str, gender: str) -> tuple[str, ...]:
    """The words of one part, each once."""
    if name.startswith("mail_"):
        return _mail_words(name, gender)
    sections = _sections(locale)
    match name:
        case "given":
            chosen = ("female", "male") if gender == "any" else (gender,)
            return tuple(sorted({word for section in chosen for word in sections[section]}))
        case "house" | "block":
            return tuple(str(number) for number in range(1, _MOST[name] + 1))
        case "joined_street":
            return tuple(
                f"{street}{kind}" for street in sections["surname"] for kind in sections["street_kind"]
            )
        case "phone_line":
            digits = int(sections["phone_line_digits"][0])
            return tuple(f"{number:0{digits}d}" for number in range(10**digits))
        case _:
            return sections[name]


def _mail_words(name: str, gender: str) -> tuple[str, ...]:
    match name:
        case "mail_given":
            return _ascii_only(_words("given", _MAIL_LOCALE, gender))
        case "mail_surname":
            return _ascii_only(_sections(_MAIL_LOCALE)["surname"])
        case "mail_number":
            return tuple(str(number) for number in range(10, 100))
        case _:
            return _MAIL_DOMAINS


def _ascii_only(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({word.lower() for word in words if word.isascii() and word.isalpha()}))


@cache
def _sections(locale: str) -> Mapping[str, tuple[str, ...]]:
    """Section -> its words. Raises `BadParameter` where the file is not the one that this version knows."""
    raw = files("transforms").joinpath("corpora", f"{locale}.txt").read_bytes()
    if sha256(raw).hex() != DIGESTS[locale]:
        raise BadParameter(f"the corpus of {locale} is not the one that this version was made with")
    sections: dict[str, list[str]] = {}
    name = ""
    for line in raw.decode().splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = []
        elif line and not line.startswith("#"):
            sections[name] += [word.replace("_", " ") for word in line.split()]
    return {name: tuple(entries) for name, entries in sections.items()}


@dataclass(frozen=True)
class SurrogateText:
    """One of the made-up texts of the corpora: an output domain, exact to the last text."""

    of: str
    locales: tuple[str, ...]
    gender: str
    corpus: int = CORPUS
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        size = sum(corpus.size for corpus in self._corpora())
        return f"made-up {self.of.replace('_', ' ')}, one of {size:,} ({', '.join(self.locales)}, corpus {self.corpus})"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell; null is a member."""
        if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
            return pc.is_null(array)
        texts = array.cast(pa.string())
        member = pc.is_null(texts)
        for corpus in self._corpora():
            member = pc.or_(member, corpus.holds(texts))
        return member

    def _corpora(self) -> Iterator[Corpus]:
        if self.corpus != CORPUS:
            raise ValueError(f"corpus {self.corpus} is not known to this version, which has {CORPUS}")
        return (Corpus(self.of, locale, self.gender) for locale in self.locales)
