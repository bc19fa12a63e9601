"""Numbers, times, places, networks, devices and sites: exact results, edges, and hostile input."""

import datetime as dt
import ipaddress
import math
import socket
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import (
    Bands,
    Context,
    IpPrefix,
    MacVendor,
    RoundLocation,
    RoundNumber,
    Transform,
    TruncateTime,
    UrlClean,
)

CONTEXT = Context("analysts", "research", "other", "static")


def one(transform: Transform, value: object, data_type: pa.DataType | None = None) -> object:
    return transform.bind(None, CONTEXT)(pa.array([value], data_type))[0].as_py()


# ------------------------------------------------------------------ bands


AGES = Bands(edges=(Decimal(18), Decimal(19), Decimal(20), Decimal(30)))


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (17, "<18"),
        (18, "18"),
        (19, "19"),
        (20, "20-29"),
        (29, "20-29"),
        (30, ">=30"),
        (-5, "<18"),
        (2**63 - 1, ">=30"),
    ],
)
def test_bands_of_integers_and_of_their_text(value: int, label: str) -> None:
    """A lower edge belongs to its band; text is read as a number."""
    assert one(AGES, value) == label
    if abs(value) < 10**15:
        assert one(AGES, f" {value} ") == label


@pytest.mark.parametrize(
    ("text", "label"),
    [("29.5", "20-29"), ("+18", "18"), ("007", "<18")]
    + [(text, "invalid") for text in ("", "abc", "1e3", "20 years", "²", "--1", "+-1", "9" * 16, "nan")],
)
def test_bands_of_text(text: str, label: str) -> None:
    """What is no number does not pass."""
    assert one(AGES, text) == label


def test_bands_of_decimals_and_floats() -> None:
    """Half-open labels, exact at the edge; floats that are not finite are `invalid`."""
    prices = Bands(edges=(Decimal(0), Decimal("9.99"), Decimal(100)))
    amounts = pa.array(
        [Decimal("-0.01"), Decimal("0.00"), Decimal("9.98"), Decimal("9.99"), Decimal("100.00")]
    )
    labels = ["<0", "0-<9.99", "0-<9.99", "9.99-<100", ">=100"]
    assert prices.bind(None, CONTEXT)(amounts).to_pylist() == labels
    floats = pa.array([-0.01, 0.0, 9.98, 9.99, 100.0, math.nan, math.inf, -math.inf])
    assert prices.bind(None, CONTEXT)(floats).to_pylist() == [*labels, "invalid", "invalid", "invalid"]


@settings(deadline=None)
@given(
    shares=st.lists(st.none() | st.integers(-9, 9) | st.fractions(-1, 1), min_size=1, max_size=20),
    edges=st.sets(st.decimals(-3, 3, places=4) | st.integers(-(10**14), 10**14).map(Decimal), min_size=1),
    scale=st.sampled_from([0, 2, 5]),
    precision=st.sampled_from([17, 18, 19, 24]),  # in 64 bits, and beyond
    make=st.sampled_from([pa.decimal128, pa.decimal256]),
    skipped=st.integers(0, 3),
)
def test_a_decimal_lies_above_exactly_the_edges_that_it_reaches(
    *,
    shares: list[int | Fraction | None],
    edges: set[Decimal],
    scale: int,
    precision: int,
    make: Callable[[int, int], pa.DataType],
    skipped: int,
) -> None:
    """Whatever the type's digits, edges between two of its values, nulls and slices."""
    greatest = 10**precision - 1
    cells = [int(one * greatest) if isinstance(one, Fraction) else one for one in shares]
    values = [None if cell is None else Decimal(cell).scaleb(-scale) for cell in cells]
    ascending = tuple(sorted(edges))
    banding = Bands(edges=ascending)
    labels = banding.labels("decimal")
    column = pa.array(values, make(precision, scale)).slice(skipped)
    expected = [None if v is None else labels[sum(v >= edge for edge in ascending)] for v in values[skipped:]]
    assert banding.bind(None, CONTEXT).map_values(column).to_pylist() == expected


