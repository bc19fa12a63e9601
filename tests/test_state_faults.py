"""Full disks and sudden death at every system call: a sentence, a sound state, and a rerun that works."""

import errno
import os
import resource
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipeline.errors import KeyUnavailable, PouchError, PublishFailed
from pipeline.state import (
    QuarantineWriter,
    State,
    destroy_expired,
    open_state,
    quarantines,
    read_quarantine,
    write_part,
)
from pipeline.state.quarantine import QuarantinedRecord
from tests.disk_faults import CHANGES, failing, killed
from transforms.keyring import Keyring

RAW = b"13800138000 planted"
KEYRING = Keyring({"k000001": secrets.token_bytes(32)}, "k000001")
BEGAN = datetime(2026, 11, 1, 2, 15, tzinfo=UTC)


def opened_state(path: Path) -> State:
    return open_state(path, clock=lambda: BEGAN)


def one_run(path: Path, staging: Path) -> str:
    """A run as the job does it: quarantine, intention, publication, end."""
    state = opened_state(path)
    with state.lock():
        run = state.begin_run("nightly", "2026-11-01")
        writer = QuarantineWriter(state, run, KEYRING)
        part = [QuarantinedRecord("orders", "in/orders.csv", 1, 0, "unclosed quote", RAW)]
        write_part(
            staging / run, part, key=writer.export_secret_key(), run=run, table="orders", slice_index=0
        )
        writer.adopt(staging / run)
        writer.add("orders", "in/orders.csv", 2, 0, "unclosed quote", RAW)
        writer.commit()
        release = {"run": run, "recipient": "analysts", "date": "2026-11-01", "tree": "t1"}
        state.ledger.record("intended", **release)  # type: ignore[arg-type]
        state.ledger.record("published", **release)  # type: ignore[arg-type]
        state.finish_run(run, 0)
    return run


def assert_sound(path: Path, staging: Path) -> None:
    """The state opens, every quarantine in it is whole, no raw byte is in clear, and the next run works."""
    state = opened_state(path)
    state.ledger.verify_chain()
    state.audit.verify_chain()
    for facts in quarantines(state):
        assert (
            len(list(read_quarantine(state, facts.run, KEYRING, who="kim", reason="test")))
            == facts.records
            == 2
        )
    run = one_run(path, staging)
    assert [file.name for file in state.root.rglob(".*")] == []
    assert state.ledger.published("analysts", "2026-11-01") is not None
    assert state.runs.last(1)[0].run == run
    assert state.runs.last(1)[0].ended
    for file in (file for file in path.rglob("*") if file.is_file()):
        assert RAW not in file.read_bytes()


QUICK = ("write", "link")
SLOW = [pytest.param(step, errno.ENOSPC, marks=pytest.mark.long) for step in CHANGES if step not in QUICK]


@pytest.mark.parametrize(
    ("step", "code"), [*((step, errno.ENOSPC) for step in QUICK), ("fsync", errno.EIO), *SLOW]
)
def test_a_disk_that_refuses_any_one_call_changes_nothing(tmp_path: Path, step: str, code: int) -> None:
    """The n-th call of one kind fails, for every n until a whole run passes."""
    for count in range(1, 60):
        path, staging = tmp_path / f"state{count}", tmp_path / f"staging{count}"
        with failing(step, count, code) as call:
            try:
                one_run(path, staging)
            except PublishFailed as error:
                assert os.strerror(code) in str(error)
                assert "13800138000" not in str(error)
        assert_sound(path, staging)
        if not call.failed:
            break
    else:
        pytest.fail("no run ever passed")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses every byte beyond `size` of any file: SQLite's own writes meet it, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_for_the_database_changes_nothing(tmp_path: Path) -> None:
    """From no byte at all until a run fits."""
    refused = 0
    for number, size in enumerate([0, 10, 100, 1000, *range(4096, 400_000, 4096)]):
        path, staging = tmp_path / f"state{number}", tmp_path / f"staging{number}"
        try:
            with largest_file(size):
                one_run(path, staging)
        except PublishFailed as error:
            refused += 1
            assert "nothing was published" in str(error)
        else:
            break
        assert_sound(path, staging)
    assert refused > 5


def test_a_full_disk_in_the_middle_of_the_ledger_appends_nothing(tmp_path: Path) -> None:
    one_run(tmp_path / "state", tmp_path / "staging")
    state = opened_state(tmp_path / "state")
    before = state.ledger.entries()
    size = state.database.stat().st_size
    with largest_file(size), pytest.raises(PublishFailed, match="state could not be read or written"):
        for _ in range(1000):
            state.ledger.record(
                "published",
                run="r",
                recipient="analysts",
                date="2026-11-01",
                tree="t",
                facts={"n" * 60: "x" * 120},
            )
    after = state.ledger.entries()
    assert after[: len(before)] == before
    state.ledger.verify_chain()
    state.ledger.record("published", run="r", recipient="analysts", date="2026-11-01", tree="t")


def test_a_run_killed_at_any_change_of_the_disk_leaves_a_sound_state(tmp_path: Path) -> None:
    for count in range(1, 200):
        path, staging = tmp_path / f"state{count}", tmp_path / f"staging{count}"
        if not killed(lambda path=path, staging=staging: one_run(path, staging), count, sync=False):
            break
        assert_sound(path, staging)
    else:
        pytest.fail("no run ever passed")
    assert count > 20


def test_a_killed_destruction_is_finished_by_the_next(tmp_path: Path) -> None:
    """At every moment the quarantine is either whole or gone for ever."""

    def destroy(path: Path) -> None:
        state = opened_state(path)
        with state.lock():
            destroy_expired(state, date(2026, 12, 1), 14)

    for count in range(1, 60):
        path = tmp_path / str(count)
        run = one_run(path, tmp_path / "staging")
        died = killed(lambda path=path: destroy(path), count, sync=False)  # type: ignore[misc]
        state = opened_state(path)
        key = state.quarantine_dir(run) / "key.json"
        if key.exists() and key.read_bytes().strip(b"\0"):
            assert len(list(read_quarantine(state, run, KEYRING, who="kim", reason="test"))) == 2
        else:
            with pytest.raises(KeyUnavailable, match="was destroyed"):
                read_quarantine(state, run, KEYRING, who="kim", reason="test")
        destroy(path)
        (facts,) = quarantines(state)
        assert (facts.records, facts.destroyed) == (2, "2026-12-01")
        assert [file.name for file in state.quarantine_dir(run).iterdir()] == ["destroyed.json"]
        if not died:
            break
    else:
        pytest.fail("no destruction ever passed")


def test_a_busy_database_has_its_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.state import database

    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    state = opened_state(tmp_path / "state")
    other = sqlite3.connect(state.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PublishFailed, match="SQLITE_BUSY"):
        state.audit.append(who="kim", action="reveal", what="release", reason="test")
    other.close()
    state.audit.append(who="kim", action="reveal", what="release", reason="test")


def test_an_error_in_a_transaction_takes_everything_back(tmp_path: Path) -> None:
    from pipeline.state.database import transaction

    state = opened_state(tmp_path / "state")
    with pytest.raises(PouchError), transaction(state.database) as database:
        database.execute("INSERT INTO tombstones (digest, at) VALUES (?, 'now')", (b"a" * 32,))
        raise PublishFailed("stop")
    assert state.tombstones.all() == frozenset()
