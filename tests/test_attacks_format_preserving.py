"""Attacks on format-preserving tokens: each wins on a weak setting, and loses on what the public interface allows."""

import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from transforms import Context, FormatPreserving, Keyring, WeakChoice, ff1_column
from transforms.ff1 import FORMER_MINIMUM_DOMAIN
from transforms.primitives import encode_fields

KEYRING = Keyring({"k1": bytes(range(32))}, "k1")
PHONES = Context("analysts", "research", "phone", "static")
CARDS = replace(PHONES, domain="bank_card")


def test_a_codebook_of_a_small_domain_turns_every_token_back() -> None:
    """A card that keeps BIN 6 and last 4 has 10^5 middles: who can have them encrypted once reads every card.

    The core computes it when told to lower the standard's minimum; no public function does.
    """
    key = KEYRING.derive("aes-256-ff1", CARDS)
    tweak = encode_fields("analysts", "bank_card", b"411111", b"1111")
    middles = np.array([[int(c) for c in f"{n:05d}"] for n in range(10**5)], dtype=np.uint8)
    encrypted = ff1_column.encrypt_digits(key, [tweak], middles, 10, minimum_domain=FORMER_MINIMUM_DOMAIN)
    book = {token.tobytes(): middle.tobytes() for token, middle in zip(encrypted, middles, strict=True)}
    victims = random.Random(3).sample(range(10**5), 500)  # noqa: S311 - a sample, not a secret
    assert all(book[encrypted[v].tobytes()] == middles[v].tobytes() for v in victims)

    for public in (
        lambda: FormatPreserving(keep_prefix=6, keep_suffix=4).bind(KEYRING, CARDS),
        lambda: ff1_column.encrypt_digits(key, [tweak], middles, 10),
    ):
        with pytest.raises(WeakChoice, match="100,000"):
            public()


def test_the_same_codebook_says_next_to_nothing_of_a_phone() -> None:
    """10^5 chosen phones turn back a tenth of those that share three kept digits, and 10^-4 of all phones."""
    chosen = pa.array([f"+61400{n:06d}" for n in range(10**5)])

    def fell(transform: FormatPreserving, victims: list[str]) -> int:
        bound = transform.bind(KEYRING, PHONES)
        book = dict(zip(bound(chosen).to_pylist(), chosen.to_pylist(), strict=True))
        return sum(
            book.get(token) == victim
            for token, victim in zip(bound(pa.array(victims)).to_pylist(), victims, strict=True)
        )

    chance = random.Random(5)  # noqa: S311 - a sample, not a secret
    near = [f"+61400{n:06d}" for n in chance.sample(range(10**6), 500)]
    assert 25 <= fell(FormatPreserving(normal_form="phone:AU", keep_prefix=3), near) <= 80
    anywhere = [f"+614{n:08d}" for n in chance.sample(range(10**8), 500)]
    assert fell(FormatPreserving(normal_form="phone:AU"), anywhere) <= 5  # 0.5 expected


def test_a_codebook_of_one_kept_prefix_does_not_serve_another() -> None:
    """Every message under one prefix is known, and not one token under its neighbor is."""
    transform = FormatPreserving(alphabet="digits", keep_prefix=1)
    bound = transform.bind(KEYRING, replace(PHONES, domain="order_id"))
    book = {
        token[1:]: n
        for n, token in enumerate(bound(pa.array([f"1{n:06d}" for n in range(10**6)])).to_pylist())
    }
    victims = list(range(0, 10**6, 5000))
    tokens = bound(pa.array([f"2{n:06d}" for n in victims])).to_pylist()
    right = sum(book.get(token[1:]) == n for token, n in zip(tokens, victims, strict=True))
    assert right <= 3, "200 guesses at 10^-6 each"


def test_two_recipients_share_no_token_beyond_chance() -> None:
    """Colluding, they meet the same number in both exports only as often as random numbers meet."""
    values = pa.array([f"+614{n:08d}" for n in range(20_000)])
    transform = FormatPreserving(normal_form="phone:AU")
    one, two = (
        transform.bind(KEYRING, replace(PHONES, recipient=recipient))(values).to_pylist()
        for recipient in ("analysts", "courier")
    )
    assert not any(left == right for left, right in zip(one, two, strict=True))
    assert len(set(one) & set(two)) <= 10  # 20,000^2 / 10^9 = 0.4 expected


def test_a_leaked_key_of_one_recipient_opens_nothing_of_another() -> None:
    values = pa.array([f"+614{n:08d}" for n in range(2_000)])
    transform = FormatPreserving(normal_form="phone:AU")
    tokens = transform.bind(KEYRING, PHONES)(values)
    assert transform.bind(KEYRING, PHONES).reveal(tokens).equals(values)  # their own key opens all
    stolen = transform.bind(KEYRING, replace(PHONES, recipient="courier"))
    assert not any(a == b for a, b in zip(stolen.reveal(tokens).to_pylist(), values.to_pylist(), strict=True))


def test_every_public_context_is_a_useless_key() -> None:
    """Names that the manifest shows, as keys of FF1: none of them gives a single token."""
    values = pa.array([f"+614{n:08d}" for n in range(1_000)])
    tokens = FormatPreserving(normal_form="phone:AU").bind(KEYRING, PHONES)(values).to_pylist()
    digits = np.array([[int(c) for c in phone[3:]] for phone in values.to_pylist()], dtype=np.uint8)
    tweak = encode_fields("analysts", "phone", b"+61", b"")

    def guessed(key: bytes) -> set[str]:
        rows = ff1_column.encrypt_digits(key, [tweak], digits, 10).tolist()
        return {"+61" + "".join(map(str, row)) for row in rows}

    assert guessed(KEYRING.derive("aes-256-ff1", PHONES)) == set(
        tokens
    )  # the attack is right but for the key
    for word in (b"", b"analysts", b"research", b"phone", b"static", KEYRING.check_value().encode()):
        assert not guessed(word.ljust(32, b"\0")[:32]) & set(tokens)
