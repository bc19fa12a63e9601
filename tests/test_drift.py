"""Content drift: a harmless column that comes to hold identifiers stops the run; waivers name a person and end."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.classes import CLASSES
from pipeline.config.models import DriftWaiver, Job
from pipeline.detect.drift import VALIDATORS, beyond, inspect_column, watched
from pipeline.errors import Drift
from pipeline.release.drift import SliceDrift, refuse_drift, waiver_of
from tests.small_job import DATE, SmallJob, make_job

SHARE = 0.005
PLANTED = {
    "email": [f"planted{i}@example.com" for i in range(10)],
    "contact_phone": [f"+6141234567{i}" for i in range(10)],
    "mobile_phone": [f"1380013800{i}" for i in range(10)],
    "national_id": ["11010519491231002X", "310101198505051235"],
    "imei": ["490154203237518", "356938035643809", "352099001761481", "353918058091847"],
    "bank_card": ["4111111111111111", "5555555555554444", "4012 8888 8888 1881", "6011111111111117"],
    "mac": [f"3c:5a:b4:01:23:{i:02x}" for i in range(10)],
    "uuid": [f"123e4567-e89b-12d3-a456-42661417400{i}" for i in range(10)],
}


def _found(column: list[str | None], data_class: str = "other") -> set[str]:
    return {one.data_class for one in inspect_column("c", data_class, pa.array(column)) if beyond(one, SHARE)}


def _digits(count: int, length: int) -> list[str | None]:
    chance = random.Random(7)  # noqa: S311 - test data
    return [str(chance.randrange(10 ** (length - 1), 10**length)) for _ in range(count)]


@pytest.mark.parametrize("data_class", sorted(PLANTED))
def test_one_percent_of_a_class_is_beyond_half_a_percent(data_class: str) -> None:
    column: list[str | None] = [f"item {i % 50}" for i in range(990)]
    values = PLANTED[data_class]
    assert data_class in _found(column + [values[i % len(values)] for i in range(10)])
    assert not _found(column)


def test_a_share_is_of_cells_and_counts_repeats() -> None:
    """One value that stands in 6 of 1,000 cells is beyond half a percent; in 5 it is not."""
    assert _found(["x"] * 994 + ["a@example.com"] * 6) == {"email"}
    assert not _found(["x"] * 995 + ["a@example.com"] * 5)
    assert _found([None] * 10_000 + ["x"] * 994 + ["a@example.com"] * 6) == {"email"}


def test_an_address_inside_a_cell_and_full_width_digits_are_seen() -> None:
    assert _found(["x"] * 90 + ["mail to jo@example.com now"] * 10) == {"email"}
    assert _found(["x"] * 90 + ["１３８００１３８０００"] * 10) == {"mobile_phone"}
    assert not _found(["x"] * 90 + ["icon@2x.png"] * 10)


@pytest.mark.parametrize("length", [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
def test_random_numbers_are_no_identifiers(length: int) -> None:
    """Check digits hold by chance; 20,000 random numbers of a length must not alarm."""
    assert not _found(_digits(20_000, length))


def test_whole_numbers_are_looked_at_too() -> None:
    numbers = pa.array([1, 2, 3] * 30 + [13_800_138_000 + i for i in range(10)])
    assert {one.data_class for one in inspect_column("c", "quantity", numbers)} == {"mobile_phone"}
    assert not inspect_column("c", "quantity", pa.array([1, 2, None]))


def test_plain_and_dictionary_columns_count_alike() -> None:
    plain = pa.array(["x", None, "a@example.com", "a@example.com"])
    assert inspect_column("c", "other", plain) == inspect_column("c", "other", plain.dictionary_encode())


def test_direct_identifiers_and_free_text_are_not_watched() -> None:
    assert watched("other") and watched("city") and watched("device_model")
    assert not watched("email") and not watched("free_text") and not watched("health")
    assert {validator.data_class for validator in VALIDATORS} <= set(CLASSES)


# ------------------------------------------------------------------ the run


def _job(**changes: object) -> Job:
    plain = {
        "job": "t",
        "tables": {"orders": {"path": "x.csv", "subject": "none"}},
        "catalog": "c.yaml",
        "keyring": {"file": "k.json", "wrapped_by": {"env": "K"}},
        "releases": [
            {"recipient": "r", "purpose": "p", "basis": "legal", "policy": "p.yaml", "tables": ["orders"]}
        ],
    }
    return Job.model_validate(plain | changes)


class _Plan:
    date = DATE

    class _Table:
        classes = {"channel": "other"}  # noqa: RUF012 - a stand-in that nothing changes

    tables = {"orders": _Table}  # noqa: RUF012


def _slice(values: list[str]) -> SliceDrift:
    return SliceDrift("orders", tuple(inspect_column("channel", "other", pa.array(values))))


CLEAN = [f"shop {i % 7}" for i in range(1000)]
LAST = CLEAN[:990] + [f"planted{i}@example.com" for i in range(10)]
WAIVER = {"table": "orders", "column": "channel", "data_class": "email", "person": "Ada Example"}


def test_one_percent_in_the_last_slice_alone_stops_the_run() -> None:
    """Each slice is judged by itself: over the whole run it would be 0.03 %."""
    with pytest.raises(Drift) as caught:
        refuse_drift(_Plan, _job(), [_slice(CLEAN)] * 30 + [_slice(LAST)])  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    assert problem.where == "orders.channel" and problem.code == 11
    assert (
        "1 % of the cells" in problem.message and "email" in problem.message and "planted" not in str(problem)
    )
    refuse_drift(_Plan, _job(max_drift=0.02), [_slice(LAST)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("until", "holds"), [("2026-11-01", True), ("2026-12-31", True), ("2026-10-31", False)]
)
def test_a_waiver_holds_until_its_day(until: str, *, holds: bool) -> None:
    job = _job(waivers=[{**WAIVER, "reason": "test data of the shop", "until": until}])
    if holds:
        refuse_drift(_Plan, job, [_slice(LAST)])  # type: ignore[arg-type]
        return
    with pytest.raises(Drift, match="Ada Example ended on 2026-10-31"):
        refuse_drift(_Plan, job, [_slice(LAST)])  # type: ignore[arg-type]


def test_a_waiver_for_one_kind_of_phone_answers_for_any() -> None:
    waiver = {**WAIVER, "reason": "test data of the shop", "until": DATE, "data_class": "mobile_phone"}
    job = _job(waivers=[waiver])
    for data_class in ("mobile_phone", "contact_phone"):
        assert waiver_of(job, "orders", "channel", data_class, DATE) is not None
    assert waiver_of(job, "orders", "channel", "email", DATE) is None


@pytest.mark.parametrize(
    "change", [{"person": ""}, {"reason": "because"}, {"until": "2026-13-01"}, {"data_class": "mails"}]
)
def test_a_waiver_needs_person_reason_day_and_class(change: dict[str, str]) -> None:
    whole = {**WAIVER, "reason": "test data of the shop", "until": DATE}
    DriftWaiver.model_validate(whole)
    with pytest.raises(ValueError, match=next(iter(change))):
        DriftWaiver.model_validate(whole | change)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return make_job(tmp_path)


def _plant(job: SmallJob, rows: int) -> None:
    path = job.folder / f"in/orders/{DATE}/b.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    for number in range(1, rows + 1):
        lines[-number] = lines[-number].rpartition(",")[0] + f",planted{number}@example.com"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_run_stops_with_11_before_anything_is_published_and_a_waiver_lets_it_through(job: SmallJob) -> None:
    _plant(job, 3)  # of 300
    stopped = job.run()
    assert stopped.returncode == 11, stopped.stderr
    assert "orders.channel: catalogued as other, but 1 % of the cells" in stopped.stderr
    assert "planted" not in stopped.stderr + stopped.stdout and not job.tree()
    assert "planted" not in str(job.record())
    waived = (
        "waivers:\n  - {table: orders, column: channel, data_class: email, person: Ada Example, "
        f'reason: "the shop tests its mail", until: "{DATE}"}}\n'
    )
    (job.folder / "job.yaml").write_text((job.folder / "job.yaml").read_text() + waived)
    passed = job.run()
    assert "waived by Ada Example" in passed.stderr
    assert passed.returncode == 0, passed.stderr
    assert job.record()["drift_waivers"][0]["person"] == "Ada Example"


def test_a_waiver_of_a_column_that_is_not_there_is_refused(job: SmallJob) -> None:
    waived = "waivers: [{table: orders, column: chanel, data_class: email, person: Ada, reason: shop tests, until: "
    (job.folder / "job.yaml").write_text((job.folder / "job.yaml").read_text() + waived + '"2026-12-01"}]\n')
    refused = job.pouch("plan", "job.yaml")
    assert refused.returncode == 2 and "no column chanel in orders" in refused.stderr
    assert "channel" in refused.stderr


def test_an_undecided_column_is_never_published(job: SmallJob) -> None:
    """`unknown` suits nothing but drop: a policy that keeps it is refused before the first row."""
    job.change("catalog.yaml", "channel: other", "channel: unknown")
    refused = job.run()
    assert refused.returncode == 2 and "channel" in refused.stderr and not job.tree()
    job.change("analysts.yaml", "rules:", "otherwise: drop\nrules:")
    assert job.run("--recipient", "analysts").returncode == 0
    package = json.loads(job.tree()[f"analysts/{DATE}/datapackage.json"])
    assert "channel" not in json.dumps(package) and "amount" in json.dumps(package)
