"""What an engine carries out: work on the slices of a lane, and grouping; the same for every engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.intake import Cut
from transforms import Keyring


@dataclass(frozen=True)
class Secrets:
    """What a child gets over its inherited pipe, once. Never pickled, printed or stored."""

    keyring: Keyring
    quarantine_key: bytes  # 32 bytes, of this run
    fingerprint_key: bytes  # 16 bytes, of this run

    def __repr__(self) -> str:
        """Nothing of the keys."""
        return "Secrets(…)"

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("keys do not travel by pickle")


class SliceWork(Protocol):
    """Work on slices. Picklable: it names keys, it does not hold them."""

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[object]:
        """Yield one picklable result, free of keys, for each slice of the lane, in order."""
        ...
