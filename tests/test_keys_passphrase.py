"""Keyrings wrapped by a passphrase or by a key-management service."""

import os
import secrets
import sys
import textwrap
from pathlib import Path

import pytest

from pipeline.config.models import KeyringRef, WrappingKey
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys import init_keyring, open_keyring, read_file, rotate_keyring
from pipeline.keys import passphrases as module
from pipeline.keys.keyring_file import Envelope, ScryptCost, render
from pipeline.keys.passphrases import weakness_of_passphrase

GOOD = "violet tractor 鋼筆 umbrella eleven"
PASSPHRASE = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(passphrase_env="POUCH_TEST_PASS"))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest cost that a keyring file may state, so that tests are quick."""
    monkeypatch.setattr(module, "_N", 1 << 15)


def given(monkeypatch: pytest.MonkeyPatch, passphrase: str) -> None:
    monkeypatch.setenv("POUCH_TEST_PASS", passphrase)


def test_the_cost_is_stated_in_the_file_and_is_128_mebibytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, GOOD)
    init_keyring(PASSPHRASE, tmp_path)
    cost = read_file(PASSPHRASE, tmp_path).wrapping
    assert isinstance(cost, ScryptCost)
    assert (cost.n, cost.r, cost.p) == (131072, 8, 1) and 128 * cost.n * cost.r == 128 << 20
    assert "POUCH_TEST_PASS" not in os.environ
    open_keyring(PASSPHRASE, tmp_path)


def test_the_passphrase_opens_and_another_does_not_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None
) -> None:
    given(monkeypatch, GOOD)
    init_keyring(PASSPHRASE, tmp_path)
    rotate_keyring(PASSPHRASE, tmp_path)
    content = (tmp_path / "keys/keyring.json").read_text()
    given(monkeypatch, GOOD + "\n")  # as `$(cat file)` or a line end in an environment file gives it
    assert len(open_keyring(PASSPHRASE, tmp_path).key_ids) == 2
    other = GOOD.replace("eleven", "twelve")
    given(monkeypatch, other)
    with pytest.raises(KeyUnavailable, match="the passphrase does not open this keyring") as caught:
        open_keyring(PASSPHRASE, tmp_path)
    assert caught.value.exit_code == 3 and caught.value.__cause__ is None
    assert len(caught.value.problems) == 1 and other not in repr(caught.value)
    assert GOOD not in content


def test_two_keyrings_of_one_passphrase_have_two_wrapping_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None
) -> None:
    """Salt: one table of guesses does not serve for two files."""
    salts = set()
    for name in ("one", "two"):
        given(monkeypatch, GOOD)
        init_keyring(PASSPHRASE, tmp_path / name)
        cost = read_file(PASSPHRASE, tmp_path / name).wrapping
        assert isinstance(cost, ScryptCost)
        salts.add(cost.salt)
    assert len(salts) == 2


OPENS_NOTHING, NO_KEYRING = "does not open this keyring", "is not a keyring as Pouch writes it"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("n", 1 << 16, OPENS_NOTHING),
        ("salt", "ab" * 16, OPENS_NOTHING),
        ("r", 9, OPENS_NOTHING),
        ("n", 1 << 10, NO_KEYRING),
        ("r", 1, NO_KEYRING),
        ("p", 0, NO_KEYRING),
        ("n", 1 << 30, NO_KEYRING),
    ],
)
def test_a_changed_cost_opens_nothing_and_one_that_is_too_low_or_would_fill_the_machine_is_no_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None, name: str, value: object, says: str
) -> None:
    given(monkeypatch, GOOD)
    init_keyring(PASSPHRASE, tmp_path)
    file = read_file(PASSPHRASE, tmp_path)
    changed = file.model_copy(update={"wrapping": file.wrapping.model_copy(update={name: value})})
    (tmp_path / "keys/keyring.json").write_bytes(render(changed))
    with pytest.raises(KeyUnavailable, match=says):
        open_keyring(PASSPHRASE, tmp_path)


WEAK = {
    "": "fewer than",
    "short one": "fewer than",
    "aaaaaaaaaaaaaaaa": "too few",
    "abcdef7 abcdef7 ": "repeats",
    "12345678901234567890": "repeats",
    "Qwertyuiopasdfghjkl": "sequence",
    "zyxwvutsrqponmlkj": "sequence",
    "31415926535897932": "digits only",
    "Correct Horse Battery Staple": "published",
    "changeme-changeme2026": "published",
}


@pytest.mark.parametrize(("passphrase", "why"), WEAK.items())
def test_weak_passphrases_are_refused_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str, why: str
) -> None:
    given(monkeypatch, passphrase)
    with pytest.raises(KeyUnavailable, match=why) as caught:
        init_keyring(PASSPHRASE, tmp_path)
    assert not passphrase or passphrase not in str(caught.value)
    assert not (tmp_path / "keys/keyring.json").exists()


def test_good_passphrases_are_taken() -> None:
    for passphrase in (GOOD, "dinosaur-lamp-66-cello", "七つの海を越えて行く船乗りの歌"):
        assert weakness_of_passphrase(passphrase) is None
    assert not any(weakness_of_passphrase(secrets.token_urlsafe(16)) for _ in range(500))


def test_a_keyring_says_what_it_was_wrapped_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None
) -> None:
    given(monkeypatch, GOOD)
    init_keyring(PASSPHRASE, tmp_path)
    monkeypatch.setenv("POUCH_TEST_KEK", secrets.token_hex(32))
    other = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(env="POUCH_TEST_KEK"))
    with pytest.raises(KeyUnavailable, match="was wrapped by a passphrase, and the job names something else"):
        open_keyring(other, tmp_path)


# ------------------------------------------------------------------ key-management services


def vault(tmp_path: Path, name: str = "kms-key") -> Path:
    (tmp_path / "vault").mkdir(mode=0o700, exist_ok=True)
    path = tmp_path / "vault" / name
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return path


def by_kms(uri: str, *, demo: bool = False) -> KeyringRef:
    return KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(kms=uri), demo=demo)


@pytest.mark.parametrize("absolute", [False, True])
def test_the_local_service_wraps_and_opens(tmp_path: Path, absolute: bool) -> None:
    path = vault(tmp_path)
    ref = by_kms(f"file://{path}" if absolute else "file://vault/kms-key")
    made = init_keyring(ref, tmp_path)
    rotate_keyring(ref, tmp_path)
    assert made.id in open_keyring(ref, tmp_path).key_ids
    envelope = read_file(ref, tmp_path).wrapping
    assert isinstance(envelope, Envelope) and len(bytes.fromhex(envelope.envelope)) == 12 + 32 + 16


def test_another_service_key_opens_nothing_and_a_changed_envelope_neither(tmp_path: Path) -> None:
    vault(tmp_path)
    ref = by_kms("file://vault/kms-key")
    init_keyring(ref, tmp_path)
    vault(tmp_path, "other")
    with pytest.raises(KeyUnavailable, match="does not open this keyring") as caught:
        open_keyring(by_kms("file://vault/other"), tmp_path)
    assert caught.value.exit_code == 3
    file = read_file(ref, tmp_path)
    assert isinstance(file.wrapping, Envelope)
    flipped = bytearray.fromhex(file.wrapping.envelope)
    flipped[20] ^= 1
    changed = file.model_copy(update={"wrapping": Envelope(envelope=flipped.hex())})
    (tmp_path / "keys/keyring.json").write_bytes(render(changed))
    with pytest.raises(KeyUnavailable, match="does not open this keyring"):
        open_keyring(ref, tmp_path)


def test_the_local_service_key_is_kept_as_strictly_as_any(tmp_path: Path) -> None:
    path = vault(tmp_path)
    ref = by_kms("file://vault/kms-key")
    path.chmod(0o644)
    with pytest.raises(KeyUnavailable, match="must be readable by its owner only"):
        init_keyring(ref, tmp_path)
    path.chmod(0o600)
    path.write_text("00" * 32)
    with pytest.raises(KeyUnavailable, match="is all zero"):
        init_keyring(ref, tmp_path)
    (tmp_path / "keys").mkdir(mode=0o700, exist_ok=True)
    (tmp_path / "keys/kms-key").write_text(secrets.token_hex(32))
    (tmp_path / "keys/kms-key").chmod(0o600)
    with pytest.raises(JobWrong, match="must not lie in the keyring's directory"):
        init_keyring(by_kms("file://keys/kms-key"), tmp_path)
    init_keyring(by_kms("file://keys/kms-key", demo=True), tmp_path)


def test_a_missing_key_of_the_local_service_is_exit_3_and_says_what_to_do(tmp_path: Path) -> None:
    """A new keyring wants a key made; one that stands wants its own, and no other would open it."""
    ref = by_kms("file://vault/kms-key")
    with pytest.raises(KeyUnavailable, match="vault/kms-key: is missing") as caught:
        init_keyring(ref, tmp_path)
    assert caught.value.exit_code == 3 and "make one with: python3" in caught.value.problems[0].hint
    path = vault(tmp_path)
    init_keyring(ref, tmp_path)
    path.unlink()
    with pytest.raises(KeyUnavailable, match="vault/kms-key: is missing") as caught:
        open_keyring(ref, tmp_path)
    assert caught.value.problems[0].hint == "name the key that the keyring was made with"


@pytest.mark.parametrize("uri", ["kms", "file://", "nobody-offers://key", ""])
def test_what_is_no_service_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(JobWrong, match=r"keyring\.wrapped_by") as caught:
        init_keyring(by_kms(uri), tmp_path)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "keys/keyring.json").exists()


PLUGIN = """
class Service:
    shift = 77
    def __init__(self, uri):
        self.uri = uri
    def wrap(self, key, context):
        if self.uri.endswith("down"):
            raise ConnectionError("secret-token-in-a-message")
        return bytes([len(context)]) + bytes((b + self.shift) % 256 for b in key)
    def unwrap(self, envelope, context):
        if self.uri.endswith("short"):
            return b"short"
        assert envelope[0] == len(context)
        return bytes((b - self.shift) % 256 for b in envelope[1:])
