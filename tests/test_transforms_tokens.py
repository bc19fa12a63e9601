"""Keyed hashes and ciphertexts: who can link, who can turn back, what length tells."""

import base64
import hashlib
import hmac
import itertools
import random
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import (
    BadParameter,
    ColumnFacts,
    Context,
    EncryptGcm,
    EncryptSiv,
    KeyedHash,
    Keyring,
    Mask,
    Sha256,
    TokenRejected,
    Transform,
    encrypt_gcm,
)
from transforms.primitives import base64url, siv_encrypt_column
from transforms.tokens import associated_data

MASTERS = {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}
KEYRING = Keyring(MASTERS, "k1")
CONTEXT = Context("analysts", "research", "phone", "static", "2026-11-01", "orders", "mobile")
PHONES = pa.array([f"+614{n:08d}" for n in range(50)])
ROWS = pa.array([f"{n}" for n in range(50)])
CIPHERS: list[Transform] = [EncryptSiv(), EncryptGcm(), EncryptSiv(pad=64), EncryptGcm(pad=64)]
KEYED: list[Transform] = [KeyedHash(), *CIPHERS]

OTHER_PLACES = [
    pytest.param(replace(CONTEXT, recipient="courier"), True, id="recipient"),
    pytest.param(replace(CONTEXT, purpose="delivery"), True, id="purpose"),
    pytest.param(replace(CONTEXT, domain="email"), True, id="domain"),
    pytest.param(replace(CONTEXT, epoch="2026-11"), True, id="epoch"),
    pytest.param(replace(CONTEXT, release="2026-11-02"), False, id="release"),
    pytest.param(replace(CONTEXT, table="devices"), False, id="table"),
    pytest.param(replace(CONTEXT, column="contact"), False, id="column"),
]


def tokens_of(transform: Transform, keyring: Keyring = KEYRING, context: Context = CONTEXT) -> set[str]:
    return set(transform.bind(keyring, context)(PHONES, row_ids=ROWS).to_pylist())


# ------------------------------------------------------------------ linking


@pytest.mark.parametrize("transform", KEYED, ids=repr)
@pytest.mark.parametrize(("other", "separates_all"), OTHER_PLACES)
def test_another_place_shares_no_token(transform: Transform, other: Context, separates_all: bool) -> None:
    """Recipient, purpose, domain and epoch separate all tokens; release, table, column those of GCM."""
    shared = tokens_of(transform) & tokens_of(transform, context=other)
    if separates_all or isinstance(transform, EncryptGcm):
        assert not shared
    else:
        assert len(shared) == len(PHONES), "tables of one recipient join"


@pytest.mark.parametrize("transform", KEYED, ids=repr)
def test_another_master_shares_no_token(transform: Transform) -> None:
    """A rotated key gives other tokens."""
    assert not tokens_of(transform) & tokens_of(transform, Keyring(MASTERS, "k2"))


@pytest.mark.parametrize("first", range(4))
def test_fields_cannot_flow_into_one_another(first: int) -> None:
    """`ab`,`c` and `a`,`bc` are different contexts: every field is behind its length."""
    fields = ["recipient", "purpose", "domain", "epoch"]
    one, two = fields[first], fields[(first + 1) % 4]
    left, right = replace(CONTEXT, **{one: "ab", two: "c"}), replace(CONTEXT, **{one: "a", two: "bc"})
    for transform in KEYED:
        assert not tokens_of(transform, context=left) & tokens_of(transform, context=right)


def test_key_id_is_authenticated() -> None:
    """Two key ids for one master: a token renamed to the other id is rejected."""
    twins = Keyring({"k1": MASTERS["k1"], "k2": MASTERS["k1"]}, "k1")
    for transform in CIPHERS:
        bound = transform.bind(twins, CONTEXT)
        token = bound(PHONES.slice(0, 1), row_ids=ROWS.slice(0, 1))[0].as_py()
        assert bound.reveal(pa.array([token])).to_pylist() == ["+61400000000"]
        with pytest.raises(TokenRejected):
            bound.reveal(pa.array([token.replace("p1.k1.", "p1.k2.")]))


