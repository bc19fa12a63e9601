"""Text columns as bytes: where each text stands, cells of one length as one matrix, and words of eight bytes.

A *word* is eight bytes as one little-endian number, what digests of whole columns take at a step.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Words = NDArray[np.uint64]
Rows = NDArray[np.intp] | slice

WORD_BYTES = 8
LOW_BYTES: Words = np.array([(1 << (8 * count)) - 1 for count in range(WORD_BYTES + 1)], dtype=np.uint64)


def text_bytes(texts: pa.Array) -> tuple[Places, Bytes]:
    """Where each text begins and the last one ends, from 0 on; and their bytes, not copied.

    Takes `string` and `large_string`; at nulls stands whatever lies under them.
    """
    _, offsets, data = texts.buffers()
    if not len(texts) or offsets is None:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    bounds = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return bounds - bounds[0], np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]


def buffers_of(texts: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    """The same for a `string` array whose texts change in place: offsets as Arrow has them, and a copy of the bytes."""
    bounds, content = text_bytes(texts)
    return bounds.astype(np.int32), content.copy()


def words_at(data: Bytes) -> Words:
    """The word that begins at each byte but the last seven; not copied."""
    return np.ndarray((len(data) - WORD_BYTES + 1,), "<u8", data.data, strides=(1,))


def by_length(bounds: NDArray[np.signedinteger[Any]], data: Bytes) -> Iterator[tuple[Rows, Bytes]]:
    """Rows and their cells as bytes (rows x length), for each length above 0."""
    lengths = np.diff(bounds)
    if not len(lengths):
        return
    if (lengths == lengths[0]).all():
        if lengths[0]:
            yield slice(None), data.reshape(len(lengths), -1)
        return
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        if length:
            rows = np.flatnonzero(lengths == length)
            yield rows, data[bounds[rows][:, None] + np.arange(length)]
