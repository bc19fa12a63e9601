"""Published bytes: deterministic, free of traps, read back strictly, inert in spreadsheets."""

import csv
import datetime as dt
import decimal
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import CheckFailed
from pipeline.intake import read_table
from pipeline.sinks import FORMATS, ParquetColumns, read_part, write_part
from tests.conftest import PROJECT, SHARED_DATA, needs_shared_data

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("note", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("quantity", pa.int64()),
        ("at", pa.timestamp("us")),
        ("born", pa.date32()),
        ("lat", pa.float64()),
        ("yes", pa.bool_()),
    ]
)
ROWS = st.tuples(
    st.none() | TEXT,
    st.none()
    | st.sampled_from(["", "'", "a,b", 'say "x"', "\r\n", "手机13800138000", "NULL", "nan", "\\", "x" * 40]),
    st.none() | st.decimals("-9999999999999999.99", "9999999999999999.99", places=2),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)),
    st.none() | st.dates(dt.date(1, 1, 2)),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
)


def table_of(rows: list[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=12))
def test_every_table_comes_back_from_every_format(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    """Parquet and JSON lines exactly; CSV with apostrophes in front of cells that a spreadsheet would run."""
    table = table_of(rows)
    for form in ("parquet", "jsonl"):
        path = tmp_path / f"part.{form}"
        write_part(path, table, form)
        assert read_part(path, form, SCHEMA).equals(table), form
    write_part(tmp_path / "part.csv", table, "csv")
    again = read_part(tmp_path / "part.csv", "csv", SCHEMA)
    for name in SCHEMA.names:
        for cell, shown in zip(table[name].to_pylist(), again[name].to_pylist(), strict=True):
            assert shown in (cell, f"'{cell}")
            if isinstance(shown, str):
                assert not shown.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
                assert not shown.startswith(("\t", "\r", "\n"))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=1, max_size=8))
def test_python_and_our_own_intake_read_the_same_cells(
    tmp_path: Path, rows: list[tuple[object, ...]]
) -> None:
    table = table_of(rows)
    path = tmp_path / "part.csv"
    write_part(path, table, "csv")
    published = read_part(path, "csv", SCHEMA)
    with path.open(newline="", encoding="utf-8") as file:
        python = list(csv.reader(file))
    ours = read_table(path)
    assert python[0] == SCHEMA.names == ours.column_names
    for name, position in (("name", 0), ("note", 1)):
        assert [row[position] for row in python[1:]] == [cell or "" for cell in published[name].to_pylist()]
        assert ours[name].to_pylist() == published[name].to_pylist()
    write_part(tmp_path / "part.jsonl", table, "jsonl")
    lines = [
        json.loads(line, parse_float=decimal.Decimal)
        for line in (tmp_path / "part.jsonl").read_text("utf-8").split("\n")[:-1]
    ]
    assert [line["amount"] for line in lines] == table["amount"].to_pylist()
    assert [line["note"] for line in lines] == table["note"].to_pylist()


def test_dictionary_columns_publish_no_removed_value(tmp_path: Path) -> None:
    """A value that was filtered out must not survive in any byte of any format."""
    secret = pa.array(["13800138000-gone", "kept", "kept"]).dictionary_encode()
    table = pa.table({"phone": secret}).slice(1)
    for form in FORMATS:
        path = tmp_path / f"part.{form}"
        write_part(path, table, form)
        assert b"gone" not in path.read_bytes()
        assert read_part(path, form, pa.schema([("phone", pa.string())]))["phone"].to_pylist() == [
            "kept",
            "kept",
        ]


def test_parquet_holds_no_statistics_no_metadata_and_checksums(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"a": ["x", "y"], "n": [1, 2]}, index=pd.Index(["row-secret", "z"], name="index-secret")
    )
    path = tmp_path / "part.parquet"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write_part(path, table.replace_schema_metadata({"pandas": "index-secret"}), "parquet")
    with pq.ParquetFile(path) as file:
        assert file.metadata.metadata is None
        for column in range(2):
            chunk = file.metadata.row_group(0).column(column)
            assert chunk.statistics is None and not chunk.has_column_index and not chunk.has_offset_index
        assert file.schema_arrow.metadata is None
    data = path.read_bytes()
    assert b"secret" not in data and b"ARROW:schema" not in data
    schema = pa.schema([("a", pa.string()), ("n", pa.int64())])
    position = data.index(b"PAR1") + 40
    path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
    with pytest.raises(CheckFailed):
        read_part(path, "parquet", schema)


