"""The run under faults at real system calls and signals.

Whatever happens: nothing is half published, what was published before stays, the exit code is the documented
one, stderr is one sentence without a value, and a plain rerun then succeeds with the bytes of a calm run.
"""

import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import running_job
from tests.running_job import (
    NEW,
    OLD,
    REPLACE,
    SECONDS,
    Running,
    assert_sentence,
    assert_whole,
    copy_of,
    is_alive,
    litter,
    running,
)
from tests.small_job import DATE, SmallJob

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are found in /proc")
ORDERS = f"in/orders/{DATE}/a.csv"
Trees = tuple[dict[str, bytes], dict[str, bytes]]
fresh_template, published_template = running_job.fresh_template, running_job.published_template  # fixtures
fresh = running_job.fresh


@pytest.fixture(scope="module")
def done_template(published_template, tmp_path_factory) -> SmallJob:
    """All releases are published; then an order was corrected."""
    job = copy_of(published_template, tmp_path_factory.mktemp("done"))
    job.change(ORDERS, OLD, NEW)
    return job


@pytest.fixture(scope="module")
def trees(done_template, tmp_path_factory) -> Trees:
    """What a calm run publishes, before and after the correction."""
    job = copy_of(done_template, tmp_path_factory.mktemp("replaced"))
    finished = job.run(*REPLACE)
    assert finished.returncode == 0, finished.stderr
    return done_template.tree(), job.tree()


@pytest.fixture(scope="module")
def calm_seconds(done_template, tmp_path_factory) -> float:
    """How long a run takes here and now."""
    job = copy_of(done_template, tmp_path_factory.mktemp("calm"))
    began = time.monotonic()
    assert job.run(*REPLACE).returncode == 0
    return time.monotonic() - began


@pytest.fixture
def done(done_template, tmp_path) -> SmallJob:
    return copy_of(done_template, tmp_path)


def assert_rerun_succeeds(done: SmallJob, trees: Trees) -> None:
    """The corrected release comes out as if nothing had happened, and nothing is left over."""
    again = done.run(*REPLACE)
    assert again.returncode == 0, again.stderr
    assert done.tree() == trees[1]
    assert litter(done) == []


# ------------------------------------------------------------------ killed and interrupted


MOMENTS = {
    "the run has begun": lambda run: (run.job.folder / ".pouch/runs").is_dir() and run.workers(),
    "staging is there": Running.staging,
    "a part is written": lambda run: any(list(s.glob("r*/*/slice-*")) for s in run.staging()),
    "a tree is filled": lambda run: any(list(s.glob("tree-*")) for s in run.staging()),
    "the first release is visible": lambda run: list(run.out.glob("*/" + DATE)),
}


def test_a_run_killed_again_and_again_publishes_whole_releases_and_the_rerun_the_rest(fresh, trees):
    """The whole process group dies at five moments; each next run starts from what the killed one left."""
    for happened in MOMENTS.values():
        with running(fresh) as run:
            run.wait_for(lambda happened=happened, run=run: happened(run) or run.process.poll() is not None)
            run.end(signal.SIGKILL)
        assert_whole(fresh, trees[0])
    again = fresh.run()
    assert again.returncode == 0, again.stderr
    assert fresh.tree() == trees[0]
    assert litter(fresh) == []


@pytest.mark.long
@pytest.mark.parametrize("eighth", range(8))
def test_a_run_killed_at_a_random_moment_leaves_the_old_release_or_the_new(done, trees, calm_seconds, eighth):
    """Eight moments, one in each eighth of the time that a run takes."""
    moment = (eighth + random.Random(eighth).random()) / 8 * calm_seconds  # noqa: S311 - repeatable, not secret
    with running(done, *REPLACE) as run:
        time.sleep(moment)
        run.end(signal.SIGKILL)
    assert_whole(done, *trees)
    assert set(done.tree()) == set(trees[0])
    assert_rerun_succeeds(done, trees)


def test_ctrl_c_ends_the_run_by_the_signal_and_publishes_nothing(done, trees):
    """The whole group gets the signal, as from a terminal; the workers leave it to the parent."""
    with running(done, *REPLACE) as run:
        workers = run.hold_workers(2)
        run.wait_for(run.staging)
        code, stderr = run.end(signal.SIGINT)
    assert code == -signal.SIGINT
    assert_sentence(stderr, "interrupted")
    assert not any(is_alive(pid) for pid in workers)
    assert done.tree() == trees[0]
    assert litter(done) == []
    assert_rerun_succeeds(done, trees)


