"""The command line itself: formats, versions, lists, and errors for programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import __version__
from pipeline.cli import app
from tests.conftest import PROJECT
from tests.small_job import DATE, make_job

LATER = ("diff", "risk", "retain")


def test_version() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert shown.exit_code == 0 and shown.output == f"pouch {__version__}\n"


def test_commands_that_are_not_built_are_named_once_and_refuse(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert f"Not built yet: {', '.join(LATER)}." in shown
    assert all(shown.count(name) == 1 for name in ("retain",))
    job = make_job(tmp_path)
    for name in (["diff"], ["retain"]):
        done = job.pouch(*name)
        assert done.returncode == 2 and "not built yet" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["run", "job.yaml", "--date", DATE],
        ["plan", "job.yaml"],
        ["report"],
        ["verify", "releases/absent"],
        ["keys", "init", "job.yaml"],
        ["keys", "list", "job.yaml"],
        ["scan", "absent.csv"],
        ["detect", "absent.csv"],
        ["reveal", "x", "--reason", "ticket"],
    ],
)
def test_a_wrong_format_is_refused_before_anything_happens(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*command, "--format", "xml"])
    assert "--format must be" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ["keys", "rotate", "job.yaml"],
        ["keys", "destroy", "job.yaml"],
        ["erase", "job.yaml", "--subject", "a"],
        ["reveal"],
    ],
)
def test_what_an_auditor_could_not_understand_is_no_reason(command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--reason", "x"])
    assert "needs --reason with a reason that an auditor understands" in str(done.exception)


def test_a_refusal_is_json_too_where_json_was_asked_for(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    job.change("analysts.yaml", "  city: {transform: keep}\n", "")
    asked = job.run("--format", "json")
    assert asked.returncode == 2 and "no rule for class city" in asked.stderr
    document = json.loads(asked.stdout)
    assert document["exit_code"] == 2
    assert document["problems"][0].keys() == {"code", "where", "message", "hint"}
    assert "no rule for class city" in document["problems"][0]["message"]
    assert job.run().stdout == ""


def test_report_lists_runs_and_reveal_speaks_json(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    with (job.folder / f"in/orders/{DATE}/b.csv").open("a") as file:
        file.write("SO77,acc0001,too few\n")
    assert job.run("--recipient", "courier").returncode == 0
    assert job.run("--recipient", "nobody").returncode == 2
    listed = json.loads(job.pouch("report", "--format", "json").stdout)
    assert [(one["job"], one["date"], one["exit_code"]) for one in listed] == [
        ("small", DATE, 2),
        ("small", DATE, 0),
    ]
    table = job.pouch("report").stdout.splitlines()
    assert table[0].split() == ["run", "job", "date", "began", "exit", "code"] and len(table) == 3
    assert table[2].startswith(listed[1]["run"]) and table[2].endswith(" 0")
    ask = ["--quarantine", listed[1]["run"], "--job", "job.yaml", "--reason", "repair", "--format", "json"]
    (record,) = json.loads(job.pouch("reveal", *ask).stdout)
    assert "too few" in record["raw"]


def test_notes_about_skipped_records_reach_stderr(tmp_path: Path) -> None:
    """Native code is silenced while texts are searched; what we have to say is not."""
    job = make_job(tmp_path)
    (tmp_path / "n.csv").write_text("id,text\n1,none\n2,too,many\n")
    found = job.pouch("detect", "n.csv")
    assert found.returncode == 0 and "unreadable records skipped: 1;" in found.stderr
    assert json.loads(found.stdout) == {"row": 0, "spans": []}
    scanned = job.pouch("scan", "n.csv", "--table", "notes")
    assert scanned.returncode == 0 and "1 of 2 sampled records" in scanned.stderr
    assert scanned.stdout.startswith("notes:\n")


def test_a_plan_without_keys_is_refused_beside_its_other_problems(tmp_path: Path) -> None:
    """Before the first run, not in the night: the keyring must be there, though a plan opens no key."""
    job = make_job(tmp_path, people=5, orders=5)
    (job.folder / "keys/keyring.json").unlink()
    refused = job.pouch("plan", "job.yaml", "--date", DATE)
    assert refused.returncode == 3
    assert "keys/keyring.json: is missing" in refused.stderr and "pouch keys init" in refused.stderr
    job.change("catalog.yaml", "  channel: other\n", "")
    both = job.pouch("plan", "job.yaml", "--date", DATE)
    assert both.returncode == 3
    assert "is missing" in both.stderr and "column channel is not in the catalog" in both.stderr


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("11", 11), ("None", 0), ("'why'", 1)])
def test_a_command_ends_without_taking_the_interpreter_down(code: str, expected: int) -> None:
    """A native thread that asks for the interpreter meanwhile would abort the process; what was printed is not lost."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import atexit, os, sys\n"
            "from pipeline.way_out import end_with\n"
            "atexit.register(os._exit, 99)\n"
            "print('told', end='')\n"
            f"end_with(lambda: sys.exit({code}))",
        ],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (expected, "told")


def test_arguments_that_are_no_text_are_usage(tmp_path: Path) -> None:
    """They failed as internal errors (70) wherever they were first written or hashed."""
    for arguments in (
        ["run", "job.yaml", "--date", "2026-11-01", "--recipient"],
        ["erase", "job.yaml", "--subject"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments, b"\xff\xfe"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert f"argument {len(arguments) + 1} must be UTF-8 text" in done.stderr
