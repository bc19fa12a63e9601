"""Key-management services: one small interface, a local implementation, and the place where others plug in.

A keyring that a service wraps holds an *envelope*: 32 random bytes, the wrapping key, as the service returned them
wrapped. Opening a keyring is one call, `unwrap`; making one is one call, `wrap`. No master ever leaves the machine.

The scheme of `wrapped_by: {kms: "<scheme>://…"}` names the service. `file` is built in: a key file, for tests and for
machines that have no service. Others are Python entry points of the group `pouch.kms`, named like their scheme;
docs/keys.md has them for AWS, Google Cloud and Vault.
"""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Protocol

from pipeline.errors import JobWrong, KeyUnavailable
from pipeline.keys.private_files import read_private
from pipeline.keys.weakness import HOW_TO_MAKE, parse_key
from transforms.primitives import Unauthentic, seal, unseal

GROUP: Final = "pouch.kms"
# Bound to every envelope: what was wrapped for something else does not open.
CONTEXT: Final = b"pouch/keyring/1"
LOCAL: Final = "file"
_WHERE: Final = "keyring.wrapped_by.kms"
_WANTED: Final = "name the key that the keyring was made with"


class Kms(Protocol):
    """What Pouch needs of a service. An implementation is made from the URI: `Implementation(uri)`.

    Whatever it raises is told as exit 3, by the exception's type only: its message may hold what must not be shown.
    """

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return `key` (32 bytes) encrypted and authenticated together with `context`."""
        ...

    def unwrap(self, envelope: bytes, context: bytes) -> bytes:
        """Inverse of `wrap`; raise anything where envelope, context or the service's key is another."""
        ...


class FileKms:
    """The service of a machine without one: AES-256-GCM under a key file (0600, 64 hex digits).

    Guarantee: as good as the file is kept. Nonces are random, one envelope per keyring, far below 2^32 a key.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self._path, self._shown = path, shown

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Nonce, ciphertext, tag."""
        return seal(self._key(HOW_TO_MAKE), key, context)

    def unwrap(self, envelope: bytes, context: bytes) -> bytes:
        """Raises Unauthentic."""
        return unseal(self._key(_WANTED), envelope, context)

    def _key(self, when_missing: str) -> bytes:
        text = read_private(self._path, self._shown, when_missing=when_missing, limit=1024)
        return parse_key(text, self._shown)


def wrapped_by_kms(uri: str, key: bytes, base: Path) -> bytes:
    """Return the envelope. Raises JobWrong for an unknown scheme, KeyUnavailable where the service refuses."""
    return _called(uri, "wrap", key, base)


def unwrapped_by_kms(uri: str, envelope: bytes, base: Path) -> bytes:
    """Return the 32 bytes. Raises JobWrong for an unknown scheme, KeyUnavailable where the service refuses."""
    key = _called(uri, "unwrap", envelope, base)
    if len(key) != 32:
        raise KeyUnavailable("the key-management service returned no key of 32 bytes", where=_WHERE)
    return key


def local_path(uri: str) -> str | None:
    """Path of a `file://` URI as it is written; None for other services."""
    scheme, found, rest = uri.partition("://")
    return rest if found and scheme == LOCAL else None


def _called(uri: str, method: str, data: bytes, base: Path) -> bytes:
    service = _service(uri, base)
    try:
        result = getattr(service, method)(data, CONTEXT)
    except KeyUnavailable:
        raise
    except Unauthentic:
        raise KeyUnavailable(
            "the key-management service's key does not open this keyring",
            where=_WHERE,
            hint=_WANTED,
        ) from None
    except Exception as error:  # whatever a service's client raises: its message may hold anything
        name = type(error).__name__
        raise KeyUnavailable(
            f"the key-management service did not {method} the key ({name})",
            where=_WHERE,
            hint="are address, credentials and permissions right?",
        ) from None
    if not isinstance(result, bytes):
        raise KeyUnavailable(f"the key-management service's {method} must return bytes", where=_WHERE)
    return result


def _service(uri: str, base: Path) -> Kms:
    path = local_path(uri)
    if path:
        return FileKms(base / path, path)
    scheme, found, _ = uri.partition("://")
    if not found or path == "":
        raise JobWrong("must be a URI such as file://vault/kms-key", where=_WHERE)
    plugged = list(entry_points(group=GROUP, name=scheme))
    if len(plugged) != 1:
        say = "no installed package offers it" if not plugged else "several installed packages offer it"
        raise JobWrong(f"scheme {scheme}: {say}", where=_WHERE, hint="docs/keys.md says how one plugs in")
    try:
        service: Kms = plugged[0].load()(uri)
    except Exception as error:  # the same
        raise KeyUnavailable(
            f"the package for {scheme} cannot be used ({type(error).__name__})", where=_WHERE
        ) from None
    return service
