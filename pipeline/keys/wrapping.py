"""The wrapping key (key-encryption key): 32 bytes that open a keyring, kept apart from it."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys import passphrases
from pipeline.keys.keyring_file import Envelope, PlainKey, ScryptCost, Wrapping
from pipeline.keys.kms import local_path, unwrapped_by_kms, wrapped_by_kms
from pipeline.keys.private_files import create_private, private_directory, read_private
from pipeline.keys.weakness import HOW_TO_MAKE, KEY_BYTES, parse_key

_KINDS = {"key": "a key", "scrypt": "a passphrase", "kms": "a key-management service"}

# Children must not inherit the wrapping key, so its variable leaves the environment at the first reading.
# A process that opens the keyring again (a scheduler's loop, a notebook) finds it here.
_taken: dict[str, bytes] = {}


def read_wrapping_key(ref: KeyringRef, base: Path, wrapping: Wrapping) -> bytes:
    """Return the 32 bytes that `ref.wrapped_by` points to, in the way that the keyring file states.

    Raises JobWrong where the reference itself is wrong (a file beside the keyring without `demo: true`, an unknown
    service), KeyUnavailable where the key is missing, open to others, weak, refused by the service, or of another
    kind than the keyring was made with.
    """
    source = ref.wrapped_by
    if source.env is not None and isinstance(wrapping, PlainKey):
        shown = f"environment variable {source.env}"
        return _from_environment(source.env, lambda text: parse_key(text, shown))
    if source.file is not None and isinstance(wrapping, PlainKey):
        refuse_neighbor(ref, base)
        text = read_private(base / source.file, source.file, when_missing=HOW_TO_MAKE, limit=1024)
        return parse_key(text, source.file)
    if source.passphrase_env is not None and isinstance(wrapping, ScryptCost):
        shown = f"environment variable {source.passphrase_env}"
        passphrase = _from_environment(source.passphrase_env, bytes, hint=passphrases.HINT)
        return passphrases.stretched(passphrase.decode("utf-8", "surrogateescape"), wrapping, shown)
    if source.kms is not None and isinstance(wrapping, Envelope):
        refuse_neighbor(ref, base)
        return unwrapped_by_kms(source.kms, bytes.fromhex(wrapping.envelope), base)
    if not any((source.env, source.file, source.passphrase_env, source.kms)):
        raise JobWrong("must have exactly one of env, file, passphrase_env, kms", where="keyring.wrapped_by")
    raise KeyUnavailable(
        f"was wrapped by {_KINDS[wrapping.kind]}, and the job names something else",
        where=ref.file,
        hint="name in wrapped_by what the keyring was made with",
    )


def new_wrapping(ref: KeyringRef, base: Path) -> tuple[Wrapping, bytes]:
    """Return how a new keyring is wrapped, and the wrapping key. Raises what `read_wrapping_key` raises."""
    source = ref.wrapped_by
    wrapping: Wrapping = PlainKey()
    if source.passphrase_env is not None:
        wrapping = passphrases.new_cost()
    if source.kms is not None:
        refuse_neighbor(ref, base)
        key = secrets.token_bytes(KEY_BYTES)
        return Envelope(envelope=wrapped_by_kms(source.kms, key, base).hex()), key
    return wrapping, read_wrapping_key(ref, base, wrapping)


def create_wrapping_file(ref: KeyringRef, base: Path) -> None:
    """Write a new random wrapping key where a demonstration lacks it.

    Only `demo: true` with `{file: …}` gets one: everywhere else the operator makes the key and keeps it
    apart.
    """
    file = ref.wrapped_by.file
    if file is None or not ref.demo or (base / file).exists():
        return
    private_directory((base / file).parent)
    with suppress(FileExistsError):  # another process was quicker; its key counts
        create_private(base / file, f"{secrets.token_hex(KEY_BYTES)}\n".encode())


def refuse_neighbor(ref: KeyringRef, base: Path) -> None:
    """Refuse a wrapping key in the keyring's directory or below it, unless this is a demonstration.

    Who copies that directory has both, and wrapping protects nothing. Raises JobWrong.
    """
    kms = ref.wrapped_by.kms
    file = ref.wrapped_by.file or (local_path(kms) if kms is not None else None)
    if not file:
        return
    where = "keyring.wrapped_by.file" if ref.wrapped_by.file else "keyring.wrapped_by.kms"
    wrapping, keyring = (base / file).resolve(), (base / ref.file).resolve()
    if wrapping == keyring:
        raise JobWrong("must not be the keyring itself", where=where)
    if keyring.parent in wrapping.parents and not ref.demo:
        raise JobWrong(
            "must not lie in the keyring's directory, where one copy takes both",
            where=where,
            hint="keep it elsewhere, or state demo: true for a demonstration",
        )


def _from_environment(name: str, check: Callable[[bytes], bytes], *, hint: str = HOW_TO_MAKE) -> bytes:
    text = os.environ.pop(name, None)
    if text is not None:
        _taken[name] = check(text.encode("utf-8", "surrogateescape"))
    if name not in _taken:
        raise KeyUnavailable("is not set", where=f"environment variable {name}", hint=hint)
    return _taken[name]
