"""Transforms bound to the row's subject: what a subject's keyed bits say, all of its rows get."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import BoundTransform, Transform, as_text, plain
from transforms.errors import BadParameter
from transforms.normal_forms import ArrayForm
from transforms.primitives import encode_fields, hmac_sha256_column
from transforms.tokens import utf8_values

KeyedBits = npt.NDArray[np.uint64]


class BoundBySubject(BoundTransform, ABC):
    """A transform with its key, row by row: by the row's subject, or by its value where it has none."""

    needs_rows = True  # for the subject; the row ids are not looked at

    def __init__(self, transform: Transform, key: bytes, normalize: ArrayForm = as_text) -> None:
        super().__init__(transform, self)
        self._key = key
        self._normalize = normalize

    def __call__(
        self,
        array: pa.Array | pa.ChunkedArray,
        *,
        subject: pa.Array | None = None,
        row_ids: pa.Array | None = None,
    ) -> pa.Array:
        """Transform a column; every distinct subject, and every distinct value of nobody, is hashed once.

        Raises `BadParameter` where there is not one subject a row.
        """
        self._transform.require(array.type)
        values = plain(array)
        if subject is not None and len(subject) != len(values):
            raise BadParameter(f"{self._transform.transform} needs one subject per row")
        return self.rows(values, None if subject is None else plain(subject))

    @abstractmethod
    def rows(self, values: pa.Array, people: pa.Array | None) -> pa.Array:
        """Transform the values of these people."""

    def keyed_bits(self, values: pa.Array, people: pa.Array | None) -> KeyedBits:
        """64 keyed bits for each row; what they are for null does not matter."""
        if people is None:
            return self._of(b"value", values, self._normalize)
        bits = self._of(b"subject", people, as_text)
        nobody = pc.is_null(people).to_numpy(zero_copy_only=False)
        if nobody.any():
            bits[nobody] = self._of(b"value", values.filter(pa.array(nobody)), self._normalize)
        return bits

    def _of(self, what: bytes, keys: pa.Array, form: ArrayForm) -> KeyedBits:
        """First 8 bytes of HMAC over the length-prefixed (what, text): modulo N < 2^39 the bias is below 2^-25."""
        encoded = keys.dictionary_encode()
        if not len(encoded.dictionary):
            return np.zeros(len(keys), dtype=np.uint64)
        head = encode_fields(what)
        messages = [
            head + len(text).to_bytes(4, "big") + text for text in utf8_values(form(encoded.dictionary))
        ]
        digests = b"".join(digest[:8] for digest in hmac_sha256_column(self._key, messages))
        distinct = np.frombuffer(digests, dtype=">u8").astype(np.uint64)
        bits: KeyedBits = distinct[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)]
        return bits
