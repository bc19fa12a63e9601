"""Attacks that win on a deliberately weak setting and lose on ours. Each test runs both, with the same attacker."""

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from benchmarks.frequency import zipf
from pipeline.config.loading import load_config
from pipeline.keys import open_keyring
from pipeline.protect.frequency import recoverable_share
from tests.small_job import DATE, KEK, make_job
from transforms import (
    Context,
    DateShift,
    EncryptGcm,
    EncryptSiv,
    KeyedHash,
    Keyring,
    Mask,
    Sha256,
    Surrogate,
    TokenRejected,
    Transform,
)
from transforms.tokens import associated_data

KEYRING = Keyring({"k1": os.urandom(32)}, "k1")
ANALYSTS = Context("analysts", "research", "phone", "2026-q4", "2026-11-01", "orders", "mobile")
COURIER = replace(ANALYSTS, recipient="courier")  # nothing else differs: the recipient alone parts them
SEED = 29
WEAK = Sha256(accept_weakness="a test")


def cells(
    transform: Transform, values: Iterable[str], context: Context = ANALYSTS, keyring: Keyring = KEYRING
):
    """What the recipient sees, row by row."""
    column = pa.array(list(values), pa.string())
    rows = pa.array(range(len(column)))
    return transform.bind(keyring, context)(column, row_ids=rows).to_pylist()


# ------------------------------------------------------------------ dictionaries

TAC = "35693803"  # 3GPP TS 23.003: 8 digits of type; the serial has 6
PREFIXES = ("+614915", "+861380013", "+1415555")  # 0491 5xx xxx; 138 0013 xxxx; 415 555 xxxx


def luhn(digits: str) -> str:
    doubled = [int(d) * (2 - place % 2) for place, d in enumerate(reversed(digits))]
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def serials(of: Iterable[int]) -> Iterator[str]:
    """IMEIs of one type, with their check digit."""
    for serial in of:
        body = f"{TAC}{serial:06d}"
        yield body + luhn(body)


def numbers(prefix: str) -> Iterator[str]:
    """All numbers of a prefix."""
    free = {"+61": 12, "+86": 14, "+14": 12}[prefix[:3]] - len(prefix)
    yield from (f"{prefix}{line:0{free}d}" for line in range(10**free))


def digests(candidates: Iterable[str], salts: Iterable[str]) -> dict[str, str]:
    """Hex digest -> value, for the usual ways to use a public string as salt or key."""
    found: dict[str, str] = {}
    for salt in salts:
        raw = salt.encode()
        empty, begun = hashlib.sha256(raw), hmac.new(raw, digestmod="sha256")
        for value in candidates:
            text = value.encode()
            before, keyed = empty.copy(), begun.copy()
            before.update(text)
            keyed.update(text)
            found[before.hexdigest()] = found[keyed.hexdigest()] = value
            found[hashlib.sha256(text + raw).hexdigest()] = value
    return found


def recovered(tokens: Iterable[str], table: dict[str, str], digits: int) -> set[str]:
    """Values that a dictionary finds, tokens compared in their published length."""
    short = {digest[:digits]: value for digest, value in table.items()}
    return {short[token] for token in tokens if token in short}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A real release, its keyring, and every public string that stands in its files."""
    job = make_job(tmp_path_factory.mktemp("attacked"))
    ran = job.run("--recipient", "analysts")
    assert ran.returncode == 0, ran.stderr
    folder = job.folder / "releases" / "analysts" / DATE
    strings = {""}
    for name in ("manifest.json", "datapackage.json"):
        strings |= set(strings_of(json.loads((folder / name).read_text(encoding="utf-8"))))
    os.environ["POUCH_KEK"] = KEK  # opening the keyring takes it out again
    ring = open_keyring(load_config(job.folder / "job.yaml", job.folder).job.keyring, job.folder)
    return folder, sorted(strings), ring


def strings_of(node: object) -> Iterator[str]:
    """Every key, text and number of a document, and the joins that somebody would try."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from strings_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings_of(value)
    else:
        yield str(node)


def public_salts(strings: Iterable[str]) -> list[str]:
    """Short public strings (names, ids, dates, digests) and recipient, purpose, domain, epoch joined."""
    salts = [text for text in strings if len(text) <= 64 and " " not in text]
    named = ("analysts", "analytics", "phone", "static", DATE, "orders", "mobile")
    joined = [sign.join(named[:count]) for sign in ("", ":", "|", "/", "\x1f") for count in (2, 3, 4)]
    return [*dict.fromkeys([*salts, *joined])]


