"""A second CSV reader, written character by character; how tests read a table; archives of third-party files."""

import io
import lzma
import tarfile
from functools import lru_cache
from pathlib import Path

from pipeline.config.models import TableSource
from pipeline.intake import Cut, Limits, SliceRecords, cut, read
from tests.conftest import SHARED_DATA

Outcome = list[str | None] | str  # a row, or "rejected"


def naive_records(data: bytes, delimiter: int, columns: int | None = None) -> list[Outcome]:
    """Every record of `data`, one character at a time: a row, or the word rejected."""
    found: list[Outcome] = []
    fields: list[bytes | None] = []
    value, state, bad, empty, i = bytearray(), "start", False, True, 0

    def end_field() -> None:
        nonlocal value, state
        quoted = state in ("quoted", "after", "broken")
        fields.append(bytes(value) if value or quoted else None)
        value, state = bytearray(), "start"

    def end_record() -> None:
        nonlocal fields, bad, empty
        end_field()
        if not (empty and width != 1):
            found.append(judge())
        fields, bad, empty = [], False, True

    def judge() -> Outcome:
        raw = b"".join(field or b"" for field in fields)
        if bad or b"\0" in raw or (columns is not None and len(fields) != columns):
            return "rejected"
        try:
            return [None if field is None else field.decode() for field in fields]
        except UnicodeDecodeError:
            return "rejected"

    width = columns
    while i < len(data):
        byte = data[i]
        i += 1
        if state == "quoted":
            if byte == 34 and data[i : i + 1] == b'"':
                value.append(34)
                i += 1
            elif byte == 34:
                state = "after"
            else:
                value.append(byte)
            continue
        if byte in (10, 13):
            i += byte == 13 and data[i : i + 1] == b"\n"
            end_record()
            continue
        empty = False
        if byte == delimiter:
            end_field()
        elif state == "start" and byte == 34:
            state = "quoted"
        else:
            bad |= state in ("after", "broken")
            value.append(byte)
            state = "broken" if state in ("after", "broken") else "field"
    if state == "quoted":
        bad, empty = True, False
    if not empty:
        end_record()
    return found


def csv_source(path: str, **others: str) -> TableSource:
    return TableSource.model_validate({"path": path, "subject": "none", "format": "csv", **others})


def read_all(found: Cut, source: TableSource, base: Path, limits: Limits) -> list[SliceRecords]:
    return [
        part
        for lane in found.lanes
        for part in read(found, lane, source, columns=None, base=base, limits=limits)
    ]


def outcomes(parts: list[SliceRecords]) -> list[Outcome]:
    """Rows and rejections of one file in record order."""
    numbered: dict[int, Outcome] = {}
    for part in parts:
        for number, row in zip(part.record.to_pylist(), part.table.to_pylist(), strict=True):
            assert number not in numbered
            numbered[number] = list(row.values())
        for bad in part.rejected:
            assert bad.record not in numbered
            numbered[bad.record] = "rejected"
    assert sorted(numbered) == list(range(len(numbered)))
    return [numbered[number] for number in sorted(numbered)]


def text_table(tmp_path: Path, data: bytes, **others: str) -> list[SliceRecords]:
    """What is read of a file with these bytes."""
    (tmp_path / "x.csv").write_bytes(data)
    source = csv_source("x.csv", **others)
    return read_all(cut("x", source, "2026-01-01", tmp_path), source, tmp_path, Limits())


@lru_cache(maxsize=8)
def archive(name: str) -> dict[str, bytes]:
    """Name -> content of the files in an archive of the shared data."""
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress((SHARED_DATA / name).read_bytes()))) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
