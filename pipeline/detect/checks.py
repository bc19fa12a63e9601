"""Checks of matched values: each returns a score, or None for "no".

Values are folded. No check ever raises: python-stdnum and phonenumbers raise on some inputs (`cn.ric` a
KeyError on 0.09 % of random ids), and an exception would carry the value.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Check = Callable[[str], float | None]

# Regions whose national layouts are tried where nothing else names a region, most spoken-to first.
REGIONS = (
    "CN",
    "AU",
    "US",
    "GB",
    "NZ",
    "HK",
    "TW",
    "SG",
    "JP",
    "KR",
    "IN",
    "DE",
    "FR",
    "IT",
    "ES",
    "BR",
    "MX",
    "CA",
)

_NO_DIGIT = re.compile(r"[^0-9]")
_FILE_ENDINGS = frozenset(
    (
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "js",
        "css",
        "map",
        "html",
        "htm",
        "php",
        "pdf",
        "txt",
    )
)
_AT_WORD = re.compile(r" ?(?:\(at\)|\[at\]| at |艾特) ?")
_DOT_WORD = re.compile(r" ?(?:\(dot\)|\[dot\]| dot |点) ?")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|分机|转) ?[0-9]{1,5}$")
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([\-/.])[01]?[0-9]\1[0-3]?[0-9](?: [0-9]{2})?"
    r"|[0-3]?[0-9]([\-/.])[0-3]?[0-9]\2(?:19|20)[0-9]{2}"
)
_YEARS = re.compile(r"(?:19|20)[0-9]{2} ?[\-/] ?(?:19|20)[0-9]{2}")
_CJK_DIGITS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖两", "0012345678911234567892")


def digits_of(value: str) -> str:
    """Digits only, Chinese numerals included."""
    return _NO_DIGIT.sub("", value.translate(_CJK_DIGITS))


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        number = ord(digit) - 48
        if index % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def _between(digits: str, low: str, high: str) -> bool:
    return low <= digits[: len(low)] <= high


# Issuer ranges (ISO/IEC 7812, networks' public tables): first digits from, to, allowed lengths.
CARD_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("81", "81", (16, 17, 18, 19)),
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("1800", "1800", (15,)),  # JCB, older cards
    ("2131", "2131", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("60", "60", (16,)),  # RuPay
    ("5018", "5020", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("5038", "5038", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5612", "5818", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6763", (12, 13, 14, 15, 16, 17, 18, 19)),
)


def bank_card(value: str) -> float | None:
    """Range of an issuer, length and Luhn."""
    digits = digits_of(value)
    if not 12 <= len(digits) <= 19 or len(set(digits)) < 2:
        return None
    for low, high, lengths in CARD_RANGES:
        if _between(digits, low, high) and len(digits) in lengths:
            if not luhn(digits):
                return None
            return 0.9 if len(digits) in (15, 16, 19) else 0.45
    return None


# Reporting bodies of type allocation codes (GSMA TS.06): first two digits.
REPORTING_BODIES = frozenset(
    ("01", "10", "30", "33", "35", "44", "45", "49", "50", "51", "52", "53", "54", "86", "91", "98", "99")
)


def imei(value: str) -> float | None:
    """3GPP TS 23.003 section 6: 15 digits with Luhn; 14 (no check digit) and 16 (IMEISV) only in context."""
    digits = digits_of(value)
    if len(set(digits)) < 3 or digits[:2] not in REPORTING_BODIES:
        return None
    if len(digits) == 15:
        return 0.85 if luhn(digits) else None
    return 0.3 if len(digits) in (14, 16) else None


def imsi(value: str) -> float | None:
    """ITU-T E.212: country and network code assigned."""
    from stdnum import imsi as stdnum_imsi

    if not _quietly(stdnum_imsi.is_valid, value) or len(set(value)) < 3:
        return None
    return 0.55 if value.startswith("460") else 0.3


def iccid(value: str) -> float | None:
    """ITU-T E.118: 89, country, issuer, account, Luhn."""
    digits = digits_of(value)
    if len(digits) not in (18, 19, 20) or len(set(digits)) < 3:
        return None
    return 0.85 if luhn(digits) or (len(digits) == 20 and luhn(digits[:19])) else 0.3


def resident_id(value: str) -> float | None:
    """GB 11643-1999: known division, real birth date, check character (ISO 7064 MOD 11-2)."""
    from stdnum.cn import ric

    return 0.95 if _quietly(ric.is_valid, value.replace(" ", "").upper()) else None


def us_ssn(value: str) -> float | None:
    """US social security number with its dashes: no number from ranges that were never issued."""
    from stdnum.us import ssn

    return 0.6 if _quietly(ssn.is_valid, value) else None


def tax_number(value: str) -> float | None:
    """Australian tax file number, by check digit: nine digits mean nothing without a word beside them."""
    from stdnum.au import tfn

    return 0.3 if _quietly(tfn.is_valid, digits_of(value)) else None


def iban(value: str) -> float | None:
    """ISO 13616: country's layout and check digits."""
    from stdnum import iban as stdnum_iban

    return 0.95 if _quietly(stdnum_iban.is_valid, value.upper()) else None


def tracking(value: str) -> float | None:
    """UPU S10: two letters, eight digits, their check digit, a country; other forms only beside a word."""
    digits = digits_of(value)
    if not re.fullmatch(r"[a-z]{2}[0-9]{9}[a-z]{2}", value):
        return 0.2 if len(digits) >= 10 else None
    weighted = sum(int(d) * w for d, w in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7), strict=False))
    expected = {10: 0, 11: 5}.get(11 - weighted % 11, 11 - weighted % 11)
    return 0.9 if int(digits[8]) == expected else None


