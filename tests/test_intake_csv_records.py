"""CSV intake, one fact a test: what is rejected and what refused, what stays text, and files that change."""

import os
from pathlib import Path

import pytest

from pipeline.errors import Drift, InputUnreadable
from pipeline.intake import Limits, Reason, content, csv_text, cut, read
from tests.intake_cases import csv_source, outcomes, read_all, text_table


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


@pytest.mark.parametrize("record", [b'"x"y,1', b'1,"x"y', b'1,""y', b'1,"x" '])
def test_text_behind_a_closing_quote_is_met_at_every_edge_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: bytes
) -> None:
    """The parser would read x and y as one value."""
    for block in range(1, 20):
        monkeypatch.setattr(content, "BLOCK", block)
        (part,) = text_table(tmp_path, b"a,b\n" + record + b"\n3,4\n")
        assert [bad.reason for bad in part.rejected] == [Reason.QUOTE_STRAY]
        assert part.table.to_pylist() == [{"a": "3", "b": "4"}]


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


def test_a_line_end_inside_quotes_stays_whole_where_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the parser's block ends; it would take the LF off that begins a block behind a CR."""
    monkeypatch.setattr(csv_text, "_BLOCK", 64)
    for before in range(66):
        cells = ["x" * before, *["1\r\n2\r\n\r\n3"] * 20]
        data = "a\n" + "".join(f'"{cell}"\n' for cell in cells)
        (part,) = text_table(tmp_path, data.encode())
        assert part.table.column("a").to_pylist() == cells
    crlf = b'"' + b"\r\n" * 100 + b'"\n' + b'"\n"\n' + b'"' + b"\r\n" * 100 + b'"\n'
    (part,) = text_table(tmp_path, b"a\n" + crlf)
    assert part.table.column("a").to_pylist() == ["\r\n" * 100, "\n", "\r\n" * 100]


@pytest.mark.parametrize("cell", ["anna", '"anna"'])
@pytest.mark.parametrize("others", [[], ['x"y'], ['"x"y']])
def test_a_byte_order_mark_within_a_file_is_text(tmp_path: Path, cell: str, others: list[str]) -> None:
    """Files that were joined hold one; a slice that begins with it must not lose it."""
    lines = [f"\ufeff{cell}", "bert", *others]
    parts = text_table(tmp_path, "\n".join(["a", *lines, ""]).encode())
    behind = ["rejected" if one.startswith('"') else [one] for one in others]
    assert outcomes(parts) == [[f"\ufeff{cell}"], ["bert"], *behind]
