"""Frequency analysis: the estimate is the real attack's, and the plan and the run tell it before the first row."""

import json
import re

import numpy as np
import pytest

from benchmarks.frequency import attacked, sampled, zipf
from pipeline.protect.frequency import recoverable_share
from tests.small_job import DATE, NAMES, make_job, phone


@pytest.fixture
def chance() -> np.random.Generator:
    """Each test draws for itself, whatever ran before it."""
    return np.random.default_rng(11)


@pytest.mark.parametrize(("values", "exponent"), [(300, 1.0), (30, 0.8), (2_000, 1.2)])
@pytest.mark.parametrize("rows", [10_000, 100_000])
def test_the_estimate_is_what_a_real_attack_recovers(values, exponent, rows, chance):
    """HMAC tokens of Zipf values, matched by frequency: the estimate from 20,000 rows is within 0.1."""
    shares = zipf(values, exponent)
    real = np.mean([attacked(shares, rows, chance) for _ in range(4)])
    estimate = np.mean(
        [recoverable_share(sampled(shares, min(20_000, rows), chance), rows) for _ in range(3)]
    )
    assert abs(estimate - real) < 0.1
    assert real > 0.3  # the attack wins where the values are skewed


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("size", [2_000, 20_000])
def test_one_value_among_rows_that_are_all_different_is_recovered_whole(share, size, chance):
    """A default such as `unknown` in half of the rows: its share is not discounted for what the sample has not met."""
    shares = np.append([share], np.full(200_000, (1 - share) / 200_000))
    real = attacked(shares, 50_000, chance)
    assert abs(real - share) < 0.01
    assert abs(recoverable_share(sampled(shares, size, chance), 50_000) - real) < 0.05


def test_300_zipf_values_give_about_half_of_the_rows_away(chance):
    """The design's figure, 51 % at 300 values, lies between 2,000 and 50,000 rows."""
    few, many = (recoverable_share(sampled(zipf(300, 1.0), 2_000, chance), rows) for rows in (2_000, 50_000))
    assert few < 0.51 < many + 0.1


@pytest.mark.parametrize("values", [300, 5_000, 250_000])
def test_equal_shares_leave_nothing_but_chance(values, chance):
    """Counts that differ by sampling alone are not taken for a difference, however many rows there are."""
    counts = sampled(np.full(values, 1 / values), 20_000, chance)
    assert recoverable_share(counts, 1_000_000) <= 1 / 200


def test_the_ends():
    """Nothing sampled: nothing known. All different: nothing to match. One value: every row."""
    assert recoverable_share(np.array([], np.int64), 1_000) == 0
    assert recoverable_share(np.ones(5_000, np.int64), 1_000_000) == 0
    assert recoverable_share(np.array([500]), 1_000_000) == 1
    assert recoverable_share(np.array([9_000, 900, 90]), 10_000) > 0.99


def test_the_same_sample_gives_the_same_number(chance):
    """Plan and run must not contradict each other."""
    counts = sampled(zipf(300, 1.0), 5_000, chance)
    assert recoverable_share(counts, 70_000) == recoverable_share(counts, 70_000)


# ------------------------------------------------------------------ plan and run


@pytest.fixture(scope="module")
def skewed(tmp_path_factory):
    """The small job, whose analysts now get tokens of six names, in skewed shares."""
    job = make_job(tmp_path_factory.mktemp("skewed"))
    job.change(
        "analysts.yaml",
        "person_name: {transform: mask, keep_first: 1}",
        "person_name: {transform: keyed_hash}",
    )
    for path in (job.folder / "in" / "orders" / DATE).glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for row in range(1, len(lines)):
            cells = lines[row].split(",")
            rank = int(6 * (row / len(lines)) ** 2.5)
            cells[2] = NAMES[rank]
            lines[row] = ",".join(cells)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return job


def test_plan_and_run_tell_the_share_before_the_first_row(skewed):
    """The same sentence on both, with the number of rows, and no value."""
    planned = skewed.pouch("plan", "job.yaml", "--date", DATE)
    ran = skewed.run("--dry-run")
    assert planned.returncode == ran.returncode == 0, planned.stderr + ran.stderr
    (sentence,) = [
        line.removeprefix("pouch: ") for line in ran.stderr.splitlines() if "frequency analysis" in line
    ]
    assert sentence.startswith("analysts.orders.consignee: keyed_hash of 6 values in 300 sampled rows")
    assert int(re.search(r"turns about (\d+)% of all rows back", sentence)[1]) >= 60
    assert sentence in " ".join(planned.stdout.split("warning: ")[-1].split())
    for said in (planned.stdout, planned.stderr, ran.stdout, ran.stderr):
        assert not [value for value in (*NAMES, phone(3), "Wattle") if value in said]
    record = json.loads(skewed.pouch("report", "latest", "--format", "json").stdout)
    assert sentence in record["warnings"]


