"""The state's SQLite database: how it is opened, its tables, and what its failures are called.

A connection lives for one transaction, so nothing is held open across a fork and every process may look in.
The journal is a rollback journal: the write-ahead log's shared-memory file is mapped, and a full disk would
kill the process by SIGBUS instead of an error. `synchronous = EXTRA` is FULL plus a sync of the directory,
without which a committed row could be rolled back by a power failure.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import CheckFailed, JobWrong, PublishFailed

SCHEMA_VERSION = 1
_BUSY_SECONDS = 30.0
_APPEND_ONLY = ("ledger", "audit", "tombstones", "runs", "run_ends", "input_files")
_CHAINED = ("ledger", "audit")

_TABLES = """
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL,
    recipient TEXT NOT NULL, date TEXT NOT NULL, number INTEGER NOT NULL, tree TEXT NOT NULL,
    release_digest TEXT NOT NULL, input_digest TEXT NOT NULL, plan_digest TEXT NOT NULL,
    rows INTEGER NOT NULL, facts TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_by_release ON ledger (recipient, date);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    what TEXT NOT NULL, reason TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE tombstones (digest BLOB PRIMARY KEY, at TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, job TEXT NOT NULL, date TEXT NOT NULL, began TEXT NOT NULL, pid INTEGER NOT NULL
) STRICT;
CREATE TABLE run_ends (
    run TEXT PRIMARY KEY REFERENCES runs (run), ended TEXT NOT NULL, exit_code INTEGER NOT NULL
) STRICT;
CREATE TABLE input_files (
    run TEXT NOT NULL REFERENCES runs (run), name TEXT NOT NULL, number INTEGER NOT NULL, path TEXT NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY (run, name, number)
) STRICT;
"""


def _triggers() -> str:
    # INSERT OR REPLACE deletes rows without firing delete triggers, so inserts are watched, too.
    never = "BEGIN SELECT RAISE(ABORT, 'append only'); END;"
    lines = [
        f"CREATE TRIGGER {table}_no_{action} BEFORE {action} ON {table} {never}"
        for table in _APPEND_ONLY
        for action in ("update", "delete")
    ]
    lines += [
        f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table}"  # noqa: S608 - names from this file
        f" WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM {table}) OR NEW.previous IS NOT"
        f" coalesce((SELECT hash FROM {table} ORDER BY seq DESC LIMIT 1), zeroblob(32)) {never}"
        for table in _CHAINED
    ]
    lines += [
        f"CREATE TRIGGER {table}_once BEFORE INSERT ON {table}"  # noqa: S608 - names from this file
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) {never}"
        for table, key in (("tombstones", "digest"), ("runs", "run"), ("run_ends", "run"))
    ]
    return "\n".join(lines)


def create_tables(path: Path) -> None:
    """Make the database (0600) and its tables, unless they are there. Safe for any number of processes."""
    with created(path, SCHEMA_VERSION) as (database, is_new):
        if is_new:
            for statement in _statements(_TABLES + _triggers()):
                database.execute(statement)


@contextmanager
def created(path: Path, version: int) -> Iterator[tuple[sqlite3.Connection, bool]]:
    """One write transaction on a file (0600) that is made where there is none, and whether it has no tables yet.

    Raises JobWrong for a schema of a later version, PublishFailed and CheckFailed as `transaction` does.
    """
    with suppress(FileExistsError):  # made private before SQLite opens it; the journal inherits the mode
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
        finally:
            os.close(descriptor)
    with transaction(path) as database:
        found = database.execute("PRAGMA user_version").fetchone()[0]
        if found > version:
            raise JobWrong(
                f"has schema {found}, this version of Pouch knows {version}",
                where=path.name,
                hint="use the version of Pouch that wrote it",
            )
        yield database, found == 0
        if found == 0:
            database.execute(f"PRAGMA user_version = {version}")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed and synced at the end, or nothing of it.

    Raises PublishFailed where the disk refuses (full, read-only, too busy), CheckFailed where the file is
    damaged.
    """
    with _named_failures(path), _connected(path) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself where it had to
                database.execute("ROLLBACK")
            raise


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Look into the database; all queries inside see one moment."""
    with _named_failures(path), _connected(path) as database:
        database.execute("BEGIN")
        yield database
        database.execute("ROLLBACK")


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        for pragma in (
            "journal_mode = DELETE",
            "synchronous = EXTRA",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            database.execute(f"PRAGMA {pragma}")
        yield database
    finally:
        database.close()


@contextmanager
def _named_failures(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise PublishFailed(
            f"the state could not be read or written ({_reason(error)}); nothing was published",
            where=path.name,
            hint="free space or repair the disk, then run again",
        ) from None
    except sqlite3.IntegrityError:
        raise CheckFailed("a row of the state may only be appended, in order", where=path.name) from None
    except sqlite3.DatabaseError as error:
        raise CheckFailed(
            f"the state's database is damaged ({_reason(error)})",
            where=path.name,
            hint="restore it from its backup",
        ) from None


def _reason(error: sqlite3.Error) -> str:
    # The code's name, not the message: a message may quote what was bound.
    return getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
