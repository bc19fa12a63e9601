"""The key store: a random key a subject, made once, shredded for ever, and sound whatever happens in between."""

import hashlib
import secrets
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import KeyUnavailable, LockHeld, PouchError
from pipeline.keys import subject_changes as module
from pipeline.keys.locking import held
from pipeline.keys.sorted_digests import DIGEST, Digests, digests_from, joined, ordered, places_of
from pipeline.keys.subject_changes import changing, erase_subjects, make_subject_keys
from pipeline.keys.subject_store import STORE, SubjectDigests, SubjectStore, open_store
from tests.disk_faults import CHANGES, failing, killed
from transforms import Keyring

MASTER, LASTING = secrets.token_bytes(32), secrets.token_bytes(32)
KEYRING = Keyring({"k000001": MASTER}, "k000001", lasting=LASTING)
NAMES = SubjectDigests(KEYRING)


def people(*numbers: int) -> list[bytes]:
    return NAMES(pa.array([f"account_id\x1facc{number}" for number in numbers], pa.string()))


def as_file(digests: list[bytes]) -> Digests:
    return ordered(digests_from(digests))


def opened(directory: Path, keyring: Keyring = KEYRING) -> SubjectStore:
    store = open_store(directory, keyring)
    assert store is not None
    return store


def test_each_subject_gets_one_random_key_and_keeps_it(tmp_path: Path) -> None:
    store, made = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1, 2, 3))])
    first = store.keys(people(1, 2, 3))
    assert made == 3 and len(set(first)) == 3 and {len(key or b"") for key in first} == {32}
    after, made = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(2, 3)), as_file(people(4, 3))])
    assert made == 1
    assert after.keys(people(1, 2, 3)) == first == opened(tmp_path / "s").keys(people(1, 2, 3))
    assert after.keys(people(4))[0] not in first and after.keys(people(5)) == [None]
    assert make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1, 4))])[1] == 0


def test_the_store_does_not_depend_on_how_the_people_were_collected(tmp_path: Path) -> None:
    """Any number of workers and any cutting into slices gives the same bytes, given the same entropy."""

    def stream(size: int, state: list[int]) -> bytes:
        state[0] += size
        return hashlib.shake_256(b"seed").digest(state[0])[-size:]

    cuts = [[range(100)], [range(50), range(40, 100)], [range(90, 100), range(95), range(3)]]
    written = []
    for number, cut in enumerate(cuts):
        state = [0]
        files = [as_file(people(*part)) for part in cut]
        make_subject_keys(tmp_path / str(number), KEYRING, files, entropy=lambda n, s=state: stream(n, s))  # type: ignore[misc]
        store = opened(tmp_path / str(number))
        written.append(
            (
                store.keys(people(*range(100))),
                np.fromfile(store.directory / store.file.segments[0], "V16")[::5].tobytes(),
            )
        )
    assert written[0] == written[1] == written[2]


def test_nothing_of_a_subject_or_key_is_in_clear_and_files_are_private(tmp_path: Path) -> None:
    store, _ = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1, 2))])
    keys = [key for key in store.keys(people(1, 2)) if key]
    for path in (tmp_path / "s").iterdir():
        content = path.read_bytes()
        assert b"account_id" not in content and not any(key in content for key in keys)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert "account_id" not in repr(store) and keys[0].hex() not in repr(store)


def test_an_erased_key_is_gone_from_the_disk_and_others_are_untouched(tmp_path: Path) -> None:
    store, _ = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(*range(20)))])
    before = store.keys(people(*range(20)))
    path = tmp_path / "s" / store.file.segments[0]
    content = path.read_bytes()
    inode = path.stat().st_ino
    after = erase_subjects(tmp_path / "s", KEYRING, people(7))
    assert after.keys(people(*range(20))) == [key if n != 7 else None for n, key in enumerate(before)]
    changed = [at for at, (old, new) in enumerate(zip(content, path.read_bytes(), strict=True)) if old != new]
    assert path.stat().st_ino == inode and changed[-1] - changed[0] < 64  # in place: one record, zeros
    assert people(7)[0] in path.read_bytes()
    assert make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(7, 99))])[1] == 1, (
        "no new key for the erased"
    )
    assert opened(tmp_path / "s").keys(people(7)) == [None]


