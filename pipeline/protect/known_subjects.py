"""The keyed digests of subjects, each computed once a child: people come back in every slice."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.keys.sorted_digests import DIGEST, Digests
from pipeline.keys.subject_store import DIGEST_BYTES, SubjectDigests
from pipeline.protect.remembered import Remembered
from transforms import Keyring
from transforms.cmac_column import cmac_column

_INDEX = "subject index"
_BINARY = pa.binary(DIGEST_BYTES)


class KnownSubjects:
    """Distinct subjects -> the digests that name them, with those of earlier slices remembered."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._digest = SubjectDigests(keyring)
        self._remembered = Remembered(self._fresh)

    def words(self, subjects: pa.Array) -> NDArray[np.uint64]:
        """What the subject index knows subjects by: 8 bytes of AES-CMAC each, so cheap that every row may be asked."""
        return subject_words(self._keyring, subjects)

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


def subject_words(keyring: Keyring, subjects: pa.Array) -> NDArray[np.uint64]:
    """The first half of AES-256-CMAC (NIST SP 800-38B) of each subject, under a key of the lasting secret.

    Truncated, so that not even the key turns a word back; a guess can be tested with the key only.
    """
    return cmac_column(keyring.lasting_key(_INDEX), subjects)[:, 0]
