"""Keys of subjects around a run: what was erased is settled before it, what is missing is made before the main pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.engines.local import LocalEngine
from pipeline.engines.subjects import CollectSubjects, SubjectFile, tables_with_subject_keys
from pipeline.errors import KeyUnavailable
from pipeline.events import Progress
from pipeline.intake import Cut
from pipeline.keys import read_file
from pipeline.keys.locking import held
from pipeline.keys.sorted_digests import map_sorted
from pipeline.keys.subject_changes import changing, make_subject_keys
from pipeline.keys.subject_store import SubjectStore, open_store, store_directory
from pipeline.protect.model import Plan
from pipeline.state import State, anchor, refuse_rolled_back
from pipeline.state.anchors import ERASE, erased_under, erasing, erasures
from transforms import Keyring

_PUT_BACK = "put the newest key store back; where it is lost, `pouch erase JOB --replay` erases again"


def refuse_older(ref: KeyringRef, base: Path, store: State) -> None:
    """Raise KeyUnavailable where the keyring is a backup of before the last change that this state has seen."""
    file = read_file(ref, base)
    hint = "put the newest keyring back; its generation stands in the file"
    refuse_rolled_back(store, f"keyring {file.name}", file.generation, ref.file, hint)


def settle(ref: KeyringRef, base: Path, keyring: Keyring, store: State) -> SubjectStore | None:
    """Make sure that keyring, key store and tombstones are of one time; return the key store, if there is one.

    An erasure that was killed half-way is finished: the key store remembers it first, the tombstone follows. Call it
    under the state's lock. Raises KeyUnavailable where an old keyring or key store was put back.
    """
    refuse_older(ref, base, store)
    directory = store_directory(ref, base)
    keys = open_store(directory, keyring)
    name = read_file(ref, base).name
    remembered = {bytes.fromhex(digest) for digest in keys.file.erased} if keys else set()
    refuse_rolled_back(
        store, anchor_name(name), keys.file.generation if keys else 0, directory.name, _PUT_BACK
    )
    if erased_under(store, name) - remembered:
        raise KeyUnavailable(
            "is older than an erasure that this state remembers: a backup of before it was put back",
            where=directory.name,
            hint=_PUT_BACK,
        )
    if keys is not None and any(keys.keys(sorted(remembered))):
        with changing(directory, keyring):  # finishes what a killed erasure left
            pass
    for digest in sorted(remembered - store.tombstones.all()):
        store.audit.append(
            who="pouch", action=ERASE, what=erasing(digest, name), reason="the key store remembers it"
        )
        store.tombstones.add(digest)
    return keys


def refuse_unknown_erasures(ref: KeyringRef, base: Path, store: State) -> None:
    """Raise KeyUnavailable where more people were erased under another keyring than under this one.

    A digest names a subject under its own keyring only, so this one would let those people through. The digests of two
    keyrings cannot be compared, only counted: whoever was erased under one must be erased under the other, too.
    """
    counts = {keyring: len(digests) for keyring, digests in erasures(store).items()}
    most, here = max(counts.values(), default=0), counts.get(read_file(ref, base).name, 0)
    if here < most:
        raise KeyUnavailable(
            f"knows {here} of at least {most} people whose erasure this state remembers:"
            " the others were erased under another keyring",
            where=ref.file,
            hint="put that keyring back; where it is lost, or two jobs share the state, erase them under this one, too",
        )


def anchor_name(keyring: str) -> str:
    """What anchors call the key store of a keyring: whatever store lies there must have come as far."""
    return f"key store of {keyring}"


@contextmanager
def subject_keys_ready(
    plan: Plan,
    cuts: Mapping[str, Cut],
    engine: LocalEngine,
    progress: Progress,
    ref: KeyringRef,
    base: Path,
    keyring: Keyring,
    store: State,
    staging: Path,
    links: Path,
) -> Iterator[Path | None]:
    """Give every subject of the plan's tables a key, and hold the key store while children read it.

    Yields the store's directory, None where no column is encrypted under the keys of subjects. Keys that a run makes
    and does not come to use are used by the next. Raises LockHeld, KeyUnavailable.
    """
    tables = tables_with_subject_keys(plan)
    if not tables:
        yield None
        return
    to_read = [cuts[name] for name in tables]
    progress.start("collecting subjects", sum(len(cut.slices) for cut in to_read))
    found: list[SubjectFile] = engine.map_slices(CollectSubjects(plan, base, links), to_read, progress)
    directory = store_directory(ref, base)
    keys, made = make_subject_keys(directory, keyring, [map_sorted(staging / one.path) for one in found])
    for one in found:
        (staging / one.path).unlink()
    if made:
        name = anchor_name(read_file(ref, base).name)
        anchor(store, name, keys.file.generation, f"made the keys of {made} subjects")
    with held(directory, directory.name, shared=True):
        yield directory
