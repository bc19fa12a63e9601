"""What a hostile review found: each test fails without its fix."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pipeline import conclusion, protect_frame, run
from pipeline.classes import CLASSES
from pipeline.config.statistics_models import StatisticSpec
from pipeline.detect.proposal import propose_files
from pipeline.engines.local import LocalEngine
from pipeline.engines.protecting import ProtectSlices
from pipeline.errors import WITHHELD_NAME, InputUnreadable, shown_keys
from pipeline.intake import Reason, SliceRecords, parse_types
from pipeline.protect.steps import facts_of
from pipeline.sinks import read_part, write_part
from pipeline.statistics import linked
from tests.small_job import DATE, KEK, PROJECT, change_cells, make_job
from transforms import Keyring, Mask


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
    assert "61491000" not in done.stderr


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


def test_two_statistics_whose_relation_cannot_be_written_are_refused() -> None:
    """Their difference would be audited by nobody; the same cells in two tables are."""
    city, both, declared, some = (
        StatisticSpec.model_validate({"table": "orders", "measures": ["people"], **more})
        for more in (
            {"dimensions": [{"column": "city"}]},
            {"dimensions": [{"column": "city"}, {"column": "channel"}]},
            {"dimensions": [{"column": "city", "values": ["Perth"]}]},
            {"dimensions": [{"column": "city"}], "filters": [{"column": "channel", "values": ["web"]}]},
        )
    )
    assert not list(linked({"city": city, "both": both}))
    assert [problem.code for problem in linked({"city": city, "declared": declared})] == [2]
    assert [problem.code for problem in linked({"city": city, "some": some})] == [2]


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


# ------------------------------------------------------------------ ranges of classes


def test_numbers_outside_the_range_of_their_class_are_quarantined(tmp_path: Path) -> None:
    """A phone in a position or age column is no position and no age."""
    job = make_job(tmp_path)
    job.change("catalog.yaml", "amount: amount", "amount: gps")
    job.change(
        "analysts.yaml", "amount: {transform: keep}", "gps: {transform: keep}\n  quantity: {transform: keep}"
    )
    job.change("statistics.yaml", ", {sum: amount}", "")
    job.change("job.yaml", "job: small", "job: small\nmax_quarantined: 0.5")
    values = ("61491000013", "-180", "180.0", "180.01", "12.5")
    change_cells(job, "amount", lambda _, number: values[number % 5])
    done = job.run("--recipient", "analysts")
    assert done.returncode == 0, done.stderr
    assert ': a number outside the range of its class": 120' in json.dumps(job.record())
    assert "6149100" not in done.stderr + done.stdout


def test_ages_have_a_range_and_quantities_none() -> None:
    """Ends belong to the range; columns without one are as before."""
    assert [CLASSES[name].range for name in ("gps", "age", "quantity")] == [(-180, 180), (0, 150), None]
    texts = pa.array(["0", "150", "151", "-1", None, "13800138000"])
    rows = pa.array(range(6), pa.int64())
    columns = pa.table({"age": texts, "pieces": texts})
    found = SliceRecords(0, columns, rows.cast(pa.int32()), rows, (), frozenset({"age", "pieces"}))
    types = {"age": pa.int64(), "pieces": pa.int64()}
    typed = parse_types(found, types, "UTC", {"age": (0, 150)})
    assert typed.table["age"].to_pylist() == [0, 150, None]
    assert [(one.record, one.reason) for one in typed.rejected] == [
        (n, f"age: {Reason.OUT_OF_RANGE}") for n in (2, 3, 5)
    ]
    assert not parse_types(found, types, "UTC").rejected


# ------------------------------------------------------------------ weak masks


def test_a_mask_that_leaves_few_candidates_is_weak() -> None:
    """First six and last four of a card leave 10^5 numbers: its check digit is no secret."""
    card = facts_of(CLASSES["bank_card"])
    assert "leaves about 100,000 of 1e+15" in str(Mask(keep_first=6, keep_last=4).weakness(card))
    assert Mask(keep_first=5, keep_last=4).weakness(card) is None
    phone = facts_of(CLASSES["mobile_phone"])
    assert "leaves about 10,000 of 1e+11" in str(Mask(keep_first=3, keep_last=4).weakness(phone))
    assert Mask().weakness(facts_of(CLASSES["city"])) is None
    assert Mask(keep_first=9).weakness(facts_of(CLASSES["device_id"])) is None


def test_plan_demands_accept_weakness_of_such_a_mask(tmp_path: Path) -> None:
    """Refused with the number; with a reason it is a warning."""
    job = make_job(tmp_path)
    weak = "mobile_phone: {transform: mask, keep_first: 3, keep_last: 4}"
    job.change("analysts.yaml", "mobile_phone: {transform: keyed_hash}", weak)
    done = job.pouch("plan", "job.yaml")
    assert done.returncode == 2
    assert "leaves about 10,000" in done.stderr
    job.change(
        "analysts.yaml", "keep_last: 4}", 'keep_last: 4, accept_weakness: "call center sees it anyway"}'
    )
    assert job.pouch("plan", "job.yaml").returncode == 0


# ------------------------------------------------------------------ raw subjects on disk


def test_files_of_subjects_are_private_and_short_lived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consent and device lists hold raw accounts: 0600 by themselves, gone when the slices are done."""
    job = make_job(tmp_path)
    monkeypatch.setenv("POUCH_KEK", KEK)
    modes: list[int] = []
    left: list[str] = []

    def map_slices(self: LocalEngine, work: object, *rest: object, **told: object) -> object:
        if isinstance(work, ProtectSlices):
            modes.extend(path.stat().st_mode & 0o777 for path in (work.withholding_file, work.links_file))
        return original(self, work, *rest, **told)  # type: ignore[arg-type]

    def look(*arguments: Any) -> object:
        left.extend(path.name for path in arguments[-1].glob("*.arrow"))
        return statistics(*arguments)

    original, statistics = LocalEngine.map_slices, conclusion.give_statistics
    monkeypatch.setattr(LocalEngine, "map_slices", map_slices)
    monkeypatch.setattr(conclusion, "give_statistics", look)
    before = os.umask(0)
    try:
        summary = run.run_job(
            tmp_path / "job.yaml", DATE, out=Path("releases"), state=Path(".pouch"), base=job.folder
        )
    finally:
        os.umask(before)
    assert summary.exit_code == 0
    assert modes == [0o600, 0o600]
    assert left == []


