"""Deterministic encryption: equal values get equal tokens, and the key holder can turn them back."""

from typing import ClassVar, Literal

import pyarrow as pa

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform
from transforms.context import Context
from transforms.domains import CipherToken
from transforms.keyring import Keyring
from transforms.padding import Pad, bucket_of
from transforms.per_subject import BoundPerSubject
from transforms.primitives import pad_plaintexts, siv_encrypt_column, siv_opener, unpad_plaintext
from transforms.tokens import Open, associated_data, reveal_tokens, token_column, utf8_values, with_nulls_of

_ALGORITHM = "aes-256-siv"
_KEY_BYTES = 64


class EncryptSiv(Transform):
    """AES-256-SIV of the value, as `p1.<key id>.<base64url>`.

    Guarantee: without the key nothing is learned but equality (and length, where not padded: `pad: auto`
    makes all names up to 63 bytes and all addresses up to 127 bytes equally long); a changed token or one
    of another recipient, purpose, domain, epoch is rejected but for a chance of 2^-128. Price: equal values
    stay equal, so frequencies show; tokens are 30 and more characters. About 2 s of one core per million
    distinct values. With `per: subject`, each subject has a random key in the key store, equal values of two
    subjects differ, and `pouch erase` destroys that key: then nobody can turn the subject's tokens back, the
    keyring's owner included; price: tokens are 43 characters longer and join within a subject only, and a run makes
    the keys of new subjects first. Suits every type; what is revealed is the text form. Source: RFC 5297;
    associated data is one element. ISO/IEC 20889, deterministic encryption.
    """

    technique: ClassVar[str] = "deterministic encryption"
    keyed: ClassVar[bool] = True
    reversible: ClassVar[bool] = True
    identifying: ClassVar[bool] = True
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["encrypt_siv"] = "encrypt_siv"
    pad: Pad = "auto"
    per: Literal["subject"] | None = None

    def output(self, facts: ColumnFacts) -> Output:
        """Cipher tokens."""
        self.require(facts.value_type)
        return Output(pa.string(), CipherToken())

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Derive the key of (recipient, purpose, domain, epoch)."""
        ring = self.need_keyring(keyring)
        if self.per == "subject":
            return BoundPerSubject(self, ring, context, bucket_of(self.pad, context.domain))
        key_id = ring.active
        key = ring.derive(_ALGORITHM, context, length=_KEY_BYTES)
        associated = associated_data(key_id, context, per_column=False)
        bucket = bucket_of(self.pad, context.domain)

        def tokens(values: pa.Array) -> pa.Array:
            plaintexts = pad_plaintexts(utf8_values(values), bucket)
            return with_nulls_of(
                values, token_column(key_id, siv_encrypt_column(key, plaintexts, [associated]))
            )

        def open_with(token_key_id: str) -> Open:
            token_key = ring.derive(_ALGORITHM, context, key_id=token_key_id, length=_KEY_BYTES)
            decrypt = siv_opener(token_key, [associated_data(token_key_id, context, per_column=False)])
            return lambda ciphertext: unpad_plaintext(decrypt(ciphertext))

        return BoundTransform(
            self, tokens, reveal=lambda values: reveal_tokens(values, ring.key_ids, open_with)
        )
