"""Everything wrong with a statistic is named before the first row, with exit code 2."""

from typing import Any

import pytest

from pipeline.classes import CLASSES as DATA_CLASSES
from pipeline.config.models import TableSource
from pipeline.statistics import check
from tests.statistics_cases import CLASSES, SOURCE, spec

CITY = {"column": "city"}


def problems(source: TableSource = SOURCE, **fields: Any) -> list[str]:
    statistic = spec(**{"dimensions": [CITY], "measures": ["people"], **fields})
    found = check("sales", statistic, source, CLASSES)
    assert all(problem.code == 2 and problem.hint for problem in found)
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"totals": ["town"]}, "totals: town is no dimension"),
        ({"measures": [{"share": "rows"}]}, "which is not published"),
        (
            {"measures": [{"share": "rows", "within": ["town"]}], "totals": True},
            "within: town is no dimension",
        ),
        ({"protect": {"contributor": "household"}}, "no column household"),
        ({"protect": {"group_disclosure": ["category"]}}, "group_disclosure: category is no dimension"),
        ({"subject": "mobile"}, "counts mobile"),
        ({"subject": ["account_id", "mobile"]}, "counts account_id, mobile"),
        ({"filters": [{"column": "nowhere", "values": ["a"]}]}, "no such column"),
        ({"filters": [{"column": "mobile", "values": ["a"]}]}, "direct identifier"),
        ({"filters": [{"column": "note", "values": ["a"]}]}, "free text is no filter"),
        ({"filters": [{"column": "city", "below": "5"}]}, "limits need a number or a time"),
        ({"filters": [{"column": "amount", "values": ["5"]}]}, "use at_least and below"),
        ({"filters": [{"column": "amount", "at_least": "much"}]}, "neither a number nor a day"),
        ({"join": [{"table": "devices", "columns": ["city"]}]}, "the job has no such table"),
        ({"dimensions": [], "cohort": {"column": "city"}}, "must be a time"),
        (
            {"dimensions": [], "cohort": {"column": "order_time"}, "measures": ["rows"]},
            "has no rows",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    assert any(named in problem for problem in problems(**fields))


@pytest.mark.parametrize(
    ("dimension", "named"),
    [
        ({"column": "nowhere"}, "no such column"),
        ({"column": "mobile"}, "direct identifier"),
        ({"column": "mobile", "values": ["a"]}, "direct identifier"),
        ({"column": "cvv"}, "can only be dropped"),
        ({"column": "undecided"}, "can only be dropped"),
        ({"column": "note"}, "free text"),
        ({"column": "city", "unit": "day"}, "unit needs a time"),
        ({"column": "order_time"}, "a time needs a unit"),
        ({"column": "birth", "unit": "hour"}, "a date has no hours"),
        ({"column": "city", "bands": [1]}, "bands need a number"),
        ({"column": "amount"}, "a number with decimals needs bands"),
        ({"column": "position"}, "a number with decimals needs bands"),
        ({"column": "quantity", "bands": []}, "bands: "),
        ({"column": "quantity", "bands": [2, 1]}, "bands: "),
        ({"column": "quantity", "bands": [float("nan")]}, "bands: "),
        ({"column": "quantity", "bands": [1], "values": ["1"]}, "has values and bands"),
        ({"column": "city", "values": []}, "at least one value"),
        ({"column": "city", "values": ["a", "a"]}, "at least one value"),
        ({"column": "city", "values": ["*"]}, "* is no value"),
        ({"column": "city", "values": ["(none)"]}, "(none) is no value"),
        ({"column": "city", "values": ["other"]}, "other is no value"),
        ({"column": "order_time", "unit": "day", "values": ["1/11/2026"]}, "a declared value is no day"),
        ({"column": "order_time", "unit": "week", "values": ["2026-W54"]}, "a declared value is no week"),
        ({"column": "order_time", "unit": "weekday", "values": ["8"]}, "a declared value is no weekday"),
        (
            {"column": "order_time", "unit": "hour_of_day", "values": ["24"]},
            "a declared value is no hour_of_day",
        ),
        (
            {"column": "order_time", "unit": "week", "subtotals": ["month"]},
            "month is not made of whole weeks",
        ),
        ({"column": "order_time", "unit": "day", "subtotals": ["week", "month"]}, "weeks do not add up"),
        ({"column": "city", "subtotals": ["day"]}, "subtotals: day is not made of"),
        ({"column": "city", "levels": [0]}, "levels need a hierarchy"),
        ({"column": "quantity", "tree": [["1", "few"]]}, "a hierarchy needs text"),
        ({"column": "city", "values": ["a"], "tree": [["a", "b"]]}, "has values and a hierarchy"),
        ({"column": "city", "tree": [["a", "b"]], "levels": [2]}, "levels must be 0 to 1"),
        ({"column": "city", "tree": [["a", "x", "y"], ["b", "y", "z"]]}, "calls two sets of values y"),
    ],
)
def test_a_dimension_that_does_not_suit_is_refused(dimension: dict[str, Any], named: str) -> None:
    assert any(named in problem for problem in problems(dimensions=[dimension]))


@pytest.mark.parametrize(
    "dimension",
    [
        CITY,
        {"column": "city", "values": ["Perth"]},
        {"column": "note", "values": ["leave at door"]},
        {"column": "birth", "unit": "year"},
        {"column": "order_time", "unit": "hour", "values": ["2026-11-01T09"]},
        {"column": "order_time", "unit": "quarter", "values": ["2026-Q4"]},
        {"column": "quantity"},
        {"column": "amount", "bands": [-1.5, 0, 0.1]},
        {"column": "position", "bands": [0]},
        {"column": "order_time", "unit": "day", "subtotals": ["month", "year"]},
        {"column": "order_time", "unit": "hour_of_day"},
        {"column": "city", "tree": [["a", "a", "x"], ["b", "c", "x"]], "levels": [0, 2]},
    ],
)
def test_what_suits_is_not_refused(dimension: dict[str, Any]) -> None:
    assert not problems(dimensions=[dimension])


@pytest.mark.parametrize("column", ["city", "order_time", "position", "mobile", "cvv", "nowhere"])
@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_only_exact_numbers_are_summed(kind: str, column: str) -> None:
    assert len(problems(measures=[{kind: column}])) == 1
    assert not problems(measures=[{kind: "amount"}, {kind: "quantity"}])


def test_every_direct_identifier_is_refused_as_a_dimension() -> None:
    for data_class in DATA_CLASSES.values():
        if data_class.kind == "direct_identifier":
            statistic = spec(dimensions=[{"column": "x", "values": ["a"]}], measures=["people"])
            assert check("s", statistic, SOURCE, {"x": data_class.id}), data_class.id


def test_a_table_without_subject_has_no_people() -> None:
    (problem,) = problems(TableSource(path="x.csv", subject="none"))
    assert "has no subject" in problem


def test_the_tables_own_subject_may_be_said_again() -> None:
    assert not problems(subject="account_id")


def test_two_columns_of_one_name_are_refused() -> None:
    twice = [{"column": "order_time", "unit": "day"}, {"column": "order_time", "unit": "hour"}]
    assert any("would be called order_time" in problem for problem in problems(dimensions=twice))
    found = check(
        "s",
        spec(dimensions=[{"column": "people"}, {"column": "status"}], measures=["people"]),
        SOURCE,
        {"people": "city", "status": "city"},
    )
    assert [problem.message for problem in found] == [
        "two published columns would be called people",
        "two published columns would be called status",
    ]


def test_all_problems_come_at_once() -> None:
    dimensions = [{"column": "mobile"}, {"column": "order_time"}]
    assert len(problems(dimensions=dimensions, totals=["town"], measures=[{"sum": "city"}])) == 4


def test_a_table_that_is_too_large_by_declaration_is_refused() -> None:
    values = [str(number) for number in range(1100)]
    large = [{"column": "city", "values": values}, {"column": "category", "values": values}]
    (problem,) = problems(dimensions=large)
    assert "at least 1,214,404 cells" in problem
