"""Parquet intake: any column as text, hostile files in a child, row groups as slices."""

import datetime as dt
import decimal
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable
from pipeline.intake import Limits, Reason, cut, read, read_table
from tests.conftest import PROJECT, needs_shared_data
from tests.intake_cases import archive, read_all

SOURCE = TableSource(path="*.parquet", subject="none")


def test_every_type_becomes_text_without_loss(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array(["00123", None, ""]).dictionary_encode(),
            "big": pa.array([2**63 - 1, None, -1]),
            "unsigned": pa.array([2**64 - 1, 0, None], pa.uint64()),
            "amount": pa.array(
                [decimal.Decimal("1234567890123456.70"), None, decimal.Decimal("-0.01")], pa.decimal128(18, 2)
            ),
            "at": pa.array(
                [dt.datetime(2026, 1, 2, 3, 4, 5), None, dt.datetime(1, 1, 1)], pa.timestamp("us")
            ),
            "nanos": pa.array([1, None, 1_000_000_000], pa.timestamp("ns")),
            "zoned": pa.array([0, None, 1_000_000], pa.timestamp("us", "Australia/Sydney")),
            "day": pa.array([dt.date(1990, 2, 3), None, None]),
            "yes": pa.array([True, None, False]),
            "f": pa.array([0.1, None, 1e300]),
            "who": pa.array([{"name": "手", "deep": {"x": 1}}, None, {"name": None, "deep": None}]),
            "tags": pa.array([["a", None], None, []]),
            "raw": pa.array([b"abc", None, "é".encode()]),
            "mac": pa.array([b"\x00\xff\x10", None, None], pa.binary(3)),
            "view": pa.array(["x", None, "y"], pa.string_view()),
            "none": pa.nulls(3),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    found = read_table(tmp_path / "x.parquet")
    assert set(found.schema.types) == {pa.string()}
    first, empty, third = found.to_pylist()
    assert {name: value for name, value in empty.items() if value is not None} == {"unsigned": "0"}
    assert first == {
        "id": "00123",
        "big": "9223372036854775807",
        "unsigned": "18446744073709551615",
        "amount": "1234567890123456.70",
        "at": "2026-01-02T03:04:05.000000",
        "nanos": "1970-01-01T00:00:00.000000001",
        "zoned": "1970-01-01T00:00:00.000000Z",
        "day": "1990-02-03",
        "yes": "true",
        "f": "0.1",
        "who.name": "手",
        "who.deep.x": "1",
        "tags": '["a",null]',
        "raw": "abc",
        "mac": "00ff10",
        "view": "x",
        "none": None,
    }
    assert (
        third["amount"] == "-0.01" and third["f"] == "1e+300" and third["tags"] == "[]" and third["id"] == ""
    )


CHILD = """
import json, sys
from pathlib import Path
from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable
from pipeline.intake import cut_files, read
source = TableSource(path="x", subject="none", format="parquet")
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found = cut_files("x", [path.name], source, path.parent)
        lanes = [read(found, lane, source, columns=None, base=path.parent) for lane in found.lanes]
        parts = [part for lane in lanes for part in lane]
        rows = sum(len(part.table) + len(part.rejected) for part in parts)
        print(json.dumps([path.name, rows, found.records]), flush=True)
    except InputUnreadable:
        print(json.dumps([path.name, "refused", 0]), flush=True)
"""


@needs_shared_data
@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_whole_numbers_among_floats_are_digits(tmp_path: Path, kind: pa.DataType) -> None:
    """pandas writes ids beside nulls as floats; 1.3800138e+10 is nobody's phone, and its token joins with no other."""
    whole = [13_800_000_512, 490_154_203_000_832, 10**5, -(2**34), 0, None]
    others = [0.1, 1e-7, 12345678901.25, 1e30, float("nan"), 2.0**53]
    floats = pa.array(whole, pa.float64()).cast(kind)
    pq.write_table(pa.table({"id": floats}), tmp_path / "x.parquet")
    found = read_table(tmp_path / "x.parquet")["id"].to_pylist()
    assert found == [None if one is None else str(int(one)) for one in floats.to_pylist()]
    pq.write_table(pa.table({"id": pa.array(others).cast(kind)}), tmp_path / "x.parquet")
    found = read_table(tmp_path / "x.parquet")["id"].to_pylist()
    assert [pa.scalar(float(one)).cast(kind).as_py() for one in found][:4] == pa.array(others).cast(
        kind
    ).to_pylist()[:4]


def test_hostile_files_are_refused_or_read_whole(tmp_path: Path) -> None:
    """80 corrupt files: the child survives them all, and none gives fewer rows than its footer counts."""
    names = ("parquet/arrow-parquet-fuzz.tar.xz", "parquet/parquet-testing-bad_data.tar.xz")
    files = [
        (path, data) for name in names for path, data in archive(name).items() if not path.endswith(".md")
    ]
    for number, (_, data) in enumerate(files):
        (tmp_path / f"{number:03}.parquet").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(files) == 80
    assert all(rows in ("refused", counted) for _, rows, counted in outcomes)
    assert sum(rows == "refused" for _, rows, _ in outcomes) >= 75


@pytest.mark.parametrize("groups", [10, 100, 1000])
def test_row_groups_join_to_slices_and_huge_ones_are_streamed(tmp_path: Path, groups: int) -> None:
    for number in range(2):
        table = pa.table({"a": [f"{number}-{row}" for row in range(1000)], "b": ["x" * 50] * 1000})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=groups)
    limits = Limits(slice_records=40, slice_bytes=1000)
    found = cut("x", SOURCE, "2026-01-01", tmp_path, limits)
    assert found.records == 2000 and all(one.records >= 40 for one in found.slices)
    assert max(one.records for one in found.slices) < 250
    assert len(found.lanes) == (2 if groups > 200 else len(found.slices))
    parts = sorted(read_all(found, SOURCE, tmp_path, limits), key=lambda part: part.index)
    assert [value for part in parts for value in part.table["a"].to_pylist()] == [
        f"{number}-{row}" for number in range(2) for row in range(1000)
    ]
    assert [n for part in parts for n in part.record.to_pylist()] == [*range(1000), *range(1000)]
    (lane, *_) = found.lanes
    (first, *_) = read(found, lane, SOURCE, columns=frozenset({"b"}), base=tmp_path, limits=limits)
    assert first.table.column_names == ["b"]


