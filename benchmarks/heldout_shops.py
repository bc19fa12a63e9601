"""Generated tables of shops for `heldout_columns`: Faker's people in a locale, column names in nine styles.

Seeded; Faker's lists are no source of ours (see benchmarks/word_lists.py).
"""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from benchmarks.heldout_names import NAMES

SEED = 20_261_101
ROWS = 150
FRESH = ("sv_SE", "da_DK", "cs_CZ", "ru_RU", "ja_JP", "en_IN", "es_MX", "tr_TR")  # looked at only as figures
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "nl_NL", "pl_PL", "zh_CN")
REGIONS = ("administrative_unit", "state", "province", "county", "region", "estado_nome", "voivodeship")
PLAIN = {"FIRST": "PERSON_NAME", "LAST": "PERSON_NAME", "GPS2": "GPS"}

LANGUAGE = {"de_DE": 4, "fr_FR": 5, "es_ES": 6, "zh_CN": 3}
PREFIXES = ("", "", "", "t", "src", "data", "rec")
TABLES = {
    "customers": (
        "CUSTOMER_ID", "FIRST", "LAST", "GENDER", "BIRTH_DATE", "EMAIL", "PHONE", "USERNAME", "PASSWORD", "JOB",
        "COMPANY", "ADDRESS", "POSTCODE", "CITY", "COUNTRY", "NATIONAL_ID", "NONE_flag",
    ),
    "orders": (
        "ORDER_ID", "DATE", "PERSON_NAME", "PHONE", "ADDRESS", "CITY", "REGION", "POSTCODE", "NONE_product",
        "NONE_quantity", "NONE_amount", "NONE_status", "BANK_CARD", "CARD_EXPIRY", "CARD_CVV", "FREE_TEXT",
    ),
    "visits": (
        "NONE_row", "DATE", "IP", "MAC", "USER_AGENT", "URL", "DOMAIN", "IMEI", "GPS", "GPS2", "NONE_ms",
        "NONE_status_code",
    ),
}  # fmt: skip
PRODUCTS = (
    "Desk lamp 40 W",
    "Running shoes",
    "USB-C cable 2 m",
    "Rice cooker",
    "Green tea 500 g",
    "Notebook A5",
    "Hat",
)


