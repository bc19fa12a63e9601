"""Keyring files: made once, opened by one wrapping key, and every changed byte is noticed."""

import json
import os
import pickle
import re
import secrets
import stat
from datetime import date
from pathlib import Path

import pytest

from pipeline.config.models import KeyringRef, WrappingKey
from pipeline.errors import JobWrong, KeyUnavailable, PouchError
from pipeline.keys import describe, init_keyring, open_keyring
from pipeline.keys.keyring_file import parse, render
from pipeline.keys.opening import wrapped_file
from tests.disk_faults import CHANGES, exit_code, failing, fork, killed
from transforms.context import Context

CONTEXT = Context(recipient="analysts", purpose="product_analytics", domain="phone", epoch="static")
DEMO = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="keys/kek"), demo=True)
DAY = date(2026, 11, 1)


def apart(tmp_path: Path) -> KeyringRef:
    """A keyring whose wrapping key lies in another directory."""
    vault = tmp_path / "vault"
    vault.mkdir(mode=0o700)
    (vault / "kek").write_text(secrets.token_hex(32))
    (vault / "kek").chmod(0o600)
    return KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="vault/kek"))


def test_a_new_keyring_opens_and_derives_the_same_keys_every_time(tmp_path: Path) -> None:
    made = init_keyring(DEMO, tmp_path, today=DAY)
    first, second = open_keyring(DEMO, tmp_path), open_keyring(DEMO, tmp_path)
    assert first.derive("keyed_hash", CONTEXT) == second.derive("keyed_hash", CONTEXT)
    assert re.fullmatch(r"k[0-9a-f]{6}", made.id)
    assert first.active == made.id


def test_two_keyrings_share_nothing(tmp_path: Path) -> None:
    derived = set()
    for name in ("one", "two"):
        init_keyring(DEMO, tmp_path / name)
        derived.add(open_keyring(DEMO, tmp_path / name).derive("keyed_hash", CONTEXT))
    assert len(derived) == 2