def test_a_flipped_byte_is_caught_by_the_page_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"a": [f"value {n}" for n in range(100)]}),
        path,
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
    )
    data = path.read_bytes()
    path.write_bytes(data.replace(b"value 50", b"value 51", 1))
    with pytest.raises(InputUnreadable, match="corrupt Parquet data"):
        read_table(path)


def test_long_fields_are_rejected_alone_and_claims_of_size_are_limited(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x", "y" * 200, None]}), tmp_path / "x.parquet")
    limits = Limits(field_bytes=100)
    found = cut("x", SOURCE, "2026-01-01", tmp_path, limits)
    (part,) = read_all(found, SOURCE, tmp_path, limits)
    assert part.record.to_pylist() == [0, 2]
    assert [(bad.record, bad.reason) for bad in part.rejected] == [(1, Reason.FIELD_SIZE)]
    pq.write_table(pa.table({"a": pa.nulls(1_000_000, pa.string())}), tmp_path / "x.parquet")
    with pytest.raises(InputUnreadable, match="more than the limit"):
        cut("x", SOURCE, "2026-01-01", tmp_path, Limits(decompressed_bytes=100_000))


def test_binary_that_is_no_text_refuses_the_file_without_showing_it(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([b"secret\xff"])}), tmp_path / "x.parquet")
    with pytest.raises(InputUnreadable) as caught:
        read_table(tmp_path / "x.parquet")
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None
