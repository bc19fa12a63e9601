"""Bytes of input files: which files, how they are stored, and their content as a stream of UTF-8."""

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.intake.model import Limits

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_DIGEST_BLOCK = 1 << 20  # bytes at a time: smaller ones wait more often for the thread that scans
BLOCK = 512 << 10  # bytes read at a time: what the scan makes of them stays in the processor's cache

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)


class Content(Protocol):
    """A stream of content bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        ...


def matching_files(source: TableSource, date: str, base: Path, where: str) -> tuple[str, ...]:
    """Paths that the glob matches, sorted by their text, relative to `base` where the glob is.

    Raises InputUnreadable where nothing matches, or a link to nothing does; JobWrong for other braces than {date}.
    """
    pattern = source.path.replace("{date}", date)
    if "{" in pattern or "}" in pattern:
        raise JobWrong("only {date} may stand in braces", where=where)
    if not any(sign in pattern for sign in "*?["):
        found = [pattern] if (base / pattern).is_file() else []
    elif Path(pattern).is_absolute():
        anchor = Path(pattern).anchor
        found = [
            str(path)
            for path in Path(anchor).glob(str(Path(pattern).relative_to(anchor)))
            if _is_file(path, base)
        ]
    else:
        found = [path.relative_to(base).as_posix() for path in base.glob(pattern) if _is_file(path, base)]
    if not found:
        raise InputUnreadable(
            f"no file matches {pattern}", where=where, hint="has the delivery for this date arrived?"
        )
    return tuple(sorted(found))


def _is_file(path: Path, base: Path) -> bool:
    if path.is_symlink() and not path.exists():  # its records would be missing without a word
        where = path.relative_to(base) if path.is_relative_to(base) else path
        raise InputUnreadable(
            "is a link to a file that is not there", where=str(where), hint="has its delivery arrived?"
        )
    return path.is_file()


def stored_as(path: str, declared: str | None) -> tuple[str, str]:
    """Format and compression that a file name tells: `x.csv.gz` -> ("csv", "gzip")."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "") if suffixes else ""
    if compression:
        suffixes.pop()
    told = declared or (FORMATS.get(suffixes[-1]) if suffixes else None)
    if told is None:
        raise InputUnreadable(
            "the file name tells no format",
            where=path,
            hint="state format: csv, jsonl or parquet for the table",
        )
    if told == "parquet" and compression:
        raise InputUnreadable("a Parquet file must not be compressed as a whole", where=path)
    return told, compression


def digest_of(path: Path) -> str:
    """SHA-256 of a file as stored. hashlib and not `transforms`: a digest of a file, no cryptography on
    values.
    """
    digest, buffer = hashlib.sha256(), bytearray(_DIGEST_BLOCK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
    return digest.hexdigest()


def encoding_of(path: Path, compression: str, declared: str, limits: Limits) -> tuple[str, int]:
    """The encoding that the byte-order mark tells, else the declared one; and the length of the mark."""
    with stored_content(path, compression, limits) as content:
        head = read_exactly(content, 4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    name = codecs.lookup(declared).name
    if name in {"utf-16", "utf-32"}:
        raise InputUnreadable(
            f"declared as {name}, but it has no byte-order mark",
            where=str(path),
            hint=f"declare {name}-le or {name}-be",
        )
    return ("utf-8" if name in {"ascii", "utf-8-sig"} else name), 0


@contextmanager
def stored_content(path: Path, compression: str, limits: Limits) -> Iterator[Content]:
    """Decompressed bytes of a file, all gzip members or zstd frames of it, in bounded memory."""
    try:
        with path.open("rb") as file:
            if compression:
                yield _Decompressed(file, compression, str(path), limits.decompressed_bytes)
            else:
                yield file
    except OSError as error:
        raise InputUnreadable(f"cannot be read ({type(error).__name__})", where=str(path)) from None


class _Decompressed:
    """Refuses truncated, corrupt and over-long streams instead of ending early."""

    def __init__(self, file: IO[bytes], compression: str, where: str, limit: int) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), compression)
        self._where = where
        self._left = limit

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except (OSError, pa.ArrowException):
            raise InputUnreadable("the compressed file is truncated or corrupt", where=self._where) from None
        self._left -= len(data)
        if self._left < 0:
            raise InputUnreadable("decompresses to more than the limit", where=self._where) from None
        return data


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    """Turn undecodable bytes into lone surrogates, so that exactly their record fails the check of UTF-8."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("pouch-mark-invalid", _mark_invalid)


class _Transcoded:
    """Content of another encoding as UTF-8. What cannot be decoded becomes bytes that are no UTF-8."""

    def __init__(self, content: Content, encoding: str) -> None:
        self._content = content
        self._decoder = codecs.getincrementaldecoder(encoding)("pouch-mark-invalid")
        self._ready = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while not self._ready and not self._ended:
            block = self._content.read(BLOCK)
            self._ended = not block
            self._ready = self._decoder.decode(block, final=self._ended).encode("utf-8", "surrogatepass")
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


def read_exactly(content: Content, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the content."""
    parts: list[bytes] = []
    while size and (part := content.read(min(BLOCK, size))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def skip(content: Content, size: int) -> int:
    """Read past bytes; returns how many there were."""
    left = size
    while left and (part := content.read(min(BLOCK, left))):
        left -= len(part)
    return size - left


def read_range(path: Path, start: int, size: int, where: str) -> bytes:
    """`size` bytes of a plain file, fewer only at its end. Raises InputUnreadable."""
    try:
        with path.open("rb") as plain:
            plain.seek(start)
            return plain.read(size)
    except OSError as error:
        raise InputUnreadable(f"cannot be read ({type(error).__name__})", where=where) from None


@contextmanager
def open_content(path: Path, compression: str, encoding: str, mark: int, limits: Limits) -> Iterator[Content]:
    """Content as UTF-8 without byte-order mark. Offsets into it are what segments hold."""
    with stored_content(path, compression, limits) as stored:
        skip(stored, mark)
        yield stored if encoding == "utf-8" else _Transcoded(stored, encoding)
