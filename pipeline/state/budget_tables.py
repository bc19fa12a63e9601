"""The SQLite file of the budget ledger: append-only tables, made once, guarded by triggers.

A file of its own beside `pouch.sqlite`: opened as that one is (rollback journal, `synchronous = EXTRA`, which is FULL
and a sync of the directory).
"""

import secrets
from pathlib import Path

from pipeline.errors import CheckFailed
from pipeline.state.database import created

FILE = "budget.sqlite"
VERSION = 1
_NEVER = "BEGIN SELECT RAISE(ABORT, 'append only'); END"
_STATEMENTS = (
    """CREATE TABLE identity (
        one INTEGER PRIMARY KEY CHECK (one = 1), ledger TEXT NOT NULL, secret BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, release TEXT NOT NULL,
        recipient TEXT NOT NULL, dataset TEXT NOT NULL, number INTEGER NOT NULL, period TEXT NOT NULL,
        spec_digest TEXT NOT NULL, input_digest TEXT NOT NULL, mechanism TEXT NOT NULL, loss TEXT NOT NULL,
        limits TEXT NOT NULL, content TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX events_by_release ON events (release)",
    f"CREATE TRIGGER events_no_update BEFORE UPDATE ON events {_NEVER}",
    f"CREATE TRIGGER events_no_delete BEFORE DELETE ON events {_NEVER}",
    # INSERT OR REPLACE deletes rows without firing delete triggers, so inserts are watched, too.
    f"""CREATE TRIGGER events_in_order BEFORE INSERT ON events
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events) OR NEW.previous IS NOT
        coalesce((SELECT hash FROM events ORDER BY seq DESC LIMIT 1), zeroblob(32)) {_NEVER}""",  # noqa: S608 - a constant
    f"CREATE TRIGGER identity_no_update BEFORE UPDATE ON identity {_NEVER}",
    f"CREATE TRIGGER identity_no_delete BEFORE DELETE ON identity {_NEVER}",
    f"""CREATE TRIGGER identity_once BEFORE INSERT ON identity
        WHEN EXISTS (SELECT 1 FROM identity) {_NEVER}""",  # noqa: S608 - a constant
)


def create_budget(path: Path) -> None:
    """Make the file (0600) and its tables, unless they are there.

    The ledger gets a random name, by which an anchor knows it, and a random secret, under which people are digested
    (it never leaves the state). Raises JobWrong, PublishFailed, CheckFailed as `created` does.
    """
    with created(path, VERSION) as (database, is_new):
        if is_new:
            for statement in _STATEMENTS:
                database.execute(statement)
            database.execute(
                "INSERT INTO identity (one, ledger, secret) VALUES (1, ?, ?)",
                (secrets.token_hex(16), secrets.token_bytes(32)),
            )
        elif database.execute("SELECT count(*) FROM identity").fetchone()[0] != 1:
            raise CheckFailed(
                "the ledger has lost its name", where=path.name, hint="restore it from its backup"
            )
