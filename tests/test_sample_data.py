"""The committed sample data: what its generator writes, of valid form, with the stated cases planted."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import phonenumbers
import pytest
import yaml
from stdnum import imei, luhn
from stdnum.cn import ric

from pipeline.classes import CLASSES
from sample_data import consent, devices, orders
from sample_data.chance import parcel_digit
from sample_data.generate import DATES, generate
from sample_data.people import people
from tests.conftest import PROJECT

FOLDER = PROJECT / "sample_data"


@cache
def made() -> dict[str, bytes]:
    return dict(generate())


def content(path: str, stored: bytes) -> bytes:
    return gzip.decompress(stored) if path.endswith(".gz") else stored


@cache
def order_rows(day: date) -> tuple[tuple[str, ...], ...]:
    """All records of a date as a lenient reader sees them, without headers."""
    rows: list[tuple[str, ...]] = []
    for path in sorted((FOLDER / "orders" / str(day)).glob("*.csv")):
        text = path.read_bytes().decode("utf-8-sig")
        rows += [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]
    return tuple(rows)


@cache
def whole_orders(day: date) -> tuple[dict[str, str], ...]:
    return tuple(
        dict(zip(orders.COLUMNS, row, strict=True))
        for row in order_rows(day)
        if len(row) == len(orders.COLUMNS) and re.fullmatch(r"SO\d{13}", row[0])
    )


@cache
def device_lines(day: date) -> tuple[bytes, ...]:
    files = sorted((FOLDER / "devices" / str(day)).glob("*.jsonl.gz"))
    return tuple(line for path in files for line in gzip.decompress(path.read_bytes()).splitlines())


@cache
def whole_events(day: date) -> tuple[dict[str, Any], ...]:
    found = []
    for line in device_lines(day):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return tuple(found)


def flat(event: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def catalog() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        (PROJECT / "configs" / "catalog.yaml").read_text("utf-8")
    )
    return loaded


def test_generator_reproduces_the_committed_files() -> None:
    committed = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md")
    }
    assert committed.keys() == made().keys()
    for path, stored in committed.items():
        # Unpacked: zlib and zlib-ng pack the same lines differently.
        assert content(path, stored) == content(path, made()[path]), path


def test_packed_files_tell_neither_name_nor_time() -> None:
    for path, stored in made().items():
        if path.endswith(".gz"):
            assert stored[:2] == b"\x1f\x8b" and stored[3] == 0 and stored[4:8] == bytes(4), path


def test_sample_data_stays_below_5_mb() -> None:
    assert (
        sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc")
        < 5e6
    )


@pytest.mark.parametrize("day", DATES)
def test_a_date_holds_2000_orders_and_10000_events_in_several_files(day: date) -> None:
    assert len(order_rows(day)) == orders.ORDERS_A_DATE + orders.MALFORMED
    assert len(device_lines(day)) == devices.EVENTS_A_DATE + devices.MALFORMED
    assert len(list((FOLDER / "orders" / str(day)).iterdir())) == len(orders.FILES)
    assert len(list((FOLDER / "devices" / str(day)).iterdir())) == devices.FILES


@pytest.mark.parametrize("day", DATES)
def test_a_date_holds_the_stated_malformed_orders(day: date) -> None:
    def fits(pattern: str, text: str) -> bool:
        return re.fullmatch(pattern, text) is not None

    place = {column: number for number, column in enumerate(orders.COLUMNS)}
    width = len(orders.COLUMNS)
    rows = order_rows(day)
    right = [row for row in rows if len(row) == width]
    assert sorted(len(row) - width for row in rows if len(row) != width) == [17 - width, 2]
    assert sum(not fits(r"SO\d{13}9?", row[0]) for row in right) == 1  # the stray quote
    assert sum(not fits(r"\d+\.\d\d", row[place["amount"]]) for row in right) == 1
    assert sum(not fits(r"2026-11-\d\d \d\d:\d\d:\d\d", row[place["order_time"]]) for row in right) == 1
    assert sum(not fits(r"\d", row[place["quantity"]]) for row in right) == 1


@pytest.mark.parametrize("day", DATES)
def test_a_date_holds_the_stated_malformed_events(day: date) -> None:
    found: Counter[str] = Counter()
    for line in device_lines(day):
        try:
            event = json.loads(line.decode(), parse_constant=lambda _: 1 / 0)
        except UnicodeDecodeError:
            found["no UTF-8"] += 1
        except (ValueError, ZeroDivisionError):
            found["no JSON"] += 1
        else:
            if not isinstance(event, dict):
                found["no object"] += 1
            elif not re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:\d\dZ", event["time"]):
                found["no time"] += 1
            elif isinstance(event.get("gps", {}).get("lat"), str):
                found["no coordinate"] += 1
    assert found == {"no UTF-8": 1, "no JSON": 3, "no object": 1, "no time": 1, "no coordinate": 1}


@pytest.mark.parametrize("day", DATES)
def test_check_digits_hold(day: date) -> None:
    for order in whole_orders(day):
        assert not order["bank_card"] or luhn.is_valid(order["bank_card"])
        assert not order["resident_id"] or ric.is_valid(order["resident_id"])
        assert order["tracking_number"][10] == parcel_digit(order["tracking_number"][2:10])
    seen = [event for event in whole_events(day) if "device" in event]
    assert all(imei.is_valid(event["device"]["imei"]) for event in seen)
    assert all(luhn.is_valid(event["sim"]["iccid"]) for event in seen)
    assert all(len(event["sim"]["imsi"]) == 15 for event in seen)


def test_everybody_has_a_valid_phone_of_their_own() -> None:
    numbers = [number for person in people() for number in (person.mobile, person.contact) if number]
    assert len(set(numbers)) == len(numbers)
    parsed = [phonenumbers.parse(number) for number in numbers]
    assert all(map(phonenumbers.is_valid_number, parsed))
    assert {phonenumbers.region_code_for_number(number) for number in parsed} >= {
        "AU",
        "CN",
        "US",
        "GB",
        "DE",
        "JP",
    }


def test_a_phone_written_in_any_column_is_that_persons() -> None:
    """Australians leave the country code out, so the job must say phone_region: AU."""
    by_account = {person.account: person.mobile for person in people()}
    for order in whole_orders(DATES[0]):
        number = phonenumbers.parse(order["mobile"], "AU")
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert not order["account_id"] or written == by_account[order["account_id"]]


def test_addresses_on_the_network_are_reserved_ones() -> None:
    hosts = set()
    for event in whole_events(DATES[0]):
        assert re.match(r"203\.0\.113\.|198\.51\.100\.|192\.0\.2\.|100\.(64|71)\.|2001:db8:", event["ip"])
        if "web" in event:
            hosts.add(re.sub(r"https://(?:[^/@]*@)?([^/]*)/.*", r"\1", event["web"]["url"]))
    assert all(re.search(r"(^|\.)example\.(com|net|org|cn)$", host) for host in hosts)
    assert all(re.search(r"@(mail\.)?example\.(com|net|org)$", person.email) for person in people())


# DESIGN section 1 names what orders and devices hold; column by column where each is.
_ORDER_FIELDS = {
    "account": "account_id", "nickname": "nickname", "consignee name": "consignee_name",
    "receiving address": "receiving_address", "postcode": "postcode", "mobile": "mobile",
    "contact phone": "contact_phone", "e-mail": "email", "order number": "order_number", "goods": "product",
    "quantity": "quantity", "amount": "amount", "order time": "order_time",
    "payment method": "payment_method",
    "bank card": "bank_card", "resident id": "resident_id", "delivery note": "delivery_note",
    "customer-service chat": "service_chat", "search terms": "search_terms", "birth date": "birth_date",
    "gender": "gender", "age": "age", "browsing": "browsing_history", "cart": "cart",
    "favorites": "favorites",
    "avatar": "avatar_url", "third-party account": "third_party_account", "password": "login_password",
    "card CVV": "card_cvv", "card expiry": "card_expiry", "facial data": "face_template",
}  # fmt: skip
_DEVICE_FIELDS = {
    "device name": "device.name", "model": "device.model", "MAC": "wlan.mac", "IMEI": "device.imei",
    "IMSI": "sim.imsi",
    "ICCID": "sim.iccid", "serial": "device.serial", "device id": "device_id", "advertising id": "ad_id",
    "OS version": "os.version", "app version": "app.version", "language": "device.language",
    "resolution": "device.screen",
    "PLMN": "sim.plmn", "GPS": "gps.lat", "SSID": "wlan.ssid", "BSSID": "wlan.bssid",
    "Bluetooth": "bluetooth.mac",
    "base station": "cell.id", "IP": "ip", "user agent": "web.user_agent", "URL": "web.url",
    "cookie": "web.cookie",
    "app list": "app.list", "process list": "app.processes", "battery": "battery.level",
    "network": "network.status",
    "log line": "log.line", "facial data": "auth.face_embedding",
}  # fmt: skip


@pytest.mark.parametrize("day", DATES)
def test_every_field_of_the_design_has_values(day: date) -> None:
    filled: Counter[str] = Counter()
    for order in whole_orders(day):
        filled.update(column for column, cell in order.items() if cell)
    assert [column for column in _ORDER_FIELDS.values() if filled[column] < 10] == []
    filled = Counter()
    for event in whole_events(day):
        filled.update(column for column, cell in flat(event) if cell not in (None, ""))
    assert [column for column in _DEVICE_FIELDS.values() if filled[column] < 10] == []


def test_catalog_lists_every_column_and_only_those() -> None:
    classes = catalog()
    assert set(classes["orders"]) == set(orders.COLUMNS)
    met = {column for day in DATES for event in whole_events(day) for column, _ in flat(event)}
    assert set(classes["devices"]) == met - {"ev\ufffdent", "battery.was"}
    used = {data_class for columns in classes.values() for data_class in columns.values()}
    # What the sample has no column for: nobody logs a diagnosis, and the rest has a class that says more.
    assert set(CLASSES) - used == {"date", "job", "health", "uuid", "unknown"}


@pytest.mark.parametrize("day", DATES)
def test_minors_show_by_flag_by_birth_date_and_by_resident_id(day: date) -> None:
    kinds = {person.account: person.minor_by for person in people() if person.minor_by}
    met = Counter(kinds[order["account_id"]] for order in whole_orders(day) if order["account_id"] in kinds)
    assert set(met) == {"flag", "birth_date", "resident_id", "birthday"}
    events = Counter(
        kinds[event["account_id"]] for event in whole_events(day) if event.get("account_id") in kinds
    )
    assert set(events) == set(met)
    for order in whole_orders(day):
        kind = kinds.get(order["account_id"])
        if kind in ("flag", "resident_id"):  # nothing else of the row tells the age
            assert not order["birth_date"] and not order["age"]
            assert bool(order["resident_id"]) == (kind == "resident_id")
        if kind == "birthday":
            assert order["age"] == ("13" if day == DATES[0] else "14")


def test_consent_holds_withdrawals_returns_and_late_lines() -> None:
    lines = list(csv.DictReader(io.StringIO(made()["consent.csv"].decode())))
    assert list(lines[0]) == ["account_id", "purpose", "granted", "as_of", "minor"]
    histories: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for line in lines:
        key = (line["account_id"], line["purpose"])
        histories.setdefault(key, []).append((line["as_of"], line["granted"]))
    found: Counter[str] = Counter()
    for history in histories.values():
        newest = max(history)
        if len(history) == 1:
            found["granted" if newest[1] == "true" else "refused"] += 1
        elif newest[1] == "false":
            found["withdrawn"] += 1
        else:
            found["returned" if len(history) == 3 else "old line late"] += 1
        assert len({when for when, _ in history}) == len(history), "equally new lines decide nothing"
    assert all(found[case] > 15 for case in ("granted", "refused", "withdrawn", "returned", "old line late"))
    accounts = {person.account for person in people() if person.account}
    assert {line["purpose"] for line in lines} == set(consent.PURPOSES)
    assert 30 < len(accounts - {line["account_id"] for line in lines}) < 150  # never asked


@pytest.mark.parametrize("day", DATES)
def test_notes_and_chats_mention_the_identity_in_many_ways(day: date) -> None:
    by_account = {person.account: person for person in people() if person.account}
    found: Counter[str] = Counter()
    for order in whole_orders(day):
        person = by_account.get(order["account_id"])
        text = order["delivery_note"] + "\n" + order["service_chat"]
        if person is None:
            continue
        digits = re.sub(r"\D", "", person.mobile)
        groups = r"[ .\-]".join((digits[-9:-6], digits[-6:-3], digits[-3:]))
        found["full name"] += person.name in text
        found["title, Chinese"] += person.chinese and person.title_name in text
        found["title, English"] += not person.chinese and person.title_name in text
        found["phone as is"] += digits[-9:] in text
        found["phone in groups"] += re.search(groups, text) is not None
        found["phone, full width"] += re.search(r"[０-９]{9}", text) is not None
        found["last four"] += re.search(rf"(?<!\d){digits[-4:]}(?!\d)", text) is not None
        found["e-mail"] += person.email in text
        found["street"] += person.street in text
        found["whole address"] += person.address in text
        found["order number"] += order["order_number"] in text
        found["touching Chinese"] += re.search(r"[\u4e00-\u9fff]\d{9,}[\u4e00-\u9fff]", text) is not None
    assert [way for way, times in found.items() if times < 3] == []


@pytest.mark.parametrize("day", DATES)
def test_a_few_cells_would_run_in_a_spreadsheet(day: date) -> None:
    """Phone numbers begin with a plus; beyond them exactly the four deliberate cells do."""
    starts = [
        (column, cell)
        for order in whole_orders(day)
        for column, cell in order.items()
        if cell[:1] in ("=", "-", "@", "\t", "\r") or (cell[:1] == "+" and not cell[1:2].isdigit())
    ]
    assert sorted(starts) == sorted(orders.FORMULAS.values())


def test_people_recur_across_dates_and_tables() -> None:
    buyers = [{order["account_id"] for order in whole_orders(day)} - {""} for day in DATES]
    users = [{event["account_id"] for event in whole_events(day) if event.get("account_id")} for day in DATES]
    assert len(buyers[0] & buyers[1] & buyers[2]) > 100
    assert len(buyers[0] & users[0]) > 100
    logged_in: dict[str, set[str]] = {}
    for event in whole_events(DATES[0]):
        if "device_id" in event:
            logged_in.setdefault(event["device_id"], set()).update(filter(None, [event.get("account_id")]))
    sizes = Counter(len(accounts) for accounts in logged_in.values())
    assert sizes[0] > 20 and sizes[1] > 500 and sizes[2] > 20  # nobody's, one person's, a family's
