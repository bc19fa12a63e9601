"""Tables of many nights, reruns and sub-tables, solved together by an attacker: weak settings lose, the guard holds."""

import dataclasses

import numpy as np
import pytest

from pipeline.errors import CheckFailed, RiskLimitPassed
from pipeline.statistics import over_time_population
from pipeline.statistics.over_time import guard
from pipeline.statistics.over_time_nights import Ranking
from pipeline.statistics.over_time_relations import (
    relations_as_bytes,
    relations_from_bytes,
    relations_of,
)
from pipeline.statistics.over_time_tables import kept_files, read_kept
from tests.over_time_cases import LEAST, Sale, all_relations, attack_all, shop, table

NIGHTS = [f"2026-11-{day:02d}" for day in range(1, 31)]


def released_in_turn(tables, **options):
    """Guard each table against those before it, as they were published."""
    out, relations, evidence = [], [], []
    for one in tables:
        guarded = guard([one], out, relations, **options)
        out += guarded.tables
        relations += guarded.relations
        evidence.append(guarded.evidence)
    return out, relations, evidence


def lost(before, after):
    return sum(int(np.sum(a.shown & ~b.shown)) for a, b in zip(before, after, strict=True))


def test_a_corrected_rerun_gives_one_person_away_and_the_guard_does_not():
    sales = shop(200, 600, 1)
    corrected = [dataclasses.replace(sales[0], amount=sales[0].amount + 50), *sales[1:]]
    tables = [table(sales, release="one"), table(corrected, release="two")]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, evidence = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0
    assert evidence[1]["differences_of_few_people"] >= 1 and 1 <= lost(tables, out) <= 2


def test_a_withdrawal_is_not_told_by_the_tables_after_it():
    sales = [*shop(200, 2000, 2), Sale("leaves")]
    gone = sales[:-1]
    tables = [table(sales, release="one", totals=True), table(gone, release="two", totals=True)]
    assert attack_all(tables, all_relations(tables)).exact >= 2
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0
    assert 4 <= lost(tables, out) <= 6  # the cell, its two margins and the total, of sixteen rows


def test_a_difference_of_enough_people_is_published():
    sales = shop(200, 600, 3)
    more = [
        Sale(f"new{n}", city, category) for n in range(8) for city in ("Perth",) for category in ("books",)
    ]
    tables = [table(sales, release="one"), table([*sales, *more], release="two")]
    out, _, evidence = released_in_turn(tables)
    assert lost(tables, out) == 0 and evidence[1]["differences_of_few_people"] == 0


def test_equal_data_given_to_another_recipient_loses_nothing():
    sales = shop(200, 600, 4)
    tables = [table(sales, release="one"), table(sales, release="two", recipient="press")]
    assert lost(tables, released_in_turn(tables)[0]) == 0


def test_recipients_may_collude():
    sales = shop(200, 600, 5)
    tables = [table(sales, release="one"), table(sales[1:], release="two", recipient="press")]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0


@pytest.mark.parametrize("coarse_first", [True, False])
def test_a_coarser_table_gives_suppressed_cells_of_a_finer_one_away(coarse_first):
    small = [Sale(f"few{n}", "Hobart", "garden", amount=300 + n) for n in range(3)]
    sales = [s for s in shop(200, 600, 6) if (s.city, s.category) != ("Hobart", "garden")] + small
    fine, coarse = table(sales, release="fine"), table(sales, ("city",), release="coarse")
    tables = [coarse, fine] if coarse_first else [fine, coarse]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0


def test_sub_tables_with_other_dimensions_share_their_margins():
    sales = shop(150, 450, 7)
    sales += [Sale(f"few{n}", "Darwin", "books", f"2026-11-0{1 + n % 2}", 70) for n in range(3)]
    sales += [
        Sale(f"more{n}", "Darwin", category, amount=80) for n in range(9) for category in ("toys", "garden")
    ]
    by_category = table(sales, ("city", "category"), release="one")
    by_city = table(sales, ("city",), release="two")
    tables = [by_category, by_city]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0


def test_a_table_that_leaves_a_few_out_is_compared_with_the_one_that_does_not():
    """As by a filter: all categories but one, which only three people of the city have."""
    sales = [s for s in shop(150, 450, 12) if (s.city, s.category) != ("Perth", "garden")]
    sales += [Sale(f"few{n}", "Perth", "garden", amount=40 + n) for n in range(3)]
    without = [s for s in sales if s.category != "garden"]
    tables = [table(sales, ("city",), release="all"), table(without, ("city",), release="most")]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0
    assert not out[1].shown[out[1].names.index(("Perth",))]


