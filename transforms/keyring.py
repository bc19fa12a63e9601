"""Unlocked master keys in memory, usable for derivation only."""

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

import pyarrow as pa

from transforms.context import Context
from transforms.domains import KEY_ID
from transforms.errors import BadParameter, KeyUnavailable
from transforms.primitives import Undecodable, decode_fields, encode_fields, hkdf_sha256

MASTER_BYTES = 32

# Versions of the derivation. A change of any of these changes every key, so it comes with a new key id.
_TOKENS = "pouch/tokens/1"
_STATE = "pouch/state/1"
_CHECK = "pouch/check/1"
_LASTING = "pouch/lasting/1"


class SubjectKeys(Protocol):
    """Opens the random keys of single subjects; the key store of `pipeline` is one."""

    def digests(self, subjects: pa.Array) -> list[bytes]:
        """The 16-byte keyed digest that names each subject; null names nobody, and nobody has a key, too."""
        ...

    def keys(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The 32-byte key of each subject, None where there is none (any more)."""
        ...


class Keyring:
    """Master keys by key id, one of them active (or none, where it was destroyed: old tokens still open).

    Guarantee: the masters leave this object only as what is derived from them (HKDF-SHA-256, RFC 5869: no derived
    key tells a master or another derived key) and, for an inherited pipe, by `export_secret_masters`.
    It has no pickle and its repr shows public key ids. Price: Python cannot wipe memory, so masters stay in
    the process until it ends.
    """

    __slots__ = ("_active", "_lasting", "_masters", "subject_keys")

    def __init__(
        self,
        masters: Mapping[str, bytes],
        active: str | None,
        *,
        lasting: bytes | None = None,
        subject_keys: SubjectKeys | None = None,
    ) -> None:
        """Take 32-byte masters by key id.

        `lasting` is a secret that outlives rotation and destruction of masters; without it, the active master
        stands in. `subject_keys` opens the keys of single subjects, where a key store is at hand.
        Raises `BadParameter`; `KeyUnavailable` for a strange active id.
        """
        for key_id, master in (*masters.items(), *([("lasting", lasting)] if lasting is not None else [])):
            if not re.fullmatch(KEY_ID, key_id):
                raise BadParameter("a key id must be 1 to 64 letters, digits, _ or -")
            if len(master) != MASTER_BYTES:
                raise BadParameter(f"master key {key_id} must have {MASTER_BYTES} bytes, has {len(master)}")
            if not any(master):
                raise BadParameter(f"master key {key_id} must be random, is all zero")
        if active is not None and active not in masters:
            raise KeyUnavailable("the keyring does not hold its active key")
        self._masters = {key_id: bytes(masters[key_id]) for key_id in sorted(masters)}
        self._active = active
        self._lasting = lasting
        self.subject_keys = subject_keys

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._masters)}; active {self._active or 'none'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is never pickled or copied; key names travel, keys do not")

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All key ids, sorted."""
        return tuple(self._masters)

    @property
    def active(self) -> str:
        """Id of the key that makes new tokens. Raises `KeyUnavailable` where it was destroyed."""
        if self._active is None:
            raise KeyUnavailable("the active key was destroyed; `pouch keys rotate` makes a new one")
        return self._active

    def with_active(self, key_id: str) -> "Keyring":
        """The same keys with another one active: what an older release was made with. Raises `KeyUnavailable`."""
        return Keyring(self._masters, key_id, lasting=self._lasting, subject_keys=self.subject_keys)

    def with_subject_keys(self, subject_keys: SubjectKeys) -> "Keyring":
        """The same keys, and those of single subjects."""
        return Keyring(self._masters, self._active, lasting=self._lasting, subject_keys=subject_keys)

    def derive(
        self,
        algorithm: str,
        context: Context,
        *,
        key_id: str | None = None,
        length: int = 32,
        per_column: bool = False,
    ) -> bytes:
        """Key for one algorithm in one context, `length` bytes.

        HKDF-SHA-256 (RFC 5869) without salt; info = length-prefixed (version, recipient, purpose, domain,
        algorithm, epoch) and, with `per_column`, (release, table, column). An algorithm's name implies its
        length, because HKDF outputs of different lengths under one info share their beginning.
        Raises `KeyUnavailable` for an unknown key id.
        """
        fields = [_TOKENS, context.recipient, context.purpose, context.domain, algorithm, context.epoch]
        if per_column:
            fields += [context.release, context.table, context.column]
        return hkdf_sha256(self._master(key_id), encode_fields(*fields), length)

    def check_value(self, key_id: str | None = None) -> str:
        """16 hex digits that name a master without telling it; public."""
        return hkdf_sha256(self._master(key_id), encode_fields(_CHECK), 8).hex()

    def state_key(self, label: str, *, key_id: str | None = None) -> bytes:
        """32 bytes for internal use (quarantine, tombstones, row order), independent of every token key."""
        return hkdf_sha256(self._master(key_id), encode_fields(_STATE, label), 32)

    def lasting_key(self, label: str, length: int = 32) -> bytes:
        """`length` bytes for what must outlive every master: tombstones, subject index, key store.

        HKDF-SHA-256 over the lasting secret. A keyring of before there was one uses the active master, and keeps
        what that gives when it gets its lasting secret: `lasting_of_master`. A label implies its length.
        """
        root = self.lasting_of_master() if self._lasting is None else self._lasting
        return hkdf_sha256(root, encode_fields(_LASTING, label), length)

    def lasting_of_master(self) -> bytes:
        """The lasting secret that the active master stands in for."""
        return hkdf_sha256(self._master(None), encode_fields(_LASTING), MASTER_BYTES)

    def export_secret_masters(self) -> bytes:
        """All masters in clear: for the pipe that a child process inherits, and nothing else."""
        parts: list[str | bytes] = [self._active or "", self._lasting or b""]
        for key_id, master in self._masters.items():
            parts += [key_id, master]
        return encode_fields(*parts)

    @classmethod
    def from_secret_masters(cls, data: bytes) -> "Keyring":
        """Inverse of `export_secret_masters`. Raises `BadParameter`."""
        try:
            active, lasting, *pairs = decode_fields(data)
            masters = {
                key_id.decode(): master for key_id, master in zip(pairs[::2], pairs[1::2], strict=True)
            }
            active_id = active.decode()
        except (Undecodable, ValueError):
            raise BadParameter("not an exported keyring") from None
        return cls(masters, active_id or None, lasting=lasting or None)

    def _master(self, key_id: str | None) -> bytes:
        try:
            return self._masters[self.active if key_id is None else key_id]
        except KeyError:
            raise KeyUnavailable("the keyring does not hold the key that is asked for") from None
