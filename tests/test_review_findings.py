"""What a hostile review found: each test fails without its fix."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipeline import protect_frame
from pipeline.config.models import StatisticSpec
from pipeline.detect.proposal import propose_files
from pipeline.errors import WITHHELD_NAME, InputUnreadable, shown_keys
from pipeline.statistics import linked
from tests.small_job import DATE, PROJECT, SmallJob, make_job
from transforms import Keyring


def change_cells(job: SmallJob, column: str, change: Callable[[dict[str, str], int], str]) -> None:
    """Rewrite one column of both order files."""
    for name in ("a.csv", "b.csv"):
        path = job.folder / f"in/orders/{DATE}/{name}"
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        for number, row in enumerate(rows):
            row[column] = change(row, number)
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")


@pytest.mark.parametrize(
    ("column", "change", "rule"),
    [
        ("amount", lambda row, _: row["mobile"].lstrip("+"), "own_row"),
        (
            "channel",
            lambda row, number: (
                "call +61491000013" if row["account_id"] == "acc0013" or number % 5 == 0 else "x"
            ),
            "own_row",
        ),
        (
            "channel",
            lambda row, _: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in row["mobile"]),
            "own_row",
        ),
        ("channel", lambda _, number: "via +61491000014" if 20 <= number < 25 else "web", "anywhere"),
    ],
    ids=[
        "a phone as a decimal",
        "a phone that many rows repeat",
        "Arabic digits",
        "another person's phone inside a cell",
    ],
)
def test_gate_sees(
    tmp_path: Path, column: str, change: Callable[[dict[str, str], int], str], rule: str
) -> None:
    """A kept column that carries a phone is stopped, and the number is not told."""
    job = make_job(tmp_path)
    change_cells(job, column, change)
    done = job.run()
    assert done.returncode == 7, done.stderr
    assert f"analysts.orders.{column}" in done.stderr
    assert f"rule {rule}" in done.stderr
    assert "6149" not in done.stderr


def test_unknown_json_keys_are_not_told(tmp_path: Path) -> None:
    """A JSON object keyed by people's names does not put them into the log."""
    job = make_job(tmp_path)
    path = tmp_path / f"in/devices/{DATE}/d.jsonl"
    keys = {"Wei Zhang": "x", "李雪梅": 1, "ab 12 cd 34": 1, "13800138000": 2}
    path.write_text(path.read_text() + json.dumps({"device_id": "d"} | keys) + "\n")
    done = job.run()
    assert done.returncode == 11, done.stderr
    assert WITHHELD_NAME in done.stderr
    assert not [key for key in keys if key in done.stderr]


def test_many_unknown_keys_are_not_told() -> None:
    """A map keyed by nicknames looks like identifiers one by one, but nobody adds so many columns at once."""
    assert shown_keys(["screen.width", "wei"]) == ["screen.width", "wei"]
    assert shown_keys([f"nick{number}" for number in range(6)]) == [WITHHELD_NAME]


def test_scan_tells_no_keys_that_are_values(tmp_path: Path) -> None:
    """`pouch scan` of objects keyed by phone numbers stops without quoting one."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"device_id": "d", "friends": {"+61491000013": 1}}\n')
    with pytest.raises(InputUnreadable) as caught:
        propose_files([path])
    assert "6149" not in str(caught.value)


def test_consent_file_in_utf_16_is_unreadable(tmp_path: Path) -> None:
    """A header in another encoding is exit 4, not an internal error."""
    job = make_job(tmp_path)
    path = tmp_path / "in/consent.csv"
    path.write_bytes(path.read_text().encode("utf-16"))
    assert job.run().returncode == 4


def test_frame_of_mixed_types_quotes_no_value() -> None:
    """Arrow's message quotes the value that does not fit; ours names the column."""
    frame = pd.DataFrame({"mobile": [1, "13800138000"]}, dtype=object)
    with pytest.raises(InputUnreadable) as caught:
        protect_frame(
            frame,
            policy={"rules": {"mobile_phone": {"transform": "keyed_hash"}}},
            catalog={"mobile": "mobile_phone"},
            keyring=Keyring({"k": bytes(range(32))}, "k"),
            recipient="analysts",
            purpose="analytics",
        )
    error: BaseException | None = caught.value
    while error is not None:
        assert "13800138000" not in str(error)
        error = error.__cause__ or error.__context__


def test_statistics_are_not_published_again_elsewhere(tmp_path: Path) -> None:
    """Another --out does not hide that a statistic is out: two versions could be subtracted."""
    job = make_job(tmp_path)
    assert job.run("--recipient", "market").returncode == 0
    change_cells(job, "amount", lambda row, number: "1.00" if number == 0 else row["amount"])
    again = job.run("--recipient", "market", "--out", "elsewhere")
    assert again.returncode == 2, again.stderr
    assert not job.tree("elsewhere")


def test_two_statistics_of_one_table_are_refused() -> None:
    """They share a total: what one suppresses, the difference can show."""
    city, both = (
        StatisticSpec.model_validate(
            {"table": "orders", "dimensions": [{"column": c} for c in columns], "measures": ["people"]}
        )
        for columns in (("city",), ("city", "channel"))
    )
    assert not list(linked({"city": city}))
    assert [problem.code for problem in linked({"city": city, "both": both})] == [2]


def test_a_child_that_holds_values_writes_nothing_to_stderr() -> None:
    """Rust panics and C++ logs quote the text that they stumbled over."""
    code = "import os; from pipeline.engines.worker import _silence; _silence(); os.write(2, b'raw')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""


def test_whole_decimals_are_searched() -> None:
    """Small and broken amounts are no identities; long whole ones are looked at."""
    from pipeline.release.own_row import _whole_numbers

    amounts = pa.array(["61491000013.00", "12.50", "999999.00"]).cast(pa.decimal128(18, 2))
    assert _whole_numbers(amounts).to_pylist() == ["61491000013", None, None]
