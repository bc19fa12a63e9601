"""Tombstones: keyed digests of erased subjects, whose rows every later run withholds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipeline.errors import InternalError
from pipeline.state.database import reading, transaction

_SHORTEST, _LONGEST = 16, 64  # bytes of a keyed digest


@dataclass(frozen=True)
class Tombstones:
    """Append-only set of keyed digests; `State.tombstones` is one."""

    database: Path = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def add(self, digest: bytes) -> bool:
        """Add one, on disk when this returns; False where it was there already. Raises PublishFailed."""
        if not _SHORTEST <= len(digest) <= _LONGEST:
            raise InternalError(f"a tombstone must be a keyed digest of {_SHORTEST} to {_LONGEST} bytes")
        at = self.clock().isoformat(timespec="seconds")
        with transaction(self.database) as database:
            if database.execute("SELECT 1 FROM tombstones WHERE digest = ?", (digest,)).fetchone():
                return False
            database.execute("INSERT INTO tombstones (digest, at) VALUES (?, ?)", (digest, at))
        return True

    def all(self) -> frozenset[bytes]:
        """Every digest."""
        with reading(self.database) as database:
            return frozenset(row[0] for row in database.execute("SELECT digest FROM tombstones"))
