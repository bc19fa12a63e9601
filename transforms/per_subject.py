"""Encryption under a random key of each subject: when that key is destroyed, nobody can turn its tokens back.

A token has two layers of AES-SIV (RFC 5297):

    inner = SIV(key of subject and context, padded value)
    token = SIV(key of context,             digest of subject || inner)

The inner key is HMAC-SHA-512 under the subject's random key over the context: one block of the counter-mode KDF of
NIST SP 800-108r1, section 4.1. Whoever lacks that random key cannot compute it, the keyring's owner included. The
outer layer keeps the subject's digest, which finds the key again, from everybody without the keyring, and binds the
token to recipient, purpose, domain and epoch like every other.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from transforms.base import BoundTransform, Transform, plain
from transforms.cells import Places
from transforms.context import Context
from transforms.errors import BadParameter, ErasedSubject, KeyUnavailable
from transforms.keyring import Keyring, SubjectKeys
from transforms.primitives import (
    Unauthentic,
    encode_fields,
    pad_plaintexts,
    siv_encrypt_column,
    siv_opener,
    unpad_plaintext,
)
from transforms.tokens import (
    Open,
    associated_data,
    reveal_tokens,
    token_column,
    utf8_values,
    with_nulls_of,
)

_OUTER = "aes-256-siv per subject"
_INNER = "pouch/subject-token/1"
_KEY_BYTES = 64
_DIGEST = 16  # bytes that name a subject

NO_KEY = "the key of a subject is not in the key store (any more): it was erased, or the store is another"


class BoundPerSubject(BoundTransform):
    """`encrypt_siv` with `per: subject`, with its keys. Needs the subject of each row."""

    needs_rows = True

    def __init__(self, transform: Transform, keyring: Keyring, context: Context, bucket: int) -> None:
        super().__init__(
            transform,
            _refuse_values,
            reveal=lambda values: reveal_tokens(values, keyring.key_ids, self._open_with),
        )
        self._keyring, self._context, self._bucket = keyring, context, bucket

    def __call__(
        self,
        array: pa.Array | pa.ChunkedArray,
        *,
        subject: pa.Array | None = None,
        row_ids: pa.Array | None = None,
    ) -> pa.Array:
        """Encrypt each value under the key of its row's subject; rows without subject share nobody's key.

        Raises `KeyUnavailable` where a subject has no key, `BadParameter` without subjects.
        """
        self._transform.require(array.type)
        values = plain(array)
        if subject is None or len(subject) != len(values):
            raise BadParameter("encrypt_siv per subject needs the subject of each row")
        # Every distinct pair of subject and value once. Codes, not texts: a pair has two integers.
        people, cells = _coded(subject), _coded(values)
        who, what = np.asarray(people.indices, np.int64), np.asarray(cells.indices, np.int64)
        width = len(cells.dictionary)
        pairs, row = np.unique(who * width + what, return_inverse=True)
        tokens = self._tokens(people.dictionary, cells.dictionary, pairs // width, pairs % width)
        return with_nulls_of(values, tokens.take(pa.array(row)))

    def _tokens(
        self,
        people: pa.Array,
        values: pa.Array,
        who: Places,
        what: Places,
    ) -> pa.Array:
        key_id = self._keyring.active
        store = self._store()
        digests = store.digests(people)
        inner_keys = self._inner_keys(store.keys(digests), key_id)
        plaintexts = pad_plaintexts(utf8_values(values), self._bucket)
        bodies, before = [], -1
        for person, value in zip(who.tolist(), what.tolist(), strict=True):
            if person != before:  # pairs are sorted by person
                encrypt, before = AESSIV(inner_keys[person]).encrypt, person
            bodies.append(digests[person] + encrypt(plaintexts[value], None))
        outer = self._keyring.derive(_OUTER, self._context, length=_KEY_BYTES)
        associated = associated_data(key_id, self._context, per_column=False)
        return token_column(key_id, siv_encrypt_column(outer, bodies, (associated,)))

    def _store(self) -> SubjectKeys:
        store = self._keyring.subject_keys
        if store is None:
            raise KeyUnavailable("encrypt_siv per subject needs a key store, and there is none here")
        return store

    def _inner_keys(self, keys: Sequence[bytes | None], key_id: str) -> list[bytes]:
        message = inner_message(key_id, self._context)
        found = []
        for key in keys:
            if key is None:
                raise KeyUnavailable(NO_KEY)
            found.append(inner_key(key, message))
        return found

    def _open_with(self, key_id: str) -> Open:
        outer = self._keyring.derive(_OUTER, self._context, key_id=key_id, length=_KEY_BYTES)
        opened = siv_opener(outer, (associated_data(key_id, self._context, per_column=False),))
        message = inner_message(key_id, self._context)
        store = self._store()

        def open_token(ciphertext: bytes) -> bytes:
            body = opened(ciphertext)
            if len(body) <= _DIGEST:
                raise Unauthentic
            key = store.keys((body[:_DIGEST],))[0]
            if key is None:
                raise ErasedSubject("the subject of this token was erased; nobody can turn it back")
            return unpad_plaintext(siv_opener(inner_key(key, message), ())(body[_DIGEST:]))

        return open_token


def inner_message(key_id: str, context: Context) -> bytes:
    """The fixed input of the KDF: counter 1, label, 0x00, context, 512 bits (SP 800-108r1, section 4.1)."""
    names = (key_id, context.recipient, context.purpose, context.domain, context.epoch)
    return (
        (1).to_bytes(4, "big")
        + _INNER.encode()
        + b"\0"
        + encode_fields(*names)
        + (8 * _KEY_BYTES).to_bytes(4, "big")
    )


def inner_key(subject_key: bytes, message: bytes) -> bytes:
    """64 bytes for AES-256-SIV, of one subject and context."""
    state = hmac.HMAC(subject_key, hashes.SHA512())
    state.update(message)
    return state.finalize()


def _coded(array: pa.Array) -> pa.DictionaryArray:
    """Dictionary-encoded, with null as a value like any other: rows about nobody, and cells that stay null."""
    return plain(array).dictionary_encode(null_encoding="encode")


def _refuse_values(values: pa.Array) -> pa.Array:
    raise BadParameter(
        "encrypt_siv per subject needs the subject of each row, so it takes whole columns only"
    )
