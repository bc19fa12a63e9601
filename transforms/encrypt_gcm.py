"""Encryption that hides equality: two rows of one value get two tokens, a rerun the same ones."""

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform, plain
from transforms.context import Context
from transforms.domains import CipherToken
from transforms.errors import BadParameter
from transforms.keyring import Keyring
from transforms.padding import OTHER_BYTES, Pad, bucket_of
from transforms.primitives import (
    NONCE_BYTES,
    encode_fields,
    gcm_encrypt_column,
    gcm_opener,
    hmac_sha256_column,
    pad_plaintexts,
    unpad_plaintext,
)
from transforms.tokens import Open, associated_data, reveal_tokens, token_column, utf8_values, with_nulls_of

_CIPHER = "aes-256-gcm"
_NONCE = "aes-256-gcm nonce hmac-sha256"
# Of a key: nonces of 96 bits then collide with probability below 2^-32 (SP 800-38D section 8.3).
MAX_VALUES = 2**32


class EncryptGcm(Transform):
    """AES-256-GCM of the value, as `p1.<key id>.<base64url of nonce, ciphertext, tag>`.

    Guarantee: without the key nothing is learned, not even equality (and length, where not padded: `pad:
    auto` as in `encrypt_siv`, and everything else to 32 bytes); a changed token or one of another recipient,
    purpose, domain, epoch, release, table or column is rejected but for a chance of 2^-128. The nonce is the
    first 12 bytes of HMAC-SHA-256, under a key of its own, over length-prefixed (row id, plaintext): equal input
    gives equal bytes on a rerun; with at most 2^32 values a key two nonces are equal with probability below
    2^-32. Price: tokens join nothing; 40 and more characters; about 3 s of one core per million rows. Needs row
    ids. Suits every type; what is revealed is the text form. Source: NIST SP 800-38D; ISO/IEC 20889,
    encryption.
    """

    technique: ClassVar[str] = "encryption"
    keyed: ClassVar[bool] = True
    reversible: ClassVar[bool] = True
    identifying: ClassVar[bool] = False
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["encrypt_gcm"] = "encrypt_gcm"
    pad: Pad = "auto"

    def output(self, facts: ColumnFacts) -> Output:
        """Cipher tokens."""
        self.require(facts.value_type)
        return Output(pa.string(), CipherToken())

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Derive the keys of (recipient, purpose, domain, epoch, release, table, column)."""
        bucket = bucket_of(self.pad, context.domain, otherwise=OTHER_BYTES)
        return _BoundGcm(self, self.need_keyring(keyring), context, bucket)


class _BoundGcm(BoundTransform):
    needs_rows = True

    def __init__(self, transform: EncryptGcm, keyring: Keyring, context: Context, bucket: int) -> None:
        super().__init__(
            transform,
            _refuse_values,
            reveal=lambda values: reveal_tokens(values, keyring.key_ids, self._open_with),
        )
        self._keyring = keyring
        self._context = context
        self._bucket = bucket

    def __call__(
        self,
        array: pa.Array | pa.ChunkedArray,
        *,
        subject: pa.Array | None = None,
        row_ids: pa.Array | None = None,
    ) -> pa.Array:
        """Encrypt row by row. `row_ids` has one distinct value per row, the same on every rerun."""
        self._transform.require(array.type)
        values = plain(array)
        if row_ids is None or len(row_ids) != len(values):
            raise BadParameter("encrypt_gcm needs one row id per row")
        if len(values) > MAX_VALUES:
            raise BadParameter(f"encrypt_gcm takes at most {MAX_VALUES} values a key")
        key_id = self._keyring.active
        plaintexts = pad_plaintexts(utf8_values(values), self._bucket)
        messages = [
            row + len(plaintext).to_bytes(4, "big") + plaintext
            for row, plaintext in zip(_encoded_rows(row_ids), plaintexts, strict=True)
        ]
        nonces = [digest[:NONCE_BYTES] for digest in hmac_sha256_column(self._key(_NONCE, key_id), messages)]
        associated = associated_data(key_id, self._context, per_column=True)
        sealed = gcm_encrypt_column(self._key(_CIPHER, key_id), nonces, plaintexts, associated)
        joined = [nonce + ciphertext for nonce, ciphertext in zip(nonces, sealed, strict=True)]
        return with_nulls_of(values, token_column(key_id, joined))

    def _key(self, algorithm: str, key_id: str) -> bytes:
        return self._keyring.derive(algorithm, self._context, key_id=key_id, per_column=True)

    def _open_with(self, key_id: str) -> Open:
        decrypt = gcm_opener(
            self._key(_CIPHER, key_id), associated_data(key_id, self._context, per_column=True)
        )
        return lambda data: unpad_plaintext(decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:]))


def _refuse_values(values: pa.Array) -> pa.Array:
    raise BadParameter("encrypt_gcm needs one row id per row, so it takes whole columns only")


def _encoded_rows(row_ids: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """Each row id as one length-prefixed field; a struct's fields are length-prefixed inside."""
    if isinstance(row_ids, pa.ChunkedArray):
        row_ids = row_ids.combine_chunks()
    if row_ids.null_count:
        raise BadParameter("row ids must not be null")
    if pa.types.is_struct(row_ids.type):
        fields = [_encoded_rows(field) for field in row_ids.flatten()]
        return [len(row).to_bytes(4, "big") + row for row in map(b"".join, zip(*fields, strict=True))]
    if pa.types.is_integer(row_ids.type):
        words = row_ids.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(">i8")
        prefixed = np.empty(len(words), dtype=[("length", ">u4"), ("word", ">i8")])
        prefixed["length"], prefixed["word"] = words.itemsize, words
        size, data = prefixed.itemsize, prefixed.tobytes()
        return [data[at : at + size] for at in range(0, len(data), size)]
    encoded = plain(row_ids).dictionary_encode()
    distinct = [encode_fields(value) for value in utf8_values(encoded.dictionary)]
    return [distinct[index] for index in encoded.indices.to_pylist()]