def test_equal_phones_written_differently_get_one_token() -> None:
    """The normal form comes before the hash: columns, tables and texts join."""
    bound = KeyedHash(normal_form="phone:AU").bind(KEYRING, CONTEXT)
    written = pa.array(
        ["+61412345678", "0412 345 678", "+61 (0)412-345-678", "(0412) 345678", "0011 61 412 345 678"]
    )
    assert len(set(bound(pa.array(written)).to_pylist())) == 1


def test_keyed_hash_is_hmac_sha256_of_the_value() -> None:
    """Against hmac and hashlib of the standard library, with the derived key."""
    key = KEYRING.derive("hmac-sha256", CONTEXT)
    expected = [hmac.digest(key, value.encode(), hashlib.sha256)[:16].hex() for value in PHONES.to_pylist()]
    assert KeyedHash().bind(KEYRING, CONTEXT)(PHONES).to_pylist() == expected
    unkeyed = [hashlib.sha256(value.encode()).hexdigest() for value in PHONES.to_pylist()]
    assert Sha256().bind(None, CONTEXT)(PHONES).to_pylist() == unkeyed


# ------------------------------------------------------------------ attacks


def test_dictionary_attack_wins_on_sha256_and_loses_on_keyed_hash() -> None:
    """Whoever can list all phones turns sha256 back wholly, and keyed_hash not at all without the key."""
    everyone = [f"+6140{n:07d}" for n in range(20_000)]
    column = pa.array(random.Random(5).sample(everyone, 200))  # noqa: S311 - a sample, not a secret
    book = {hashlib.sha256(phone.encode()).hexdigest(): phone for phone in everyone}
    published = Sha256().bind(None, CONTEXT)(column).to_pylist()
    assert [book.get(token) for token in published] == column.to_pylist()

    keyed = KeyedHash().bind(KEYRING, CONTEXT)(column).to_pylist()
    guesses = {digest[:32]: phone for digest, phone in book.items()}
    for wrong_key in (b"", bytes(32), *MASTERS.values()):
        guesses |= {hmac.digest(wrong_key, p.encode(), hashlib.sha256)[:16].hex(): p for p in everyone}
    assert not set(keyed) & set(guesses)


def test_sha256_says_how_many_minutes_it_holds() -> None:
    """The sentence has the number; a class that cannot be listed has none."""
    facts = ColumnFacts("mobile_phone", "direct_identifier", 3, pa.string(), enumerable=10**10)
    assert "0.0083 minutes" in str(Sha256().weakness(facts))
    assert "833 minutes" in str(Sha256().weakness(replace(facts, enumerable=10**15)))
    assert "less than 0.001 minutes" in str(Sha256().weakness(replace(facts, enumerable=50_000)))
    assert "e+" not in str(Sha256().weakness(replace(facts, enumerable=10**11))).replace("2e10", "")
    assert Sha256().weakness(replace(facts, enumerable=None)) is None
    assert KeyedHash().weakness(facts) is None


