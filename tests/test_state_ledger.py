"""Ledger, audit log, tombstones: appended, never changed, and a change is noticed."""

import hashlib
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from pipeline.errors import CheckFailed, InternalError, JobWrong
from pipeline.state import LedgerEntry, State, open_state
from pipeline.state.chain import FIRST, link_hash

RUN = "20261101T021500Z-1a2b3c4d"
D1, D2, D3 = "a1" * 32, "b2" * 32, "c3" * 32


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state(tmp_path / "state")


def release(
    state: State,
    kind: str = "published",
    date: str = "2026-11-01",
    tree: str = "t1",
    recipient: str = "analysts",
) -> LedgerEntry:
    return state.ledger.record(
        kind,  # type: ignore[arg-type]
        run=RUN,
        recipient=recipient,
        date=date,
        tree=tree,
        release_digest=D1,
        input_digest=D2,
        plan_digest=D3,
        rows=2000,
        facts={"orders": 2000, "format": "parquet"},
    )


def test_what_was_published_is_found_again(state: State) -> None:
    assert state.ledger.published("analysts", "2026-11-01") is None
    entry = release(state)
    assert state.ledger.published("analysts", "2026-11-01") == entry
    assert open_state(state.root).ledger.entries() == (entry,)
    assert (entry.input_digest, entry.rows, entry.facts["orders"]) == (D2, 2000, 2000)
    assert state.ledger.published("analysts", "2026-11-02") is None
    assert state.ledger.published("courier", "2026-11-01") is None


def test_the_newest_publication_of_a_date_counts(state: State) -> None:
    release(state, tree="t1")
    release(state, tree="t2")
    release(state, "intended", tree="t3")
    newest = state.ledger.published("analysts", "2026-11-01")
    assert newest is not None
    assert (newest.tree, newest.number) == ("t2", 2)


def test_a_killed_publication_shows_until_it_is_settled(state: State) -> None:
    release(state, "intended", tree="t1")
    release(state, "published", tree="t1")
    release(state, "intended", tree="t2")
    assert [entry.tree for entry in state.ledger.pending()] == ["t2"]
    release(state, "abandoned", tree="t2")
    assert state.ledger.pending() == ()


def test_numbers_rise_per_recipient_with_every_published_tree(state: State) -> None:
    assert [
        release(state, kind, tree=tree).number
        for kind, tree in (
            ("intended", "t1"),
            ("published", "t1"),
            ("intended", "t2"),
            ("abandoned", "t2"),
            ("intended", "t3"),
        )
    ] == [1, 1, 2, 2, 2]
    assert release(state, "intended", recipient="courier").number == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"recipient": "Max Muster"},
        {"date": "1 November"},
        {"tree": "../../etc"},
        {"tree": "a/b"},
        {"kind": "deleted"},
        {"input_digest": "+61 412 345 678"},
        {"facts": {"phone": "+61 412 345 678"}},
        {"facts": {"+61 412 345 678": 1}},
    ],
)
def test_a_ledger_row_takes_names_digests_and_counts_only(state: State, odd: dict[str, object]) -> None:
    given = {
        "kind": "published",
        "run": RUN,
        "recipient": "analysts",
        "date": "2026-11-01",
        "tree": "t1",
    } | odd
    with pytest.raises(InternalError) as caught:
        state.ledger.record(given.pop("kind"), **given)  # type: ignore[arg-type]
    assert "Muster" not in str(caught.value)
    assert "412" not in str(caught.value)
    assert state.ledger.entries() == ()


def filled(state: State) -> sqlite3.Connection:
    for day in range(1, 6):
        release(state, date=f"2026-11-0{day}")
        state.audit.append(who="kim", action="reveal", what=f"release {day}", reason="ticket 4711")
    state.tombstones.add(b"t" * 32)
    return sqlite3.connect(state.database)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET rows = 1 WHERE seq = 3",
        "DELETE FROM ledger WHERE seq = 5",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 3",
        "INSERT INTO ledger SELECT 7, at, run, kind, recipient, date, number, tree, release_digest,"
        " input_digest, plan_digest, rows, facts, hash, hash FROM ledger WHERE seq = 5",
        "UPDATE audit SET who = 'sam'",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
        "DELETE FROM tombstones",
        "REPLACE INTO tombstones SELECT digest, 'never' FROM tombstones",
    ],
)
def test_rows_are_append_only_also_for_plain_sql(state: State, change: str) -> None:
    database = filled(state)
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        database.execute(change)


