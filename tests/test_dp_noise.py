"""Noise, what it costs, and figures that a reader may trust: totals add up, error bars hold."""

import math
import random
from decimal import Decimal

import numpy as np
import pytest

from pipeline.state.budget_accounting import Loss, pure_loss, rho_for, zcdp_epsilon
from pipeline.statistics.cells import TOP, Axis
from pipeline.statistics.dp_checking import design_of, price
from pipeline.statistics.dp_consistent import noise_margin, share_out
from pipeline.statistics.dp_margins import added_up, between_parts, flat
from pipeline.statistics.dp_noise import (
    Distance,
    OpenDP,
    gaussian_rho,
    gaussian_scale,
    laplace_epsilon,
    laplace_scale,
    threshold_for,
)
from tests.dp_cases import Frozen, crowd, noised, noisy_spec
from tests.statistics_cases import CLASSES, Row

FAR = Distance(6, 3.0, 3, 2)


# ------------------------------------------------------------------ accounting


@pytest.mark.parametrize("rho", [1e-4, 1 / 32, 0.5, 3.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-6, 1e-9])
def test_the_conversion_is_opendps(rho, delta):
    import opendp.prelude as dp

    dp.enable_features("contrib")
    vectors = dp.vector_domain(dp.atom_domain(T=dp.i64))
    gaussian = dp.m.make_gaussian(vectors, dp.l2_distance(T=float), scale=1.0)
    theirs = dp.c.make_zCDP_to_approxDP(gaussian).map(math.sqrt(2 * rho)).epsilon(delta)
    assert zcdp_epsilon(rho, delta) == pytest.approx(theirs, rel=1e-7)


def test_rho_is_the_most_that_an_epsilon_allows():
    rho = rho_for(1.0, 1e-6)
    assert zcdp_epsilon(rho, 1e-6) <= 1.0 < zcdp_epsilon(rho * 1.0001, 1e-6)


def test_losses_add_up_and_are_told_the_better_way():
    one = pure_loss(1.0)
    assert (one + one).epsilon == pytest.approx(2.0)
    many = sum((pure_loss(0.01) for _ in range(1000)), Loss())
    assert many.epsilon == pytest.approx(10.0) and many.epsilon_at(1e-6) < 2.0  # zCDP grows with the root
    assert (one + Loss(0.1, None)).epsilon is None
    assert Loss(0.1, None, 1e-6).epsilon_at(1e-6) == math.inf  # the thresholds used the whole delta


def test_scales_cost_what_was_asked_by_opendps_own_map():
    assert laplace_epsilon(FAR, laplace_scale(FAR, 0.7)) <= 0.7
    assert laplace_scale(FAR, 0.7) == pytest.approx(6 / 0.7)
    assert gaussian_rho(FAR, gaussian_scale(FAR, 0.02)) <= 0.02
    assert gaussian_scale(FAR, 0.02) == pytest.approx(3 / math.sqrt(0.04))


def test_a_threshold_hides_a_lone_key():
    scale = gaussian_scale(FAR, 0.05)
    threshold = threshold_for(FAR, scale, 1e-6)
    lone = {f"k{n}": FAR.largest for n in range(3000)}
    assert OpenDP().above_threshold(lone, scale, threshold) == {}
    assert set(OpenDP().above_threshold({"many": threshold * 3}, scale, threshold)) == {"many"}
    assert threshold_for(FAR, scale, 1e-9) > threshold


def test_a_table_costs_what_it_declares():
    for dp in ({"epsilon": 1.5, "delta": 0}, {"epsilon": 1.5, "delta": 1e-6}):
        made = design_of(noisy_spec(totals=True, dp=dp), CLASSES)
        assert 1.499 < made.epsilon <= 1.5 + 1e-9
    by_rho = noisy_spec(dp={"epsilon": None, "rho": 0.1, "delta": 0})
    assert price(by_rho, CLASSES).rho == pytest.approx(0.1, rel=1e-6)
    open_keys = design_of(noisy_spec(dp={"keys": "threshold", "epsilon": 2}), CLASSES)
    assert open_keys.loss.delta == 5e-7 and open_keys.epsilon <= 2 + 1e-9


# ------------------------------------------------------------------ figures


def test_sharing_out_keeps_the_sum_and_stays_above_the_bound():
    chance = random.Random(7)  # noqa: S311 - seeded on purpose
    for _ in range(300):
        noisy = np.array([chance.randrange(-40, 60) for _ in range(chance.randrange(1, 30))])
        shared = share_out(noisy, 0)
        assert shared.min() >= 0 and shared.sum() == max(0, noisy.sum())
    assert share_out(np.array([-5, 3]), None).tolist() == [-5, 3]


def test_sharing_out_is_the_nearest_point():
    noisy = np.array([10, 4, -3, -2])
    shared = share_out(noisy, 0)
    others = [(a, b, c, 9 - a - b - c) for a in range(10) for b in range(10 - a) for c in range(10 - a - b)]
    assert ((shared - noisy) ** 2).sum() == min(((np.array(o) - noisy) ** 2).sum() for o in others)


