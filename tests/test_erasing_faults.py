"""Erasure under faults: full disks, kills, backups put back, runs at the same time."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import KeyUnavailable, LockHeld, PouchError
from pipeline.run import run_job
from pipeline.state import open_state
from tests import erasing_job
from tests.disk_faults import killed
from tests.erasing_job import ERASED, OTHER, erased, reveal, tokens_by_account
from tests.running_job import NEW, OLD, REPLACE, copy_of, running
from tests.small_job import DATE, SmallJob

published, job = erasing_job.published, erasing_job.job  # fixtures


def test_an_old_key_store_that_is_put_back_is_refused_until_erasures_are_replayed(job: SmallJob) -> None:
    addresses = tokens_by_account(job, "address")
    folder = job.folder / "keys/keyring.json.subjects"
    shutil.copytree(folder, job.folder / "backup")
    erased(job, ERASED)
    shutil.rmtree(folder)
    shutil.copytree(job.folder / "backup", folder)
    for attempt in (
        lambda: run_job(Path("job.yaml"), DATE, base=job.folder),
        lambda: reveal(job, "shipping", "orders.address", addresses[ERASED][0]),
        lambda: erased(job, OTHER),
    ):
        with pytest.raises(KeyUnavailable, match="is older than") as caught:
            attempt()
        assert caught.value.exit_code == 3
    erased(job, replay=True)
    with pytest.raises(PouchError, match="was erased"):
        reveal(job, "shipping", "orders.address", addresses[ERASED][0])
    assert reveal(job, "shipping", "orders.address", addresses[OTHER][0])
    shutil.rmtree(folder)  # nor may it be missing, or begun anew
    with pytest.raises(KeyUnavailable, match="is older than the one used before"):
        reveal(job, "shipping", "orders.address", addresses[OTHER][0])


def test_one_replay_is_enough_however_many_erasures_the_backup_lacks(job: SmallJob) -> None:
    folder = job.folder / "keys/keyring.json.subjects"
    shutil.copytree(folder, job.folder / "backup")
    for one in (ERASED, OTHER, "acc0007", "acc0008"):
        erased(job, one)
    shutil.rmtree(folder)
    shutil.copytree(job.folder / "backup", folder)
    erased(job, replay=True)
    assert run_job(Path("job.yaml"), DATE, base=job.folder, supersede=True).exit_code == 0


def test_a_restored_store_that_another_state_has_moved_on_is_still_noticed(job: SmallJob) -> None:
    """Its generation has overtaken the anchor, and the erased subject's key is alive in it."""
    folder = job.folder / "keys/keyring.json.subjects"
    shutil.copytree(folder, job.folder / "backup")
    erased(job, ERASED)
    shutil.rmtree(folder)
    shutil.copytree(job.folder / "backup", folder)
    for number in range(3):
        erased(job, f"other{number}", state=Path("state2"))
    with pytest.raises(KeyUnavailable, match="older than an erasure that this state remembers"):
        run_job(Path("job.yaml"), DATE, base=job.folder)


def test_two_jobs_with_keyrings_of_their_own_share_a_state_where_both_know_the_erased(job: SmallJob) -> None:
    """The other job's key store is no matter of this one; whoever was erased there must be erased here, too."""
    erased(job, ERASED)
    job.change("job.yaml", "keys/keyring.json", "other/keyring.json")
    job.change("analysts.yaml", ", per: subject", "")
    job.change("shipping.yaml", ", per: subject", "")
    assert job.pouch("keys", "init", "job.yaml").returncode == 0
    assert job.run("--recipient", "courier", "--supersede").returncode == 3
    erased(job, ERASED)
    done = job.run("--recipient", "courier", "--supersede")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("step", ["write", "pwrite"])
def test_a_full_disk_stops_an_erasure_with_a_sentence_and_the_next_completes_it(
    job: SmallJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for count in range(1, 30):
        copied = copy_of(SmallJob(job.folder), tmp_path / str(count))
        calls, real = [0], getattr(os, step)

        def failing(*args: Any, calls: list[int] = calls, real: Any = real, count: int = count) -> Any:
            calls[0] += 1
            if calls[0] == count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, step, failing)
            try:
                erased(copied, ERASED)
            except PouchError as error:
                assert error.exit_code in (3, 8) and "No space left" in str(error)
        (subject,) = erased(copied, ERASED)["subjects"]
        assert subject["releases"] and len(open_state(copied.folder / ".pouch").tombstones.all()) == 1
        if calls[0] < count:
            break
    else:
        pytest.fail("it never passed")