@pytest.mark.parametrize("moment", ["while it starts", "while it works"])
def test_a_killed_worker_stops_the_run(done, trees, moment):
    with running(done, *REPLACE, "--workers", "1") as run:
        [worker] = run.hold_workers()
        if moment == "while it works":  # links.arrow is written between the two passes over the slices
            run.wait_for(run.staging)
        os.kill(worker, signal.SIGKILL)
        code, stderr = run.end()
    assert code == 70
    assert_sentence(stderr, "a worker process died (signal 9)", "nothing was published")
    assert done.tree() == trees[0]
    assert litter(done) == []
    if moment == "while it works":
        assert_rerun_succeeds(done, trees)


def test_workers_do_not_outlive_a_killed_parent(done):
    """Also not where the parent had not read yet what they sent."""
    with running(done, *REPLACE) as run:
        held = run.hold_workers(2)
        run.wait_for(lambda: [s for s in run.staging() if (s / "links.arrow").exists()])
        time.sleep(0.1)  # now the parent has handed out the work
        os.kill(run.process.pid, signal.SIGSTOP)
        for pid in held:
            os.kill(pid, signal.SIGCONT)
        run.wait_for(lambda: MOMENTS["a part is written"](run))
        time.sleep(0.3)  # a worker answers a parent that does not listen
        os.kill(run.process.pid, signal.SIGKILL)
        until = time.monotonic() + SECONDS
        while any(is_alive(pid) for pid in held) and time.monotonic() < until:
            time.sleep(0.01)
        assert not any(is_alive(pid) for pid in held)
        stderr = run.stderr()
    assert stderr == "", "the workers end in silence"


# ------------------------------------------------------------------ disks that refuse


def test_a_part_that_cannot_be_written_is_exit_8(done, trees):
    """A limit on the size of files, in the worker only: its first write of a part fails with EFBIG."""
    with running(done, *REPLACE, "--workers", "1") as run:
        [worker] = run.hold_workers()
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (64, 64))
        os.kill(worker, signal.SIGCONT)
        code, stderr = run.end()
    assert code == 8, stderr
    assert_sentence(stderr, "File too large")
    assert done.tree() == trees[0]
    assert litter(done) == []
    assert_rerun_succeeds(done, trees)


def test_a_state_that_cannot_be_written_is_exit_8_before_any_row(done, trees):
    limited = subprocess.run(
        [
            "/bin/bash",
            "-c",
            'ulimit -f 1; exec "$@"',
            "bash",
            *done.command("run", "job.yaml", "--date", DATE, *REPLACE),
        ],
        cwd=done.folder,
        env=done.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 8, limited.stderr
    assert_sentence(limited.stderr, "nothing was published")
    assert done.tree() == trees[0]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of its own with room for a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "pouch-test", disk],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("needs the right to mount a file system")  # others fill the disk by limits
    try:
        yield disk
    finally:
        subprocess.run(["/bin/umount", disk], check=True)


@pytest.mark.parametrize(
    "free", [pytest.param(2, marks=pytest.mark.long), 6, pytest.param(10, marks=pytest.mark.long)]
)
def test_a_full_disk_is_exit_8_and_what_is_published_is_whole(fresh, trees, small_disk, free):
    """Out and state share a real disk with 8 to 40 KiB left; it fills up at another step each time."""
    job = SmallJob(fresh.folder)
    places = ("--out", str(small_disk / "releases"), "--state", str(small_disk / "state"))
    assert job.pouch("report", "latest", "--state", places[3]).returncode == 2, "makes the state"
    ballast = small_disk / "ballast"
    page = os.sysconf("SC_PAGESIZE")
    facts = os.statvfs(small_disk)
    with ballast.open("wb") as file:
        file.write(bytes((facts.f_bavail - free) * page))
    full = job.run(*places)
    assert full.returncode == 8, full.stderr
    assert "Traceback" not in full.stderr and "pouch: " in full.stderr
    out = os.path.relpath(small_disk / "releases", job.folder)
    if (small_disk / "releases").exists():
        for name, content in job.tree(out).items():
            assert trees[0][name] == content
    ballast.unlink()
    again = job.run(*places)
    assert again.returncode == 0, again.stderr
    assert job.tree(out) == trees[0]