@pytest.mark.parametrize("umask", [0, 0o777])
def test_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        init_keyring(DEMO, tmp_path)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {"keyring.json": 0o600, "kek": 0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_keyring_is_never_overwritten(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    before = (tmp_path / "keys/keyring.json").read_bytes()
    with pytest.raises(JobWrong, match=r"exists(?s:.*)hint: it is never overwritten"):
        init_keyring(DEMO, tmp_path)
    assert (tmp_path / "keys/keyring.json").read_bytes() == before


def test_of_many_processes_that_make_a_keyring_one_wins_and_all_agree(tmp_path: Path) -> None:
    def make() -> None:
        try:
            init_keyring(DEMO, tmp_path)
        except JobWrong:
            os._exit(2)

    codes = sorted(exit_code(pid) for pid in [fork(make) for _ in range(6)])
    assert codes == [0, 2, 2, 2, 2, 2]
    assert len(describe(DEMO, tmp_path)) == 1
    open_keyring(DEMO, tmp_path)


def test_list_shows_ids_states_days_and_check_values_without_the_wrapping_key(tmp_path: Path) -> None:
    made = init_keyring(DEMO, tmp_path, today=DAY)
    (tmp_path / "keys/kek").unlink()
    (master,) = describe(DEMO, tmp_path)
    assert master == made
    assert (master.state, master.created) == ("active", "2026-11-01")
    assert re.fullmatch(r"[0-9a-f]{16}", master.check)


def test_another_wrapping_key_opens_nothing_and_says_so_in_one_sentence(tmp_path: Path) -> None:
    ref = apart(tmp_path)
    init_keyring(ref, tmp_path)
    other = secrets.token_hex(32)
    (tmp_path / "vault/kek").write_text(other)
    with pytest.raises(KeyUnavailable, match="wrapping key does not open this keyring") as caught:
        open_keyring(ref, tmp_path)
    assert caught.value.exit_code == 3
    assert other not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_every_changed_byte_of_the_keyring_file_is_noticed(tmp_path: Path) -> None:
    """Also of parts that open nothing: a changed day or state is a changed file."""
    init_keyring(DEMO, tmp_path)
    path = tmp_path / "keys/keyring.json"
    sound = path.read_bytes()
    for position in range(len(sound)):
        changed = bytearray(sound)
        changed[position] ^= 1 << (position % 7)
        path.write_bytes(bytes(changed))
        with pytest.raises(KeyUnavailable):
            open_keyring(DEMO, tmp_path)
    path.write_bytes(sound)
    open_keyring(DEMO, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"format": 2', b'"format":  2'),
        (b'"format": 2,', b'"format": 2, "format": 2,'),
        (b'"state": "active"', b'"state": "retired", "state": "active"'),
        (b'"format"', b'"\\u0066ormat"'),
    ],
)
def test_other_bytes_that_mean_the_same_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    """So that no second reader can take from the file what the seal does not cover."""
    init_keyring(DEMO, tmp_path)
    path = tmp_path / "keys/keyring.json"
    assert path.read_bytes().count(old) == 1
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(KeyUnavailable, match="is not a keyring as Pouch writes it"):
        open_keyring(DEMO, tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_cut_keyring_file_is_refused(tmp_path: Path, cut: int) -> None:
    init_keyring(DEMO, tmp_path)
    path = tmp_path / "keys/keyring.json"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(KeyUnavailable, match="is not a keyring"):
        open_keyring(DEMO, tmp_path)


def two_masters(tmp_path: Path) -> tuple[bytes, Path]:
    init_keyring(DEMO, tmp_path)
    wrapping = bytes.fromhex((tmp_path / "keys/kek").read_text())
    masters = {"k000001": secrets.token_bytes(32), "k000002": secrets.token_bytes(32)}
    days = {"k000001": "2026-10-01", "k000002": "2026-11-01"}
    path = tmp_path / "keys/keyring.json"
    path.write_bytes(render(wrapped_file(wrapping, masters, "k000002", days)))
    return wrapping, path


def test_retired_masters_open_beside_the_active_one(tmp_path: Path) -> None:
    two_masters(tmp_path)
    keyring = open_keyring(DEMO, tmp_path)
    assert (keyring.key_ids, keyring.active) == (("k000001", "k000002"), "k000002")
    assert [master.state for master in describe(DEMO, tmp_path)] == ["retired", "active"]


def test_states_cannot_be_exchanged_between_masters(tmp_path: Path) -> None:
    """Each master alone is intact, so only the seal over the whole file can notice."""
    _, path = two_masters(tmp_path)
    text = path.read_text()
    swapped = text.replace('"retired"', '"x"').replace('"active"', '"retired"').replace('"x"', '"active"')
    assert parse(swapped.encode(), "keyring").active == "k000001"
    path.write_text(swapped)
    with pytest.raises(KeyUnavailable, match="was changed"):
        open_keyring(DEMO, tmp_path)


def test_a_check_value_of_another_key_is_refused_even_under_a_sound_seal(tmp_path: Path) -> None:
    wrapping, path = two_masters(tmp_path)
    from pipeline.keys import opening

    file = parse(path.read_bytes(), "keyring")
    wrong = file.model_copy(
        update={"masters": tuple(m.model_copy(update={"check": "0" * 16}) for m in file.masters), "seal": ""}
    )
    path.write_bytes(render(wrong.model_copy(update={"seal": opening._seal(wrapping, wrong)})))
    with pytest.raises(KeyUnavailable, match="check value of key k000001 does not match"):
        open_keyring(DEMO, tmp_path)


def test_a_newer_format_names_the_remedy(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    path = tmp_path / "keys/keyring.json"
    path.write_text(json.dumps({"format": 3, "vaults": []}))
    with pytest.raises(KeyUnavailable, match="has format 3, this version of Pouch reads formats up to 2"):
        open_keyring(DEMO, tmp_path)


@pytest.mark.parametrize("name", ["keyring.json", "kek"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_files_open_to_others_are_refused_with_the_remedy(tmp_path: Path, name: str, mode: int) -> None:
    init_keyring(DEMO, tmp_path)
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(KeyUnavailable, match=rf"has mode 0{mode:o}\n  hint: chmod 600"):
        open_keyring(DEMO, tmp_path)


def test_a_directory_where_others_may_write_is_refused(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    (tmp_path / "keys").chmod(0o777)
    with pytest.raises(KeyUnavailable, match="its directory: must be writable by its owner only"):
        open_keyring(DEMO, tmp_path)


def test_a_file_of_another_owner_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init_keyring(DEMO, tmp_path)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(KeyUnavailable, match="must belong to the user who runs pouch"):
        open_keyring(DEMO, tmp_path)


def test_a_pipe_in_place_of_a_keyring_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "keys/keyring.json", 0o600)
    with pytest.raises(KeyUnavailable, match="must be a regular file"):
        open_keyring(DEMO, tmp_path)


def test_a_missing_keyring_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match=r"keys/keyring.json: is missing\n  hint: pouch keys init"):
        open_keyring(DEMO, tmp_path)
    with pytest.raises(KeyUnavailable, match="is missing"):
        describe(DEMO, tmp_path)


def test_no_secret_is_in_any_repr_file_or_pickle(tmp_path: Path) -> None:
    made = init_keyring(DEMO, tmp_path)
    keyring = open_keyring(DEMO, tmp_path)
    secret = keyring.export_secret_masters()[-32:]
    shown = repr(keyring) + repr(made) + repr(describe(DEMO, tmp_path))
    wrapping = (tmp_path / "keys/kek").read_text().strip()
    assert secret.hex() not in shown
    assert wrapping not in shown
    with pytest.raises(TypeError):
        pickle.dumps(keyring)
    content = (tmp_path / "keys/keyring.json").read_bytes()
    assert secret not in content
    assert secret.hex().encode() not in content


@pytest.mark.parametrize("step", CHANGES)
def test_a_failing_disk_leaves_no_keyring_and_nothing_else(tmp_path: Path, step: str) -> None:
    """Fails the n-th call of one system call, for every n until the keyring is made."""
    for count in range(1, 30):
        base = tmp_path / str(count)
        base.mkdir()
        with failing(step, count) as call:
            try:
                init_keyring(DEMO, base)
            except PouchError as error:
                assert error.exit_code == 3
                assert "No space left on device" in str(error)
        if not call.failed:
            break
        if not (base / "keys/keyring.json").exists():
            init_keyring(DEMO, base)  # a plain rerun succeeds
        open_keyring(DEMO, base)
    else:
        pytest.fail("the keyring was never made")


def test_a_killed_init_leaves_none_or_a_whole_keyring(tmp_path: Path) -> None:
    for count in range(1, 60):
        base = tmp_path / str(count)
        base.mkdir()
        died = killed(lambda base=base: init_keyring(DEMO, base), count)  # type: ignore[misc]
        if not (base / "keys/keyring.json").exists():
            init_keyring(DEMO, base)
        open_keyring(DEMO, base)
        if not died:
            break
    else:
        pytest.fail("the keyring was never made")
    assert count > 10