def test_a_dictionary_turns_salted_hashes_back_but_no_keyed_ones(published):
    """The run's phones are all in the dictionary: it finds every one in hashes salted with a public string."""
    folder, strings, _ = published
    phones = [f"+614910{person:05d}" for person in range(60)]
    salts = public_salts(strings)
    assert {"analysts", "analytics", "static", DATE, "orders"} <= set(salts) and len(salts) > 60
    table = digests(phones, salts)
    for salt in ("analysts", "analysts:analytics:phone:static"):
        salted = [hashlib.sha256(f"{salt}{phone}".encode()).hexdigest()[:32] for phone in phones]
        keyed = [hmac.new(salt.encode(), phone.encode(), "sha256").hexdigest()[:32] for phone in phones]
        assert recovered(salted, table, 32) == recovered(keyed, table, 32) == set(phones)
    ours = pq.read_table(folder / "data" / "orders")["mobile"].to_pylist()
    assert len(set(ours)) > 40 and all(re.fullmatch("[0-9a-f]{32}", token) for token in ours)
    assert recovered(ours, table, 32) == set()


@pytest.mark.long
def test_all_phones_of_three_prefixes_and_all_serials_of_a_type(published):
    """120,000 phones and 1,000,000 IMEIs: plain and salted SHA-256 fall, keyed_hash does not."""
    _, strings, ring = published
    ids = [text for text in public_salts(strings) if re.fullmatch("[0-9a-f]{16,64}", text)][:2]
    chance = np.random.default_rng(SEED)
    for domain, candidates in (
        ("phone", [*itertools.chain.from_iterable(map(numbers, PREFIXES))]),
        ("imei", [*serials(range(1_000_000))]),
    ):
        assert len(candidates) in (120_000, 1_000_000)
        victims = [candidates[place] for place in chance.integers(0, len(candidates), 500)]
        weak = cells(WEAK, victims)
        salted = [hashlib.sha256(f"analysts{value}".encode()).hexdigest() for value in victims]
        ours = cells(KeyedHash(), victims, in_run(domain), ring)
        fell: dict[str, set[str]] = {"weak": set(), "salted": set(), "ours": set()}
        for first in range(0, len(candidates), 50_000):
            table = digests(candidates[first : first + 50_000], ["", "analysts", *ids])
            fell["weak"] |= recovered(weak, table, 64)
            fell["salted"] |= recovered(salted, table, 64)
            fell["ours"] |= recovered(ours, table, 32)
        assert fell == {"weak": set(victims), "salted": set(victims), "ours": set()}


def in_run(domain: str) -> Context:
    """The context of the published run for a token domain."""
    return replace(ANALYSTS, domain=domain, purpose="analytics", epoch="static")


def test_a_short_dictionary_of_each(published):
    """The same in small, so that every run of the tests has it: 200 of each prefix, 400 serials, every salt."""
    _, strings, ring = published
    salts = public_salts(strings)
    for domain, candidates in (
        ("phone", [*itertools.chain.from_iterable(itertools.islice(numbers(one), 200) for one in PREFIXES)]),
        ("imei", [*serials(range(400_000, 400_400))]),
    ):
        ours, weak = cells(KeyedHash(), candidates, in_run(domain), ring), cells(WEAK, candidates)
        fell = set()
        for salt in ("", *salts):
            table = digests(candidates, [salt])
            fell |= recovered(weak, table, 64)
            assert recovered(ours, table, 32) == set()
        assert fell == set(candidates)


# ------------------------------------------------------------------ two recipients together


def phones_of(people: int) -> list[str]:
    return [f"+61491{person:06d}" for person in range(people)]


def test_two_recipients_find_each_other_in_unkeyed_hashes_only():
    """Token intersection: all 500 people with sha256; nobody with ours, ciphertexts and fakes included."""
    people = phones_of(500)
    assert len(set(cells(WEAK, people)) & set(cells(WEAK, people, COURIER))) == 500
    for ours in (KeyedHash(), EncryptSiv(), EncryptGcm()):
        assert not set(cells(ours, people)) & set(cells(ours, people, COURIER))
    names = replace(ANALYSTS, domain="person_name"), replace(COURIER, domain="person_name")
    pairs = zip(*(cells(Surrogate(by="value"), people, context) for context in names), strict=True)
    assert sum(one == other for one, other in pairs) <= 2


