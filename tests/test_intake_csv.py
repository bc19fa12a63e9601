"""CSV intake against a second, naive reader written character by character, and on real hostile files."""

import io
import itertools
import json
import lzma
import os
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.config.models import TableSource
from pipeline.errors import Drift, InputUnreadable
from pipeline.intake import Cut, Limits, Reason, SliceRecords, content, csv_text, cut, read, read_table
from tests.conftest import SHARED_DATA, needs_shared_data

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


SMALL = st.sampled_from([1, 2, 3, 7, 64, 1 << 20])
MESSY = st.lists(
    st.sampled_from(
        [
            b"a",
            b",",
            b",",
            b'"',
            b'"',
            b"\n",
            b"\n",
            b"\r",
            b"\r\n",
            b"\0",
            b"\xff",
            "é".encode(),
            "手".encode(),
        ]
    ),
    max_size=60,
).map(b"".join)


@example(body=b'"",', width=2, block=1, piece=1, records=1)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=MESSY, width=st.integers(1, 3), block=SMALL, piece=SMALL, records=st.sampled_from([1, 2, 5, 1000])
)
def test_every_byte_string_reads_as_the_naive_reader_reads_it(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    width: int,
    block: int,
    piece: int,
    records: int,
) -> None:
    """Values, rejections and counts agree for any bytes, block size and slice size."""
    monkeypatch.setattr(content, "BLOCK", block)
    monkeypatch.setattr(csv_text, "_PIECE", piece)
    header = ",".join(["ca", "cb", "cc"][:width]).encode() + b"\n"
    (tmp_path / "x.csv").write_bytes(header + body)
    source = csv_source("x.csv")
    limits = Limits(slice_bytes=1, slice_records=records)
    found = cut("x", source, "2026-01-01", tmp_path, limits)
    expected = naive_records(body, 44, width)
    assert found.records == len(expected)
    assert sum(one.records for one in found.slices) == len(expected)
    assert outcomes(read_all(found, source, tmp_path, limits)) == expected


CELLS = st.one_of(
    st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=30)
)


def quoted(row: list[str | None], delimiter: str) -> str:
    needs = set(delimiter + '"\r\n')
    return delimiter.join(
        "" if cell is None else '"' + cell.replace('"', '""') + '"' if not cell or needs & set(cell) else cell
        for cell in row
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=TABLES,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"]),
    splits=st.lists(st.integers(0, 30), max_size=3),
    records=st.sampled_from([1, 3, 1000]),
)
def test_any_table_comes_back_from_any_encoding_and_any_splitting_into_files(
    *,
    tmp_path: Path,
    rows: list[list[str | None]],
    delimiter: str,
    line_end: str,
    encoding: str,
    splits: list[int],
    records: int,
) -> None:
    """Tables survive CSV text, encodings, files and slices; nulls and empty strings stay apart."""
    for old in tmp_path.glob("*.csv*"):
        old.unlink()
    width = len(rows[0]) if rows else 2
    names = ["ca", "cb", "cc", "cd"][:width]
    edges = [0, *sorted(min(split, len(rows)) for split in splits), len(rows)]
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        text = line_end.join(
            [delimiter.join(names), *(quoted(row, delimiter) for row in rows[start:end]), ""]
        )
        (tmp_path / f"{number}.csv").write_bytes(text.encode(encoding))
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    source = csv_source("*.csv", delimiter=delimiter, encoding=declared)
    limits = Limits(slice_bytes=1, slice_records=records)
    found = cut("x", source, "2026-01-01", tmp_path, limits)
    parts = read_all(found, source, tmp_path, limits)
    assert not [bad for part in parts for bad in part.rejected]
    by_place = sorted(
        (file, record, list(row.values()))
        for part in parts
        for file, record, row in zip(
            part.file.to_pylist(), part.record.to_pylist(), part.table.to_pylist(), strict=True
        )
    )
    assert [row for _, _, row in by_place] == rows
    assert all(one.records >= min(records, len(rows)) for one in found.slices)


# ------------------------------------------------------------------ real files


@lru_cache(maxsize=8)
def archive(name: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress((SHARED_DATA / name).read_bytes()))) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]


