"""The key store: one random key for each subject, so that one of them can be destroyed and no other.

    <keyring file>.subjects/      0700, beside the keyring
      store.json                  what there is, sealed; replaced in one step
      00000001.keys               sorted records of 80 bytes: 16 of digest, 64 of wrapped key; store.json holds a
                                  fingerprint of its digests, so no record can go missing or change places

The digest names a subject: the first 16 bytes of HMAC-SHA-256 over it, so the store tells nobody who is in it. A
key is 32 random bytes, wrapped together with the digest by AES-256-SIV (RFC 5297), the store as associated data: no
key can be moved to another subject or store. Digest key and wrapping key come from the keyring's lasting secret;
children get that over their pipe, and read the files themselves.

Making keys: a new file of records is on disk before `store.json` names it; a process killed in between leaves a file
that no store names, and the next one removes it. Destroying: `store.json` names the digest as erased, then its record
is overwritten with zeros; a process killed in between is finished by the next that opens the store for a change.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, ValidationError

from pipeline.config.models import Frozen, KeyringRef
from pipeline.errors import KeyUnavailable
from pipeline.keys.private_files import check_private, read_private
from pipeline.keys.sorted_digests import RANGE_DIGESTS, Digests, digests_from, places_of
from transforms.keyring import Keyring
from transforms.primitives import (
    Unauthentic,
    encode_fields,
    hmac_sha256,
    hmac_sha256_column,
    sha256,
    sha256_column,
    siv_encrypt_column,
    siv_opener,
)
from transforms.tokens import utf8_values

DIGEST_BYTES: Final = 16
KEY_BYTES: Final = 32
STORE: Final = "store.json"
SUFFIX: Final = ".keys"
MOST_SEGMENTS: Final = 8  # then they are merged: a look-up searches each
_LIMIT: Final = 1 << 28  # bytes of store.json: about eight million erasures
_DIGESTS, _WRAPPING, _SEAL = "subjects", "subject keys", "subject store seal"

WRAPPED_BYTES: Final = 16 + DIGEST_BYTES + KEY_BYTES
_NO_KEY: Final = bytes(WRAPPED_BYTES)  # what stands in place of a destroyed key
RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("wrapped", f"V{WRAPPED_BYTES}")])
_Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class StoreFile(Frozen):
    """`store.json`."""

    format: Literal[1] = 1
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    generation: int = Field(ge=1)
    segments: tuple[Annotated[str, StringConstraints(pattern=r"^\d{8}\.keys$")], ...] = ()
    fingerprints: tuple[_Hex32, ...] = ()  # one a segment, of its digests
    erased: tuple[_Hex16, ...] = ()  # digests, in the order of erasure
    seal: _Hex32 | Literal[""] = ""


class SubjectDigests:
    """Subjects -> the keyed digests that name them: 16 bytes of HMAC-SHA-256, so a leaked index tells nobody's name.

    Two of 10^9 subjects share a digest with probability below 2^-69.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.lasting_key(_DIGESTS)

    def __call__(self, subjects: pa.Array) -> list[bytes]:
        """One digest a subject; null has that of the empty text: nobody."""
        return [digest[:DIGEST_BYTES] for digest in hmac_sha256_column(self._key, utf8_values(subjects))]


