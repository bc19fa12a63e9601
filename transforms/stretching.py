"""A key from a passphrase: slow on purpose, so that guessing costs memory and time for every guess."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from transforms.errors import BadParameter

KEY_BYTES = 32


def scrypt_key(passphrase: bytes, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    """32 bytes by scrypt (RFC 7914). Takes 128 * n * r bytes of memory. Raises `BadParameter`."""
    try:
        return Scrypt(salt=salt, length=KEY_BYTES, n=n, r=r, p=p).derive(passphrase)
    except (ValueError, MemoryError, UnsupportedAlgorithm):
        raise BadParameter("scrypt cannot run with this cost here") from None
