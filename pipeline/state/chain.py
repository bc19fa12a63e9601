"""Hash chains: a row's hash covers the row and the hash before it, so a changed row breaks all later ones."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.errors import CheckFailed

FIRST = bytes(32)  # what the first row has as its previous hash
Cell = str | int


@dataclass(frozen=True)
class Link:
    """One row of a chain."""

    seq: int
    cells: tuple[Cell, ...]
    previous: bytes
    hash: bytes


def link_hash(name: str, seq: int, cells: Sequence[Cell], previous: bytes) -> bytes:
    """SHA-256 over chain name, number, cells and previous hash, each length-prefixed: no two rows agree."""
    digest = hashlib.sha256()
    for cell in (f"pouch {name} 1", seq, *cells):
        kind, content = b"i" if isinstance(cell, int) else b"s", str(cell).encode()
        digest.update(kind + len(content).to_bytes(8, "big") + content)
    digest.update(previous)
    return digest.digest()


def verify_links(name: str, links: Iterable[Link]) -> bytes:
    """Return the last hash of a whole chain. Raises CheckFailed naming the first row that does not fit."""
    previous = FIRST
    for expected, link in enumerate(links, start=1):
        if (
            link.seq != expected
            or link.previous != previous
            or link.hash != link_hash(name, link.seq, link.cells, previous)
        ):
            raise CheckFailed(
                f"row {expected} of the {name} was changed, removed or inserted after it was written",
                where="state",
                hint="compare with a backup of the state; the rows before it are sound",
            )
        previous = link.hash
    return previous
