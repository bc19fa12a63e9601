"""Text to types: exact amounts, times in the table's zone; what does not fit rejects its record."""

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.intake import Reason, SliceRecords, parse_types

AMOUNT, TIME = pa.decimal128(18, 2), pa.timestamp("us")


def records(values: list[str | None]) -> SliceRecords:
    count = len(values)
    table = pa.table(
        {"v": pa.array(values, pa.string()), "other": pa.array([f"row{n}" for n in range(count)])}
    )
    return SliceRecords(
        3,
        table,
        pa.array([7] * count, pa.int32()),
        pa.array(range(10, 10 + count), pa.int64()),
        (),
        frozenset({"v", "other"}),
    )


def typed(value: str, kind: pa.DataType, zone: str = "UTC") -> object:
    """The value, or None where it was rejected. A good and a null row around it must stay."""
    good = {AMOUNT: "1.5", TIME: "2026-01-01", pa.date32(): "1990-01-01"}.get(kind, "1")
    result = parse_types(records([good, value, None]), {"v": kind}, zone)
    found = result.table["v"].to_pylist()
    assert found[-1] is None and len(result.table) + len(result.rejected) == 3
    assert result.table.schema.field("v").type == kind
    return found[1] if not result.rejected else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.34", Decimal("12.34")),
        ("-0.5", Decimal("-0.50")),
        ("12.340", Decimal("12.34")),
        ("1E2", Decimal("100.00")),
        ("9999999999999999.99", Decimal("9999999999999999.99")),
        ("0012", Decimal("12.00")),
        ("+7", Decimal("7.00")),
        ("12.345", None),
        ("1,234.50", None),
        ("10000000000000000", None),
        ("", None),
        (" 1", None),
        ("nan", None),
        ("abc", None),
        ("$5", None),
        ("１２", None),
    ],
)
def test_amounts_are_exact_or_rejected(text: str, value: Decimal | None) -> None:
    assert typed(text, AMOUNT) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("007", 7),
        ("3.0", 3),
        ("-2.", -2),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("3.5", None),
        ("0x1F", None),
        ("1e3", None),
        ("", None),
        ("1 000", None),
    ],
)
def test_whole_numbers(text: str, value: int | None) -> None:
    assert typed(text, pa.int64()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("-33.8688", -33.8688),
        ("1e-3", 0.001),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("x", None),
        ("", None),
    ],
)
def test_numbers_are_finite(text: str, value: float | None) -> None:
    assert typed(text, pa.float64()) == value


@pytest.mark.parametrize(
    ("text", "zone", "value"),
    [
        ("2026-11-01T10:20:30", "Australia/Sydney", dt.datetime(2026, 11, 1, 10, 20, 30)),
        ("2026-11-01 10:20", "Australia/Sydney", dt.datetime(2026, 11, 1, 10, 20)),
        ("2026-11-01", "Australia/Sydney", dt.datetime(2026, 11, 1)),
        ("2026-11-01T10:20:30.123456", "UTC", dt.datetime(2026, 11, 1, 10, 20, 30, 123456)),
        ("2026-11-01T10:20:30.123456789", "UTC", dt.datetime(2026, 11, 1, 10, 20, 30, 123456)),
        ("2026-11-01T00:20:30Z", "Australia/Sydney", dt.datetime(2026, 11, 1, 11, 20, 30)),
        ("2026-07-01T00:20:30Z", "Australia/Sydney", dt.datetime(2026, 7, 1, 10, 20, 30)),
        ("2026-11-01T10:20:30+08:00", "UTC", dt.datetime(2026, 11, 1, 2, 20, 30)),
        ("2026-11-01 10:20:30 +0800", "UTC", dt.datetime(2026, 11, 1, 2, 20, 30)),
        ("2026-11-01T10:20:30.5-03:30", "UTC", dt.datetime(2026, 11, 1, 13, 50, 30, 500000)),
        ("2026/11/1 9:05", "UTC", dt.datetime(2026, 11, 1, 9, 5)),
        ("1793528430", "UTC", dt.datetime(2026, 11, 1, 10, 20, 30)),
        ("1793528430", "Asia/Shanghai", dt.datetime(2026, 11, 1, 18, 20, 30)),
        ("1793528430123", "UTC", dt.datetime(2026, 11, 1, 10, 20, 30, 123000)),
        ("01/11/2026", "UTC", None),
        ("2026-02-30", "UTC", None),
        ("2026-11-01T25:00:00", "UTC", None),
        ("", "UTC", None),
        ("20261101", "UTC", None),
        ("now", "UTC", None),
        ("2026-11-01T10:20:30+99:00", "UTC", None),
        ("0000-01-01", "UTC", None),
        ("0001-01-01T00:00:00+10:00", "UTC", None),
        ("9999-12-31T23:59:59-10:00", "UTC", None),
        ("2026-11-01T1０:00", "UTC", None),
    ],
)
def test_times(text: str, zone: str, value: dt.datetime | None) -> None:
    assert typed(text, TIME, zone) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1990-02-03", dt.date(1990, 2, 3)),
        ("1990/2/3", dt.date(1990, 2, 3)),
        ("19900203", dt.date(1990, 2, 3)),
        ("1990-02-03 00:00:00", dt.date(1990, 2, 3)),
        ("1990-02-03 01:00:00", None),
        ("03/02/1990", None),
        ("19901302", None),
        ("", None),
    ],
)
def test_dates(text: str, value: dt.date | None) -> None:
    assert typed(text, pa.date32()) == value


