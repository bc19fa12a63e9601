"""What a child sees of one slice, and what comes back to the parent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.protect.known_subjects import KnownSubjects
from pipeline.protect.model import Plan


@dataclass(frozen=True)
class StagedPart:
    """One file of one release, written by a child, not published yet."""

    path: str  # relative to the staging directory
    rows: int
    order: pa.Array  # int64: published row i is row order[i] of the slice
    redacted: Mapping[str, int] = field(default_factory=dict)  # column -> cells that could not be encrypted


@dataclass(frozen=True)
class SliceView:
    """What a tap sees of one slice. Holds raw values: it never leaves the child."""

    table: str
    index: int
    columns: Mapping[str, pa.Array]  # typed columns of all rows; text that repeats comes as dictionaries
    subject: pa.Array | None  # text; null = no subject
    released: Mapping[int, pa.Array]  # release number -> int64 rows that are not withheld, ascending
    parts: Mapping[int, StagedPart]  # release number -> the part written for this table and slice
    fingerprint_key: bytes = field(repr=False)  # 16 bytes, random per run
    # distinct subjects -> the keyed digests that the subject index knows them by
    known: KnownSubjects | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Counts only: the columns are raw."""
        return f"SliceView({self.table} slice {self.index})"


Tap = Callable[
    [SliceView, Plan, Path], Any
]  # each tap has an answer of its own, picklable and free of values


@dataclass(frozen=True)
class SliceResult:
    """What one slice came to: counts, staged parts and the taps' answers. Holds no raw value."""

    table: str
    index: int
    rows_read: int
    quarantined: Mapping[str, int]  # reason -> records
    withheld: Mapping[int, Mapping[str, int]]  # release number -> reason -> rows
    parts: Mapping[int, StagedPart]  # order is left empty here
    taps: Mapping[str, Any]  # name of a tap -> its answer
    quarantine_part: str | None = None  # relative to staging

    def of(self, tap: Tap) -> Any:
        """The answer of a tap."""
        return self.taps[tap_name(tap)]


def tap_name(tap: Tap) -> str:
    """What a tap's answers go by."""
    return tap.__name__
