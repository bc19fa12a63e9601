"""Change a keyring: a new active master, or the end of one.

Both write the whole file anew, in one step, while nobody else changes it: a process killed at any moment leaves the
old keyring or the new one. Bytes of an old file in which a master was alive are overwritten before they are given
back to the disk.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable, nearest
from pipeline.keys.keyring_file import KeyringFile, Master, render
from pipeline.keys.locking import held
from pipeline.keys.making import day, new_id
from pipeline.keys.opening import MasterSummary, Unlocked, resealed, summary_of, unlock
from pipeline.keys.private_files import remove_temporary, replace_private
from transforms.keyring import MASTER_BYTES, Keyring
from transforms.primitives import wrap_key


def rotate_keyring(ref: KeyringRef, base: Path, *, today: date | None = None) -> MasterSummary:
    """Make a new master active and retire the one before; return what is public about the new one.

    Retired masters still open what they made. Tokens of the new master join with none of before.
    Raises what `open_keyring` raises, LockHeld where another process changes the keyring.
    """
    with _changing(ref, base) as unlocked:
        fresh = secrets.token_bytes(MASTER_BYTES)
        key_id = new_id(tuple(master.id for master in unlocked.file.masters))
        master = Master(
            id=key_id,
            created=day(today),
            state="active",
            wrapped=wrap_key(unlocked.wrapping_key, fresh).hex(),
            check=Keyring({key_id: fresh}, key_id).check_value(),
        )
        before = tuple(
            old.model_copy(update={"state": "retired"}) if old.state == "active" else old
            for old in unlocked.file.masters
        )
        _write(ref, base, unlocked, (*before, master), shred=False)
        return summary_of(master)


def destroy_masters(
    ref: KeyringRef, base: Path, key_ids: tuple[str, ...], *, today: date | None = None
) -> tuple[MasterSummary, ...]:
    """Destroy masters for ever; return what is left of them to know. Who was destroyed before stays so.

    Guarantee: the keyring holds nothing of them any more, and nobody who has only it and the wrapping key can open
    what they made. Not in reach: copies of the keyring file in backups, snapshots and spare blocks of a disk.
    Raises what `open_keyring` raises, JobWrong for an unknown id, LockHeld.
    """
    with _changing(ref, base) as unlocked:
        known = {master.id: master for master in unlocked.file.masters}
        for key_id in key_ids:
            if key_id not in known:
                raise JobWrong(
                    f"no key {key_id} in this keyring", where=ref.file, hint=nearest(key_id, known) or _LIST
                )
        gone = {"state": "destroyed", "wrapped": "", "destroyed": day(today)}
        after = tuple(
            master.model_copy(update=gone) if master.id in key_ids and master.wrapped else master
            for master in unlocked.file.masters
        )
        if after != unlocked.file.masters:
            _write(ref, base, unlocked, after, shred=True)
        return tuple(summary_of(master) for master in after if master.id in key_ids)


_LIST = "pouch keys list JOB lists them"


@contextmanager
def _changing(ref: KeyringRef, base: Path) -> Iterator[Unlocked]:
    path = base / ref.file
    if not path.parent.is_dir():
        unlock(ref, base)  # says what is missing
    with held(path.parent, ref.file):
        remove_temporary(path)
        yield unlock(ref, base)


def _write(
    ref: KeyringRef, base: Path, unlocked: Unlocked, masters: tuple[Master, ...], *, shred: bool
) -> None:
    file: KeyringFile = unlocked.file.model_copy(
        update={
            "generation": unlocked.file.generation + 1,
            "lasting": wrap_key(unlocked.wrapping_key, unlocked.lasting).hex(),
            "masters": masters,
        }
    )
    try:
        replace_private(base / ref.file, render(resealed(unlocked.wrapping_key, file)), shred=shred)
    except OSError as error:
        raise KeyUnavailable(
            f"cannot be written ({error.strerror}); the keyring is as it was",
            where=ref.file,
            hint="free space or repair the disk, then do it again",
        ) from None
    unlock(ref, base)  # opened once before anybody relies on it
