"""A disk that fails, or a process that dies, at its n-th change: tests go through every n until the work passes."""

import errno
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

# The system calls by which Pouch's own code changes a disk.
CHANGES = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "link",
    "unlink",
    "rename",
    "replace",
    "mkdir",
    "chmod",
    "fchmod",
    "ftruncate",
)


class FailingCall:
    """A system call whose `count`-th call finds the disk full, or fails with another error."""

    def __init__(self, real: Callable[..., object], count: int, code: int = errno.ENOSPC) -> None:
        self.real, self.count, self.code, self.calls = real, count, code, 0

    def __call__(self, *args: object, **options: object) -> object:
        self.calls += 1
        if self.calls == self.count:
            raise OSError(self.code, os.strerror(self.code))
        return self.real(*args, **options)

    @property
    def failed(self) -> bool:
        """Whether it came to that call."""
        return self.calls >= self.count


@contextmanager
def failing(step: str, count: int, code: int = errno.ENOSPC) -> Iterator[FailingCall]:
    """`os.<step>` fails at its `count`-th call."""
    with pytest.MonkeyPatch.context() as patch:
        call = FailingCall(getattr(os, step), count, code)
        patch.setattr(os, step, call)
        yield call


def fork(work: Callable[[], object]) -> int:
    """Process id of a child that does `work`; its exit code is 1 where that raises."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return pid


def exit_code(pid: int) -> int:
    """Exit code of a child, once it has ended; of a killed one, the negative number of the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(
    work: Callable[[], object], count: int, *, changes: Sequence[str] = CHANGES, sync: bool = True
) -> bool:
    """Whether a child that does `work` died at its `count`-th change of the disk.

    Without `sync` nothing waits for the disk: what a killed process wrote the kernel has, unlike at a power failure.
    """
    code = exit_code(fork(lambda: _die_at(count, work, changes, sync)))
    assert code in {0, -signal.SIGKILL}
    return code != 0


def _die_at(count: int, work: Callable[[], object], changes: Sequence[str], sync: bool) -> None:
    calls = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        return call

    if not sync:
        os.fsync = lambda descriptor: None
    for change in changes:
        setattr(os, change, counted(getattr(os, change)))
    work()
