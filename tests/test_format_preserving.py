"""Format-preserving tokens: what stays, what changes, what is refused, and who can turn it back."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from stdnum import imei, luhn
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum

from tests.form_cases import AU, FIXED, KEYRING, context, revealed, tokens
from transforms import (
    FormatPreserving,
    TokenRejected,
    WeakChoice,
    ff1,
)
from transforms.phone_form import CODE_LENGTHS
from transforms.primitives import encode_fields


def test_one_phone_has_one_token_however_it_is_written() -> None:
    """E.164 comes before encryption, so columns, tables and texts join."""
    written: list[str | None] = ["+61491570006", "0491 570 006", "+61 (0)491-570-006", "０４９１５７０００６"]
    found = tokens(AU, "phone", written)
    assert len(set(found)) == 1
    assert str(found[0]).startswith("+61")
    assert len(str(found[0])) == len("+61491570006")
    assert revealed(AU, "phone", found) == ["+61491570006"] * 4


def test_phones_equal_the_standards_algorithm() -> None:
    """The national digits are one FF1 message; recipient, domain and kept digits are its tweak."""
    key = KEYRING.derive("aes-256-ff1", context("phone"))
    for keep, prefix in ((0, b"+61"), (2, b"+6149")):
        transform = FormatPreserving(normal_form="phone:AU", keep_prefix=keep)
        tweak = encode_fields("analysts", "phone", prefix, b"")
        national = [int(digit) for digit in "491570006"[keep:]]
        expected = prefix.decode() + "".join(map(str, ff1.encrypt(key, tweak, national, 10)))
        assert tokens(transform, "phone", ["0491570006"]) == [expected]


@pytest.mark.parametrize(
    "phone", ["+12025550123", "+8613800138000", "+35312345678", "+3906698123456", "+6512345678"]
)
@pytest.mark.parametrize("keep", [0, 1, 2])
def test_country_code_and_leading_national_digits_stay(phone: str, keep: int) -> None:
    code = next(n for n in (1, 2, 3) if int(phone[1 : 1 + n]) in COUNTRY_CODE_TO_REGION_CODE)
    (token,) = tokens(FormatPreserving(keep_prefix=keep), "phone", [phone])
    assert str(token)[: 1 + code + keep] == phone[: 1 + code + keep]
    assert str(token) != phone
    assert len(str(token)) == len(phone)


def test_lengths_of_country_codes_are_those_of_phonenumbers() -> None:
    """E.164 assigns prefix-free codes: the first three digits tell the length."""
    for code in COUNTRY_CODE_TO_REGION_CODE:
        text = str(code)
        for rest in range(10 ** (3 - len(text))):
            assert CODE_LENGTHS[int(text + str(rest).zfill(3 - len(text)) if len(text) < 3 else text)] == len(
                text
            )


def test_what_is_no_phone_or_too_short_is_redacted_never_kept() -> None:
    values: list[str | None] = [
        "+6112345",
        "000",
        "call me",
        "zhang",
        "",
        "+61",
        "+",
        None,
    ]
    assert tokens(AU, "phone", values) == ["[PHONE]"] * 7 + [None]


def test_shorter_numbers_than_the_regions_are_redacted_where_digits_are_kept() -> None:
    """Singapore's eight digits less three leave 10^5."""
    transform = FormatPreserving(normal_form="phone:AU", keep_prefix=3)
    found = tokens(transform, "phone", ["+6512345678", "+61491570006"])
    assert found[0] == "[PHONE]"
    assert str(found[1]).startswith("+61491")


def test_a_number_without_known_country_is_encrypted_whole() -> None:
    """Nobody knows which of its digits are national, so none is kept."""
    (token,) = tokens(FormatPreserving(keep_prefix=3), "phone", ["0491570006"])
    assert str(token).isdigit()
    assert len(str(token)) == 10
    assert revealed(FormatPreserving(keep_prefix=3), "phone", [token]) == ["0491570006"]


def test_digits_out_of_other_texts_are_no_phone() -> None:
    """The normal form of a text that is none would be its digits alone; they must not pass for a number."""
    assert (
        tokens(FormatPreserving(), "phone", ["a4:5e:60:c2:00:01", "no. 1234567", "1234567"])[:2]
        == ["[PHONE]"] * 2
    )


