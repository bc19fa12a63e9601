"""Statistics in a nightly job: charge, draw, store, publish; the same bytes again; and the guard over time."""

import functools
import json
import shutil

import pytest

from pipeline import conclusion as conclusion_module
from pipeline.config.loading import load_config
from pipeline.errors import JobWrong
from pipeline.job_statistics import give_statistics
from pipeline.readiness import look
from pipeline.release.verify import verify_release
from pipeline.statistics import dp_checking
from pipeline.statistics_report import releases_of
from tests import statistics_job
from tests.small_job import DATE
from tests.statistics_job import (
    ALMOST,
    CITIES,
    NOISE,
    SECOND,
    almost,
    events,
    forget,
    recipients,
    run,
    statistics,
)

job, noisy = statistics_job.job, statistics_job.noisy  # fixtures


def test_a_night_with_noise_is_charged_once_and_served_again(noisy):
    assert run(noisy).exit_code == 0
    before = noisy.tree()
    manifest = json.loads(before[f"market/{DATE}/manifest.json"])
    assert manifest["number"] == 1 and manifest["statistics"][0]["protection"]["epsilon"] == 1
    rows = statistics(noisy)
    assert {row["status"] for row in rows} == {"noised"}
    assert [row["city"] for row in rows] == [*CITIES, "other", "(none)", "*"]
    assert verify_release(noisy.folder / f"releases/market/{DATE}") == []
    (told,) = releases_of(noisy.folder / ".pouch", "market")
    assert told["state"] == "published" and 0.9 < told["epsilon"] <= 1.0
    run(noisy)
    forget(noisy)
    again = run(noisy)
    assert again.exit_code == 0
    assert noisy.tree() == before and events(noisy, "charged") == 1
    record = json.loads((noisy.folder / ".pouch/runs" / again.run / "manifest.json").read_text())
    assert record["statistics"]["releases"] == {"market": {"number": 1, "new": False}}


def test_recipients_of_one_run_share_the_budget_of_all(noisy):
    (noisy.folder / "job.yaml").write_text((noisy.folder / "job.yaml").read_text() + SECOND)
    (noisy.folder / "second.yaml").write_text(NOISE)
    done = run(noisy)
    told = {one.recipient: one for one in done.outcomes}
    assert told["market"].status == "published" and told["second"].status == "failed"
    assert done.exit_code == 10 and "all recipients together" in str(told["second"].problems[0].where)
    assert events(noisy, "charged") == 1


def test_without_the_extra_the_plan_says_how_to_get_it(noisy, monkeypatch):
    monkeypatch.setattr(dp_checking, "installed", lambda: False)
    with pytest.raises(JobWrong, match="needs the extra dp"):
        look(load_config(noisy.folder / "job.yaml", noisy.folder), None, noisy.folder)


@pytest.mark.parametrize(
    ("step", "stored"), [("charged", False), ("drawn", False), ("written", False), ("stored", True)]
)
def test_a_run_that_ends_between_two_steps_has_paid_and_pays_no_more(noisy, monkeypatch, step, stored):
    def stop(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(conclusion_module, "give_statistics", functools.partial(give_statistics, after=stop))
        with pytest.raises(KeyboardInterrupt):
            run(noisy)
    assert noisy.tree() == {} and events(noisy, "charged") == 1
    assert events(noisy, "stored") == stored
    kept = {path.name: path.read_bytes() for path in (noisy.folder / ".pouch/statistics").rglob("sales.*")}
    assert run(noisy).exit_code == 0 and events(noisy, "charged") == 1
    if stored:
        published = noisy.folder / f"releases/market/{DATE}/statistics/sales.csv"
        assert published.read_bytes() == kept["sales.csv"]


def test_a_dry_run_costs_nothing(noisy):
    assert run(noisy, dry_run=True).exit_code == 0
    assert events(noisy, "charged") == 0 and noisy.tree() == {}
    assert not (noisy.folder / ".pouch/statistics").exists()


def test_another_state_is_refused(noisy):
    assert run(noisy).exit_code == 0
    forget(noisy)
    done = noisy.run("--state", "other")
    assert done.returncode == 1 and "from another state" in done.stderr
    assert f"market/{DATE}/manifest.json" not in noisy.tree()


def shown(rows: list[dict]) -> dict[str, dict]:
    return {row["city"]: row for row in rows if row["status"] == "published"}


def test_two_recipients_cannot_subtract_their_tables(job, monkeypatch):
    almost(job)
    assert run(job).exit_code == 0
    one, other = shown(statistics(job)), shown(statistics(job, "second", "most"))
    # Every city has an order of 89 dollars, of one person: its cell must not be in both tables.
    assert set(one) == {"Sydney", "Perth", "Hobart"}
    alike = [city for city in set(one) & set(other) if one[city]["rows"] != other[city]["rows"]]
    assert alike == []
    told = next((job.folder / ".pouch/runs").rglob("statistics-second-over-time.json")).read_text()
    assert json.loads(told)["compared_with"] == 1 and json.loads(told)["recoverable"] == 0
    assert any("guard over time" in warning for warning in job.record()["warnings"])


def test_the_policy_may_stop_the_release(job):
    almost(job, "min_people: 5, over_time: stop")
    done = job.run()
    assert done.returncode == 6 and "guard over time" in done.stderr
    assert recipients(job) == {"analysts", "courier", "market"}


def test_the_policy_may_make_the_table_coarser(job):
    almost(job, "min_people: 5, over_time: coarsen")
    job.change("second.yaml", "[{column: city}]", "[{column: city}, {column: order_time, unit: day}]")
    assert run(job).exit_code == 0
    first = job.tree()
    assert "order_time" not in statistics(job, "second", "most")[0]
    assert verify_release(job.folder / f"releases/second/{DATE}") == []
    shutil.rmtree(job.folder / "releases/second")
    run(job)
    assert job.tree() == first


def test_people_under_two_keys_are_not_compared_in_silence(job):
    (job.folder / "alone.yaml").write_text(
        ALMOST.replace("table: orders", "table: orders\n    subject: account_id")
    )
    given = job.pouch(
        "stats",
        "alone.yaml",
        "--input",
        f"orders=in/orders/{DATE}/a.csv",
        "--recipient",
        "third",
        "--timezone",
        "Australia/Sydney",
    )
    assert given.returncode == 0, given.stderr
    done = job.run()
    assert done.returncode == 2 and "under another key" in done.stderr
    assert recipients(job) == {"analysts", "courier", "third"}
