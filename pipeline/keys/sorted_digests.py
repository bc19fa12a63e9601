"""Digests of 16 bytes as numbers: sorted, looked up, and joined without holding them all.

A digest is a pair of little-endian 64-bit words, ordered by the first, then the second. Files of digests are sorted
and hold each once, so that any number of them can be joined one range at a time.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGEST = np.dtype([("high", "<u8"), ("low", "<u8")])
Digests = NDArray[np.void]  # of DIGEST, or of records that begin like it
RANGE_DIGESTS = 1 << 20  # looked at together: 16 MiB a file set


def digests_from(digests: Sequence[bytes]) -> Digests:
    """Digests as an array, in the order given."""
    return np.frombuffer(b"".join(digests), dtype=DIGEST)


def ordered(digests: Digests) -> Digests:
    """Ascending, each once."""
    order = np.lexsort((digests["low"], digests["high"]))
    high, low = digests["high"][order], digests["low"][order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return np.ascontiguousarray(digests[order[first]])


def places_of(wanted: Digests, stored: Digests) -> NDArray[np.int64]:
    """Where each wanted digest stands among sorted ones, -1 where it does not."""
    if not len(stored) or not len(wanted):
        return np.full(len(wanted), -1, dtype=np.int64)
    left = np.searchsorted(stored["high"], wanted["high"], side="left").astype(np.int64)
    right = np.searchsorted(stored["high"], wanted["high"], side="right")
    for at in np.flatnonzero(right - left > 1):  # equal first words: one pair in 2^64
        left[at] += np.searchsorted(stored["low"][left[at] : right[at]], wanted["low"][at])
    at_most = np.minimum(left, len(stored) - 1)
    equal = (stored["high"][at_most] == wanted["high"]) & (stored["low"][at_most] == wanted["low"])
    return np.where(equal, at_most, -1)


def write_sorted(path: Path, digests: Digests) -> int:
    """Write digests, sorted and each once, into a new private file; return how many there are."""
    unique = ordered(digests)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(unique.tobytes())
    return len(unique)


def map_sorted(path: Path) -> Digests:
    """The digests of a file, not read before they are looked at."""
    return np.memmap(path, dtype=DIGEST, mode="r") if path.stat().st_size else np.zeros(0, dtype=DIGEST)


def joined(files: Sequence[Digests]) -> Iterator[Digests]:
    """The digests of all files, ascending and each once, one range after the other.

    Memory holds one range of every file: digests are spread evenly, so ranges are about equally full.
    """
    for low, high in _ranges(sum(len(digests) for digests in files)):
        here = [between(digests, low, high) for digests in files]
        found = ordered(np.concatenate([digests for digests in here if len(digests)] or [here[0]]))
        if len(found):
            yield found


def between(digests: Digests, low: int, high: int) -> Digests:
    """Those whose first word is at least `low` and below `high`."""
    first = np.searchsorted(digests["high"], np.uint64(low))
    last = len(digests) if high >= 1 << 64 else np.searchsorted(digests["high"], np.uint64(high))
    return digests[first:last]


def _ranges(total: int) -> Iterator[tuple[int, int]]:
    count = max(1, -(-total // RANGE_DIGESTS)) if total else 0
    edges = [(1 << 64) * number // count for number in range(count + 1)] if count else []
    yield from pairwise(edges)