def test_a_week_is_the_sum_of_its_days():
    """Six days and the week tell the seventh, which was suppressed."""
    days = NIGHTS[1:8]  # Monday to Sunday
    sales = [s for n, day in enumerate(days[:-1]) for s in shop(60, 200, 20 + n, day)]
    sales += [Sale(f"few{n}", "Perth", "books", days[-1], 90 + n) for n in range(3)]
    sales += [s for s in shop(60, 200, 40, days[-1]) if (s.city, s.category) != ("Perth", "books")]
    nights = [
        table([s for s in sales if s.day == day], release=day, window=day, labels=_all_labels(sales))
        for day in days
    ]
    week = table(sales, release="week", labels=_all_labels(sales))
    tables = [*nights, week]
    assert attack_all(tables, all_relations(tables)).exact >= 1
    out, relations, _ = released_in_turn(tables)
    assert attack_all(out, relations).exact == 0
    late = [*nights[:-1], week, nights[-1]]  # the last night may come after the week, too
    assert attack_all(late, all_relations(late)).exact >= 1
    out, relations, _ = released_in_turn(late)
    assert attack_all(out, relations).exact == 0


def test_days_and_weeks_of_one_column():
    days = NIGHTS[1:8]
    sales = [s for n, day in enumerate(days) for s in shop(60, 160, 50 + n, day) if s.city == "Perth"]
    sales += [Sale(f"few{n}", "Sydney", "books", days[n % 7], 90 + n) for n in range(20)]
    daily = table(sales, ("city", "day"), release="daily", units={"day": "day"})
    weekly = table(sales, ("city", "day"), release="weekly", units={"day": "week"})
    tables = [daily, weekly]
    out, relations, _ = released_in_turn(tables)
    assert relations and attack_all(out, relations).exact == 0


def _all_labels(sales):
    return {d: sorted({getattr(s, d) for s in sales}) for d in ("city", "category")}


def _snapshots():
    """Thirty nights of a list of customers: every night a few join or leave, now and then many."""
    people = shop(120, 260, 8)
    nights = []
    for n, night in enumerate(NIGHTS):
        people = people[n % 3 :] + shop(400, 9 if n % 10 == 9 else n % 3, 100 + n)
        labels = {"city": ["Hobart", "Perth", "Sydney"], "category": ["books", "garden", "toys"]}
        nights.append(table(people, release=night, window=night, labels=labels))
    return nights


def test_six_linked_nights_solved_jointly_tell_nothing():
    nights = _snapshots()[:6]
    weak = attack_all(nights, all_relations(nights))
    out, relations, evidence = released_in_turn(nights)
    strong = attack_all(out, relations)
    assert weak.exact > 20 and strong.exact == 0 and strong.targets > weak.targets / 4
    assert all(one["recoverable"] == 0 for one in evidence[1:])


@pytest.mark.long
def test_thirty_linked_nights_solved_jointly_tell_nothing():
    nights = _snapshots()
    weak = attack_all(nights, all_relations(nights))
    out, relations, _ = released_in_turn(nights)
    strong = attack_all(out, relations)
    assert weak.exact > 60 and strong.exact == 0
    assert sum(int(one.shown.sum()) for one in out) > 0


def test_the_policy_may_stop_instead():
    sales = shop(200, 600, 1)
    tables = [table(sales, release="one"), table(sales[1:], release="two")]
    first = guard([tables[0]], [])
    with pytest.raises(RiskLimitPassed) as refused:
        guard([tables[1]], first.tables, policy="stop")
    assert refused.value.exit_code == 6


def test_people_whose_rows_are_held_and_a_few_others_are_no_cell():
    sales = [Sale(f"p{n}") for n in range(20)]
    one = table(sales, release="one")
    units = one.population.unit
    assert guard([one], [], held=units).tables[0].shown.all()  # nothing new about them
    assert guard([one], [], held=units[: 20 - LEAST]).tables[0].shown.all()
    assert not guard([one], [], held=units[: 21 - LEAST]).tables[0].shown.any()