# ------------------------------------------------------------------ rounding


def nearest(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step


@settings(deadline=None)
@given(value=st.integers(-(10**17), 10**17), step=st.sampled_from([1, 2, 5, 7, 10, 1000, 10**15]))
def test_integers_round_exactly(value: int, step: int) -> None:
    """Nearest multiple, ties to even; no float in between."""
    assert one(RoundNumber(step=Decimal(step)), value, pa.int64()) == nearest(Decimal(value), Decimal(step))


@settings(deadline=None)
@given(cents=st.integers(-(10**17), 10**17), step=st.sampled_from(["0.01", "0.05", "0.5", "1", "3", "100"]))
def test_amounts_round_exactly(cents: int, step: str) -> None:
    """decimal128(18, 2) in and out, to the cent."""
    value = Decimal(cents).scaleb(-2)
    assert one(RoundNumber(step=Decimal(step)), value, pa.decimal128(18, 2)) == nearest(value, Decimal(step))


def test_ties_go_to_the_even_multiple() -> None:
    """15 -> 20, 25 -> 20: no drift upward over many values."""
    tens = RoundNumber(step=Decimal(10)).bind(None, CONTEXT)
    assert tens(pa.array([5, 15, 25, -5, -15])).to_pylist() == [0, 20, 20, 0, -20]
    assert [repr(v) for v in tens(pa.array([5.0, 15.0, 25.0, -1.0])).to_pylist()] == [
        "0.0",
        "20.0",
        "20.0",
        "0.0",
    ]


def test_a_result_outside_the_type_stays_inside() -> None:
    """The largest amount of 18 digits has no next hundred: it gets the one below."""
    largest = Decimal("9999999999999999.99")
    assert one(RoundNumber(step=Decimal(100)), largest, pa.decimal128(18, 2)) == Decimal(
        "9999999999999900.00"
    )
    assert one(RoundNumber(step=Decimal(1000)), 2**63 - 1, pa.int64()) == 9223372036854775000
    assert one(RoundNumber(step=Decimal(1000)), -128, pa.int8()) == 0


# ------------------------------------------------------------------ times


TIME = dt.datetime(2026, 11, 22, 23, 59, 59, 999999)  # a Sunday


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("year", dt.datetime(2026, 1, 1)),
        ("quarter", dt.datetime(2026, 10, 1)),
        ("month", dt.datetime(2026, 11, 1)),
        ("week", dt.datetime(2026, 11, 16)),
        ("day", dt.datetime(2026, 11, 22)),
        ("hour", dt.datetime(2026, 11, 22, 23)),
        ("part_of_day", "evening"),
    ],
)
def test_units_of_time(unit: str, expected: object) -> None:
    """Each unit's beginning; weeks begin on Monday."""
    transform = TruncateTime.model_validate({"transform": "truncate_time", "unit": unit})
    assert one(transform, TIME, pa.timestamp("us")) == expected


def test_parts_of_day_change_at_0_6_12_and_18() -> None:
    """Six hours each."""
    times = pa.array([dt.datetime(2026, 1, 1, hour, 59) for hour in range(24)], pa.timestamp("us"))
    parts = TruncateTime(unit="part_of_day").bind(None, CONTEXT)(times).to_pylist()
    assert parts == ["night"] * 6 + ["morning"] * 6 + ["afternoon"] * 6 + ["evening"] * 6


