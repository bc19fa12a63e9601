"""Files that only their owner may read: keyrings, wrapping keys, state.

Writing is atomic: the bytes go to a temporary file in the same directory, are synced, and then appear under
their name in one step. A process killed at any moment leaves the old file or the new one, never a part.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import KeyUnavailable

_OWNER_ONLY = "must be readable by its owner only (0600)"
TEMPORARY = ".tmp-"  # prefix of files that a killed process may leave behind
_BLOCK = 1 << 20


def private_directory(path: Path) -> None:
    """Create a directory that only its owner can enter (0700); one that exists is left as it is."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another process was quicker
        path.mkdir(mode=0o700)
        path.chmod(0o700)  # whatever the umask took away


def read_private(path: Path, shown: str, *, when_missing: str = "", limit: int = 1 << 20) -> bytes:
    """Return the bytes of a file that nobody else can read or replace.

    Mode and owner are taken from the opened file, so they cannot change between check and use. The directory
    is checked, too: who can write there could put another file in its place.

    Raises KeyUnavailable naming `shown`, never with the content; `when_missing` is the hint for that case.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyUnavailable("is missing", where=shown, hint=when_missing) from None
    except OSError as error:
        raise KeyUnavailable(f"cannot be opened ({error.strerror})", where=shown) from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyUnavailable("must be a regular file", where=shown)
        _refuse_strangers(facts, shown, mask=0o077, must=_OWNER_ONLY, hint="chmod 600 on it")
        directory = path.resolve().parent
        _refuse_strangers(
            directory.stat(),
            f"{shown}: its directory",
            mask=0o022,
            must="must be writable by its owner only",
            hint="chmod go-w on it",
            root_may_own=True,
        )
        if facts.st_size > limit:
            raise KeyUnavailable(f"must be smaller than {limit} bytes, is {facts.st_size}", where=shown)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise KeyUnavailable(f"cannot be read ({error.strerror})", where=shown) from None
    finally:
        os.close(descriptor)


def check_private(path: Path, shown: str) -> None:
    """Refuse a file that others may read or that belongs to another user; for files that are mapped, not read.

    Raises KeyUnavailable; the directory must have been checked by `read_private` of another file in it.
    """
    try:
        facts = path.lstat()
    except OSError as error:
        raise KeyUnavailable(f"cannot be opened ({error.strerror})", where=shown) from None
    if not stat.S_ISREG(facts.st_mode):
        raise KeyUnavailable("must be a regular file", where=shown)
    _refuse_strangers(facts, shown, mask=0o077, must=_OWNER_ONLY, hint="chmod 600 on it")


def _refuse_strangers(
    facts: os.stat_result, shown: str, *, mask: int, must: str, hint: str, root_may_own: bool = False
) -> None:
    if facts.st_uid != os.geteuid() and not (root_may_own and facts.st_uid == 0):
        raise KeyUnavailable(
            f"must belong to the user who runs pouch (uid {os.geteuid()}), belongs to uid {facts.st_uid}",
            where=shown,
            hint="chown it, or run pouch as its owner",
        )
    if stat.S_IMODE(facts.st_mode) & mask:
        raise KeyUnavailable(f"{must}, has mode {stat.S_IMODE(facts.st_mode):04o}", where=shown, hint=hint)


def create_private(path: Path, content: bytes) -> None:
    """Write a new file (0600) in one step. Raises FileExistsError rather than replace one; OSError."""
    with _written(path, content) as temporary:
        os.link(temporary, path)  # unlike rename, never replaces what is there
    sync_directory(path.parent)


def replace_private(path: Path, content: bytes, *, shred: bool = False) -> None:
    """Write a file (0600) in one step, in place of what was there. Raises OSError.

    With `shred`, the bytes that were there before are overwritten with zeros once the new ones are in place; a
    failure of that is no failure of the replacement, so it is not told.
    """
    old = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW) if shred else None
    try:
        with _written(path, content) as temporary:
            temporary.replace(path)
        sync_directory(path.parent)
        if old is not None:
            with suppress(OSError):
                overwrite(old)
    finally:
        if old is not None:
            os.close(old)


def shred_private(path: Path) -> None:
    """Overwrite a file with zeros, then remove it. Raises OSError; a file that is gone already is fine."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        overwrite(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    sync_directory(path.parent)


def overwrite(descriptor: int) -> None:
    """Put zeros over every byte of an open file, and sync."""
    size = os.fstat(descriptor).st_size
    for at in range(0, size, _BLOCK):
        os.pwrite(descriptor, bytes(min(_BLOCK, size - at)), at)
    os.fsync(descriptor)


def remove_temporary(path: Path) -> None:
    """Shred what a killed process left of writing this file. Only for who holds the directory alone."""
    for left in path.parent.glob(f"{TEMPORARY}{path.name}-*"):
        with suppress(OSError):
            shred_private(left)


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[Path]:
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
