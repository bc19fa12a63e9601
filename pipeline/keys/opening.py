"""Open a keyring, and list what is public about it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import KeyUnavailable
from pipeline.keys.keyring_file import (
    FORMAT,
    KeyringFile,
    Master,
    PlainKey,
    ScryptCost,
    Wrapping,
    parse,
    sealed_part,
)
from pipeline.keys.private_files import read_private
from pipeline.keys.weakness import weakness_of
from pipeline.keys.wrapping import read_wrapping_key, refuse_neighbor
from transforms.errors import TransformError
from transforms.keyring import Keyring
from transforms.primitives import Unauthentic, encode_fields, hkdf_sha256, hmac_sha256, unwrap_key, wrap_key

_HOW_TO_INIT = "pouch keys init JOB makes one"
_SEAL_INFO = "pouch/keyring-seal/1"


@dataclass(frozen=True)
class MasterSummary:
    """What is public about one master key."""

    id: str
    created: str  # UTC day
    state: str  # active | retired | destroyed
    check: str  # 16 hex digits that name the key without telling it
    destroyed: str = ""  # UTC day


@dataclass(frozen=True)
class Unlocked:
    """A keyring file with the key that opens it. Holds secrets: it lives for one change of the file."""

    file: KeyringFile
    wrapping_key: bytes
    masters: Mapping[str, bytes]
    lasting: bytes

    def __repr__(self) -> str:
        """No key."""
        return f"Unlocked({self.file.name})"


def open_keyring(ref: KeyringRef, base: Path, *, for_new_tokens: bool = True) -> Keyring:
    """Unlock a keyring; relative paths are relative to `base` (the working directory).

    Guarantee: every master unwrapped under the given wrapping key, its check value matches, and every byte of
    the file is as it was written (AES-KWP per master, NIST SP 800-38F; HMAC-SHA-256 over the file); otherwise
    nothing is returned. An environment variable that held the wrapping key is gone afterwards, so no child
    inherits it. With `for_new_tokens`, an active key must be there; without it, old ones are enough.

    Raises KeyUnavailable (missing, wrong, weak or destroyed key, changed file, file open to others), JobWrong (the
    reference itself). No message holds key bytes.
    """
    unlocked = unlock(ref, base)
    file = unlocked.file
    if not unlocked.masters or (for_new_tokens and file.active is None):
        gone = [master.id for master in file.masters if master.state == "destroyed"]
        raise KeyUnavailable(
            f"holds no active key: {', '.join(gone[-3:])} {'was' if len(gone) == 1 else 'were'} destroyed",
            where=ref.file,
            hint="pouch keys rotate JOB makes a new one; what was made with destroyed keys stays closed",
        )
    return Keyring(unlocked.masters, file.active, lasting=unlocked.lasting)


def unlock(ref: KeyringRef, base: Path) -> Unlocked:
    """Return the file with all of its secrets, checked as `open_keyring` says. Raises what that raises."""
    refuse_neighbor(ref, base)
    file = read_file(ref, base)
    wrapping = read_wrapping_key(ref, base, file.wrapping)
    try:
        masters = {m.id: unwrap_key(wrapping, bytes.fromhex(m.wrapped)) for m in file.masters if m.wrapped}
        lasting = unwrap_key(wrapping, bytes.fromhex(file.lasting)) if file.lasting else None
    except Unauthentic:
        what = "passphrase" if isinstance(file.wrapping, ScryptCost) else "wrapping key"
        raise KeyUnavailable(
            f"the {what} does not open this keyring",
            where=ref.file,
            hint=f"give the {what} that the keyring was made with",
        ) from None
    if not hmac.compare_digest(_seal(wrapping, file), file.seal):
        raise KeyUnavailable(
            "was changed after Pouch wrote it",
            where=ref.file,
            hint="restore the keyring file from its backup",
        )
    try:
        keyring = Keyring(masters, file.active if file.active in masters else None)
        lasting = lasting if lasting is not None else keyring.lasting_of_master()
    except TransformError as error:
        raise KeyUnavailable(str(error), where=ref.file) from None
    for master in file.masters:
        _check(master, masters, keyring, ref.file)
    return Unlocked(file, wrapping, masters, lasting)


def _check(master: Master, masters: Mapping[str, bytes], keyring: Keyring, shown: str) -> None:
    if master.id not in masters:
        return
    if not hmac.compare_digest(keyring.check_value(master.id), master.check):
        raise KeyUnavailable(
            f"the check value of key {master.id} does not match",
            where=shown,
            hint="restore the keyring file from its backup",
        )
    if weakness := weakness_of(masters[master.id]):
        raise KeyUnavailable(
            f"key {master.id} must be random, {weakness}",
            where=shown,
            hint="make keys with pouch keys init or pouch keys rotate only",
        )


def describe(ref: KeyringRef, base: Path) -> tuple[MasterSummary, ...]:
    """List the masters, oldest first. Needs no wrapping key; so what it says is not authenticated."""
    return tuple(summary_of(master) for master in read_file(ref, base).masters)


def read_file(ref: KeyringRef, base: Path) -> KeyringFile:
    """Return the keyring file, nothing of it opened. Raises KeyUnavailable."""
    return parse(read_private(base / ref.file, ref.file, when_missing=_HOW_TO_INIT), ref.file)


def wrapped_file(
    wrapping: bytes,
    masters: Mapping[str, bytes],
    active: str | None,
    created: Mapping[str, str],
    *,
    lasting: bytes | None = None,
    how: Wrapping | None = None,
) -> KeyringFile:
    """Wrap and seal masters (id -> 32 bytes; id -> day of creation): what `open_keyring` opens."""
    keyring = Keyring(masters, active)
    root = keyring.lasting_of_master() if lasting is None else lasting
    file = KeyringFile(
        wrapping=how or PlainKey(),
        lasting=wrap_key(wrapping, root).hex(),
        masters=tuple(
            Master(
                id=key_id,
                created=created[key_id],
                state="active" if key_id == active else "retired",
                wrapped=wrap_key(wrapping, master).hex(),
                check=keyring.check_value(key_id),
            )
            for key_id, master in masters.items()
        ),
    )
    return resealed(wrapping, file)


def resealed(wrapping: bytes, file: KeyringFile) -> KeyringFile:
    """The file with the seal that it must have, in today's format."""
    current = file.model_copy(update={"format": FORMAT})
    return current.model_copy(update={"seal": _seal(wrapping, current)})


def _seal(wrapping: bytes, file: KeyringFile) -> str:
    # AES-KWP uses the wrapping key itself; the seal uses a key derived from it, so neither helps with the
    # other.
    key = hkdf_sha256(wrapping, encode_fields(_SEAL_INFO), 32)
    return hmac_sha256(key, sealed_part(file)).hex()


def summary_of(master: Master) -> MasterSummary:
    """What is public about it."""
    return MasterSummary(master.id, master.created, master.state, master.check, master.destroyed)