@pytest.mark.parametrize("cipher", [EncryptSiv, EncryptGcm])
@pytest.mark.parametrize(("domain", "longest"), [("person_name", 63), ("postal_address", 127)])
def test_length_tells_nothing_of_names_and_addresses(
    cipher: type[EncryptSiv] | type[EncryptGcm], domain: str, longest: int
) -> None:
    """From the empty text to the longest usual one, Chinese or not, every token is equally long."""
    context = replace(CONTEXT, domain=domain)
    values = pa.array(["", "Bo", "张", "欧阳娜娜", "x" * longest, "é" * (longest // 2)])
    bound = cipher().bind(KEYRING, context)
    tokens = bound(values, row_ids=pa.array(range(len(values))))
    assert len({len(token) for token in tokens.to_pylist()}) == 1
    assert bound.reveal(tokens).equals(values)
    unpadded = cipher(pad="none").bind(KEYRING, context)(values, row_ids=pa.array(range(len(values))))
    assert len({len(token) for token in unpadded.to_pylist()}) > 1


@pytest.mark.parametrize("cipher", [EncryptSiv, EncryptGcm])
@pytest.mark.parametrize("domain", ["person_name", "email", "postal_address", "free_text"])
@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.text(st.characters(codec="utf-8"), max_size=300), min_size=1, max_size=8))
def test_length_tells_the_bucket_and_nothing_else(
    cipher: type[EncryptSiv] | type[EncryptGcm], domain: str, values: list[str]
) -> None:
    """Tokens are equally long exactly where plaintext and mark fall into one bucket: 64, 128, 1,024, doublings."""
    bucket = {"person_name": 64, "email": 64, "postal_address": 128, "free_text": 1024}[domain]
    bound = cipher().bind(KEYRING, replace(CONTEXT, domain=domain))
    tokens = bound(pa.array(values, pa.string()), row_ids=pa.array(range(len(values)))).to_pylist()
    filled = [bucket << max(0, (len(value.encode()) // bucket).bit_length()) for value in values]
    overhead = {EncryptSiv: 16, EncryptGcm: 28}[cipher]  # synthetic IV; nonce and tag
    head = len(tokens[0].rpartition(".")[0]) + 1
    assert [len(token) for token in tokens] == [head + -(-(size + overhead) * 4 // 3) for size in filled]


@pytest.mark.parametrize("domain", ["gender", "phone", "payment_method", "amount", "order_time"])
def test_gcm_hides_the_length_of_everything_short(domain: str) -> None:
    """`female` and `male`, 9.00 and 1,000,000.00: one length up to 31 bytes."""
    values = pa.array(["male", "female", "+61412345678", "+8613800138000", "", "x" * 31])
    bound = EncryptGcm().bind(KEYRING, replace(CONTEXT, domain=domain))
    tokens = bound(values, row_ids=pa.array(range(len(values))))
    assert len({len(token) for token in tokens.to_pylist()}) == 1
    assert bound.reveal(tokens).equals(values)
    money = pa.array([Decimal("9.00"), Decimal("1000000.00")], pa.decimal128(18, 2))
    assert len({len(token) for token in bound(money, row_ids=pa.array([1, 2])).to_pylist()}) == 1


def test_length_of_a_fixed_mask_tells_nothing() -> None:
    """Fixed masks of values that are long enough are equally long."""
    masked = Mask(keep_first=1).bind(None, CONTEXT)(pa.array(["Bo", "Alexandrina", "欧阳娜娜"])).to_pylist()
    assert {len(cell) for cell in masked} == {5}


def test_gcm_hides_equality_and_repeats_on_a_rerun() -> None:
    """One value in many rows gets as many tokens, the same on every run, others for other rows."""
    column = pa.array(["+61412345678"] * 50)
    bound = EncryptGcm().bind(KEYRING, CONTEXT)
    tokens = bound(column, row_ids=ROWS).to_pylist()
    assert len(set(tokens)) == 50
    assert EncryptGcm().bind(KEYRING, CONTEXT)(column, row_ids=ROWS).to_pylist() == tokens
    others = pa.array([f"x{row}" for row in ROWS.to_pylist()])
    assert not set(tokens) & set(bound(column, row_ids=others).to_pylist())


def test_gcm_nonces_differ_where_row_or_value_does() -> None:
    """Row ids and plaintexts are length-prefixed: no two (row, value) share a nonce, however they are cut."""
    rows = pa.array(["a", "ab", "", "abc"])
    nonces = set()
    for values in itertools.permutations(["bc", "c", "abc", ""]):
        for token in EncryptGcm().bind(KEYRING, CONTEXT)(pa.array(values), row_ids=rows).to_pylist():
            nonces.add(base64.urlsafe_b64decode(token.split(".")[2] + "==")[:12])
    assert len(nonces) == 16
    structs = pa.StructArray.from_arrays(
        [pa.array(["a", "a", "ab", ""]), pa.array([0, 256, 0, 0])], names=["file", "record"]
    )
    same = pa.array(["x"] * 4)
    tokens = EncryptGcm().bind(KEYRING, CONTEXT)(same, row_ids=structs).to_pylist()
    assert len(set(tokens)) == 4
    chunked = pa.chunked_array([structs.slice(0, 1), structs.slice(1)])
    assert EncryptGcm().bind(KEYRING, CONTEXT)(same, row_ids=chunked).to_pylist() == tokens
    sliced = EncryptGcm().bind(KEYRING, CONTEXT)(same.slice(2), row_ids=structs.slice(2)).to_pylist()
    assert sliced == tokens[2:]


def test_gcm_takes_no_more_values_than_a_key_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """2^32 of them; a column cannot be so long here, so the bound is lowered."""
    monkeypatch.setattr(encrypt_gcm, "MAX_VALUES", 49)
    bound = EncryptGcm().bind(KEYRING, CONTEXT)
    assert len(bound(PHONES.slice(1), row_ids=ROWS.slice(1))) == 49
    with pytest.raises(BadParameter, match="at most 49 values a key"):
        bound(PHONES, row_ids=ROWS)


# ------------------------------------------------------------------ turning back


@pytest.mark.parametrize("transform", CIPHERS, ids=repr)
@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.none() | st.text(st.characters(codec="utf-8")), max_size=8))
def test_reveal_is_the_inverse(transform: Transform, values: list[str | None]) -> None:
    """Any text, also one that ends in zeros or in the padding's own mark."""
    array = pa.array([*values, "a\0\0", "\x80", "\0", ""], pa.string())
    bound = transform.bind(KEYRING, CONTEXT)
    tokens = bound(array, row_ids=pa.array(range(len(array))))
    assert bound.reveal(tokens).equals(array)
    assert bound.reveal(pa.chunked_array([tokens.dictionary_encode()])).equals(array)
    rotated = transform.bind(Keyring(MASTERS, "k2"), CONTEXT)
    assert rotated.reveal(tokens).equals(array), "older keys of the ring still open their tokens"


@pytest.mark.parametrize("transform", CIPHERS, ids=repr)
@pytest.mark.parametrize(("other", "separates_all"), OTHER_PLACES)
def test_tokens_of_another_place_are_rejected(
    transform: Transform, other: Context, separates_all: bool
) -> None:
    """No token opens for another recipient, purpose, domain or epoch; those of GCM in no other column."""
    tokens = transform.bind(KEYRING, CONTEXT)(PHONES, row_ids=ROWS)
    if separates_all or isinstance(transform, EncryptGcm):
        with pytest.raises(TokenRejected, match="not made by this key"):
            transform.bind(KEYRING, other).reveal(tokens)
    else:
        assert transform.bind(KEYRING, other).reveal(tokens).equals(PHONES)


@pytest.mark.parametrize("other", [c.values[0] for c in OTHER_PLACES[:3]])
def test_associated_data_alone_separates(other: Context) -> None:
    """Even under one and the same key, a token whose associated data were others is rejected."""
    bound = EncryptSiv().bind(KEYRING, CONTEXT)
    key = KEYRING.derive("aes-256-siv", CONTEXT, length=64)
    for context, opens in ((CONTEXT, True), (other, False)):
        element = associated_data("k1", context, per_column=False)
        forged = "p1.k1." + base64url(siv_encrypt_column(key, [b"x\x80"], [element])[0]).decode()
        if opens:
            assert bound.reveal(pa.array([forged])).to_pylist() == ["x"]
        else:
            with pytest.raises(TokenRejected):
                bound.reveal(pa.array([forged]))


@pytest.mark.parametrize("transform", CIPHERS[:2], ids=repr)
def test_every_changed_character_is_rejected_with_one_sentence(transform: Transform) -> None:
    """Changed, cut, lengthened, renamed: always the same sentence, which holds nothing of the token."""
    bound = transform.bind(KEYRING, CONTEXT)
    token = bound(pa.array(["+61412345678"]), row_ids=pa.array(["1"]))[0].as_py()
    forged = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))]
    forged += [
        token[:-1],
        token[:-4],
        token + "A",
        token + "=",
        token + "\n",
        " " + token,
        token.replace("p1", "p2"),
    ]
    forged += [
        "",
        "p1",
        "p1.k1",
        "p1.k1.",
        "p1.k9." + token[6:],
        "p1..",
        "+61412345678",
        token + ".x",
        "é" * 40,
        "p1.k1.é",
    ]
    sentences = set()
    for cell in forged:
        with pytest.raises(TokenRejected) as caught:
            bound.reveal(pa.array([token, cell, None]))
        sentences.add(str(caught.value))
        assert caught.value.__cause__ is None
    assert len(sentences) == 1
    with pytest.raises(TokenRejected):
        bound.reveal(pa.array([1, 2]))


def test_a_keyring_without_the_key_rejects() -> None:
    """The right place and the wrong keyring: rejected, not garbage."""
    strangers = Keyring({"k1": bytes(range(2, 34))}, "k1")
    for transform in CIPHERS:
        tokens = transform.bind(KEYRING, CONTEXT)(PHONES, row_ids=ROWS)
        with pytest.raises(TokenRejected):
            transform.bind(strangers, CONTEXT).reveal(tokens)
