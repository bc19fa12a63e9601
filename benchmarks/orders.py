"""One night of synthetic orders as CSV: N orders x 19 columns, seeded, column by column.

    python -m benchmarks.orders ROWS PATH [--seed 7]

One account for every four orders (250,000 accounts, mobiles, e-mails and addresses in 1 M); each account
occurs, some more often than others; order numbers are unique; a third of the accounts is Chinese; cards pass
Luhn. Nothing belongs to a person: names come from short lists, numbers from a generator.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

CHUNK = 250_000  # rows written at once, so that memory does not follow ROWS
ORDERS_PER_ACCOUNT = 4

GIVEN = [
    "Olivia",
    "Noah",
    "Amelia",
    "Jack",
    "Isla",
    "William",
    "Mia",
    "Leo",
    "Ava",
    "Lucas",
    "Grace",
    "Henry",
    "Chloe",
    "Oscar",
    "Ruby",
    "Ethan",
    "Zoe",
    "Max",
]
FAMILY = [
    "Smith",
    "Nguyen",
    "Brown",
    "Wilson",
    "Taylor",
    "Chen",
    "Anderson",
    "Singh",
    "Martin",
    "Thompson",
    "Walker",
    "Harris",
    "Lee",
    "Ryan",
]
FAMILY_ZH = list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
GIVEN_ZH = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "秀英",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "建华",
    "志强",
    "晓燕",
    "海涛",
    "雪梅",
]
STREETS = [
    "George",
    "Pitt",
    "King",
    "Oxford",
    "Station",
    "Church",
    "Victoria",
    "Park",
    "High",
    "Albert",
    "Elizabeth",
    "Queen",
    "Bridge",
    "Mill",
]
KINDS = ["Street", "Road", "Avenue", "Lane", "Drive", "Place"]
ROADS_ZH = [
    "人民路",
    "中山路",
    "解放路",
    "建设路",
    "和平路",
    "文化路",
    "新华路",
    "长江路",
    "黄河路",
    "学院路",
]
CITIES = [
    ("Sydney", "NSW", 2000),
    ("Melbourne", "VIC", 3000),
    ("Brisbane", "QLD", 4000),
    ("Adelaide", "SA", 5000),
    ("Perth", "WA", 6000),
    ("Hobart", "TAS", 7000),
]
CITIES_ZH = [("上海市", "浦东新区", 200000), ("北京市", "朝阳区", 100000), ("广州市", "天河区", 510000)]
HOSTS = ["gmail.com", "outlook.com", "qq.com", "163.com", "example.org", "example.com.au"]
PRODUCTS = [
    (f"{brand} {thing} {size}", category)
    for category, things in {
        "home": ["Kettle", "Desk Lamp", "Pillow", "Towel Set"],
        "electronics": ["Headphones", "Power Bank", "USB Cable", "Keyboard"],
        "grocery": ["Green Tea", "Olive Oil", "Rice 5kg", "Coffee Beans"],
        "apparel": ["Rain Jacket", "Running Socks", "Cap", "Scarf"],
        "toys": ["Puzzle", "Kite", "Building Blocks", "Plush Panda"],
    }.items()
    for thing in things
    for brand in ["Aurora", "Banksia", "Coral", "Dune", "Ember"]
    for size in ["S", "M", "L"]
]
PAYMENTS = ["card", "alipay", "wechat_pay", "paypal", "cash_on_delivery"]
STATUSES = ["paid", "packed", "shipped", "delivered", "returned"]

COLUMNS = (
    "order_number",
    "account_id",
    "nickname",
    "consignee_name",
    "receiving_address",
    "city",
    "postcode",
    "mobile",
    "email",
    "product",
    "category",
    "quantity",
    "amount",
    "order_time",
    "payment_method",
    "bank_card",
    "ip",
    "device_id",
    "delivery_status",
)


def joined(*pieces: object) -> pa.Array:
    """Row-wise concatenation of arrays and constants."""
    return pc.binary_join_element_wise(*pieces, "")


def text(numbers: np.ndarray, width: int = 0) -> pa.Array:
    """Decimal text, with leading zeros up to `width`."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def picked(values: list[str], at: np.ndarray) -> pa.Array:
    return pa.array(values).take(pa.array(at))


def luhn_card(body: np.ndarray) -> pa.Array:
    """15 digits and their Luhn digit."""
    total = np.zeros(len(body), dtype=np.int64)
    rest = body.copy()
    for place in range(15):
        digit = rest % 10
        rest //= 10
        if place % 2 == 0:
            digit = digit * 2
            digit -= 9 * (digit > 9)
        total += digit
    return text(body * 10 + (10 - total % 10) % 10, 16)


def address(
    random: np.random.Generator,
    city: np.ndarray,
    number: np.ndarray,
    unit: pa.Array,
    street: pa.Array,
    postcode: pa.Array,
) -> pa.Array:
    """One address for each account number."""
    return joined(
        "Unit ",
        unit,
        ", ",
        street,
        " ",
        picked(STREETS, random.integers(0, len(STREETS), len(number))),
        " ",
        picked(KINDS, random.integers(0, len(KINDS), len(number))),
        ", ",
        picked([c[0] for c in CITIES], city),
        " ",
        picked([c[1] for c in CITIES], city),
        " ",
        postcode,
        " (ref ",
        text(number),
        ")",
    )


