"""The state directory: private, versioned, opened by any number of processes, whole after any crash."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import CheckFailed, InternalError, JobWrong, PublishFailed
from pipeline.state import InputDigest, open_state
from tests.disk_faults import exit_code, fork, killed


@pytest.mark.parametrize("umask", [0, 0o777])
def test_everything_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        state = open_state(tmp_path / "state")
        with state.lock():
            state.begin_run("nightly", "2026-11-01")
    finally:
        os.umask(before)
    for path in [state.root, *state.root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path.name


def test_a_state_is_made_where_the_directory_is_absent_or_empty(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    for path in (tmp_path / "new/below", empty):
        state = open_state(path)
        assert (state.root / "FORMAT").read_bytes() == b"pouch state 1\n"
        assert open_state(path).ledger.entries() == ()


def test_a_directory_of_something_else_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(JobWrong, match="is no state directory and not empty"):
        open_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"pouch state 2\n", "has format 2, this version of Pouch knows format 1"),
        (b"pouch state 999\n", "has format 999"),
        (b"", "did not write"),
        (b"\xff\xfe", "did not write"),
        (b"pouch state one\n", "did not write"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, line: bytes, message: str) -> None:
    open_state(tmp_path / "state")
    (tmp_path / "state/FORMAT").write_bytes(line)
    with pytest.raises(JobWrong, match=message) as caught:
        open_state(tmp_path / "state")
    assert caught.value.exit_code == 2


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    import sqlite3

    state = open_state(tmp_path / "state")
    with sqlite3.connect(state.database) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(JobWrong, match="has schema 2"):
        open_state(tmp_path / "state")


def test_a_state_open_to_others_is_refused_with_the_remedy(tmp_path: Path) -> None:
    open_state(tmp_path / "state")
    (tmp_path / "state").chmod(0o750)
    with pytest.raises(JobWrong, match=r"has mode 0750\n  hint: chmod 700"):
        open_state(tmp_path / "state")


def test_a_state_of_another_owner_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_state(tmp_path / "state")
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(JobWrong, match="must belong to the user who runs pouch"):
        open_state(tmp_path / "state")


def test_a_file_in_place_of_the_directory_has_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(PublishFailed, match="cannot be read or written"):
        open_state(tmp_path / "state")


def test_many_processes_open_a_new_state_at_once(tmp_path: Path) -> None:
    def work() -> None:
        state = open_state(tmp_path / "state")
        state.audit.append(who=str(os.getpid()), action="reveal", what="release", reason="test")

    assert [exit_code(pid) for pid in [fork(work) for _ in range(8)]] == [0] * 8
    state = open_state(tmp_path / "state")
    assert len(state.audit.entries()) == 8
    state.audit.verify_chain()


def test_a_damaged_database_has_its_sentence(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    state.database.write_bytes(b"no database at all" * 1000)
    with pytest.raises(CheckFailed, match="database is damaged"):
        open_state(tmp_path / "state")


def test_run_ids_sort_by_time_and_differ_within_a_second(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 1, 2, 15, 30, tzinfo=UTC)
    state = open_state(tmp_path / "state", clock=lambda: moment)
    with state.lock():
        first, second = state.begin_run("nightly", "2026-11-01"), state.begin_run("nightly", "2026-11-01")
    assert first != second
    assert first.startswith("20261101T021530Z-")
    assert state.run_dir(first).is_dir()


@pytest.mark.parametrize(
    "run", ["../../etc", "", ".", "20261101T021530Z-1a2b3c4d/..", "20261399T021530Z-1a2b3c4d"]
)
def test_what_is_no_run_id_names_no_directory(tmp_path: Path, run: str) -> None:
    state = open_state(tmp_path / "state")
    for refused in (state.run_dir, state.quarantine_dir):
        with pytest.raises(JobWrong, match="must be a run id"):
            refused(run)


def test_runs_end_once_and_killed_ones_show(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with state.lock():
        killed = state.begin_run("nightly", "2026-11-01")
        run = state.begin_run("nightly", "2026-11-02")
        state.finish_run(run, 7)
    newest, older = state.runs.last(2)
    assert (newest.run, newest.exit_code, older.run, older.ended) == (run, 7, killed, None)
    with pytest.raises(CheckFailed, match="only be appended"):
        state.finish_run(run, 0)


def test_a_run_begins_only_under_the_lock(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with pytest.raises(InternalError, match="without holding its lock"):
        state.begin_run("nightly", "2026-11-01")


def test_inputs_of_a_run_are_kept(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with state.lock():
        run = state.begin_run("nightly", "2026-11-01")
    files = tuple(InputDigest("orders", number, f"in/{number}.csv", 10, "ab" * 32, 3) for number in range(3))
    state.runs.record_inputs(run, reversed(files))
    assert state.runs.inputs(run) == files
    assert state.runs.inputs("20261101T021530Z-1a2b3c4d") == ()


def test_what_a_killed_run_left_half_written_is_swept_by_the_next(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with state.lock():
        run = state.begin_run("nightly", "2026-11-01")
    partial = state.quarantine_root / f".partial-{run}"
    partial.mkdir()
    (partial / "orders-00000.sealed").touch()
    (state.root / ".tmp-FORMAT-1234").touch()
    (state.run_dir(run) / ".tmp-manifest.json-1234").touch()
    kept = state.run_dir(run) / "manifest.json"
    kept.touch()
    with state.lock():
        state.begin_run("nightly", "2026-11-01")
    left = [path.name for path in state.root.rglob(".*")]
    assert left == []
    assert kept.exists()


def test_a_state_killed_at_any_step_of_its_making_opens_again(tmp_path: Path) -> None:
    for count in range(1, 100):
        path = tmp_path / str(count)
        died = killed(lambda path=path: open_state(path), count)  # type: ignore[misc]
        state = open_state(path)
        with state.lock():
            state.begin_run("nightly", "2026-11-01")
        if not died:
            break
    else:
        pytest.fail("the state was never made")
    assert count > 10
