"""Make a keyring, open it, and list what is public about it."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys.keyring_file import KeyringFile, Master, parse, render, sealed_part
from pipeline.keys.private_files import create_private, private_directory, read_private
from pipeline.keys.wrapping import create_wrapping_file, read_wrapping_key, refuse_neighbor
from transforms.errors import TransformError
from transforms.keyring import MASTER_BYTES, Keyring
from transforms.primitives import Unauthentic, encode_fields, hkdf_sha256, hmac_sha256, unwrap_key, wrap_key

_HOW_TO_INIT = "pouch keys init JOB makes one"
_SEAL_INFO = "pouch/keyring-seal/1"


@dataclass(frozen=True)
class MasterSummary:
    """What is public about one master key."""

    id: str
    created: str  # UTC day
    state: str  # active | retired
    check: str  # 16 hex digits that name the key without telling it


@dataclass(frozen=True)
class InitSummary:
    """What `init_keyring` made."""

    master: MasterSummary
    keyring_file: str  # as configured
    wrapping_file_made: str | None  # as configured; None where the wrapping key was there already
    kept_aside: str | None  # where the keyring that was replaced lies now


def open_keyring(ref: KeyringRef, base: Path) -> Keyring:
    """Unlock a keyring; relative paths are relative to `base` (the working directory).

    Guarantee: every master unwrapped under the given wrapping key, its check value matches, and every byte of
    the file is as it was written (AES-KWP per master, NIST SP 800-38F; HMAC-SHA-256 over the file); otherwise
    nothing is returned. An environment variable that held the wrapping key is gone afterwards, so no child
    inherits it.

    Raises KeyUnavailable (missing, wrong or weak key, changed file, file open to others), JobWrong (the
    reference itself), NotBuilt (passphrase, KMS). No message holds key bytes.
    """
    refuse_neighbor(ref, base)
    file = parse(read_private(base / ref.file, ref.file, when_missing=_HOW_TO_INIT), ref.file)
    wrapping = read_wrapping_key(ref, base)
    try:
        masters = {master.id: unwrap_key(wrapping, bytes.fromhex(master.wrapped)) for master in file.masters}
    except Unauthentic:
        raise KeyUnavailable(
            "the wrapping key does not open this keyring",
            where=ref.file,
            hint="give the wrapping key that the keyring was made with",
        ) from None
    if not hmac.compare_digest(_seal(wrapping, file), file.seal):
        raise KeyUnavailable(
            "was changed after Pouch wrote it",
            where=ref.file,
            hint="restore the keyring file from its backup",
        )
    try:
        keyring = Keyring(masters, file.active)
    except TransformError as error:
        raise KeyUnavailable(str(error), where=ref.file) from None
    for master in file.masters:
        if not hmac.compare_digest(keyring.check_value(master.id), master.check):
            raise KeyUnavailable(
                f"the check value of key {master.id} does not match",
                where=ref.file,
                hint="restore the keyring file from its backup",
            )
    return keyring


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
        wrapping = read_wrapping_key(ref, base)
        private_directory(path.parent)
        aside = _keep_aside(path) if force else None
        master_id = f"k{secrets.token_hex(3)}"
        created = (today or datetime.now(UTC).date()).isoformat()
        file = _new_file(wrapping, master_id, created)
        create_private(path, render(file))
    except FileExistsError:
        raise _exists(ref) from None
    except OSError as error:
        raise KeyUnavailable(f"cannot be written ({error.strerror})", where=ref.file) from None
    open_keyring(ref, base)
    return InitSummary(
        master=_summary(file.masters[0]),
        keyring_file=ref.file,
        wrapping_file_made=ref.wrapped_by.file if made else None,
        kept_aside=aside,
    )


def describe(ref: KeyringRef, base: Path) -> tuple[MasterSummary, ...]:
    """List the masters, oldest first. Needs no wrapping key; so what it says is not authenticated."""
    file = parse(read_private(base / ref.file, ref.file, when_missing=_HOW_TO_INIT), ref.file)
    return tuple(_summary(master) for master in file.masters)


def wrapped_file(
    wrapping: bytes, masters: Mapping[str, bytes], active: str, created: Mapping[str, str]
) -> KeyringFile:
    """Wrap and seal masters (id -> 32 bytes; id -> day of creation): what `open_keyring` opens."""
    keyring = Keyring(masters, active)
    file = KeyringFile(
        masters=tuple(
            Master(
                id=key_id,
                created=created[key_id],
                state="active" if key_id == active else "retired",
                wrapped=wrap_key(wrapping, master).hex(),
                check=keyring.check_value(key_id),
            )
            for key_id, master in masters.items()
        )
    )
    return file.model_copy(update={"seal": _seal(wrapping, file)})


def _new_file(wrapping: bytes, master_id: str, created: str) -> KeyringFile:
    return wrapped_file(
        wrapping, {master_id: secrets.token_bytes(MASTER_BYTES)}, master_id, {master_id: created}
    )


def _seal(wrapping: bytes, file: KeyringFile) -> str:
    # AES-KWP uses the wrapping key itself; the seal uses a key derived from it, so neither helps with the
    # other.
    key = hkdf_sha256(wrapping, encode_fields(_SEAL_INFO), 32)
    return hmac_sha256(key, sealed_part(file)).hex()


def _keep_aside(path: Path) -> str | None:
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.replaced-{secrets.token_hex(4)}")
    path.rename(aside)
    return aside.name


def _summary(master: Master) -> MasterSummary:
    return MasterSummary(id=master.id, created=master.created, state=master.state, check=master.check)


def _exists(ref: KeyringRef) -> JobWrong:
    return JobWrong(
        "exists; without it, tokens made with it can never be opened again",
        where=ref.file,
        hint="it is never overwritten; move it away first if its tokens are no longer needed",
    )