def test_whoever_it_is_exactly_that_key_is_gone(tmp_path: Path) -> None:
    """Also the first and the last record of a file."""
    for one in range(3):
        directory = tmp_path / str(one)
        before = make_subject_keys(directory, KEYRING, [as_file(people(0, 1, 2))])[0].keys(people(0, 1, 2))
        after = erase_subjects(directory, KEYRING, people(one)).keys(people(0, 1, 2))
        assert after == [None if number == one else key for number, key in enumerate(before)]


def test_who_never_had_a_key_can_be_erased_and_gets_none_later(tmp_path: Path) -> None:
    erase_subjects(tmp_path / "s", KEYRING, people(1))
    assert opened(tmp_path / "s").file.erased == (people(1)[0].hex(),)
    assert make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1))])[1] == 0


def test_many_nights_are_merged_and_the_old_files_are_shredded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 2)
    kept: dict[int, bytes | None] = {}
    for night in range(10):
        store, _ = make_subject_keys(
            tmp_path / "s", KEYRING, [as_file(people(night, night + 100, night + 200))]
        )
        kept[night] = store.keys(people(night))[0]
        erase_subjects(tmp_path / "s", KEYRING, people(night + 200))
        assert len(store.file.segments) <= 8
    store = opened(tmp_path / "s")
    assert [store.keys(people(night))[0] for night in range(10)] == list(kept.values())
    assert store.keys(people(*range(200, 210))) == [None] * 10
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == sorted([*store.file.segments, STORE])


def test_another_keyring_and_every_changed_file_is_refused(tmp_path: Path) -> None:
    store, _ = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1, 2))])
    other = Keyring({"k000001": MASTER}, "k000001", lasting=secrets.token_bytes(32))
    with pytest.raises(KeyUnavailable, match="was changed, or belongs to another keyring"):
        open_store(tmp_path / "s", other)
    path = tmp_path / "s" / store.file.segments[0]
    sound = path.read_bytes()
    flipped = bytearray(sound)
    flipped[40] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(KeyUnavailable, match="was changed or is missing"):
        opened(tmp_path / "s").keys(people(1, 2))
    first, second = sound[:80], sound[80:]
    for changed in (
        first[:16] + second[16:] + second[:16] + first[16:],  # each has the other's key
        second + first,  # out of order: a look-up would miss one
        first,  # a record is gone: its subject would get a new key
        first[:8] + bytes(8) + first[16:] + second,  # another name: the same
        sound + sound[80:],
        sound[:-1],
    ):
        path.write_bytes(changed)
        with pytest.raises(KeyUnavailable, match="was changed or is missing"):
            opened(tmp_path / "s").keys(people(1, 2))
    path.write_bytes(sound)
    path.chmod(0o644)
    with pytest.raises(KeyUnavailable, match="must be readable by its owner only"):
        open_store(tmp_path / "s", KEYRING)
    path.unlink()
    with pytest.raises(KeyUnavailable, match="was changed or is missing"):
        open_store(tmp_path / "s", KEYRING)


@pytest.mark.parametrize("change", ["erased", "generation"])
def test_store_json_is_sealed(tmp_path: Path, change: str) -> None:
    erase_subjects(tmp_path / "s", KEYRING, people(1))
    path = tmp_path / "s" / STORE
    text = path.read_text()
    changed = (
        text.replace(people(1)[0].hex(), people(2)[0].hex())
        if change == "erased"
        else text.replace(": 2,", ": 9,")
    )
    assert changed != text
    path.write_text(changed)
    with pytest.raises(KeyUnavailable, match="was changed"):
        open_store(tmp_path / "s", KEYRING)


def test_a_store_that_lost_its_list_is_no_empty_store(tmp_path: Path) -> None:
    make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1))])
    (tmp_path / "s" / STORE).unlink()
    with pytest.raises(KeyUnavailable, match="was changed or is missing"):
        open_store(tmp_path / "s", KEYRING)


def test_readers_share_a_store_and_whoever_would_change_it_meanwhile_is_refused_at_once(
    tmp_path: Path,
) -> None:
    make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1))])
    with held(tmp_path / "s", "s", shared=True):
        with held(tmp_path / "s", "s", shared=True):
            pass
        with pytest.raises(LockHeld) as caught:
            erase_subjects(tmp_path / "s", KEYRING, people(1))
        assert caught.value.exit_code == 12
        assert (
            make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1))])[1] == 0
        )  # nothing new: no need
        with pytest.raises(LockHeld):
            make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(2))])
    assert opened(tmp_path / "s").keys(people(1))[0] is not None