# ------------------------------------------------------------------ publishing through links


@pytest.mark.parametrize("planted", ["analysts", "analysts/.releases"])
def test_publishing_does_not_follow_links(tmp_path: Path, planted: str) -> None:
    """Who may write to --out could lead a release elsewhere, or have trees elsewhere removed."""
    job = make_job(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    kept = elsewhere / (".releases/tree" if planted == "analysts" else "tree")
    kept.mkdir(parents=True)
    link = tmp_path / "releases" / planted
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere, target_is_directory=True)
    done = job.run("--recipient", "analysts")
    assert done.returncode == 8, done.stderr
    assert f"{planted}: is a symbolic link" in done.stderr
    assert [path for path in elsewhere.rglob("*") if path.name not in {".releases", "tree"}] == []
    assert kept.is_dir()


# ------------------------------------------------------------------ CSV cells


def test_csv_texts_with_other_separators_are_quoted(tmp_path: Path) -> None:
    """A program that splits at semicolons or tabs, too, must not find a cell that begins with a formula."""
    table = pa.table({"a;b": ["x;=1+1", "x\t=1+1", "plain", None, ""]})
    path = tmp_path / "part.csv"
    write_part(path, table, "csv")
    assert path.read_bytes() == b'"a;b"\r\n"x;=1+1"\r\n"x\t=1+1"\r\nplain\r\n\r\n""\r\n'
    assert read_part(path, "csv", table.schema).equals(table)


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        (
            "encrypt_gcm",
            "encrypt_gcm needs row ids and cannot stand inside redact_text\n  hint: use encrypt_siv",
        ),
        ("truncate_time, unit: day", "truncate_time cannot stand inside redact_text"),
        ("encrypt_sivv", "unknown transform encrypt_sivv\n  hint: did you mean encrypt_siv?"),
    ],
)
def test_transforms_that_redact_text_cannot_hold(tmp_path: Path, inner: str, says: str) -> None:
    """They exist, so "unknown" would send the reader the wrong way."""
    job = make_job(tmp_path)
    entity = f"{{PHONE_NUMBER: {{transform: {inner}}}}}"
    text = f'free_text: {{transform: redact_text, accept_residual: "signed terms", entities: {entity}}}'
    job.change("analysts.yaml", "free_text: {transform: drop}", text)
    done = job.pouch("plan", "job.yaml")
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "Zhang Wei,+61 412 345,2026-11-01,12.50",
        "李雪梅,2026-11-01T09:15:30Z,17,x@y.org",
        "Zhang Wei,1.5,Perth,0412-345,3",
    ],
)
def test_scan_refuses_a_file_without_header(tmp_path: Path, line: str) -> None:
    """The first record would become column names in a proposal, and a person's name among them."""
    path = tmp_path / "orders.csv"
    path.write_text(f"{line}\n" * 20, encoding="utf-8")
    with pytest.raises(InputUnreadable) as caught:
        propose_files([path])
    assert "does not look like a header" in str(caught.value)
    assert not [
        cell for cell in line.split(",") if cell in str(caught.value).replace(path.name, "") and len(cell) > 2
    ]


# ------------------------------------------------------------------ native code in the parent


@pytest.mark.parametrize("command", ["scan", "detect"])
def test_native_code_does_not_quote_texts(tmp_path: Path, command: str) -> None:
    """A Rust panic writes the text by itself and is no Exception; only its type and place are told."""
    path = tmp_path / "notes.txt"
    path.write_text("call Zhang Wei\n", encoding="utf-8")
    target = {"scan": "pipeline.detect.proposal.propose", "detect": "pipeline.detect.free_text.find_mentions"}
    module, _, name = target[command].rpartition(".")
    code = (
        f"import os, sys, {module} as room\n"
        "class PanicException(BaseException): pass\n"
        "def panic(*_, **__):\n"
        "    os.write(2, b'panicked at Zhang Wei')\n"
        "    raise PanicException('Zhang Wei')\n"
        f"room.{name} = panic\n"
        f"sys.argv = ['pouch', '{command}', '{path}']\n"
        "from pipeline.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 70, done.stderr
    assert "internal error: PanicException" in done.stderr
    assert "Zhang" not in done.stderr
