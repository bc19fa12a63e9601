"""Classes about the person: accounts, names, contacts, places, documents, traits."""

from pipeline.classes.model import (
    CONSTANT,
    COUNTED,
    DAY,
    DROP_ONLY,
    IDENTIFIER,
    LABEL,
    LINK,
    NUMBERED,
    PLACE,
    RANGED,
    SECRET_TEXT,
    TIMED,
    WHOLE,
    DataClass,
)

# E.164 allows 15 digits, but plans in use leave far fewer: China's mobiles are 7 x 10^9, all plans together
# stay below 10^11.
_PHONES = 10**11
_PHONE_DOMAIN = "phone"
# GB 11643: 6 digits of division (about 3,500 in use), 8 of birth date (about 120 years), 3 of sequence; the
# last digit is a check digit. Other countries' numbers are shorter.
_RESIDENT_IDS = 3_500 * 43_830 * 1_000
# ISO/IEC 7812: at most 19 digits, cards in use have 16, the last is a check digit.
_CARDS = 10**15
# Public registers: 162,253 surnames (US Census 2010) x about 100,000 given names (US SSA).
_NAMES = 162_253 * 100_000

PEOPLE: tuple[DataClass, ...] = (
    DataClass(
        "account_id",
        "account number or login key of the mall, or of a third party",
        3,
        "direct_identifier",
        NUMBERED,
        enumerable=10**12,  # most malls number their accounts in a row
        high_entropy=True,
    ),
    DataClass("nickname", "name that others see", 3, "direct_identifier", IDENTIFIER, normal_form="name"),
    DataClass("username", "login name", 3, "direct_identifier", IDENTIFIER, normal_form="casefold"),
    DataClass("password", "password or its hash", 4, "sensitive", DROP_ONLY),
    DataClass(
        "person_name",
        "name of a person, or a part of it",
        3,
        "direct_identifier",
        IDENTIFIER | {"surrogate"},
        normal_form="name",
        enumerable=_NAMES,
    ),
    DataClass(
        "mobile_phone",
        "mobile phone number",
        3,
        "direct_identifier",
        NUMBERED | {"prefix", "surrogate"},
        token_domain=_PHONE_DOMAIN,
        normal_form="phone",
        enumerable=_PHONES,
        high_entropy=True,
    ),
    DataClass(
        "contact_phone",
        "other phone or fax number",
        3,
        "direct_identifier",
        NUMBERED | {"prefix", "surrogate"},
        token_domain=_PHONE_DOMAIN,
        normal_form="phone",
        enumerable=_PHONES,
        high_entropy=True,
    ),
    DataClass(
        "email",
        "e-mail address",
        3,
        "direct_identifier",
        IDENTIFIER | {"surrogate"},
        normal_form="email",
        high_entropy=True,
    ),
    DataClass(
        "postal_address",
        "street address, or its street part",
        3,
        "direct_identifier",
        IDENTIFIER | {"hierarchy", "prefix", "surrogate"},
        normal_form="name",
        enumerable=10**9,  # national address files are public: Australia's has 15 M entries
    ),
    DataClass(
        "city", "city, town or suburb", 2, "quasi_identifier", PLACE, normal_form="name", enumerable=50_000
    ),
    DataClass(
        "region", "state or province", 2, "quasi_identifier", PLACE, normal_form="name", enumerable=5_000
    ),
    DataClass("country", "country", 1, "quasi_identifier", PLACE, normal_form="name", enumerable=249),
    DataClass(
        "postcode", "postal code", 2, "quasi_identifier", PLACE, normal_form="casefold", enumerable=10**7
    ),
    DataClass("gender", "gender", 2, "quasi_identifier", LABEL, normal_form="casefold", enumerable=3),
    DataClass(
        "age",
        "age in years",
        2,
        "quasi_identifier",
        COUNTED | {"hierarchy"},
        value_type=WHOLE,
        enumerable=120,
        range=(0, 150),
    ),
    DataClass(
        "birth_date",
        "date of birth",
        3,
        "quasi_identifier",
        TIMED | RANGED | SECRET_TEXT,
        value_type=DAY,
        enumerable=43_830,
    ),
    DataClass(
        "national_id",
        "resident id, passport, social security or tax number of a person",
        4,
        "direct_identifier",
        NUMBERED,
        normal_form="alnum",
        enumerable=_RESIDENT_IDS,
        high_entropy=True,
    ),
    DataClass(
        "bank_card",
        "bank card or account number",
        4,
        "direct_identifier",
        NUMBERED,
        normal_form="digits",
        enumerable=_CARDS,
        high_entropy=True,
    ),
    DataClass("card_cvv", "verification code of a card", 4, "sensitive", DROP_ONLY, enumerable=10_000),
    DataClass("card_expiry", "expiry date of a card", 4, "sensitive", DROP_ONLY, enumerable=240),
    DataClass(
        "company",
        "company or organization",
        2,
        "quasi_identifier",
        LABEL | {"mask", "surrogate"},
        normal_form="name",
    ),
    DataClass(
        "job", "occupation or job title", 2, "quasi_identifier", LABEL, normal_form="name", enumerable=10_000
    ),
    DataClass(
        "honorific", "form of address", 2, "quasi_identifier", LABEL, normal_form="casefold", enumerable=100
    ),
    DataClass(
        "health",
        "health condition, treatment or measure",
        4,
        "sensitive",
        CONSTANT | SECRET_TEXT | {"hierarchy"},
    ),
    DataClass(
        "avatar",
        "profile picture, or a link to it",
        3,
        "direct_identifier",
        LINK,
    ),
    DataClass("face", "facial or other biometric data", 4, "sensitive", DROP_ONLY),
)
