"""What a column's sampled values say: rates of forms among distinct values, never a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.detect import checks
from pipeline.detect.folding import encodable, fold_value
from pipeline.detect.lexicon import words

SAMPLE = 200  # distinct values that are looked at

_MAIL = re.compile(r"[^@\s]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,63}")
_URL = re.compile(r"(?:https?|ftp|wss?)://\S+|www\.\S+\.\S+|#?https?:\S+")
_UUID = re.compile(r"\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?")
_MAC = re.compile(r"[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+")
_PHONE_SHAPE = re.compile(r"\(?\+?[0-9][0-9 ()\-./]{4,20}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,5})?")
_DAY = re.compile(
    r"(?:1[5-9]|20)[0-9]{2}[\-/.][0-9]{1,2}[\-/.][0-9]{1,2}"
    r"|[0-9]{1,2}[\-/. ][0-9]{1,2}[\-/. ](?:[0-9]{2}|(?:1[5-9]|20)[0-9]{2})"
    r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|(?:19|20)[0-9]{2}年[0-9]{1,2}月(?:[0-9]{1,2}日)?"
    r"|(?:[0-9]{1,2}[ \-])?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ \-,]+"
    r"(?:[0-9]{1,2}(?:st|nd|rd|th)?[ ,]+)?(?:19|20)[0-9]{2}"
)
_MOMENT = re.compile(
    r"(?:19|20)[0-9]{2}[\-/.]?[0-9]{1,2}[\-/.]?[0-9]{1,2}[t \-_]{1,2}[0-9]{1,2}:[0-9]{2}.{0,24}"
    r"|[0-9]{1,2}[\-/.][0-9]{1,2}[\-/.][0-9]{2,4},? [0-9]{1,2}:[0-9]{2}.{0,16}"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? [a-z]{3} [0-9]{1,2} [0-9:]{5,8}.{0,12}"
)
_PART_OF_DATE = re.compile(
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?|[0-9]{1,2}-[0-9]{1,2}"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
)
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3}|\.[0-9]+)?")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+(?:[a-z]{2,63})")
_AGENT = re.compile(r"[a-z][\w.\- ]*/[0-9v][\w.+\-]*(?:[ ;(,].*)?", re.DOTALL)
_MASKED_NUMBER = re.compile(r"[0-9]\.[0-9]{3,}e\+[0-9]{2}")  # what spreadsheets make of a card number
_EXPIRY = re.compile(
    r"(?:0[1-9]|1[0-2])[/\-](?:20)?[0-9]{2}"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-[0-9]{2}"
    r"|(?:20)?[0-9]{2}[/\-](?:0[1-9]|1[0-2])"
)
_POSTCODE = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9 \-]{1,9}")
_PLMN = re.compile(r"[2-7][0-9]{2}-?[0-9]{2,3}")
_SCREEN = re.compile(r"[0-9]{3,4} ?[x*×] ?[0-9]{3,4}")
_SENTENCE = re.compile(r"\S+(?:\s+\S+){4,}", re.DOTALL)
_PHRASE = re.compile(r"(?=.*[^\W\d_]{2})\S+(?:\s+\S+)+", re.DOTALL)
_NAME = re.compile(r"(?:[^\W\d_]|['’.\- ])+(?:, ?(?:[^\W\d_]|['’.\- ])+)?")
_HAN_NAME = re.compile("[\u3400-\u9fff·]{2,5}")
_HAN = re.compile("[\u3400-\u9fff]")
_WORDS = re.compile(r"[^\W_]+")
_MACHINE = re.compile(r"[{}<>=\[\]|]|::|0x[0-9a-f]+|\w+\(\)")
_CELL = re.compile(r"[0-9]{1,9}|[0-9]{3}-[0-9]{2,3}-[0-9]+-[0-9]+")
_PAIR = re.compile(r"[(\[]?-?[0-9]{1,3}\.[0-9]{2,} ?[,; /] ?-?[0-9]{1,3}\.[0-9]{2,}[)\]]?")
_AGE = re.compile(r"[0-9]{1,3}(?:\.[05]0*)?")
_HOUSE = re.compile(r"[0-9]{1,5} ?[a-z]?(?: ?[\-/–, ] ?[0-9]{0,5}[a-z]?)*")
_LINKING = re.compile(r"https?:|www\.|\.html?\b")
_LETTERS = re.compile(r"[^\W\d_]")


def _among(name: str) -> Callable[[str], bool]:
    return lambda value: value.strip(" .") in words(name) or value.strip() in words(name)


def _checked(check: checks.Check, least: float = 0.5) -> Callable[[str], bool]:
    return lambda value: (check(value) or 0.0) >= least


def _imei_shape(value: str) -> bool:
    return value.isdigit() and 14 <= len(value) <= 16 and value[:2] in checks.REPORTING_BODIES


def _imsi_shape(value: str) -> bool:
    return value.isdigit() and 14 <= len(value) <= 15


def _within(low: float, high: float, decimals: int = 0) -> Callable[[str], bool]:
    def inside(value: str) -> bool:
        if not _NUMBER.fullmatch(value):
            return False
        return low <= float(value) <= high and len(value.partition(".")[2]) >= decimals

    return inside


def _phone(value: str) -> bool:
    digits = sum(character.isdigit() for character in value)
    return 5 <= digits <= 15 and (_PHONE_SHAPE.fullmatch(value) is not None) and not _DAY.fullmatch(value)


def _street(value: str) -> bool:
    tokens = _WORDS.findall(value)
    street = words("street_words")
    if _HAN.search(value):
        return any(mark in value for mark in "路街号弄巷栋村镇道区县室")
    glued = any(
        t.endswith(("strasse", "straße", "str", "gatan", "gata", "vej", "weg", "straat", "katu"))
        for t in tokens
    )
    return any(character.isdigit() for character in value) and (glued or any(t in street for t in tokens))


def _whole_word(value: str, lexicon: str) -> bool:
    known = words(lexicon)
    return any(token in known for token in re.split(r"[\s,/()]+", value)) or any(
        word in value for word in known if not word.isascii()
    )


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    """Names and codes of countries, in the languages that libphonenumber's data has."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    names = {
        fold_value(name) for per in LOCALE_DATA.values() for name in per.values() if not name.startswith("*")
    }
    return frozenset(names | {code.lower() for code in LOCALE_DATA} | {"usa", "uk", "england", "scotland"})


