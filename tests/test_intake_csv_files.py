"""CSV intake on real files: those of csv-spectrum, and hostile ones of other readers' tests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import InputUnreadable
from pipeline.intake import Limits, cut, read_table
from tests.conftest import needs_shared_data
from tests.intake_cases import archive, csv_source, naive_records, outcomes, read_all, text_table


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