ZONES = ["UTC", "Australia/Sydney", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]


@settings(max_examples=100, deadline=None)
@given(
    moments=st.lists(
        st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 1, 1), timezones=st.timezones()), max_size=20
    ),
    zone=st.sampled_from(ZONES),
    form=st.sampled_from(["iso", "Z", "seconds"]),
)
def test_instants_become_wall_time_as_python_has_it(moments: list[dt.datetime], zone: str, form: str) -> None:
    from zoneinfo import ZoneInfo

    moments = [
        moment.replace(microsecond=0).astimezone(dt.UTC)
        for moment in moments
        if moment.year > 2002 or form != "seconds"
    ]
    if form == "iso":
        texts = [moment.isoformat() for moment in moments]
    elif form == "Z":
        texts = [moment.isoformat().replace("+00:00", "Z") for moment in moments]
    else:
        texts = [str(int(moment.timestamp())) for moment in moments]
    result = parse_types(records(list(texts)), {"v": TIME}, zone)
    expected = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    assert result.table["v"].to_pylist() == expected


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(
        st.none()
        | st.decimals("-99999", "99999", places=2).map(str)
        | st.sampled_from(["x", "", "1.234", "0x1"]),
        max_size=40,
    )
)
def test_misfits_move_to_rejected_one_by_one(values: list[str | None]) -> None:
    """Rows and rejections stay aligned with file and record; a rejected record keeps its text."""
    before = records(values)
    after = parse_types(before, {"v": AMOUNT}, "UTC")
    bad = {n for n, value in enumerate(values) if value in ("x", "", "1.234", "0x1")}
    assert [one.record - 10 for one in after.rejected] == sorted(bad)
    assert after.record.to_pylist() == [n + 10 for n in range(len(values)) if n not in bad]
    assert len(after.file) == len(after.table)
    for one in after.rejected:
        assert one.reason == f"v: {Reason.NOT_AMOUNT}" and one.file == 7
        assert json.loads(one.raw) == {"v": values[one.record - 10], "other": f"row{one.record - 10}"}


def test_nothing_shows_a_value() -> None:
    after = parse_types(records(["secret-amount"]), {"v": AMOUNT}, "UTC")
    assert "secret" not in repr(after) and "secret" not in repr(after.rejected)


def test_columns_that_were_not_read_are_left_alone() -> None:
    assert (
        parse_types(records(["1"]), {"absent": AMOUNT, "other": pa.string()}, "UTC").table.schema
        == records(["1"]).table.schema
    )


def test_a_refused_table_names_its_most_frequent_reasons() -> None:
    """Reasons name columns, so there can be many: five are told."""
    from pipeline.errors import InputUnreadable
    from pipeline.release.conservation import Counts, refuse_mostly_unreadable

    reasons = {f"c{n}: {Reason.NOT_AMOUNT}": n for n in range(1, 8)}
    with pytest.raises(InputUnreadable, match=r"read: c7: not an amount[^,]* \(7\), .*, 2 more reasons"):
        refuse_mostly_unreadable([Counts(0, "r", "orders", 30, 2, quarantined=reasons)], 0.5)
