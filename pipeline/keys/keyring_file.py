"""The keyring file: wrapped masters and what is public about them.

    {
      "format": 1,
      "masters": [
        {"id": "k3f9a1c", "created": "2026-11-01", "state": "active", "wrapped": "<hex>", "check": "<16 hex>"}
      ],
      "seal": "<64 hex: HMAC-SHA-256 over this file with an empty seal>"
    }

`wrapped` is AES-KWP (NIST SP 800-38F, RFC 5649) of 32 random bytes under the wrapping key. The seal is made
with a key derived from the wrapping key: AES-KWP protects each master, the seal also ids, dates and states. A
file is read only in exactly the bytes that `render` writes, so no changed byte goes unnoticed once the
keyring is opened.
"""

import json
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from pipeline.config.models import Frozen
from pipeline.errors import KeyUnavailable

FORMAT: Final = 1


class Master(Frozen):
    """One master key, as the file holds it."""

    id: Annotated[str, StringConstraints(pattern=r"^k[0-9a-f]{6}$")]
    created: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    state: Literal[
        "active", "retired"
    ]  # one is active: it makes new tokens; retired ones still open old ones
    wrapped: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{80}$")]
    check: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class KeyringFile(Frozen):
    """The whole file."""

    format: Literal[1] = FORMAT
    masters: tuple[Master, ...] = Field(min_length=1, max_length=10_000)
    seal: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    @property
    def active(self) -> str:
        """Id of the one active master."""
        return next(master.id for master in self.masters if master.state == "active")


def render(file: KeyringFile) -> bytes:
    """Return the only bytes that stand for this keyring."""
    return (json.dumps(file.model_dump(), indent=2) + "\n").encode()


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
    one_active = sum(master.state == "active" for master in file.masters) == 1
    if render(file) != content or len(set(ids)) != len(ids) or not one_active:
        raise _damaged(shown)
    return file


def _refuse_newer(content: bytes, shown: str) -> None:
    try:
        number = json.loads(content)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(shown) from None
    if isinstance(number, int) and number > FORMAT:
        raise KeyUnavailable(
            f"has format {number}, this version of Pouch reads format {FORMAT}",
            where=shown,
            hint="use the version of Pouch that wrote it",
        )


def _damaged(shown: str) -> KeyUnavailable:
    return KeyUnavailable(
        "is not a keyring as Pouch writes it", where=shown, hint="restore the keyring file from its backup"
    )
