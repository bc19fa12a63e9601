"""How a table's files are cut: slices of equal length and a round number, and what the scan says of lines."""

import gzip
from pathlib import Path

import pytest

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable
from pipeline.intake import Cut, content, cut, cut_files
from pipeline.intake.model import Limits

LIMITS = Limits(slice_bytes=1000, slice_records=10)  # a record below has 10 bytes, so bytes decide


def source(path: str) -> TableSource:
    return TableSource.model_validate({"path": path, "subject": "none"})


def cut_of(folder: Path, records: int, *, files: int = 1, suffix: str = ".csv") -> Cut:
    for number in range(files):
        content = b"name,city\n" + b"anna,rome\n" * records
        path = folder / f"{number}{suffix}"
        path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    return cut("people", source(f"*{suffix}"), "2026-11-01", folder, LIMITS)


@pytest.mark.parametrize(
    ("thousands_of_bytes", "slices"),
    [(0.4, 1), (1.5, 2), (2.4, 2), (3.4, 4), (9.5, 10), (17.0, 16), (18.5, 20), (37.0, 40), (100.0, 96)],
)
@pytest.mark.parametrize("files", [1, 3])
def test_slices_are_of_a_round_number_and_equally_long(
    tmp_path: Path, thousands_of_bytes: float, slices: int, files: int
) -> None:
    """So two, four, eight workers end together; no slice is longer than half again the length aimed at."""
    records = round(thousands_of_bytes * 100) // files
    found = cut_of(tmp_path, records, files=files)
    counts = [one.records for one in found.slices]
    assert sum(counts) == records * files
    assert len(counts) == slices
    assert max(counts) <= 150
    assert max(counts) - min(counts) <= len(counts) + files  # each is rounded up to a whole record


def test_slices_of_compressed_files_come_as_they_are_long(tmp_path: Path) -> None:
    """Their length is not known before they are read."""
    counts = [one.records for one in cut_of(tmp_path, 250, suffix=".csv.gz").slices]
    assert counts == [100, 100, 50]


def test_many_records_are_wanted_before_many_bytes(tmp_path: Path) -> None:
    """A part hides a row among at least so many others."""
    (tmp_path / "a.csv").write_bytes(b"name\n" + (b"x" * 999 + b"\n") * 25)
    found = cut("people", source("a.csv"), "2026-11-01", tmp_path, LIMITS)
    assert [one.records for one in found.slices] == [10, 15]


@pytest.mark.parametrize(
    ("content", "one_line_each"),
    [
        (b'a,b\n"1","2"\n3,4\n', True),
        (b'a,b\r\n"1","2"\r\n', True),
        (b'a,b\n"1\n","2"\n', False),
        (b'a,b\n"1","2\r\n3"\n', False),
        (b'a,b\n1,x"y\n', False),  # a quote out of place: the fast scan does not know
    ],
)
def test_whether_records_go_over_lines(tmp_path: Path, content: bytes, one_line_each: bool) -> None:
    """Told by the scan, so that the parser need not find out."""
    (tmp_path / "a.csv").write_bytes(content)
    found = cut("people", source("a.csv"), "2026-11-01", tmp_path)
    assert found.files[0].one_line_each is one_line_each


@pytest.mark.parametrize("block", [7, 64, 65, 1000])
@pytest.mark.parametrize("field", ['"%s"', '"%s""%s"', "%s"])
def test_quotes_in_order_are_so_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, field: str
) -> None:
    """What is in order is believed at once, and a line end inside quotes is not forgotten in later blocks."""
    monkeypatch.setattr(content, "BLOCK", block)
    record = ",".join([field.replace("%s", "x" * number) for number in range(1, 12)]) + "\n"
    (tmp_path / "a.csv").write_text(",".join("abcdefghijk") + "\n" + record * 20)
    (tmp_path / "b.csv").write_text(",".join("abcdefghijk") + "\n" + '"\n"' + "," * 10 + "\n" + record * 20)
    whole, broken = cut("people", source("*.csv"), "2026-11-01", tmp_path).files
    assert whole.tidy and whole.one_line_each
    assert broken.tidy and not broken.one_line_each


def test_a_file_that_cannot_be_read_is_refused_whoever_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may vanish after it was found: for the scan, or for the digest beside it."""

    def vanished(_: Path) -> str:
        raise FileNotFoundError

    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    with pytest.raises(InputUnreadable, match="cannot be read"):
        cut_files("people", ["a.csv", "gone.csv"], source("*.csv"), tmp_path)
    monkeypatch.setattr(content, "digest_of", vanished)
    with pytest.raises(InputUnreadable, match="cannot be read"):
        cut_files("people", ["a.csv"], source("*.csv"), tmp_path)
