"""JSON lines: RFC 8259 by the public test suite, exact number text, flattening, limits."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.models import TableSource
from pipeline.errors import InputUnreadable
from pipeline.intake import Limits, Reason, SliceRecords, cut, read
from tests.conftest import needs_shared_data
from tests.intake_cases import archive, read_all


def json_source(path: str = "x.jsonl", **others: str) -> TableSource:
    return TableSource.model_validate({"path": path, "subject": "none", **others})


def parts_of(tmp_path: Path, data: bytes, limits: Limits | None = None, **others: str) -> list[SliceRecords]:
    (tmp_path / "x.jsonl").write_bytes(data)
    source = json_source(**others)
    bounds = limits or Limits()
    return read_all(cut("x", source, "2026-01-01", tmp_path, bounds), source, tmp_path, bounds)


def one_line(tmp_path: Path, line: bytes) -> dict[str, str | None] | str:
    """The row that a line gives, or the reason of its rejection."""
    (part,) = parts_of(tmp_path, line + b"\n")
    if part.rejected:
        assert len(part.table) == 0
        return part.rejected[0].reason
    row: dict[str, str | None] = part.table.to_pylist()[0]
    return row


# Read as a JSON value these are fine, but they hold an object whose keys repeat, which this reader refuses.
REPEATED = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


@needs_shared_data
def test_the_json_test_suite(tmp_path: Path) -> None:
    """y_ files are rows when they are objects, n_ files never are; i_ files either; nothing crashes."""
    counts = {"row": 0, "rejected": 0, "refused": 0, "blank": 0}
    for path, data in archive("json/JSONTestSuite.tar.xz").items():
        name = Path(path).name
        line = (
            data.removesuffix(b"\n").replace(b"\r", b" ").replace(b"\n", b" ")
            if name.startswith("y_")
            else data
        )
        try:
            parts = parts_of(tmp_path, line)
        except InputUnreadable:
            assert not name.startswith("y_"), name
            counts["refused"] += 1
            continue
        rows = sum(len(part.table) for part in parts)
        rejected = [bad.reason for part in parts for bad in part.rejected]
        if name.startswith("y_"):
            is_object = isinstance(json.loads(data), dict)
            if name in REPEATED:
                assert rejected == [Reason.JSON_DUPLICATE]
            elif is_object and "empty_key" not in name:
                assert rows == 1, (name, rejected)
            else:
                assert rows == 0 and len(rejected) == 1, name
        if name.startswith("n_") and b"\n" not in data.strip():
            assert rows == 0, name
            assert rejected or not data.strip(b" \t\r\n"), name
        counts["row"] += rows
        counts["rejected"] += len(rejected)
        counts["blank"] += not rows and not rejected
    assert counts["row"] >= 3 and counts["rejected"] > 100, counts


@needs_shared_data
def test_the_json_test_suite_as_values_of_an_object(tmp_path: Path) -> None:
    """Inside an object every y_ value is read, exactly; every n_ value rejects its record."""
    for path, data in archive("json/JSONTestSuite.tar.xz").items():
        name = Path(path).name
        if b"\n" in data.strip() or name in REPEATED or "empty_key" in name or name.startswith("i_"):
            continue
        got = one_line(tmp_path, b'{"it":' + data.strip(b" \n") + b"}")
        assert isinstance(got, dict) == name.startswith("y_"), (name, got)
        if isinstance(got, dict) and isinstance(value := json.loads(data), str):
            assert got == {"it": value}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'{"a":1.10,"b":1E5,"c":12345678901234567890123,"d":-0,"e":0.1e-7}',
            {"a": "1.10", "b": "1E5", "c": "12345678901234567890123", "d": "-0", "e": "0.1e-7"},
        ),
        (
            b'{"id":"00123","t":true,"f":false,"n":null,"s":""}',
            {"id": "00123", "t": "true", "f": "false", "n": None, "s": ""},
        ),
        (b' { "a" : { "b" : { "c" : "x" } } , "d" : 1 } \r', {"a.b.c": "x", "d": "1"}),
        ('{"a":[1.50,"x",{"k":[]},null,true,"手"]}'.encode(), {"a": '[1.50,"x",{"k":[]},null,true,"手"]'}),
        (b'{"a":"\\u624b\\n\\"","b":"\\ud83d\\ude00"}', {"a": '手\n"', "b": "😀"}),
        (b'{"a":1,"a":2}', Reason.JSON_DUPLICATE),
        (b'{"a":1,"\\u0061":2}', Reason.JSON_DUPLICATE),
        (b'{"a":{"b":1,"b":1}}', Reason.JSON_DUPLICATE),
        (b'{"a":[{"b":1,"b":1}]}', Reason.JSON_DUPLICATE),
        (b'{"a.b":1,"a":{"b":2}}', Reason.JSON_COLLISION),
        (b'{"a":NaN}', Reason.JSON),
        (b'{"a":-Infinity}', Reason.JSON),
        (b'{"a":01}', Reason.JSON),
        (b'{"a":1}{"b":2}', Reason.JSON),
        (b'{"a":1,}', Reason.JSON),
        (b'{"a":"x\ty"}', Reason.JSON),
        (b'{"a":"\xff"}', Reason.ENCODING),
        (b'{"a":"\\ud800"}', Reason.ENCODING),
        (b'{"\\udc00":1}', Reason.ENCODING),
        (b'{"a":["\\ud800"]}', Reason.ENCODING),
        (b'{"":1}', Reason.JSON_KEY),
        (b"[1]", Reason.JSON_OBJECT),
        (b'"x"', Reason.JSON_OBJECT),
        (b"x", Reason.JSON),
        (b'{"a":' * 33 + b"1" + b"}" * 33, Reason.JSON_NESTING),
        (b'{"a":' + b"[" * 100_000, Reason.JSON_NESTING),
        (b'{"a":"' + b"x" * (1 << 20) + b'y"}', Reason.FIELD_SIZE),
    ],
)
def test_one_line(tmp_path: Path, line: bytes, expected: object) -> None:
    assert one_line(tmp_path, line) == expected


def test_brackets_in_strings_are_no_nesting(tmp_path: Path) -> None:
    assert one_line(tmp_path, b'{"a":"' + b"[" * 1000 + b'\\""}') == {"a": "[" * 1000 + '"'}


def test_absent_keys_are_null_and_new_keys_are_named(tmp_path: Path) -> None:
    """A key met only beyond the head of the file still comes out, and is named in columns_seen."""
    (tmp_path / "1.jsonl").write_bytes(b'{"a":1}\n\n{"b":2}\n')
    (tmp_path / "2.jsonl").write_bytes(b'{"c":3}\n   \n')
    source = json_source("*.jsonl")
    found = cut("x", source, "2026-01-01", tmp_path)
    assert found.columns == ("a", "b", "c") and found.records == 3
    assert [file.blank_lines for file in found.files] == [1, 1]
    (part,) = read(found, found.lanes[0], source, columns=None, base=tmp_path)
    assert part.table.to_pylist() == [
        {"a": "1", "b": None, "c": None},
        {"a": None, "b": "2", "c": None},
        {"a": None, "b": None, "c": "3"},
    ]
    assert part.columns_seen == {"a", "b", "c"}
    (part,) = read(found, found.lanes[0], source, columns=frozenset({"b"}), base=tmp_path)
    assert part.table.column_names == ["b"] and part.columns_seen == {"a", "b", "c"}


def test_too_many_columns_refuse_the_file(tmp_path: Path) -> None:
    line = json.dumps({f"k{number}": number for number in range(30)}).encode()
    with pytest.raises(InputUnreadable, match="more than 20 columns"):
        parts_of(tmp_path, line, Limits(columns=20))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "手", "d e"]), VALUES, max_size=4), max_size=15)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    objects=OBJECTS,
    noise=st.lists(
        st.tuples(st.integers(0, 15), st.sampled_from([b"{", b"", b"  ", b"[]", b"\xff", b"{} {}"])),
        max_size=3,
    ),
    ascii_only=st.booleans(),
    spaces=st.booleans(),
    records=st.sampled_from([1, 2, 1000]),
)
def test_objects_come_back_and_every_bad_line_is_counted(
    *,
    tmp_path: Path,
    objects: list[dict[str, object]],
    noise: list[tuple[int, bytes]],
    ascii_only: bool,
    spaces: bool,
    records: int,
) -> None:
    separators = (", ", ": ") if spaces else (",", ":")
    lines = [json.dumps(one, ensure_ascii=ascii_only, separators=separators).encode() for one in objects]
    for at, line in noise:
        lines.insert(at, line)
    parts = parts_of(tmp_path, b"\n".join(lines), Limits(slice_bytes=1, slice_records=records))
    rows = [row for part in parts for row in part.table.to_pylist()]

    def text(value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    expected = [{key: text(value) for key, value in one.items() if value is not None} for one in objects]
    assert [{key: value for key, value in row.items() if value is not None} for row in rows] == expected
    assert sum(len(part.rejected) for part in parts) == sum(bool(line.strip()) for _, line in noise)