def test_row_groups_do_not_depend_on_how_rows_were_chunked(tmp_path: Path) -> None:
    whole = pa.table({"a": [str(number) for number in range(300_000)]})
    chunked = pa.concat_tables([whole.slice(at, 70_000) for at in range(0, 300_000, 70_000)])
    for form in FORMATS:
        for number, table in enumerate((whole, chunked)):
            write_part(tmp_path / f"{number}.{form}", table, form)
        assert (tmp_path / f"0.{form}").read_bytes() == (tmp_path / f"1.{form}").read_bytes()
    with pq.ParquetFile(tmp_path / "0.parquet") as file:
        assert [file.metadata.row_group(n).num_rows for n in range(3)] == [131_072, 131_072, 37_856]


def test_bytes_are_the_same_in_another_process_zone_and_locale(tmp_path: Path) -> None:
    code = (
        "import sys, hashlib, datetime, decimal; from pathlib import Path; import pyarrow as pa\n"
        "from pipeline.sinks import FORMATS, write_part\n"
        "t = pa.table({'a': ['x', None, '=1'], 'd': [datetime.datetime(2026, 1, 1), None, None],"
        " 'm': [decimal.Decimal('1.10')] * 3})\n"
        "for f in FORMATS:\n"
        "    p = Path(sys.argv[1]) / ('p.' + f); write_part(p, t, f)\n"
        "    print(hashlib.sha256(p.read_bytes()).hexdigest())\n"
    )
    seen = set()
    for number, env in enumerate(
        ({"TZ": "UTC", "LANG": "C"}, {"TZ": "Asia/Shanghai", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "7"})
    ):
        target = tmp_path / str(number)
        target.mkdir()
        seen.add(
            subprocess.check_output(
                [sys.executable, "-c", code, str(target)], cwd=PROJECT, env=env, text=True
            )
        )
    assert len(seen) == 1


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+61412345678",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u3000+1",
        "\u00a0-1",
        "＝1",
        "\ufeff@x",
        "\u2003=1",
        "\x1f=1",
        "\x7f-1",
        "\x85@x",
    ],
)
def test_cells_that_a_spreadsheet_would_run_get_one_apostrophe(tmp_path: Path, cell: str) -> None:
    for form in FORMATS:
        path = tmp_path / f"part.{form}"
        write_part(path, pa.table({"a": [cell, "plain", None, "", "'=1", "a=b"]}), form)
        first = read_part(path, form, pa.schema([("a", pa.string())]))["a"].to_pylist()
        assert first == [("'" if form == "csv" else "") + cell, "plain", None, "", "'=1", "a=b"]


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_a_parquet_file_is_read_column_by_column(tmp_path: Path, rows: int) -> None:
    """In any order, at once and again; an empty column comes as one empty piece; another schema is refused."""
    table = pa.table(
        {"few": [f"v{i % 3}" for i in range(rows)], "many": [f"v{i}" for i in range(rows)], "n": range(rows)},
        pa.schema([("few", pa.string()), ("many", pa.string()), ("n", pa.int64())]),
    )
    write_part(tmp_path / "part", table, "parquet")
    columns = ParquetColumns(tmp_path / "part", table.schema)
    assert columns.rows == rows
    begun = {name: (pieces := columns.pieces(name), next(pieces)) for name in ("n", "many", "few")}
    assert rows < 5000 or pa.types.is_dictionary(begun["few"][1].type)
    for name, (others, first) in begun.items():
        assert pa.chunked_array([first, *others]).cast(table[name].type).equals(table[name])
        assert sum(map(len, columns.pieces(name))) == rows
    with pytest.raises(CheckFailed, match="schema"):
        ParquetColumns(tmp_path / "part", table.schema.remove(0))


