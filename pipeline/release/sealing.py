"""Digest files and flush them to disk: all of a tree before it is shown, finished parts while others are made.

The disk writes what is flushed while children compute, so that a run does not wait for all of it at its end.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

FILE_MODE = 0o640
AT_A_TIME = 4  # files digested and flushed: the disk is waited for once, not file by file
_BLOCK = 1 << 20

# Of a sealed file, by its staged path; None where it is still to be done.
Digest = Callable[[Path], str | None]


def sealed(path: Path) -> str:
    """Flush a file to disk and return its SHA-256, hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fchmod(file.fileno(), FILE_MODE)
        while block := file.read(_BLOCK):
            digest.update(block)
        os.fsync(file.fileno())
    return digest.hexdigest()


def nothing_sealed(path: Path) -> None:
    """For files of which none is sealed yet."""


class Sealer:
    """Seals staged files in a thread, one after the other. Use as a context manager; leaving it waits for no file."""

    def __init__(self, staging: Path) -> None:
        self._staging = staging
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._futures: dict[Path, Future[str]] = {}

    def __enter__(self) -> Self:
        """Threads start with the first file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what has not begun."""
        self._pool.shutdown(cancel_futures=True)

    def take(self, names: Iterable[str]) -> None:
        """Seal files, named relative to the staging directory; nobody writes to them any more."""
        for name in names:
            path = self._staging / name
            self._futures[path] = self._pool.submit(sealed, path)

    def digest(self, path: Path) -> str | None:
        """SHA-256 of a file that was taken, else None.

        Raises OSError where it could not be flushed: trying again would succeed, and prove nothing, because the kernel
        forgets what it could not write.
        """
        future = self._futures.get(path)
        return future.result() if future is not None else None
