"""What is revealed can go into a new file of its owner's: whole or not at all, and never over another one."""

import json
import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import PouchError
from pipeline.revealing import write_revealed
from tests.disk_faults import CHANGES, failing
from tests.small_job import DATE, make_job

LINES = ["3 Wattle Road", "李雪梅"]


def test_tokens_and_records_go_into_a_file_instead_of_standard_output(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    with (job.folder / f"in/orders/{DATE}/b.csv").open("a") as file:
        file.write("SO77,acc0001,too few\n")
    assert job.run("--recipient", "analysts").returncode == 0
    tokens = pq.read_table(job.folder / "releases/analysts" / DATE / "data/orders")["address"].to_pylist()[:2]
    ask = ["reveal", "--job", "job.yaml", "--reason", "ticket 4711"]
    ask_tokens = [*ask, *tokens, "--recipient", "analysts", "--date", DATE, "--column", "orders.address"]
    shown = job.pouch(*ask_tokens)
    assert shown.stdout.count("Wattle Road") == 2
    written = job.pouch(*ask_tokens, "--out", "values.txt")
    assert (written.returncode, written.stdout, written.stderr) == (0, "made values.txt\n", "")
    assert (tmp_path / "values.txt").read_text() == shown.stdout
    assert stat.S_IMODE((tmp_path / "values.txt").stat().st_mode) == 0o600
    written = job.pouch(*ask_tokens, "--out", "values.json", "--format", "json")
    assert json.loads(written.stdout) == {"out": "values.json"}
    pairs = json.loads((tmp_path / "values.json").read_text())
    assert [one["token"] for one in pairs] == tokens
    assert [one["value"] for one in pairs] == shown.stdout.splitlines()
    written = job.pouch(*ask, "--quarantine", "latest", "--out", "records.jsonl")
    assert written.stdout == "made records.jsonl\n"
    assert "too few" in json.loads((tmp_path / "records.jsonl").read_text())["raw"]


@pytest.mark.parametrize("out", ["there", "link", "absent/new", "."])
def test_a_file_that_cannot_be_new_is_refused_before_anything_is_opened_or_noted(
    tmp_path: Path, out: str
) -> None:
    job = make_job(tmp_path, people=5, orders=5)
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to("elsewhere")
    refused = job.pouch(
        "reveal", "--job", "job.yaml", "--quarantine", "latest", "--reason", "ticket", "--out", out
    )
    assert refused.returncode == 2 and "--out: " in refused.stderr and "hint: " in refused.stderr
    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / ".pouch").exists()


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(PouchError, match="never overwritten") as caught:
        write_revealed(tmp_path / "there", LINES)
    assert caught.value.exit_code == 2 and (tmp_path / "there").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("step", CHANGES)
def test_a_full_disk_leaves_the_whole_file_or_none(tmp_path: Path, step: str) -> None:
    """Fails the n-th call of one system call, for every n until the file is made."""
    whole = "".join(f"{line}\n" for line in LINES)
    for count in range(1, 30):
        folder = tmp_path / str(count)
        folder.mkdir()
        with failing(step, count) as call:
            try:
                write_revealed(folder / "out", LINES)
            except PouchError as error:
                assert error.exit_code == 8 and "No space left on device" in str(error)
                assert not any(line in str(error) for line in LINES)
        left = [path for path in folder.iterdir() if step != "unlink" or path.name == "out"]
        assert [(path.name, path.read_text()) for path in left] in ([], [("out", whole)])
        if not call.failed:
            assert left
            break
    else:
        pytest.fail("never got through")