@pytest.mark.parametrize("form", FORMATS)
def test_a_first_cell_may_begin_with_a_byte_order_mark(tmp_path: Path, form: str) -> None:
    table = pa.table({"a": ["\ufeffanna", "\ufeffbert"]})
    write_part(tmp_path / "part", table, form)
    assert read_part(tmp_path / "part", form, table.schema).equals(table)


def test_numbers_and_headers(tmp_path: Path) -> None:
    """A negative amount is a number and stays; a column name that would run does not."""
    path = tmp_path / "part.csv"
    write_part(path, pa.table({"=a": [decimal.Decimal("-1.50")], "b,c": [-3]}), "csv")
    assert path.read_bytes() == b'\'=a,"b,c"\r\n-1.50,-3\r\n'


@needs_shared_data
def test_known_payloads_become_inert(tmp_path: Path) -> None:
    payloads = (SHARED_DATA / "text" / "csv-injection-payloadbox.txt").read_text("utf-8").splitlines()
    naughty = json.loads((SHARED_DATA / "text" / "blns.json").read_text("utf-8"))
    cells = [cell.replace("\0", "") for cell in [*payloads, *naughty]]
    path = tmp_path / "part.csv"
    write_part(path, pa.table({"a": cells}), "csv")
    shown = read_part(path, "csv", pa.schema([("a", pa.string())]))["a"]
    assert not pc.any(pc.match_substring_regex(shown, "^[ \t]*[=+@\r\n\t-]")).as_py()
    assert sum(one != cell for one, cell in zip(shown.to_pylist(), cells, strict=True)) >= len(payloads)


@pytest.mark.parametrize(
    ("form", "change"),
    [
        ("csv", (b"2\r\n", b"2\n")),
        ("csv", (b"a,b", b"b,a")),
        ("csv", (b"x,1", b'"x",1')),
        ("csv", (b"2\r\n", b"2,3\r\n")),
        ("csv", (b",1\r\n", b",01\r\n")),
        ("jsonl", (b'"b":1', b'"b": 1')),
        ("jsonl", (b',"b":1', b"")),
        ("jsonl", (b'"b":1', b'"b":1,"c":3')),
        ("jsonl", (b'"a":"x"', b'"a":"x","a":"y"')),
        ("jsonl", (b"\n", b"")),
    ],
)
def test_a_changed_file_is_not_read(tmp_path: Path, form: str, change: tuple[bytes, bytes]) -> None:
    path = tmp_path / f"part.{form}"
    table = pa.table({"a": ["x", "y"], "b": [1, 2]})
    write_part(path, table, form)
    data = path.read_bytes()
    assert change[0] in data
    path.write_bytes(data.replace(*change))
    with pytest.raises(CheckFailed):
        read_part(path, form, table.schema)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    write_part(path, pa.table({"a": [1]}), "parquet")
    with pytest.raises(CheckFailed, match="schema"):
        read_part(path, "parquet", pa.schema([("a", pa.int32())]))


def test_pandas_and_duckdb_open_what_is_published(tmp_path: Path) -> None:
    table = table_of(
        [("手", "a,b\r\nc", decimal.Decimal("1.10"), 5, dt.datetime(2026, 1, 2, 3, 4, 5, 6), None, 1.5, True)]
    )
    for form in FORMATS:
        write_part(tmp_path / f"part.{form}", table, form)
    assert pd.read_parquet(tmp_path / "part.parquet")["name"].tolist() == ["手"]
    assert pd.read_csv(tmp_path / "part.csv")["note"].tolist() == ["a,b\r\nc"]
    reader = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}
    for form in FORMATS:
        query = f'select amount, quantity, "at" from {reader[form]}(?)'  # noqa: S608  a fixed list of names
        row = duckdb.execute(query, [f"{tmp_path}/part.{form}"]).fetchall()[0]
        assert (float(row[0]), row[1], str(row[2])[:19].replace("T", " ")) == (1.1, 5, "2026-01-02 03:04:05")
