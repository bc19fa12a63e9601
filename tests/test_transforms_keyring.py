"""The keyring: derivation, separation, and that no secret shows."""

import copy
import hashlib
import hmac
import pickle
from dataclasses import replace

import pytest

from transforms import BadParameter, Context, Keyring, KeyUnavailable
from transforms.primitives import encode_fields

MASTER, SECOND = bytes(range(32)), bytes(range(1, 33))
KEYRING = Keyring({"2026a": MASTER, "2026b": SECOND}, "2026b")
CONTEXT = Context("analysts", "research", "phone", "static", "r1", "orders", "mobile")


def hkdf(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, sections 2.2 and 2.3, from the standard library."""
    pseudo_random_key = hmac.digest(bytes(32), key, hashlib.sha256)
    block, output = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudo_random_key, block + info + bytes([counter]), hashlib.sha256)
        output += block
    return output[:length]


def test_derivation_is_hkdf_over_length_prefixed_names() -> None:
    """The frozen form: version, recipient, purpose, domain, algorithm, epoch, then release, table, column."""
    names = ["pouch/tokens/1", "analysts", "research", "phone", "aes", "static"]
    assert KEYRING.derive("aes", CONTEXT, length=64) == hkdf(SECOND, encode_fields(*names), 64)
    names += ["r1", "orders", "mobile"]
    assert KEYRING.derive("aes", CONTEXT, key_id="2026a", per_column=True) == hkdf(
        MASTER, encode_fields(*names), 32
    )


def test_every_name_counts() -> None:
    """Algorithm, key and each field of the context give other keys; state keys and check values are apart."""
    keys = [KEYRING.derive(name, CONTEXT, key_id=key) for name in ("a", "b") for key in KEYRING.key_ids]
    keys += [KEYRING.derive("a", CONTEXT, per_column=True)]
    for field in ("recipient", "purpose", "domain", "epoch"):
        keys.append(KEYRING.derive("a", replace(CONTEXT, **{field: "other"})))
    for field in ("release", "table", "column"):
        assert KEYRING.derive("a", replace(CONTEXT, **{field: "other"})) == KEYRING.derive("a", CONTEXT)
        keys.append(KEYRING.derive("a", replace(CONTEXT, **{field: "other"}), per_column=True))
    keys += [
        KEYRING.state_key("quarantine"),
        KEYRING.state_key("order"),
        KEYRING.state_key("order", key_id="2026a"),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_check_values_name_keys_without_telling_them() -> None:
    """16 hex digits, different per master, the active one by default."""
    first, second = KEYRING.check_value("2026a"), KEYRING.check_value()
    assert first != second
    assert second == KEYRING.check_value("2026b")
    assert len(bytes.fromhex(first)) == 8
    assert first not in MASTER.hex()


def test_no_secret_shows_and_nothing_travels() -> None:
    """No repr, no pickle, no copy, no attribute dictionary."""
    for form in (repr(KEYRING), str(KEYRING), f"{KEYRING}"):
        assert form == "Keyring(2026a, 2026b; active 2026b)"
    for travel in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            travel(KEYRING)
    assert not hasattr(KEYRING, "__dict__")


def test_the_pipe_form_goes_there_and_back() -> None:
    """Masters for a child over an inherited pipe."""
    again = Keyring.from_secret_masters(KEYRING.export_secret_masters())
    assert (again.key_ids, again.active) == (KEYRING.key_ids, KEYRING.active)
    assert again.derive("a", CONTEXT) == KEYRING.derive("a", CONTEXT)
    exported = KEYRING.export_secret_masters()
    for wrong in (b"", exported[:-1], exported + b"\0", encode_fields("a"), encode_fields("a", "a")):
        with pytest.raises((BadParameter, KeyUnavailable)):
            Keyring.from_secret_masters(wrong)


@pytest.mark.parametrize(
    ("masters", "active", "message"),
    [
        ({"a": bytes(31) + b"x" * 2}, "a", "must have 32 bytes, has 33"),
        ({"a": b"x" * 16}, "a", "must have 32 bytes, has 16"),
        ({"a": bytes(32)}, "a", "must be random, is all zero"),
        ({"a.b": MASTER}, "a.b", "key id must be"),
        ({"": MASTER}, "", "key id must be"),
        ({"k\n": MASTER}, "k\n", "key id must be"),
    ],
)
def test_unfit_masters_are_refused(masters: dict[str, bytes], active: str, message: str) -> None:
    """Wrong length, all zero, or an id that would break the token's form."""
    with pytest.raises(BadParameter, match=message):
        Keyring(masters, active)


def test_missing_keys_are_named_as_such() -> None:
    """An unknown active key or key id is a missing key."""
    with pytest.raises(KeyUnavailable):
        Keyring({"a": MASTER}, "b")
    with pytest.raises(KeyUnavailable):
        Keyring({}, "a")
    with pytest.raises(KeyUnavailable):
        KEYRING.derive("a", CONTEXT, key_id="gone")
    with pytest.raises(KeyUnavailable):
        KEYRING.check_value("gone")
