"""Runs: their ids, when they began and how they ended, and the input files they read."""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from pathlib import Path

from pipeline.errors import JobWrong
from pipeline.state.database import reading, transaction

RUN_ID = re.compile(r"(\d{4})(\d{2})(\d{2})T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class RunRecord:
    """One run. `ended` and `exit_code` are None while it runs, and for ever when it was killed."""

    run: str
    job: str
    date: str
    began: str  # UTC, to the second
    pid: int
    ended: str | None
    exit_code: int | None


@dataclass(frozen=True)
class InputDigest:
    """One input file that a run read."""

    table: str
    number: int  # of the file within the table
    path: str
    bytes: int
    sha256: str
    records: int


def new_run_id(now: datetime) -> str:
    """UTC time and 32 random bits: sorts by time, and two runs of one second differ."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def day_of(run: str) -> date:
    """The UTC day on which a run began. Raises JobWrong where this is no run id (a path, for example)."""
    found = RUN_ID.fullmatch(run)
    try:
        return date(*(int(part) for part in found.groups())) if found else date.fromisoformat("")
    except ValueError:
        raise JobWrong(
            "must be a run id such as 20261101T021500Z-1a2b3c4d",
            where="run",
            hint="pouch report lists the runs",
        ) from None


@dataclass(frozen=True)
class Runs:
    """The runs of a state. `State.runs` is one."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def begin(self, job: str, date: str, pid: int) -> str:
        """Append a run and return its id. Raises PublishFailed."""
        now = self.clock()
        run = new_run_id(now)
        with transaction(self.database) as database:
            database.execute(
                "INSERT INTO runs (run, job, date, began, pid) VALUES (?, ?, ?, ?, ?)",
                (run, job, date, now.isoformat(timespec="seconds"), pid),
            )
        return run

    def finish(self, run: str, exit_code: int) -> None:
        """Append how a run ended. Raises PublishFailed; CheckFailed when it has ended already."""
        at = self.clock().isoformat(timespec="seconds")
        with transaction(self.database) as database:
            database.execute(
                "INSERT INTO run_ends (run, ended, exit_code) VALUES (?, ?, ?)", (run, at, exit_code)
            )

    def record_inputs(self, run: str, files: Iterable[InputDigest]) -> None:
        """Append the input files of a run, all or none. Raises PublishFailed."""
        with transaction(self.database) as database:
            database.executemany(
                "INSERT INTO input_files (run, name, number, path, bytes, sha256, records)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(run, *astuple(file)) for file in files],
            )

    def inputs(self, run: str) -> tuple[InputDigest, ...]:
        """The input files of a run, by table and number."""
        query = "SELECT name, number, path, bytes, sha256, records FROM input_files"
        query += " WHERE run = ? ORDER BY name, number"
        with reading(self.database) as database:
            return tuple(InputDigest(*row) for row in database.execute(query, (run,)))

    def last(self, count: int = 10) -> tuple[RunRecord, ...]:
        """The newest runs, newest first."""
        query = "SELECT runs.run, job, date, began, pid, ended, exit_code FROM runs LEFT JOIN run_ends USING (run)"
        query += " ORDER BY runs.rowid DESC LIMIT ?"
        with reading(self.database) as database:
            return tuple(RunRecord(*row) for row in database.execute(query, (count,)))
