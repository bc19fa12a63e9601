"""Make a keyring: one random master and one lasting secret, in one step."""

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys.keyring_file import render
from pipeline.keys.opening import MasterSummary, open_keyring, summary_of, wrapped_file
from pipeline.keys.private_files import create_private, private_directory
from pipeline.keys.wrapping import create_wrapping_file, new_wrapping, refuse_neighbor
from transforms.keyring import MASTER_BYTES


@dataclass(frozen=True)
class InitSummary:
    """What `init_keyring` made."""

    master: MasterSummary
    keyring_file: str  # as configured
    wrapping_file_made: str | None  # as configured; None where the wrapping key was there already
    kept_aside: str | None  # where the keyring that was replaced lies now


def init_keyring(
    ref: KeyringRef, base: Path, *, force: bool = False, today: date | None = None
) -> InitSummary:
    """Make a keyring with one random master (256 bits from the operating system), in one step.

    A keyring that exists is never overwritten: without `force` it is refused (JobWrong), with `force` it is
    kept under another name beside the new one, because without it old tokens can never be opened again. The
    wrapping key must exist; only a demonstration (`demo: true`, `{file: …}`) gets one made.

    Raises what `open_keyring` raises; the new keyring is opened once before this returns.
    """
    refuse_neighbor(ref, base)
    path = base / ref.file
    if path.exists() and not force:
        raise _exists(ref)
    try:
        made = create_wrapping_file(ref, base)
        how, wrapping = new_wrapping(ref, base)
        private_directory(path.parent)
        aside = _keep_aside(path) if force else None
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
    return InitSummary(
        master=summary_of(file.masters[0]),
        keyring_file=ref.file,
        wrapping_file_made=ref.wrapped_by.file if made else None,
        kept_aside=aside,
    )


def new_id(taken: tuple[str, ...]) -> str:
    """A key id that is not taken. It is public and says nothing of the key."""
    while (found := f"k{secrets.token_hex(3)}") in taken:
        pass
    return found


def day(today: date | None) -> str:
    """The UTC day, where nobody gives another one."""
    return (today or datetime.now(UTC).date()).isoformat()


def _keep_aside(path: Path) -> str | None:
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.replaced-{secrets.token_hex(4)}")
    path.rename(aside)
    return aside.name


def _exists(ref: KeyringRef) -> JobWrong:
    return JobWrong(
        "exists; without it, tokens made with it can never be opened again",
        where=ref.file,
        hint="it is never overwritten; move it away first if its tokens are no longer needed",
    )
