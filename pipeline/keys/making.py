"""Make a keyring: one random master and one lasting secret, in one step."""

import secrets
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys.keyring_file import render
from pipeline.keys.opening import MasterSummary, open_keyring, summary_of, wrapped_file
from pipeline.keys.private_files import create_private, private_directory
from pipeline.keys.wrapping import create_wrapping_file, new_wrapping, refuse_neighbor
from transforms.keyring import MASTER_BYTES


def init_keyring(ref: KeyringRef, base: Path, *, today: date | None = None) -> MasterSummary:
    """Make a keyring with one random master (256 bits from the operating system), in one step; return what is public.

    A keyring that exists is never overwritten (JobWrong), because without it old tokens can never be opened again. The
    wrapping key must exist; only a demonstration (`demo: true`, `{file: …}`) gets one made.

    Raises what `open_keyring` raises; the new keyring is opened once before this returns.
    """
    refuse_neighbor(ref, base)
    path = base / ref.file
    if path.exists():
        raise _exists(ref)
    try:
        create_wrapping_file(ref, base)
        how, wrapping = new_wrapping(ref, base)
        private_directory(path.parent)
        master_id = new_id(())
        file = wrapped_file(
            wrapping,
            {master_id: secrets.token_bytes(MASTER_BYTES)},
            master_id,
            {master_id: day(today)},
            lasting=secrets.token_bytes(MASTER_BYTES),
            how=how,
        )
        create_private(path, render(file))
    except FileExistsError:
        raise _exists(ref) from None
    except OSError as error:
        raise KeyUnavailable(f"cannot be written ({error.strerror})", where=ref.file) from None
    open_keyring(ref, base)
    return summary_of(file.masters[0])


def new_id(taken: tuple[str, ...]) -> str:
    """A key id that is not taken. It is public and says nothing of the key."""
    while (found := f"k{secrets.token_hex(3)}") in taken:
        pass
    return found


def day(today: date | None) -> str:
    """The UTC day, where nobody gives another one."""
    return (today or datetime.now(UTC).date()).isoformat()


def _exists(ref: KeyringRef) -> JobWrong:
    return JobWrong(
        "exists; without it, tokens made with it can never be opened again",
        where=ref.file,
        hint="it is never overwritten; move it away first if its tokens are no longer needed",
    )
