"""Normal forms: what is made equal before it is hashed.

Each form is a function of one value and is applied to an array; where all characters are ASCII, column
operations do the same. A change of any result changes tokens, so each form has a version, which the
manifest can name. Text that a form cannot read (a phone number without digits) is no error: its folded text
stands for it, so that it still gets a token of its own. Unicode folding is that of the running Python
(`unicodedata.unidata_version`).
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import AfterValidator

from transforms.errors import BadParameter
from transforms.phone_form import E164_ALREADY, LOCAL, PLAINLY_WRITTEN, PUNCTUATION, are_e164, phone_form

ArrayForm = Callable[[pa.Array], pa.Array]
ValueForm = Callable[[str], str]

# What Python's \s is among ASCII characters; RE2's \s is less.
_ASCII_BLANKS = r"[\t-\r\x1c- ]+"
_BLANKS = re.compile(r"\s+")
_MAC = re.compile(r"[0-9a-f]{12}")


# ------------------------------------------------------------------ one value


def fold(value: str) -> str:
    """NFKC and case folding, twice, because folding can undo NFKC (Unicode section 3.13, toNFKC_Casefold)."""
    if value.isascii():
        return value.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def folded_text(value: str) -> str:
    """Folded, with runs of blanks as one space and none at the ends."""
    return _BLANKS.sub(" ", fold(value)).strip()


def email_form(value: str) -> str:
    """Folded, without blanks; folded again, because marks can compose where a blank was."""
    return fold(_BLANKS.sub("", fold(value)))


def digits_form(value: str) -> str:
    """ASCII digits only."""
    return re.sub(r"[^0-9]+", "", unicodedata.normalize("NFKC", value)) or folded_text(value)


def alnum_form(value: str) -> str:
    """ASCII letters and digits only, folded."""
    return re.sub(r"[^0-9a-z]+", "", fold(value)) or folded_text(value)


def mac_form(value: str) -> str:
    """12 lowercase hex digits."""
    digits = re.sub(r"[:.\-\s]+", "", fold(value))
    return digits if _MAC.fullmatch(digits) else folded_text(value)


def ip_form(value: str) -> str:
    """Canonical text (RFC 5952); IPv4-mapped IPv6 as IPv4."""
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return folded_text(value)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


# ------------------------------------------------------------------ columns of ASCII text


def _without(values: pa.Array, expression: str) -> pa.Array:
    return pc.replace_substring_regex(values, expression, "")


def _without_blanks(values: pa.Array) -> pa.Array:
    return _without(values, _ASCII_BLANKS) if _may_hold_blanks(values) else values


# Looking at all bytes of a column at once costs next to nothing beside a search value by value.
def content_of(values: pa.Array) -> NDArray[np.uint8]:
    """All bytes of a string column, one after the other."""
    _, offsets, data = values.buffers()
    if data is None or offsets is None or not len(values):
        return np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]


def _may_hold_blanks(values: pa.Array) -> bool:
    return bool((content_of(values) <= ord(" ")).any())


def _are_digits(content: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (content - np.uint8(ord("0"))) < 10


def _are_alnum(content: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return _are_digits(content) | ((content - np.uint8(ord("a"))) < 26)


def _folded_text_ascii(values: pa.Array) -> pa.Array:
    return pc.ascii_trim(pc.replace_substring_regex(pc.ascii_lower(values), _ASCII_BLANKS, " "), " ")


def _where(readable: pa.Array, formed: pa.Array, values: pa.Array) -> pa.Array:
    if pc.all(readable, min_count=0).as_py():
        return formed
    return pc.if_else(readable, formed, _folded_text_ascii(values))


def _only_ascii(
    values: pa.Array, others: str, are_kept: Callable[[NDArray[np.uint8]], NDArray[np.bool_]]
) -> pa.Array:
    lower = pc.ascii_lower(values)
    kept = lower if are_kept(content_of(lower)).all() else _without(lower, others)
    return _where(pc.not_equal(kept, ""), kept, values)


def _mac_ascii(values: pa.Array) -> pa.Array:
    digits = _without(pc.ascii_lower(values), r"[:.\-\t-\r\x1c- ]+")
    return _where(pc.match_substring_regex(digits, r"^[0-9a-f]{12}\z"), digits, values)


# ------------------------------------------------------------------ arrays


def _split(ready: Callable[[pa.Array], pa.Array], columns: ArrayForm, form: ValueForm) -> ArrayForm:
    """Column operations for the values that `ready` tells, Python for the others."""

    def apply(values: pa.Array) -> pa.Array:
        quick = ready(values)
        if pc.all(quick, min_count=0).as_py():
            return columns(values)
        nothing = pa.scalar(None, pa.string())
        rest = pc.if_else(quick, nothing, values)
        slow = pa.array([None if value is None else form(value) for value in rest.to_pylist()], pa.string())
        return pc.if_else(quick, columns(pc.if_else(quick, values, nothing)), slow)

    return apply


def _ascii(columns: ArrayForm, form: ValueForm) -> ArrayForm:
    return _split(pc.string_is_ascii, columns, form)


def phone_in(region: str | None) -> ArrayForm:
    """Phone form; numbers without + are read in the region, e.g. `AU`."""
    local, international = LOCAL.get(region or "", ("", ""))

    def e164(values: pa.Array) -> pa.Array:
        digits = _without(values, PUNCTUATION)
        return pc.replace_substring_regex(digits, local, international) if local else digits

    def ready(values: pa.Array) -> pa.Array:
        return pc.and_(
            pc.match_substring_regex(values, PLAINLY_WRITTEN),
            pc.match_substring_regex(e164(values), E164_ALREADY),
        )

    convert = _split(ready, e164, lambda value: phone_form(value, region) or digits_form(value))

    def apply(values: pa.Array) -> pa.Array:
        return values if are_e164(values) else convert(values)

    return apply


def _ip(values: pa.Array) -> pa.Array:
    return pa.array([None if value is None else ip_form(value) for value in values.to_pylist()], pa.string())


NORMAL_FORMS: Mapping[str, ArrayForm] = MappingProxyType(
    {
        "none": lambda values: values,
        "email": _ascii(lambda values: _without_blanks(pc.ascii_lower(values)), email_form),
        "phone": phone_in(None),
        "mac": _ascii(_mac_ascii, mac_form),
        "digits": _ascii(lambda values: _only_ascii(values, "[^0-9]+", _are_digits), digits_form),
        "alnum": _ascii(lambda values: _only_ascii(values, "[^0-9a-z]+", _are_alnum), alnum_form),
        "name": _ascii(_folded_text_ascii, folded_text),
        "casefold": _ascii(pc.ascii_lower, fold),
        "ip": _ip,
    }
)

VERSIONS: Mapping[str, int] = MappingProxyType(dict.fromkeys(NORMAL_FORMS, 1))


def normal_form(name: str) -> ArrayForm:
    """Form by name; `phone:AU` reads numbers without + in Australia. Raises `BadParameter`."""
    base, _, region = name.partition(":")
    if base == "phone" and re.fullmatch(r"[A-Z]{2}", region):
        return phone_in(region)
    if name not in NORMAL_FORMS:
        known = ", ".join(NORMAL_FORMS)
        raise BadParameter(f"normal form must be one of {known}, or phone:<region> such as phone:AU")
    return NORMAL_FORMS[name]


def version_of(name: str) -> int:
    """Version of a form; regions share that of `phone`. Raises `BadParameter`."""
    normal_form(name)
    return VERSIONS[name.partition(":")[0]]


def _known(name: str) -> str:
    try:
        normal_form(name)
    except BadParameter as error:
        raise ValueError(str(error)) from None
    return name


NormalForm = Annotated[str, AfterValidator(_known)]