@settings(deadline=None)
@given(value=st.datetimes(dt.datetime(1, 1, 8), dt.datetime(9999, 12, 31)))
def test_truncation_agrees_with_the_calendar(value: dt.datetime) -> None:
    """Before 1970, too."""
    day = dt.datetime(value.year, value.month, value.day)
    expected = {
        "year": day.replace(month=1, day=1),
        "quarter": day.replace(month=(value.month - 1) // 3 * 3 + 1, day=1),
        "month": day.replace(day=1),
        "week": day - dt.timedelta(days=value.weekday()),
        "day": day,
        "hour": day.replace(hour=value.hour),
    }
    for unit, beginning in expected.items():
        transform = TruncateTime.model_validate({"transform": "truncate_time", "unit": unit})
        assert one(transform, value, pa.timestamp("us")) == beginning


# ------------------------------------------------------------------ places


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        ("-33.8688,151.2093", "-33.87,151.21"),
        (" -33.8688 , 151.2093 ", "-33.87,151.21"),
        ("31.2304;121.4737", "31.23,121.47"),
        ("-0.001,0.004", "0.00,0.00"),
        ("90,180", "90.00,180.00"),
        ("91,0", "invalid"),
        ("0,181", "invalid"),
        ("0", "invalid"),
        ("12 Example St", "invalid"),
        ("33.8688123,151.2093,5", "invalid"),
        ("nan,nan", "invalid"),
        ("１２,３４", "invalid"),
    ],
)
def test_coordinates_in_text(text: str, rounded: str) -> None:
    """Latitude first; what is no coordinate does not pass, and no sign is left of what rounds to zero."""
    assert one(RoundLocation(), text) == rounded


def test_coordinates_in_floats() -> None:
    """Two decimals at most; a grid; numbers that are no degrees become null instead of passing."""
    column = pa.array([151.2093, -33.8688, -0.001, 180.0, 1512093.0, math.nan, math.inf, None])
    assert [repr(v) for v in RoundLocation().bind(None, CONTEXT)(column).to_pylist()] == [
        "151.21", "-33.87", "0.0", "180.0", "None", "None", "None", "None",
    ]  # fmt: skip
    grid = RoundLocation(grid=Decimal("0.25")).bind(None, CONTEXT)(column).to_pylist()
    assert grid[:3] == [151.25, -33.75, 0.0]
    tenths = RoundLocation(decimals=1).bind(None, CONTEXT)(pa.array([0.34])).to_pylist()
    assert repr(tenths[0]) == "0.3"


@given(
    degrees=st.tuples(
        st.decimals(-90, 90, places=6),
        st.sampled_from([",", ";", " ", "\u3000,\x1f"]),
        st.decimals(-180, 180, places=20),
    ),
    step=st.sampled_from(["1", "0.1", "0.01", "0.25", "0.07", "7", "0.012345"]),
)
def test_pairs_round_like_decimals(degrees: tuple[Decimal, str, Decimal], step: str) -> None:
    """To the nearest multiple, exactly, halves to the even one; written with the decimals of the step."""
    latitude, between, longitude = degrees
    places = max(0, -int(Decimal(step).normalize().as_tuple().exponent))
    nearest = [
        (number / Decimal(step)).to_integral_value(ROUND_HALF_EVEN) * Decimal(step)
        for number in (latitude, longitude)
    ]
    expected = ",".join(f"{number if number else abs(number):.{places}f}" for number in nearest)
    written = f"{latitude:f}{between}{longitude:f}"
    assert one(RoundLocation(grid=Decimal(step)), written) == expected


# ------------------------------------------------------------------ networks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:7:8::1", "2001:db8:7::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("0:0:0:0:0:FFFF:CB00:714D", "203.0.113.0/24"),
        ("2002:cb00:714d::1", "203.0.113.0/24"),  # 6to4: /48 would hold the whole IPv4 address
        ("2001:0:4136:e378:8000:63bf:34ff:8eb2", "203.0.113.0/24"),  # Teredo
        ("fe80::1%eth0", "fe80::/48"),
        ("[2001:db8::1]", "2001:db8::/48"),
        (" 203.0.113.77 ", "203.0.113.0/24"),
        ("203.0.113.77:80", "invalid"),
        ("203.0.113.256", "invalid"),
        ("203.0.113.077", "invalid"),
        ("203.0.113", "invalid"),
        ("203.0.113.77\n203.0.113.78", "invalid"),
        ("3405803853", "invalid"),
        ("jane", "invalid"),
        ("", "invalid"),
    ],
)
def test_networks(address: str, network: str) -> None:
    """/24 and /48; embedded IPv4 counts as IPv4; what is no address does not pass."""
    assert one(IpPrefix(), address) == network


