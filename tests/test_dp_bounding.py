"""What one person can change is what was declared, whatever the rows say and however they are ordered."""

import itertools
import math
import random
from decimal import Decimal

import numpy as np
import pytest

from pipeline.statistics.dp_checking import check_noise, design_of
from tests.dp_cases import CATEGORIES, CITIES, Frozen, answers_of, crowd, noised, noisy_spec
from tests.statistics_cases import CLASSES, Row

ALL = ["people", "rows", {"sum": "amount"}, {"mean": "amount"}, {"quantile": "amount", "at": [0.5]}]
SPECS = {
    "cells": {},
    "totals": {"totals": True},
    "one group": {"dp": {"max_groups": 1, "max_rows": 1}},
    "negative": {"dp": {"bounds": {"amount": [-50, 30]}}, "totals": True},
    "pure": {"dp": {"delta": 0}, "totals": True},
    "household": {"dp": {"unit": "note", "max_groups": 2}, "totals": True},
    "period": {"dp": {"period": {"column": "order_time", "unit": "day"}}},
}


def _spec(name):
    fields = {key: dict(value) if isinstance(value, dict) else value for key, value in SPECS[name].items()}
    unit = fields.get("dp", {}).pop("unit", None)
    if unit:
        fields["dp"]["unit"] = "category"  # any column may be the household in a test
        fields["dimensions"] = [CITIES]
    return noisy_spec(measures=ALL, **fields)


def _unit_of(spec, row):
    if spec.dp.unit:
        return ("h", row.category) if row.category is not None else ("p", row.person)
    if spec.dp.period != "release":
        return (row.person, row.order_time.date())
    return row.person


@pytest.mark.parametrize("name", SPECS)
def test_one_unit_more_or_less_moves_no_vector_beyond_its_declared_distance(name):
    spec = _spec(name)
    made = design_of(spec, CLASSES)
    reached = {}
    for seed in range(12):
        rows = crowd(people=6, orders=80, seed=seed)
        before = answers_of([rows], spec)
        for unit in {_unit_of(spec, row) for row in rows}:
            after = answers_of([[row for row in rows if _unit_of(spec, row) != unit]], spec)
            for question in made.questions:
                moved = (
                    before.vectors[question.kind, question.column]
                    - after.vectors[question.kind, question.column]
                )
                far = question.distance
                assert np.abs(moved).sum() <= far.l1
                assert math.sqrt((moved.astype(float) ** 2).sum()) <= far.l2 + 1e-9
                if question.kind != "steps":
                    assert (moved != 0).sum() <= far.entries
                    assert np.abs(moved).max(initial=0) <= far.largest
                place = (question.kind, question.column)
                reached[place] = max(reached.get(place, 0), int(np.abs(moved).sum()) / far.l1)
    # The bound is no idle one: somebody comes near it, or the noise would be larger than it must be.
    assert max(reached.values()) > 0.6, reached


def test_without_bounding_a_busy_person_passes_the_distance():
    """The test above would notice: the same rows, counted plainly, move by more than declared."""
    spec = _spec("cells")
    busy = [Row("busy") for _ in range(50)]
    far = design_of(spec, CLASSES).question("rows").distance
    assert len(busy) > far.l1
    assert answers_of([busy], spec).vectors["rows", ""].sum() <= far.l1


def test_the_order_of_rows_and_slices_decides_nothing():
    spec = _spec("totals")
    rows = crowd(people=8, orders=120, seed=5)
    mixed = rows.copy()
    random.Random(1).shuffle(mixed)  # noqa: S311 - seeded on purpose
    whole, cut = answers_of([rows], spec), answers_of([mixed[:17], mixed[17:60], mixed[60:]], spec)
    for place, vector in whole.vectors.items():
        assert (vector == cut.vectors[place]).all(), place