"""


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with an entry point, as a plug-in of an operator is one."""
    site = tmp_path / "site"
    (site / "pouch_toy-1.dist-info").mkdir(parents=True)
    (site / "pouch_toy.py").write_text(PLUGIN)
    (site / "pouch_toy-1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: pouch-toy\nVersion: 1\n"
    )
    (site / "pouch_toy-1.dist-info/entry_points.txt").write_text(
        textwrap.dedent("""\
        [pouch.kms]
        toy = pouch_toy:Service
        broken = pouch_toy:Absent
        """)
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "pouch_toy", raising=False)


def test_an_entry_point_plugs_a_service_in(tmp_path: Path, plugged: None) -> None:
    ref = by_kms("toy://region/key")
    made = init_keyring(ref, tmp_path)
    assert open_keyring(ref, tmp_path).active == made.id


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("toy://down", "did not wrap the key .ConnectionError."),
        ("broken://x", "cannot be used .AttributeError."),
    ],
)
def test_a_service_that_fails_is_exit_3_and_its_message_stays_inside(
    tmp_path: Path, plugged: None, uri: str, says: str
) -> None:
    with pytest.raises(KeyUnavailable, match=says) as caught:
        init_keyring(by_kms(uri), tmp_path)
    assert "secret-token" not in repr(caught.value) and caught.value.__cause__ is None
    assert not (tmp_path / "keys/keyring.json").exists()


def test_a_service_that_returns_no_key_is_refused(tmp_path: Path, plugged: None) -> None:
    init_keyring(by_kms("toy://good"), tmp_path)
    with pytest.raises(KeyUnavailable, match="returned no key of 32 bytes"):
        open_keyring(by_kms("toy://short"), tmp_path)
