"""Who a row is about, and who is under 14."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.protect.minors import minors_in
from pipeline.protect.subjects import link_subjects, linked, resolve_subject, subject_of, subject_pairs

ON = date(2026, 11, 1)


def columns(accounts: list[str | None], devices: list[str | None]) -> list[tuple[str, pa.Array]]:
    return [("account_id", pa.array(accounts, pa.string())), ("device_id", pa.array(devices, pa.string()))]


# ------------------------------------------------------------------ subjects


def test_the_first_column_that_names_anyone_names_the_subject() -> None:
    found = resolve_subject(columns(["a", None, "", None], ["d", "d", "d", None]))
    a, d = subject_of("account_id", pa.array(["a"]))[0], subject_of("device_id", pa.array(["d"]))[0]
    assert found.to_pylist() == [a.as_py(), d.as_py(), d.as_py(), None]
    assert found.type == pa.string()


@pytest.mark.parametrize(
    ("data_class", "ids"),
    [
        ("account_id", ["acc1", "acc1   ", "\tacc1", "acc1\u3000"]),
        ("device_id", ["AB-CD", "ab-cd", " Ab-cD "]),
        ("email", ["Jo@Example.com", " jo@example.com"]),
        ("mobile_phone", ["+61412345678", "+61 412 345 678", "+61 (0)412 345 678"]),
        ("serial", ["F2L-X9", "f2lx9", "Ｆ2LX9"]),
        ("person_name", ["Zhang Wei", "ZHANG  WEI"]),
    ],
)
def test_a_person_is_one_however_the_id_is_written(data_class: str, ids: list[str]) -> None:
    """Else who is erased in one spelling stays in the others, and counts as several people."""
    found = subject_of(data_class, pa.array(ids))
    assert len(found.unique()) == 1 and found.null_count == 0
    assert subject_of(data_class, pa.array(ids).dictionary_encode()).equals(found)


def test_accounts_in_other_capitals_are_others_and_blanks_are_nobody() -> None:
    assert len(subject_of("account_id", pa.array(["acc1", "ACC1"])).unique()) == 2
    for data_class in ("account_id", "device_id", "mobile_phone", "ip"):
        assert subject_of(data_class, pa.array(["", "  ", "\u3000", None])).null_count == 4


@given(st.text(), st.text())
def test_equal_ids_of_two_classes_never_meet(first: str, second: str) -> None:
    account, device = subject_of("account_id", pa.array([first])), subject_of("device_id", pa.array([second]))
    assert account[0].as_py() is None or account[0].as_py() != device[0].as_py()


def test_a_device_seen_with_one_account_counts_as_that_account() -> None:
    slices = [
        columns(["a", "b", None, "a"], ["one", "two", "one", "one"]),
        columns(["c", None, None, "", "a"], ["two", "two", "none", "none", None]),
    ]
    mapping = link_subjects(pa.concat_tables([subject_pairs(part) for part in slices]))
    assert resolve_subject(slices[0], mapping).equals(
        subject_of("account_id", pa.array(["a", "b", "a", "a"]))
    )
    shared = resolve_subject(slices[1], mapping)
    assert shared.slice(1, 3).equals(subject_of("device_id", pa.array(["two", "none", "none"]))), (
        "two accounts, or none"
    )


def test_an_account_named_like_a_linked_device_is_not_replaced() -> None:
    part = columns(["a", "x"], ["x", None])
    resolved = resolve_subject(part, link_subjects(subject_pairs(part)))
    assert resolved.equals(subject_of("account_id", pa.array(["a", "x"])))


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from(["x", "y", "z", None])), max_size=12
    ),
    st.integers(0, 12),
)
def test_links_do_not_depend_on_order_or_slices(rows: list[tuple[Any, Any]], edge: int) -> None:
    whole = link_subjects(subject_pairs(columns([a for a, _ in rows], [d for _, d in rows])))
    parts = [rows[edge:][::-1], rows[:edge]]
    split = [subject_pairs(columns([a for a, _ in part], [d for _, d in part])) for part in parts]
    assert link_subjects(pa.concat_tables(split)).equals(whole)
    seen = {d: {a for a, e in rows if e == d and a} for _, d in rows if d}
    assert set(whole["alias"].to_pylist()) == {f"device_id\x1f{d}" for d in seen if len(seen[d]) == 1}


def test_one_column_links_nothing() -> None:
    pairs = subject_pairs([("account_id", pa.array(["a"]))])
    assert len(link_subjects(pairs)) == 0
    assert linked(pa.array(["a", None]), link_subjects(pairs)).to_pylist() == ["a", None]


def test_dictionary_encoded_ids_give_the_same_subjects() -> None:
    part = columns(["a", None, "", "b"], ["d", "d", "e", None])
    encoded = [(name, ids.dictionary_encode()) for name, ids in part]
    assert resolve_subject(encoded).equals(resolve_subject(part))
    assert sorted(map(str, subject_pairs(encoded).to_pylist())) == sorted(
        map(str, subject_pairs(part).to_pylist())
    )


# ------------------------------------------------------------------ minors


def young(data_class: str, *values: Any, kind: pa.DataType | None = None, on: date = ON) -> list[bool]:
    """Whether each value alone shows its row's subject to be under 14."""
    array = pa.array(values, kind)
    subject = pa.array([f"s{i:03d}" for i in range(len(array))])
    for form in (array, array.dictionary_encode()):
        found = set(minors_in(subject, [(data_class, form)], on).to_pylist())
        assert found <= set(subject.to_pylist())
    return [name in found for name in subject.to_pylist()]


