"""One change of a keyring or key store at a time: a flock on its directory, which dies with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import KeyUnavailable, LockHeld


@contextmanager
def held(directory: Path, shown: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a directory: alone, or beside other readers. Raises LockHeld without waiting, KeyUnavailable."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyUnavailable(f"its directory cannot be opened ({error.strerror})", where=shown) from None
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(
                "another process is using the keys",
                where=shown,
                hint="wait for it to end; the lock of a killed process frees itself",
            ) from None
        except OSError as error:
            raise KeyUnavailable(f"the file system cannot lock ({error.strerror})", where=shown) from None
        yield
    finally:
        os.close(descriptor)
