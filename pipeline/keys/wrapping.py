"""The wrapping key (key-encryption key): 32 bytes that open a keyring, kept apart from it."""

import os
import secrets
from itertools import pairwise
from pathlib import Path

from pipeline.config.models import KeyringRef
from pipeline.errors import JobWrong, KeyUnavailable, NotBuilt
from pipeline.keys.private_files import create_private, private_directory, read_private

KEY_BYTES = 32
_HOW_TO_MAKE = "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"

# Children must not inherit the wrapping key, so its variable leaves the environment at the first reading.
# A process that opens the keyring again (a scheduler's loop, a notebook) finds it here.
_taken: dict[str, bytes] = {}

# Keys that stand in standards, and digests of words that people type into `sha256sum`.
_PUBLISHED = frozenset(
    {
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",  # NIST SP 800-38A F.1.5
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",  # GCM specification, test case 16
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # SHA-256 of nothing
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",  # of "password"
        "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918",  # of "admin"
        "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",  # of "123456"
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",  # of "test"
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",  # of "secret"
        "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86",  # of "changeme"
    }
)


def read_wrapping_key(ref: KeyringRef, base: Path) -> bytes:
    """Return the 32 bytes that `ref.wrapped_by` points to.

    Raises JobWrong where the reference itself is wrong (a file beside the keyring without `demo: true`),
    NotBuilt for passphrase and KMS, KeyUnavailable where the key is missing, open to others or weak.
    """
    source = ref.wrapped_by
    if source.env is not None:
        return _from_environment(source.env)
    if source.file is not None:
        refuse_neighbor(ref, base)
        text = read_private(base / source.file, source.file, when_missing=_HOW_TO_MAKE, limit=1024)
        return _parse(text, source.file)
    if source.passphrase_env is not None:
        raise NotBuilt(
            "a keyring wrapped by a passphrase is not built yet",
            where="keyring.wrapped_by.passphrase_env",
            hint="use {env: …} or {file: …}",
        )
    if source.kms is not None:
        raise NotBuilt(
            "a keyring wrapped by a key-management service is not built yet",
            where="keyring.wrapped_by.kms",
            hint="use {env: …} or {file: …}",
        )
    raise JobWrong("must have exactly one of env, file, passphrase_env, kms", where="keyring.wrapped_by")


def create_wrapping_file(ref: KeyringRef, base: Path) -> bool:
    """Write a new random wrapping key where a demonstration lacks it; return whether one was written.

    Only `demo: true` with `{file: …}` gets one: everywhere else the operator makes the key and keeps it
    apart.
    """
    file = ref.wrapped_by.file
    if file is None or not ref.demo or (base / file).exists():
        return False
    private_directory((base / file).parent)
    try:
        create_private(base / file, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
    except FileExistsError:  # another process was quicker; its key counts
        return False
    return True


def refuse_neighbor(ref: KeyringRef, base: Path) -> None:
    """Refuse a wrapping key in the keyring's directory or below it, unless this is a demonstration.

    Who copies that directory has both, and wrapping protects nothing. Raises JobWrong.
    """
    if ref.wrapped_by.file is None:
        return
    wrapping, keyring = (base / ref.wrapped_by.file).resolve(), (base / ref.file).resolve()
    if wrapping == keyring:
        raise JobWrong("must not be the keyring itself", where="keyring.wrapped_by.file")
    if keyring.parent in wrapping.parents and not ref.demo:
        raise JobWrong(
            "must not lie in the keyring's directory, where one copy takes both",
            where="keyring.wrapped_by.file",
            hint="keep it elsewhere, or state demo: true for a demonstration",
        )


def _from_environment(name: str) -> bytes:
    text = os.environ.pop(name, None)
    if text is not None:
        _taken[name] = _parse(text.encode(errors="replace"), f"environment variable {name}")
    if name not in _taken:
        raise KeyUnavailable("is not set", where=f"environment variable {name}", hint=_HOW_TO_MAKE)
    return _taken[name]


def _parse(text: bytes, shown: str) -> bytes:
    stripped = text.strip()
    try:
        key = bytes.fromhex(stripped.decode("ascii")) if len(stripped) == 2 * KEY_BYTES else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailable("must be 64 hex digits", where=shown, hint=_HOW_TO_MAKE)
    if weakness := weakness_of(key):
        raise KeyUnavailable(f"must be random, {weakness}", where=shown, hint=_HOW_TO_MAKE)
    return key


def weakness_of(key: bytes) -> str | None:
    """Say why 32 bytes cannot have been drawn at random, or None.

    Together the rules refuse fewer than 1 in 10^12 random keys: 32 random bytes have about 30 distinct
    values, all printable with probability (95/256)^32 < 10^-13, all digits with (10/16)^64 < 10^-13.
    """
    signs = (
        (not any(key), "is all zero"),
        (any(key == (key[:period] * KEY_BYTES)[:KEY_BYTES] for period in range(1, 17)), "repeats a pattern"),
        (len({(after - before) % 256 for before, after in pairwise(key)}) == 1, "is a sequence of numbers"),
        (len(set(key)) < KEY_BYTES // 2, "has too few different bytes"),
        (all(0x20 <= byte < 0x7F for byte in key), "is readable text"),
        (key.hex().isdecimal(), "has decimal digits only"),
        (key.hex() in _PUBLISHED, "is a published example"),
    )
    return next((sentence for sign, sentence in signs if sign), None)