def test_the_fourteenth_birthday_itself_is_of_age() -> None:
    texts = ["2012-11-02", "2012-11-01", "2012-10-31", "2026-10-31", "1950-12-31", None]
    assert young("birth_date", *texts) == [True, False, False, True, False, False]


def test_the_birthday_of_typed_columns_and_resident_ids() -> None:
    days = [date(2012, 11, 2), date(2012, 11, 1)]
    assert young("birth_date", *days, kind=pa.date32()) == [True, False]
    times = [datetime.combine(day, time(0)) for day in days]
    assert young("birth_date", *times, kind=pa.timestamp("us")) == [True, False]
    assert young("national_id", *map(resident_id, days)) == [True, False]


@given(st.dates(date(1900, 1, 1), ON), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_age_is_counted_in_calendar_years(birth: date, on: date) -> None:
    age = on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
    expected = [age < 14]
    assert young("birth_date", birth, kind=pa.date32(), on=on) == expected
    assert young("birth_date", datetime.combine(birth, time(23)), kind=pa.timestamp("us"), on=on) == expected
    assert young("birth_date", birth.isoformat(), on=on) == expected
    assert young("national_id", resident_id(birth), on=on) == expected


def test_a_leap_day_comes_of_age_on_the_first_of_march() -> None:
    on = date(2026, 2, 28)
    assert young("birth_date", "2012-02-29", on=on) == [True]
    assert young("birth_date", "2012-02-29", on=on + timedelta(days=1)) == [False]


@pytest.mark.parametrize(
    "text",
    [
        "2012/11/02",
        "2012.11.2",
        "20121102",
        "2012年11月2日",
        "2012-11-02T08:00:00Z",
        "2012-11-02 08:00",
        " 2012-11-02 ",
    ],
)
def test_written_forms_of_a_birth_date(text: str) -> None:
    assert young("birth_date", text, text.replace("2012", "2011")) == [True, False]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("02/11/2012", True),  # 2 November, or 11 February
        ("11/02/2012", True),
        ("01/11/2012", False),  # the later reading is the birthday itself
        ("13/11/2012", True),
        ("13/10/2012", False),
        ("10-31-2012", False),
        ("2012", True),
        ("2012年", True),
        ("2011", False),
        ("2012-11", True),
        ("2012-10", False),
        ("201211", True),
        ("2012年11月", True),
        ("2012年1月", False),
    ],
)
def test_where_a_date_leaves_room_the_youngest_reading_counts(text: str, minor: bool) -> None:
    assert young("birth_date", text) == [minor]


def test_a_year_alone_is_its_last_day() -> None:
    assert young("birth_date", "2012", on=date(2026, 12, 30)) == [True]
    assert young("birth_date", "2012", on=date(2026, 12, 31)) == [False]


def test_what_is_no_date_says_nothing() -> None:
    assert not any(
        young("birth_date", "", "unknown", "2012-13-01", "2012-11-32", "20129999", "99/99/2012", "12")
    )


def test_ages() -> None:
    assert young("age", 13, 14, 0, -1, 99, None) == [True, False, True, False, False, False]
    assert young("age", "13", "14", " 9 ", "13.0", "-1", "x", "", "13-17") == [
        *[True, False, True, True],
        *[False] * 4,
    ]


def resident_id(birth: date, division: str = "110105", sequence: str = "002") -> str:
    digits = f"{division}{birth:%Y%m%d}{sequence}"
    # ISO 7064, MOD 11-2, written differently from the code under test: the weights are powers of two.
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(digits))
    return digits + "0123456789X"[(12 - total) % 11]


def test_the_check_digit_of_the_standards_own_example() -> None:
    """GB 11643-1999, section 4.3: 11010519491231002X."""
    assert resident_id(date(1949, 12, 31)) == "11010519491231002X"


def test_resident_ids_tell_the_birth_date_only_when_their_check_digit_holds() -> None:
    child = resident_id(date(2012, 11, 2))
    wrong = child[:-1] + ("0" if child[-1] != "0" else "1")
    assert young("national_id", child, wrong, resident_id(date(2012, 11, 1)), None) == [
        True,
        False,
        False,
        False,
    ]
    assert young("national_id", f" {child[:6]} {child[6:14]} {child[14:]}", child[:-1], "0" + child[1:]) == [
        True,
        False,
        False,
    ]
    x = next(
        text
        for n in range(100, 200)
        if (text := resident_id(date(2015, 5, 5), sequence=str(n))).endswith("X")
    )
    assert young("national_id", x, x.lower()) == [True, True]


def test_old_resident_ids_are_of_the_1900s() -> None:
    assert young("national_id", "110105990307002") == [False]
    assert young("national_id", "110105990307002", "110105991307002", on=date(2010, 1, 1)) == [True, False]


def test_any_row_and_any_column_suffices_and_others_are_passed_over() -> None:
    subject = pa.array(["a", "a", "b", "c", None, "d"])
    rows = [
        ("birth_date", pa.array(["1990-01-01", "2020-01-01", None, "x", "2020-01-01", None])),
        ("age", pa.array([None, None, 5, 50, 5, None], pa.int64())),
        ("city", pa.array(["2020-01-01"] * 6)),
    ]
    assert minors_in(subject, rows, ON).to_pylist() == ["a", "b"]
    assert minors_in(subject.dictionary_encode(), rows, ON).to_pylist() == ["a", "b"]
    assert minors_in(subject, [], ON).to_pylist() == []
    assert minors_in(subject.slice(0, 0), [("age", pa.array([], pa.int64()))], ON).to_pylist() == []
