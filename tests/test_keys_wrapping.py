"""The wrapping key: where it may come from, and which keys are no keys."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.config.models import KeyringRef, WrappingKey
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys import init_keyring, open_keyring
from pipeline.keys.keyring_file import Envelope
from pipeline.keys.weakness import weakness_of


def by_environment(name: str) -> KeyringRef:
    return KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(env=name))


def test_the_variable_leaves_the_environment_so_no_child_inherits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POUCH_TEST_KEK_1", secrets.token_hex(32))
    init_keyring(by_environment("POUCH_TEST_KEK_1"), tmp_path)
    assert "POUCH_TEST_KEK_1" not in os.environ
    child = [sys.executable, "-c", "import os; print('POUCH_TEST_KEK_1' in os.environ)"]
    assert subprocess.run(child, capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_process_may_open_the_keyring_again_after_the_variable_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = by_environment("POUCH_TEST_KEK_2")
    monkeypatch.setenv("POUCH_TEST_KEK_2", secrets.token_hex(32))
    init_keyring(ref, tmp_path)
    open_keyring(ref, tmp_path)
    open_keyring(ref, tmp_path)


def test_a_variable_that_is_set_anew_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = by_environment("POUCH_TEST_KEK_3")
    monkeypatch.setenv("POUCH_TEST_KEK_3", secrets.token_hex(32))
    init_keyring(ref, tmp_path)
    monkeypatch.setenv("POUCH_TEST_KEK_3", secrets.token_hex(32))
    with pytest.raises(KeyUnavailable, match="wrapping key does not open"):
        open_keyring(ref, tmp_path)


def test_a_missing_variable_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="environment variable POUCH_TEST_KEK_4: is not set"):
        init_keyring(by_environment("POUCH_TEST_KEK_4"), tmp_path)
    assert not (tmp_path / "keys/keyring.json").exists()


def test_a_wrapping_file_is_made_for_demonstrations_only(tmp_path: Path) -> None:
    ref = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="vault/kek"))
    with pytest.raises(KeyUnavailable, match="vault/kek: is missing"):
        init_keyring(ref, tmp_path)
    assert not (tmp_path / "vault").exists()


@pytest.mark.parametrize("kek", ["keys/kek", "keys/below/kek", "vault/../keys/kek", "link/kek"])
def test_a_wrapping_key_beside_the_keyring_needs_demo(tmp_path: Path, kek: str) -> None:
    demo = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="keys/kek"), demo=True)
    init_keyring(demo, tmp_path)
    (tmp_path / "vault").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "keys")
    ref = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file=kek))
    for refused in (lambda: open_keyring(ref, tmp_path), lambda: init_keyring(ref, tmp_path)):
        with pytest.raises(JobWrong, match="must not lie in the keyring's directory"):
            refused()


def test_the_keyring_cannot_be_its_own_wrapping_key(tmp_path: Path) -> None:
    ref = KeyringRef(file="keys/kek", wrapped_by=WrappingKey(file="keys/kek"), demo=True)
    with pytest.raises(JobWrong, match="must not be the keyring itself"):
        init_keyring(ref, tmp_path)
    assert list(tmp_path.iterdir()) == []


WEAK = {
    "00" * 32: "all zero",
    "ff" * 32: "repeats",
    "deadbeef" * 8: "repeats",
    "0123456789abcdef" * 4: "repeats",
    "1234567890" * 6 + "1234": "repeats",
    bytes(range(32)).hex(): "sequence",
    bytes(range(255, 223, -1)).hex(): "sequence",
    bytes(range(0, 96, 3)).hex(): "sequence",
    "00" * 31 + "01": "too few",
    b"correct horse battery staple 123".hex(): "readable text",
    "3141592653589793238462643383279502884197169399375105820974944592": "decimal digits",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": "published example",
    "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8": "published example",
}


@pytest.mark.parametrize(("digits", "why"), WEAK.items())
def test_keys_that_nobody_drew_at_random_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: str, why: str
) -> None:
    monkeypatch.setenv("POUCH_TEST_KEK_5", digits)
    with pytest.raises(KeyUnavailable, match=f"must be random, .*{why}") as caught:
        init_keyring(by_environment("POUCH_TEST_KEK_5"), tmp_path)
    assert digits not in repr(caught.value)
    assert not (tmp_path / "keys/keyring.json").exists()


def test_random_keys_are_never_called_weak() -> None:
    assert not any(weakness_of(secrets.token_bytes(32)) for _ in range(2000))


@pytest.mark.parametrize("digits", ["", "4f" * 8, "g" * 64, "4f" * 31, "4f" * 33, "é" * 64])
def test_a_key_must_be_64_hex_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: str) -> None:
    monkeypatch.setenv("POUCH_TEST_KEK_6", digits)
    with pytest.raises(KeyUnavailable, match="must be 64 hex digits") as caught:
        init_keyring(by_environment("POUCH_TEST_KEK_6"), tmp_path)
    assert not digits or digits not in repr(caught.value)


def test_line_ends_and_capitals_in_a_key_file_are_fine(tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir(mode=0o700)
    (vault / "kek").write_text(secrets.token_hex(32).upper() + "\r\n")
    (vault / "kek").chmod(0o600)
    ref = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="vault/kek"))
    init_keyring(ref, tmp_path)
    open_keyring(ref, tmp_path)


@pytest.mark.parametrize(
    ("envelope", "fits"),
    [
        ("0f" * 15, False),
        ("0f" * 16, True),
        ("0f" * 8192, True),
        ("0f" * 8193, False),
        ("0f" * 16 + "0", False),
        ("0F" * 16, False),
        ("0f" * 16 + "\n", False),
    ],
)
def test_an_envelope_is_16_to_8192_bytes_in_lowercase_hexadecimal(envelope: str, fits: bool) -> None:
    if fits:
        assert Envelope(envelope=envelope).envelope == envelope
    else:
        with pytest.raises(ValidationError):
            Envelope(envelope=envelope)
