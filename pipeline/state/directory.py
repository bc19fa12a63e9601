"""The state directory: what Pouch must remember between runs, private to the user who runs it.

<state>/                0700
  FORMAT                "pouch state 1"
  lock                  flock; who holds it, since when
  pouch.sqlite          ledger, audit log, tombstones, runs, digests of input files
  budget.sqlite         releases of statistics and what they cost
  statistics/           their bytes
  runs/<run id>/        run manifest, report, evidence
  quarantine/<run id>/  sealed records that could not be read
  subjects/             index: which release held whom
  receipts/             of what was destroyed
  refused/              tokens of erased people
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import CheckFailed, InternalError, JobWrong, PublishFailed
from pipeline.keys.private_files import TEMPORARY, create_private, private_directory
from pipeline.state.audit import AuditLog
from pipeline.state.database import create_tables
from pipeline.state.ledger import Ledger
from pipeline.state.lock import exclusive, is_held
from pipeline.state.runs import Runs, day_of
from pipeline.state.tombstones import Tombstones

FORMAT_LINE = b"pouch state 1\n"
_FORMAT_NAME = "FORMAT"
PARTIAL = ".partial-"  # prefix of directories that are not complete yet


def utc_now() -> datetime:
    """The clock, where nobody gives another one."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class State:
    """An open state. It holds no file open, so it may be kept across forks and used by several processes."""

    root: Path
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "pouch.sqlite"

    @property
    def ledger(self) -> Ledger:
        """What was released to whom."""
        return Ledger(self.database, self.clock)

    @property
    def audit(self) -> AuditLog:
        """Who opened what, and why."""
        return AuditLog(self.database, self.clock)

    @property
    def tombstones(self) -> Tombstones:
        """Keyed digests of erased subjects."""
        return Tombstones(self.database, self.clock)

    @property
    def runs(self) -> Runs:
        """Runs and their input files."""
        return Runs(self.database, self.clock)

    @property
    def quarantine_root(self) -> Path:
        """Parent of the runs' quarantines."""
        return self.root / "quarantine"

    def run_dir(self, run: str) -> Path:
        """Directory of one run (0700, made where absent). Raises JobWrong where `run` is no run id."""
        day_of(run)
        path = self.root / "runs" / run
        with disk_failures("runs"):
            private_directory(path)
        return path

    def quarantine_dir(self, run: str) -> Path:
        """Where a run's quarantine lies, if it has one. Raises JobWrong where `run` is no run id."""
        day_of(run)
        return self.quarantine_root / run

    def lock(self) -> AbstractContextManager[None]:
        """Hold the state for one run. Raises LockHeld at once when another process holds it."""
        return exclusive(self.root / "lock", self.clock())

    def require_lock(self) -> None:
        """Raise InternalError where this process does not hold the lock."""
        if not is_held(self.root / "lock"):
            raise InternalError("the state was to be changed without holding its lock")

    def begin_run(self, job: str, date: str) -> str:
        """Begin a run under the lock and return its id; its directory exists.

        First the chains are verified (CheckFailed), and what killed runs left half-written is swept away.
        """
        self.require_lock()
        self.ledger.verify_chain()
        self.audit.verify_chain()
        with disk_failures("state"):
            self._sweep()
        run = self.runs.begin(job, date, os.getpid())
        self.run_dir(run)
        return run

    def finish_run(self, run: str, exit_code: int) -> None:
        """Append how a run ended."""
        self.runs.finish(run, exit_code)

    def _sweep(self) -> None:
        for folder in (self.root, self.root / "runs", self.quarantine_root, *(self.root / "runs").glob("*/")):
            for path in folder.glob(".*"):
                if path.is_dir() and path.name.startswith(PARTIAL):
                    shutil.rmtree(path)
                elif path.name.startswith((PARTIAL, TEMPORARY)):
                    path.unlink(missing_ok=True)


def open_state(path: Path, *, clock: Callable[[], datetime] = utc_now) -> State:
    """Open a state, or make one where the directory is absent or empty; any number of processes may.

    Raises JobWrong where the directory holds something else, belongs to or is open to others, or was written
    by a newer version; PublishFailed where the disk refuses.
    """
    root = path.absolute()
    with disk_failures(str(path)):
        private_directory(root)
        _refuse_other_owner(root, str(path))
        _make_or_check_format(root, str(path))
        _refuse_open_mode(root, str(path))
        for name in ("runs", "quarantine"):
            private_directory(root / name)
        _refuse_lost_database(root, str(path))
        create_tables(root / "pouch.sqlite")
    return State(root, clock)


def _make_or_check_format(root: Path, shown: str) -> None:
    others = [name.name for name in root.iterdir() if not name.name.startswith(TEMPORARY)]
    file = root / _FORMAT_NAME
    if not others:
        root.chmod(0o700)  # an empty directory that someone made beforehand
        with suppress(FileExistsError):  # another process was quicker
            create_private(file, FORMAT_LINE)
    if not file.exists():
        raise JobWrong(
            "is no state directory and not empty",
            where=shown,
            hint="name a new or empty directory with --state",
        )
    line = file.read_bytes()[:64]
    if line == FORMAT_LINE:
        return
    words = line.split()
    if words[:2] == [b"pouch", b"state"] and len(words) == 3 and words[2].isdigit():
        raise JobWrong(
            f"has format {int(words[2])}, this version of Pouch knows format 1",
            where=shown,
            hint="use the version of Pouch that wrote it",
        )
    raise JobWrong(
        "has a FORMAT file that Pouch did not write", where=shown, hint="restore it from its backup"
    )


def _refuse_lost_database(root: Path, shown: str) -> None:
    # A run is in the database before it has a directory. Without the ledger, Pouch would publish again what it
    # has published, statistics included.
    database = root / "pouch.sqlite"
    lost = not database.exists() or not database.stat().st_size
    if lost and any(not name.name.startswith(".") for name in (root / "runs").iterdir()):
        raise CheckFailed(
            "runs were recorded here, but the state's database is missing or empty",
            where=shown,
            hint="restore it from its backup",
        )


def _refuse_other_owner(root: Path, shown: str) -> None:
    facts = root.stat()
    if facts.st_uid != os.geteuid():
        raise JobWrong(
            f"must belong to the user who runs pouch (uid {os.geteuid()}), belongs to uid {facts.st_uid}",
            where=shown,
        )


def _refuse_open_mode(root: Path, shown: str) -> None:
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077:
        raise JobWrong(
            f"must be open to its owner only (0700), has mode {mode:04o}",
            where=shown,
            hint="chmod 700 on it",
        )


@contextmanager
def disk_failures(where: str) -> Iterator[None]:
    """Give a refusing disk its sentence: PublishFailed with the system's reason, nothing of the content."""
    try:
        yield
    except OSError as error:
        raise PublishFailed(
            f"cannot be read or written ({error.strerror or 'input/output error'}); nothing was published",
            where=where,
            hint="free space or repair the disk, then run again",
        ) from None
