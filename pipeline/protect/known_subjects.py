"""The keyed digests of subjects, each computed once a child: people come back in every slice."""

import numpy as np
import pyarrow as pa

from pipeline.keys.sorted_digests import DIGEST, Digests
from pipeline.keys.subject_store import DIGEST_BYTES, SubjectDigests
from pipeline.protect.remembered import Remembered
from transforms import Keyring

_BINARY = pa.binary(DIGEST_BYTES)


class KnownSubjects:
    """Distinct subjects -> the digests that name them, with those of earlier slices remembered."""

    def __init__(self, keyring: Keyring) -> None:
        self._digest = SubjectDigests(keyring)
        self._remembered = Remembered(self._fresh)

    def __call__(self, subjects: pa.Array) -> Digests:
        """One digest a subject, in their order."""
        rows = self._remembered.rows(subjects, np.arange(len(subjects)))
        if rows is None:
            return np.frombuffer(self._fresh(subjects).buffers()[1], dtype=DIGEST)
        return np.ascontiguousarray(rows).reshape(-1).view(DIGEST)

    def binary(self, subjects: pa.Array) -> pa.Array:
        """The same as an array, by which tombstones name subjects."""
        return pa.Array.from_buffers(
            _BINARY, len(subjects), [None, pa.py_buffer(np.ascontiguousarray(self(subjects)).tobytes())]
        )

    def _fresh(self, subjects: pa.Array) -> pa.Array:
        data = pa.py_buffer(b"".join(self._digest(subjects)))
        return pa.Array.from_buffers(_BINARY, len(subjects), [None, data])
