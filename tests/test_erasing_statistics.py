"""Erasing a subject and statistics: the guard over time forgets who it was, and still guards the difference."""

import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.config.loading import load_config
from pipeline.errors import PouchError
from pipeline.keys import open_keyring
from pipeline.protect.known_subjects import subject_words
from pipeline.protect.subjects import subject_of
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from pipeline.state.budget_events import Release
from pipeline.statistics import over_time_forgetting
from pipeline.statistics.over_time_history import history_of
from pipeline.statistics.over_time_partials import units_of
from pipeline.statistics.over_time_relations import relations_of
from pipeline.statistics.partial import person_digests
from tests.running_job import copy_of
from tests.small_job import DATE, KEK, SmallJob, make_job
from tests.statistics_job import almost, run, statistics

ERASED = "acc0000"  # of Sydney
ALONE = """statistics:
  sales:
    table: parcels
    subject: account_id
    dimensions: [{column: city, values: [Sydney, Perth, Hobart]}]
    measures: [people, rows]
    protect: {min_people: 5}
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> SmallJob:
    """Three tables: two of a job, one outside; tests take copies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POUCH_KEK", KEK)
        made = make_job(tmp_path_factory.mktemp("job"), people=60, orders=300)
        almost(made)
        run(made)
    (made.folder / "alone.yaml").write_text(ALONE)
    words = ("stats", "alone.yaml", "--input", f"parcels=in/orders/{DATE}/a.csv", "--recipient", "third")
    assert made.pouch(*words).returncode == 0
    return made


@pytest.fixture
def job(published, tmp_path, monkeypatch) -> SmallJob:
    monkeypatch.setenv("POUCH_KEK", KEK)
    return copy_of(published, tmp_path / "job")


def kept(job: SmallJob):
    store = open_state(job.folder / ".pouch")
    ledger = open_budget(store)
    return history_of(store, ledger, Release("", "", "", "", "")), ledger


def units(job: SmallJob, ledger) -> tuple[np.ndarray, np.ndarray]:
    """Both halves by which the guard knows the erased, in a job and outside."""
    config = load_config(job.folder / "job.yaml", job.folder)
    keyring = open_keyring(config.job.keyring, job.folder, for_new_tokens=False)
    subject = subject_of("account_id", pa.array([ERASED]))
    first, second = units_of(subject_words(keyring, subject), ledger.secret)
    return np.concatenate([first, person_digests(subject, ledger.secret)]), second


def erase(job: SmallJob) -> dict:
    done = job.pouch("erase", "job.yaml", "--subject", ERASED, "--reason", "request 1", "--format", "json")
    assert done.returncode == 0, done.stderr
    (subject,) = json.loads(done.stdout)["subjects"]
    return subject


def inverse(odd: int) -> int:
    return pow(odd, -1, 2**64)


def test_nothing_leads_from_the_erased_to_a_cell(job):
    (tables, _), ledger = kept(job)
    known, second = units(job, ledger)
    assert [bool(np.isin(known, one.population.unit).any()) for one in tables] == [True, True, True]
    from pipeline.statistics.over_time_population import _odd

    inverted = np.uint64(inverse(int(_odd(second, "rows")[0])))

    def small(one) -> int:
        """Marks that are small numbers under the erased person's own number: it would know them again."""
        return int((one.population.marks["rows"] * inverted < 1000).sum())

    assert sum(small(one) for one in tables) >= 2
    told = erase(job)
    assert "replaced by a random number in 3 tables" in told["statistics_kept"]
    (after, _), _ = kept(job)
    assert not any(np.isin(known, one.population.unit).any() for one in after)
    assert sum(small(one) for one in after) == 0
    assert [len(one.population) for one in after] == [len(one.population) for one in tables]
    old = [path.name for path in (job.folder / ".pouch/statistics").iterdir()]
    assert len(old) == 3 and all("." in name for name in old)


def test_tables_of_the_past_keep_what_they_have_in_common(job):
    (before, _), _ = kept(job)
    erase(job)
    (after, _), _ = kept(job)
    for tables in (before, after):
        assert tables[0].people == tables[1].people
    first = [(r.people, r.changed) for r in relations_of(before[1], before[:1])]
    assert [(r.people, r.changed) for r in relations_of(after[1], after[:1])] == first


def test_the_table_without_the_erased_is_still_held_against_the_one_with(job):
    erase(job)
    done = run(job, supersede=True, recipient="market")
    assert done.exit_code == 0
    rows = {row["city"]: row["status"] for row in statistics(job)}
    assert rows["Sydney"] == "suppressed" and rows["Perth"] == "published"


def test_what_was_published_is_served_again_after_an_erasure(job):
    """The stored bytes that readers see are the same, and the ledger still knows them."""
    before = job.tree()
    erase(job)
    again = job.pouch(
        "stats", "alone.yaml", "--input", f"parcels=in/orders/{DATE}/a.csv", "--recipient", "third"
    )
    assert again.returncode == 0 and "served again" in again.stdout
    assert job.tree() == before


def test_who_was_in_no_table_is_told_so(job):
    done = job.pouch("erase", "job.yaml", "--subject", "acc9999", "--reason", "request 2")
    assert done.returncode == 0 and "was in no table" in done.stdout


@pytest.mark.parametrize("step", ["replace_content", "sweep_contents"])
def test_an_erasure_that_is_interrupted_is_finished_by_the_next_one(job, monkeypatch, step):
    from pipeline.erasing import erase as erase_here

    def fails(*_):
        raise PouchError("the disk is full")

    arguments = (
        job.folder / "job.yaml",
        job.folder / ".pouch",
        job.folder / "releases",
        [ERASED],
        "request 3",
    )
    with monkeypatch.context() as patch:
        patch.setattr(over_time_forgetting, step, fails)
        with pytest.raises(PouchError):
            erase_here(*arguments, base=job.folder)
    erase_here(*arguments, base=job.folder)
    (after, _), ledger = kept(job)
    known, _ = units(job, ledger)
    assert not any(np.isin(known, one.population.unit).any() for one in after)
    assert len(list((job.folder / ".pouch/statistics").iterdir())) == 3
