"""Content replacement: a realistic fake stands for every value, the same one for the same person."""

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.by_subject import BoundBySubject
from transforms.cells import Places
from transforms.context import Context
from transforms.errors import UnsuitableColumn
from transforms.keyring import Keyring
from transforms.normal_forms import ArrayForm, NormalForm, normal_form
from transforms.surrogate_corpus import Corpus, Gender, Indices, Kind, SurrogateText

Locale = Literal["auto", "de_DE", "en_AU", "en_GB", "en_US", "fr_FR", "ja_JP", "zh_CN"]

_ALGORITHM = "surrogate hmac-sha256"
# Data class or token domain -> what stands in for its values.
_KIND_OF: dict[str, Kind] = {
    "person_name": "person_name",
    "postal_address": "postal_address",
    "company": "company",
    "email": "email",
    "phone": "phone",
    "mobile_phone": "phone",
    "contact_phone": "phone",
}
_FORM_OF: dict[Kind, str] = {
    "person_name": "name",
    "postal_address": "name",
    "company": "name",
    "email": "email",
    "phone": "phone",
}
# `auto`: the script of a value, the first that is found in it, and the locale that writes so.
_SCRIPTS = ((r"[\p{Hiragana}\p{Katakana}]", "ja_JP"), (r"\p{Han}", "zh_CN"))
_OTHER_SCRIPTS = "en_US"
_BY_SCRIPT = (_OTHER_SCRIPTS, "ja_JP", "zh_CN")
_SAME_NUMBER = 8  # digits at the end of two phone numbers that make them one


