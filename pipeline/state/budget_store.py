"""The bytes of released statistics, kept in the state: what is asked again is served again, never drawn again.

<state>/statistics/<release id>/<file>                   0700; renamed into place when all is on disk
<state>/statistics/<release id>.<digest>/<file>          the same, once what is kept beside the tables was replaced
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import CheckFailed
from pipeline.keys.private_files import private_directory, sync_directory
from pipeline.state.directory import PARTIAL, State, disk_failures

FOLDER = "statistics"
_BLOCK = 1 << 20


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
    return _put(store, release, release, files)


def replace_content(store: State, release: str, files: Mapping[str, bytes]) -> str:
    """Put other bytes of a stored release beside the old ones and return their digest; the ledger then names them."""
    return _put(store, release, _replaced(release, content_digest(files)), files)


def sweep_contents(store: State, current: Mapping[str, str]) -> None:
    """Remove what the ledger names no longer; `current` has the digest of every stored release."""
    root = store.root / FOLDER
    kept = {_place(store, release, digest).name for release, digest in current.items()}
    with disk_failures(FOLDER):
        for path in root.iterdir() if root.is_dir() else ():
            if path.name not in kept:
                shutil.rmtree(path)


def _replaced(release: str, digest: str) -> str:
    return f"{release}.{digest[:16]}"


def _place(store: State, release: str, digest: str) -> Path:
    replaced = store.root / FOLDER / _replaced(release, digest)
    return replaced if replaced.is_dir() else store.root / FOLDER / release


def _put(store: State, release: str, name: str, files: Mapping[str, bytes]) -> str:
    root = store.root / FOLDER
    with disk_failures(FOLDER):
        private_directory(root)
        partial, place = root / f"{PARTIAL}{release}", root / name
        for stale in (partial, place):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir(mode=0o700)
        for file, content in files.items():
            target = partial / file
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(target, content)
        for directory in (*(path for path in partial.rglob("*") if path.is_dir()), partial):
            sync_directory(directory)
        partial.rename(place)
        sync_directory(root)
    return content_digest(files)


def read_content(store: State, release: str, digest: str) -> dict[str, bytes]:
    """Return the stored bytes of a release. Raises CheckFailed where they are not what was stored."""
    place = _place(store, release, digest)
    with disk_failures(FOLDER):
        files = {
            str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()
        }
    if content_digest(files) != digest:
        raise _changed()
    return files


def content_files(store: State, release: str, digest: str) -> dict[str, Path]:
    """Return the stored files of a release, verified but not in memory. Raises CheckFailed as `read_content` does."""
    place = _place(store, release, digest)
    with disk_failures(FOLDER):
        found = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
        whole = hashlib.sha256()
        for name, path in sorted(found.items()):
            whole.update(len(name.encode()).to_bytes(8, "big") + name.encode())
            whole.update(path.stat().st_size.to_bytes(8, "big"))
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    whole.update(block)
    if whole.hexdigest() != digest:
        raise _changed()
    return found


def _changed() -> CheckFailed:
    return CheckFailed(
        "a stored release of statistics is missing or was changed",
        where=FOLDER,
        hint="restore the state from its backup: a release is never drawn twice",
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