def summed(leaves: int) -> Axis:
    """A dimension with a total."""
    names = ("",) * (leaves + 1)
    return Axis("", names, (leaves,) * leaves + (TOP,), names, (False,) * (leaves + 1))


def tree() -> Axis:
    """Two leaves under one node, a third leaf beside it, and the total of all."""
    names = ("",) * 5
    return Axis("", names, (3, 3, 4, 4, TOP), names, (False,) * 5)


def test_totals_add_up_along_a_tree():
    grid = added_up(np.arange(12).reshape(3, 4), (tree(), summed(4)))
    assert grid.shape == (5, 5)
    assert (grid[3] == grid[0] + grid[1]).all() and (grid[4] == grid[3] + grid[2]).all()
    assert (grid[:, 4] == grid[:, :4].sum(axis=1)).all()


def test_people_of_a_tree_lie_between_the_largest_part_and_the_sum():
    chance = np.random.default_rng(5)
    for _ in range(100):
        grid = between_parts(chance.integers(0, 40, (5, 4)), (tree(), flat(4)))
        for node, parts in ((3, (0, 1)), (4, (2, 3))):
            below = grid[list(parts)]
            assert (grid[node] >= below.max(axis=0)).all() and (grid[node] <= below.sum(axis=0)).all()


def test_totals_add_up_in_every_direction():
    grid = added_up(np.arange(24).reshape(2, 3, 4), (summed(2), flat(3), summed(4)))
    assert grid.shape == (3, 3, 5)
    assert (grid[-1] == grid[:-1].sum(axis=0)).all() and (grid[..., -1] == grid[..., :-1].sum(axis=2)).all()


def test_people_lie_between_the_largest_part_and_the_sum():
    chance = np.random.default_rng(3)
    for _ in range(100):
        grid = between_parts(chance.integers(0, 40, (4, 3)), (summed(3), summed(2)))
        assert (grid[-1] >= grid[:-1].max(axis=0)).all() and (grid[-1] <= grid[:-1].sum(axis=0)).all()
        assert (grid[:, -1] >= grid[:, :-1].max(axis=1)).all() and (
            grid[:, -1] <= grid[:, :-1].sum(axis=1)
        ).all()


@pytest.mark.parametrize("mechanism", ["discrete Laplace", "discrete Gaussian"])
@pytest.mark.parametrize("parts", [1, 5])
def test_margins_hold_with_ninety_five_percent_and_little_more(mechanism, parts):
    scale = 6.0
    draw = OpenDP().laplace if mechanism == "discrete Laplace" else OpenDP().gaussian
    sums = np.abs(np.array(draw([0] * 4000 * parts, scale)).reshape(4000, parts).sum(axis=1))
    inside = (sums <= noise_margin(mechanism, scale, parts)).mean()
    assert 0.93 < inside < 0.985  # 0.95 within five deviations, and one step of whole numbers


def test_error_bars_cover_the_truth_of_bounded_contributions():
    """Cells, totals, sums, means and quantiles; after everything that made them consistent."""
    spec = noisy_spec(
        totals=True,
        measures=[
            "people",
            "rows",
            {"sum": "amount"},
            {"mean": "amount"},
            {"quantile": "amount", "at": [0.5]},
        ],
        dp={"epsilon": 3, "delta": 1e-6, "max_groups": 2, "max_rows": 2},
    )
    rows = [
        Row(
            f"p{n}",
            city=("Perth", "Sydney")[n % 2],
            category=("books", "toys")[n % 3 == 0],
            amount=Decimal(n % 90),
        )
        for n in range(1200)
    ]
    truth = noised(rows, spec, Frozen())
    misses = cells = 0
    for _ in range(12):
        table = noised(rows, spec)
        for name in ("people", "rows", "sum_amount", "mean_amount", "p50_amount"):
            for row in range(len(table)):
                figures = [table[f"{name}{part}"][row].as_py() for part in ("_low", "", "_high")]
                assert figures == sorted(figures), name
                if name in ("mean_amount", "p50_amount") and truth["rows"][row].as_py() == 0:
                    continue  # of nothing there is no mean
                cells += 1
                misses += not figures[0] <= truth[name][row].as_py() <= figures[2]
    assert misses / cells < 0.05


def test_nothing_is_below_zero_and_totals_are_additive():
    spec = noisy_spec(totals=True)
    table = noised(crowd(6, 30, 2), spec)
    shape = (5, 5)  # two values, other, (none), *
    for name in ("people", "rows", "sum_amount"):
        figures = np.array([float(value) for value in table[name].to_pylist()]).reshape(shape)
        assert figures.min() >= 0
        if name != "people":
            assert np.allclose(figures[-1], figures[:-1].sum(axis=0))
            assert np.allclose(figures[:, -1], figures[:, :-1].sum(axis=1))


def test_rare_keys_do_not_show_and_common_ones_do():
    rows = [Row(f"p{n}", city="Perth") for n in range(400)] + [Row("lone", city="Nowhere", category="rare")]
    spec = noisy_spec(
        dimensions=[{"column": "city"}, {"column": "category"}], dp={"keys": "threshold", "epsilon": 2}
    )
    table = noised(rows, spec)
    assert table.select(["city", "category"]).to_pylist() == [{"city": "Perth", "category": "books"}]
