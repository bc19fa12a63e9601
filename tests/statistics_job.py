"""A job with statistics, with rules or with noise, and what tests ask of it."""

import shutil

import pyarrow.parquet as pq
import pytest

from pipeline.run import run_job
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from tests.small_job import DATE, KEK, SmallJob, make_job

CITIES = ("Sydney", "Perth", "Hobart")
NOISE = """statistics:
  sales:
    table: orders
    dimensions: [{column: city, values: [Sydney, Perth, Hobart]}]
    totals: true
    measures: [people, rows, {sum: amount}]
    dp: {epsilon: 1, delta: 1e-6, max_groups: 1, max_rows: 5, bounds: {amount: [0, 100]}}
budget: {recipient: {epsilon: 1.2, delta: 1e-6}}
"""
ALMOST = """statistics:
  most:
    table: orders
    filters: [{column: amount, below: 89}]
    dimensions: [{column: city}]
    measures: [people, rows, {sum: amount}]
    protect: {min_people: 5}
"""
SECOND = "  - {recipient: second, purpose: analytics, basis: consent, statistics: second.yaml}\n"


@pytest.fixture
def job(tmp_path, monkeypatch) -> SmallJob:
    monkeypatch.setenv("POUCH_KEK", KEK)
    return make_job(tmp_path, people=60, orders=300)


@pytest.fixture
def noisy(job) -> SmallJob:
    (job.folder / "statistics.yaml").write_text(NOISE)
    return job


def run(job: SmallJob, date: str = DATE, **options):
    return run_job(job.folder / "job.yaml", date, base=job.folder, **options)


def recipients(job: SmallJob) -> set[str]:
    """Who has a published release."""
    return {name.partition("/")[0] for name in job.tree()}


def events(job: SmallJob, kind: str) -> int:
    ledger = open_budget(open_state(job.folder / ".pouch"))
    return sum(event.kind == kind for event in ledger.events())


def statistics(job: SmallJob, recipient: str = "market", name: str = "sales") -> list[dict]:
    return pq.read_table(job.folder / f"releases/{recipient}/{DATE}/statistics/{name}.parquet").to_pylist()


def forget(job: SmallJob) -> None:
    """Lose everything that was published to the market."""
    (job.folder / f"releases/market/{DATE}").unlink()
    shutil.rmtree(job.folder / "releases/market/.releases")


def almost(job: SmallJob, protect: str = "min_people: 5") -> None:
    """A second recipient, whose table leaves out the three orders of 89 dollars and more."""
    (job.folder / "job.yaml").write_text((job.folder / "job.yaml").read_text() + SECOND)
    (job.folder / "second.yaml").write_text(ALMOST.replace("min_people: 5", protect))
