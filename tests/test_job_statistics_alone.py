"""A release of statistics that is refused is refused alone: the others publish, and a rerun does the same."""

import shutil
from collections.abc import Iterable

import pytest

from pipeline import job_statistics
from pipeline.release.standing import settle_pending
from pipeline.state import open_state
from pipeline.statistics_report import releases_of
from tests import statistics_job
from tests.small_job import DATE, SmallJob
from tests.statistics_job import NOISE, almost, events, recipients, run, statistics

NEXT = "2026-11-02"
THRESHOLD = (
    NOISE.replace(", values: [Sydney, Perth, Hobart]}", "}")
    .replace("    totals: true\n", "")
    .replace("max_groups: 1", "keys: threshold, max_groups: 1")
)


job, noisy = statistics_job.job, statistics_job.noisy  # fixtures


def statuses(done) -> dict[str, str]:
    return {one.recipient: one.status for one in done.outcomes}


def rerun_does_the_same(job: SmallJob, code: int, refused: str, **options) -> None:
    """A plain rerun ends with the same code, and nothing that stands is made again."""
    before, charged = job.tree(), events(job, "charged")
    again = run(job, **options)
    assert again.exit_code == code and job.tree() == before and events(job, "charged") == charged
    told = statuses(again)
    assert told.pop(refused) in ("failed", "blocked") and set(told.values()) == {"unchanged"}


def next_night(job: SmallJob) -> None:
    for table in ("orders", "devices"):
        shutil.copytree(job.folder / f"in/{table}/{DATE}", job.folder / f"in/{table}/{NEXT}")


def test_a_spent_budget_blocks_its_own_release(noisy):
    next_night(noisy)
    assert run(noisy).exit_code == 0
    done = noisy.pouch("run", "job.yaml", "--date", NEXT)
    assert done.returncode == 10
    assert "budget of recipient market" in done.stderr and "--recipient" in done.stderr
    assert {name.split("/")[0] for name in noisy.tree() if NEXT in name} == {"analysts", "courier"}
    assert events(noisy, "charged") == 1
    rerun_does_the_same(noisy, 10, "market", date=NEXT)
    alone = noisy.pouch("run", "job.yaml", "--date", NEXT, "--recipient", "courier")
    assert alone.returncode == 0, alone.stderr


def test_the_guard_that_stops_blocks_its_own_release(job):
    almost(job, "min_people: 5, over_time: stop")
    done = run(job)
    assert done.exit_code == 6 and statuses(done)["second"] == "failed"
    assert recipients(job) == {"analysts", "courier", "market"}
    rerun_does_the_same(job, 6, "second")


@pytest.mark.parametrize("break_it", ["bytes", "anchor", "chain"])
def test_a_damaged_ledger_blocks_statistics_and_nothing_else(noisy, break_it):
    next_night(noisy)
    run(noisy)
    if break_it == "bytes":
        next((noisy.folder / ".pouch/statistics").rglob("sales.csv")).write_text("other")
        (noisy.folder / f"releases/market/{DATE}").unlink()
    elif break_it == "anchor":
        (noisy.folder / "releases/.anchor/market.json").write_text("{")
    else:
        (noisy.folder / ".pouch/budget.sqlite").unlink()
    date = DATE if break_it == "bytes" else NEXT
    done = run(noisy, date=date)
    assert done.exit_code == 1 and statuses(done)["market"] == "failed"
    assert {name.split("/")[0] for name in noisy.tree() if date in name} == {"analysts", "courier"}
    again = run(noisy, date=date)
    assert again.exit_code == 1 and statuses(again)["courier"] == "unchanged"


def hotline(job: SmallJob) -> None:
    """In every second order the city column holds an address that many share."""
    for name in ("a.csv", "b.csv"):
        path = job.folder / f"in/orders/{DATE}/{name}"
        path.write_text(path.read_text().replace(",Perth,", ",hotline@example.com,"))