def address_in_chinese(
    random: np.random.Generator, city: np.ndarray, number: np.ndarray, unit: pa.Array, street: pa.Array
) -> pa.Array:
    """The same in China."""
    return joined(
        picked([c[0] + c[1] for c in CITIES_ZH], city),
        picked(ROADS_ZH, random.integers(0, len(ROADS_ZH), len(number))),
        street,
        "号",
        unit,
        "单元",
        text(number),
        "室",
    )


def hex_words(words: np.ndarray) -> pa.Array:
    """16 hex digits a word."""
    digits = "".join(f"{word:016x}" for word in words)
    offsets = np.arange(0, 16 * len(words) + 1, 16, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(words), [None, pa.py_buffer(offsets), pa.py_buffer(digits.encode())]
    )


def accounts(count: int, random: np.random.Generator) -> dict[str, pa.Array]:
    """What belongs to an account, one row each; distinct where a mall's would be."""
    number = np.arange(count, dtype=np.int64)
    scattered = (number * 48_271 + 11) % 99_999_989  # distinct: the modulus is prime
    chinese = pa.array(random.random(count) < 1 / 3)
    city_en, city_zh = random.integers(0, len(CITIES), count), random.integers(0, len(CITIES_ZH), count)
    given, family = random.integers(0, len(GIVEN), count), random.integers(0, len(FAMILY), count)
    name_en = joined(picked(GIVEN, given), " ", picked(FAMILY, family))
    name_zh = joined(
        picked(FAMILY_ZH, random.integers(0, len(FAMILY_ZH), count)),
        picked(GIVEN_ZH, random.integers(0, len(GIVEN_ZH), count)),
    )
    post_en = np.array([c[2] for c in CITIES])[city_en] + random.integers(0, 900, count)
    post_zh = np.array([c[2] for c in CITIES_ZH])[city_zh] + random.integers(0, 9000, count)
    unit, street = text(random.integers(1, 90, count)), text(random.integers(1, 400, count))
    address_en = address(random, city_en, number, unit, street, text(post_en))
    address_zh = address_in_chinese(random, city_zh, number, unit, street)
    handle = joined(
        pc.utf8_lower(picked(GIVEN, given)), ".", pc.utf8_lower(picked(FAMILY, family)), text(number)
    )
    device = hex_words(random.integers(0, 2**63, count))
    either = pc.if_else
    return {
        "account_id": joined("U", text(scattered, 9)),
        "nickname": joined(picked(GIVEN, given), "_", text(scattered % 1000)),
        "consignee_name": either(chinese, name_zh, name_en),
        "receiving_address": either(chinese, address_zh, address_en),
        "city": either(
            chinese, picked([c[0] for c in CITIES_ZH], city_zh), picked([c[0] for c in CITIES], city_en)
        ),
        "postcode": either(chinese, text(post_zh), text(post_en)),
        "mobile": either(chinese, joined("+86138", text(scattered, 8)), joined("+614", text(scattered, 8))),
        "email": joined(handle, "@", picked(HOSTS, random.integers(0, len(HOSTS), count))),
        "bank_card": luhn_card(455_600_000_000_000 + random.integers(0, 400_000_000_000, count)),
        "device_id": device,
    }


def owners(rows: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Account of each order: every account at least once, the rest skewed (a tenth places a third)."""
    again = (count * random.random(rows - count) ** 2).astype(np.int64)
    account = np.concatenate([np.arange(count, dtype=np.int64), again])
    random.shuffle(account)
    return account


def chunk(
    first: int, account: np.ndarray, people: dict[str, pa.Array], random: np.random.Generator
) -> pa.Table:
    """Orders first .. first + len(account)."""
    rows = len(account)
    product = random.integers(0, len(PRODUCTS), rows)
    quantity = 1 + random.geometric(0.6, rows)
    cents = quantity * random.integers(199, 29_999, rows)
    seconds = np.datetime64("2026-11-01T00:00:00") + np.sort(random.integers(0, 86_400, rows)).astype(
        "timedelta64[s]"
    )
    octets = random.integers(1, 255, (4, rows))
    columns = {
        "order_number": joined("ORD20261101", text(first + np.arange(rows, dtype=np.int64), 9)),
        "product": picked([p[0] for p in PRODUCTS], product),
        "category": picked([p[1] for p in PRODUCTS], product),
        "quantity": text(quantity),
        "amount": joined(text(cents // 100), ".", text(cents % 100, 2)),
        "order_time": pc.strftime(pa.array(seconds), format="%Y-%m-%d %H:%M:%S"),
        "payment_method": picked(PAYMENTS, random.integers(0, len(PAYMENTS), rows)),
        "ip": joined(text(octets[0]), ".", text(octets[1]), ".", text(octets[2]), ".", text(octets[3])),
        "delivery_status": picked(STATUSES, random.integers(0, len(STATUSES), rows)),
    }
    columns |= {name: values.take(pa.array(account)) for name, values in people.items()}
    return pa.table({name: columns[name] for name in COLUMNS})


def write_orders(rows: int, path: Path, seed: int = 7) -> None:
    """Write the CSV; the same rows and seed give the same bytes."""
    random = np.random.default_rng(seed)
    count = max(1, rows // ORDERS_PER_ACCOUNT)
    people = accounts(count, random)
    account = owners(rows, count, random)
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    options = pa_csv.WriteOptions(quoting_style="needed", batch_size=16_384)
    with pa_csv.CSVWriter(path, schema, write_options=options) as writer:
        for first in range(0, rows, CHUNK):
            writer.write_table(chunk(first, account[first : first + CHUNK], people, random))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    write_orders(given.rows, given.path, given.seed)


if __name__ == "__main__":
    main()