def order_like(value: str) -> float | None:
    """At least five digits: only a word beside it makes it an order number."""
    return 0.2 if len(digits_of(value)) >= 5 else None


def account_like(value: str) -> float | None:
    """A digit or an underscore: a plain word beside `wechat` is no account."""
    return 0.2 if any(character.isdigit() or character in "_-" for character in value) else None


def serial_like(value: str) -> float | None:
    """At least two digits and five characters: a plain word behind `serial` is no number."""
    return 0.2 if sum(map(str.isdigit, value)) >= 2 and len(value) >= 5 else None


def ip(value: str) -> float | None:
    """RFC 791 and RFC 4291 text forms; not the unspecified address."""
    try:
        address = ipaddress.ip_address(value.split("%", maxsplit=1)[0])
    except ValueError:
        return None
    return None if address.is_unspecified else 0.8


def mac(value: str) -> float | None:
    """IEEE 802: neither all zeros nor broadcast."""
    bare = re.sub(r"[^0-9a-f]", "", value)
    if len(bare) != 12 or bare in ("0" * 12, "f" * 12):
        return None
    return 0.9 if len(bare) != len(value) else 0.2


def email(value: str) -> float | None:
    """RFC 5321 limits; a file name with a resolution (`icon@2x.png`) is none.

    No list of domains is fetched.
    """
    local, _, domain = _DOT_WORD.sub(".", _AT_WORD.sub("@", value)).rpartition("@")
    ending = domain.rpartition(".")[2]
    if not local or len(local) > 64 or len(value) > 254 or ending in _FILE_ENDINGS or ".." in domain:
        return None
    return 0.95


def coordinates(value: str) -> float | None:
    """WGS 84: a latitude and a longitude, either way around, with at least three decimals each."""
    numbers = [float(number) for number in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", value)[:2]]
    if len(numbers) != 2 or not any(numbers):
        return None
    first, second = sorted(map(abs, numbers))
    return 0.75 if first <= 90 and second <= 180 else None


def day_or_time(value: str) -> float | None:
    """A month and a day that exist, or a time of day."""
    if re.match(r"[0-9]{1,2}:", value):
        parts = re.findall(r"[0-9]+", value)
        return 0.7 if all(int(part) < 60 for part in parts[1:3]) else None
    parts = [int(part) for part in re.findall(r"[0-9]+", value)[:3]]
    if len(parts) < 3:
        return 0.7
    year_first = parts[0] > 31
    small = sorted(parts[1:3] if year_first else parts[:2])
    return 0.7 if 1 <= small[0] <= 12 and 1 <= small[1] <= 31 else None


@lru_cache(maxsize=65_536)
def phone(value: str) -> float | None:
    """E.164 numbers by libphonenumber, Chinese mobiles by prefix, national layouts of `REGIONS`.

    A bare run of digits stays below the threshold, whatever region it would be valid in: ten digits are an
    order number more often than a phone.
    """
    value = _EXTENSION.sub("", value)
    digits = digits_of(value)
    if (
        not 7 <= len(digits) <= 15
        or len(set(digits)) < 2
        or _DATE.fullmatch(value)
        or _YEARS.fullmatch(value)
    ):
        return None
    if value.startswith(("+", "(+", "00")):
        international = "+" + (digits[2:] if value.startswith("00") else digits)
        return 0.9 if _valid_phone(international, None) else 0.55 if _possible_phone(international) else None
    if re.fullmatch(r"(?:0?86)?1[3-9][0-9]{9}", digits):
        return 0.8
    laid_out = not value.isdigit()
    if laid_out and _chinese_landline(value):
        return 0.6
    bare_mobile = digits.startswith("0") and len(digits) >= 10
    for region in REGIONS:
        if _valid_phone(digits, region):
            return 0.6 if laid_out or (bare_mobile and region in ("AU", "GB", "FR")) else 0.3
    return 0.2 if laid_out or len(digits) >= 8 else 0.15


def _chinese_landline(value: str) -> bool:
    return re.fullmatch(r"\(?0[1-9][0-9]{1,2}\)?[ -]?[2-8][0-9]{2,3}[ -]?[0-9]{4}", value) is not None


@lru_cache(maxsize=65_536)
def _valid_phone(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False


def _possible_phone(international: str) -> bool:
    """A length that the country's numbers have; its ranges change faster than any table."""
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(international, None)))
    except phonenumbers.NumberParseException:
        return False


def _quietly(is_valid: Callable[[str], bool], value: str) -> bool:
    try:
        return bool(is_valid(value))
    except Exception:  # validators raise whatever they like; what breaks one is invalid
        return False


CHECKS: Mapping[str, Check] = {
    "bank_card": bank_card,
    "imei": imei,
    "imsi": imsi,
    "iccid": iccid,
    "resident_id": resident_id,
    "us_ssn": us_ssn,
    "tax_number": tax_number,
    "iban": iban,
    "tracking": tracking,
    "order_like": order_like,
    "account_like": account_like,
    "serial_like": serial_like,
    "ip": ip,
    "mac": mac,
    "email": email,
    "coordinates": coordinates,
    "day_or_time": day_or_time,
    "phone": phone,
}
