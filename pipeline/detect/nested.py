"""Values that a text names itself: JSON inside a string, key=value logs, URL queries, signatures.

The key tells the class, as a column's name does; then the value needs no form of its own (`name=ann`).
Contact fields of a signature (`Name: …`, `收货人：…`) are keys, too. Runs on folded texts.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from pipeline.detect.catalog import CLASS_ENTITIES
from pipeline.detect.checks import digits_of
from pipeline.detect.column_names import match_name
from pipeline.detect.model import Found
from pipeline.detect.text_kinds import has_han

SCORE = 0.75
_LONGEST_KEY = 41

_KEY = "[a-z\u4e00-\u9fff][a-z0-9_.\\-\u4e00-\u9fff]{0,39}"
# "key": "value" with its quotes, escaped or not; the value ends where a quote of the same kind ends it
_JSON = re.compile(
    rf"""(\\*["'])({_KEY})\1[ ]?:[ ]?"""
    r"""(?:(\\*["'])(.{1,400}?)\3(?=[ ]?[,}\]]|$)|(-?[0-9][0-9.]{0,39})(?=[ ]?[,}\]]|$))""",
    re.DOTALL,
)
# what stands behind `key=`
_VALUE = re.compile(r"""=(?:"([^"\n]{1,400})"|'([^'\n]{1,400})'|([^\s&;,|)\]}"']{1,200}))""")
_KEY_BEFORE = re.compile(rf"(?:^|[\s?&;,|(\[{{])({_KEY})$")
_LINE = (
    re.compile(  # a field of a form or signature: the line's own key, then its value to the end of the line
        rf"[ \t>*\-]{{0,4}}({_KEY}(?: [a-z]{{2,12}})?) ?: ?([^:]{{2,120}}?)[ ]*$"
    )
)

# Classes whose values a key alone can tell, and what the value must at least be.
_LEAST: Mapping[str, str] = MappingProxyType(
    {
        "person_name": "letters",
        "nickname": "letters",
        "username": "any",
        "account_id": "any",
        "password": "any",
        "mobile_phone": "digits",
        "contact_phone": "digits",
        "email": "at",
        "postal_address": "letters",
        "national_id": "digits",
        "bank_card": "digits",
        "order_id": "digits",
        "tracking_number": "digits",
        "imei": "digits",
        "imsi": "digits",
        "iccid": "digits",
        "serial": "any",
        "device_id": "any",
        "device_name": "letters",
        "ssid": "any",
        "cookie": "any",
        "card_cvv": "digits",
        "gps": "digits",
    }
)
# `name` alone may be anybody's or anything's: two words of letters, or a Chinese name's length
_PERSON = re.compile(
    "[a-z\u00c0-\u024f'’.\\-]+(?:[ +][a-z\u00c0-\u024f'’\\-]+\\.?){1,3}|[\u4e00-\u9fff]{2,4}"
)
_CLAUSE_END = re.compile("[,;。!?]")
_PROCESS_KEYS = frozenset({"uid", "euid"})  # of a process, where a machine writes
_PLAIN = frozenset(
    {"true", "false", "null", "none", "nil", "unknown", "n/a", "na", "undefined", "-", "0", "1"}
)
_LINE_CLASSES = frozenset(
    {"person_name", "postal_address", "mobile_phone", "contact_phone", "email", "order_id", "tracking_number"}
)
_LETTER = re.compile("[a-z\u00c0-\u024f\u0400-\u04ff\u3040-\u30ff\u4e00-\u9fff]")


def named_values(folded: str) -> list[Found]:
    """Spans of values whose key tells what they are; they may overlap others."""
    found: list[Found] = []
    if '"' in folded or "'" in folded:
        for match in _JSON.finditer(folded):
            group = 4 if match.group(4) is not None else 5
            found.extend(_told(match.group(2), folded, match.start(group), match.end(group)))
    found.extend(_pairs(folded))
    if ":" in folded:
        start = 0
        for line in folded.split("\n"):
            field = _LINE.match(line)
            if field and (field.group(1) == "name" or _class_of(field.group(1)) in _LINE_CLASSES):
                end = field.start(2) + len(_field(field.group(2)))
                found.extend(_told(field.group(1), folded, start + field.start(2), start + end))
            start += len(line) + 1
    return found


def _field(value: str) -> str:
    """A Chinese value ends with its clause: `新地址:文三路45号,不要送错了`. Commas belong to others' addresses."""
    return _CLAUSE_END.split(value, maxsplit=1)[0] if has_han(value) else value


def _pairs(folded: str) -> Iterator[Found]:
    """`key=value`: most keys of a log tell nobody, so the key is read first, backwards from its sign."""
    at = folded.find("=")
    while at >= 0:
        before = _KEY_BEFORE.search(folded[max(0, at - _LONGEST_KEY) : at])
        if before and (before.group(1) == "name" or _class_of(before.group(1))):
            value = _VALUE.match(folded, at)
            if value:
                group = next(number for number in (1, 2, 3) if value.group(number) is not None)
                yield from _told(before.group(1), folded, value.start(group), value.end(group))
        at = folded.find("=", at + 1)


def _told(key: str, text: str, start: int, end: int) -> Iterator[Found]:
    data_class, value = None if key in _PROCESS_KEYS else _class_of(key), text[start:end].strip()
    if key == "name" and _PERSON.fullmatch(value):
        data_class = "person_name"
    if data_class is None:
        return
    if value in _PLAIN or not _is_enough(_LEAST[data_class], value):
        return
    while start < end and not text[start].isalnum() and text[start] not in "+(":
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    if start < end:
        yield Found(start, end, CLASS_ENTITIES.get(data_class, data_class.upper()), SCORE)


def _is_enough(least: str, value: str) -> bool:
    match least:
        case "letters":
            return _LETTER.search(value) is not None and len(value) >= 2
        case "digits":
            return len(digits_of(value)) >= 3
        case "at":
            return "@" in value or "%40" in value
        case _:
            return len(value) >= 2


@lru_cache(maxsize=4096)
def _class_of(key: str) -> str | None:
    """The class that a key names for certain; None where it does not, or where the class tells nobody."""
    matches = match_name(key)
    if not matches or matches[0].weak:
        return None
    return matches[0].data_class if matches[0].data_class in _LEAST else None