@dataclass(frozen=True)
class SubjectStore:
    """A key store, open for reading. Its files may not change meanwhile: see `keys.locking`."""

    directory: Path
    file: StoreFile
    digest: SubjectDigests = field(repr=False)
    wrapping_key: bytes = field(repr=False)

    def digests(self, subjects: pa.Array) -> list[bytes]:
        """The digests that name subjects."""
        return self.digest(subjects)

    def keys(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The key of each subject, None where it has none or was erased. Raises KeyUnavailable for changed records."""
        found: list[bytes | None] = [None] * len(digests)
        opened = siv_opener(self.wrapping_key, (_label(self.file.id),))
        for name in self.file.segments:
            records = mapped(self.directory / name)
            places = places_of(digests_from(digests), records)
            here = np.flatnonzero(places >= 0)
            wrapped = records["wrapped"][places[here]].tobytes()
            for number, at in enumerate(here.tolist()):
                one = wrapped[number * WRAPPED_BYTES : (number + 1) * WRAPPED_BYTES]
                if one != _NO_KEY:
                    found[at] = self._key_of(digests[at], one, opened)
        return found

    def known(self, digests: Digests) -> NDArray[np.bool_]:
        """Whether each digest has a record, living or erased."""
        known = np.zeros(len(digests), dtype=bool)
        for name in self.file.segments:
            known |= places_of(digests, mapped(self.directory / name)) >= 0
        return known

    def wrapped(self, digests: Sequence[bytes], keys: Sequence[bytes]) -> list[bytes]:
        """Keys as records hold them."""
        plain = [digest + key for digest, key in zip(digests, keys, strict=True)]
        return siv_encrypt_column(self.wrapping_key, plain, (_label(self.file.id),))

    def _key_of(self, digest: bytes, wrapped: bytes, opened: Callable[[bytes], bytes]) -> bytes:
        try:
            plain = opened(wrapped)
        except Unauthentic:
            raise damaged(self.directory.name) from None
        if plain[:DIGEST_BYTES] != digest:
            raise damaged(self.directory.name)
        return plain[DIGEST_BYTES:]


def store_directory(ref: KeyringRef, base: Path) -> Path:
    """Where the key store of a keyring lies, if it has one."""
    path = base / ref.file
    return path.with_name(f"{path.name}.subjects")


def open_store(directory: Path, keyring: Keyring) -> SubjectStore | None:
    """Open a key store for reading; None where there is none. Raises KeyUnavailable for a changed or foreign one."""
    if not (directory / STORE).exists():
        if any(directory.glob(f"*{SUFFIX}")):
            raise damaged(directory.name)
        return None
    shown = f"{directory.name}/{STORE}"
    content = read_private(directory / STORE, shown, limit=_LIMIT)
    try:
        file = StoreFile.model_validate_json(content)
    except ValidationError:
        raise damaged(directory.name) from None
    if render(file) != content:
        raise damaged(directory.name)
    if not compare_digest(sealed(file, keyring).seal, file.seal):
        raise KeyUnavailable(
            "was changed, or belongs to another keyring", where=shown, hint="restore keyring and key store"
        )
    if len(file.segments) != len(file.fingerprints):
        raise damaged(directory.name)
    for name, expected in zip(file.segments, file.fingerprints, strict=True):
        if not (directory / name).is_file():
            raise damaged(directory.name)
        check_private(directory / name, f"{directory.name}/{name}")
        if fingerprint(mapped(directory / name)) != expected:
            raise damaged(directory.name)
    return SubjectStore(directory, file, SubjectDigests(keyring), keyring.lasting_key(_WRAPPING, 64))


def new_file() -> StoreFile:
    """The first state of a store."""
    return StoreFile(id=secrets.token_hex(8), generation=1)


def render(file: StoreFile) -> bytes:
    """The only bytes that stand for this state of the store."""
    return (json.dumps(file.model_dump(), indent=1) + "\n").encode()


def sealed(file: StoreFile, keyring: Keyring) -> StoreFile:
    """The file with the seal that it must have."""
    bare = file.model_copy(update={"seal": ""})
    return bare.model_copy(update={"seal": hmac_sha256(keyring.lasting_key(_SEAL), render(bare)).hex()})


def mapped(path: Path) -> Digests:
    """The records of one file, not read before they are looked at. Raises KeyUnavailable for a cut file."""
    size = path.stat().st_size
    if size % RECORD.itemsize:
        raise damaged(path.parent.name)
    return np.memmap(path, dtype=RECORD, mode="r") if size else np.zeros(0, dtype=RECORD)


def fingerprint(records: Digests) -> str:
    """SHA-256 over the SHA-256 of each range of digests; destroying a key does not change it."""
    ranges = (records[start : start + RANGE_DIGESTS] for start in range(0, len(records), RANGE_DIGESTS))
    digests = ([part["high"].tobytes(), part["low"].tobytes()] for part in ranges)
    return sha256(b"".join(digest for columns in digests for digest in sha256_column(columns))).hex()


def _label(store: str) -> bytes:
    return encode_fields("pouch/subject-key/1", store)


def damaged(shown: str) -> KeyUnavailable:
    """The one sentence for a store that Pouch did not leave like this."""
    return KeyUnavailable(
        "a file of the key store was changed or is missing", where=shown, hint="restore it from its backup"
    )
