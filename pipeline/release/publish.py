"""Publish one release: all of it or nothing, and what was published before stays until the swap.

    <out>/.staging-*/                      0700, same file system; children wrote the parts here
    <out>/<recipient>/.releases/<id>/      the tree; id = digest of its SHA256SUMS, so of its content
    <out>/<recipient>/<date>               relative symlink to it, swapped by rename

Guarantee: whatever fails before the swap (no space, I/O error, kill) leaves the published release as it was;
the swap is one rename of a symlink; a failure after it is taken back. Everything is on disk before the swap.
Trees and staging directories that a killed run left behind are removed by the next one. A superseded tree is
removed after the swap: it may hold subjects who have withdrawn since, so it must not stay beside the new one.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import JobWrong, PublishFailed
from pipeline.keys.private_files import sync_directory
from pipeline.release.sealing import AT_A_TIME, Digest, nothing_sealed, sealed

STAGING = ".staging-"
RELEASES = ".releases"
SUMS = "SHA256SUMS"
SUCCESS = "_SUCCESS"
_LINK = ".link-"
_DIRECTORY_MODE = 0o750
_ID_DIGITS = 32


@dataclass(frozen=True)
class Published:
    """A release that readers can see."""

    id: str
    path: Path  # the dated symlink
    digest: str  # SHA-256 of SHA256SUMS, hex
    files: int
    bytes: int
    changed: bool  # False: the same content was published already, nothing was touched


# ------------------------------------------------------------------ staging


@contextmanager
def open_staging(out: Path) -> Iterator[Path]:
    """Make a private staging directory under `out`, remove it afterwards, and what dead runs left before.

    Raises PublishFailed where `out` cannot be written.
    """
    # Named before it is there: Ctrl-C may come right after.
    staging = out / f"{STAGING}{secrets.token_hex(8)}"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, staging, ignore_errors=True)
        try:
            out.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            remove_leftovers(out)
            staging.mkdir(mode=0o700)
            lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells other runs that this directory is alive
        except OSError as error:
            raise PublishFailed(
                f"the staging directory cannot be made ({_reason(error)})", where=str(out)
            ) from None
        yield staging


def remove_leftovers(out: Path) -> int:
    """Remove staging of dead runs, temporary links and trees that no date shows; return how many."""
    removed = 0
    for staging in out.glob(f"{STAGING}*"):
        if not staging.is_symlink() and _is_dead(staging):
            shutil.rmtree(staging, ignore_errors=True)
            removed += 1
    for trees in out.glob(f"*/{RELEASES}"):
        if trees.is_symlink() or trees.parent.is_symlink():
            continue  # not ours: what it points to is not to be removed
        with suppress(BlockingIOError), _locked(trees, wait=False):
            for link in trees.parent.glob(f"{_LINK}*"):
                link.unlink(missing_ok=True)
                removed += 1
            shown = _shown(trees.parent)
            for tree in trees.iterdir():
                if tree.name not in shown:
                    _remove_tree(tree, out)
                    removed += 1
    return removed


def _is_dead(staging: Path) -> bool:
    try:
        handle = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


@contextmanager
def _locked(directory: Path, *, wait: bool) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def _shown(recipient: Path) -> frozenset[str]:
    """Names of the trees that some date shows."""
    links = (
        entry for entry in recipient.iterdir() if entry.is_symlink() and not entry.name.startswith(_LINK)
    )
    return frozenset(link.readlink().name for link in links)


# ------------------------------------------------------------------ publishing


def publish_release(
    out: Path,
    staging: Path,
    recipient: str,
    date: str,
    files: Mapping[str, Path],
    documents: Mapping[str, bytes],
    *,
    announce: Callable[[str, str], None],
    digest_of: Digest = nothing_sealed,
    supersede: bool = False,
) -> Published:
    """Make a release visible.

    Args:
        out: root of the published trees.
        staging: private directory on the same file system; staged files are moved out of it.
        recipient: name of the recipient.
        date: of the release, YYYY-MM-DD.
        files: name inside the release -> staged file.
        documents: name inside the release -> content (manifest, data package).
        announce: called with the tree's id and digest when all is on disk and nothing is visible yet: the ledger's
            chance to remember the intent. What it raises stops the publishing.
        digest_of: tells SHA-256 of those staged files that are on disk already; what it raises counts as the disk's.
        supersede: whether a release with other content may be replaced.

    Raises:
        JobWrong: another content is published already and `supersede` is false.
        PublishFailed: the system refused, or the recipient's directory is a symbolic link; what was published
            before is unchanged.

    """
    where = f"{recipient}/{date}"
    trees = out / recipient / RELEASES
    _refuse_links(out, trees)
    try:
        tree = Path(tempfile.mkdtemp(prefix="tree-", dir=staging))
        size = _fill(tree, files, documents, digest_of)
        sums = (tree / SUMS).read_bytes()
        digest = hashlib.sha256(sums).hexdigest()
        announce(digest[:_ID_DIGITS], digest)
        trees.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        with _locked(trees, wait=True):
            changed = _show(tree, trees, date, digest, supersede=supersede)
    except OSError as error:
        raise PublishFailed(
            f"the release could not be published ({_reason(error)}); what was published before is unchanged",
            where=where,
            hint="make room or repair the disk, then run again",
        ) from None
    return Published(
        id=digest[:_ID_DIGITS],
        path=out / recipient / date,
        digest=digest,
        files=len(files) + len(documents) + 2,
        bytes=size,
        changed=changed,
    )


def _refuse_links(out: Path, trees: Path) -> None:
    for directory in (trees.parent, trees):
        if directory.is_symlink():
            raise PublishFailed(
                "is a symbolic link, and releases go only into directories of Pouch's own",
                where=str(directory.relative_to(out)),
                hint="put a directory in its place, or choose another --out, then run again",
            )


def _fill(tree: Path, files: Mapping[str, Path], documents: Mapping[str, bytes], digest_of: Digest) -> int:
    """Move files in, write documents, digest, and flush all to disk; return the bytes of the files."""
    size = 0
    digests: dict[str, str] = {}
    for name, source in sorted(files.items()):
        if (known := digest_of(source)) is not None:
            digests[name] = known
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        size += target.stat().st_size
    for name, content in sorted(documents.items()):
        _write(tree / name, content)
    names = sorted({*files, *documents} - digests.keys())
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        digests |= dict(zip(names, pool.map(lambda name: sealed(tree / name), names), strict=True))
    _write(tree / SUMS, "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode())
    sealed(tree / SUMS)
    _write(tree / SUCCESS, b"")
    sealed(tree / SUCCESS)
    for directory in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
        directory.chmod(_DIRECTORY_MODE)
        sync_directory(directory)
    tree.chmod(_DIRECTORY_MODE)
    sync_directory(tree)
    return size


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)


def _show(
    tree: Path,
    trees: Path,
    date: str,
    digest: str,
    *,
    supersede: bool,
) -> bool:
    """Move the tree in and let the date's link point to it; return whether anything changed."""
    recipient, release = trees.parent, digest[:_ID_DIGITS]
    link, goal = recipient / date, f"{RELEASES}/{release}"
    before = _target(link)
    target = trees / release
    if before == goal and _is_whole(target, tree):
        return False
    if before is not None and before != goal and not supersede:
        raise JobWrong(
            "is published already with other content",
            where=f"{recipient.name}/{date}",
            hint="--supersede replaces it",
        )
    if target.exists():
        if before == goal:
            raise PublishFailed(
                "the published tree was changed since it was published",
                where=f"{recipient.name}/{date}",
                hint="look at it with `pouch verify`, move it away, then run again",
            )
        _remove_tree(target, trees.parent.parent)  # a killed run left it; nobody sees it
    tree.rename(target)
    sync_directory(trees)
    _swap(link, goal)
    _flush_or_revert(link, before)
    if before is not None and Path(before).name not in _shown(recipient):
        _remove_tree(recipient / before, trees.parent.parent)
    return True


