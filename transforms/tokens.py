"""Columns of tokens from lists of bytes, without a Python string per cell."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import REJECTED, as_text
from transforms.context import Context
from transforms.errors import KeyUnavailable, TokenRejected
from transforms.keyring import Keyring
from transforms.primitives import Unauthentic, Undecodable, base64url, encode_fields, from_base64url

VERSION = "p1"

Decrypt = Callable[[str, bytes], bytes]  # (key id, ciphertext) -> plaintext


def utf8_values(values: pa.Array) -> list[bytes]:
    """Bytes of the values' text form; empty where null, see `with_nulls_of`."""
    text = as_text(values)
    if text.null_count:
        text = text.fill_null("")
    return text.cast(pa.binary()).to_pylist()  # type: ignore[no-any-return]


def with_nulls_of(values: pa.Array, result: pa.Array) -> pa.Array:
    """`result`, null wherever `values` is."""
    if not values.null_count:
        return result
    return pc.if_else(pc.is_valid(values), result, pa.scalar(None, result.type))


def hex_column(digests: list[bytes], keep: int) -> pa.Array:
    """Text column of the first `keep` bytes of each 32-byte digest as lowercase hex."""
    count = len(digests)
    raw = (
        np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(count, -1)
        if count
        else np.empty((0, 32), np.uint8)
    )
    data = raw[:, :keep].tobytes().hex().encode()
    offsets = np.arange(0, (count + 1) * keep * 2, keep * 2, dtype=np.int32)[: count + 1]
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def header(key_id: str) -> str:
    """What stands before the second dot of a token."""
    return f"{VERSION}.{key_id}"


def associated_data(key_id: str, context: Context, *, per_column: bool) -> bytes:
    """One element: length-prefixed header, recipient, purpose, domain (and table, column)."""
    fields = [header(key_id), context.recipient, context.purpose, context.domain]
    if per_column:
        fields += [context.table, context.column]
    return encode_fields(*fields)


def token_column(key_id: str, ciphertexts: list[bytes]) -> pa.Array:
    """Text column of `p1.<key id>.<base64url>`."""
    prefix = f"{header(key_id)}.".encode()
    tokens = [prefix + base64url(ciphertext) for ciphertext in ciphertexts]
    return pa.array(tokens, type=pa.binary()).cast(pa.string())


def reveal_tokens(values: pa.Array, keyring: Keyring, decrypt: Decrypt) -> pa.Array:
    """Open each token with the key that it names. Raises `TokenRejected`, always with one sentence."""
    opened: list[str | None] = []
    for token in values.to_pylist():
        if token is None:
            opened.append(None)
            continue
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != VERSION or parts[1] not in keyring.key_ids:
            raise TokenRejected(REJECTED)
        try:
            opened.append(decrypt(parts[1], from_base64url(parts[2].encode())).decode())
        except (Undecodable, Unauthentic, KeyUnavailable, UnicodeError):
            raise TokenRejected(REJECTED) from None
    return pa.array(opened, type=pa.string())
