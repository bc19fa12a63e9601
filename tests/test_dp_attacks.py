"""Attacks on noise: averaging, membership by measurement, reconstruction. Each wins on a weak setting."""

import math

import numpy as np
import pytest

from pipeline.config.dp_models import Budget
from pipeline.errors import BudgetExhausted
from pipeline.standalone import StatsOrder, run_statistics
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from pipeline.state.budget_accounting import pure_loss
from pipeline.state.budget_events import Charge, Release
from pipeline.statistics.dp_audit import ALPHA, Bound, Law, audit, binomial_tail, clopper_pearson, repeated
from pipeline.statistics.dp_bounding import Answers
from pipeline.statistics.dp_checking import design_of
from pipeline.statistics.dp_noise import OpenDP
from pipeline.statistics.dp_table import draw
from tests.dp_cases import SALES, noisy_spec, write_orders
from tests.statistics_cases import CLASSES

ONE_CELL = {"dimensions": [{"column": "city", "values": ["Perth"]}], "measures": ["people"]}
TRUTH = 40


def drawn(spec, count, times, weaker=1.0):
    """Draw one cell's people many times by the very path of a release; `weaker` divides the scale."""
    made = design_of(spec, CLASSES)

    class Weaker(OpenDP):
        def laplace(self, values, scale):
            return super().laplace(values, scale / weaker)

        def gaussian(self, values, scale):
            return super().gaussian(values, scale / weaker)

    answers = Answers((("Perth",),), {("people", ""): repeated(count, times)})
    return draw(answers, made, Weaker()).vectors["people", ""]


def measured(spec, times, weaker=1.0, **options):
    return audit(drawn(spec, TRUTH, times, weaker), drawn(spec, TRUTH + 1, times, weaker), **options)


PURE = noisy_spec(**ONE_CELL, dp={"epsilon": 1, "delta": 0, "max_groups": 1})
GAUSSIAN = noisy_spec(**ONE_CELL, dp={"epsilon": 1, "delta": 1e-6, "max_groups": 1})


# ------------------------------------------------------------------ the instrument


def test_exact_limits_are_those_of_the_tables():
    # Clopper-Pearson 95 % two-sided: 10 of 100 -> 0.0490, 0.1762; 0 of 10 -> 0, 0.3085 (Brown, Cai, DasGupta 2001).
    assert clopper_pearson(10, 100, 0.025, upper=False) == pytest.approx(0.0490, abs=5e-5)
    assert clopper_pearson(10, 100, 0.025, upper=True) == pytest.approx(0.1762, abs=5e-5)
    assert clopper_pearson(0, 10, 0.025, upper=True) == pytest.approx(0.3085, abs=5e-5)
    exact = sum(math.comb(30, k) * 0.3**k * 0.7 ** (30 - k) for k in range(12, 31))
    assert binomial_tail(12, 30, 0.3) == pytest.approx(exact, rel=1e-12)


# ------------------------------------------------------------------ membership


def test_the_count_tells_what_is_claimed_and_hardly_less():
    """Of 60 audits the mean was 0.9225 and the standard deviation 0.0112: below 0.86 comes one in 10^7."""
    bound = measured(PURE, 40_000)
    assert 0.86 <= bound.epsilon() <= 1.0


def test_a_scale_that_is_wrong_by_a_fifth_is_caught():
    assert measured(PURE, 40_000, weaker=1.2).epsilon() > 1.0


def test_gaussian_noise_keeps_its_claim_and_a_wrong_scale_is_caught():
    claimed = design_of(GAUSSIAN, CLASSES).loss.rho
    assert measured(GAUSSIAN, 20_000, by_rho=True).rho() <= claimed
    assert measured(GAUSSIAN, 20_000, weaker=4, by_rho=True).rho() > claimed


def test_the_best_test_of_a_stated_law_is_that_of_its_normal_limit():
    """Between two thresholds of whole numbers the best test tosses a coin; near 1 / 2 it hardly matters."""
    from statistics import NormalDist

    normal = NormalDist()
    for scale in (2.0, 5.0):
        for false_alarm in (0.01, 0.2, 0.5):
            limit = normal.cdf(normal.inv_cdf(false_alarm) + 1 / scale)
            assert Law(scale).power(false_alarm) == pytest.approx(limit, abs=0.01)
    assert Law(2.0).power(0.0) < 1e-9 and Law(2.0).power(1.0) == pytest.approx(1.0)


RHO = noisy_spec(**ONE_CELL, dp={"epsilon": None, "rho": 0.125, "delta": 0, "max_groups": 1})


