"""The bytes of released statistics, kept in the state: what is asked again is served again, never drawn again.

<state>/statistics/<release id>/<file>      0700; renamed into place when all is on disk
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import CheckFailed
from pipeline.keys.private_files import private_directory
from pipeline.state.directory import PARTIAL, State, disk_failures

FOLDER = "statistics"


def content_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, each length-prefixed, in order of names; hex."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def store_content(store: State, release: str, files: Mapping[str, bytes]) -> str:
    """Put the bytes of a release into the state and return their digest; on disk, directory and all, when it returns.

    What a crash left half-written is replaced. Raises PublishFailed where the disk refuses.
    """
    root = store.root / FOLDER
    with disk_failures(FOLDER):
        private_directory(root)
        partial, place = root / f"{PARTIAL}{release}", root / release
        for stale in (partial, place):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir(mode=0o700)
        for name, content in files.items():
            target = partial / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(target, content)
        for directory in (*(path for path in partial.rglob("*") if path.is_dir()), partial):
            _flush(directory)
        partial.rename(place)
        _flush(root)
    return content_digest(files)


def read_content(store: State, release: str, digest: str) -> dict[str, bytes]:
    """Return the stored bytes of a release. Raises CheckFailed where they are not what was stored."""
    place = store.root / FOLDER / release
    with disk_failures(FOLDER):
        files = {
            str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()
        }
    if content_digest(files) != digest:
        raise CheckFailed(
            "a stored release of statistics is missing or was changed",
            where=FOLDER,
            hint="restore the state from its backup: a release is never drawn twice",
        )
    return files


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
