"""What `pouch detect` prints, and our recognizers inside Presidio's engine."""

import json
import socket
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.detect.free_text import detect_file, detect_rows
from pipeline.errors import InputUnreadable, JobWrong

TABLE = pa.table(
    {
        "note": ["call Mary on 0412 345 678", None, "放前台", "jo@example.com"],
        "contact_name": ["Mary Lee", "Jo Hill", "王芳", "Ann Bell"],
    }
)


def test_every_row_gives_one_line() -> None:
    rows = list(detect_rows(TABLE, "note"))
    assert [r["row"] for r in rows] == [0, 1, 2, 3]
    assert [[s["entity"] for s in r["spans"]] for r in rows] == [
        ["PERSON", "PHONE_NUMBER"],
        [],
        [],
        ["EMAIL_ADDRESS"],
    ]
    json.dumps(rows)


def test_linked_columns_are_looked_for_in_their_row() -> None:
    first = next(iter(detect_rows(TABLE, "note", linked=["contact_name"])))
    assert [(s["start"], s["end"], s["entity"]) for s in first["spans"]] == [
        (5, 9, "PERSON"),
        (13, 25, "PHONE_NUMBER"),
    ]


def test_a_linked_column_of_unclear_class_is_refused() -> None:
    table = TABLE.append_column("x", pa.array(["a1", "b2", "c3", "d4"]))
    with pytest.raises(JobWrong, match="not clear"):
        list(detect_rows(table, "note", linked=["x"]))
    assert list(detect_rows(table, "note", linked=["x"], classes={"x": "account_id"}))


def test_a_missing_column_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(JobWrong, match="note"):
        list(detect_rows(TABLE, "notes"))


def test_a_text_file_has_one_text_a_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("请打13800138000\nno rush\n", encoding="utf-8")
    rows = list(detect_file(path))
    assert [(r["row"], len(r["spans"])) for r in rows] == [(0, 1), (1, 0)]
    with pytest.raises(InputUnreadable):
        list(detect_file(tmp_path / "absent.txt"))


def test_malformed_records_are_skipped_told_and_counted(tmp_path: Path) -> None:
    """`row` stays the record's number in the file, or a program would redact another row."""
    path = tmp_path / "notes.csv"
    path.write_text("id,text\n1,none\n2,too,many\n3,call 13800138000\n4\n", encoding="utf-8")
    notes: list[str] = []
    rows = list(detect_file(path, tell=notes.append))
    assert [(r["row"], len(r["spans"])) for r in rows] == [(0, 0), (2, 1)]
    assert len(notes) == 1
    assert "unreadable records skipped: 2;" in notes[0] and "number 1 (from 0)" in notes[0]
    assert "many" not in notes[0]


def test_a_file_without_a_readable_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("id,text\n1\n2\n", encoding="utf-8")
    with pytest.raises(InputUnreadable, match="no record can be read"):
        detect_file(path)


def test_linked_columns_of_a_text_file_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("call Mary\n", encoding="utf-8")
    with pytest.raises(JobWrong, match="--linked needs columns"):
        detect_file(path, linked=["contact_name"])


def test_our_recognizers_run_in_presidios_engine_without_network_or_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Presidio's default engine downloads a model, and its e-mail recognizer asks two hosts."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    from pipeline.detect.presidio_bridge import analyzer_without_models

    engine = analyzer_without_models()
    text = "手机13800138000，邮箱ｊｏ@example.com，imei 490154203237518"
    for language in ("zh", "en"):
        found = {(r.entity_type, text[r.start : r.end]) for r in engine.analyze(text, language=language)}
        assert ("PHONE_NUMBER", "13800138000") in found
        assert ("EMAIL_ADDRESS", "ｊｏ@example.com") in found
        assert ("IMEI", "490154203237518") in found


def test_known_columns_are_looked_for_in_every_row(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("note,name\ncall me,Mary Lee\ntell mary lee,Jo Hill\n", encoding="utf-8")
    rows = list(detect_file(path, "note", known=["name"], names=False))
    assert [[(s["start"], s["end"], s["entity"]) for s in r["spans"]] for r in rows] == [
        [],
        [(5, 13, "PERSON")],
    ]
