"""Text columns as bytes: cells of one length are one matrix, on which a column operation is one call of numpy."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Rows = NDArray[np.intp] | slice


def buffers_of(values: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    """Offsets from zero and bytes of a `string` array without nulls; the bytes are a copy."""
    _, offset_buffer, data_buffer = values.buffers()
    if offset_buffer is None or not len(values):
        return np.zeros(len(values) + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]].copy()
    return offsets - offsets[0], data


def by_length(offsets: NDArray[np.int32], data: Bytes) -> Iterator[tuple[Rows, Bytes]]:
    """Rows and their cells as bytes (rows x length), for each length above 0."""
    lengths = np.diff(offsets)
    if not len(lengths):
        return
    if (lengths == lengths[0]).all():
        if lengths[0]:
            yield slice(None), data.reshape(len(lengths), -1)
        return
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        if length:
            rows = np.flatnonzero(lengths == length)
            yield rows, data[offsets[rows][:, None] + np.arange(length)]
