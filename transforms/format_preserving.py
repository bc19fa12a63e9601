"""Tokens in the form of their originals: FF1 over whole columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from transforms import ff1
from transforms.alphabet import ALPHABETS, alphabet_of
from transforms.base import (
    REJECTED,
    BoundTransform,
    ColumnFacts,
    Family,
    Output,
    Transform,
    ValueFunction,
    as_text,
    family,
    plain,
)
from transforms.check_digits import Scheme
from transforms.context import Context
from transforms.errors import BadParameter, TokenRejected, UnsuitableColumn, WeakChoice
from transforms.ff1_range import Within, decrypt_range, encrypt_range, require_many
from transforms.ff1_text import Cipher, decrypt_text, encrypt_text
from transforms.keyring import Keyring
from transforms.normal_forms import NormalForm, normal_form
from transforms.phone_form import shortest_number
from transforms.redact import tag_of
from transforms.token_form import Check, FormatPreserved

_ALGORITHM = "aes-256-ff1"
_KEY_BYTES = 32


@dataclass(frozen=True)
class Kind:
    """What is fixed by a token domain: letters, usual length, check digit."""

    alphabet: str = ""  # name of one; empty: values of this kind differ, so the policy states it
    usual: int | None = None  # characters of a usual value
    scheme: Scheme | Literal[""] = ""
    checked: tuple[int, ...] = ()  # characters of the values that have a check digit
    check: Check = "none"
    phone: bool = False


# By token domain. Lengths: ISO/IEC 7812 (cards have 12 to 19 digits, in use mostly 16), 3GPP TS 23.003 (an IMEI of 15
# digits has a check digit, one of 14 or 16 none), ITU-T E.118, ITU-T E.212, GB 11643 (resident ids of China).
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "phone": Kind("digits", phone=True),
        "bank_card": Kind("digits", 16, "luhn", tuple(range(12, 20)), "invalid"),
        "imei": Kind("digits", 15, "luhn", (15,), "valid"),
        "iccid": Kind("digits", 19, "luhn", (19, 20), "valid"),
        "imsi": Kind("digits", 15),
        "national_id": Kind("digits", 18, "mod11_2", (18,), "valid"),
        "cell_id": Kind("digits"),
        "mac": Kind("hex", 12),
        "uuid": Kind("hex", 32),
    }
)
_DOMAINS = {"mobile_phone": "phone", "contact_phone": "phone", "bssid": "mac"}  # of classes that share one


class FormatPreserving(Transform):
    """FF1 of the letters and digits of a value, where they stand: a token in the form of the original.

    Separators stay, and so do the first `keep_prefix` and the last `keep_suffix` characters; a phone becomes
    E.164 first and keeps its country code. Cards come out failing Luhn, so that no stranger's real card
    appears; check digits of IMEI, ICCID and resident id are recomputed (dates and places in them make no
    sense any more). Numbers and times stay inside `low` to `high`.
    Guarantee: a permutation of at least 1,000,000 possible values after everything kept, indistinguishable
    from a random one without the key (AES-256); other recipient, purpose, token domain, epoch or kept part:
    another one. What leaves fewer is refused by the plan; a value that is shorter, holds other letters, or
    that FF1 maps to itself (one in the possible values) is redacted and counted, never kept. Price: equal
    values stay equal, so frequencies show, and lengths and separators do, too. FF1 is unauthenticated: a
    changed token turns back into another value, not into an error, so `pouch reveal` asks for the release's
    manifest. Tokens can be real numbers of strangers. About 0.2 s of one core per million distinct values.
    Suits text of known letters, and with `low` and `high` integers, decimals and times. Source: NIST SP
    800-38G, FF1, domains as its revision 1; ISO/IEC 20889, format-preserving encryption.
    """

    technique: ClassVar[str] = "format-preserving encryption"
    keyed: ClassVar[bool] = True
    reversible: ClassVar[bool] = True
    identifying: ClassVar[bool] = True
    input_types: ClassVar[frozenset[Family]] = frozenset({"text", "integer", "decimal", "time"})

    transform: Literal["format_preserving"] = "format_preserving"
    alphabet: str = Field(default="auto", max_length=95)
    keep_prefix: int = Field(default=0, ge=0, le=64)
    keep_suffix: int = Field(default=0, ge=0, le=64)
    check_digit: Literal["auto", "valid", "invalid", "none"] = "auto"
    shortest: int | None = Field(default=None, ge=1, le=1000)
    normal_form: NormalForm | None = None
    low: str | None = None
    high: str | None = None
    unit: Literal["second", "minute", "hour", "day"] = "second"

    @field_validator("alphabet")
    @classmethod
    def _known_or_listed(cls, value: str) -> str:
        if value != "auto":
            try:
                alphabet_of(value)
            except BadParameter as error:
                raise ValueError(f"{error}, or be one of {', '.join(ALPHABETS)}") from None
        return value

    @model_validator(mode="after")
    def _two_ends(self) -> "FormatPreserving":
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together")
        return self

    def output(self, facts: ColumnFacts) -> Output:
        """Text of the same form, or numbers of the range.

        Raises UnsuitableColumn, BadParameter, and WeakChoice below 1,000,000 possible values.
        """
        self._need_range(facts.value_type)
        if family(facts.value_type) != "text":
            return Output(facts.value_type, self._range(facts.value_type))
        domain = _DOMAINS.get(facts.data_class, facts.data_class)
        fewest = ff1.MINIMUM_DOMAIN
        if facts.enumerable is not None and facts.enumerable < fewest:
            raise WeakChoice(
                f"format_preserving: {facts.data_class} has {facts.enumerable:,} values, at least {fewest:,} required"
            )
        return Output(pa.string(), self._form(domain, fixed=facts.data_class == "contact_phone"))

    def bind(self, keyring: Keyring | None, context: Context, *, key_id: str | None = None) -> BoundTransform:
        """Derive the key of (recipient, purpose, domain, epoch) from the master `key_id`, or the active one.

        Raises BadParameter, and WeakChoice below 1,000,000 possible values.
        """
        key = self.need_keyring(keyring).derive(_ALGORITHM, context, key_id=key_id, length=_KEY_BYTES)
        cipher = Cipher(key, context.recipient, context.domain)
        if self.low is not None:
            return _BoundRange(self, cipher)
        form = self._form(context.domain)
        normalize = self._normalize(form)

        def opened(values: pa.Array) -> pa.Array:
            result = decrypt_text(cipher, form, values)
            if result.null_count != values.null_count:
                raise TokenRejected(REJECTED)
            return result

        def tokens(values: pa.Array) -> pa.Array:
            self._need_range(values.type)
            return encrypt_text(cipher, form, normalize(values))

        return BoundTransform(self, tokens, reveal=opened, once_per_distinct=_repeat)

    def _need_range(self, data_type: pa.DataType) -> None:
        """Raise UnsuitableColumn unless numbers and times, and only they, have a range."""
        self.require(data_type)
        number = family(data_type) != "text"
        if number != (self.low is not None):
            needs = "low and high, the range that its values stay in" if number else "no low and high"
            raise UnsuitableColumn(f"format_preserving of type {data_type} needs {needs}")

    def _range(self, data_type: pa.DataType) -> Within:
        self._need_range(data_type)
        assert self.low is not None
        assert self.high is not None
        if pa.types.is_dictionary(data_type):
            data_type = data_type.value_type
        domain = Within(data_type, self.low, self.high, self.unit)
        require_many(domain)
        return domain

    def _form(self, domain: str, *, fixed: bool = False) -> FormatPreserved:
        """The form of this domain's tokens. Raises BadParameter, WeakChoice."""
        kind = KINDS.get(domain, Kind())
        name = kind.alphabet if self.alphabet == "auto" else self.alphabet
        if not name:
            raise BadParameter(
                f"format_preserving: values of {domain} have no fixed letters, so alphabet must be one of "
                f"{', '.join(ALPHABETS)}, or list its characters"
            )
        letters = ALPHABETS.get(name, name)
        if kind.phone and letters != ALPHABETS["digits"]:
            raise BadParameter("format_preserving: the alphabet of phones must be digits")
        has_check = bool(kind.scheme) and letters == ALPHABETS["digits"]
        if self.check_digit in ("valid", "invalid") and not has_check:
            raise BadParameter(f"format_preserving: {domain} in this alphabet has no check digit")
        check: Check = kind.check if self.check_digit == "auto" else self.check_digit
        if has_check and check != "none" and kind.scheme == "mod11_2" and self.keep_suffix:
            raise BadParameter(
                "format_preserving: keep_suffix must be 0 where the last character is recomputed"
            )
        form = FormatPreserved(
            alphabet=letters,
            keep_prefix=self.keep_prefix,
            keep_suffix=self.keep_suffix,
            phone=kind.phone,
            scheme=kind.scheme if has_check else "",
            checked=kind.checked if has_check else (),
            check=check if has_check else "none",
            tag=tag_of(domain),
        )
        self._refuse_few(form, self.shortest or self._usual(kind, fixed=fixed), domain)
        return form

    def _usual(self, kind: Kind, *, fixed: bool) -> int | None:
        """Characters of a usual value; of a phone, national digits of its region's shortest number."""
        if not kind.phone:
            return kind.usual
        region = (self.normal_form or "").partition(":")[2]
        return shortest_number(region, fixed=fixed) if region else 14  # ITU-T E.164: 15 with the country code

    def _refuse_few(self, form: FormatPreserved, length: int | None, domain: str) -> None:
        if length is None:
            return
        left = form.domain_after(length)
        if left < ff1.MINIMUM_DOMAIN:
            digit = " and the check digit" if length in form.checked else ""
            raise WeakChoice(
                f"format_preserving: {domain} of {length} characters less the {self.keep_prefix + self.keep_suffix}"
                f" kept{digit} leaves {left:,} possible values, at least {ff1.MINIMUM_DOMAIN:,} required"
            )

    def _normalize(self, form: FormatPreserved) -> ValueFunction:
        """What is made equal before encryption. Raises BadParameter."""
        name = self.normal_form or ("phone" if form.phone else "none")
        if name.startswith("phone") != form.phone:
            raise BadParameter(
                "format_preserving: phones, and only they, have the normal form phone or phone:<region>"
            )
        first = normal_form(name)
        has_lower, has_upper = (any(map(test, form.alphabet)) for test in (str.islower, str.isupper))

        def normalize(values: pa.Array) -> pa.Array:
            values = _phones_only(first(values), values) if form.phone else first(values)
            if not pc.all(pc.string_is_ascii(values), min_count=0).as_py():
                values = pc.utf8_normalize(values, form="NFKC")
            if has_lower != has_upper:  # letters of one case: the other is read as that one
                values = pc.ascii_lower(values) if has_lower else pc.ascii_upper(values)
            return values

        return normalize


