"""Recognizers of documents, cards and accounts, and the shield of dates."""

from pipeline.detect.model import Pattern, Recognizer

_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)

DOCUMENTS: tuple[Recognizer, ...] = (
    Recognizer(
        entity="CREDIT_CARD",
        patterns=(
            Pattern(r"[0-9]{4}(?:[ \-]?[0-9]{4}){2,3}[ \-]?[0-9]{1,4}", before="number", after="word"),
            Pattern(r"[0-9]{4}[ \-]?[0-9]{6}[ \-]?[0-9]{4,5}", before="number", after="word"),
            Pattern(r"[0-9]{12,19}", before="number", after="word"),
        ),
        check="bank_card",
        context=(
            "card",
            "credit",
            "debit",
            "visa",
            "mastercard",
            "amex",
            "unionpay",
            "银行卡",
            "信用卡",
            "卡号",
            "储蓄卡",
        ),
        vetoes=("imei", "order", "订单号", "iccid"),
        source="ISO/IEC 7812-1: issuer ranges, Luhn",
        examples=(
            "card 4111 1111 1111 1111",
            "银行卡6222021234567890128",
            "5555555555554444",
            "amex 3782-822463-10005",
            "2223003122003222",
        ),
        near_misses=("4111111111111112", "1234567890123456", "20261101000123456"),
    ),
    Recognizer(
        entity="IBAN_CODE",
        patterns=(
            Pattern(
                r"[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?", before="word", after="word"
            ),
        ),
        check="iban",
        source="ISO 13616-1",
        examples=("pay to DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"),
        near_misses=("DE89370400440532013001", "AB12 3456 7890"),
    ),
    Recognizer(
        entity="NATIONAL_ID",
        patterns=(Pattern(r"[1-9][0-9]{5} ?[0-9]{8} ?[0-9]{3}[0-9x]", before="number", after="word"),),
        check="resident_id",
        source="GB 11643-1999",
        examples=("身份证11010519491231002X", "ID 310101198505051235 ok"),
        near_misses=("110105194912310021", "999999194912310021"),
    ),
    Recognizer(
        entity="US_SSN",
        patterns=(Pattern(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", before="number", after="word"),),
        check="us_ssn",
        context=("ssn", "social security"),
        source="US Social Security Administration: numbers never issued",
        examples=("SSN 536-90-4399", "536-90-4399"),
        near_misses=("000-12-3456", "666-12-3456", "1536-90-4399"),
    ),
    Recognizer(
        entity="AU_TFN",
        patterns=(
            Pattern(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", before="number", after="word", in_context=True),
        ),
        check="tax_number",
        context=("tfn", "tax file number", "tax file"),
        source="Australian Taxation Office: check digit modulo 11",
        examples=("tax file number 123 456 782",),
        near_misses=("123 456 782", "tax file number 123 456 783"),
    ),
    Recognizer(
        entity="NATIONAL_ID",
        patterns=(
            Pattern(r"[a-z]{1,2}[0-9]{7,8}", 0.3, "word", "word", in_context=True),
            Pattern(r"[0-9]{9}", 0.2, "number", "word", in_context=True),
            Pattern(r"[1-9][0-9]{14}", 0.25, "number", "word", in_context=True),
            Pattern(r"[a-z][12][0-9]{8}", 0.3, "word", "word", in_context=True),
        ),
        context=(
            "passport",
            "护照",
            "护照号",
            "身份证",
            "身份证号",
            "通行证",
            "national id",
            "identity card",
            "id card",
        ),
        source="ICAO 9303 part 4 (nine characters); names of the document beside it",
        examples=("passport PA1234567", "护照E12345678"),
        near_misses=("PA1234567", "号123456789"),
    ),
    Recognizer(
        entity="CARD_CVV",
        patterns=(Pattern(r"[0-9]{3,4}", 0.2, "number", "word", in_context=True),),
        context_within=8,
        context=("cvv", "cvc", "cvv2", "cvc2", "security code", "安全码"),
        source="ISO/IEC 7813 usage, PCI DSS 3.3",
        examples=("cvv: 123", "安全码987"),
        near_misses=("123", "room 987"),
    ),
    Recognizer(
        entity="DATE_TIME",
        patterns=(
            Pattern(rf"[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTHS})\.?,? (?:19|20)[0-9]{{2}}", 0.7),
            Pattern(rf"(?:{_MONTHS})\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}", 0.7, "word"),
        ),
        shield=True,
        source="usage in English: day, month in words, year",
        examples=("on 12 March 2026 it came", "since Sept. 3rd, 2025"),
        near_misses=("12 marchers 2026", "march 2026 boxes", "may 12 boxes"),
    ),
    Recognizer(
        entity="DATE_TIME",
        patterns=(
            Pattern(
                r"(?:19|20)[0-9]{2}(?:[\-/.]|年 ?)[0-9]{1,2}(?:[\-/.]|月 ?)[0-9]{1,2}日?"
                r"(?:[t ,]{1,2}[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,:][0-9]{1,9})?)?)?",
                0.7,
                "number",
                "digit",
            ),
            Pattern(r"[0-9]{1,2}[\-/.][0-9]{1,2}[\-/.](?:19|20)[0-9]{2}", 0.7, "number", "number"),
            Pattern(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,:][0-9]{1,9})?", 0.7, "number", "number"),
            Pattern(
                r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
                r"[\-t_ ]?(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]",
                0.7,
                "number",
                "number",
            ),
        ),
        check="day_or_time",
        shield=True,
        source="ISO 8601-1, and the usual national orders",
        examples=("on 2026-11-01 10:11:12", "生日1990年5月17日", "31/12/2026", "at 16:13:38.811"),
        near_misses=("2026-13-45", "1.2.3", "99/99/2026"),
    ),
)
