"""Digest files of one slice, and their meeting in the parent.

A file is little-endian 64-bit digests, ascending, each once. Children write one file per token domain of the
slice's identities and one per published column; the parent maps them and compares them one key range at a
time, so that its memory depends on the range, not on the run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.release.normalized import Digests, sorted_unique

_RANGE_DIGESTS = 1 << 20  # candidates looked at together: 8 MiB


@dataclass(frozen=True)
class IdentityFile:
    """Digests of the identities of one token domain in one slice."""

    token_domain: str
    path: str  # relative to the staging directory
    digests: int


@dataclass(frozen=True)
class CellFile:
    """Digests of the distinct cells of one published column in one slice."""

    release: int
    table: str
    column: str
    allowed: frozenset[str]  # token domains that the plan keeps in this column
    variant: str  # which form of the cells: as they are, or as national phones
    path: str
    digests: int


Place = tuple[int, str, str, str]  # release, table, column, token domain


@dataclass(frozen=True)
class Meeting:
    """A published column that holds identities of a token domain."""

    release: int
    table: str
    column: str
    token_domain: str
    cells: int  # distinct cells


def write_digests(path: Path, digests: Digests) -> int:
    """Write digests, sorted and each once; return how many there are."""
    ordered = sorted_unique(digests)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(ordered.astype("<u8", copy=False).tobytes())
    return len(ordered)


def _mapped(path: Path) -> Digests:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype="<u8")
    return np.memmap(path, dtype="<u8", mode="r")


def meetings(
    identities: Sequence[IdentityFile], cells: Sequence[CellFile], staging: Path
) -> tuple[Meeting, ...]:
    """Return every published column that shares a digest with a token domain that it may not hold."""
    identity_maps = [(entry, _mapped(staging / entry.path)) for entry in identities if entry.digests]
    cell_maps = [(entry, _mapped(staging / entry.path)) for entry in cells if entry.digests]
    counts: dict[tuple[Place, str], int] = {}
    for low, high in _ranges(sum(len(digests) for _, digests in cell_maps)):
        here = [(entry, _between(digests, low, high)) for entry, digests in cell_maps]
        candidates = sorted_unique(np.concatenate([digests for _, digests in here])) if here else _NONE
        found: dict[tuple[Place, str], list[Digests]] = {}
        for identity, digests in identity_maps if len(candidates) else ():
            common = _common(_between(digests, low, high), candidates)
            for cell, own in here if len(common) else ():
                hits = _common(own, common)
                if len(hits) and identity.token_domain not in cell.allowed:
                    place = (cell.release, cell.table, cell.column, identity.token_domain)
                    found.setdefault((place, cell.variant), []).append(hits)
        for key, hits_of in found.items():
            counts[key] = counts.get(key, 0) + len(sorted_unique(np.concatenate(hits_of)))
    cells_met: dict[Place, int] = {}
    for (place, _), count in counts.items():  # one cell may meet in both of its forms
        cells_met[place] = max(count, cells_met.get(place, 0))
    return tuple(Meeting(*place, count) for place, count in sorted(cells_met.items()))


_NONE: Digests = np.zeros(0, dtype=np.uint64)


def _ranges(total: int) -> Iterator[tuple[int, int]]:
    count = max(1, -(-total // _RANGE_DIGESTS))
    edges = [(1 << 64) * number // count for number in range(count + 1)]
    yield from pairwise(edges)


def _between(digests: Digests, low: int, high: int) -> Digests:
    first = np.searchsorted(digests, np.uint64(low))
    last = len(digests) if high >= 1 << 64 else np.searchsorted(digests, np.uint64(high))
    return np.asarray(digests[first:last])


def _common(left: Digests, right: Digests) -> Digests:
    """Members of both; the shorter is looked up in the longer."""
    short, long = (left, right) if len(left) <= len(right) else (right, left)
    if len(short) == 0:
        return _NONE
    at = np.searchsorted(long, short)
    at[at == len(long)] = 0
    found: Digests = short[long[at] == short]
    return found
