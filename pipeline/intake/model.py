"""What intake hands on: how inputs are cut, what was read, what was rejected."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


@dataclass(frozen=True)
class Limits:
    """Bounds that hostile or broken input meets. `slice_*` are constants of the format: never a matter of
    workers.
    """

    field_bytes: int = 1 << 20
    columns: int = 2000
    decompressed_bytes: int = 64 << 30  # of one file
    nesting: int = 32
    record_bytes: int = 16 << 20
    slice_bytes: int = 32 << 20
    slice_records: int = 65_536


class Reason(StrEnum):
    """Why a record was rejected; misfits of a type have the column's name and a colon before it.

    The whole vocabulary; none of it can hold a value.
    """

    ENCODING = "not in the declared encoding"
    NUL = "holds a NUL character"
    QUOTE_OPEN = "a quote is never closed"
    QUOTE_STRAY = "text after a closing quote"
    FIELD_COUNT = "wrong number of fields"
    FIELD_SIZE = "a field is too long"
    JSON = "not JSON"
    JSON_OBJECT = "not a JSON object"
    JSON_DUPLICATE = "a key stands twice in an object"
    JSON_KEY = "an empty key"
    JSON_COLLISION = "two keys become the same column"
    JSON_NESTING = "nested too deeply"
    NOT_AMOUNT = "not an amount with at most 16 digits and 2 decimals"
    NOT_INTEGER = "not a whole number of 64 bits"
    NOT_TIME = "not a time"
    NOT_DATE = "not a date"
    NOT_NUMBER = "not a number"
    OUT_OF_RANGE = "a number outside the range of its class"


@dataclass(frozen=True)
class InputFile:
    """One input file as it was when the run began."""

    path: str  # as the glob gave it, relative to the working directory
    index: int  # in sorted order within the table
    bytes: int
    sha256: str  # of the file as stored (compressed)
    format: str  # csv | jsonl | parquet
    compression: str  # "" | gzip | zstd
    columns: tuple[str, ...]
    records: int  # counted by the scan, blank lines not included
    encoding: str = "utf-8"  # after looking at the byte-order mark
    mark: int = 0  # bytes of the byte-order mark, which offsets do not count
    blank_lines: int = 0
    tidy: bool = False  # CSV: the scan met no quote out of place and no record longer than a field may be
    one_line_each: bool = False  # CSV: no record goes over a line end
    streamed: bool = False  # can only be read from its beginning on: its slices form one lane
    modified: int = 0  # nanoseconds; a reader refuses the file when it is another one


@dataclass(frozen=True)
class Segment:
    """A run of records of one file.

    `start` and `end` are byte offsets into its content (decompressed, as UTF-8); row numbers for Parquet.
    """

    file: int
    start: int
    end: int
    first_record: int
    records: int


@dataclass(frozen=True)
class Slice:
    """What one child reads at a time: at least 65,536 records, or the whole table."""

    table: str
    index: int
    segments: tuple[Segment, ...]
    records: int


@dataclass(frozen=True)
class Cut:
    """A table's files, cut into slices. A lane is a run of slices that one reader must read in order."""

    table: str
    files: tuple[InputFile, ...]
    slices: tuple[Slice, ...]
    lanes: tuple[tuple[int, ...], ...]
    columns: tuple[str, ...]  # CSV, Parquet: of every file; JSON lines: seen in the head of the files

    @property
    def records(self) -> int:
        """The independent record count."""
        return sum(file.records for file in self.files)


@dataclass(frozen=True)
class Rejected:
    """One record that could not be read. `raw` goes into the encrypted quarantine and nowhere else."""

    file: int
    record: int  # from 0 within the file
    position: int  # byte offset of the record in the file's content; row number for Parquet
    reason: str
    raw: bytes

    def __repr__(self) -> str:
        """Never shows the record."""
        return f"Rejected(file={self.file}, record={self.record}, reason={self.reason!r})"


@dataclass(frozen=True)
class SliceRecords:
    """The records of one slice: len(table) + len(rejected) is the scan's count of its records."""

    index: int
    table: pa.Table  # text columns until `parse_types`
    file: pa.Array  # int32, the file of each row
    record: pa.Array  # int64, its number within the file, from 0
    rejected: tuple[Rejected, ...]
    columns_seen: frozenset[str]

    def __repr__(self) -> str:
        """Counts only: rows are raw values."""
        return f"SliceRecords(index={self.index}, rows={len(self.table)}, rejected={len(self.rejected)})"
