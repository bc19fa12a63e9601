"""Hash chains: a row's hash covers the row and the hash before it, so a changed row breaks all later ones."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.errors import CheckFailed

FIRST = bytes(32)  # what the first row has as its previous hash
Cell = str | int


def link_hash(name: str, seq: int, cells: Sequence[Cell], previous: bytes) -> bytes:
    """SHA-256 over chain name, number, cells and previous hash, each length-prefixed: no two rows agree."""
    digest = hashlib.sha256()
    for cell in (f"pouch {name} 1", seq, *cells):
        kind, content = b"i" if isinstance(cell, int) else b"s", str(cell).encode()
        digest.update(kind + len(content).to_bytes(8, "big") + content)
    digest.update(previous)
    return digest.digest()


def last_link(database: sqlite3.Connection, table: str) -> tuple[int, bytes]:
    """Number and hash of a chain's newest row; 0 and `FIRST` where it has none."""
    # Tables are named by constants.
    row = database.execute(f"SELECT seq, hash FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608
    return (row[0], row[1]) if row else (0, FIRST)


def verify_rows(name: str, rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Return the last hash of a whole chain; each row has number, cells, previous hash and its own hash.

    Raises CheckFailed naming the first row that does not fit.
    """
    previous = FIRST
    for expected, (seq, *cells, before, own) in enumerate(rows, start=1):
        if seq != expected or before != previous or own != link_hash(name, seq, cells, previous):
            raise CheckFailed(
                f"row {expected} of the {name} was changed, removed or inserted after it was written",
                where="state",
                hint="compare with a backup of the state; the rows before it are sound",
            )
        previous = own
    return previous