@needs_shared_data
def test_csv_spectrum_reads_as_its_authors_say(tmp_path: Path) -> None:
    files = archive("csv/csv-spectrum.tar.xz")
    checked = 0
    for name, data in files.items():
        if not name.endswith(".csv"):
            continue
        path = tmp_path / Path(name).name
        path.write_bytes(data)
        expected = json.loads(files[f"json/{path.stem}.json"])
        if (
            path.stem == "location_coordinates"
        ):  # its JSON is one object, with another phone number than the CSV
            expected = [expected | {"Contact Phone Number": "2095257564"}]
        if b"\r" not in data:  # the collection's CRLF files came with LF
            expected = json.loads(json.dumps(expected).replace("\\r\\n", "\\n"))
        rows = [{key: value or "" for key, value in row.items()} for row in read_table(path).to_pylist()]
        assert rows == expected, name
        checked += 1
    assert checked == 12


def hostile() -> Iterator[tuple[str, bytes]]:
    yield from archive("csv/duckdb-csv.tar.xz").items()
    yield from archive("csv/arrow-csv-fuzz.tar.xz").items()


@needs_shared_data
@pytest.mark.parametrize("delimiter", [",", "|"])
def test_no_hostile_file_crashes_or_loses_a_record(tmp_path: Path, delimiter: str) -> None:
    """Each of 193 files is refused, or gives exactly the rows and rejections of the naive reader."""
    refused = readable = rows = rejected = 0
    for name, data in hostile():
        (tmp_path / "x.csv").write_bytes(data)
        source = csv_source("x.csv", delimiter=delimiter)
        limits = Limits(slice_bytes=4096, slice_records=10)
        try:
            found = cut("x", source, "2026-01-01", tmp_path, limits)
        except InputUnreadable:
            refused += 1
            continue
        text = data.removeprefix(b"\xef\xbb\xbf")
        if found.files[0].encoding != "utf-8":
            text = (
                data[found.files[0].mark :]
                .decode(found.files[0].encoding, "pouch-mark-invalid")
                .encode("utf-8", "surrogatepass")
            )
        expected = naive_records(text, ord(delimiter), len(found.columns))[1:]
        got = outcomes(read_all(found, source, tmp_path, limits))
        assert got == expected, name
        readable += 1
        rows += sum(one != "rejected" for one in got)
        rejected += got.count("rejected")
    assert refused + readable == 193
    assert readable > 40 and rows > 100 and rejected > 10, (refused, readable, rows, rejected)


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "encoding", "rows", "first"),
    [("latin1", "latin-1", 12, "José Álvarez"), ("only_utf16", "utf-8", 5, "ŁŁŁ ŁŁŁŁŁŁŁŁŁ")],
)
def test_real_files_in_other_encodings_read_when_declared(
    tmp_path: Path, name: str, encoding: str, rows: int, first: str
) -> None:
    files = archive("csv/duckdb-csv.tar.xz")
    data = next(data for path, data in files.items() if path.endswith(f"encodings/{name}.csv"))
    (part,) = text_table(tmp_path, data, encoding=encoding)
    assert not part.rejected and len(part.table) == rows
    assert first in part.table.to_pylist()[0].values()


# ------------------------------------------------------------------ single facts


