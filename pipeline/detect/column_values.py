"""What a column's sampled values say: rates of forms among distinct values, never a value."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.detect import checks
from pipeline.detect import column_vocabulary as vocabulary
from pipeline.detect.column_shapes import SHAPES
from pipeline.detect.documents import PERSONAL_NUMBERS, resident_digits, valid_number
from pipeline.detect.folding import encodable, fold_value
from pipeline.detect.lexicon import words

SAMPLE = 200  # distinct values that are looked at
_GLANCE = 24  # of them, evenly spread, tell whether a form can be there at all
_SLOW = frozenset({"laid_out_phone", "international_phone", "bare_phone"})  # 18 regions: the glance must do
_TOO_FEW = 0.1  # a form that fewer of the glance have is not counted further

_HAN = re.compile("[\u3400-\u9fff]")
Test = Callable[[str], bool]


def _among(name: str) -> Test:
    return lambda value: value.strip(" .") in words(name) or value.strip() in words(name)


def _checked(check: checks.Check, least: float = 0.5) -> Test:
    return lambda value: (check(value) or 0.0) >= least


@lru_cache(maxsize=128)
def _counter(name: str) -> re.Pattern[str]:
    return SHAPES[name].counter()


def _shaped(name: str, value: str) -> bool:
    return _counter(name).fullmatch(value) is not None


def _imei_shape(value: str) -> bool:
    return value.isdigit() and 14 <= len(value) <= 16 and value[:2] in checks.REPORTING_BODIES


def _imsi_shape(value: str) -> bool:
    return value.isdigit() and 14 <= len(value) <= 15


def _within(low: float, high: float, decimals: int = 0) -> Test:
    def inside(value: str) -> bool:
        if not _shaped("number", value):
            return False
        return low <= float(value) <= high and len(value.partition(".")[2]) >= decimals

    return inside


def _phone(value: str) -> bool:
    return _shaped("phone_shape", value) and not _shaped("day", value)


@lru_cache(maxsize=1)
def _country_prefixes() -> frozenset[str]:
    """Mobile country codes of ITU-T E.212, as python-stdnum holds them."""
    from importlib.resources import files

    lines = files("stdnum").joinpath("imsi.dat").read_text(encoding="utf-8").splitlines()
    return frozenset(line[:3] for line in lines if line[:3].isdigit())


def _country_prefix(value: str) -> bool:
    return value in _country_prefixes()


def _e164_without_plus(value: str) -> bool:
    return 10 <= len(value) <= 15 and value.isdigit() and (checks.phone("+" + value) or 0) >= 0.9


def _ean(value: str) -> bool:
    """GTIN-8, -12, -13, -14: check digit of GS1."""
    if not value.isdigit() or len(value) not in (8, 12, 13, 14):
        return False
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(value)))
    return total % 10 == 0


@lru_cache(maxsize=1)
def _endings() -> frozenset[str]:
    return words("domain_endings") | {code for code in words("country_codes") if len(code) == 2}


def _domain(value: str) -> bool:
    return _shaped("domain", value) and value.rpartition(".")[2] in _endings()


# tests of words, each under its own name
_OF_VOCABULARY: tuple[Test, ...] = (
    vocabulary.given_name,
    vocabulary.surname,
    vocabulary.whole_name,
    vocabulary.chinese_name,
    vocabulary.city,
    vocabulary.region,
    vocabulary.region_code,
    vocabulary.country,
    vocabulary.country_code,
    vocabulary.job,
    vocabulary.company,
    vocabulary.street,
    vocabulary.road,
    vocabulary.spoken,
)

# Each test of one folded value, and the characters without one of which it cannot hold (as `Shape.needs`).
TESTS: Mapping[str, tuple[str, Test]] = {
    "ip": (".:", lambda v: not v.isdigit() and checks.ip(v) is not None),
    "bank_card": ("0", lambda v: _card_like(v) and (checks.bank_card(v) or 0) >= 0.45),
    "iban": ("0", lambda v: len(v) >= 15 and v[:2].isalpha() and checks.iban(v.replace(" ", "")) is not None),
    "imei": ("0", _checked(checks.imei, 0.8)),
    "imei_shape": ("0", _imei_shape),
    "imsi": ("0", lambda v: v.isdigit() and _checked(checks.imsi, 0.3)(v)),
    "imsi_shape": ("0", _imsi_shape),
    "iccid": ("8", lambda v: v.startswith("89") and _checked(checks.iccid, 0.8)(v)),
    "resident_id": ("0", _checked(checks.resident_id)),
    "us_ssn": ("-", _checked(checks.us_ssn)),
    "phone": ("0", _phone),
    "international_phone": ("+", lambda v: v.startswith("+") and (checks.phone(v) or 0) >= 0.9),
    "laid_out_phone": (
        "+- ()./x",
        lambda v: _phone(v) and not _shaped("number", v) and (checks.phone(v) or 0) >= 0.6,
    ),
    "bare_phone": ("0", _e164_without_plus),
    "ean": ("0", _ean),
    "latitude": ("0", _within(-90, 90, 2)),
    "degrees": ("0", _within(-180, 360)),
    "pair": (".", lambda v: _shaped("pair_shape", v) and checks.coordinates(v) is not None),
    "age": ("0", _within(0, 120)),
    "mobile_country": ("0", _country_prefix),
    "sentence": ("", lambda v: len(v.split()) >= 5 or (not v.isascii() and len(_HAN.findall(v)) >= 10)),
    "person": ("a", lambda v: vocabulary.whole_name(v) or vocabulary.given_name(v)),
    "resident_digits": ("0", resident_digits),
    "known_domain": (".", _domain),
    "gender": ("", _among("genders")),
    "honorific": ("", _among("honorifics")),
    "payment_word": ("a", _among("payment_words")),
    **{test.__name__: ("a", test) for test in _OF_VOCABULARY},
    "region_or_code": ("a", lambda v: vocabulary.region(v) or vocabulary.region_code(v)),
    "ends_in_place": (" ", vocabulary.ends_in_place),
    **{f"number_{name}": ("0", partial(valid_number, name)) for name in PERSONAL_NUMBERS},
}

FORMS = frozenset((*SHAPES, *TESTS))


def _card_like(value: str) -> bool:
    return re.fullmatch(r"[0-9]{12,19}|[0-9]{4}[ \-](?:[0-9]{4,6}[ \-]){1,3}[0-9]{1,7}", value) is not None


@dataclass(frozen=True)
class Values:
    """Sampled values of one column and their rates, counted when asked for."""

    folded: tuple[str, ...]  # distinct, folded, stripped, one line each; in memory only
    rows: int  # not null and not empty
    distinct: int
    mixed: float = 0.0  # share of values with a capital behind a small letter, and a digit

    def __repr__(self) -> str:
        return f"Values(rows={self.rows}, distinct={self.distinct})"

    def rate(self, form: str) -> float:
        """Share of the sampled distinct values that have the form."""
        cache: dict[str, float] = self.__dict__.setdefault("_rates", {})
        if form not in cache:
            cache[form] = self._counted(form) if self.folded else 0.0
        return cache[form]

    def _counted(self, form: str) -> float:
        if form in SHAPES:
            if not self._can_hold(SHAPES[form].needs):
                return 0.0
            return len(_counter(form).findall(self.joined)) / len(self.folded)
        needs, test = TESTS[form]
        if not self._can_hold(needs):
            return 0.0
        if len(self.folded) > 2 * _GLANCE:
            glance = self.folded[:: len(self.folded) // _GLANCE]
            seen = sum(map(test, glance)) / len(glance)
            if seen < _TOO_FEW or form in _SLOW:
                return seen
        return sum(map(test, self.folded)) / len(self.folded)

    def _can_hold(self, needs: str) -> bool:
        if not needs:
            return True
        return any(
            self.has_letters if need == "a" else self.has_digits if need == "0" else need in self.joined
            for need in needs
        )

    @cached_property
    def joined(self) -> str:
        """All values, each on a line."""
        return "\n".join(self.folded)

    @cached_property
    def has_letters(self) -> bool:
        """Whether any value has a letter."""
        return re.search(r"[^\W\d_]", self.joined) is not None

    @cached_property
    def has_digits(self) -> bool:
        """Whether any value has an ASCII digit."""
        return re.search("[0-9]", self.joined) is not None

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The values that are numbers."""
        return tuple(float(v) for v in self.folded if _shaped("number", v))

    @cached_property
    def counting(self) -> bool:
        """Whether the values are whole numbers that grow from row to row: a row number, whatever it looks like."""
        numbers = self.numbers
        if len(numbers) < 5 or self.rate("digits") < 1 or self.distinct_share < 0.99 or max(self.lengths) > 8:
            return False
        steps = [later - earlier for earlier, later in pairwise(numbers)]
        return min(steps) > 0 and max(steps) <= 2 * min(steps)

    @cached_property
    def lengths(self) -> frozenset[int]:
        """Different lengths in characters."""
        return frozenset(map(len, self.folded))

    @cached_property
    def bare_lengths(self) -> frozenset[int]:
        """Lengths without separators that three values of ten or more have."""
        lengths = Counter(len(re.sub(r"[ .\-/]", "", value)) for value in self.folded)
        return frozenset(length for length, count in lengths.items() if count >= 0.3 * len(self.folded))

    @property
    def distinct_share(self) -> float:
        """Distinct values by rows."""
        return self.distinct / self.rows if self.rows else 0.0

    @cached_property
    def typical_length(self) -> float:
        """Mean length in characters; Chinese ones count twice, as they do on paper and in what they tell."""
        if not self.folded:
            return 0.0
        wide = sum(len(_HAN.findall(value)) for value in self.folded if not value.isascii())
        return (sum(map(len, self.folded)) + wide) / len(self.folded)

    @cached_property
    def years(self) -> tuple[int, ...]:
        """Years of the values that are days, ascending."""
        found = (re.search(r"(?<![0-9])(?:1[89]|20)[0-9]{2}", value) for value in self.folded)
        return tuple(sorted(int(match.group()) for match in found if match))


_MIXED = re.compile(
    r"(?=.*[a-z][A-Z])(?=.*[0-9])|(?=.*[A-Z])(?=.*[0-9][A-Za-z])(?=.*[a-z])|(?=.*[!#$%^&*?@+=])(?=.*[0-9])"
)


def sample_values(column: pa.ChunkedArray) -> Values:
    """Take the distinct values of a sample, evenly over their order of appearance."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string())).drop_null()
    counted = pc.value_counts(text)  # no scalar goes into Arrow here: that would import pandas, 0.3 s
    counts = dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))
    counts.pop("", None)
    distinct = list(counts)
    taken = distinct[:: max(1, len(distinct) // SAMPLE)][:SAMPLE]
    folded = dict.fromkeys(" ".join(fold_value(encodable(value)).split("\n")).strip() for value in taken)
    folded.pop("", None)
    mixed = sum(_MIXED.match(value) is not None and " " not in value for value in taken)
    return Values(tuple(folded), sum(counts.values()), len(distinct), mixed / len(taken) if taken else 0.0)
