"""Codes for values that only have to be told apart inside one run, many at a time."""

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from transforms.primitives import hmac_sha256_column

_ROOM = 15  # bytes of a value that fit into one block beside their number


def run_codes(key: bytes, texts: pa.Array) -> NDArray[np.uint64]:
    """Return a 128-bit code of each text, as (texts, 2) 64-bit halves; equal texts, equal codes.

    `key` has 32 bytes and is drawn for one run. A text of at most 15 bytes is one AES block, so that two of them
    never share a code; longer ones are HMAC-SHA-256 cut to 128 bits, of which two among 10^9 meet with
    probability below 2^-68. Not a transform: codes show which texts are equal, and are never published.
    """
    binary = texts.cast(pa.large_binary())
    number = len(binary)
    offsets = np.frombuffer(binary.buffers()[1], dtype="<i8")[binary.offset : binary.offset + number + 1]
    lengths = np.diff(offsets)
    codes = np.zeros((number, 2), dtype="<u8")
    short = np.flatnonzero(lengths <= _ROOM)
    if len(short):
        data = np.frombuffer(binary.buffers()[2] or b"\0", dtype=np.uint8)
        place = offsets[short, None] + np.arange(_ROOM)
        inside = np.arange(_ROOM) < lengths[short, None]
        blocks = np.zeros((len(short), 16), dtype=np.uint8)
        blocks[:, 0] = lengths[short]
        blocks[:, 1:] = np.where(inside, data[np.minimum(place, max(len(data) - 1, 0))], 0)
        # Each block stands alone: this is the block cipher itself, no message is encrypted in ECB mode.
        encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305
        codes[short] = np.frombuffer(encryptor.update(blocks.tobytes()), dtype="<u8").reshape(-1, 2)
    long = np.flatnonzero(lengths > _ROOM)
    if len(long):
        digests = hmac_sha256_column(key, binary.take(pa.array(long)).to_pylist())
        codes[long] = np.frombuffer(b"".join(d[:16] for d in digests), dtype="<u8").reshape(-1, 2)
    return codes
