"""Start a child: a fork where that is safe, else a fresh interpreter.

A fork of a process with one thread is safe (POSIX, fork: only the calling thread lives on in the child), and a
child then has everything imported at once. A notebook, or a parent that has used Arrow's or DuckDB's threads, has more
than one: its children start afresh.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, Protocol

from pipeline.engines import worker
from pipeline.engines.native import NATIVE_SETTINGS

# A fresh child takes the parent's module path, not the working directory: a job's folder must not shadow Pouch.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from pipeline.engines.worker import main; main(int(sys.argv[2]))"
)


class Process(Protocol):
    """What the engine asks of a child process."""

    def kill(self) -> None:
        """End it by signal; nothing where it has ended."""

    def wait(self) -> int:
        """Exit code, negative for a signal."""


class _Forked:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._code is None:
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            except ChildProcessError:  # who started us ignores SIGCHLD, so the kernel has buried the child
                self._code = 0
        return self._code


def start_child() -> tuple[Process, Connection]:
    """A child that waits for its secrets, and the pipe to it."""
    ours, theirs = socket.socketpair()
    process = _forked(theirs) if _has_one_thread() else _fresh(theirs)
    theirs.close()
    return process, Connection(ours.detach())


def _has_one_thread() -> bool:
    """Counted by the kernel: Python does not know the threads of native libraries. False where it cannot be told."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _forked(theirs: socket.socket) -> Process:
    worker.preload()
    gc.freeze()  # what is imported stays shared: a collection in the child would touch, and so copy, all of it
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by who started us; what is buffered must not be written twice
            with suppress(OSError, ValueError):
                stream.flush()
    pid = os.fork()
    if pid == 0:
        _serve(theirs.fileno())
    gc.unfreeze()
    return _Forked(pid)


def _serve(descriptor: int) -> NoReturn:
    """The child's life. It keeps none of the parent's files: neither its lock, nor the pipes of other children."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.closerange(3, descriptor)
        os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
        worker.main(descriptor)
        code = 0
    finally:
        os._exit(code)  # without the parent's clean-up


def _fresh(theirs: socket.socket) -> Process:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=NATIVE_SETTINGS | os.environ,
        stdin=subprocess.DEVNULL,
    )
