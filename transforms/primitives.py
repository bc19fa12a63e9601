"""Every call into `cryptography` but those of FF1, CMAC, scrypt, keys of subjects and codes of a run; length-prefixing.

Loops over columns are stripped to the bone: they take and give lists of bytes, hoist every look-up, and leave
null handling and encoding of results to their callers.
"""

import binascii
import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pybase64
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
_LENGTH_BYTES = 4


class Undecodable(ValueError):
    """Bytes are no sequence of length-prefixed fields."""


class Unauthentic(Exception):
    """A ciphertext or wrapped key was not made with this key and associated data."""


# ------------------------------------------------------------------ encodings


def encode_fields(*fields: str | bytes) -> bytes:
    """Concatenate fields, each behind its length as 4 bytes, big-endian: no two sequences encode alike."""
    parts: list[bytes] = []
    for one in fields:
        raw = one.encode() if isinstance(one, str) else one
        parts += [len(raw).to_bytes(_LENGTH_BYTES, "big"), raw]
    return b"".join(parts)


def decode_fields(data: bytes) -> list[bytes]:
    """Inverse of `encode_fields`. Raises `Undecodable`."""
    fields, position = [], 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        end = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or end > len(data):
            raise Undecodable
        fields.append(data[start:end])
        position = end
    return fields


# ISO/IEC 7816-4 (method 2 of ISO/IEC 9797-1): one byte 0x80, then zeros. Unambiguous for every plaintext.
_MARK = b"\x80"


def pad_plaintexts(values: Iterable[bytes], bucket: int) -> list[bytes]:
    """Append 0x80 and zeros up to `bucket` bytes, or the next doubling; bucket 1 adds one byte."""
    if bucket == 1:
        return [value + _MARK for value in values]
    return [
        (value + _MARK).ljust(bucket if len(value) < bucket else _next_bucket(len(value) + 1, bucket), b"\0")
        for value in values
    ]


def _next_bucket(length: int, bucket: int) -> int:
    while bucket < length:
        bucket *= 2
    return bucket


def unpad_plaintext(padded: bytes) -> bytes:
    """Inverse of `pad_plaintexts`. Raises `Unauthentic` where the mark is missing."""
    stripped = padded.rstrip(b"\0")
    if not stripped.endswith(_MARK):
        raise Unauthentic
    return stripped[:-1]


_URL_SAFE = b"-_"


def base64url(data: bytes) -> bytes:
    """RFC 4648 section 5, without padding."""
    return pybase64.b64encode(data, altchars=_URL_SAFE).rstrip(b"=")