_HEAD = 4096  # values that tell whether a column repeats itself


def _repeat(values: pa.Array) -> bool:
    """Whether values repeat: otherwise finding equal ones takes as long as encrypting them."""
    head = values.slice(0, _HEAD)
    return len(head) < len(values) and pc.count_distinct(head).as_py() <= len(head) // 2


def _phones_only(formed: pa.Array, values: pa.Array) -> pa.Array:
    """E.164, or the digits of a number whose country is not known; any other text as it was, to be redacted."""
    international = pc.starts_with(formed, "+")
    if pc.all(international, min_count=0).as_py():
        return formed
    number = pc.match_substring_regex(pc.utf8_normalize(values, form="NFKC"), r"^[0-9 ().+/-]*\z")
    return pc.if_else(pc.or_(international, number), formed, values)


class _BoundRange(BoundTransform):
    """Numbers and times, which are turned back as they are, not as text."""

    def __init__(self, transform: FormatPreserving, cipher: Cipher) -> None:
        self._cipher = cipher
        self._range = transform._range
        super().__init__(transform, self._encrypted)

    def _encrypted(self, values: pa.Array) -> pa.Array:
        return encrypt_range(self._cipher.key, self._cipher.tweak(b"", b""), self._range(values.type), values)

    def reveal(self, array: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Turn numbers or times back, into text. Raises TokenRejected where one is outside the range."""
        if family(array.type) == "text":
            raise TokenRejected(REJECTED)
        values = plain(array)
        found = decrypt_range(
            self._cipher.key, self._cipher.tweak(b"", b""), self._range(values.type), values
        )
        if found.null_count != values.null_count:
            raise TokenRejected(REJECTED)
        return as_text(found)
