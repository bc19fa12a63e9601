"""Change a key store: make keys for new subjects, destroy those of erased ones."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from pipeline.errors import KeyUnavailable
from pipeline.keys.locking import held
from pipeline.keys.private_files import (
    TEMPORARY,
    create_private,
    private_directory,
    replace_private,
    shred_private,
    sync_directory,
)
from pipeline.keys.sorted_digests import Digests, digests_from, joined, places_of
from pipeline.keys.subject_store import (
    DIGEST_BYTES,
    KEY_BYTES,
    MOST_SEGMENTS,
    RECORD,
    STORE,
    SUFFIX,
    WRAPPED_BYTES,
    StoreFile,
    SubjectStore,
    fingerprint,
    mapped,
    new_file,
    open_store,
    render,
    sealed,
)
from transforms.keyring import Keyring

_BLOCK = 1 << 16  # keys made at a time

Entropy = Callable[[int], bytes]


def make_subject_keys(
    directory: Path,
    keyring: Keyring,
    digests: Sequence[Digests],
    *,
    entropy: Entropy = secrets.token_bytes,
) -> tuple[SubjectStore, int]:
    """Give every subject a random key that has none yet; return the store and how many were made.

    Args:
        directory: of the store; made where absent.
        keyring: whose lasting secret wraps the keys.
        digests: files of digests, sorted and each once, in any number.
        entropy: for tests; n random bytes.

    Keys are made in the order of the digests, so the store tells nothing of the order in which people came, and it
    does not matter who collected them. Raises LockHeld, KeyUnavailable.

    """
    standing = open_store(directory, keyring)
    if standing is not None and not any(True for _ in _new_digests(standing, digests)):
        return standing, 0  # nothing to change: other runs may go on reading
    with changing(directory, keyring) as store:
        new = _new_digests(store, digests)
        made, name = 0, _next_name(store.file)
        temporary = directory / f"{TEMPORARY}{name}"
        with _disk(directory), _private_file(temporary) as file:
            for block in new:
                keys = entropy(KEY_BYTES * len(block))
                file.write(_records(store, block, keys).tobytes())
                made += len(block)
        if not made:
            with _disk(directory):
                temporary.unlink()
            return store, 0
        with _disk(directory):
            temporary.replace(directory / name)
            sync_directory(directory)
        after = _write(store, keyring, segments=(*store.file.segments, name))
        if len(after.file.segments) > MOST_SEGMENTS:
            after = _merge(after, keyring)
        return after, made


def erase_subjects(
    directory: Path, keyring: Keyring, digests: Sequence[bytes], *, at_least: int = 0
) -> SubjectStore:
    """Destroy the keys of subjects and remember them as erased, in a store that is made where absent.

    Guarantee: when this returns, the store holds nothing of these keys, and nobody who has store, keyring and wrapping
    key can open what was encrypted with them. Not in reach: copies of the store in backups, snapshots and spare
    blocks of a disk. Other subjects' records are not touched. The store's generation is above `at_least` afterwards: an
    old store that was put back catches up with what has been seen. Raises LockHeld, KeyUnavailable.
    """
    with changing(directory, keyring) as store:
        names = [digest.hex() for digest in digests if digest.hex() not in set(store.file.erased)]
        erased = (*store.file.erased, *dict.fromkeys(names))
        behind = store.file.generation < at_least
        after = _write(store, keyring, at_least, erased=erased) if names or behind else store
        _shred(after, digests)
        return after


@contextmanager
def changing(directory: Path, keyring: Keyring) -> Iterator[SubjectStore]:
    """Hold a store alone, sound: what a killed process began is finished, what it left is removed."""
    with _disk(directory):
        private_directory(directory)
    with held(directory, directory.name):
        store = open_store(directory, keyring)
        with _disk(directory):
            for left in directory.glob(f"{TEMPORARY}*"):
                shred_private(left)
            named = store.file.segments if store else ()
            for path in directory.glob(f"*{SUFFIX}"):
                if path.name not in named:
                    shred_private(path)
        if store is None:
            first = sealed(new_file(), keyring)
            with _disk(directory):
                create_private(directory / STORE, render(first))
            store = open_store(directory, keyring)
            assert store is not None  # it was written a line above
        _shred(store, [bytes.fromhex(name) for name in store.file.erased])
        yield store


def _new_digests(store: SubjectStore, digests: Sequence[Digests]) -> Iterator[Digests]:
    erased = digests_from([bytes.fromhex(name) for name in store.file.erased])
    for found in joined(digests) if digests else ():
        gone = np.zeros(len(found), dtype=bool)
        gone[[at for at in places_of(erased, found) if at >= 0]] = True
        fresh = found[~(store.known(found) | gone)]
        for start in range(0, len(fresh), _BLOCK):
            yield fresh[start : start + _BLOCK]


def _records(store: SubjectStore, digests: Digests, keys: bytes) -> Digests:
    data = digests.tobytes()
    names = [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]
    wrapped = store.wrapped(names, [keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES)])
    records = np.zeros(len(digests), dtype=RECORD)
    records["high"], records["low"] = digests["high"], digests["low"]
    records["wrapped"] = np.frombuffer(b"".join(wrapped), dtype=RECORD["wrapped"])
    return records


def _shred(store: SubjectStore, digests: Iterable[bytes]) -> None:
    """Put zeros over the keys of subjects, wherever they are; zeros already there are left."""
    wanted = digests_from(list(digests))
    for name in store.file.segments:
        records = mapped(store.directory / name)
        places = [int(at) for at in places_of(wanted, records) if at >= 0]
        living = [at for at in places if any(records["wrapped"][at].tobytes())]
        if not living:
            continue
        with _disk(store.directory):
            descriptor = os.open(store.directory / name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                for at in living:
                    os.pwrite(descriptor, bytes(WRAPPED_BYTES), at * RECORD.itemsize + DIGEST_BYTES)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _merge(store: SubjectStore, keyring: Keyring) -> SubjectStore:
    """Put all files of records into one: look-ups search each. The old ones are shredded."""
    files = [mapped(store.directory / name) for name in store.file.segments]
    name = _next_name(store.file)
    temporary = store.directory / f"{TEMPORARY}{name}"
    with _disk(store.directory):
        with _private_file(temporary) as file:
            for found in joined(files):  # whole records, ordered by their digests
                file.write(found.tobytes())
        temporary.replace(store.directory / name)
        sync_directory(store.directory)
    before = store.file.segments
    after = _write(store, keyring, segments=(name,))
    with _disk(store.directory):
        for old in before:
            shred_private(store.directory / old)
    return after


def _write(
    store: SubjectStore, keyring: Keyring, at_least: int = 0, **changes: tuple[str, ...]
) -> SubjectStore:
    if "segments" in changes:
        files = (mapped(store.directory / name) for name in changes["segments"])
        changes["fingerprints"] = tuple(fingerprint(records) for records in files)
    generation = max(store.file.generation, at_least) + 1
    changed: StoreFile = store.file.model_copy(update={**changes, "generation": generation})
    file = sealed(changed, keyring)
    with _disk(store.directory):
        replace_private(store.directory / STORE, render(file))
    return SubjectStore(store.directory, file, store.digest, store.wrapping_key)


def _next_name(file: StoreFile) -> str:
    last = max((int(name.removesuffix(SUFFIX)) for name in file.segments), default=0)
    return f"{last + 1:08d}{SUFFIX}"


class _PrivateFile:
    """A new file that only its owner may read, synced at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """All of it."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


@contextmanager
def _private_file(path: Path) -> Iterator[_PrivateFile]:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        yield _PrivateFile(descriptor)
        os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            shred_private(path)
        raise
    finally:
        os.close(descriptor)


@contextmanager
def _disk(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyUnavailable(
            f"the key store cannot be written ({error.strerror or 'input/output error'}); every key that it held"
            " is still there, or was to be destroyed",
            where=directory.name,
            hint="free space or repair the disk, then do it again",
        ) from None