def test_the_choice_of_groups_depends_on_the_key():
    spec = noisy_spec(dp={"max_groups": 1})
    rows = [Row(f"p{n}", city=c) for n in range(40) for c in ("Perth", "Sydney")]
    one, same, other = (answers_of([rows], spec, key) for key in (b"1" * 16, b"1" * 16, b"2" * 16))
    assert (one.vectors["people", ""] == same.vectors["people", ""]).all()
    assert (one.vectors["people", ""] != other.vectors["people", ""]).any()
    assert one.vectors["people", ""].sum() == 40


def test_a_person_with_many_rows_counts_as_a_few_of_their_mean():
    spec = noisy_spec(measures=[{"mean": "amount"}], dp={"max_rows": 2})
    rows = [Row("p", amount=Decimal(value)) for value in (10, 20, 60, 500)]  # 500 counts as 100
    vectors = answers_of([rows], spec).vectors
    assert vectors["values", "amount"].sum() == 2
    assert vectors["sum", "amount"].sum() == (1000 + 2000 + 6000 + 10000) * 2 // 4


def test_totals_of_people_count_a_person_once():
    spec = noisy_spec(totals=True, dp={"max_groups": 4})
    rows = [
        Row("p", city=c, category=k) for c, k in itertools.product(("Perth", "Sydney"), ("books", "toys"))
    ]
    people = answers_of([rows], spec).vectors["people", ""]
    assert people[-1] == 1 and people[:16].sum() == 4


def test_frozen_noise_on_neighbors_shows_no_difference_of_structure():
    """Same rows, keys, columns, types; figures that differ by no more than one person may."""
    for name in ("cells", "totals", "pure", "negative"):
        spec = _spec(name)
        for seed in range(6):
            rows = crowd(people=5, orders=40, seed=seed)
            alone = [row for row in rows if row.person != "p0"]
            one, other = (noised(some, spec, Frozen(seed, 40)) for some in (rows, alone))
            assert one.schema == other.schema and len(one) == len(other)
            for column in ("city", "category", "status"):
                assert one[column].equals(other[column])
            assert one["status"].to_pylist() == ["noised"] * len(one)


def test_empty_tables_look_like_all_others():
    spec = _spec("totals")
    nobody, crowded = noised([], spec, Frozen()), noised(crowd(9, 90, 1), spec, Frozen())
    assert nobody.schema == crowded.schema and nobody["city"].equals(crowded["city"])


WRONG = {
    "declare values or bands": {"dimensions": [{"column": "city"}]},
    "needs bounds": {"dp": {"bounds": {}}},
    "which is not measured": {"dp": {"bounds": {"amount": [0, 1], "quantity": [0, 1]}}},
    "no rule may look at the data": {"protect": {"min_people": 3, "p_percent": 10}},
    "two quantile measures": {"measures": [{"quantile": "amount"}, {"quantile": "amount", "at": [0.1]}]},
    "hold no two values": {"dp": {"bounds": {"amount": [0.001, 0.002]}}},
    "is too large": {"dp": {"bounds": {"amount": [0, 10**12]}}},
    "is no time": {"dp": {"period": {"column": "city", "unit": "day"}}},
    "no column nowhere": {"dp": {"unit": "nowhere"}},
    "totals need public keys": {"totals": True, "dp": {"keys": "threshold"}},
}


@pytest.mark.parametrize("says", WRONG)
def test_what_is_wrong_is_found_before_the_first_row(says):
    problems = check_noise("s", noisy_spec(**WRONG[says]), CLASSES, None)
    assert any(says in f"{problem}" for problem in problems), problems
    assert any("needs a budget" in str(problem) for problem in problems)


def test_quantiles_are_refused_without_noise():
    from tests.statistics_cases import spec

    plain = spec(dimensions=[CITIES, CATEGORIES], measures=[{"quantile": "amount"}])
    assert [
        "quantiles need differential privacy" in str(p) for p in check_noise("s", plain, CLASSES, None)
    ] == [True]


def test_without_the_extra_the_plan_refuses_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr("pipeline.statistics.dp_checking.installed", lambda: False)
    problems = check_noise("s", noisy_spec(), CLASSES, None)
    assert any(p.code == 2 and "pip install 'pouch-deid[dp]'" in p.hint for p in problems)
