"""One run at a time: an flock that the kernel releases when its holder dies, however it dies."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from pipeline.errors import LockHeld, PublishFailed

# Descriptors of held locks. A forked child closes them: it shares the open file, and would keep the lock of a
# parent that was killed. (Children started by exec never get them: Python opens files non-inheritable.)
_held: dict[int, Path] = {}


def _forget_in_child() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


@contextmanager
def exclusive(path: Path, now: datetime) -> Iterator[None]:
    """Hold the lock file. Raises LockHeld, naming who holds it and since when, without waiting."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PublishFailed(f"the lock cannot be opened ({error.strerror})", where=path.name) from None
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask took away
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise _refusal(error, path, holder) from None
    _held[descriptor] = path
    try:
        _sign(descriptor, now)
        yield
    finally:
        if descriptor in _held:  # a child forked inside the block has closed its copy
            del _held[descriptor]
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether this process holds the lock file."""
    return path in _held.values()


def _refusal(error: OSError, path: Path, holder: str) -> LockHeld | PublishFailed:
    if isinstance(error, BlockingIOError):
        return LockHeld(
            f"another run holds the lock{holder}",
            where=path.name,
            hint="wait for it to end; the lock of a killed run frees itself",
        )
    return PublishFailed(
        f"the file system cannot lock ({error.strerror})",
        where=path.name,
        hint="keep the state on a local disk",
    )


def _sign(descriptor: int, now: datetime) -> None:
    # For the reader of the refusal only: the flock is the lock, so a full disk here does not matter.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        since = now.isoformat(timespec="seconds")
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        facts = json.loads(os.pread(descriptor, 4096, 0))
        return f": process {int(facts['pid'])}, since {datetime.fromisoformat(facts['since']).isoformat()}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
