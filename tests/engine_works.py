"""Works that engine tests send to children: they must be importable there."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.engines.work import Secrets
from pipeline.errors import Drift, JobWrong
from pipeline.intake import Cut


@dataclass(frozen=True)
class Seen:
    """One slice, and who saw it with which keys."""

    table: str
    index: int
    pid: int
    check_value: str
    command_line: bytes
    environment: bytes


@dataclass(frozen=True)
class Look:
    """Report what the child knows."""

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[Seen]:
        assert staging.is_dir()
        for index in lane:
            proc = Path("/proc/self")
            line, env = (proc / "cmdline").read_bytes(), (proc / "environ").read_bytes()
            yield Seen(cut.table, index, os.getpid(), secrets.keyring.check_value(), line, env)


@dataclass(frozen=True)
class Die:
    """Be killed on the second slice."""

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[object]:
        if 1 in lane:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Seen(cut.table, lane[0], os.getpid(), "", b"", b"")


@dataclass(frozen=True)
class Fail:
    """Fail in ways that must not carry a value."""

    how: str

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[object]:
        yield from ()
        if self.how == "foreign":
            raise ValueError("could not convert 13800138000")
        if self.how == "disk":
            raise OSError(28, "No space left on device", "/secret/13800138000.csv")
        if lane[0] == 0:
            raise Drift("unknown column")
        raise JobWrong("wrong")


@dataclass(frozen=True)
class Sleep:
    """Take long."""

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[object]:
        time.sleep(60)
        yield from ()


def square(number: int) -> int:
    """A grouping."""
    return number * number
