"""Columns of tokens from lists of bytes, without a Python string per cell."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import REJECTED, as_text
from transforms.context import Context
from transforms.errors import BadParameter, TokenRejected
from transforms.primitives import (
    Unauthentic,
    Undecodable,
    base64url,
    base64url_column,
    encode_fields,
    from_base64url,
)

VERSION = "p1"

DIGEST_BYTES = 32

Open = Callable[[bytes], bytes]  # ciphertext -> plaintext
OpenWith = Callable[[str], Open]  # key id -> opener with that key

_MOST_BYTES = 2**31 - 1  # of one Arrow string array


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


def _text_column(data: bytes | npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> pa.Array:
    if len(data) > _MOST_BYTES:
        raise BadParameter(f"a column of tokens must have at most {_MOST_BYTES} bytes, has {len(data)}")
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def hex_column(digests: list[bytes], keep: int) -> pa.Array:
    """Text column of the first `keep` bytes of each 32-byte digest as lowercase hex."""
    count = len(digests)
    raw = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(count, DIGEST_BYTES)
    return _text_column(raw[:, :keep].tobytes().hex().encode(), np.arange(count + 1) * keep * 2)


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
    if not ciphertexts:
        return pa.array([], type=pa.string())
    prefix = f"{header(key_id)}.".encode()
    lengths = np.fromiter(map(len, ciphertexts), dtype=np.int64, count=len(ciphertexts))
    offsets = np.concatenate([[0], np.cumsum(len(prefix) + (4 * lengths + 2) // 3)])
    if (lengths == lengths[0]).all():
        return _text_column(_behind(prefix, base64url_column(ciphertexts)), offsets)
    return _text_column(b"".join([prefix + base64url(one) for one in ciphertexts]), offsets)


def _behind(prefix: bytes, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """All bytes, one row after the other, each behind the prefix."""
    whole = np.empty((len(rows), len(prefix) + rows.shape[1]), np.uint8)
    whole[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    whole[:, len(prefix) :] = rows
    return whole.reshape(-1)


def reveal_tokens(values: pa.Array, key_ids: tuple[str, ...], open_with: OpenWith) -> pa.Array:
    """Open each token with the key that it names. Raises `TokenRejected`, always with one sentence."""
    openers: dict[str, Open] = {}
    opened: list[bytes | None] = []
    for token in values.to_pylist():
        if token is None:
            opened.append(None)
            continue
        version, _, rest = token.partition(".")
        key_id, _, data = rest.partition(".")
        if version != VERSION or key_id not in key_ids:
            raise TokenRejected(REJECTED)
        if key_id not in openers:
            openers[key_id] = open_with(key_id)
        try:
            opened.append(openers[key_id](from_base64url(data.encode())))
        except (Undecodable, Unauthentic, UnicodeError):
            raise TokenRejected(REJECTED) from None
    try:
        return pa.array(opened, type=pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # authentic, but not made from text
        raise TokenRejected(REJECTED) from None