def aligned(transform: Transform, values: list[str]) -> float:
    """Two recipients hold the same rows, each in an order of its own. They put tokens side by side by how often they
    occur; returns the share of one's rows that the other's token names rightly."""
    held = []
    chance = np.random.default_rng(SEED)
    for context in (ANALYSTS, COURIER):
        rows = [values[place] for place in chance.permutation(len(values))]
        tokens = cells(transform, rows, context)
        held.append((dict(zip(tokens, rows, strict=True)), Counter(tokens).most_common()))
    (truth, ours), (other_truth, theirs) = held
    pairs = zip(ours, theirs, strict=True)
    return sum(count for (one, count), (two, _) in pairs if truth[one] == other_truth[two]) / len(values)


def test_frequencies_align_two_recipients_on_skewed_columns_only():
    """Names by Zipf's law: deterministic tokens meet for most rows, which the plan says before; encrypt_gcm leaves what
    guessing leaves. Phones of people who order alike often meet by chance only, deterministic or not."""
    shares = zipf(100, 1.1)
    skewed = [f"name {value}" for value in np.random.default_rng(SEED).choice(100, size=4_000, p=shares)]
    assert aligned(KeyedHash(), skewed) > 0.6
    assert recoverable_share(np.array([*Counter(skewed).values()]), 4_000) > 0.4
    by_chance = float((shares**2).sum())
    assert abs(aligned(EncryptGcm(), skewed) - by_chance) < 0.05
    even = [phone for phone in phones_of(1_000) for _ in range(3)]
    assert aligned(KeyedHash(), even) < 0.02


# ------------------------------------------------------------------ a leaked key


def test_the_leaked_keys_of_one_recipient_open_nothing_of_another():
    """The thief holds every key of the analysts and knows all phones. Theirs fall, the courier's do not."""
    people = phones_of(300)
    stolen_hmac = KEYRING.derive("hmac-sha256", ANALYSTS)
    stolen_siv = KEYRING.derive("aes-256-siv", ANALYSTS, length=64)

    def tested(tokens: list[str]) -> int:
        known = {hmac.new(stolen_hmac, phone.encode(), "sha256").hexdigest()[:32] for phone in people}
        return sum(token in known for token in tokens)

    def opened(tokens: list[str], context: Context) -> int:
        box, data = AESSIV(stolen_siv), [associated_data("k1", context, per_column=False)]
        count = 0
        for token in tokens:
            with suppress(InvalidTag):
                box.decrypt(base64.urlsafe_b64decode(token.rpartition(".")[2] + "=="), data)
                count += 1
        return count

    assert tested(cells(KeyedHash(), people)) == opened(cells(EncryptSiv(), people), ANALYSTS) == 300
    assert tested(cells(KeyedHash(), people, COURIER)) == 0
    for context in (ANALYSTS, COURIER):  # with either associated data
        assert opened(cells(EncryptSiv(), people, COURIER), context) == 0
    # Weak: one key for everybody is what a keyring without contexts would do.
    shared = [hmac.new(stolen_hmac, phone.encode(), "sha256").hexdigest()[:32] for phone in people]
    assert tested(shared) == 300


def test_other_epochs_purposes_and_domains_keep_their_own_keys():
    """The keys of one quarter tell nothing of the next, of another purpose, or of the column beside."""
    people = phones_of(50)
    stolen = KEYRING.derive("hmac-sha256", ANALYSTS)
    known = {hmac.new(stolen, phone.encode(), "sha256").hexdigest()[:32] for phone in people}
    assert known == set(cells(KeyedHash(), people))
    for context in (
        replace(ANALYSTS, epoch="2027-q1"),
        replace(ANALYSTS, purpose="marketing"),
        replace(ANALYSTS, domain="email"),
    ):
        assert not known & set(cells(KeyedHash(), people, context))


# ------------------------------------------------------------------ lengths

NAMES = ["Bo Li", "Ann Lee", "Maximilian Featherstonehaugh", "Jo Ray", "Christopher Montgomery", "欧阳娜娜"]


def by_length(tokens: list[str], values: list[str], length: Callable[[str], int]) -> int:
    """How many tokens have exactly one value of fitting length, which is then known."""
    lengths = Counter(map(length, values))
    seen = Counter(map(len, tokens))
    return sum(1 for token in tokens if seen[len(token)] == 1) if len(lengths) == len(seen) else 0


