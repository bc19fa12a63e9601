"""Order log of one date: several CSV files with a few records that cannot be read."""

import csv
import io
from datetime import date, datetime, timedelta
from itertools import accumulate

from sample_data import phones, texts, words
from sample_data.chance import Chance, parcel_digit
from sample_data.people import Person

ORDERS_A_DATE = 2000
FILES = ("orders-app-1.csv", "orders-app-2.csv", "orders-web.csv", "orders-partners.csv")
# Partners export from a spreadsheet: byte-order mark and CR LF.
PARTNERS = "orders-partners.csv"

COLUMNS = (
    "order_number", "account_id", "nickname", "username", "login_password", "consignee_name", "honorific",
    "company",
    "receiving_address", "city", "region", "country", "postcode", "mobile", "contact_phone", "email",
    "order_time",
    "product", "category", "quantity", "amount", "payment_method", "bank_card", "card_cvv", "card_expiry",
    "face_template",
    "resident_id", "birth_date", "gender", "age", "tracking_number", "delivery_note", "service_chat",
    "search_terms",
    "browsing_history", "cart", "favorites", "avatar_url", "third_party_account",
)  # fmt: skip

# Cells that a spreadsheet would run, at fixed orders of every date.
FORMULAS = {
    11: ("consignee_name", "=cmd|' /C calc'!A0"),
    12: ("receiving_address", '=HYPERLINK("https://evil.example","1 Banksia Street, Sydney NSW 2000")'),
    13: ("nickname", "@SUM(1+1)*cmd"),
    14: ("consignee_name", "-2+3 Pty Ltd"),
}
PAYMENTS = (
    "credit_card",
    "credit_card",
    "debit_card",
    "alipay",
    "wechat_pay",
    "paypal",
    "face_pay",
    "bank_transfer",
)

Order = dict[str, str | None]


def _mobile_as_typed(chance: Chance, person: Person) -> str:
    """One person types a number in many ways; Australians often leave out the country code."""
    if person.mobile.startswith("+61"):
        return chance.pick(
            (
                phones.national(person.mobile, " "),
                phones.national(person.mobile),
                person.mobile,
                phones.international(person.mobile),
            )
        )
    return chance.pick(
        (person.mobile, phones.international(person.mobile), phones.international(person.mobile, "-"))
    )