def base64url_column(items: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """One row of characters for each item; there are items, all of one length above 0."""
    length = len(items[0])
    fill = bytes(-length % 3)  # to whole groups of three bytes: no item shares a character with the next
    text = pybase64.b64encode(fill.join(items) + fill, altchars=_URL_SAFE)
    return np.frombuffer(text, np.uint8).reshape(len(items), -1)[:, : (4 * length + 2) // 3]


def from_base64url(text: bytes) -> bytes:
    """Inverse of `base64url`, canonical form only. Raises `Undecodable`."""
    if b"+" in text or b"/" in text:  # which pybase64 only warns of
        raise Undecodable
    try:
        data = pybase64.b64decode(text + b"=" * (-len(text) % 4), altchars=_URL_SAFE, validate=True)
    except binascii.Error:
        raise Undecodable from None
    if base64url(data) != text:  # unused bits that are not zero
        raise Undecodable
    return data


# ------------------------------------------------------------------ digests and keys


def hkdf_sha256(key: bytes, info: bytes, length: int, salt: bytes | None = None) -> bytes:
    """HKDF with SHA-256 (RFC 5869); at most 8,160 bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104, FIPS 198-1), 32 bytes."""
    return hmac_sha256_column(key, (message,))[0]


def hmac_sha256_column(key: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """HMAC-SHA-256 of each message, 32 bytes each. The key schedule is done once and its state copied."""
    copy = hmac.HMAC(key, hashes.SHA256()).copy
    # `update` returns None, so that `or` goes on to `finalize`: a quarter faster than three statements.
    return [(state := copy()).update(message) or state.finalize() for message in messages]  # type: ignore[func-returns-value]


def sha256(message: bytes) -> bytes:
    """SHA-256 (FIPS 180-4), 32 bytes."""
    return sha256_column((message,))[0]


def sha256_column(messages: Iterable[bytes]) -> list[bytes]:
    """SHA-256 of each message, 32 bytes each."""
    copy = hashes.Hash(hashes.SHA256()).copy
    # `update` returns None, so that `or` goes on to `finalize`: a quarter faster than three statements.
    return [(state := copy()).update(message) or state.finalize() for message in messages]  # type: ignore[func-returns-value]


def wrap_key(wrapping_key: bytes, key: bytes) -> bytes:
    """AES-KWP (NIST SP 800-38F, RFC 5649)."""
    return keywrap.aes_key_wrap_with_padding(wrapping_key, key)


def unwrap_key(wrapping_key: bytes, wrapped: bytes) -> bytes:
    """Inverse of `wrap_key`. Raises `Unauthentic` for another key or changed bytes."""
    try:
        return keywrap.aes_key_unwrap_with_padding(wrapping_key, wrapped)
    except (keywrap.InvalidUnwrap, ValueError):
        raise Unauthentic from None


# ------------------------------------------------------------------ ciphers


def siv_encrypt_column(key: bytes, plaintexts: Iterable[bytes], associated: Sequence[bytes]) -> list[bytes]:
    """AES-SIV (RFC 5297): 16 bytes of synthetic IV, then ciphertext. The key has 32, 48 or 64 bytes."""
    encrypt = AESSIV(key).encrypt
    data = list(associated)
    return [encrypt(plaintext, data) for plaintext in plaintexts]


def siv_opener(key: bytes, associated: Sequence[bytes]) -> Callable[[bytes], bytes]:
    """Inverse of `siv_encrypt_column`, value by value: ciphertext to plaintext. The function raises `Unauthentic`."""
    decrypt = AESSIV(key).decrypt
    data = list(associated)

    def opened(ciphertext: bytes) -> bytes:
        try:
            return decrypt(ciphertext, data)
        except (InvalidTag, ValueError):
            raise Unauthentic from None

    return opened


def gcm_encrypt_column(
    key: bytes, nonces: Iterable[bytes], plaintexts: Iterable[bytes], associated: bytes
) -> list[bytes]:
    """AES-GCM (NIST SP 800-38D): ciphertext, then 16 bytes of tag. The caller answers for distinct nonces."""
    encrypt = AESGCM(key).encrypt
    return [
        encrypt(nonce, plaintext, associated) for nonce, plaintext in zip(nonces, plaintexts, strict=True)
    ]


def gcm_opener(key: bytes, associated: bytes) -> Callable[[bytes, bytes], bytes]:
    """Inverse of `gcm_encrypt_column`, value by value: (nonce, ciphertext) to plaintext. It raises `Unauthentic`."""
    decrypt = AESGCM(key).decrypt

    def opened(nonce: bytes, ciphertext: bytes) -> bytes:
        try:
            return decrypt(nonce, ciphertext, associated)
        except (InvalidTag, ValueError):
            raise Unauthentic from None

    return opened


def keystream(key: bytes, length: int) -> bytes:
    """`length` bytes of AES-CTR key stream (NIST SP 800-38A), counter from zero: a keyed random sequence."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return encryptor.update(bytes(length))


# ------------------------------------------------------------------ sealed blobs


def seal(key: bytes, plaintext: bytes, label: bytes) -> bytes:
    """Encrypt a blob with AES-256-GCM and a random nonce: nonce, ciphertext, tag; at most 2^32 a key."""
    return seal_with_nonce(key, os.urandom(NONCE_BYTES), plaintext, label)


def seal_with_nonce(key: bytes, nonce: bytes, plaintext: bytes, label: bytes) -> bytes:
    """Do the work of `seal`; a nonce used twice under one key breaks it."""
    return nonce + AESGCM(key).encrypt(nonce, plaintext, label)


def unseal(key: bytes, sealed: bytes, label: bytes) -> bytes:
    """Inverse of `seal`. Raises `Unauthentic`."""
    return gcm_opener(key, label)(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:])
