"""How files are stored: globs, compression, byte-order marks, slices and lanes, memory."""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.intake import Limits, cut, read_records, read_table, sample
from tests.conftest import PROJECT
from tests.intake_cases import read_all

ROWS = b"".join(b'%d,"name, %d",%s\n' % (n, n, b"x" * (n % 50)) for n in range(2000))
BODY = b"id,name,pad\n" + ROWS
COMPRESSED = {
    "x.csv.gz": gzip.compress(BODY[:5000]) + gzip.compress(BODY[5000:]),
    "x.csv.zst": zstandard.compress(BODY[:5000]) + zstandard.compress(BODY[5000:]),
    "x.csv": BODY,
}


def source(path: str, **others: str) -> TableSource:
    return TableSource.model_validate({"path": path, "subject": "none", **others})


@pytest.mark.parametrize("name", COMPRESSED)
def test_members_and_frames_read_as_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(COMPRESSED[name])
    limits = Limits(slice_records=100, slice_bytes=5000)
    table = source(name)
    found = cut("x", table, "2026-01-01", tmp_path, limits)
    assert found.records == 2000 and found.files[0].sha256 == hashlib.sha256(COMPRESSED[name]).hexdigest()
    assert len(found.slices) > 5 and len(found.lanes) == (len(found.slices) if name == "x.csv" else 1)
    ids = [
        value for part in read_all(found, table, tmp_path, limits) for value in part.table["id"].to_pylist()
    ]
    assert ids == [str(number) for number in range(2000)]


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.zst"])
def test_every_truncation_and_trailing_garbage_is_refused(tmp_path: Path, name: str) -> None:
    """A stream cut anywhere but between two members must not end early in silence."""
    whole = COMPRESSED[name]
    first = len(gzip.compress(BODY[:5000]) if name.endswith("gz") else zstandard.compress(BODY[:5000]))
    for data in [whole[:at] for at in range(0, len(whole), 97) if at != first] + [
        whole[:-1],
        whole[:-8],
        whole[: first + 1],
        whole + b"junk",
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputUnreadable):
            cut("x", source(name), "2026-01-01", tmp_path)


def test_a_decompression_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x.csv.zst").write_bytes(zstandard.compress(b"a,b\n" + b"1,2\n" * 5_000_000))
    with pytest.raises(InputUnreadable, match="more than the limit"):
        cut("x", source("x.csv.zst"), "2026-01-01", tmp_path, Limits(decompressed_bytes=1 << 20))


def test_globs_take_the_date_and_sort(tmp_path: Path) -> None:
    folder = tmp_path / "orders" / "2026-11-01"
    folder.mkdir(parents=True)
    for name in ("b.csv", "a.csv", "c.csv"):
        (folder / name).write_bytes(b"n\n" + name.encode() + b"\n")
    table = source("orders/{date}/*.csv")
    found = cut("orders", table, "2026-11-01", tmp_path)
    assert [file.path for file in found.files] == [f"orders/2026-11-01/{name}.csv" for name in "abc"]
    assert [
        value for part in read_all(found, table, tmp_path, Limits()) for value in part.table["n"].to_pylist()
    ] == ["a.csv", "b.csv", "c.csv"]
    with pytest.raises(InputUnreadable, match="no file matches"):
        cut("orders", table, "2026-11-02", tmp_path)
    absolute = source(str(folder / "*.csv"))
    assert cut("orders", absolute, "2026-11-01", tmp_path).records == 3
    for path in ("{other}/x.csv", "{date/x.csv"):
        with pytest.raises(JobWrong):
            cut("orders", source(path), "2026-11-01", tmp_path)


