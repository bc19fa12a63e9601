"""encrypt_siv per subject: equal for equal subject and value, closed for ever once the subject's key is gone."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from transforms import BadParameter, Context, EncryptSiv, Keyring, KeyUnavailable, TokenRejected
from transforms.errors import ErasedSubject
from transforms.per_subject import inner_key, inner_message
from transforms.primitives import encode_fields, siv_opener

CONTEXT = Context("analysts", "analytics", "postal_address", "static", "2026-11-01", "orders", "address")


class Store:
    """A key store in memory."""

    def __init__(self) -> None:
        self.all: dict[bytes, bytes] = {}

    def digests(self, subjects: pa.Array) -> list[bytes]:
        return [(one or "").encode().ljust(16, b".")[:16] for one in subjects.to_pylist()]

    def keys(self, digests: Sequence[bytes]) -> list[bytes | None]:
        return [self.all.get(digest) for digest in digests]

    def make(self, *subjects: str | None) -> "Store":
        for digest in self.digests(pa.array(subjects, pa.string())):
            self.all.setdefault(digest, secrets.token_bytes(32))
        return self


MASTERS = {"k1": secrets.token_bytes(32), "k2": secrets.token_bytes(32)}
VALUES = pa.array(["1 Wattle Road", "1 Wattle Road", "2 Elm Street", None, "1 Wattle Road"])
PEOPLE = pa.array(["ann", "bob", "ann", "ann", "ann"])


@pytest.fixture
def store() -> Store:
    return Store().make("ann", "bob", None)


@pytest.fixture
def keyring(store: Store) -> Keyring:
    return Keyring(MASTERS, "k2", subject_keys=store)


def bound(keyring: Keyring, context: Context = CONTEXT, pad: str = "auto"):
    return EncryptSiv(per="subject", pad=pad).bind(keyring, context)


def test_tokens_are_equal_within_a_subject_only_and_nulls_stay(keyring: Keyring) -> None:
    tokens = bound(keyring)(VALUES, subject=PEOPLE).to_pylist()
    assert tokens[0] == tokens[4] != tokens[1]
    assert tokens[3] is None and len({len(token) for token in tokens if token}) == 1
    assert all(token.startswith("p1.k2.") for token in tokens if token)
    assert bound(keyring).reveal(pa.array(tokens)).to_pylist() == VALUES.to_pylist()


def test_any_form_of_the_column_gives_the_same_tokens(keyring: Keyring) -> None:
    wanted = bound(keyring)(VALUES, subject=PEOPLE)
    chunked = pa.chunked_array([VALUES.slice(0, 2), VALUES.slice(2)])
    for values in (VALUES.dictionary_encode(), chunked, VALUES.cast(pa.large_string())):
        assert bound(keyring)(values, subject=PEOPLE.dictionary_encode()).equals(wanted)
    assert bound(keyring)(VALUES.slice(0, 0), subject=PEOPLE.slice(0, 0)).to_pylist() == []
    numbers = pa.array([7, None], pa.int64())
    made = bound(keyring)(numbers, subject=pa.array(["ann", None]))
    assert bound(keyring).reveal(made).to_pylist() == ["7", None]


def test_rows_about_nobody_share_a_key_of_their_own(keyring: Keyring) -> None:
    values = pa.array(["x street", "x street"])
    one, two = bound(keyring)(values, subject=pa.array([None, "ann"], pa.string())).to_pylist()
    assert one != two


def test_when_a_key_is_shredded_its_tokens_are_closed_and_others_open(keyring: Keyring, store: Store) -> None:
    tokens = bound(keyring)(VALUES, subject=PEOPLE)
    del store.all[store.digests(pa.array(["ann"]))[0]]
    assert bound(keyring).reveal(tokens.slice(1, 1)).to_pylist() == ["1 Wattle Road"]
    with pytest.raises(ErasedSubject, match="was erased"):
        bound(keyring).reveal(tokens.slice(0, 1))
    with pytest.raises(KeyUnavailable, match="is not in the key store"):
        bound(keyring)(VALUES, subject=PEOPLE)
    again = Keyring(
        MASTERS, "k2", subject_keys=Store().make("ann")
    )  # a new random key does not open old tokens
    with pytest.raises(TokenRejected):
        bound(again).reveal(tokens.slice(0, 1))


def test_the_keyring_alone_cannot_open_the_inner_layer(keyring: Keyring, store: Store) -> None:
    """The outer layer opens with the master: what it shows is the digest, and a ciphertext under the random key."""
    token = bound(keyring, pad="none")(VALUES.slice(0, 1), subject=PEOPLE.slice(0, 1))[0].as_py()
    outer = keyring.derive("aes-256-siv per subject", CONTEXT, length=64)
    from transforms.primitives import from_base64url
    from transforms.tokens import associated_data

    body = siv_opener(outer, [associated_data("k2", CONTEXT, per_column=False)])(
        from_base64url(token.split(".")[2].encode())
    )
    (digest,) = store.digests(pa.array(["ann"]))
    assert body[:16] == digest and b"Wattle" not in body
    inner = siv_opener(inner_key(store.all[digest], inner_message("k2", CONTEXT)), ())
    assert inner(body[16:]) == b"1 Wattle Road\x80"


def test_the_inner_key_is_sp_800_108_in_counter_mode() -> None:
    """Against the KDF of `cryptography`: HMAC-SHA-512, 32-bit counter before the fixed input, 32-bit length."""
    key = secrets.token_bytes(32)
    names = ("k2", "analysts", "analytics", "postal_address", "static")
    oracle = KBKDFHMAC(
        algorithm=hashes.SHA512(),
        mode=Mode.CounterMode,
        length=64,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"pouch/subject-token/1",
        context=encode_fields(*names),
        fixed=None,
    ).derive(key)
    assert inner_key(key, inner_message("k2", CONTEXT)) == oracle


@pytest.mark.parametrize("field", ["recipient", "purpose", "domain", "epoch"])
def test_another_context_rejects(keyring: Keyring, field: str) -> None:
    tokens = bound(keyring)(VALUES, subject=PEOPLE)
    other = bound(keyring, replace(CONTEXT, **{field: "other"}))
    with pytest.raises(TokenRejected):
        other.reveal(tokens)
    assert not set(other(VALUES, subject=PEOPLE).drop_null().to_pylist()) & set(
        tokens.drop_null().to_pylist()
    )


def test_without_subjects_or_store_it_refuses(keyring: Keyring) -> None:
    with pytest.raises(BadParameter, match="needs the subject"):
        bound(keyring)(VALUES)
    with pytest.raises(BadParameter, match="needs the subject"):
        bound(keyring)(VALUES, subject=PEOPLE.slice(1))
    with pytest.raises(BadParameter, match="takes whole columns only"):
        bound(keyring).map_values(VALUES)
    with pytest.raises(KeyUnavailable, match="needs a key store"):
        bound(Keyring(MASTERS, "k2"))(VALUES, subject=PEOPLE)


def test_a_leaked_key_of_one_recipient_opens_nothing_of_another(keyring: Keyring, store: Store) -> None:
    """The attack that must lose: everything derived for analysts, against the courier's export of the same rows.

    It wins against its own recipient, so it is a real attack.
    """
    courier = replace(CONTEXT, recipient="courier")
    exports = {c.recipient: bound(keyring, c)(VALUES, subject=PEOPLE) for c in (CONTEXT, courier)}
    shared = {c.recipient: EncryptSiv().bind(keyring, c)(VALUES) for c in (CONTEXT, courier)}
    outer = keyring.derive("aes-256-siv per subject", CONTEXT, length=64)
    plain_key = keyring.derive("aes-256-siv", CONTEXT, length=64)
    inners = [inner_key(key, inner_message("k2", CONTEXT)) for key in store.all.values()]
    assert opened_by(outer, inners, exports["analysts"]) == 4
    assert opened_by(outer, inners, exports["courier"]) == 0
    assert opened_by(plain_key, [], shared["analysts"]) == 4
    assert opened_by(plain_key, [], shared["courier"]) == 0


def opened_by(outer: bytes, inners: list[bytes], tokens: pa.Array) -> int:
    """How many tokens a thief of keys opens, trying every associated data that is public."""
    from transforms.primitives import Unauthentic, from_base64url
    from transforms.tokens import associated_data

    count = 0
    for token in tokens.drop_null().to_pylist():
        data = from_base64url(token.split(".")[2].encode())
        for recipient in ("analysts", "courier"):
            context = replace(CONTEXT, recipient=recipient)
            try:
                body = siv_opener(outer, [associated_data("k2", context, per_column=False)])(data)
            except Unauthentic:
                continue
            for inner in inners:
                try:
                    siv_opener(inner, ())(body[16:])
                except Unauthentic:
                    continue
                count += 1
            count += not inners
    return count