def only_statistics(job: SmallJob) -> None:
    """Without rows, so that only labels can be stopped."""
    lines = (job.folder / "job.yaml").read_text().splitlines(keepends=True)
    (job.folder / "job.yaml").write_text(
        "".join(x for x in lines if "analysts" not in x and "courier" not in x)
    )
    job.change("job.yaml", "catalog: catalog.yaml\n", "catalog: catalog.yaml\nmax_drift: 0.9\n")


def louder(text: str) -> str:
    """So little noise that twenty people of a city pass the threshold."""
    return text.replace("{epsilon: 1,", "{epsilon: 5,").replace("epsilon: 1.2", "epsilon: 6")


@pytest.mark.parametrize("noise", [False, True])
def test_labels_that_the_gate_stops_cost_nothing_in_the_end(job, noise):
    only_statistics(job)
    hotline(job)
    if noise:
        (job.folder / "statistics.yaml").write_text(louder(THRESHOLD))
    done = run(job)
    assert done.exit_code == 7 and statuses(done) == {"market": "blocked"} and job.tree() == {}
    assert "hotline" not in str(done)
    assert events(job, "charged") == noise and events(job, "stored") == 0
    again = run(job)
    assert again.exit_code == 7 and events(job, "charged") == noise
    # The cause removed, the table is made; the budget (6) covers one charge of 5 only.
    if noise:
        (job.folder / "statistics.yaml").write_text(louder(NOISE))
    else:
        job.change("statistics.yaml", "{column: city}", "{column: city, values: [Sydney, Hobart]}")
    repaired = run(job)
    assert repaired.exit_code == 0, repaired
    assert {row["city"] for row in statistics(job)} >= {"Sydney", "Hobart", "other"}
    if noise:
        told = releases_of(job.folder / ".pouch", "market")
        assert [one["state"].split(":")[0] for one in told] == ["given up", "published"]
        assert told[-1]["epsilon_until_then"] <= 5.0


# ------------------------------------------------------------------ superseding


def withdraw(job: SmallJob, *people: int) -> None:
    say(job, people, "false", "2026-11-01")


def say(job: SmallJob, people: Iterable[int], granted: str, as_of: str) -> None:
    with (job.folder / "in/consent.csv").open("a") as file:
        file.writelines(f"acc{person:04d},analytics,{granted},{as_of},\n" for person in people)


def shown(job: SmallJob) -> dict[str, int]:
    return {row["city"]: row["people"] for row in statistics(job) if row["status"] == "published"}


def test_statistics_are_superseded_only_on_demand_and_differences_of_one_are_held_back(job):
    run(job)
    before = shown(job)
    withdraw(job, 0)  # of Sydney
    refused = job.run()
    assert refused.returncode == 2 and "--supersede replaces it" in refused.stderr
    assert shown(job) == before
    done = run(job, supersede=True)
    assert done.exit_code == 0 and statuses(done)["market"] == "published"
    after = shown(job)
    assert set(before) - set(after) == {"Sydney"} and after
    assert all(after[city] == before[city] for city in after)
    assert events(job, "stored") == 2
    assert run(job).exit_code == 0 and shown(job) == after


def test_a_difference_of_enough_people_is_published(job):
    run(job)
    before = shown(job)
    withdraw(job, *range(0, 24, 3))  # eight of Sydney
    run(job, supersede=True)
    assert 5 <= before["Sydney"] - shown(job)["Sydney"] <= 8


def test_superseding_noise_is_a_new_charge(noisy):
    noisy.change("statistics.yaml", "epsilon: 1.2", "epsilon: 9")
    run(noisy)
    withdraw(noisy, 0)
    assert run(noisy, supersede=True).exit_code == 0
    assert events(noisy, "charged") == 2
    (_, second) = releases_of(noisy.folder / ".pouch", "market")
    assert second["epsilon_until_then"] > 1.2


# ------------------------------------------------------------------ rows that somebody holds


def held(job: SmallJob, monkeypatch, **options) -> dict[str, int]:
    """Run; return of how many units each recipient of statistics holds rows."""
    found: dict[str, int] = {}
    seen = job_statistics.exact_tables

    def look_on(making):
        found[making.release.recipient] = len(making.guarding.held)
        return seen(making)

    with monkeypatch.context() as patch:
        patch.setattr(job_statistics, "exact_tables", look_on)
        assert run(job, **options).exit_code == 0
    return found


