"""Fakes: frozen, keyed, the same for the same person, never the row's own value, and in nobody's ranges."""

import math
import re
import unicodedata

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.release.domain_text import domain_as_json, domain_from_json
from tests import surrogate_corpora
from transforms import BadParameter, ColumnFacts, Context, Keyring, Surrogate, UnsuitableColumn
from transforms import surrogate_corpus as corpora
from transforms.primitives import sha256
from transforms.surrogate_corpus import DIGESTS, Corpus, SurrogateText, offered

KEYRING = Keyring({"k1": bytes(range(32)), "k2": bytes(range(1, 33))}, "k1")
ALL = [Corpus(kind, locale) for kind, locale in corpora._FORMS]
IDS = [f"{corpus.kind}-{corpus.locale}" for corpus in ALL]


def context(domain="person_name", recipient="analysts", purpose="research", epoch="static", **names):
    return Context(recipient, purpose, domain, epoch, **names)


def fakes(values, subjects=None, transform=None, where=None, keyring=KEYRING):
    subject = None if subjects is None else pa.array(subjects, pa.string())
    bound = (transform or Surrogate()).bind(keyring, where or context())
    return bound(pa.array(values, pa.string()), subject=subject).to_pylist()


# ------------------------------------------------------------------ the corpora


@pytest.mark.parametrize("locale", DIGESTS)
def test_the_committed_corpus_is_the_generated_one(locale):
    """The seeded script makes the frozen files again, byte for byte, and the code knows their digests."""
    committed = (surrogate_corpora.FOLDER / f"{locale}.txt").read_bytes()
    assert surrogate_corpora.corpus_of(locale).encode() == committed
    assert sha256(committed).hex() == DIGESTS[locale]


def test_another_corpus_is_refused(monkeypatch):
    """A file that this version does not know would change published bytes."""
    corpora._sections.cache_clear()
    monkeypatch.setattr(corpora, "DIGESTS", {**DIGESTS, "en_US": "0" * 64})
    try:
        with pytest.raises(BadParameter, match="is not the one that this version was made with"):
            corpora._sections("en_US")
    finally:
        corpora._sections.cache_clear()


@pytest.mark.parametrize("corpus", ALL, ids=IDS)
def test_every_text_belongs_to_its_corpus_and_is_another_text(corpus):
    """Numbers and texts go one to one, the first and last number included."""
    numbers = np.unique(np.random.default_rng(5).integers(0, corpus.size, 4000)).astype(np.uint64)
    numbers = np.unique(np.append(numbers, [0, corpus.size - 1])).astype(np.uint64)
    texts = corpus.texts(numbers)
    assert pc.all(corpus.holds(texts)).as_py()
    assert len(set(texts.to_pylist())) == len(numbers)


@pytest.mark.parametrize("corpus", ALL, ids=IDS)
def test_texts_come_apart_in_one_way(corpus):
    """No word holds the separator behind it, fixed widths are kept, no word is listed twice: membership is exact."""
    for part, words in zip(corpus._parts(), corpus._lists(), strict=True):
        assert len(set(words)) == len(words)
        assert not part.after or not any(part.after in word for word in words)
        assert not part.width or {len(word) for word in words} == {part.width}
        assert all(unicodedata.is_normalized("NFC", word) for word in words)