class Surrogate(Transform):
    """Replace a name, address, company, e-mail address or phone number with a made-up one of the same kind.

    The number of the fake is HMAC-SHA-256 of the row's subject (of the normalized value, where the row has none
    or with `by: value`), modulo the size of a fixed corpus. So a subject has one fake in all tables and columns
    of a token domain.
    Guarantee: without the key a fake tells nothing of value or subject (2^256 keys) but equality; two
    recipients, purposes or epochs share fakes by chance only. A fake is never the value of its own row, also
    written in other case, width, spacing, punctuation, accents or order of names: the next one is taken. E-mail
    addresses lie in example.com, .net, .org; phone numbers in ranges kept for fiction. Locale and gender tell
    nothing of the person unless `locale: auto` (it follows the script of the value).
    Price: people share fakes, each of n people in a corpus of N with probability 1 - e^(-n/N): of 100,000
    people 13 % their en_US name (690,000 names), 94 % their phone (35,900 numbers). A subject's rows have one
    fake, whoever their values name. A made-up name or address may be some stranger's by chance. About 2.4 s of
    one core per million distinct subjects. Suits text. Source: ISO/IEC 20889, pseudonymization; RFC 2606,
    RFC 6761; corpora and phone ranges in transforms/corpora/README.md.
    """

    technique: ClassVar[str] = "pseudonymization"
    keyed: ClassVar[bool] = True
    identifying: ClassVar[bool] = True

    transform: Literal["surrogate"] = "surrogate"
    locale: Locale = "en_US"
    gender: Gender = "any"
    by: Literal["subject", "value"] = "subject"
    kind: Literal["auto"] | Kind = "auto"
    normal_form: NormalForm | None = None

    def output(self, facts: ColumnFacts) -> Output:
        """Text of the corpora. Raises `UnsuitableColumn` where a locale has no fakes of the kind."""
        self.require(facts.value_type)
        corpora = self._corpora(self._kind_for(facts.data_class))
        return Output(
            pa.string(), SurrogateText(corpora[0].kind, tuple(c.locale for c in corpora), self.gender)
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Derive the key of (recipient, purpose, domain, epoch)."""
        key = self.need_keyring(keyring).derive(_ALGORITHM, context)
        kind = self._kind_for(context.domain)
        normalize = normal_form(self.normal_form or _FORM_OF[kind])
        return _BoundSurrogate(self, key, self._corpora(kind), normalize)

    def _kind_for(self, name: str) -> Kind:
        if self.kind != "auto":
            return self.kind
        if name not in _KIND_OF:
            raise UnsuitableColumn(
                f"surrogate has no fakes for {name or 'a column without a class'}; name a kind"
            )
        return _KIND_OF[name]

    def _corpora(self, kind: Kind) -> tuple[Corpus, ...]:
        if self.locale != "auto":
            return (Corpus(kind, self.locale, self.gender),)
        if kind in ("email", "phone"):
            raise UnsuitableColumn(f"surrogate of {kind} has no script to follow: name a locale, not auto")
        return tuple(Corpus(kind, locale, self.gender) for locale in _BY_SCRIPT)


class _BoundSurrogate(BoundBySubject):
    def __init__(
        self, transform: Surrogate, key: bytes, corpora: tuple[Corpus, ...], normalize: ArrayForm
    ) -> None:
        super().__init__(transform, key, normalize)
        self._by_subject = transform.by == "subject"
        self._corpora = corpora

    def rows(self, values: pa.Array, people: pa.Array | None) -> pa.Array:
        """Fakes, row by row; every distinct value is compared once."""
        present = pc.is_valid(values)
        rows = np.flatnonzero(present.to_numpy(zero_copy_only=False))
        owners = None if people is None or not self._by_subject else people.take(pa.array(rows))
        fakes = self._fakes(values.take(pa.array(rows)), owners)
        at = np.full(len(values), -1, dtype=np.int64)
        at[rows] = np.arange(len(rows))
        return fakes.take(pa.array(at, mask=at < 0))

    def _fakes(self, values: pa.Array, people: pa.Array | None) -> pa.Array:
        """Fakes of values without null."""
        encoded = values.dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        numbers = self.keyed_bits(values, people)
        written = _locale_of(encoded.dictionary, self._corpora)[codes]
        result = np.empty(len(values), dtype=np.int64)
        found: list[pa.Array] = []
        for place, corpus in enumerate(self._corpora):
            rows = np.flatnonzero(written == place)
            texts = _not_their_own(corpus, encoded.dictionary, codes[rows], numbers[rows])
            result[rows] = np.arange(len(rows)) + sum(map(len, found))
            found.append(texts)
        return pa.concat_arrays(found).take(pa.array(result))


def _locale_of(values: pa.Array, corpora: tuple[Corpus, ...]) -> Places:
    """Place of each value's corpus."""
    places = np.zeros(len(values), dtype=np.int64)
    if len(corpora) == 1:
        return places
    locales = [corpus.locale for corpus in corpora]
    for script, locale in reversed(_SCRIPTS):
        found = pc.match_substring_regex(values, script).to_numpy(zero_copy_only=False)
        places[found.astype(bool)] = locales.index(locale)
    return places


def _not_their_own(corpus: Corpus, values: pa.Array, codes: Places, numbers: Indices) -> pa.Array:
    """The fakes of the numbers, each moved to the next one until it is not the value of its row."""
    size = np.uint64(corpus.size)
    indices = numbers % size
    raw = _comparable(corpus.kind, values)
    clashing = np.arange(len(indices))
    while True:
        texts, at = _texts_once(corpus, indices[clashing])
        forms = [_comparable(corpus.kind, texts[0])]
        if corpus.kind == "person_name":
            forms.append(_comparable(corpus.kind, texts[1]))
        own = raw.take(pa.array(codes[clashing]))
        equal = np.zeros(len(clashing), dtype=bool)
        for form in forms:
            equal |= pc.equal(form.take(pa.array(at)), own).to_numpy(zero_copy_only=False).astype(bool)
        clashing = clashing[equal]
        if not len(clashing):
            break
        indices[clashing] = (indices[clashing] + np.uint64(1)) % size
    texts, at = _texts_once(corpus, indices)
    return texts[0].take(pa.array(at))


def _texts_once(corpus: Corpus, indices: Indices) -> tuple[tuple[pa.Array, pa.Array], Places]:
    """The texts of the distinct numbers as they are and turned around, and each row's place among them."""
    encoded = pa.array(indices).dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    turned = corpus.turned_around(distinct) if corpus.kind == "person_name" else encoded.dictionary
    return (corpus.texts(distinct), turned), encoded.indices.to_numpy(zero_copy_only=False)


def _comparable(kind: str, texts: pa.Array) -> pa.Array:
    """What makes two writings one value: letters and digits without case, width and accents; ends of phone numbers."""
    folded = pc.utf8_normalize(normal_form("casefold")(texts), form="NFKD")
    if kind == "phone":
        digits = pc.replace_substring_regex(folded, "[^0-9]+", "")
        return pc.utf8_slice_codeunits(digits, -_SAME_NUMBER)
    return pc.replace_substring_regex(folded, r"[^\p{L}\p{N}]+", "")