@pytest.fixture
def analysts_count(job) -> SmallJob:
    """Analysts get statistics beside their rows."""
    job.change("job.yaml", "policy: analysts.yaml,", "policy: analysts.yaml, statistics: statistics.yaml,")
    return job


def test_only_the_recipients_own_rows_count_as_known(analysts_count, monkeypatch):
    """Analysts hold the rows of everybody whom their table counts; the courier's rows are nothing to the market."""
    found = held(analysts_count, monkeypatch)
    people = sum(row["people"] for row in statistics(analysts_count, "analysts"))
    assert found == {"analysts": people, "market": 0}
    assert all(row["status"] == "published" for row in statistics(analysts_count, "analysts"))


def test_rows_given_by_an_earlier_run_count_as_known(analysts_count, monkeypatch):
    """Withdrawn people's rows cannot be called back: the analysts still hold them."""
    run(analysts_count)
    people = sum(row["people"] for row in statistics(analysts_count, "analysts"))
    withdraw(analysts_count, *range(0, 24, 3))
    assert held(analysts_count, monkeypatch, supersede=True)["analysts"] == people
    assert sum(row["people"] or 0 for row in statistics(analysts_count, "analysts")) < people


def test_rows_of_other_nights_are_other_rows(analysts_count, monkeypatch):
    next_night(analysts_count)
    for name in ("a.csv", "b.csv"):  # the same file would be the same rows, whatever its folder is called
        path = analysts_count.folder / f"in/orders/{NEXT}/{name}"
        path.write_text(path.read_text().replace("SO", "SN"))
    run(analysts_count)
    withdraw(analysts_count, *range(0, 24, 3))
    fewer = held(analysts_count, monkeypatch, date=NEXT)["analysts"]
    path = analysts_count.folder / f"in/orders/{DATE}/a.csv"
    shutil.copy(path, analysts_count.folder / f"in/orders/{NEXT}/c.csv")
    more = held(analysts_count, monkeypatch, date=NEXT, supersede=True)["analysts"]
    assert fewer < more  # those who withdrew are in the file of the first night, which analysts were given


def test_a_cell_of_held_people_and_a_few_others_is_suppressed(job):
    """The market got rows once, without three people of Perth who agreed later; now it gets statistics only."""
    job.change("job.yaml", "statistics: statistics.yaml", "policy: analysts.yaml, tables: [orders]")
    withdraw(job, 1, 4, 7)
    assert run(job).exit_code == 0
    job.change(
        "job.yaml",
        "recipient: market, purpose: analytics, basis: consent, policy: analysts.yaml, tables: [orders]",
        "recipient: market, purpose: analytics, basis: consent, statistics: statistics.yaml",
    )
    say(job, (1, 4, 7), "true", "2026-11-02")
    assert run(job, supersede=True).exit_code == 0
    rows = {row["city"]: row["status"] for row in statistics(job)}
    assert rows["Perth"] == "suppressed" and rows["Hobart"] == "published"


# ------------------------------------------------------------------ what a killed run left open


def test_a_run_below_another_folder_leaves_what_is_open_to_a_run_there(job):
    """What a killed run was about to publish below `releases` is no business of a run below `elsewhere`."""
    run(job, recipient="courier")
    store = open_state(job.folder / ".pouch")
    (entry,) = [one for one in store.ledger.entries() if one.kind == "published"]
    with store.lock():
        store.ledger.record(
            "intended",
            run=entry.run,
            recipient=entry.recipient,
            date=NEXT,
            tree="0" * 32,
            release_digest=entry.release_digest,
            input_digest=entry.input_digest,
            plan_digest=entry.plan_digest,
            rows=entry.rows,
            facts=entry.facts,
        )
        settle_pending(job.folder / "elsewhere", store.ledger)
        assert [one.date for one in store.ledger.pending()] == [NEXT]
        settle_pending(job.folder / "releases", store.ledger)
        assert not store.ledger.pending()
    assert store.ledger.entries()[-1].kind == "abandoned"