def test_gaussian_noise_with_a_scale_that_is_wrong_by_a_fifth_is_caught():
    """By the law that the manifest states: a bound on rho alone sees only a part of what Gaussian noise tells."""
    law = Law(design_of(RHO, CLASSES).question("people").scale)
    assert law.excess(measured(RHO, 80_000, law=law)) <= 0
    assert law.excess(measured(RHO, 80_000, weaker=1.2, law=law)) > 0


@pytest.mark.long
def test_five_audits_of_gaussian_noise_all_hold():
    law = Law(design_of(RHO, CLASSES).question("people").scale)
    assert all(law.excess(measured(RHO, 200_000, law=law)) <= 0 for _ in range(5))
    assert all(law.excess(measured(RHO, 200_000, weaker=1.1, law=law)) > 0 for _ in range(2))


@pytest.mark.long
def test_gaussian_noise_tells_nearly_what_is_claimed():
    strong = noisy_spec(**ONE_CELL, dp={"epsilon": None, "rho": 0.5, "delta": 0, "max_groups": 1})
    bound = measured(strong, 400_000, by_rho=True)
    assert 0.5 * 0.5 <= bound.rho() <= 0.5
    assert measured(strong, 400_000, weaker=1.6, by_rho=True).rho() > 0.5


@pytest.mark.long
def test_no_event_of_the_exact_law_passes_the_claim():
    """The bound is one of zCDP, not of Gaussian differential privacy, which whole numbers break."""
    law = np.exp(-(np.arange(-60, 61) ** 2) / 2.0)
    law /= law.sum()
    above = law[::-1].cumsum()[::-1]
    found = [Bound("", float(above[k]), float(above[k + 1]), 0).rho() for k in range(40, 80)]
    assert 0.2 < max(found) <= 0.5


@pytest.mark.long
def test_five_audits_of_the_count_all_hold():
    assert all(0.93 <= measured(PURE, 200_000, alpha=ALPHA).epsilon() <= 1.0 for _ in range(5))


# ------------------------------------------------------------------ averaging


def test_twenty_nine_fresh_reruns_average_the_noise_away():
    runs = drawn(PURE, TRUTH, 29 * 300).reshape(300, 29)
    assert (np.round(runs.mean(axis=1)) == TRUTH).mean() > 0.85
    assert (runs[:, 0] == TRUTH).mean() < 0.6


def test_twenty_nine_reruns_are_served_from_the_store(tmp_path):
    write_orders(tmp_path / "orders.csv")
    (tmp_path / "sales.yaml").write_text(SALES)
    order = StatsOrder(
        tmp_path / "sales.yaml",
        {"orders": tmp_path / "orders.csv"},
        "market",
        tmp_path / "out",
        tmp_path / "state",
    )
    told = set()
    for _ in range(29):
        run_statistics(order)
        told.add((tmp_path / "out/market/sales/statistics/sales.csv").read_bytes())
    assert len(told) == 1
    events = open_budget(open_state(tmp_path / "state")).events()
    assert sum(event.kind == "charged" for event in events) == 1


# ------------------------------------------------------------------ reconstruction


def _reconstructed(asked, answers, people):
    """Least squares over all answers (Dinur and Nissim 2003), rounded to bits."""
    guess, *_ = np.linalg.lstsq(asked.astype(float), np.array(answers, dtype=float), rcond=None)
    return (guess > 0.5).astype(int) if len(answers) else np.zeros(people, dtype=int)


def _share_right(people, queries, ledger=None):
    chance = np.random.default_rng(11)
    secret = chance.integers(0, 2, people)
    asked = chance.integers(0, 2, (queries, people))
    scale = 1.0  # each count alone is 1-differentially private
    answers = []
    for number, row in enumerate(asked):
        if ledger is not None:
            one = Release("market", "orders", "", "5" * 64, f"{number:064x}")
            try:
                ledger.charge(Charge(one, "noise", pure_loss(1.0), BUDGET))
                ledger.stored(one, "0" * 64)  # what is about to leave
            except BudgetExhausted:
                break
        answers.append(OpenDP().laplace([int(row @ secret)], scale)[0])
    return (_reconstructed(asked[: len(answers)], answers, people) == secret).mean(), len(answers)


BUDGET = Budget.model_validate({"recipient": {"epsilon": 3, "delta": 1e-6}})


def test_too_many_counts_reconstruct_everybody_and_the_ledger_stops_them(tmp_path):
    weak, _ = _share_right(40, 800)
    ledger = open_budget(open_state(tmp_path / "state"))
    strong, answered = _share_right(40, 800, ledger)
    assert weak > 0.97
    assert answered <= 3 and strong < 0.8
