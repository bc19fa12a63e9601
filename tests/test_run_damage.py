"""A damaged state, a damaged release, and a reader of stdout that goes away: noticed, and told as documented."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PouchError
from pipeline.run import run_job
from tests import running_job
from tests.running_job import assert_sentence, copy_of
from tests.small_job import DATE, KEK, SmallJob

fresh_template, published_template = running_job.fresh_template, running_job.published_template  # fixtures
fresh = running_job.fresh


@pytest.fixture(scope="module")
def tree(published_template) -> dict[str, bytes]:
    """What a calm run publishes."""
    return published_template.tree()


@pytest.fixture
def done(published_template, tmp_path) -> SmallJob:
    return copy_of(published_template, tmp_path)


# ------------------------------------------------------------------ a damaged state, a damaged release


def alter_ledger(state: Path) -> None:
    with sqlite3.connect(state / "pouch.sqlite") as database:
        database.execute("DROP TRIGGER ledger_no_update")
        database.execute("UPDATE ledger SET rows = rows + 1 WHERE seq = 2")
    database.close()


def overwrite_database(state: Path) -> None:
    path = state / "pouch.sqlite"
    path.write_bytes(b"\x5a" * path.stat().st_size)


DAMAGES = {
    "a ledger row is altered": (alter_ledger, 1, "row 2 of the ledger was changed"),
    "the database is overwritten": (overwrite_database, 1, "damaged"),
    "the database is empty": (lambda state: os.truncate(state / "pouch.sqlite", 0), 1, "database"),
    "the database is gone": (lambda state: (state / "pouch.sqlite").unlink(), 1, "database"),
    "the format is newer": (
        lambda state: (state / "FORMAT").write_text("pouch state 2\n"),
        2,
        "has format 2",
    ),
    "the format is unknown": (lambda state: (state / "FORMAT").write_text("tar\n"), 2, "Pouch did not write"),
    "the format is gone": (lambda state: (state / "FORMAT").unlink(), 2, "is no state directory"),
    "it is open to others": (lambda state: state.chmod(0o755), 2, "0700"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_refused(done, tree, damage, monkeypatch):
    act, code, says = DAMAGES[damage]
    act(done.folder / ".pouch")
    monkeypatch.setenv("POUCH_KEK", KEK)
    with pytest.raises(PouchError, match=says) as refused:
        run_job(done.folder / "job.yaml", DATE, base=done.folder, recipient="courier", supersede=True)
    assert refused.value.exit_code == code
    assert done.tree() == tree


@pytest.mark.parametrize(
    "damage",
    [
        "one byte flipped",
        pytest.param("shortened", marks=pytest.mark.long),
        pytest.param("removed", marks=pytest.mark.long),
    ],
)
def test_a_published_file_that_was_damaged_is_noticed_by_the_next_run(done, tree, damage):
    part = (done.folder / "releases/courier" / DATE).resolve() / "data/orders/part-00000.csv"
    if damage == "one byte flipped":
        content = bytearray(part.read_bytes())
        content[100] ^= 1
        part.write_bytes(content)
    elif damage == "shortened":
        os.truncate(part, 100)
    else:
        part.unlink()
    damaged = done.tree()
    refused = done.run("--recipient", "courier")
    assert refused.returncode == 8, refused.stdout
    assert_sentence(refused.stderr, f"courier/{DATE}", "was changed since it was published")
    assert done.tree() == damaged, "what was damaged is left for whoever looks into it"
    if damage == "removed":  # the hint: move it away, then run again
        part.parents[2].rename(done.folder / "moved-away")
        assert done.run("--recipient", "courier").returncode == 0
        assert done.tree() == tree


# ------------------------------------------------------------------ a reader of stdout that goes away


@pytest.mark.parametrize("stdout", ["a pipe that nobody reads", "closed"])
def test_a_stdout_that_goes_away_hides_no_exit_code_and_gives_no_traceback(fresh, tree, stdout):
    """As in `pouch run … | head -0`: the courier's release fails, the others are published, it is exit 8."""
    (fresh.folder / "releases").mkdir()
    (fresh.folder / "releases/courier").write_bytes(b"")
    read, write = os.pipe()
    os.close(read)
    shell = ["/bin/sh", "-c", 'exec "$@" >&-' if stdout == "closed" else 'exec "$@"']
    form = ("--format", "json") if stdout == "closed" else ()
    finished = subprocess.run(
        [*shell, "sh", *fresh.command("run", "job.yaml", "--date", DATE, *form)],
        cwd=fresh.folder,
        env=fresh.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert finished.returncode == 8, finished.stderr
    assert "Traceback" not in finished.stderr and "BrokenPipe" not in finished.stderr
    assert set(fresh.tree()) == {name for name in tree if not name.startswith("courier/")}


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_reader_that_has_seen_enough_ends_a_report_without_a_word(done, form):
    report = subprocess.Popen(
        done.command("report", "latest", "--format", form),
        cwd=done.folder,
        env=done.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert report.stdout is not None and report.stderr is not None
    report.stdout.close()
    assert report.stderr.read() == b""
    assert report.wait() == 0