@settings(deadline=None)
@given(address=st.ip_addresses(), v4=st.integers(8, 24), v6=st.integers(16, 48))
def test_no_more_bits_than_declared_remain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, v4: int, v6: int
) -> None:
    """The result is the same for every address of the network, so the lower bits are gone."""
    transform = IpPrefix(v4=v4, v6=v6)
    network = ipaddress.ip_network(str(one(transform, str(address))))
    assert network.prefixlen == (v4 if network.version == 4 else v6)
    if network.version == address.version:
        assert address in network


@settings(deadline=None)
@given(
    v4=st.integers(8, 24),
    addresses=st.lists(
        st.none()
        | st.ip_addresses().map(str)
        | st.sampled_from(["", "jane", "1.2.3.4\n", "01.2.3.4", " 1.2.3.4 "])
    ),
)
def test_a_column_of_addresses_is_masked_like_each_of_them(v4: int, addresses: list[str | None]) -> None:
    """The quick paths for IPv4 keep as many bits as the standard library's networks, and mix up no rows."""
    expected = []
    for address in addresses:
        try:
            found = ipaddress.ip_address((address or "").strip())
        except ValueError:
            expected.append(None if address is None else "invalid")
            continue
        if isinstance(found, ipaddress.IPv6Address):
            expected.append(one(IpPrefix(v4=v4), str(address)))
        else:
            expected.append(str(ipaddress.ip_network((found, v4), strict=False)))
    column = pa.array([None, *addresses], pa.string()).slice(1)
    assert IpPrefix(v4=v4).bind(None, CONTEXT)(column).to_pylist() == expected


_GROUPS = st.sampled_from(
    ["", "", "0", "1", "ffff", "FFFF", "2001", "2002", "64", "00000", "g", "203.0.113.9"]
)