def test_what_the_state_keeps_comes_back_and_holds_no_amount_at_sight():
    one = table(shop(50, 150, 9), release="one", totals=True)
    files = kept_files(one)
    (again,) = read_kept("one", "market", files)
    other = table(shop(50, 149, 9), release="two", totals=True)
    first, second = relations_of(other, [one]), relations_of(other, [again])
    assert relations_as_bytes(first) == relations_as_bytes(second)
    assert relations_as_bytes(relations_from_bytes(relations_as_bytes(first))) == relations_as_bytes(first)
    assert (again.shown == one.shown).all() and again.names == one.names
    small = {int(m) for m in one.population.marks["sum:amount"] if m < 10_000}
    assert len(small) <= 1


def test_a_solver_that_gives_up_costs_rows_and_no_secret(monkeypatch):
    def gives_up(*_):
        raise RuntimeError

    sales = shop(200, 600, 1)
    tables = [table(sales, release="one"), table(sales[1:], release="two")]
    plain = lost(tables, released_in_turn(tables)[0])
    monkeypatch.setattr("pipeline.statistics.over_time_attack.attack", gives_up)
    monkeypatch.setattr("pipeline.statistics.over_time_attack._FEW", 10**6)  # no help by random directions
    assert lost(tables, released_in_turn(tables)[0]) >= plain


def test_equal_input_gives_an_equal_pattern():
    nights = _snapshots()[:4]
    first, second = released_in_turn(nights)[0], released_in_turn(nights)[0]
    assert all((a.shown == b.shown).all() for a, b in zip(first, second, strict=True))


def _night(orders, seed, customers, changed=0):
    """Many orders of customers; `changed` of those who are in Hobart order another amount."""
    chance = np.random.default_rng(seed)
    who = chance.integers(0, customers, orders)
    cities = np.array(["Perth", "Sydney", "Hobart"])[chance.choice(3, orders, p=[0.6, 0.3994, 0.0006])]
    amounts = chance.integers(1, 500, orders)
    few = np.flatnonzero(cities == "Hobart")[:changed]
    amounts[few] += 1
    rows = zip(who.tolist(), cities.tolist(), amounts.tolist(), strict=True)
    return [Sale(f"c{person}", city, "books", amount=amount) for person, city, amount in rows]


def test_a_look_at_a_share_of_the_people_finds_the_same_relations(monkeypatch):
    """Enough people of a share who differ are enough of all; whatever is left is counted in full."""
    tables = [
        table(_night(30_000, 1, 9000), release="one", totals=True),
        table(_night(30_000, 1, 9000, changed=3), release="corrected", totals=True),
        table(_night(30_000, 2, 9000), release="other night", totals=True),
    ]
    quick = all_relations(tables)
    looked = []
    monkeypatch.setattr(over_time_population, "_WORTH", 10**9)  # no share is worth a look
    monkeypatch.setattr(
        over_time_population.Population, "_share", lambda *_: looked.append(1) or pytest.fail("looked")
    )
    assert relations_as_bytes(quick) == relations_as_bytes(all_relations(tables))
    assert {one.people for one in quick} >= {0, 3}  # the cells of everybody else, and the three of Hobart
    assert not looked


def test_a_night_in_another_form_is_no_sum_of_nights():
    """It is compared with its own night, not with twelve runs of others."""
    labels = {"city": ["Perth", "Sydney"], "category": ["books"]}
    sales = {
        day: [Sale(f"{day}-{n}", "Perth", "books", day, 50 + n) for n in range(40)] for day in NIGHTS[:6]
    }
    nights = [table(s, release=day, window=day, labels=labels) for day, s in sales.items()]
    by_city = table(sales[NIGHTS[2]], ("city",), release="other", window=NIGHTS[2])
    week = table([s for day in sales.values() for s in day], ("city",), release="all")
    ranking = Ranking(nights)
    assert list(ranking.runs(by_city)) == []
    assert next(iter(ranking.runs(week))) == nights
    assert [len(run) for run in ranking.runs(week, to_the_end=True)] == [6, 5, 4, 3, 2]


def test_what_another_version_kept_is_refused_by_name():
    files = kept_files(table(shop(20, 60, 9), release="one"))
    (name,) = (name for name in files if name.endswith(".guard.json"))
    files[name] = files[name].replace(b"pouch guard 2", b"pouch guard 1")
    with pytest.raises(CheckFailed, match="another version of Pouch"):
        list(read_kept("one", "market", files))