def test_a_store_that_is_ahead_of_the_state_gives_its_erasures_back(job: SmallJob) -> None:
    """An erasure killed before its tombstone, or a state that was restored: the key store remembers."""
    shutil.copytree(job.folder / ".pouch", job.folder / "before")
    erased(job, ERASED)
    shutil.rmtree(job.folder / ".pouch")
    shutil.copytree(job.folder / "before", job.folder / ".pouch")
    assert open_state(job.folder / ".pouch").tombstones.all() == frozenset()
    done = job.run("--supersede", "--recipient", "courier", "--format", "json")
    assert json.loads(done.stdout)["releases"][0]["tables"][0]["reasons"]["withheld"] == {"erased": 5}


def test_erasing_during_a_run_is_exit_12_and_both_succeed_one_after_the_other(job: SmallJob) -> None:
    job.change(f"in/orders/{DATE}/a.csv", OLD, NEW)
    ask = ("--subject", ERASED, "--reason", "request 4711", "--format", "json")
    with running(job, *REPLACE, "--workers", "1") as run:
        held = run.hold_workers()
        run.wait_for((job.folder / ".pouch/lock").read_bytes)
        busy = job.pouch("erase", "job.yaml", *ask)
        assert busy.returncode == 12 and "another run holds the lock" in busy.stderr
        assert open_state(job.folder / ".pouch").tombstones.all() == frozenset()
        for pid in held:
            os.kill(pid, signal.SIGCONT)
        assert run.end()[0] == 0
    done = job.pouch("erase", "job.yaml", *ask)
    (subject,) = json.loads(done.stdout)["subjects"]
    assert done.returncode == 0
    assert [one["recipient"] for one in subject["releases"]].count(
        "courier"
    ) == 2  # the one of before, and this


def test_a_run_of_another_state_that_reads_the_keys_holds_off_an_erasure(job: SmallJob) -> None:
    from pipeline.keys.locking import held

    with held(job.folder / "keys/keyring.json.subjects", "keys", shared=True), pytest.raises(LockHeld):
        erased(job, ERASED)
    erased(job, ERASED)


def test_a_changed_index_is_told_and_does_not_stop_the_erasure(job: SmallJob) -> None:
    (index,) = (job.folder / ".pouch/subjects").glob("*/shipping.json")
    index.write_text(index.read_text().replace("encrypt_siv", "keep"))
    for path in (job.folder / ".pouch/subjects/sets").iterdir():
        path.write_bytes(path.read_bytes()[:-8])
    (subject,) = erased(job, ERASED)["subjects"]
    assert subject["key"] == "destroyed" and subject["releases"] == []
    assert {one["recipient"] for one in subject["unknown"]} == {"analysts", "courier", "shipping", "market"}
    assert all("changed or is missing" in one["why"] for one in subject["unknown"])


def test_an_erasure_killed_at_any_change_of_the_disk_is_finished_by_the_next(
    job: SmallJob, tmp_path: Path
) -> None:
    """At every moment: the key is there and nothing is said, or it is gone; the next erasure completes all."""
    counts = 0
    for count in range(1, 120, 2):
        folder = tmp_path / str(count)
        copied = copy_of(SmallJob(job.folder), folder)
        died = killed(lambda copied=copied: erased(copied, ERASED), count)  # type: ignore[misc]
        (subject,) = erased(copied, ERASED)["subjects"]
        assert subject["key"] in ("destroyed", "was destroyed before")
        assert subject["releases"]
        store = open_state(folder / ".pouch")
        assert len(store.tombstones.all()) == 1
        store.audit.verify_chain()
        leftovers = [path.name for path in (folder / "keys").rglob(".*")]
        assert leftovers == []
        shutil.rmtree(folder)
        counts = count
        if not died:
            break
    else:
        pytest.fail("it never passed")
    assert counts > 15
