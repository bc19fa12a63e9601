"""The keyring file: wrapped masters and what is public about them.

    {
      "format": 2,
      "generation": 3,
      "wrapping": {"kind": "scrypt", "n": 131072, "r": 8, "p": 1, "salt": "<32 hex>"},
      "lasting": "<80 hex>",
      "masters": [
        {"id": "k3f9a1c", "created": "2026-11-01", "state": "active", "wrapped": "<80 hex>", "check": "<16 hex>",
         "destroyed": ""}
      ],
      "seal": "<64 hex: HMAC-SHA-256 over this file with an empty seal>"
    }

`wrapped` is AES-KWP (NIST SP 800-38F, RFC 5649) of 32 random bytes under the wrapping key; it is empty where the
master was destroyed. `lasting` is wrapped alike: the secret under which tombstones, subject index and key store
stand, which no rotation changes. `generation` rises with every change. `wrapping` says how the wrapping key is come
by: `{"kind": "key"}` as it is given, `scrypt` from a passphrase at that cost, `kms` out of an envelope that a
service opens. The seal is made with a key derived from the wrapping key: AES-KWP protects each master, the seal
also ids, dates, states and cost. A file is read only in exactly the bytes that `render` writes, so no changed byte
goes unnoticed once the keyring is opened.

Format 1, of before rotation, has neither generation, wrapping, lasting nor destroyed; it is read, and becomes
format 2 with the first change.
"""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from pipeline.config.models import Frozen
from pipeline.errors import KeyUnavailable

FORMAT: Final = 2
_OLD_FORMAT: Final = 1
_NEW_FIELDS: Final = {"generation", "wrapping", "lasting"}
_MOST_MEMORY: Final = 1 << 31  # bytes that scrypt may be told to take

_Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_DayOrNone = Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
_Wrapped = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{80})?$")]


class PlainKey(Frozen):
    """The wrapping key is given as it is."""

    kind: Literal["key"] = "key"


class ScryptCost(Frozen):
    """The wrapping key comes from a passphrase by scrypt (RFC 7914), at this cost."""

    kind: Literal["scrypt"] = "scrypt"
    n: int = Field(ge=1 << 15, le=1 << 21)
    r: int = Field(ge=8, le=32)
    p: int = Field(ge=1, le=16)
    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Envelope(Frozen):
    """The wrapping key, as a key-management service wrapped it."""

    kind: Literal["kms"] = "kms"
    envelope: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", min_length=32, max_length=16_384)]


Wrapping = Annotated[PlainKey | ScryptCost | Envelope, Field(discriminator="kind")]


class Master(Frozen):
    """One master key, as the file holds it."""

    id: Annotated[str, StringConstraints(pattern=r"^k[0-9a-f]{6}$")]
    created: _Day
    # One is active: it makes new tokens; retired ones still open old ones; destroyed ones open nothing.
    state: Literal["active", "retired", "destroyed"]
    wrapped: _Wrapped
    check: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    destroyed: _DayOrNone = ""  # UTC day


class KeyringFile(Frozen):
    """The whole file."""

    format: Literal[1, 2] = FORMAT
    generation: int = Field(default=1, ge=1)
    wrapping: Wrapping = PlainKey()
    lasting: _Wrapped = ""
    masters: tuple[Master, ...] = Field(min_length=1, max_length=10_000)
    seal: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    @property
    def active(self) -> str | None:
        """Id of the one active master; None where it was destroyed."""
        return next((master.id for master in self.masters if master.state == "active"), None)

    @property
    def name(self) -> str:
        """What tells this keyring from others: its first master, which stays in the file for ever."""
        return f"{self.masters[0].id}-{self.masters[0].check}"


def render(file: KeyringFile) -> bytes:
    """Return the only bytes that stand for this keyring."""
    document: dict[str, Any] = file.model_dump()
    if file.format == _OLD_FORMAT:
        document = {name: value for name, value in document.items() if name not in _NEW_FIELDS}
        for master in document["masters"]:
            del master["destroyed"]
    return (json.dumps(document, indent=2) + "\n").encode()


def sealed_part(file: KeyringFile) -> bytes:
    """Return what the seal is made over."""
    return render(file.model_copy(update={"seal": ""}))


def parse(content: bytes, shown: str) -> KeyringFile:
    """Return the keyring that `render` wrote. Raises KeyUnavailable, never with the content."""
    _refuse_newer(content, shown)
    try:
        file = KeyringFile.model_validate_json(content)
    except ValidationError:
        raise _damaged(shown) from None
    ids = [master.id for master in file.masters]
    most_active = sum(master.state == "active" for master in file.masters) <= 1
    empty = all(bool(m.wrapped) != (m.state == "destroyed") == bool(m.destroyed) for m in file.masters)
    whole = file.format == _OLD_FORMAT or bool(file.lasting)
    if render(file) != content or len(set(ids)) != len(ids) or not (most_active and empty and whole):
        raise _damaged(shown)
    if isinstance(file.wrapping, ScryptCost) and 128 * file.wrapping.n * file.wrapping.r > _MOST_MEMORY:
        raise _damaged(shown)
    return file


def _refuse_newer(content: bytes, shown: str) -> None:
    try:
        number = json.loads(content)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(shown) from None
    if isinstance(number, int) and number > FORMAT:
        raise KeyUnavailable(
            f"has format {number}, this version of Pouch reads formats up to {FORMAT}",
            where=shown,
            hint="use the version of Pouch that wrote it",
        )


def _damaged(shown: str) -> KeyUnavailable:
    return KeyUnavailable(
        "is not a keyring as Pouch writes it", where=shown, hint="restore the keyring file from its backup"
    )
