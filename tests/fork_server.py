"""A process that has imported Pouch and forks at request: `pouch keys list` takes 0.1 s of CPU instead of 1.0 s.

    python -m tests.fork_server DESCRIPTOR    answers requests that come over this socket, until its other end is closed

What is forked has the arguments, environment, folder, umask, standard files and session that a fresh process would
have, and one thread, like `pouch` itself when it forks the children of its engine. What it does not have anew are
hash seed, locale, what native libraries read as they are loaded, and a line in the list of processes: tests of those
start a fresh process, and so does everything in `test_engines_starting`, `test_docs_*` and `test_layers`.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

_LARGEST = 1 << 17  # bytes of a request
# What commands import where they use it, but for what is slow to load and seldom used, or starts threads.
_IMPORTED = (
    "pipeline.changing_keys",
    "pipeline.erasing",
    "pipeline.revealing",
    "pipeline.run",
    "pipeline.standalone",
    "pyarrow.dataset",
    "rich.table",
)


class Forked:
    """What tests use of `subprocess.Popen`, of a process that the server has forked; its children are its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdout: IO[Any] | int,
        stderr: IO[Any] | int,
        new_session: bool = False,
        engine_pipe: int | None = None,
    ) -> None:
        """Start `pouch` with arguments; or, with a pipe, a child of the engine that serves it."""
        order = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "umask": _umask(),
            "new_session": new_session,
        }
        self._report, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, Path(os.devnull).open() as nothing:
            files = [theirs, nothing, stdout, stderr, *([] if engine_pipe is None else [engine_pipe])]
            numbers = [file if isinstance(file, int) else file.fileno() for file in files]
            socket.send_fds(_server()[0], [json.dumps(order).encode()], numbers)
        self.pid = int(self._report.recv(32) or 0)
        assert self.pid, "the server has died"
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, once it has ended. Raises TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("pouch", timeout or 0)
        return code

    def kill(self) -> None:
        """End it by signal; nothing where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._report], [], [], timeout)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(self._report.recv(32)))
            self._report.close()
        return self.returncode


def child_of_engine(theirs: socket.socket) -> Forked:
    """What `pipeline.engines.starting._fresh` starts, forked."""
    return Forked(
        (), folder=Path.cwd(), environment=os.environ, stdout=1, stderr=2, engine_pipe=theirs.fileno()
    )


def pouch(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """The command line from beginning to end. Raises TimeoutExpired."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = Forked(arguments, folder=folder, environment=environment, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(["pouch", *arguments], code, text_in(stdout), text_in(stderr))


def text_in(file: IO[bytes]) -> str:
    """What a process has written into a file, from the beginning."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


@cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The server of this process, and the other end of its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        return ours, subprocess.Popen(
            command, cwd=Path(__file__).parents[1], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )


def stop() -> None:
    """End the server, if there is one."""
    if _server.cache_info().currsize:
        ours, process = _server()
        ours.shutdown(socket.SHUT_RDWR)
        process.wait()
        _server.cache_clear()


# ------------------------------------------------------------------ the server


def main(descriptor: int) -> None:
    """Answer requests; in a forked process, carry one out."""
    from pipeline.engines.native import settle_native_libraries

    settle_native_libraries()  # before the first of them is loaded
    for name in _IMPORTED:
        importlib.import_module(name)
    from pipeline.cli import main as run_command_line
    from pipeline.engines import starting, worker

    worker.preload()
    assert starting._has_one_thread(), "a fork of a process with more threads may hang"
    gc.freeze()
    order, pipe = _next_order(socket.socket(fileno=descriptor))
    if pipe is not None:
        starting._serve(pipe)
    sys.argv = ["pouch", *order["arguments"]]
    run_command_line()


def _next_order(control: socket.socket) -> tuple[dict[str, Any], int | None]:
    """Fork for every request; return in forked processes only, with what they are to do."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends pytest, and that ends us
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    reports: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 1 << 12)
            _tell_ends(reports)
        if control not in ready:
            continue
        request, files, _, _ = socket.recv_fds(control, _LARGEST, 8)
        if not request:
            sys.exit()
        pid = os.fork()
        if pid == 0:
            order = json.loads(request)
            return order, _become(order, files)
        reports[pid] = socket.socket(fileno=files[0])
        for file in files[1:]:
            os.close(file)


def _tell_ends(reports: dict[int, socket.socket]) -> None:
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with reports.pop(pid) as report, suppress(OSError):  # who asked for it may be gone
            report.send(str(status).encode())


def _become(order: dict[str, Any], files: list[int]) -> int | None:
    """Turn this fork into the process that was asked for: files are report, standard files, and perhaps a pipe."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files[1:4]):
        os.dup2(file, number)
    kept = sorted({files[0], *files[4:]})
    for low, high in zip([2, *kept], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    if order["new_session"]:
        os.setsid()
    os.chdir(order["folder"])
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    with socket.socket(fileno=files[0]) as report:
        report.send(str(os.getpid()).encode())
    return files[4] if len(files) > 4 else None


if __name__ == "__main__":
    main(int(sys.argv[1]))
