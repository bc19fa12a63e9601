"""What a run leaves to read: the table of releases, the run manifest, the report."""

import json
import stat
from pathlib import Path

import pytest

from pipeline.errors import JobWrong, LeakFound, Problem
from pipeline.release.conservation import Counts
from pipeline.release.gate import Hit, Proof, ReleaseProof
from pipeline.release.report import (
    all_warnings,
    plan_as_json,
    print_keys,
    print_plan,
    print_run,
    print_summary,
)
from pipeline.release.run_record import (
    ReleaseOutcome,
    RunSummary,
    read_run_record,
    report_text,
    run_manifest,
    write_run_record,
)
from pipeline.state import open_state
from tests.gate_cases import CLASS_OF, plan_of

COUNTS = Counts(0, "analysts", "orders", 10, 6, {}, {"too many fields": 1}, {"no consent": 3})
LEAK = Problem(LeakFound.code, "courier.orders.note", "holds person_name (2 cells, rule own_row)")
SUMMARY = RunSummary(
    "20261101T021500Z-1a2b3c4d",
    "nightly",
    "2026-11-01",
    (
        ReleaseOutcome(
            0, "analysts", "research", "published", (COUNTS,), "releases/analysts/2026-11-01", "ab12"
        ),
        ReleaseOutcome(1, "courier", "delivery", "blocked", (COUNTS,), problems=(LEAK,)),
    ),
    ("orders.city is held in clear by two",),
)
PROOF = Proof(
    (
        ReleaseProof(0, True, 6, (), ()),
        ReleaseProof(1, False, 6, (Hit(1, "orders", "note", "person_name", "own_row", 2),), ()),
    ),
    identities=12,
)


def test_the_table_shows_every_count_and_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(SUMMARY, "table")
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["analysts", "orders", "10", "6", "0", "1", "3"] in lines
    assert ["analysts", "published", "releases/analysts/2026-11-01"] in lines
    assert ["courier", "blocked", "-"] in lines
    assert max(map(len, shown.out.splitlines())) <= 80, "fits a terminal of 80 columns"
    assert "courier.orders.note: holds person_name" in shown.err


def test_the_same_as_json_with_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(SUMMARY, "json")
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == SUMMARY.exit_code == 7
    assert document["releases"][0]["tables"][0]["reasons"]["withheld"] == {"no consent": 3}


def test_the_run_manifest_holds_the_equation_the_proof_and_the_blind_spots(tmp_path: Path) -> None:
    manifest = run_manifest(SUMMARY, PROOF, {"plan_digest": "1" * 64})
    write_run_record(tmp_path, manifest)
    again = read_run_record(tmp_path)
    assert again == json.loads(json.dumps(manifest))
    table = again["releases"][0]["tables"][0]
    parts = ("rows_published", "rows_suppressed", "rows_quarantined", "rows_withheld")
    assert table["rows_read"] == sum(table[part] for part in parts)
    assert again["releases"][1]["gate"]["hits"][0]["rule"] == "own_row"
    assert all(rule["cannot_see"] for rule in again["gate"]["rules"])
    assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {0o600}


def test_the_report_names_reasons_hits_and_rules() -> None:
    text = report_text(run_manifest(SUMMARY, PROOF))
    assert "| analysts | orders | 10 | 6 | 0 | 1 | 3 | published |" in text
    assert "- orders: 3 withheld, no consent" in text
    assert "orders.note holds person_name (2 cells, rule own_row)" in text
    assert "cannot see" in text


def test_a_run_without_a_report_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobWrong, match="left no report"):
        read_run_record(tmp_path)


def test_the_latest_run_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = open_state(tmp_path / "state")
    with pytest.raises(JobWrong, match="no run"):
        print_run(state, "latest", "table")
    with state.lock():
        run = state.begin_run("nightly", "2026-11-01")
    write_run_record(state.run_dir(run), run_manifest(SUMMARY, PROOF))
    print_run(state, "latest", "table")
    assert capsys.readouterr().out.startswith("# Run ")
    print_run(state, run, "json")
    assert json.loads(capsys.readouterr().out)["job"] == "nightly"


def test_the_plan_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(plan_of(), "table")
    shown = capsys.readouterr().out
    assert all(column in shown for column in CLASS_OF)
    assert "32 lowercase hex digits" in shown
    print_plan(plan_of(), "json")
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(json.dumps(plan_as_json(plan_of())))
    assert [c["column"] for c in document["releases"][0]["exports"][0]["columns"]] == list(CLASS_OF)
    assert all_warnings(plan_of()) == ()


def test_keys_are_listed_as_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    print_keys([{"id": "k1", "state": "active", "check": "00ff"}], "table")
    assert "00ff" in capsys.readouterr().out
