"""Rule: no token, ciphertext, fake, mask or shifted time equals the raw cell that it stands for.

A raw device id of 32 hex digits reads like a token, and a raw value with `*` like a mask; the output domain
alone would let them pass.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.protect.model import Step
from pipeline.release.identities import encoded
from pipeline.release.normalized import MASKED

# Transforms that never give a value of more than one character back as it was.
CHANGING = frozenset(
    {"keyed_hash", "sha256", "encrypt_siv", "encrypt_gcm", "mask", "format_preserving", "surrogate"}
)


def untouched(step: Step, published: pa.ChunkedArray, raw: pa.Array, order: NDArray[np.int64]) -> int:
    """Published cells that equal their own raw cell, where the transform never leaves one as it was.

    Args:
        step: of the column.
        published: its cells as read back.
        raw: its raw column, all rows of the slice.
        order: published row -> row of the slice.

    """
    if step.transform.transform == "date_shift":
        return _equal(published, raw.take(pa.array(order)))
    if step.transform.transform not in CHANGING or not pa.types.is_string(published.type) or len(order) == 0:
        return 0
    codes, values = encoded(raw)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    suspects = _same_length(values, published)
    if step.transform.transform == "mask":  # masked at its source: there is nothing left to hide
        mask = getattr(step.transform, "character", MASKED)
        few = np.flatnonzero(suspects)
        masked = pc.match_substring(values.take(pa.array(few)), mask).to_numpy(zero_copy_only=False)
        suspects[few[masked.astype(bool)]] = False
    if not suspects.any():
        return 0
    rows = np.flatnonzero(np.append(suspects, False)[codes[order]])
    return _equal(published.take(pa.array(rows)), values.take(pa.array(codes[order[rows]])))


def _equal(published: pa.ChunkedArray, raw: pa.Array) -> int:
    return int(pc.sum(pc.equal(published, raw), min_count=0).as_py() or 0)


def _same_length(values: pa.Array, published: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Distinct raw values as long as some published cell: mostly none, so that no row is compared."""
    lengths = pc.binary_length(published)
    bounds = pc.min_max(lengths).as_py()
    if bounds["min"] is None:
        return np.zeros(len(values), dtype=bool)
    raw = pc.binary_length(values).fill_null(-1).to_numpy(zero_copy_only=False)
    # A single character is no identity; a mask of one character may well be `*`.
    return np.asarray((raw >= max(2, bounds["min"])) & (raw <= bounds["max"]), dtype=bool)