# ------------------------------------------------------------------ full disks and sudden death


def begun(directory: Path) -> list[bytes | None]:
    store, _ = make_subject_keys(directory, KEYRING, [as_file(people(1, 2, 3))])
    return store.keys(people(1, 2))


def both(directory: Path) -> None:
    make_subject_keys(directory, KEYRING, [as_file(people(1, 4, 5))])
    erase_subjects(directory, KEYRING, people(3))


def assert_sound(directory: Path, before: list[bytes | None]) -> None:
    """Whatever was interrupted: old keys are there, and a plain rerun finishes without litter."""
    store = opened(directory)
    assert store.keys(people(1, 2)) == before
    made = [key for key in store.keys(people(4, 5)) if key]
    both(directory)
    store = opened(directory)
    assert store.keys(people(1, 2)) == before and store.keys(people(3)) == [None]
    assert all(store.keys(people(4, 5))) and (not made or store.keys(people(4, 5)) == made)
    assert {path.name for path in directory.iterdir()} == {STORE, *store.file.segments}


@pytest.mark.parametrize("step", CHANGES)
def test_a_disk_that_refuses_any_one_call_loses_no_key(tmp_path: Path, step: str) -> None:
    for count in range(1, 40):
        directory = tmp_path / str(count)
        before = begun(directory)
        with failing(step, count) as call:
            try:
                both(directory)
            except PouchError as error:
                assert error.exit_code == 3 and "No space left" in str(error)
        assert_sound(directory, before)
        if not call.failed:
            break
    else:
        pytest.fail("it never passed")


@pytest.mark.parametrize("segments", [8, pytest.param(0, marks=pytest.mark.long)])
def test_a_process_killed_at_any_change_of_the_disk_loses_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segments: int
) -> None:
    """Also while files are merged."""
    monkeypatch.setattr(module, "MOST_SEGMENTS", segments)
    for count in range(1, 80):
        directory = tmp_path / str(count)
        before = begun(directory)
        died = killed(lambda directory=directory: both(directory), count)  # type: ignore[misc]
        assert_sound(directory, before)
        if not died:
            break
    else:
        pytest.fail("it never passed")
    assert count > 15


def test_a_half_done_erasure_is_finished_by_whoever_comes_next(tmp_path: Path) -> None:
    """The list names the digest, the record is still alive: what a kill between the two leaves."""
    store, _ = make_subject_keys(tmp_path / "s", KEYRING, [as_file(people(1, 2))])
    path = tmp_path / "s" / store.file.segments[0]
    alive = path.read_bytes()
    erase_subjects(tmp_path / "s", KEYRING, people(1))
    path.write_bytes(alive)
    assert opened(tmp_path / "s").keys(people(1))[0] is not None
    with changing(tmp_path / "s", KEYRING) as finished:
        assert finished.keys(people(1)) == [None]


# ------------------------------------------------------------------ sorted digests


def test_look_ups_find_what_is_there_also_where_first_halves_are_equal() -> None:
    pairs = [(5, 1), (5, 3), (5, 9), (1, 7), (2**64 - 1, 0), (0, 0)]
    stored = ordered(np.array(pairs, dtype=DIGEST))
    assert [tuple(one) for one in stored.tolist()] == sorted(set(pairs))
    wanted = np.array([*pairs, (5, 2), (5, 10), (4, 1), (2**64 - 1, 1)], dtype=DIGEST)
    found = places_of(wanted, stored)
    assert [tuple(stored[at]) for at in found[: len(pairs)].tolist()] == pairs
    assert found[len(pairs) :].tolist() == [-1] * 4


def test_joining_ranges_is_joining_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.keys import sorted_digests

    monkeypatch.setattr(sorted_digests, "RANGE_DIGESTS", 7)
    files = [as_file([secrets.token_bytes(16) for _ in range(size)]) for size in (0, 30, 1, 55)]
    files.append(files[1][::2])
    whole = ordered(np.concatenate(files))
    assert np.array_equal(np.concatenate(list(joined(files))), whole)