# ------------------------------------------------------------------ check digits

CARDS: list[str | None] = [
    "4111111111111111",
    "5500 0000 0000 0004",
    "378282246310005",
    "6011-1111-1111-1117",
]


def test_cards_come_out_failing_luhn_and_come_back() -> None:
    found = tokens(FormatPreserving(), "bank_card", CARDS)
    for before, after in zip(CARDS, found, strict=True):
        assert ["#" if c.isdigit() else c for c in str(after)] == [
            "#" if c.isdigit() else c for c in str(before)
        ]
        assert not luhn.is_valid("".join(filter(str.isdigit, str(after))))
    assert revealed(FormatPreserving(), "bank_card", found) == CARDS


@settings(max_examples=40, deadline=None)
@given(
    payloads=st.lists(st.from_regex(r"[0-9]{11,18}", fullmatch=True), min_size=1, max_size=20),
    suffix=st.sampled_from([0, 1, 2, 3, 4]),
)
def test_no_card_ever_comes_out_passing_luhn(payloads: list[str], suffix: int) -> None:
    """Whatever its length, and also where the last digits, the check digit among them, are kept."""
    cards: list[str | None] = [payload + luhn.calc_check_digit(payload) for payload in payloads]
    transform = FormatPreserving(keep_suffix=suffix)
    found = tokens(transform, "bank_card", cards)
    good = [(c, t) for c, t in zip(cards, found, strict=True) if t != "[BANK_CARD]"]
    for card, token in good:
        assert not luhn.is_valid(str(token))
        assert str(token)[len(str(token)) - suffix :] == str(card)[len(str(card)) - suffix :]
    assert revealed(transform, "bank_card", [t for _, t in good]) == [c for c, _ in good]
    assert len(good) == sum(len(str(card)) - suffix - 1 >= 6 for card in cards)


def test_a_number_that_fails_luhn_already_is_no_card() -> None:
    """It has no token of its own among numbers that fail: 10^n values do not fit into 9 x 10^(n-1)."""
    assert tokens(FormatPreserving(), "bank_card", ["4111111111111112"]) == ["[BANK_CARD]"]
    account = FormatPreserving(check_digit="none")
    (token,) = tokens(account, "bank_card", ["4111111111111112"])
    assert revealed(account, "bank_card", [token]) == ["4111111111111112"]


def test_a_card_token_that_passes_luhn_is_no_token() -> None:
    """The one thing that an unauthenticated token of a card can be checked for."""
    with pytest.raises(TokenRejected):
        FormatPreserving().bind(KEYRING, context("bank_card")).reveal(pa.array(["4111111111111111"]))


def test_valid_cards_only_where_the_policy_wants_them() -> None:
    found = tokens(FormatPreserving(check_digit="valid"), "bank_card", CARDS)
    assert all(luhn.is_valid("".join(filter(str.isdigit, str(card)))) for card in found)
    assert revealed(FormatPreserving(check_digit="valid"), "bank_card", found) == CARDS


def test_imei_gets_a_right_check_digit_and_a_wrong_one_stays_wrong() -> None:
    values: list[str | None] = [
        "490154203237518",
        "49-015420-323751-8",
        "490154203237510",
        "4901542032375181",
    ]
    found = tokens(FormatPreserving(), "imei", values)
    assert imei.is_valid(str(found[0]))
    assert imei.is_valid(str(found[1]))
    assert str(found[1]).replace("-", "") == found[0]
    with pytest.raises(InvalidChecksum):
        imei.validate(str(found[2]))
    assert revealed(FormatPreserving(), "imei", found) == values


def test_an_imei_may_keep_its_type_allocation_code() -> None:
    """Six digits of serial number are exactly the least domain; one digit more is refused."""
    found = tokens(FormatPreserving(keep_prefix=8), "imei", ["490154203237518"])
    assert str(found[0]).startswith("49015420")
    assert imei.is_valid(str(found[0]))
    with pytest.raises(WeakChoice, match="100,000 possible values"):
        FormatPreserving(keep_prefix=9).bind(KEYRING, context("imei"))