@pytest.mark.parametrize("pattern", ["in/*.csv", "{tmp_path}/in/*.csv"])
def test_a_link_to_nothing_is_a_file_that_has_not_arrived(tmp_path: Path, pattern: str) -> None:
    """Passed over, its records would be missing without a word; a folder of such a name holds none."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_bytes(BODY)
    (tmp_path / "in/folder.csv").mkdir()
    table = source(pattern.replace("{tmp_path}", str(tmp_path)))
    assert cut("x", table, "2026-01-01", tmp_path).records == 2000
    (tmp_path / "in/b.csv").symlink_to("unmounted/b.csv")
    with pytest.raises(InputUnreadable, match=r"in/b\.csv: is a link to a file that is not there"):
        cut("x", table, "2026-01-01", tmp_path)


def test_small_files_join_and_short_tails_join_the_slice_before(tmp_path: Path) -> None:
    limits = Limits(slice_records=100, slice_bytes=10)
    for number in range(25):
        (tmp_path / f"{number:02}.csv").write_bytes(b"n\n" + b"1\n" * 30)
    plain = cut("x", source("*.csv"), "2026-01-01", tmp_path, limits)
    assert [one.records for one in plain.slices] == [100] * 6 + [150]
    for number in range(25):
        (tmp_path / f"{number:02}.csv.gz").write_bytes(gzip.compress(b"n\n" + b"1\n" * 30))
    packed = cut("x", source("*.csv.gz"), "2026-01-01", tmp_path, limits)
    assert (
        all(one.records >= 100 for one in packed.slices) and sum(one.records for one in packed.slices) == 750
    )
    assert len(packed.lanes) > 1
    parts = read_all(packed, source("*.csv.gz"), tmp_path, limits)
    places = [
        place for part in parts for place in zip(part.file.to_pylist(), part.record.to_pylist(), strict=True)
    ]
    assert sorted(places) == [(file, record) for file in range(25) for record in range(30)]


def test_byte_order_marks_are_honored_and_utf16_needs_one(tmp_path: Path) -> None:
    text = "name,n\nJosé,1\n手机,2\n"
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "x.csv").write_bytes(text.encode(encoding))
        assert read_table(tmp_path / "x.csv")["name"].to_pylist() == ["José", "手机"]
    (tmp_path / "x.csv").write_bytes(text.encode("utf-16-le"))
    with pytest.raises(InputUnreadable, match="no byte-order mark"):
        read_table(tmp_path / "x.csv", encoding="utf-16")
    (tmp_path / "x.csv").write_bytes(
        "name,n\n".encode("utf-16-le") + b"\x00\xd8,\x00" + "1\nok,2\n".encode("utf-16-le")
    )
    found = read_records(tmp_path / "x.csv", encoding="utf-16-le")
    assert [bad.record for bad in found.rejected] == [0] and found.table["name"].to_pylist() == ["ok"]


def test_text_files_and_samples(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("one\r\n\n手机 二\n".encode())
    assert read_table(tmp_path / "x.txt").to_pylist() == [{"text": "one"}, {"text": ""}, {"text": "手机 二"}]
    for name, data in COMPRESSED.items():
        (tmp_path / name).write_bytes(data)
        found = cut("x", source(name), "2026-01-01", tmp_path)
        assert sample(found, source(name), 10, base=tmp_path)["id"].to_pylist() == [
            str(number) for number in range(10)
        ]
    (tmp_path / "bad.csv").write_bytes(b"a,b\n1,2\n3\n")
    with pytest.raises(
        InputUnreadable, match="1 malformed records, the first is number 1: wrong number of fields"
    ):
        read_table(tmp_path / "bad.csv")


def test_a_name_without_a_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_bytes(b"a\n1\n")
    with pytest.raises(InputUnreadable, match="tells no format"):
        cut("x", source("x.dat"), "2026-01-01", tmp_path)
    assert cut("x", source("x.dat", format="csv"), "2026-01-01", tmp_path).records == 1


MEMORY = """
import resource, sys
from pathlib import Path
from pipeline.config.models import TableSource
from pipeline.intake import cut, read
base, source = Path(sys.argv[1]), TableSource(path=sys.argv[2], subject="none")
found = cut("x", source, "d", base)
rows = sum(len(part.table) for part in read(found, found.lanes[0], source, columns=None, base=base))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
def test_memory_does_not_grow_with_a_compressed_file(tmp_path: Path) -> None:
    peaks = []
    for size in (2, 8):
        with gzip.open(tmp_path / f"{size}.csv.gz", "wb", compresslevel=1) as file:
            file.write(b"id,name,pad\n")
            for _ in range(size):
                file.write(
                    b'123456,"somebody, somewhere",' + b"x" * 100 + b"\n" + b"1234567,plain,y\n" * 400_000
                )
                file.write(
                    b"7654321,plain,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n"
                    * 400_000
                )
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(tmp_path), f"{size}.csv.gz"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
        rows, peak = map(int, done.stdout.split())
        assert rows == size * 800_001
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.25, peaks
