"""Which forms decide, support or contradict a class, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Support:
    """What the values of a column must be like for its name to be believed.

    The best of `forms` must hold for `least` of the distinct values (`weak_least` where the name is weak);
    none of `contradictions` may hold for more than its share.
    """

    forms: tuple[str, ...] = ()
    least: float = 0.6
    weak_least: float = 0.8
    contradictions: Mapping[str, float] = field(default_factory=dict)
    distinct: int = 1
    longest: float = 400  # mean length in characters


# Form, class, least share, least number of distinct values. In order: the first that holds decides.
STRONG: tuple[tuple[str, str, float, int], ...] = (
    ("email", "email", 0.8, 1),
    ("url", "url", 0.8, 1),
    ("mac", "mac", 0.8, 1),
    ("uuid", "uuid", 0.8, 1),
    ("ip", "ip", 0.8, 1),
    ("resident_id", "national_id", 0.8, 1),
    ("resident_digits", "national_id", 0.8, 3),
    ("us_ssn", "national_id", 0.8, 3),
    ("iccid", "iccid", 0.8, 2),
    ("imei", "imei", 0.8, 3),
    ("bank_card", "bank_card", 0.8, 3),
    ("iban", "bank_card", 0.8, 3),
    ("international_phone", "contact_phone", 0.8, 2),
    ("chinese_mobile", "mobile_phone", 0.9, 5),
    ("laid_out_phone", "contact_phone", 0.8, 5),
    ("pair", "gps", 0.8, 3),
    ("user_agent", "user_agent", 0.8, 3),
    ("gender", "gender", 1.0, 2),
    ("honorific", "honorific", 1.0, 2),
    ("screen", "resolution", 0.9, 3),
)

# A strong form says what the values are; the name may say whose.
REFINEMENTS: Mapping[str, tuple[str, ...]] = {
    "email": ("username", "account_id"),
    "url": ("avatar", "browsing", "face"),
    "mac": ("bssid", "device_id"),
    "uuid": ("device_id", "account_id", "order_id", "cookie", "serial"),
    "imei": ("device_id",),
    "contact_phone": ("mobile_phone", "account_id", "username"),
    "mobile_phone": ("contact_phone", "account_id", "username"),
    "user_agent": (),
}

_NO_NUMBERS: Mapping[str, float] = {"number": 0.3, "truth": 0.5, "url": 0.3, "uuid": 0.3, "moment": 0.3}
_NO_PROSE: Mapping[str, float] = {"machine": 0.2, "url": 0.5}
_NO_DATES: Mapping[str, float] = {"day": 0.5, "moment": 0.5}

# Phrases that mean a part of their class, or may mean another, whose values look otherwise.
_HOUSE = Support(("house",), 0.6, 0.9, longest=20)
_JOB = Support(("job",), 0.3, 0.3, {"number": 0.3, "machine": 0.2}, longest=60)
_OF_SOMEBODY = Support(
    ("person", "chinese_name", "surname"),
    0.3,
    0.3,
    {"number": 0.3, "machine": 0.1, "sentence": 0.3, "company": 0.35},
    2,
    40,
)
_PLACED = Support(("pair", "latitude"), 0.8, 0.9, distinct=3)
_WRITTEN = Support(("letters",), 0.5)
SUPPORT_OF_PHRASES: Mapping[tuple[str, str], Support] = {
    ("postal_address", "house number"): _HOUSE,
    ("postal_address", "house no"): _HOUSE,
    ("job", "title"): _JOB,
    ("job", "position"): _JOB,
    ("person_name", "name"): _OF_SOMEBODY,
    ("account_id", "subscriber id"): Support(
        ("id_like",), contradictions={"imsi": 0.8}, distinct=2, longest=64
    ),
    ("gps", "location"): _PLACED,
    ("gps", "geo"): _PLACED,
    ("health", "disease"): _WRITTEN,  # deaths by disease are counts
    ("health", "illness"): _WRITTEN,
}

SUPPORT: Mapping[str, Support] = {
    "account_id": Support(("id_like", "email"), contradictions=_NO_DATES, distinct=2, longest=64),
    "nickname": Support(contradictions={"truth": 0.9}, longest=40),
    "username": Support(contradictions={"sentence": 0.3, "moment": 0.3, "truth": 0.9}, longest=64),
    "password": Support(contradictions={"truth": 0.9, "sentence": 0.5}),
    "person_name": Support(
        ("name", "whole_name", "chinese_name"),
        0.7,
        0.9,
        {**_NO_NUMBERS, "machine": 0.1, "sentence": 0.3, "company": 0.35, "country": 0.5},
        2,
        40,
    ),
    "mobile_phone": Support(("phone", "damaged_number"), 0.6, 0.9, {"truth": 0.9}, longest=24),
    "contact_phone": Support(("phone", "damaged_number"), 0.6, 0.9, {"truth": 0.9}, longest=24),
    "email": Support(("email",), 0.3, 0.5),
    "postal_address": Support(
        ("letters", "street"), 0.3, 0.6, {"machine": 0.3, "number": 0.9, "mac": 0.3, "ip": 0.3}
    ),
    "city": Support(("letters",), 0.8, 0.9, {**_NO_NUMBERS, "sentence": 0.3}, longest=40),
    "region": Support(("letters",), 0.8, 0.9, {**_NO_NUMBERS, "sentence": 0.3}, longest=40),
    "country": Support(("country",), 0.4, 0.8, {**_NO_NUMBERS, "sentence": 0.3}, longest=40),
    "postcode": Support(("postcode",), 0.6, 0.9, {"truth": 0.9}, longest=12),
    "gender": Support(("gender_letter", "gender"), 0.6, 1.0, longest=20),
    "age": Support(("age",), 0.9, 1.0, {"truth": 0.9}, 3),
    "birth_date": Support(("day", "moment"), 0.6, 0.9),
    "national_id": Support(
        ("id_like", "spaced_id", "resident_id"), 0.5, 0.9, {"truth": 0.9, "moment": 0.3}, longest=32
    ),
    "bank_card": Support(("bank_card", "damaged_number", "phone"), 0.5, 0.9, {"truth": 0.9}, longest=40),
    "card_cvv": Support(("cvv",), 0.6, 0.9),
    "card_expiry": Support(("expiry", "day", "cvv"), 0.5, 0.9),
    "company": Support(("letters",), 0.7, 0.9, {**_NO_NUMBERS, "machine": 0.2}, longest=80),
    "job": Support(("letters",), 0.8, 0.9, {**_NO_NUMBERS, "machine": 0.2}, longest=60),
    "honorific": Support(("honorific",), 0.7, 0.7, longest=12),
    "health": Support(contradictions={"truth": 2.0}),
    "order_id": Support(("spaced_id",), 0.8, 0.95, {**_NO_DATES, "truth": 0.9}, 3, longest=40),
    "tracking_number": Support(("spaced_id",), 0.7, 0.95, {**_NO_DATES, "truth": 0.9}, 2, longest=40),
    "order_time": Support(("moment", "day", "epoch", "part_of_date"), 0.7, 0.8),
    "date": Support(("day", "moment", "part_of_date", "epoch"), 0.7, 0.8),
    "amount": Support(("number",), 0.8, 0.95, longest=20),
    "quantity": Support(("number",), 0.8, 0.95, longest=12),
    "product": Support(("letters",), 0.5, 0.9),
    "category": Support(longest=60),
    "payment_method": Support(("letters",), 0.5, 0.9, longest=30),
    "imei": Support(("imei", "imei_shape", "digits"), 0.5, 0.9, {"truth": 0.9}, longest=22),
    "imsi": Support(("imsi", "imsi_shape", "digits"), 0.5, 0.9, {"truth": 0.9}, longest=18),
    "iccid": Support(("iccid", "digits"), 0.5, 0.9, {"truth": 0.9}, longest=24),
    "mac": Support(("mac", "id_like"), 0.5, 0.9, {"truth": 0.9, "number": 0.8}, longest=24),
    "bssid": Support(("mac", "id_like"), 0.5, 0.9, {"truth": 0.9, "number": 0.8}, longest=24),
    "ssid": Support(longest=40),
    "serial": Support(("id_like",), 0.7, 0.95, {**_NO_DATES, "truth": 0.9}, 2, longest=64),
    "device_id": Support(("id_like",), 0.7, 0.95, {**_NO_DATES, "truth": 0.9}, 2, longest=128),
    "device_name": Support(("letters",), 0.5, 0.9, {"truth": 0.9}, longest=64),
    "device_model": Support(("letters",), 0.5, 2.0, {"truth": 0.9}, longest=64),
    "os_version": Support(longest=40),
    "app_version": Support(longest=40),
    "language": Support(("letters",), 0.8, 0.9, longest=24),
    "resolution": Support(("screen",), 0.5, 0.8),
    "plmn": Support(("plmn",), 0.6, 0.9),
    "uuid": Support(("uuid", "id_like"), 0.6, 0.9, longest=64),
    "ip": Support(("ip",), 0.3, 0.6),
    "gps": Support(("pair", "latitude", "degrees"), 0.8, 0.9, {"truth": 0.5}, 3),
    "cell_id": Support(("cell",), 0.8, 2.0, {"truth": 0.9}, 3, longest=24),
    "user_agent": Support(("user_agent", "letters"), 0.5, 0.9),
    "url": Support(("url", "domain", "linking"), 0.2, 0.4),
    "domain": Support(("domain",), 0.5, 0.8),
    "cookie": Support(longest=2000),
    "app_list": Support(longest=5000),
    "battery": Support(longest=30),
    "network_status": Support(longest=30),
    "browsing": Support(longest=5000),
    "avatar": Support(("url",), 0.2, 0.5, longest=5000),
    "face": Support(longest=100_000),
    "search_terms": Support(("letters",), 0.5, 0.9, {"number": 0.5}),
    "free_text": Support(("sentence", "phrase"), 0.3, 0.7, {"number": 0.5, "moment": 0.5}, 3, 20_000),
    "other": Support(longest=60),
}