@pytest.mark.parametrize("table", ["ledger", "audit"])
def test_every_changed_cell_is_noticed_and_the_row_named(state: State, table: str) -> None:
    """By someone who removes the triggers first."""
    database = filled(state)
    for action in ("update", "delete"):
        database.execute(f"DROP TRIGGER {table}_no_{action}")
    log = state.ledger if table == "ledger" else state.audit
    sound = log.verify_chain()
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    for name in names:
        (before,) = database.execute(f"SELECT {name} FROM {table} WHERE seq = 3").fetchone()  # noqa: S608 - names
        other = {int: 77, str: "2026-11-09", bytes: b"x" * 32}[type(before)]
        database.execute(f"UPDATE {table} SET {name} = ? WHERE seq = 3", (other,))  # noqa: S608 - names
        database.commit()
        with pytest.raises(CheckFailed, match=rf"row 3 of the {table} was changed"):
            log.verify_chain()
        where = 77 if name == "seq" else 3
        database.execute(f"UPDATE {table} SET {name} = ? WHERE seq = ?", (before, where))  # noqa: S608 - names
        database.commit()
        assert log.verify_chain() == sound
    database.execute(f"DELETE FROM {table} WHERE seq = 2")  # noqa: S608 - names
    database.commit()
    with pytest.raises(CheckFailed, match=rf"row 2 of the {table}"):
        log.verify_chain()


def test_a_tampered_ledger_stops_the_next_run(state: State) -> None:
    database = filled(state)
    database.execute("DROP TRIGGER ledger_no_update")
    database.execute("UPDATE ledger SET recipient = 'courier' WHERE seq = 2")
    database.commit()
    with state.lock(), pytest.raises(CheckFailed, match="row 2 of the ledger"):
        state.begin_run("nightly", "2026-11-01")


def test_a_ledger_cut_short_is_noticed_by_who_kept_its_head(state: State) -> None:
    """The chain alone cannot: that is why the head is kept elsewhere, too."""
    database = filled(state)
    head = state.ledger.head()
    database.execute("DROP TRIGGER ledger_no_delete")
    database.execute("DELETE FROM ledger WHERE seq = 5")
    database.commit()
    state.ledger.verify_chain()
    assert head == (5, head[1])
    assert state.ledger.head() != head


def test_the_hash_of_a_row_is_frozen() -> None:
    """Ledgers of earlier versions must still verify: each cell behind its kind and its length in eight bytes."""
    cells = b"s" + (14).to_bytes(8, "big") + b"pouch ledger 1" + b"i" + (1).to_bytes(8, "big") + b"3"
    cells += b"s" + (4).to_bytes(8, "big") + "né!".encode() + b"i" + (2).to_bytes(8, "big") + b"47"
    assert link_hash("ledger", 3, ("né!", 47), FIRST) == hashlib.sha256(cells + bytes(32)).digest()


def test_cells_cannot_move_between_columns_or_chains() -> None:
    hashes = {
        link_hash("ledger", 1, ("ab", "c"), FIRST),
        link_hash("ledger", 1, ("a", "bc"), FIRST),
        link_hash("audit", 1, ("ab", "c"), FIRST),
        link_hash("ledger", 2, ("ab", "c"), FIRST),
        link_hash("ledger", 1, ("1",), FIRST),
        link_hash("ledger", 1, (1,), FIRST),
    }
    assert len(hashes) == 6


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines", "x" * 1001])
def test_a_deed_needs_a_reason_of_one_line(state: State, reason: str) -> None:
    with pytest.raises(JobWrong, match="reason: must be one line"):
        state.audit.append(who="kim", action="reveal", what="release", reason=reason)
    assert state.audit.entries() == ()


def test_tombstones_are_a_set(state: State) -> None:
    assert state.tombstones.add(b"a" * 32)
    assert not state.tombstones.add(b"a" * 32)
    assert state.tombstones.add(b"b" * 32)
    assert state.tombstones.all() == {b"a" * 32, b"b" * 32}
    with pytest.raises(InternalError):
        state.tombstones.add(b"short")


def test_writers_of_several_processes_make_one_chain(state: State) -> None:
    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                for _ in range(10):
                    release(state)
                os._exit(0)
            except BaseException:
                os._exit(1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    assert [entry.seq for entry in state.ledger.entries()] == list(range(1, 41))
    state.ledger.verify_chain()


def test_a_writer_killed_at_any_moment_leaves_a_chain_that_opens(state: State) -> None:
    """Every row that was reported as written is there; the state opens and takes more."""
    for attempt in range(8):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            while True:
                os.write(writer, release(state).seq.to_bytes(4, "big"))
        os.close(writer)
        time.sleep(0.01 + 0.007 * attempt)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(reader, "rb") as pipe:
            reported = pipe.read()
        last = int.from_bytes(reported[-4:], "big") if reported else 0
        again = open_state(state.root)
        assert len(again.ledger.entries()) >= last
        again.ledger.verify_chain()
    release(state)