def test_resident_ids_get_a_right_check_character() -> None:
    values: list[str | None] = [f"11010519{n:02d}1231{n:03d}" for n in range(10, 99)]
    values = [f"{payload}{ric.calc_check_digit(f'{payload}0')}" for payload in values]
    found = tokens(FormatPreserving(), "national_id", values)
    assert all(str(token)[17] == ric.calc_check_digit(str(token)) for token in found)
    assert any(str(token).endswith("X") for token in found)
    assert revealed(FormatPreserving(), "national_id", found) == values
    lower = tokens(FormatPreserving(), "national_id", [str(v).lower() for v in values])
    assert lower == found
    assert tokens(FormatPreserving(), "national_id", ["123-45-6789", "E12345678"])[1] == "[NATIONAL_ID]"


# ------------------------------------------------------------------ alphabets and separators


def test_letters_outside_the_alphabet_are_never_passed_on() -> None:
    """Only separators are kept: a name in front of a number is no separator."""
    digits = FormatPreserving(alphabet="digits")
    assert (
        tokens(digits, "account_id", ["zhangwei8812345678", "12345678é", "12345678*", "手机12345678"])
        == ["[ACCOUNT_ID]"] * 4
    )
    kept = FormatPreserving(alphabet="digits", keep_prefix=2)
    (token,) = tokens(kept, "order_id", ["SO-20261101-000123"])
    assert str(token).startswith("SO-")
    assert str(token)[11] == "-"


def test_letters_of_one_case_are_read_in_either() -> None:
    hexadecimal = FormatPreserving()
    found = tokens(hexadecimal, "mac", ["A4:5E:60:C2:00:01", "a4:5e:60:c2:00:01"])
    assert found[0] == found[1]
    assert revealed(hexadecimal, "mac", found) == ["a4:5e:60:c2:00:01"] * 2
    mixed = FormatPreserving(alphabet="alphanumeric")
    assert len(set(tokens(mixed, "serial", ["abcdef", "ABCDEF"]))) == 2


@settings(max_examples=40, deadline=None)
@given(
    alphabet=st.sampled_from(
        ["digits", "hex", "upper_alphanumeric", "alphanumeric", "letters", "01", "!#$%abcdefg-"]
    ),
    prefix=st.integers(0, 4),
    suffix=st.integers(0, 4),
    data=st.data(),
)
def test_any_text_is_a_member_and_comes_back(
    alphabet: str, prefix: int, suffix: int, data: st.DataObject
) -> None:
    """Mixed lengths, separators anywhere; what is not redacted comes back whole."""
    transform = FormatPreserving(alphabet=alphabet, keep_prefix=prefix, keep_suffix=suffix)
    form = transform._form("serial")
    texts = st.text(st.sampled_from(form.alphabet + " -./xY7"), max_size=60)
    values = data.draw(st.lists(texts, max_size=20))
    found = tokens(transform, "serial", [*values])
    assert pc.all(form.holds(pa.array(found, pa.string())), min_count=0).as_py()
    good = [(v, t) for v, t in zip(values, found, strict=True) if t != form.tag]
    back = revealed(transform, "serial", [t for _, t in good]) if good else []
    folded = {"upper_alphanumeric": str.upper, "hex": str.lower, "!#$%abcdefg-": str.lower}.get(alphabet, str)
    assert back == [folded(v) for v, _ in good]


def test_an_overlong_number_is_redacted() -> None:
    """FF1 of a message of a million digits takes minutes; nobody numbers anything so."""
    assert tokens(FormatPreserving(alphabet="digits"), "serial", ["7" * 257, "7" * 256])[0] == "[SERIAL]"


def test_a_value_that_maps_to_itself_is_redacted() -> None:
    """A permutation of 10^6 values has one fixed point on average; none may be published."""
    everything = pa.array([f"{n:06d}" for n in range(10**6)])
    found = FormatPreserving(alphabet="digits").bind(FIXED, context("order_id"))(everything)
    assert not pc.any(pc.equal(found, everything)).as_py()
    assert pc.sum(pc.equal(found, "[ORDER_ID]")).as_py() == 2
    assert pc.count_distinct(found).as_py() == 10**6 - 2 + 1
