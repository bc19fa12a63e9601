"""Digest files of one slice, and their meeting in the parent.

A file is little-endian 64-bit digests. Children write one file per token domain of the slice's identities, in any
order, and one per published column, ascending and each once; the parent maps them and compares them one key range at
a time, so that its memory depends on the range, not on the run. Columns in which identities are looked for have few
distinct cells as a rule, so most identities are dismissed by one look into a table; where there are many cells, the
files of identities are put in order first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.release.normalized import Digests, sorted_unique

_RANGE_DIGESTS = 1 << 20  # candidates looked at together: 8 MiB
_MOST_PASSES = 4  # over unordered files
_CHUNK = 1 << 18  # digests of a file looked at together: 2 MiB


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
    return write_unordered(path, sorted_unique(digests))


def write_unordered(path: Path, digests: Digests) -> int:
    """Write digests as they come; return how many there are."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open(
        "wb"
    ) as file:  # numpy's own writing tells no error number, and so not that the disk is full
        file.write(digests.astype("<u8", copy=False).tobytes())
    return len(digests)


def _mapped(path: Path) -> Digests:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype="<u8")
    return np.memmap(path, dtype="<u8", mode="r")


def meetings(
    identities: Sequence[IdentityFile], cells: Sequence[CellFile], staging: Path
) -> tuple[Meeting, ...]:
    """Return every published column that shares a digest with a token domain that it may not hold."""
    cell_maps = [(entry, _mapped(staging / entry.path)) for entry in cells if entry.digests]
    ranges = _ranges(sum(len(digests) for _, digests in cell_maps))
    in_order = len(ranges) > _MOST_PASSES
    if in_order:
        for entry in identities:
            _put_in_order(staging / entry.path)
    identity_maps = [(entry, _mapped(staging / entry.path)) for entry in identities if entry.digests]
    counts: dict[tuple[Place, str], int] = {}
    for low, high in ranges:
        here = [(entry, _between(digests, low, high)) for entry, digests in cell_maps]
        candidates = sorted_unique(np.concatenate([digests for _, digests in here])) if here else _NONE
        found: dict[tuple[Place, str], list[Digests]] = {}
        for identity, digests in identity_maps if len(candidates) else ():
            common = (
                _common(_between(digests, low, high), candidates) if in_order else _met(digests, candidates)
            )
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


def _ranges(total: int) -> list[tuple[int, int]]:
    count = max(1, -(-total // _RANGE_DIGESTS))
    edges = [(1 << 64) * number // count for number in range(count + 1)]
    return list(pairwise(edges))


def _put_in_order(path: Path) -> None:
    write_unordered(path, np.sort(np.fromfile(path, dtype="<u8")))


def _met(digests: Digests, candidates: Digests) -> Digests:
    """Members of both, ascending; only `candidates` are in order."""
    # One in eight at most is marked, so that few digests are left to be put in order.
    low_bits = np.uint64(max(1 << 16, 1 << (8 * len(candidates)).bit_length()) - 1)
    near = np.zeros(int(low_bits) + 1, dtype=bool)
    near[candidates & low_bits] = True
    found = [_NONE]
    for first in range(0, len(digests), _CHUNK):
        chunk = digests[first : first + _CHUNK]
        found.append(_common(np.sort(chunk[near[chunk & low_bits]]), candidates))
    return sorted_unique(np.concatenate(found))


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
