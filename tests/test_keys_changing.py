"""Rotation and destruction: the old keyring or the new one, whatever happens, and nothing of a destroyed master."""

import os
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config.models import KeyringRef, WrappingKey
from pipeline.errors import JobWrong, KeyUnavailable, LockHeld, PouchError
from pipeline.keys import describe, destroy_masters, init_keyring, open_keyring, read_file, rotate_keyring
from pipeline.keys.keyring_file import KeyringFile, render
from pipeline.keys.locking import held
from pipeline.keys.opening import wrapped_file
from tests.disk_faults import CHANGES, exit_code, failing, fork, killed
from transforms import Context, EncryptSiv, Keyring
from transforms.primitives import encode_fields, hkdf_sha256, hmac_sha256, wrap_key

CONTEXT = Context("analysts", "analytics", "phone", "static", "2026-11-01", "orders", "mobile")
DEMO = KeyringRef(file="keys/keyring.json", wrapped_by=WrappingKey(file="keys/kek"), demo=True)
DAY = date(2026, 11, 2)
VALUES = pa.array(["0491570006", "0491570110"])


def tokens_of(keyring: Keyring) -> pa.Array:
    return EncryptSiv().bind(keyring, CONTEXT)(VALUES)


def test_a_new_key_makes_new_tokens_and_the_old_one_still_opens_its_own(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    before = open_keyring(DEMO, tmp_path)
    fresh = rotate_keyring(DEMO, tmp_path, today=DAY)
    after = open_keyring(DEMO, tmp_path)
    assert after.active == fresh.id != before.active
    assert [(one.id, one.state) for one in describe(DEMO, tmp_path)] == [
        (before.active, "retired"),
        (fresh.id, "active"),
    ]
    old, new = tokens_of(before), tokens_of(after)
    assert not set(old.to_pylist()) & set(new.to_pylist())
    assert EncryptSiv().bind(after, CONTEXT).reveal(pa.concat_arrays([old, new])).to_pylist() == [
        *VALUES.to_pylist(),
        *VALUES.to_pylist(),
    ]


def test_what_must_outlive_keys_is_the_same_before_and_after(tmp_path: Path) -> None:
    """Tombstones and the subject index would forget everybody with a rotation otherwise."""
    made = init_keyring(DEMO, tmp_path).id
    before = open_keyring(DEMO, tmp_path).lasting_key("subjects")
    rotate_keyring(DEMO, tmp_path)
    assert open_keyring(DEMO, tmp_path).lasting_key("subjects") == before
    destroy_masters(DEMO, tmp_path, (made,))
    assert open_keyring(DEMO, tmp_path).lasting_key("subjects") == before
    copied = Keyring.from_secret_masters(open_keyring(DEMO, tmp_path).export_secret_masters())
    assert copied.lasting_key("subjects") == before


def test_a_keyring_of_before_rotation_opens_and_keeps_its_lasting_secret(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    wrapping, path = bytes.fromhex((tmp_path / "keys/kek").read_text()), tmp_path / "keys/keyring.json"
    file = wrapped_file(wrapping, {"k000001": secrets.token_bytes(32)}, "k000001", {"k000001": "2026-10-01"})
    old = file.model_copy(update={"format": 1, "seal": ""})
    seal = hmac_sha256(hkdf_sha256(wrapping, encode_fields("pouch/keyring-seal/1"), 32), render(old)).hex()
    path.write_bytes(render(old.model_copy(update={"seal": seal})))
    assert b"lasting" not in path.read_bytes() and b"generation" not in path.read_bytes()
    before = open_keyring(DEMO, tmp_path).lasting_key("subjects")
    rotate_keyring(DEMO, tmp_path)
    assert read_file(DEMO, tmp_path).format == 2
    assert open_keyring(DEMO, tmp_path).lasting_key("subjects") == before


def test_a_destroyed_key_opens_nothing_and_its_bytes_are_gone(tmp_path: Path) -> None:
    made = init_keyring(DEMO, tmp_path).id
    old = open_keyring(DEMO, tmp_path)
    path = tmp_path / "keys/keyring.json"
    wrapped = next(m.wrapped for m in read_file(DEMO, tmp_path).masters if m.id == made)
    with path.open("rb") as before:  # what a disk still holds of the file that was replaced
        rotate_keyring(DEMO, tmp_path)
        with path.open("rb") as rotated:
            (gone,) = destroy_masters(DEMO, tmp_path, (made,), today=DAY)
            assert wrapped.encode() not in rotated.read()
        assert wrapped.encode() in before.read()  # rotation destroys nothing
    assert (gone.state, gone.destroyed) == ("destroyed", "2026-11-02")
    assert wrapped.encode() not in path.read_bytes()
    keyring = open_keyring(DEMO, tmp_path)
    assert made not in keyring.key_ids
    with pytest.raises(Exception, match="was not made by this key"):
        EncryptSiv().bind(keyring, CONTEXT).reveal(tokens_of(old))
    assert destroy_masters(DEMO, tmp_path, (made,)) == (gone,)  # the day stays that of the destruction


def test_without_an_active_key_nothing_new_is_made_until_rotation(tmp_path: Path) -> None:
    first = init_keyring(DEMO, tmp_path).id
    second = rotate_keyring(DEMO, tmp_path).id
    old = open_keyring(DEMO, tmp_path)
    destroy_masters(DEMO, tmp_path, (second,))
    with pytest.raises(KeyUnavailable, match=f"no active key: {second} was destroyed") as caught:
        open_keyring(DEMO, tmp_path)
    assert caught.value.exit_code == 3
    opened = open_keyring(DEMO, tmp_path, for_new_tokens=False)
    assert opened.key_ids == (first,)
    with pytest.raises(Exception, match="the active key was destroyed"):
        tokens_of(opened)
    assert tokens_of(opened.with_active(first)) == tokens_of(old.with_active(first))
    destroy_masters(DEMO, tmp_path, (first,))
    with pytest.raises(KeyUnavailable, match="were destroyed"):
        open_keyring(DEMO, tmp_path, for_new_tokens=False)
    fresh = rotate_keyring(DEMO, tmp_path)
    assert open_keyring(DEMO, tmp_path).key_ids == (fresh.id,)


def test_an_unknown_key_is_named_and_nothing_happens(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    before = (tmp_path / "keys/keyring.json").read_bytes()
    with pytest.raises(JobWrong, match="no key k000000"):
        destroy_masters(DEMO, tmp_path, ("k000000",))
    assert (tmp_path / "keys/keyring.json").read_bytes() == before


@pytest.mark.parametrize("change", ["wrapped", "destroyed", "state"])
def test_a_destroyed_key_with_bytes_or_a_living_one_without_is_no_keyring(
    tmp_path: Path, change: str
) -> None:
    made = init_keyring(DEMO, tmp_path).id
    rotate_keyring(DEMO, tmp_path)
    destroy_masters(DEMO, tmp_path, (made,))
    path = tmp_path / "keys/keyring.json"
    file = read_file(DEMO, tmp_path)
    value = {"wrapped": "ab" * 40, "destroyed": "", "state": "retired"}[change]
    masters = (file.masters[0].model_copy(update={change: value}), *file.masters[1:])
    path.write_bytes(render(file.model_copy(update={"masters": masters})))
    with pytest.raises(KeyUnavailable, match="is not a keyring as Pouch writes it"):
        open_keyring(DEMO, tmp_path)


def test_a_keyring_has_at_most_one_active_key(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    rotate_keyring(DEMO, tmp_path)
    file = read_file(DEMO, tmp_path)
    masters = tuple(master.model_copy(update={"state": "active"}) for master in file.masters)
    (tmp_path / "keys/keyring.json").write_bytes(render(file.model_copy(update={"masters": masters})))
    with pytest.raises(KeyUnavailable, match="is not a keyring as Pouch writes it"):
        open_keyring(DEMO, tmp_path)


@pytest.mark.parametrize("master", [b"\x07" * 32, bytes(range(32))])
def test_a_weak_master_is_refused_even_under_a_sound_seal(tmp_path: Path, master: bytes) -> None:
    init_keyring(DEMO, tmp_path)
    wrapping = bytes.fromhex((tmp_path / "keys/kek").read_text())
    file = wrapped_file(wrapping, {"k000001": master}, "k000001", {"k000001": "2026-10-01"})
    (tmp_path / "keys/keyring.json").write_bytes(render(file))
    with pytest.raises(KeyUnavailable, match="key k000001 must be random"):
        open_keyring(DEMO, tmp_path)


def test_two_processes_that_rotate_at_once_lose_no_key(tmp_path: Path) -> None:
    """One may be refused; whoever was told that it rotated has its key in the file."""
    init_keyring(DEMO, tmp_path)

    def rotate() -> None:
        try:
            rotate_keyring(DEMO, tmp_path)
        except LockHeld as error:
            os._exit(error.exit_code)

    codes = [exit_code(pid) for pid in [fork(rotate) for _ in range(6)]]
    assert set(codes) <= {0, 12} and codes.count(0) >= 1
    states = [one.state for one in describe(DEMO, tmp_path)]
    assert len(states) == 1 + codes.count(0) and states.count("active") == 1
    open_keyring(DEMO, tmp_path)


def test_a_keyring_that_another_process_changes_is_left_alone(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    with held(tmp_path / "keys", "keys"):
        for change in (
            lambda: rotate_keyring(DEMO, tmp_path),
            lambda: destroy_masters(DEMO, tmp_path, ("x",)),
        ):
            with pytest.raises(LockHeld, match="another process is using the keys") as caught:
                change()
            assert caught.value.exit_code == 12
    rotate_keyring(DEMO, tmp_path)


def two_keys(base: Path) -> tuple[str, str]:
    return init_keyring(DEMO, base).id, rotate_keyring(DEMO, base).id


def states(base: Path) -> list[str]:
    open_keyring(DEMO, base, for_new_tokens=False)  # whole, sealed, every master sound
    return [one.state for one in describe(DEMO, base)]


@pytest.mark.parametrize("step", CHANGES)
@pytest.mark.parametrize("change", ["rotate", "destroy"])
def test_a_disk_that_refuses_any_one_call_leaves_the_old_keyring_or_the_new(
    tmp_path: Path, change: str, step: str
) -> None:
    for count in range(1, 30):
        base = tmp_path / str(count)
        first, _ = two_keys(base)
        work: Callable[[], object] = (
            (lambda base=base: rotate_keyring(DEMO, base))  # type: ignore[misc]
            if change == "rotate"
            else (lambda base=base, first=first: destroy_masters(DEMO, base, (first,)))  # type: ignore[misc]
        )
        with failing(step, count) as call:
            try:
                work()
            except PouchError as error:
                assert error.exit_code == 3 and "No space left" in str(error)
        done = {"rotate": ["retired", "retired", "active"], "destroy": ["destroyed", "active"]}[change]
        assert states(base) in (["retired", "active"], done)
        if not call.failed:
            assert states(base) == done
            break
        work()  # a plain rerun succeeds
        assert states(base)[:2] == done[:2]
        assert not list((base / "keys").glob(".tmp-*"))
    else:
        pytest.fail("it never passed")


@pytest.mark.parametrize("change", ["rotate", "destroy"])
def test_a_killed_change_leaves_the_old_keyring_or_the_new_and_no_litter(tmp_path: Path, change: str) -> None:
    for count in range(1, 60):
        base = tmp_path / str(count)
        first, _ = two_keys(base)

        def work(base: Path = base, first: str = first) -> None:
            rotate_keyring(DEMO, base) if change == "rotate" else destroy_masters(DEMO, base, (first,))

        died = killed(work, count)
        assert len(states(base)) in (2, 3)
        work()
        assert states(base)[0] == ("retired" if change == "rotate" else "destroyed")
        assert [path.name for path in (base / "keys").glob(".*")] == []
        if not died:
            break
    else:
        pytest.fail("it never passed")
    assert count > 5


def test_a_changed_lasting_secret_is_noticed(tmp_path: Path) -> None:
    init_keyring(DEMO, tmp_path)
    wrapping = bytes.fromhex((tmp_path / "keys/kek").read_text())
    path = tmp_path / "keys/keyring.json"
    file: KeyringFile = read_file(DEMO, tmp_path)
    other = wrap_key(wrapping, secrets.token_bytes(32)).hex()
    path.write_bytes(render(file.model_copy(update={"lasting": other})))
    with pytest.raises(KeyUnavailable, match="was changed after Pouch wrote it"):
        open_keyring(DEMO, tmp_path)