def test_empty_cells_are_no_rows_to_recover(skewed):
    """Where nine of ten cells are empty, the share is told of the others."""
    paths = sorted((skewed.folder / "in" / "orders" / DATE).glob("*.csv"))
    before = [path.read_text(encoding="utf-8") for path in paths]
    for path, text in zip(paths, before, strict=True):
        lines = [line.split(",") for line in text.splitlines()]
        for number, cells in enumerate(lines[1:]):
            cells[2] = cells[2] if number % 10 == 0 else ""
        path.write_text("\n".join(",".join(cells) for cells in lines) + "\n", encoding="utf-8")
    try:
        told = " ".join(skewed.pouch("plan", "job.yaml", "--date", DATE).stdout.split())
        assert re.search(
            r"consignee: keyed_hash of 6 values in 30 sampled rows: .* of all rows that have a value", told
        )
    finally:
        for path, text in zip(paths, before, strict=True):
            path.write_text(text, encoding="utf-8")


def test_an_accepted_weakness_says_why(skewed, tmp_path):
    """The warning stays, with the reason behind it."""
    rule = "person_name: {transform: keyed_hash}"
    accepted = rule[:-1] + ', accept_weakness: "six synthetic names"}'
    skewed.change("analysts.yaml", rule, accepted)
    try:
        assert "Accepted: six synthetic names" in skewed.pouch("plan", "job.yaml", "--date", DATE).stdout
    finally:
        skewed.change("analysts.yaml", accepted, rule)


def test_a_policy_may_refuse(skewed):
    """Above max_recoverable the run ends with 6 before any row; nothing is staged or published."""
    skewed.change("analysts.yaml", "policy: analysts", "policy: analysts\nmax_recoverable: 0.3")
    try:
        for ran in (skewed.pouch("plan", "job.yaml", "--date", DATE), skewed.run()):
            assert ran.returncode == 6
            assert "the policy allows 30%" in ran.stderr
        assert not (skewed.folder / "releases").exists() or not list((skewed.folder / "releases").glob("*/*"))
    finally:
        skewed.change("analysts.yaml", "policy: analysts\nmax_recoverable: 0.3", "policy: analysts")


def test_a_limit_that_could_not_be_checked_is_told(skewed):
    """The heads of the files hold no value: the policy's limit must not look as if it held."""
    paths = sorted((skewed.folder / "in" / "orders" / DATE).glob("*.csv"))
    before = [path.read_text(encoding="utf-8") for path in paths]
    for path, text in zip(paths, before, strict=True):
        lines = [line.split(",") for line in text.splitlines()]
        for cells in lines[1:]:
            cells[2] = ""
        path.write_text("\n".join(",".join(cells) for cells in lines) + "\n", encoding="utf-8")
    skewed.change("analysts.yaml", "policy: analysts", "policy: analysts\nmax_recoverable: 0.3")
    try:
        told = " ".join(skewed.pouch("plan", "job.yaml", "--date", DATE).stdout.split())
        assert "orders.consignee: no value in 300 sampled rows" in told
    finally:
        skewed.change("analysts.yaml", "policy: analysts\nmax_recoverable: 0.3", "policy: analysts")
        for path, text in zip(paths, before, strict=True):
            path.write_text(text, encoding="utf-8")


def test_a_plan_without_input_warns_of_classes_with_few_values(skewed):
    """Without a date there is nothing to sample; a class of few values is known all the same."""
    skewed.change("catalog.yaml", "city: city", "city: country")
    skewed.change("analysts.yaml", "  city: {transform: keep}", "  country: {transform: encrypt_siv}")
    try:
        planned = skewed.pouch("plan", "job.yaml")
        assert "encrypt_siv of a class with at most 249 values" in " ".join(planned.stdout.split())
    finally:
        skewed.change("catalog.yaml", "city: country", "city: city")
        skewed.change("analysts.yaml", "  country: {transform: encrypt_siv}", "  city: {transform: keep}")


def test_above_its_limit_a_published_date_is_refused_with_all_that_speaks_against_it(tmp_path):
    """Nobody is told to say --supersede first, and only then that the new release may not be published."""
    job = make_job(tmp_path, people=10, orders=60)
    assert job.run("--recipient", "analysts").returncode == 0
    job.change("analysts.yaml", "policy: analysts", "policy: analysts\nmax_recoverable: 0.01")
    job.change("analysts.yaml", "city: {transform: keep}", "city: {transform: keyed_hash}")
    refused = job.run("--recipient", "analysts")
    assert refused.returncode == 2, "the smallest code of several"
    assert "--supersede replaces it" in refused.stderr and "the policy allows 1%" in refused.stderr
    assert job.run("--recipient", "analysts", "--supersede").returncode == 6
