"""Whether a text column comes as a dictionary or plainly is a matter of speed: neither a byte nor a finding changes."""

import csv
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engines.fitting import encoded_column
from tests.running_job import copy_of
from tests.small_job import DATE, SmallJob, make_job

# Children are forked from this process, and so do as it does.
ALWAYS = """
import sys
from pipeline.engines.native import settle_native_libraries
settle_native_libraries()
from pipeline.engines import fitting, starting
assert starting._has_one_thread()
answer = sys.argv.pop(1) == "plain"
fitting._nearly_all_differ = lambda column: answer
from pipeline.cli import main
main()
"""


def run_with(job: SmallJob, answer: str) -> tuple[int, str, dict[str, bytes]]:
    ran = subprocess.run(
        [sys.executable, "-c", ALWAYS, answer, "run", "job.yaml", "--date", DATE],
        cwd=job.folder,
        env=job.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.returncode, ran.stderr, job.tree()


def leak_names(job: SmallJob) -> None:
    """Every third order's channel is its consignee."""
    for path in (job.folder / "in/orders" / DATE).glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        for row in rows[::3]:
            row[head.index("channel")] = row[head.index("consignee")]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])


@pytest.mark.parametrize("leak", [False, True])
def test_published_bytes_and_findings_are_the_same(tmp_path: Path, leak: bool) -> None:
    (tmp_path / "plain").mkdir()
    job = make_job(tmp_path / "plain")
    if leak:
        leak_names(job)
    same = copy_of(job, tmp_path / "dictionaries")
    code, says, tree = run_with(job, "plain")
    assert code == (7 if leak else 0)
    assert ("channel" in says) is leak
    assert (code, says, tree) == run_with(same, "dictionaries")
    assert tree


def column(values: list[str | None]) -> pa.Array:
    """As Arrow's CSV reader gives it, in chunks."""
    chunks = pa.chunked_array([values[at : at + 1000] for at in range(0, len(values), 1000)], pa.string())
    return encoded_column(pa.table({"c": chunks}), "c", pa.string())


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        ([f"order {i}" for i in range(20_000)], True),
        ([f"device {i // 20}" for i in range(20_000)], False),  # in runs, as logs have them
        ([f"person {i % 19_900}" for i in range(20_000)], True),  # a few of them twice
        ([f"person {i % 300}" for i in range(20_000)], False),
        ([f"rare {i}" if i % 3 == 0 else None for i in range(20_000)], False),
        ([f"order {i}" for i in range(500)], False),  # too few to matter
    ],
)
def test_columns_in_which_nearly_all_values_differ_stay_plain(values: list[str | None], plain: bool) -> None:
    found = column(values)
    assert pa.types.is_string(found.type) is plain
    assert found.to_pylist() == values
