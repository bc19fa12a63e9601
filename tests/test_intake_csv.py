"""CSV intake against a second, naive reader: any bytes, any table, any block, slice and file."""

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.intake import Limits, content, csv_text, cut
from tests.intake_cases import csv_source, naive_records, outcomes, read_all

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