@settings(deadline=None, max_examples=500)
@given(
    v6=st.integers(16, 48),
    address=st.lists(_GROUPS, min_size=1, max_size=9).map(":".join) | st.ip_addresses().map(str),
)
def test_networks_of_v6_are_those_of_the_standard_library(v6: int, address: str) -> None:
    """However it is written; where IPv4 hides inside, `test_networks` tells what becomes of it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        assert one(IpPrefix(v6=v6), address) == "invalid"
        return
    if isinstance(found, ipaddress.IPv6Address) and not (
        found.ipv4_mapped or found.sixtofour or found.teredo
    ):
        whole = str(found).partition("%")[0]
        assert one(IpPrefix(v6=v6), address) == str(ipaddress.ip_network((whole, v6), strict=False))


# ------------------------------------------------------------------ devices


@pytest.mark.parametrize(
    ("mac", "vendor"),
    [
        ("a4:5e:60:c2:00:01", "A4:5E:60"),
        ("A4-5E-60-C2-00-01", "A4:5E:60"),
        ("a45e.60c2.0001", "A4:5E:60"),
        ("a45e60c20001", "A4:5E:60"),
        ("a6:5e:60:c2:00:01", "random"),
        ("02:00:00:00:00:00", "random"),
        ("ff:ff:ff:ff:ff:ff", "random"),
        ("01:00:5e:00:00:fb", "invalid"),
        ("00:00:00:00:00:00", "invalid"),
        ("a4:5e-60:c2:00:01", "invalid"),
        ("a4:5e:60:c2:00", "invalid"),
        ("a4:5e:60:c2:00:01:02", "invalid"),
        ("jane's phone", "invalid"),
        ("", "invalid"),
    ],
)
def test_vendors(mac: str, vendor: str) -> None:
    """OUI only; random addresses say so; group addresses, zeros and other text do not pass."""
    assert one(MacVendor(), mac) == vendor


# ------------------------------------------------------------------ sites


@pytest.mark.parametrize(
    ("url", "domain", "host"),
    [
        ("https://www.example.co.uk/a?b=c#d", "example.co.uk", "www.example.co.uk"),
        ("HTTP://WWW.Example.COM:8080", "example.com", "www.example.com"),
        ("//shop.example.com.au/", "example.com.au", "shop.example.com.au"),
        ("example.com/p/1", "example.com", "example.com"),
        ("example.com.", "example.com", "example.com"),
        ("https://jane:secret@example.com/", "example.com", "example.com"),
        ("https://jane@evil.org@example.com/", "example.com", "example.com"),
        ("https://example.com\\@evil.org/", "example.com", "example.com"),
        ("https://example.com?u=https://other.org", "example.com", "example.com"),
        ("https://example.com#@other.org", "example.com", "example.com"),
        ("https://jane.github.io/", "github.io", "jane.github.io"),
        ("https://müller.de/", "xn--mller-kva.de", "xn--mller-kva.de"),
        ("https://淘宝.中国/", "xn--pbt173b.xn--fiqs8s", "xn--pbt173b.xn--fiqs8s"),
        ("https://203.0.113.7/", "invalid", "invalid"),
        ("https://[2001:db8::1]/", "invalid", "invalid"),
        ("https://0x7f.1/", "invalid", "invalid"),
        ("https://3405803853/", "invalid", "invalid"),
        ("https://1.2.3.example.0x1", "invalid", "invalid"),
        ("https://localhost/", "invalid", "invalid"),
        ("https://janes-iphone.local/", "invalid", "invalid"),
        ("https://co.uk/", "invalid", "invalid"),
        ("https://ex%61mple.com/", "invalid", "invalid"),
        ("https://exa mple.com/", "invalid", "invalid"),
        ("https://example.com\n.evil.org/", "invalid", "invalid"),
        ("https:///path", "invalid", "invalid"),
        ("https://example.com:port/", "invalid", "invalid"),
        ("mailto:jane@example.com", "invalid", "invalid"),
        ("jane@example.com", "invalid", "invalid"),
        ("javascript:alert('jane.com')", "invalid", "invalid"),
        ("data:text/plain,jane.com", "invalid", "invalid"),
        ("/orders?name=jane", "invalid", "invalid"),
        ("https://" + "a" * 64 + ".com", "invalid", "invalid"),
        ("https://" + "a." * 127 + "com", "invalid", "invalid"),
        ("https://-a.com/", "invalid", "invalid"),
        ("not a url", "invalid", "invalid"),
        ("", "invalid", "invalid"),
    ],
)
def test_sites(url: str, domain: str, host: str) -> None:
    """User, password, port, path, query and fragment are gone; IP addresses and other hosts do not pass."""
    assert one(UrlClean(), url) == domain
    assert one(UrlClean(keep="host"), url) == host


@settings(deadline=None)
@given(
    secret=st.text(st.sampled_from("abcdefghijk/?#@:\\%&=."), min_size=3, max_size=12),
    form=st.sampled_from(
        ["https://u{}@shop.com/", "https://shop.com/{}", "https://shop.com?{}", "https://shop.com#{}"]
    ),
)
def test_nothing_outside_the_host_gets_out(secret: str, form: str) -> None:
    """Whatever stands in user information, path, query or fragment, none of it is in the result."""
    url = form.format("zz" + secret)
    shown = str(one(UrlClean(keep="host"), url))
    if form.startswith("https://shop.com"):
        assert shown == "shop.com"
    else:
        # Where the secret itself ends the authority, what stands before is the host, as in every browser.
        assert not set(shown) & set("/?#@:\\%&=")


def test_public_suffixes_come_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh list is loaded with sockets forbidden."""
    from transforms import public_suffix

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    public_suffix._extractor.cache_clear()
    assert public_suffix.registrable_domain("a.b.example.co.uk") == "example.co.uk"