def text_table(tmp_path: Path, data: bytes, **others: str) -> list[SliceRecords]:
    (tmp_path / "x.csv").write_bytes(data)
    source = csv_source("x.csv", **others)
    return read_all(cut("x", source, "2026-01-01", tmp_path), source, tmp_path, Limits())


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b'1,"a', Reason.QUOTE_OPEN),
        (b'1,""b', Reason.QUOTE_STRAY),
        (b'1,"a"b', Reason.QUOTE_STRAY),
        (b"1", Reason.FIELD_COUNT),
        (b"1,2,3", Reason.FIELD_COUNT),
        (b"1,\xff", Reason.ENCODING),
        (b"1,\xed\xa0\x80", Reason.ENCODING),
        (b"1,\xc0\x80", Reason.ENCODING),
        (b"1,\0", Reason.NUL),
        (b"1," + b"x" * ((1 << 20) + 1), Reason.FIELD_SIZE),
    ],
)
def test_a_malformed_record_is_rejected_alone_with_reason_and_place(
    tmp_path: Path, record: bytes, reason: Reason
) -> None:
    (part,) = text_table(tmp_path, b"a,b\nok,1\n" + record + b"\n")
    (bad,) = part.rejected
    assert (bad.record, bad.position, bad.reason) == (1, 9, reason)
    assert bad.raw.startswith(record[:100])
    assert part.table.to_pylist() == [{"a": "ok", "b": "1"}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"a,a\n1,2\n",
        b"a,\n1,2\n",
        b'"a,b\n',
        b"a,b\xff\n1,2",
        b"a\0,b\n",
        b"13800138000,2\n",
        b"x@y.org,b\n",
        b'"a"b,c\n',
    ],
)
def test_a_file_without_a_sound_header_is_refused_without_showing_it(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputUnreadable) as caught:
        text_table(tmp_path, data)
    assert "13800138000" not in str(caught.value) and "y.org" not in str(caught.value)


def test_words_that_look_like_null_stay_text_and_identifiers_keep_every_digit(tmp_path: Path) -> None:
    (part,) = text_table(tmp_path, b'a,b,c\nNULL,NA,nan\n00123,+61412345678,12345678901234567890\n,"",#N/A\n')
    assert part.table.to_pylist() == [
        {"a": "NULL", "b": "NA", "c": "nan"},
        {"a": "00123", "b": "+61412345678", "c": "12345678901234567890"},
        {"a": None, "b": "", "c": "#N/A"},
    ]


def test_columns_left_out_do_not_hide_malformed_records(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,\xff\n2,ok\n3\n")
    source = csv_source("x.csv")
    found = cut("x", source, "2026-01-01", tmp_path)
    for columns in (frozenset({"a"}), frozenset[str]()):
        (part,) = read(found, found.lanes[0], source, columns=columns, base=tmp_path)
        assert part.table.num_columns == len(columns) and len(part.table) == 1
        assert [bad.record for bad in part.rejected] == [0, 2]
        assert part.record.to_pylist() == [1] and part.columns_seen == {"a", "b"}


def test_files_of_one_table_must_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "2.csv").write_bytes(b"b,a\n4,3\n")
    source = csv_source("*.csv")
    found = cut("x", source, "2026-01-01", tmp_path)
    (part,) = read_all(found, source, tmp_path, Limits())
    assert part.table.to_pylist() == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    (tmp_path / "3.csv").write_bytes(b"a,Alice Liddell\n1,2\n")
    with pytest.raises(Drift, match="b missing, 1 not known") as caught:
        cut("x", source, "2026-01-01", tmp_path)
    assert "Alice" not in str(caught.value)


def test_a_record_longer_than_the_limit_refuses_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'a,b\n1,"' + b"x,y\n" * 1000)
    with pytest.raises(InputUnreadable, match="longer than 1000 bytes"):
        cut("x", csv_source("x.csv"), "2026-01-01", tmp_path, Limits(record_bytes=1000))


def test_a_file_that_changes_after_the_cut_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n3,4\n")
    source = csv_source("x.csv")
    found = cut("x", source, "2026-01-01", tmp_path)
    when = (tmp_path / "x.csv").stat().st_mtime_ns
    for changed in (b"a,b\n1,2\n3,5\n", b"a,b\n1,2\n"):
        (tmp_path / "x.csv").write_bytes(changed)
        with pytest.raises(InputUnreadable, match="has changed"):
            read_all(found, source, tmp_path, Limits())
    # Whoever also sets the clock back is met by the record count.
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n\n\n\n\n")
    os.utime(tmp_path / "x.csv", ns=(when, when))
    with pytest.raises(InputUnreadable, match="not what the scan counted"):
        read_all(found, source, tmp_path, Limits())


def test_many_fields_without_line_end_take_linear_time(tmp_path: Path) -> None:
    """A quote out of place and no line end for a megabyte must not be scanned once per field."""
    (tmp_path / "x.csv").write_bytes(b'a,b\nx"y,' + b"z," * (1 << 19))
    found = cut("x", csv_source("x.csv"), "2026-01-01", tmp_path)
    assert found.records == 1
