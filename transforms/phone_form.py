"""E.164 (ITU-T) form of phone numbers, by phonenumbers, with shorter ways to the same result."""

import re
from functools import cache, lru_cache

# Column expressions for the most usual numbers, whose results a test compares with those of phonenumbers.
# E.164 that phonenumbers gives back unchanged: mobiles of mainland China and the United Kingdom, Australia,
# North America.
E164_ALREADY = r"^\+(?:861[3-9][0-9]{9}|61[2-478][0-9]{8}|447[0-9]{9}|1[2-9][0-9]{2}[2-9][0-9]{6})\z"
# Digits with punctuation that phonenumbers drops.
PUNCTUATION = r"[ ().-]+"
PLAINLY_WRITTEN = r"^[+(]?[0-9][0-9 ().-]*\z"
# Region -> numbers as written inside it (without punctuation), and how they become E.164.
LOCAL = {
    "AU": (r"^0([2-478][0-9]{8})\z", r"+61\1"),
    "CN": (r"^(1[3-9][0-9]{9})\z", r"+86\1"),
    "GB": (r"^0(7[0-9]{9})\z", r"+44\1"),
    "US": (r"^([2-9][0-9]{2}[2-9][0-9]{6})\z", r"+1\1"),
    "CA": (r"^([2-9][0-9]{2}[2-9][0-9]{6})\z", r"+1\1"),
}

_PLUS_DIGITS = re.compile(r"\+([1-9][0-9]{6,14})")


@lru_cache(maxsize=65_536)
def phone_form(value: str, region: str | None) -> str | None:
    """E.164 of a number; one without + is read in the region. None where it is no phone number at all."""
    if _is_unchanged(value):
        return value
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _is_unchanged(value: str) -> bool:
    """Whether phonenumbers would only take the number apart and put it together again.

    It changes a number written with + and digits only where the part after the country code begins with what
    the country's metadata call a national prefix (`+61 0412…`), or is zeros.
    """
    match = _PLUS_DIGITS.fullmatch(value)
    if match is None:
        return False
    digits = match[1]
    prefixes = _national_prefixes()
    for length in (1, 2, 3):
        if digits[:length] in prefixes:
            prefix = prefixes[digits[:length]]
            national = digits[length:]
            return len(national) >= 4 and not prefix.match(national)
    return False


@cache
def _national_prefixes() -> dict[str, re.Pattern[str]]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    prefixes = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if regions[0] == "001":
            metadata = PhoneMetadata.metadata_for_nongeo_region(code, None)
        else:
            metadata = PhoneMetadata.metadata_for_region(regions[0], None)
        national = metadata.national_prefix_for_parsing if metadata else None
        prefixes[str(code)] = re.compile(f"(?:{national})|0+$" if national else "0+$")
    return prefixes