def _agent(value: str) -> bool:
    return len(value) >= 8 and not value.startswith(("http", "/")) and _AGENT.fullmatch(value) is not None


def _chinese_name(value: str) -> bool:
    return _HAN_NAME.fullmatch(value) is not None and value[0] in words("chinese_surnames")


def _id_like(value: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9_\-.:/]*", value) is not None


# Each form: a test of one folded value.
FORMS: Mapping[str, Callable[[str], bool]] = {
    "email": lambda v: _MAIL.fullmatch(v) is not None,
    "url": lambda v: _URL.fullmatch(v) is not None,
    "ip": lambda v: not v.isdigit() and checks.ip(v) is not None,
    "mac": lambda v: _MAC.fullmatch(v) is not None,
    "uuid": lambda v: _UUID.fullmatch(v) is not None and not v.isdigit(),
    "bank_card": lambda v: _checked(checks.bank_card, 0.45)(v) and _PHONE_SHAPE.fullmatch(v) is not None,
    "damaged_number": lambda v: _MASKED_NUMBER.fullmatch(v) is not None,
    "imei": _checked(checks.imei, 0.8),
    "imei_shape": _imei_shape,
    "imsi": lambda v: v.isdigit() and _checked(checks.imsi, 0.3)(v),
    "imsi_shape": _imsi_shape,
    "iccid": lambda v: v.startswith("89") and _checked(checks.iccid, 0.8)(v),
    "resident_id": _checked(checks.resident_id),
    "us_ssn": _checked(checks.us_ssn),
    "phone": _phone,
    "international_phone": lambda v: v.startswith("+") and (checks.phone(v) or 0) >= 0.9,
    "laid_out_phone": lambda v: _phone(v) and not _NUMBER.fullmatch(v) and (checks.phone(v) or 0) >= 0.6,
    "chinese_mobile": lambda v: re.fullmatch(r"(?:\+?86)?1[3-9][0-9]{9}", v) is not None,
    "number": lambda v: _NUMBER.fullmatch(v) is not None,
    "digits": lambda v: _DIGITS.fullmatch(v) is not None,
    "latitude": _within(-90, 90, 2),
    "degrees": _within(-180, 360),
    "pair": lambda v: _PAIR.fullmatch(v) is not None and checks.coordinates(v) is not None,
    "age": lambda v: _AGE.fullmatch(v) is not None and float(v) <= 120,
    "day": lambda v: _DAY.fullmatch(v) is not None,
    "moment": lambda v: _MOMENT.fullmatch(v) is not None,
    "part_of_date": lambda v: _PART_OF_DATE.fullmatch(v) is not None,
    "epoch": lambda v: _EPOCH.fullmatch(v) is not None,
    "domain": lambda v: _DOMAIN.fullmatch(v) is not None,
    "user_agent": _agent,
    "expiry": lambda v: _EXPIRY.fullmatch(v) is not None,
    "cvv": lambda v: v.isdigit() and len(v) in (3, 4),
    "postcode": lambda v: _POSTCODE.fullmatch(v) is not None,
    "plmn": lambda v: _PLMN.fullmatch(v) is not None,
    "screen": lambda v: _SCREEN.fullmatch(v) is not None,
    "sentence": lambda v: _SENTENCE.fullmatch(v) is not None,
    "phrase": lambda v: _PHRASE.fullmatch(v) is not None,
    "linking": lambda v: _LINKING.search(v) is not None,
    "house": lambda v: _HOUSE.fullmatch(v) is not None,
    "machine": lambda v: _MACHINE.search(v) is not None,
    "name": lambda v: _NAME.fullmatch(v) is not None and len(v) <= 60,
    "chinese_name": _chinese_name,
    "street": _street,
    "gender": _among("genders"),
    "gender_letter": lambda v: (
        v in ("m", "f", "male", "female", "男", "女", "u", "x", "0", "1", "2", "w", "d")
    ),
    "honorific": _among("honorifics"),
    "job": lambda v: _whole_word(v, "job_words"),
    "company": lambda v: _whole_word(v, "company_words"),
    "country": lambda v: v in _countries(),
    "cell": lambda v: _CELL.fullmatch(v) is not None,
    "letters": lambda v: _LETTERS.search(v) is not None,
    "id_like": _id_like,
    "truth": lambda v: v in ("0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "是", "否"),
}


@dataclass(frozen=True)
class Values:
    """Sampled values of one column and their rates, counted when asked for."""

    folded: tuple[str, ...]  # distinct, folded, stripped; in memory only
    rows: int  # not null and not empty
    distinct: int

    def __repr__(self) -> str:
        return f"Values(rows={self.rows}, distinct={self.distinct})"

    def rate(self, form: str) -> float:
        """Share of the sampled distinct values that have the form."""
        cache: dict[str, float] = self.__dict__.setdefault("_rates", {})
        if form not in cache:
            test = FORMS[form]
            cache[form] = sum(map(test, self.folded)) / len(self.folded) if self.folded else 0.0
        return cache[form]

    @property
    def distinct_share(self) -> float:
        """Distinct values by rows."""
        return self.distinct / self.rows if self.rows else 0.0

    @property
    def typical_length(self) -> float:
        """Mean length in characters."""
        return sum(map(len, self.folded)) / len(self.folded) if self.folded else 0.0

    @property
    def fractional(self) -> float:
        """Share of values with a decimal point."""
        return sum("." in value for value in self.folded) / len(self.folded) if self.folded else 0.0


def sample_values(column: pa.ChunkedArray) -> Values:
    """Take the distinct values of a sample, evenly over their order of appearance."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    present = text.filter(pc.not_equal(text, "")).combine_chunks() if len(text) else text
    distinct = pc.unique(present) if len(present) else pa.array([], pa.string())
    step = max(1, len(distinct) // SAMPLE)
    taken = distinct.take(pa.array(range(0, len(distinct), step), pa.int64())[:SAMPLE]).to_pylist()
    folded = dict.fromkeys(fold_value(encodable(value)) for value in taken)
    return Values(tuple(folded), len(present), len(distinct))
