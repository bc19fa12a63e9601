"""Quarantine: unreadable records stay sealed, open for a stated reason, and end for ever."""

import base64
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipeline.errors import CheckFailed, InternalError, JobWrong, KeyUnavailable
from pipeline.state import (
    QuarantinedRecord,
    QuarantineFacts,
    QuarantineWriter,
    State,
    destroy_expired,
    open_state,
    quarantines,
    read_quarantine,
    write_part,
)
from transforms.keyring import Keyring

RAW = '13800138000,张伟,"unclosed'.encode()
PLANTED = (RAW, b"13800138000", "张伟".encode(), base64.b64encode(RAW), RAW.hex().encode())
BEGAN = datetime(2026, 11, 1, 2, 15, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state(tmp_path / "state", clock=lambda: BEGAN)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({"k000001": secrets.token_bytes(32)}, "k000001")


def begun(state: State) -> str:
    with state.lock():
        return state.begin_run("nightly", "2026-11-01")


def record(number: int, table: str = "orders", raw: bytes = RAW) -> QuarantinedRecord:
    return QuarantinedRecord(table, "in/orders.csv", number, 80 * number, "unclosed quote", raw)


def filled(state: State, keyring: Keyring, staging: Path) -> str:
    """Two parts of children and one of the parent."""
    run = begun(state)
    writer = QuarantineWriter(state, run, keyring)
    key = writer.export_secret_key()
    write_part(staging, [record(1), record(2)], key=key, run=run, table="orders", slice_index=0)
    write_part(staging, [record(3, "devices")], key=key, run=run, table="devices", slice_index=7)
    writer.add("orders", "in/orders.csv", 9, 720, "too many fields", RAW)
    assert writer.adopt(staging) == 3
    assert writer.commit() == QuarantineFacts(run, records=4, parts=3)
    return run


def opened(state: State, run: str, keyring: Keyring) -> list[QuarantinedRecord]:
    return list(read_quarantine(state, run, keyring, who="kim", reason="ticket 4711"))


def test_records_come_back_as_they_were_read(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    records = opened(state, run, keyring)
    assert [(one.table, one.record) for one in records] == [
        ("devices", 3),
        ("orders", 1),
        ("orders", 2),
        ("orders", 9),
    ]
    assert {one.raw for one in records} == {RAW}
    assert records[-1].reason == "too many fields"
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("raw", [b"", b"\n", b"\x00\xff\n\r", b"x" * 300_000])
def test_any_bytes_survive(state: State, keyring: Keyring, raw: bytes) -> None:
    run = begun(state)
    writer = QuarantineWriter(state, run, keyring)
    writer.add("orders", "in/orders.csv", 0, 0, "bad bytes", raw)
    writer.commit()
    assert [one.raw for one in opened(state, run, keyring)] == [raw]


def test_a_long_run_of_bad_records_is_written_in_parts(
    state: State, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded: the writer holds no more than one part."""
    from pipeline.state import quarantine

    monkeypatch.setattr(quarantine, "_FLUSH_BYTES", 1000)
    run = begun(state)
    writer = QuarantineWriter(state, run, keyring)
    for number in range(100):
        writer.add("orders", "in/orders.csv", number, 0, "bad", b"x" * 100)
    assert writer.commit() == QuarantineFacts(run, records=100, parts=10)
    assert [one.record for one in opened(state, run, keyring)] == list(range(100))


def test_no_raw_value_is_in_any_file_name_repr_or_log(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    opened(state, run, keyring)
    state.ledger.record("published", run=run, recipient="analysts", date="2026-11-01", tree="t1")
    for path in (tmp_path / "state").rglob("*"):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        assert not any(planted in content for planted in PLANTED), path.name
    assert "13800138000" not in repr(record(1)) + repr(quarantines(state))


def test_files_are_private(state: State, keyring: Keyring, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run = filled(state, keyring, tmp_path / "staging")
    finally:
        os.umask(before)
    directory = state.quarantine_dir(run)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_run_without_bad_records_leaves_nothing(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = begun(state)
    writer = QuarantineWriter(state, run, keyring)
    assert writer.adopt(tmp_path / "no staging") == 0
    assert writer.commit().records == 0
    assert list(state.quarantine_root.iterdir()) == []
    with pytest.raises(JobWrong, match="this run has no quarantine"):
        opened(state, run, keyring)


def test_opening_is_written_to_the_audit_log_first(state: State, keyring: Keyring, tmp_path: Path) -> None:
    """Before the first record is asked for, and also when the opening fails."""
    run = filled(state, keyring, tmp_path / "staging")
    unread = read_quarantine(state, run, keyring, who="kim", reason="ticket 4711")
    (entry,) = state.audit.entries()
    assert (entry.who, entry.action, entry.what, entry.reason) == (
        "kim",
        "reveal quarantine",
        run,
        "ticket 4711",
    )
    assert len(list(unread)) == 4
    with pytest.raises(KeyUnavailable):
        opened(state, run, Keyring({"k000001": secrets.token_bytes(32)}, "k000001"))
    assert len(state.audit.entries()) == 2


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_no_reason_opens_nothing(state: State, keyring: Keyring, tmp_path: Path, reason: str) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    with pytest.raises(JobWrong, match="reason"):
        read_quarantine(state, run, keyring, who="kim", reason=reason)


def test_another_keyring_opens_nothing(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    other = Keyring({"k000002": secrets.token_bytes(32)}, "k000002")
    with pytest.raises(KeyUnavailable, match="this keyring does not open the quarantine") as caught:
        opened(state, run, other)
    assert caught.value.exit_code == 3


def test_two_runs_have_two_keys(state: State, keyring: Keyring) -> None:
    keys = {QuarantineWriter(state, begun(state), keyring).export_secret_key() for _ in range(3)}
    assert len(keys) == 3


def exchanged(directory: Path) -> None:
    first, second = directory / "orders-00000.sealed", directory / "devices-00007.sealed"
    first.rename(directory / "x")
    second.rename(first)
    (directory / "x").rename(second)


def flipped(name: str) -> Callable[[Path], None]:
    def flip(directory: Path) -> None:
        path = next(directory.glob(name))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))

    return flip


@pytest.mark.parametrize(
    "tamper",
    [
        exchanged,
        flipped("orders-00000.sealed"),
        flipped("index.sealed"),
        lambda directory: (directory / "orders-00000.sealed").unlink(),
        lambda directory: (directory / "index.sealed").unlink(),
        lambda directory: (directory / "orders-00000.sealed").write_bytes(b""),
        lambda directory: (directory / "key.json").write_text("{}"),
    ],
)
def test_a_changed_part_is_noticed(
    state: State, keyring: Keyring, tmp_path: Path, tamper: Callable[[Path], None]
) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    tamper(state.quarantine_dir(run))
    with pytest.raises(CheckFailed, match="was changed or is missing") as caught:
        opened(state, run, keyring)
    assert not any(planted.decode("latin-1") in str(caught.value) for planted in PLANTED)


def test_parts_of_another_run_do_not_open(state: State, keyring: Keyring, tmp_path: Path) -> None:
    """Also under the same key: the run id is associated data."""
    writer = QuarantineWriter(state, begun(state), keyring)
    key = writer.export_secret_key()
    write_part(tmp_path / "staging", [record(1)], key=key, run=begun(state), table="orders", slice_index=0)
    with pytest.raises(CheckFailed, match="was changed"):
        writer.adopt(tmp_path / "staging")


def test_a_part_is_named_by_table_and_slice_only(state: State, tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="named by its table and slice"):
        write_part(tmp_path, [record(1)], key=bytes(32), run="r", table="../13800138000", slice_index=0)


def test_expiry_counts_whole_days_from_the_run(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    with state.lock():
        assert destroy_expired(state, date(2026, 10, 1), 14) == ()  # a clock that went back
        assert destroy_expired(state, date(2026, 11, 14), 14) == ()
        opened(state, run, keyring)
        (receipt,) = destroy_expired(state, date(2026, 11, 15), 14)
        assert destroy_expired(state, date(2026, 11, 16), 14) == ()
    assert receipt == QuarantineFacts(run, records=4, parts=3, destroyed="2026-11-15")
    assert quarantines(state) == (receipt,)
    assert [entry.action for entry in state.audit.entries()][-1] == "destroy quarantine"


def test_a_destroyed_quarantine_opens_for_nobody(state: State, keyring: Keyring, tmp_path: Path) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    with state.lock():
        destroy_expired(state, date(2026, 12, 1), 14)
    assert [path.name for path in state.quarantine_dir(run).iterdir()] == ["destroyed.json"]
    with pytest.raises(KeyUnavailable, match="was destroyed on 2026-12-01; nobody can open it") as caught:
        opened(state, run, keyring)
    assert caught.value.exit_code == 3


def test_the_wrapped_key_is_overwritten_before_its_name_goes(
    state: State, keyring: Keyring, tmp_path: Path
) -> None:
    """A second name of the same file shows what was left in it."""
    run = filled(state, keyring, tmp_path / "staging")
    key_file = state.quarantine_dir(run) / "key.json"
    length = key_file.stat().st_size
    os.link(key_file, tmp_path / "second name")
    with state.lock():
        destroy_expired(state, date(2026, 12, 1), 14)
    assert (tmp_path / "second name").read_bytes() == bytes(length)


def test_parts_from_a_backup_stay_closed_after_the_key_is_gone(
    state: State, keyring: Keyring, tmp_path: Path
) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    directory = state.quarantine_dir(run)
    shutil.copytree(directory, tmp_path / "backup")
    with state.lock():
        destroy_expired(state, date(2026, 12, 1), 14)
    for path in (tmp_path / "backup").glob("*.sealed"):
        shutil.copy(path, directory)
    with pytest.raises(KeyUnavailable, match="was destroyed"):
        opened(state, run, keyring)


@pytest.mark.parametrize("days", [0, -1])
def test_days_must_be_positive(state: State, days: int) -> None:
    with state.lock(), pytest.raises(JobWrong, match="at least 1 day"):
        destroy_expired(state, date(2026, 12, 1), days)


def test_destroying_needs_the_lock(state: State) -> None:
    with pytest.raises(InternalError, match="without holding its lock"):
        destroy_expired(state, date(2026, 12, 1), 14)


@pytest.mark.parametrize("run", ["../..", "20261101T021500Z-1a2b3c4d/../.."])
def test_a_path_is_no_run(state: State, keyring: Keyring, run: str) -> None:
    with pytest.raises(JobWrong, match="must be a run id"):
        opened(state, run, keyring)


def test_parts_on_another_file_system_are_copied(
    state: State, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if "staging" in str(source):
            raise OSError(18, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    run = filled(state, keyring, tmp_path / "staging")
    assert len(opened(state, run, keyring)) == 4
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_missing_part_is_noticed_before_the_first_record(
    state: State, keyring: Keyring, tmp_path: Path
) -> None:
    run = filled(state, keyring, tmp_path / "staging")
    (state.quarantine_dir(run) / "orders-00000.sealed").unlink()  # the second of three
    with pytest.raises(CheckFailed, match="was changed or is missing"):
        read_quarantine(state, run, keyring, who="kim", reason="ticket 4711")
