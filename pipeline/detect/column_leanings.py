"""What values say where the name does not decide: forms that speak for a class, alone or beside others, as data.

A column whose name says nothing (`c3`, `field_7`) may be decided by weaker evidence than one whose name says
something else: there, the values must be beyond doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NEVER = 2.0  # no rate reaches it

PERSON = frozenset(
    {
        *("person_name", "email", "mobile_phone", "contact_phone", "honorific", "gender", "birth_date"),
        *("national_id", "username", "job", "nickname"),
    }
)
PLACE = frozenset(["postal_address", "city", "region", "country", "postcode"])
CARD = frozenset(["bank_card", "card_cvv", "card_expiry"])
SUBSCRIBER = frozenset(["imei", "imsi", "iccid", "plmn"])
TRADE = frozenset(
    ["order_id", "order_time", "amount", "quantity", "product", "tracking_number", "payment_method"]
)
TIMES = frozenset(["order_time", "date"])


@dataclass(frozen=True)
class Leaning:
    """A form that speaks for a class.

    `alone`: least rate that decides where the name says nothing; `named`: where it says something unknown;
    `beside`: least rate where a column of `companions` stands in the same table.
    """

    form: str
    data_class: str
    alone: float = NEVER
    named: float = NEVER
    beside: float = NEVER
    companions: frozenset[str] = frozenset()
    distinct: int = 5  # sampled distinct values that a decision needs
    unique: float = 0.0  # least share of distinct values among the rows
    shortest: float = 0.0  # mean length in characters
    longest: float = 10_000
    against: Mapping[str, float] = field(default_factory=dict)  # forms that must not be more frequent


_PROSE: Mapping[str, float] = {"machine": 0.1, "user_agent": 0.3, "linking": 0.3, "spoken": 0.2}
_WORDS: Mapping[str, float] = {"number": 0.3, "machine": 0.05, "linking": 0.1, "sentence": 0.3, "truth": 0.3}
_NO_NUMBER: Mapping[str, float] = {"number": 0.5}

# The first that holds decides, but for vocabularies, of which the most frequent does.
SHAPED: tuple[Leaning, ...] = (
    Leaning("iban", "bank_card", 0.8, 0.9, distinct=3),
    Leaning("damaged_card", "bank_card", 0.95, 0.98, 0.8, CARD, distinct=8),
    Leaning(
        "imei_shape", "imei", 0.9, NEVER, 0.8, SUBSCRIBER | {"mobile_phone", "contact_phone"}, unique=0.2
    ),
    Leaning(
        "imsi",
        "imsi",
        0.95,
        NEVER,
        0.8,
        SUBSCRIBER | {"mobile_phone", "contact_phone"},
        against={"iccid": 0.5},
    ),
    Leaning("imsi_shape", "imsi", NEVER, NEVER, 0.95, SUBSCRIBER, distinct=3),
    Leaning("bare_phone", "contact_phone", 0.9, NEVER, 0.5, SUBSCRIBER, against={"epoch": 0.5}),
    Leaning("time_of_day", "order_time", 0.95, 0.98, 0.9, TIMES),
    Leaning("moment", "order_time", 0.95, 0.95, distinct=2),
    Leaning("compact_day", "date", 0.98, NEVER, 0.95, TIMES | SUBSCRIBER | TRADE, distinct=2),
    Leaning("nino", "national_id", 0.9, NEVER, 0.8, PERSON, unique=0.5),
    Leaning("marked_phone", "contact_phone", 0.8, NEVER, 0.5, PERSON | PLACE, against={"day": 0.1}),
    Leaning(
        "phone_layout",
        "contact_phone",
        NEVER,
        NEVER,
        0.7,
        PERSON | PLACE,
        unique=0.3,
        against={"day": 0.1, "number": 0.5},
    ),
    Leaning("epoch", "order_time", 0.99, NEVER, 0.99, TIMES, distinct=8, against={"imsi_shape": 0.1}),
    Leaning("day", "date", 0.95, 0.95, distinct=5, against={"phone": 0.5, "number": 0.5}),
    Leaning("part_of_date", "date", NEVER, NEVER, 1.0, TIMES, distinct=1, against={"number": 0.5}),
    Leaning("known_domain", "domain", 0.9, 0.95, 0.7, frozenset({"url", "email", "ip"}), distinct=5),
    Leaning(
        "linking",
        "url",
        0.7,
        0.9,
        0.3,
        frozenset({"company"}),
        distinct=2,
        against={"sentence": 0.3, "email": 0.1},
    ),
    Leaning("expiry", "card_expiry", NEVER, NEVER, 0.95, CARD, distinct=3),
    Leaning(
        "cvv",
        "card_cvv",
        NEVER,
        NEVER,
        0.98,
        frozenset({"bank_card", "card_expiry"}),
        distinct=8,
        unique=0.05,
    ),
    Leaning("android_id", "device_id", 0.95, 0.98, 0.9, SUBSCRIBER | {"mac", "device_model"}, unique=0.1),
    Leaning("locale", "language", 0.95, 0.95, distinct=3),
    Leaning("os_version", "os_version", 0.9, 0.9, distinct=3),
    Leaning("network", "network_status", 1.0, NEVER, 1.0, SUBSCRIBER | {"mac", "ssid", "ip"}, distinct=2),
    Leaning("payment_word", "payment_method", 0.9, 0.95, 0.8, TRADE | CARD, distinct=2),
    Leaning(
        "code_with_day",
        "order_id",
        0.95,
        NEVER,
        0.9,
        TRADE,
        unique=0.9,
        against={"compact_day": 0.1, "moment": 0.1},
    ),
    Leaning(
        "prefixed_number",
        "order_id",
        NEVER,
        NEVER,
        0.95,
        frozenset({"amount", "quantity", "product"}),
        unique=0.95,
    ),
    Leaning("street", "postal_address", 0.5, 0.6, 0.3, PLACE | PERSON, shortest=6, against=_PROSE),
    Leaning(
        "ends_in_place", "postal_address", 0.5, NEVER, 0.35, PLACE, shortest=20, unique=0.3, against=_PROSE
    ),
    Leaning("sentence", "free_text", 0.6, 0.6, shortest=25, against={"template": 0.02, "user_agent": 0.5}),
    Leaning("phrase", "free_text", 0.75, 0.9, shortest=35, against={"template": 0.02, "user_agent": 0.5}),
)

VOCABULARIES: tuple[Leaning, ...] = (
    Leaning("country", "country", 0.9, 0.95, 0.6, PLACE | PERSON, distinct=5, against=_WORDS),
    Leaning("country", "country", NEVER, NEVER, 0.9, PLACE - {"country"}, distinct=2, against=_WORDS),
    Leaning("region", "region", 0.6, NEVER, 0.3, PLACE, distinct=4, against=_WORDS),
    Leaning("region_or_code", "region", NEVER, NEVER, 0.6, PLACE, distinct=3, longest=14, against=_WORDS),
    Leaning("city", "city", 0.5, NEVER, 0.25, PLACE, distinct=5, against=_WORDS),
    Leaning("whole_name", "person_name", 0.5, NEVER, 0.4, PERSON | PLACE, unique=0.02, against=_WORDS),
    Leaning("person", "person_name", 0.6, NEVER, 0.45, PERSON | PLACE, unique=0.02, against=_WORDS),
    Leaning("chinese_name", "person_name", 0.8, 0.9, 0.7, PERSON | PLACE, against=_WORDS),
    Leaning("given_name", "person_name", 0.6, NEVER, 0.45, PERSON, distinct=6, against=_WORDS),
    Leaning("surname", "person_name", 0.65, NEVER, 0.4, PERSON, distinct=6, against=_WORDS),
    Leaning(
        "job",
        "job",
        0.4,
        0.7,
        0.25,
        PERSON | {"company"},
        distinct=3,
        shortest=6,
        against={**_WORDS, "company": 0.5},
    ),
    Leaning("company", "company", 0.3, 0.7, 0.12, PERSON | PLACE, shortest=6, against=_WORDS),
    Leaning("road", "postal_address", 0.4, 0.8, 0.25, PLACE, shortest=6, against=_WORDS),
)