def _target(link: Path) -> str | None:
    try:
        if not stat.S_ISLNK(link.lstat().st_mode):
            raise PublishFailed(
                "there is something that Pouch did not put there", where=str(link.name), hint="move it away"
            )
    except FileNotFoundError:
        return None
    return str(link.readlink())


def _is_whole(published: Path, tree: Path) -> bool:
    """Whether the published tree still has the files and bytes of the staged one."""
    return published.is_dir() and _contents(published) == _contents(tree)


def _contents(tree: Path) -> dict[str, str]:
    # Digests, not sizes: a disk may change a byte and keep the size.
    files = {str(path.relative_to(tree)): path for path in tree.rglob("*") if path.is_file()}
    return {name: _digest(path) for name, path in files.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _swap(link: Path, goal: str) -> None:
    temporary = link.parent / f"{_LINK}{link.name}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(goal)
    try:
        temporary.rename(link)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _flush_or_revert(link: Path, before: str | None) -> None:
    """After the swap only this can fail: then the old link is put back, and the failure goes on."""
    try:
        sync_directory(link.parent)
    except OSError:
        with suppress(OSError):
            if before is None:
                link.unlink()
            else:
                _swap(link, before)
        raise


def _remove_tree(tree: Path, out: Path) -> None:
    """Take a tree out of sight first, so that nobody meets half of it. What stays, the next run removes."""
    with suppress(OSError):
        grave = Path(tempfile.mkdtemp(prefix=STAGING, dir=out))
        try:
            tree.rename(grave / tree.name)
        finally:
            shutil.rmtree(grave, ignore_errors=True)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
