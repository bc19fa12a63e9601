"""Samples come from all over a file, so that a sorted table does not look like its head."""

import gzip
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.models import TableSource
from pipeline.intake import Limits, cut, sample
from pipeline.intake.sampling import sample_with_reasons

SMALL = Limits(slice_records=100, slice_bytes=2000)
ROWS = 5000


def sampled(folder: Path, name: str, rows: int) -> list[int]:
    """The ids of a sample, twice the same."""
    source = TableSource.model_validate({"path": name, "subject": "none"})
    found = cut("x", source, "2026-01-01", folder, SMALL)
    first, again = (sample(found, source, rows, base=folder, limits=SMALL) for _ in range(2))
    assert first.equals(again)
    return [int(value) for value in first["id"].to_pylist()]


def write(folder: Path, name: str) -> None:
    """Ids from 0 on, ascending."""
    if name.endswith(".parquet"):
        pq.write_table(pa.table({"id": pa.array(range(ROWS))}), folder / name, row_group_size=200)
        return
    jsonl = ".jsonl" in name
    lines = [f'{{"id":"{n}"}}' if jsonl else f'{n},"a, {n}"' for n in range(ROWS)]
    data = "".join(f"{line}\n" for line in lines if line).encode()
    data = data if jsonl else b"\xef\xbb\xbfid,text\n" + data
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.mark.parametrize(("name", "places"), [("x.csv", 10), ("x.jsonl", 10), ("x.parquet", 4)])
def test_a_sample_comes_from_all_over_a_file(tmp_path: Path, name: str, places: int) -> None:
    """At least so many places, from every quarter of the file; each with whole records, none twice."""
    write(tmp_path, name)
    ids = sampled(tmp_path, name, 320)
    assert 160 <= len(ids) <= 340
    assert len(set(ids)) == len(ids) and ids == sorted(ids)
    runs = 1 + sum(later != before + 1 for before, later in pairwise(ids))
    assert places <= runs <= 16
    assert {value * 4 // ROWS for value in ids} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.gz"])
def test_what_is_compressed_gives_its_head(tmp_path: Path, name: str) -> None:
    """Whatever lies further on would have to be read to get there."""
    write(tmp_path, name)
    ids = sampled(tmp_path, name, 50)
    assert ids == list(range(50))


def test_malformed_records_are_told_and_cut_ones_left_out(tmp_path: Path) -> None:
    """A bad record in the middle is met; a record longer than a place's share of bytes is no half record."""
    lines = [b'%d,"a"' % n for n in range(ROWS)]
    lines[2500:2600] = [b'%d,"a"x' % n for n in range(2500, 2600)]
    (tmp_path / "x.csv").write_bytes(b"id,text\n" + b"\n".join(lines) + b"\n")
    source = TableSource.model_validate({"path": "x.csv", "subject": "none"})
    found = cut("x", source, "2026-01-01", tmp_path, SMALL)
    whole = sample_with_reasons(found, source, ROWS, base=tmp_path, limits=SMALL)
    assert 0 < len(whole.reasons) <= 100
    assert set(whole.table["text"].to_pylist()) == {"a"}

    long = b"y" * 400_000
    (tmp_path / "y.csv").write_bytes(b"id,text\n" + b"".join(b"%d,%s\n" % (n, long) for n in range(20)))
    source = TableSource.model_validate({"path": "y.csv", "subject": "none"})
    limits = Limits(slice_records=1, slice_bytes=1000)
    found = cut("y", source, "2026-01-01", tmp_path, limits)
    assert len(found.slices) == 20
    half = sample_with_reasons(found, source, 100, base=tmp_path, limits=limits)
    assert half.reasons == () and set(half.table["text"].to_pylist()) <= {long.decode()}


def test_the_last_record_needs_no_line_end(tmp_path: Path) -> None:
    """It is whole where the file ends there."""
    (tmp_path / "x.csv").write_bytes(b"id,text\n1,a\n2,b")
    assert sampled(tmp_path, "x.csv", 10) == [1, 2]