def _age_on(day: date, birth: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _goods(chance: Chance) -> Order:
    product = chance.weighted(
        words.PRODUCTS, list(accumulate(1 + 12 / (1 + n % 11) for n in range(len(words.PRODUCTS))))
    )
    quantity = 1 if chance.hit(0.75) else chance.between(2, 5)
    cents = product.cents * quantity * (100 - chance.pick((0, 0, 0, 5, 10, 20))) // 100
    return {
        "product": product.name,
        "category": product.category,
        "quantity": str(quantity),
        "amount": f"{cents / 100:.2f}",
    }


def _payment(chance: Chance, person: Person) -> Order:
    method = chance.pick(PAYMENTS)
    by_card = method in ("credit_card", "debit_card")
    return {
        "payment_method": method,
        "bank_card": person.card if by_card else None,
        "card_cvv": chance.digits(3) if by_card and chance.hit(0.1) else None,  # a legacy till still logs it
        "card_expiry": person.card_expiry if by_card else None,
        "face_template": chance.hex(24) if method == "face_pay" and chance.hit(0.3) else None,
    }


def _history(chance: Chance) -> Order:
    seen = [p.id for p in chance.some(words.PRODUCTS, chance.below(4))]
    liked = [p.id for p in chance.some(words.PRODUCTS, chance.below(3))]
    return {
        "search_terms": "; ".join(chance.some(words.SEARCHES, chance.between(1, 2)))
        if chance.hit(0.4)
        else None,
        "browsing_history": " ".join(f"/item/{p}" for p in seen) or None,
        "cart": " ".join(
            f"{p.id}x{chance.between(1, 3)}" for p in chance.some(words.PRODUCTS, chance.below(3))
        )
        or None,
        "favorites": " ".join([*liked, *(["shop:阳光花店"] if chance.hit(0.1) else [])]) or None,
    }


def _identity(chance: Chance, person: Person, day: date) -> Order:
    return {
        "account_id": person.account,
        "nickname": person.nickname if person.account else None,
        "username": person.username if person.account else None,
        "login_password": chance.pick(words.PASSWORDS)
        if chance.hit(0.02)
        else None,  # an old client's mistake
        "consignee_name": person.name,
        "honorific": person.honorific if chance.hit(0.5) else None,
        "company": person.company,
        "receiving_address": person.address,
        "city": person.city.name,
        "region": person.city.region,
        "country": person.city.country,
        "postcode": person.city.postcode,
        "mobile": _mobile_as_typed(chance, person),
        "contact_phone": phones.international(person.contact) if person.contact else None,
        "email": person.email,
        "resident_id": person.resident_id,
        "birth_date": person.birth.isoformat() if person.shows_birth else None,
        "gender": person.gender,
        "age": str(_age_on(day, person.birth)) if person.shows_birth else None,
        "avatar_url": person.avatar,
        "third_party_account": person.third_party,
    }


def _order(chance: Chance, person: Person, day: date, n: int) -> Order:
    second = 86_399 * n // ORDERS_A_DATE + chance.below(40)
    time = datetime(day.year, day.month, day.day) + timedelta(seconds=min(second, 86_399))
    parcel = f"{20_000_000 + day.day * 1_000_000 + n * 37:08d}"
    order: Order = {
        "order_number": f"SO{day:%y%m%d}{n * 3 + 1000:07d}",
        "order_time": time.isoformat(sep=" "),
        "tracking_number": f"LX{parcel}{parcel_digit(parcel)}AU",
        **_identity(chance, person, day),
        **_goods(chance),
        **_payment(chance, person),
        **_history(chance),
    }
    order["delivery_note"] = texts.note(chance, person, order) if chance.hit(0.6) else None
    order["service_chat"] = texts.chat(chance, person, order) if chance.hit(0.22) else None
    if chance.hit(0.01):
        order["search_terms"] = f"{person.name} {person.city.name}"  # people look themselves up
    if chance.hit(0.05):
        order["receiving_address"] = person.address.replace(", ", ",\n", 1)  # a record of two lines
    if n in FORMULAS:
        column, cell = FORMULAS[n]
        order[column] = cell
    return order


def _line(cells: list[str], newline: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=newline).writerow(cells)
    return out.getvalue().encode()


def _cells(order: Order) -> list[str]:
    return [order.get(column) or "" for column in COLUMNS]


def _malformed(good: list[str], kind: int, newline: str) -> bytes:
    """Damage a record so that it cannot be read: lines of its own, so that its neighbors stay whole."""
    cells = list(good)
    cells[COLUMNS.index("delivery_note")] = ""
    cells[COLUMNS.index("service_chat")] = ""
    match kind:
        case 0:
            cells = cells[:17]  # the connection broke
        case 1:
            cells += ["", "surplus"]
        case 2:
            return _line(cells, newline).replace(
                cells[0].encode(), b'"' + cells[0].encode() + b'"x', 1
            )  # stray quote
        case 3:
            cells[COLUMNS.index("amount")] = "12,5O"  # a letter O and a decimal comma
        case 4:
            cells[COLUMNS.index("order_time")] = "2026-13-41 25:61:00"
        case _:
            cells[COLUMNS.index("quantity")] = "two"
    return _line(cells, newline)


MALFORMED = 6  # a date


def order_files(people: list[Person], day: date) -> dict[str, bytes]:
    """Return file name -> bytes for one date."""
    chance = Chance("orders", day)
    cumulative = [float(total) for total in accumulate(person.weight for person in people)]
    buyers = [chance.weighted(people, cumulative) for _ in range(ORDERS_A_DATE)]
    for place, person in enumerate(person for person in people if person.minor_by):
        buyers[150 + place * 70] = person  # every kind of minor on every date
    files: dict[str, bytearray] = {}
    for name in FILES:
        newline = "\r\n" if name == PARTNERS else "\n"
        head = b"\xef\xbb\xbf" if name == PARTNERS else b""
        files[name] = bytearray(head + _line(list(COLUMNS), newline))
    for n, person in enumerate(buyers):
        name = FILES[3] if n % 20 == 19 else FILES[n % 3]
        newline = "\r\n" if name == PARTNERS else "\n"
        cells = _cells(_order(chance, person, day, n))
        kind, rest = divmod(n - 250, 301)
        if rest == 0 and 0 <= kind < MALFORMED:
            damaged = [f"{cells[0]}9", *cells[1:]]  # a record more, not one of the 2,000
            files[name] += _malformed(damaged, kind, newline)
        files[name] += _line(cells, newline)
    return {name: bytes(content) for name, content in files.items()}
