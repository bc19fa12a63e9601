"""All recognizers, compiled once, and what their entities mean as data classes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pipeline.detect.checks import CHECKS, Check
from pipeline.detect.model import Pattern, Recognizer
from pipeline.detect.recognizers_contacts import CONTACTS
from pipeline.detect.recognizers_devices import DEVICES
from pipeline.detect.recognizers_documents import DOCUMENTS
from pipeline.detect.recognizers_named import NAMED

RECOGNIZERS: tuple[Recognizer, ...] = (*CONTACTS, *DEVICES, *DOCUMENTS, *NAMED)

# Entity -> data class whose token domain and normal form its fragments share. Presidio's names, where any.
ENTITY_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "PHONE_NUMBER": "mobile_phone",
        "EMAIL_ADDRESS": "email",
        "URL": "url",
        "CREDIT_CARD": "bank_card",
        "IBAN_CODE": "bank_card",
        "CARD_CVV": "card_cvv",
        "NATIONAL_ID": "national_id",
        "US_SSN": "national_id",
        "AU_TFN": "national_id",
        "IP_ADDRESS": "ip",
        "MAC_ADDRESS": "mac",
        "UUID": "uuid",
        "GPS": "gps",
        "IMEI": "imei",
        "IMSI": "imsi",
        "ICCID": "iccid",
        "ORDER_ID": "order_id",
        "TRACKING_NUMBER": "tracking_number",
        "ACCOUNT_ID": "account_id",
        "PERSON": "person_name",
        "ADDRESS": "postal_address",
        "LOCATION": "city",
        "ORGANIZATION": "company",
        "NICKNAME": "nickname",
        "USERNAME": "username",
        "SERIAL": "serial",
        "DEVICE_ID": "device_id",
        "DEVICE_NAME": "device_name",
        "SSID": "ssid",
        "COOKIE": "cookie",
        "DATE_TIME": "date",
    }
)

# Data class of an identity column -> entity of its mentions in texts.
CLASS_ENTITIES: Mapping[str, str] = MappingProxyType(
    {
        **{
            data_class: entity
            for entity, data_class in reversed(tuple(ENTITY_CLASSES.items()))
            if entity != "DATE_TIME"
        },
        "contact_phone": "PHONE_NUMBER",
        "bssid": "MAC_ADDRESS",
    }
)


@dataclass(frozen=True)
class Compiled:
    """One recognizer, ready to run."""

    recognizer: Recognizer
    patterns: tuple[tuple[Pattern, Any], ...]  # with their RE2 objects
    prefilter: str  # RE2 that matches a text when any pattern does
    context_prefilter: str  # RE2 that matches a text when it holds a context word anywhere
    check: Check | None
    context: re.Pattern[str] | None
    vetoes: re.Pattern[str] | None


@lru_cache(maxsize=1)
def compiled() -> tuple[Compiled, ...]:
    """Compile all recognizers, once per process."""
    return tuple(compile_recognizer(recognizer) for recognizer in RECOGNIZERS)


def compile_recognizer(recognizer: Recognizer) -> Compiled:
    """Compile one recognizer. A pattern that RE2 does not take raises ValueError without quoting any text."""
    import re2

    compiled_patterns = []
    for pattern in recognizer.patterns:
        try:
            compiled_patterns.append((pattern, re2.compile(pattern.regex)))
        except re2.error:
            raise ValueError(f"recognizer {recognizer.entity}: a pattern is no RE2 pattern") from None
    return Compiled(
        recognizer=recognizer,
        patterns=tuple(compiled_patterns),
        prefilter="|".join(f"(?:{pattern.regex})" for pattern in recognizer.patterns),
        context_prefilter="|".join(re.escape(word) for word in recognizer.context) or "^",
        check=CHECKS[recognizer.check] if recognizer.check else None,
        context=_words(recognizer.context, "{}"),
        vetoes=_words(recognizer.vetoes, "{}[ :#.=]{{0,2}}$"),
    )


def _words(words: tuple[str, ...], frame: str) -> re.Pattern[str] | None:
    """Match any word; Latin words only whole, so that `tel` is not found in `hotel`.

    These are fixed strings of our own, so that Python's engine is safe, and faster than RE2's binding.
    """
    if not words:
        return None
    parts = []
    for word in sorted(words, key=lambda w: (-len(w), w)):
        quoted = re.escape(word)
        head = "(?<![a-z])" if word[0].isascii() and word[0].isalpha() else ""
        tail = "(?![a-z])" if word[-1].isascii() and word[-1].isalpha() else ""
        parts.append(f"{head}{quoted}{tail}")
    return re.compile(frame.format(f"(?:{'|'.join(parts)})"))