# label -> how a cell is made, from a Faker of the locale, seeded chance and the number of the row
CELLS: dict[str, Callable[[Any, random.Random, int], str]] = {
    "PERSON_NAME": lambda fake, chance, row: fake.name(),
    "FIRST": lambda fake, chance, row: fake.first_name(),
    "LAST": lambda fake, chance, row: fake.last_name(),
    "PHONE": lambda fake, chance, row: fake.phone_number(),
    "EMAIL": lambda fake, chance, row: fake.email(),
    "ADDRESS": lambda fake, chance, row: fake.street_address(),
    "CITY": lambda fake, chance, row: fake.city(),
    "REGION": lambda fake, chance, row: region(fake),
    "POSTCODE": lambda fake, chance, row: fake.postcode(),
    "COUNTRY": lambda fake, chance, row: fake.country(),
    "BIRTH_DATE": lambda fake, chance, row: fake.date_of_birth(minimum_age=16, maximum_age=88).strftime(
        "%Y-%m-%d"
    ),
    "GENDER": lambda fake, chance, row: chance.choice(("M", "F")),
    "JOB": lambda fake, chance, row: fake.job(),
    "COMPANY": lambda fake, chance, row: fake.company(),
    "USERNAME": lambda fake, chance, row: fake.user_name(),
    "PASSWORD": lambda fake, chance, row: fake.password(length=chance.randint(8, 14)),
    "NATIONAL_ID": lambda fake, chance, row: fake.ssn(),
    "BANK_CARD": lambda fake, chance, row: fake.credit_card_number(),
    "CARD_EXPIRY": lambda fake, chance, row: fake.credit_card_expire(),
    "CARD_CVV": lambda fake, chance, row: fake.credit_card_security_code(),
    "CUSTOMER_ID": lambda fake, chance, row: f"{chance.randint(10**6, 10**7)}",
    "ORDER_ID": lambda fake, chance, row: f"{chance.randint(10**9, 10**10)}",
    "DATE": lambda fake, chance, row: fake.date_time_between("-2y").strftime("%Y-%m-%d %H:%M:%S"),
    "FREE_TEXT": lambda fake, chance, row: fake.sentence(nb_words=10) if chance.random() < 0.7 else "",
    "IP": lambda fake, chance, row: fake.ipv4(),
    "MAC": lambda fake, chance, row: fake.mac_address(),
    "USER_AGENT": lambda fake, chance, row: fake.user_agent(),
    "URL": lambda fake, chance, row: fake.uri(),
    "DOMAIN": lambda fake, chance, row: fake.domain_name(),
    "IMEI": lambda fake, chance, row: imei(chance),
    "GPS": lambda fake, chance, row: str(fake.latitude()),
    "GPS2": lambda fake, chance, row: str(fake.longitude()),
    "NONE_amount": lambda fake, chance, row: f"{chance.lognormvariate(4, 1):.2f}",
    "NONE_quantity": lambda fake, chance, row: str(chance.randint(1, 9)),
    "NONE_product": lambda fake, chance, row: chance.choice(PRODUCTS),
    "NONE_status": lambda fake, chance, row: chance.choice(("paid", "shipped", "delivered", "returned")),
    "NONE_flag": lambda fake, chance, row: chance.choice(("0", "1")),
    "NONE_row": lambda fake, chance, row: str(row + 1),
    "NONE_ms": lambda fake, chance, row: str(chance.randint(3, 4000)),
    "NONE_status_code": lambda fake, chance, row: chance.choice(("200", "302", "404", "500")),
}


def region(fake: Any) -> str:
    """A region in the words of the locale's Faker."""
    for provider in REGIONS:
        if hasattr(fake, provider):
            return str(getattr(fake, provider)())
    return str(fake.country())


def styled(words: str, style: int, prefix: str) -> str:  # noqa: PLR0911 - one way out a style
    parts = [part for part in re.split(r"[ \-']", words) if part]
    if prefix:
        parts = [prefix, *parts]
    capital = [part[:1].upper() + part[1:] for part in parts]
    match style:
        case 0:
            return "_".join(parts).lower()
        case 1:
            return parts[0][:1].lower() + parts[0][1:] + "".join(capital[1:])
        case 2:
            return "".join(capital)
        case 3:
            return "_".join(parts).upper()
        case 4:
            return ".".join([parts[0], "_".join(parts[1:])] if len(parts) > 1 else parts).lower()
        case 5:
            return "-".join(parts).lower()
        case 6:
            return " ".join(capital)
        case 7:
            return "f_" + "_".join(parts).lower()
        case _:
            return "".join(parts).lower() if len(parts) <= 2 else "_".join(parts).lower()


def imei(chance: random.Random) -> str:
    body = chance.choice(("35", "86")) + "".join(chance.choice("0123456789") for _ in range(12))
    total = sum(d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(map(int, reversed(body))))
    return body + str(-total % 10)


def faker_tables(locales: tuple[str, ...] = LOCALES) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Table name, table, label of each column."""
    from faker import Faker

    chance = random.Random(SEED)
    for locale in locales:
        fake = Faker(locale)
        fake.seed_instance(SEED)
        for table, labels in TABLES.items():
            style, prefix = chance.randrange(9), chance.choice(PREFIXES)
            tongue = chance.choice((0, 1, 2, LANGUAGE.get(locale, 0)))
            columns = {
                styled(NAMES[label][tongue], style, prefix): [
                    CELLS[label](fake, chance, row) for row in range(ROWS)
                ]
                for label in labels
            }
            assert len(columns) == len(labels)
            plain = [re.sub("^NONE.*", "NONE", PLAIN.get(label, label)) for label in labels]
            yield (
                f"{locale}_{table}",
                pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}),
                plain,
            )
