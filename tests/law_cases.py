"""Transforms and columns that the laws are checked with."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from transforms import (
    AnyTransform,
    Bands,
    ColumnFacts,
    Context,
    DateShift,
    Drop,
    EncryptGcm,
    EncryptSiv,
    FormatPreserving,
    Hierarchy,
    IpPrefix,
    Keep,
    KeyedHash,
    Keyring,
    MacVendor,
    Mask,
    Prefix,
    Redact,
    Replace,
    RoundLocation,
    RoundNumber,
    Sha256,
    Surrogate,
    TopBottomCode,
    Transform,
    TruncateTime,
    UnsuitableColumn,
    UrlClean,
    WeakChoice,
)

KEYRING = Keyring({"k1": bytes(range(32)), "k2": bytes(range(1, 33))}, "k1")


CONTEXT = Context("analysts", "research", "phone", "static", "2026-11-01", "orders", "mobile")


INSTANCES: list[Transform] = [
    Keep(),
    Drop(),
    Replace(value="gone"),
    Redact(),
    Redact(tag="[MOBILE_PHONE]"),
    Mask(),
    Mask(keep_first=1),
    Mask(keep_first=3, keep_last=4, character="#"),
    Mask(keep_first=1, keep_domains=("gmail.com", "qq.com")),
    Mask(keep_last=2, length="same"),
    Mask(keep_last=2, length="same", keep_domains=("gmail.com",), character="•"),
    Mask(keep_first=1, keep_last=4, length="same", preserve_separators=True),
    Mask(length="same", preserve_separators=True, keep_domains=("gmail.com",)),
    KeyedHash(),
    KeyedHash(normal_form="phone:AU"),
    KeyedHash(normal_form="name"),
    Sha256(),
    Sha256(normal_form="email"),
    EncryptSiv(),
    EncryptSiv(pad=64),
    EncryptGcm(),
    EncryptGcm(pad="none"),
    FormatPreserving(),
    FormatPreserving(normal_form="phone:AU", keep_prefix=2),
    FormatPreserving(keep_suffix=3),
    FormatPreserving(low="0", high="123456789.5"),
    FormatPreserving(low="-4000000000000000000", high="4000000000000000000"),
    FormatPreserving(low="1990-01-01", high="2026-12-31 23:59:59", unit="second"),
    FormatPreserving(low="0001-01-01", high="9999-12-31"),
    Prefix(length=1),
    Prefix(length=3, of="digits"),
    Bands(edges=(Decimal(0),)),
    Bands(edges=(Decimal(10), Decimal(11), Decimal(20), Decimal(65))),
    Bands(edges=(Decimal("-0.5"), Decimal("9.99"))),
    RoundNumber(step=Decimal(10)),
    RoundNumber(step=Decimal("0.5")),
    TruncateTime(unit="year"),
    TruncateTime(unit="week"),
    TruncateTime(unit="hour"),
    TruncateTime(unit="part_of_day"),
    IpPrefix(),
    IpPrefix(v4=16, v6=32),
    RoundLocation(),
    RoundLocation(decimals=0),
    RoundLocation(grid=Decimal("0.25")),
    MacVendor(),
    UrlClean(),
    UrlClean(keep="host"),
    Hierarchy(lookup={"Perth": "WA", "Sydney": "NSW", "7": "odd"}),
    Surrogate(),
    Surrogate(locale="auto", kind="person_name"),
    Surrogate(locale="de_DE", kind="postal_address", by="value"),
    Surrogate(locale="ja_JP", kind="company"),
    Surrogate(kind="email"),
    DateShift(),
    DateShift(unit="week", max_days=730),
    DateShift(unit="second", max_days=30),
    TopBottomCode(top=Decimal(100)),
    TopBottomCode(bottom=Decimal(-5), top=Decimal(90)),
]


IDS = [f"{i}-{transform.transform}" for i, transform in enumerate(INSTANCES)]


TEXTS = [
    "+61412345678",
    "0412 345 678",
    "张伟",
    "",
    "é",
    "👩‍👩‍👧",
    "𝔘𝔫𝔦",
    "jane@gmail.com",
    "a@b@qq.com",
    "203.0.113.77",
    "2001:db8::1",
    "::ffff:203.0.113.9",
    "a4:5e:60:c2:00:01",
    "https://u:p@www.example.co.uk:8080/p?q=1#f",
    "-33.8688,151.2093",
    "Perth",
    "invalid",
    "29",
    "-7.5",
    "=1+1",
    "a\nb",
    None,
]


COLUMNS: dict[str, pa.Array] = {
    "text": pa.array(TEXTS, pa.string()),
    "integer": pa.array([0, 1, -7, 25, 15, 10**12, -(2**63), 2**63 - 1, None], pa.int64()),
    "decimal": pa.array(
        [Decimal("1.25"), Decimal("-0.25"), Decimal(0), Decimal("9999999999999999.99"), None],
        pa.decimal128(18, 2),
    ),
    "float": pa.array([0.0, -0.0, -33.8688, 151.2093, 1e300, float("inf"), float("nan"), None], pa.float64()),
    "time": pa.array(
        [dt.datetime(2026, 11, 1, 23, 59, 59, 999999), dt.datetime(1899, 12, 31), None], pa.timestamp("us")
    ),
}


def rows_of(array: pa.Array) -> pa.Array:
    return pa.array([f"row {i}" for i in range(len(array))])


def facts_of(array: pa.Array) -> ColumnFacts:
    return ColumnFacts("mobile_phone", "direct_identifier", 3, array.type)


def suits(transform: Transform, array: pa.Array) -> bool:
    try:
        transform.output(facts_of(array))
    except (UnsuitableColumn, WeakChoice):
        return False
    return True


CASES = [
    pytest.param(transform, array, id=f"{name}-{family}")
    for transform, name in zip(INSTANCES, IDS, strict=True)
    for family, array in COLUMNS.items()
    if suits(transform, array)
]


def same(left: pa.Array, right: pa.Array) -> bool:
    """Equal type, nulls and values; NaN equals NaN."""
    if pa.types.is_floating(left.type) and left.type == right.type:
        return [repr(v) for v in left.to_pylist()] == [repr(v) for v in right.to_pylist()]
    return bool(left.equals(right))


# Parameters that are refused, and what is said.
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: RoundNumber(step=Decimal(-1)), "must be positive, is -1"),
    (lambda: RoundNumber(step=Decimal(0)), "must be positive, is 0"),
    (lambda: RoundNumber(step=Decimal("NaN")), "finite"),
    (lambda: Bands(edges=()), "must have 1 to 200 edges, has 0"),
    (lambda: Bands(edges=(Decimal(2), Decimal(1))), "must ascend"),
    (lambda: Mask(character="ab"), "must be one printable character"),
    (lambda: Mask(character="7"), "must be one printable character"),
    (lambda: Mask(character="="), "spreadsheet"),
    (lambda: Mask(preserve_separators=True), "must go with length: same"),
    (lambda: Mask(keep_first=-1), "greater than or equal to 0"),
    (lambda: IpPrefix(v4=25), "less than or equal to 24"),
    (lambda: IpPrefix(v6=49), "less than or equal to 48"),
    (lambda: RoundLocation(decimals=3), "less than or equal to 2"),
    (lambda: RoundLocation(grid=Decimal("0.001")), "must be from 0.01 to 90 degrees"),
    (lambda: RoundLocation(grid=Decimal("0.0123456")), "at most 6 decimals, has 7"),
    (lambda: RoundLocation(grid=Decimal(1), decimals=1), "not both"),
    (Hierarchy, "either a file or a lookup"),
    (lambda: Hierarchy(file="a.csv", lookup={"a": "b"}), "either a file or a lookup"),
    (lambda: Prefix(length=0), "greater than or equal to 1"),
    (lambda: KeyedHash(normal_form="phones"), "normal form must be one of"),
    (lambda: Redact(tag="PHONE"), "match pattern"),
    (lambda: EncryptSiv(pad=1), "greater than or equal to 2"),
    (lambda: DateShift(max_days=29), "greater than or equal to 30"),
    (lambda: DateShift(unit="week", max_days=209), "must be at least 210 with unit: week, is 209"),
    (TopBottomCode, "must have a bottom, a top, or both"),
    (lambda: TopBottomCode(bottom=Decimal(2), top=Decimal(2)), "bottom must be below top"),
    (lambda: TopBottomCode(top=Decimal("Infinity")), "finite|number"),
    (lambda: Surrogate(locale="xx_XX"), "Input should be"),
    (lambda: TypeAdapter(AnyTransform).validate_python({"transform": "mask", "keep": 1}), "Extra inputs"),
]


# Columns that the plan refuses, and so does the bound transform.
UNSUITABLE: list[tuple[Transform, pa.Array]] = [
    (IpPrefix(), COLUMNS["integer"]),
    (RoundNumber(step=Decimal(1)), COLUMNS["text"]),
    (RoundNumber(step=Decimal("0.5")), COLUMNS["integer"]),
    (RoundNumber(step=Decimal("0.001")), COLUMNS["decimal"]),
    (TruncateTime(unit="day"), COLUMNS["text"]),
    (TruncateTime(unit="hour"), pa.array([dt.date(2026, 1, 1)])),
    (KeyedHash(), pa.array([True])),
    (Mask(), pa.array([b"bytes"])),
    (Surrogate(), COLUMNS["integer"]),
    (DateShift(), COLUMNS["text"]),
    (DateShift(unit="second"), pa.array([dt.date(2026, 1, 1)])),
    (TopBottomCode(top=Decimal("0.5")), COLUMNS["integer"]),
    (TopBottomCode(top=Decimal("0.001")), COLUMNS["decimal"]),
    (TopBottomCode(top=Decimal(300)), pa.array([1], pa.int8())),
]


# Cells of no transform with these parameters: a domain that held everything would prove nothing.
OUTSIDE: list[tuple[Transform, str]] = [
    (KeyedHash(), "0" * 31),
    (KeyedHash(), "0" * 31 + "G"),
    (KeyedHash(), "0" * 31 + "\n"),
    (Sha256(), "a" * 32),
    (EncryptSiv(), "p1.k1."),
    (EncryptSiv(), "+61412345678"),
    (Replace(value="gone"), "here"),
    (Redact(tag="[PHONE]"), "[EMAIL]"),
    (Mask(keep_first=1), "+61412345678"),
    (Mask(keep_first=1), "ab****"),
    (Mask(keep_first=1, keep_domains=("qq.com",)), "j****@example.com"),
    (Mask(keep_last=1, length="same"), "abc"),
    (Prefix(length=2), "abc"),
    (Prefix(length=2, of="digits"), "ab"),
    (Bands(edges=(Decimal(1),)), "1"),
    (IpPrefix(), "203.0.113.7"),
    (IpPrefix(), "203.0.113.0/32"),
    (MacVendor(), "A4:5E:60:C2:00:01"),
    (MacVendor(), "A6:5E:60"),
    (UrlClean(), "https://example.com/"),
    (RoundLocation(), "-33.8688,151.2093"),
    (Hierarchy(lookup={"Perth": "WA"}), "Perth"),
    (Surrogate(), "+61412345678"),
    (Surrogate(), "+1212555010"),
    (Surrogate(kind="person_name"), "Perth"),
    (Surrogate(kind="email"), "ann.smith.10@gmail.com"),
]