@pytest.mark.parametrize("corpus", ALL, ids=IDS)
def test_what_is_changed_no_longer_belongs(corpus):
    """One character more or less, and the text is outside."""
    (text,) = corpus.texts(np.array([corpus.size // 3], np.uint64)).to_pylist()
    changed = [
        text + "0",
        "x" + text,
        text[:-1] + "§",
        text.upper() + "ß",
        "",
        text + "\n",
        text.replace(text[0], "§"),
    ]
    domain = SurrogateText(corpus.kind, (corpus.locale,), "any")
    assert domain.holds(pa.array([text, None, *changed])).to_pylist() == [True, True] + [False] * len(changed)


def test_a_domain_survives_the_manifest():
    """`pouch verify` proves membership from the manifest alone."""
    domain = SurrogateText("person_name", ("en_US", "zh_CN"), "female")
    again = domain_from_json(domain_as_json(domain))
    assert again == domain
    with pytest.raises(ValueError, match="not known to this version"):
        SurrogateText("person_name", ("en_US",), "any", corpora.CORPUS + 1).holds(pa.array(["x"]))


# ------------------------------------------------------------------ one person, one fake


def test_a_person_has_one_fake_in_every_table_and_column():
    """Whatever the rows' values are; table, column and release do not reach the key."""
    one = fakes(
        ["Ann Lee", "A. Lee", None], ["acc1", "acc1", "acc1"], where=context(table="orders", column="a")
    )
    two = fakes(["Lee, Ann"], ["acc1"], where=context(table="devices", column="b", release="2026-11-02"))
    assert one == [two[0], two[0], None]


def test_recipients_purposes_and_epochs_share_no_fakes():
    """200 people: fakes agree by chance only, in a corpus of 690,000."""
    people = [f"acc{number}" for number in range(200)]
    names = ["x"] * 200
    base = fakes(names, people)
    assert len(set(base)) >= 199
    for other in (context(recipient="courier"), context(purpose="other"), context(epoch="2026-q4")):
        assert sum(a == b for a, b in zip(base, fakes(names, people, where=other), strict=True)) <= 1
    assert fakes(names, people, keyring=Keyring({"k1": bytes(range(1, 33))}, "k1")) != base


def test_without_a_subject_the_value_decides():
    """Equal after normalization, equal fake; `by: value` does not look at the subject."""
    by_value = fakes(["Ann Lee", " ANN  lee", "Bob Ray"])
    assert by_value[0] == by_value[1] != by_value[2]
    assert fakes(["Ann Lee", "Ann Lee"], [None, "acc1"])[0] == by_value[0]
    asked = Surrogate(by="value")
    assert fakes(["Ann Lee", "Ann Lee"], ["acc1", "acc2"], asked) == [by_value[0]] * 2


def test_a_subject_is_not_taken_for_a_value():
    """A subject called like a value has another fake than the value."""
    assert fakes(["x"], ["ann lee"]) != fakes(["ann lee"])


def test_subjects_must_fit_the_rows():
    """Too few subjects would shift people."""
    with pytest.raises(BadParameter):
        fakes(["a", "b"], ["one"])


def test_fakes_are_spread_evenly():
    """20,000 subjects over 5,000 German numbers: chi-square within five standard deviations."""
    people = [f"acc{number}" for number in range(20_000)]
    found = fakes(["x"] * len(people), people, Surrogate(locale="de_DE"), context("phone"))
    counts = np.array(pc.value_counts(pa.array(found)).field("counts").to_pylist())
    counts = np.append(counts, np.zeros(5_000 - len(counts)))
    assert abs(((counts - 4) ** 2 / 4).sum() - 4_999) < 5 * math.sqrt(2 * 4_999)


# ------------------------------------------------------------------ never the row's own value

WRITINGS = {
    "as it is": lambda text: text,
    "case": str.upper,
    "width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "spacing": lambda text: f"  {text.replace(' ', '   ')} ",
    "no spacing": lambda text: text.replace(" ", ""),
    "punctuation": lambda text: text.replace(" ", ". "),
    "accents": lambda text: unicodedata.normalize("NFD", text),
}
KINDS = [(kind, locale) for kind, locale in corpora._FORMS if kind != "email" or locale == "en_US"]


@pytest.mark.parametrize(("kind", "locale"), KINDS)
def test_a_fake_is_never_the_value_of_its_row(kind, locale):
    """However the value is written, a fake that would be the same text is replaced by the next one."""
    transform = Surrogate(kind=kind, locale=locale)
    (own,) = fakes(["nobody at all"], ["acc1"], transform)
    for name, write in WRITINGS.items():
        (fake,) = fakes([write(own)], ["acc1"], transform)
        assert surrogate_corpora.folded(fake) != surrogate_corpora.folded(own), name
        domain = transform.output(ColumnFacts("other", "other", 1, pa.string())).domain
        assert domain.holds(pa.array([fake])).to_pylist() == [True]


def test_a_name_is_not_its_own_fake_in_the_other_order():
    """`Bush, Javier` is Javier Bush."""
    (own,) = fakes(["nobody"], ["acc1"])
    given, surname = own.split()
    assert own not in fakes([f"{surname}, {given}", f"{surname} {given}"], ["acc1"] * 2)


def test_a_phone_is_not_its_own_fake_in_national_form():
    """0x xxxx xxxx is +61 x xxxx xxxx, also in full-width digits."""
    transform, where = Surrogate(locale="en_AU"), context("phone")
    (own,) = fakes(["1"], ["acc1"], transform, where)
    national = f"0{own[3]} {own[4:8]} {own[8:]}"
    for written in (national, f"({national[:2]}) {national[3:]}", WRITINGS["width"](national)):
        assert fakes([written], ["acc1"], transform, where) != [own]


def test_stepping_goes_on_until_the_fake_differs():
    """Every value of a small corpus as the row's own: none comes back, the last number steps to the first."""
    corpus = Corpus("phone", "de_DE")
    everything = corpus.texts(np.arange(corpus.size, dtype=np.uint64))
    found = Surrogate(locale="de_DE", by="value").bind(KEYRING, context("phone"))(everything)
    assert not pc.any(pc.equal(found, everything)).as_py()
    subjects = pa.array(["one"] * corpus.size)
    found = Surrogate(locale="de_DE").bind(KEYRING, context("phone"))(everything, subject=subjects)
    assert len(found.unique()) == 2
    assert not pc.any(pc.equal(found, everything)).as_py()


# ------------------------------------------------------------------ nobody's addresses and numbers

# Written down from the regulators' pages, apart from the corpus files.
RESERVED = {
    "en_AU": r"\+61[2378](5550|7010)[0-9]{4}",
    "en_US": r"\+1[2-9][0-9]{2}55501[0-9]{2}",
    "en_GB": r"\+44(11[345678]4960|1[2-6]14960|2079460|1914980|2920180|1632960|7700900|3069990)[0-9]{3}",
    "de_DE": r"\+49(3023125|6990009|4066969|2214710|8999998)[0-9]{3}",
    "fr_FR": r"\+33(19900|26191|35301|46571|53649|63998)[0-9]{4}",
}


def test_phones_lie_in_ranges_kept_for_fiction():
    """Every number of every locale; the countries are those of the locales."""
    assert offered("phone") == tuple(sorted(RESERVED))
    sizes = {}
    for locale, pattern in RESERVED.items():
        corpus = Corpus("phone", locale)
        texts = corpus.texts(np.arange(corpus.size, dtype=np.uint64)).to_pylist()
        assert all(re.fullmatch(pattern, text) for text in texts)
        assert (
            phonenumbers.region_code_for_country_code(phonenumbers.parse(texts[0]).country_code) == locale[3:]
        )
        sizes[locale] = len(set(texts))
    assert sizes == {"en_AU": 80_000, "en_US": 35_900, "en_GB": 17_000, "de_DE": 5_000, "fr_FR": 60_000}


@pytest.mark.parametrize("locale", ["zh_CN", "ja_JP"])
def test_a_country_without_such_a_range_is_refused(locale):
    """China and Japan keep no numbers for fiction: the plan says so, and names locales that have some."""
    with pytest.raises(
        UnsuitableColumn, match="no range is officially kept for fiction there; name one of de_DE"
    ):
        Surrogate(locale=locale).output(ColumnFacts("mobile_phone", "direct_identifier", 3, pa.string()))
    with pytest.raises(UnsuitableColumn):
        Surrogate(locale=locale).bind(KEYRING, context("phone"))


def test_mails_lie_in_reserved_domains():
    """RFC 2606 section 3; the same addresses for every locale."""
    corpus = Corpus("email", "ja_JP")
    numbers = np.random.default_rng(3).integers(0, corpus.size, 2000).astype(np.uint64)
    pattern = r"[a-z]+\.[a-z]+\.[1-9][0-9]@example\.(com|net|org)"
    texts = corpus.texts(numbers)
    assert all(re.fullmatch(pattern, text) for text in texts.to_pylist())
    assert texts.equals(Corpus("email", "en_US").texts(numbers))


# ------------------------------------------------------------------ locale, gender, numbers


def test_auto_follows_the_script_of_the_value_and_nothing_else_does():
    """Kana: Japanese; Han: Chinese; everything else: en_US. A fixed locale tells nothing."""
    values = ["王小明", "山田 さくら", "Ann Lee", "Иван", "", "12"]
    written = ["zh_CN", "ja_JP", "en_US", "en_US", "en_US", "en_US"]
    for fake, locale in zip(fakes(values, transform=Surrogate(locale="auto")), written, strict=True):
        assert Corpus("person_name", locale).holds(pa.array([fake])).to_pylist() == [True]
    assert Corpus("person_name", "en_US").holds(pa.array(fakes(values))).to_pylist() == [True] * len(values)
    for domain in ("phone", "email"):
        with pytest.raises(UnsuitableColumn, match="name a locale, not auto"):
            Surrogate(locale="auto").bind(KEYRING, context(domain))


def test_gender_chooses_the_given_names():
    """`any` draws from both; most names of one gender are not of the other."""
    people = [f"acc{number}" for number in range(300)]
    for gender, other in (("female", "male"), ("male", "female")):
        found = pa.array(fakes(["x"] * 300, people, Surrogate(gender=gender)))
        assert pc.all(Corpus("person_name", "en_US", gender).holds(found)).as_py()
        assert pc.sum(Corpus("person_name", "en_US", other).holds(found)).as_py() < 60
    both = pa.array(fakes(["x"] * 300, people))
    assert 90 < pc.sum(Corpus("person_name", "en_US", "female").holds(both)).as_py() < 240


def test_the_price_in_numbers_is_what_the_docstring_says():
    """Of 100,000 people 13 % share their en_US name, 94 % their phone."""
    text = " ".join((Surrogate.__doc__ or "").split())
    for kind, size, percent in (("person_name", 690_000, 13), ("phone", 35_900, 94)):
        corpus = Corpus(kind, "en_US")
        assert corpus.size == size
        assert f"{percent} % their" in text and f"{size:,}" in text
        drawn = np.random.default_rng(1).integers(0, size, 100_000)
        shared = 1 - (np.bincount(drawn) == 1).sum() / 100_000
        assert round(100 * (1 - math.exp(-100_000 / size))) == percent
        assert abs(shared - percent / 100) < 0.01


def test_a_class_without_fakes_needs_a_kind():
    """A policy for another class names the kind; the domain is the kind's."""
    with pytest.raises(UnsuitableColumn, match="name a kind"):
        Surrogate().bind(KEYRING, context("nickname"))
    assert fakes(["x"], ["a"], Surrogate(kind="person_name"), context("nickname"))