@pytest.mark.parametrize("file", ["releases", ".pouch"])
def test_a_file_in_the_place_of_a_directory_is_exit_8(fresh, trees, file):
    (fresh.folder / file).write_bytes(b"")
    refused = fresh.run()
    assert refused.returncode == 8, refused.stderr
    assert_sentence(refused.stderr)
    (fresh.folder / file).unlink()
    if file == "releases":
        again = fresh.run()
        assert again.returncode == 0, again.stderr
        assert fresh.tree() == trees[0]


def test_a_recipient_whose_directory_cannot_be_made_does_not_stop_the_others(fresh, trees):
    (fresh.folder / "releases").mkdir()
    (fresh.folder / "releases/courier").write_bytes(b"")
    partly = fresh.run()
    assert partly.returncode == 8
    assert_sentence(partly.stderr, f"courier/{DATE}", "what was published before is unchanged")
    others = {name: content for name, content in trees[0].items() if not name.startswith("courier/")}
    assert fresh.tree() == others
    (fresh.folder / "releases/courier").unlink()
    assert fresh.run().returncode == 0
    assert fresh.tree() == trees[0]


# ------------------------------------------------------------------ two runs, changing and broken inputs


def test_a_second_run_is_exit_12_and_the_first_goes_on(done, trees):
    with running(done, *REPLACE, "--workers", "1") as first:
        [worker] = first.hold_workers()
        second = done.run(*REPLACE)
        os.kill(worker, signal.SIGCONT)
        code, stderr = first.end()
    assert second.returncode == 12
    assert_sentence(second.stderr, "another run holds the lock", f"process {first.process.pid}")
    assert code == 0, stderr
    assert done.tree() == trees[1]


@pytest.mark.long
def test_a_lock_file_that_a_dead_run_left_is_no_lock(done, trees):
    lock = done.folder / ".pouch/lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "since": "2026-11-01T02:00:00+00:00"}))
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert done.run(*REPLACE).returncode == 12
    assert_rerun_succeeds(done, trees)


CHANGES = {
    "rewritten": lambda path: path.write_bytes(path.read_bytes().replace(NEW.encode(), b"SO00008888")),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "removed": Path.unlink,
}


@pytest.mark.parametrize(
    "change",
    [
        "rewritten",
        pytest.param("truncated", marks=pytest.mark.long),
        pytest.param("removed", marks=pytest.mark.long),
    ],
)
def test_an_input_that_changes_under_the_run_is_exit_4(done, trees, change):
    """After the parent counted and digested it, before a worker reads it."""
    path = done.folder / ORDERS
    before = path.read_bytes()
    with running(done, *REPLACE, "--workers", "1") as run:
        [worker] = run.hold_workers()
        run.wait_for(run.staging)
        CHANGES[change](path)
        os.kill(worker, signal.SIGCONT)
        code, stderr = run.end()
    assert code == 4, stderr
    assert_sentence(stderr, ORDERS, "changed")
    assert done.tree() == trees[0]
    path.write_bytes(before)
    if change == "removed":
        assert_rerun_succeeds(done, trees)


def test_a_truncated_gzip_file_is_exit_4(done, trees):
    import gzip

    path = done.folder / ORDERS
    before = path.read_bytes()
    packed = gzip.compress(before)
    (done.folder / f"{ORDERS}.gz").write_bytes(packed[: len(packed) // 2])
    path.unlink()
    done.change("job.yaml", "*.csv", "*.csv*")
    refused = done.run(*REPLACE)
    assert refused.returncode == 4
    assert_sentence(refused.stderr, "a.csv.gz", "truncated or corrupt")
    assert done.tree() == trees[0]
    (done.folder / f"{ORDERS}.gz").write_bytes(packed)
    again = done.run(*REPLACE)
    assert again.returncode == 0, again.stderr
    part = f"courier/{DATE}/data/orders/part-00000.csv"
    assert sorted(done.tree()[part].splitlines()) == sorted(trees[1][part].splitlines())