@pytest.mark.parametrize("cipher", [EncryptSiv, EncryptGcm])
@pytest.mark.parametrize(
    ("domain", "values"),
    [("person_name", NAMES), ("postal_address", [f"{n} Long Street" * n for n in range(1, 6)])],
)
def test_ciphertext_length_names_people_only_without_padding(cipher, domain, values):
    """Unpadded, every one of these values is told by its length; padded by default, none is."""
    context = replace(ANALYSTS, domain=domain)
    weak = cells(cipher(pad="none"), values, context)
    assert by_length(weak, values, lambda value: len(value.encode())) == len(values)
    ours = cells(cipher(), values, context)
    assert len(set(map(len, ours))) == 1


def test_mask_length_names_people_only_where_it_is_asked_for():
    """`length: same` shows who has the long name; the fixed mask does not."""
    weak = cells(Mask(length="same"), NAMES)
    assert by_length(weak, NAMES, len) == len(NAMES)
    assert set(cells(Mask(), NAMES)) == {"****"}
    assert len(set(map(len, cells(Mask(keep_first=1), NAMES)))) == 1


def test_gcm_length_tells_no_gender():
    """`female` is two letters longer than `male`; only without padding does that show."""
    people = [("female", "male")[person % 2] for person in range(40)]
    context = replace(ANALYSTS, domain="gender")
    weak = cells(EncryptGcm(pad="none"), people, context)
    shortest = min(map(len, weak))
    assert ["male" if len(token) == shortest else "female" for token in weak] == people
    assert len(set(map(len, cells(EncryptGcm(), people, context)))) == 1


# ------------------------------------------------------------------ swapped associated data


@pytest.mark.parametrize(
    ("transform", "elsewhere"),
    [
        (EncryptSiv(), ("recipient", "purpose", "domain", "epoch")),
        (EncryptGcm(), ("recipient", "purpose", "domain", "epoch", "release", "table", "column")),
    ],
    ids=["siv", "gcm"],
)
def test_a_token_put_elsewhere_is_rejected(transform, elsewhere):
    """A ciphertext copied to another recipient, purpose, domain, epoch (release, table, column) never opens there."""
    (token,) = cells(transform, ["Ann Lee"])
    assert transform.bind(KEYRING, ANALYSTS).reveal(pa.array([token])).to_pylist() == ["Ann Lee"]
    for field in elsewhere:
        with pytest.raises(TokenRejected):
            transform.bind(KEYRING, replace(ANALYSTS, **{field: "other"})).reveal(pa.array([token]))


def test_without_associated_data_a_ciphertext_can_be_moved():
    """The weak setting: one key, no associated data. A stranger's cell, put into another row or column, opens there."""
    key, nonce = os.urandom(32), os.urandom(12)
    moved = AESGCM(key).encrypt(nonce, b"Ann Lee", None)
    assert AESGCM(key).decrypt(nonce, moved, None) == b"Ann Lee"
    with pytest.raises(InvalidTag):
        AESGCM(key).decrypt(nonce, moved, associated_data("k1", ANALYSTS, per_column=True))


def test_the_fields_of_associated_data_cannot_be_shifted():
    """`ab` + `c` and `a` + `bc` are two contexts: length prefixes keep them apart, plain joining would not."""
    one, two = replace(ANALYSTS, recipient="ab", purpose="c"), replace(ANALYSTS, recipient="a", purpose="bc")
    assert one.recipient + one.purpose == two.recipient + two.purpose
    assert associated_data("k1", one, per_column=False) != associated_data("k1", two, per_column=False)
    (token,) = cells(EncryptSiv(), ["Ann Lee"], one)
    with pytest.raises(TokenRejected):
        EncryptSiv().bind(KEYRING, two).reveal(pa.array([token]))


# ------------------------------------------------------------------ shifted dates


def test_one_known_date_opens_a_subject_and_nobody_else():
    """The price of date_shift, measured: a known order tells its subject's offset, and 1 in 730 of the others'."""
    people = [f"acc{person}" for person in range(2_000)]
    born = [dt.date(1980, 1, 1) + dt.timedelta(days=person) for person in range(2_000)]
    moved = DateShift().bind(KEYRING, ANALYSTS)(pa.array(born), subject=pa.array(people)).to_pylist()
    known = moved[0] - born[0]
    fell = sum(after - known == before for after, before in zip(moved, born, strict=True))
    assert 1 <= fell <= 12  # 1 + 1,999/730, and chance
    constant = [before + known for before in born]  # weak: one offset for all
    assert sum(after - known == before for after, before in zip(constant, born, strict=True)) == 2_000
