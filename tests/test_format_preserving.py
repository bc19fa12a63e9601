"""Format-preserving tokens: what stays, what changes, what is refused, and who can turn it back."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from pydantic import ValidationError
from stdnum import imei, luhn
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum

from pipeline.classes import CLASSES
from pipeline.protect.steps import facts_of
from transforms import (
    BadParameter,
    Context,
    FormatPreserving,
    Keyring,
    TokenRejected,
    UnsuitableColumn,
    WeakChoice,
    ff1,
)
from transforms.phone_form import CODE_LENGTHS
from transforms.primitives import encode_fields
from transforms.token_form import FormatPreserved

MASTERS = {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}
KEYRING = Keyring(MASTERS, "k1")


def context(domain: str) -> Context:
    return Context("analysts", "research", domain, "static", "2026-11-01", "orders", "column")


def tokens(transform: FormatPreserving, domain: str, values: list[str | None]) -> list[str | None]:
    result: list[str | None] = transform.bind(KEYRING, context(domain))(
        pa.array(values, pa.string())
    ).to_pylist()
    return result


def revealed(transform: FormatPreserving, domain: str, values: list[str | None]) -> list[str | None]:
    back: list[str | None] = transform.bind(KEYRING, context(domain)).reveal(pa.array(values)).to_pylist()
    return back


# ------------------------------------------------------------------ phones

AU = FormatPreserving(normal_form="phone:AU")


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


FIXED = Keyring(
    {"k1": bytes([2]) * 32}, "k1"
)  # under this key two six-digit numbers have themselves for tokens


def test_a_value_that_maps_to_itself_is_redacted() -> None:
    """A permutation of 10^6 values has one fixed point on average; none may be published."""
    everything = pa.array([f"{n:06d}" for n in range(10**6)])
    found = FormatPreserving(alphabet="digits").bind(FIXED, context("order_id"))(everything)
    assert not pc.any(pc.equal(found, everything)).as_py()
    assert pc.sum(pc.equal(found, "[ORDER_ID]")).as_py() == 2
    assert pc.count_distinct(found).as_py() == 10**6 - 2 + 1


# ------------------------------------------------------------------ what separates token spaces


@pytest.mark.parametrize(
    "other",
    [
        replace(context("order_id"), recipient="courier"),
        replace(context("order_id"), purpose="delivery"),
        replace(context("order_id"), epoch="2026-11"),
        context("tracking_number"),
    ],
    ids=["recipient", "purpose", "epoch", "domain"],
)
def test_another_place_turns_tokens_into_other_values(other: Context) -> None:
    """No token opens elsewhere; FF1 cannot tell, so other values come out."""
    transform = FormatPreserving(alphabet="digits")
    values = pa.array([f"{n * 7919:012d}" for n in range(200)])
    found = transform.bind(KEYRING, context("order_id"))(values)
    elsewhere = transform.bind(KEYRING, other)
    assert not set(found.to_pylist()) & set(elsewhere(values).to_pylist())
    assert not set(elsewhere.reveal(found).to_pylist()) & set(values.to_pylist())


def test_another_master_is_another_permutation_and_old_ones_open_by_name() -> None:
    transform = FormatPreserving(alphabet="digits")
    values = pa.array([f"{n:012d}" for n in range(200)])
    rotated = Keyring(MASTERS, "k2")
    old, new = (transform.bind(ring, context("order_id"))(values) for ring in (KEYRING, rotated))
    assert not set(old.to_pylist()) & set(new.to_pylist())
    assert transform.bind(rotated, context("order_id"), key_id="k1").reveal(old).equals(values)
    assert not transform.bind(rotated, context("order_id")).reveal(old).equals(values)


def test_numbers_with_other_kept_parts_are_permuted_independently() -> None:
    """The kept part is in the tweak: nobody learns from one prefix about another."""
    transform = FormatPreserving(alphabet="digits", keep_prefix=1)
    one, two = (tokens(transform, "order_id", [f"{kept}{n:07d}" for n in range(50)]) for kept in (1, 2))
    assert not {str(t)[1:] for t in one} & {str(t)[1:] for t in two}


# ------------------------------------------------------------------ refusals


def refused(transform: FormatPreserving, data_class: str) -> str:
    with pytest.raises(WeakChoice) as caught:
        transform.output(facts_of(CLASSES[data_class]))
    return str(caught.value)


def test_the_plan_refuses_what_leaves_too_few_and_says_how_many() -> None:
    assert "100,000 possible values" in refused(FormatPreserving(keep_prefix=6, keep_suffix=4), "bank_card")
    assert "100,000" in refused(FormatPreserving(normal_form="phone:AU", keep_prefix=4), "mobile_phone")
    assert "10,000" in refused(FormatPreserving(normal_form="phone:CN", keep_prefix=3), "contact_phone")
    assert "10,000" in refused(FormatPreserving(normal_form="phone:NU"), "mobile_phone")
    assert "10,000" in refused(FormatPreserving(alphabet="digits", shortest=6, keep_prefix=2), "order_id")
    assert "262,144" in refused(FormatPreserving(alphabet="01", shortest=18), "serial")


def test_the_plan_takes_what_leaves_enough() -> None:
    for transform, data_class in [
        (FormatPreserving(keep_prefix=6), "bank_card"),
        (FormatPreserving(keep_suffix=4), "bank_card"),
        (FormatPreserving(normal_form="phone:AU", keep_prefix=3), "mobile_phone"),
        (FormatPreserving(normal_form="phone:CN", keep_prefix=5), "mobile_phone"),
        (FormatPreserving(keep_prefix=6), "mac"),
        (FormatPreserving(keep_prefix=6), "national_id"),
        (FormatPreserving(keep_prefix=5), "imsi"),
    ]:
        assert transform.output(facts_of(CLASSES[data_class])).domain is not None


def test_small_domains_are_refused_without_a_plan_too() -> None:
    """`bind` alone is a way in for users of the library."""
    for transform, domain in [
        (FormatPreserving(keep_prefix=6, keep_suffix=4), "bank_card"),
        (FormatPreserving(normal_form="phone:AU", keep_prefix=4), "phone"),
        (FormatPreserving(keep_prefix=9), "phone"),
        (FormatPreserving(keep_prefix=8), "mac"),
    ]:
        with pytest.raises(WeakChoice, match="at least 1,000,000 required"):
            transform.bind(KEYRING, context(domain))


def test_parameters_that_do_not_fit_the_class_are_refused() -> None:
    for transform, domain, says in [
        (FormatPreserving(), "account_id", "alphabet must be one of"),
        (FormatPreserving(alphabet="hex"), "phone", "phones must be digits"),
        (FormatPreserving(check_digit="valid"), "imsi", "no check digit"),
        (FormatPreserving(keep_suffix=1), "national_id", "keep_suffix must be 0"),
        (FormatPreserving(normal_form="digits"), "phone", "phones, and only they"),
        (FormatPreserving(normal_form="phone", alphabet="digits"), "order_id", "phones, and only they"),
    ]:
        with pytest.raises(BadParameter, match=says):
            transform.bind(KEYRING, context(domain))
    for bad in (
        {"alphabet": "00"},
        {"alphabet": "7"},
        {"alphabet": "äöü"},
        {"low": "1"},
        {"keep_prefix": -1},
    ):
        with pytest.raises(ValidationError):
            FormatPreserving.model_validate(bad)


# ------------------------------------------------------------------ numbers and times

AMOUNT = FormatPreserving(low="0", high="99999.99")


def test_amounts_stay_inside_their_range_and_come_back() -> None:
    values = pa.array([Decimal(n * 7919 % 10**7) / 100 for n in range(2000)], pa.decimal128(18, 2))
    bound = AMOUNT.bind(KEYRING, context("amount"))
    found = bound(values)
    assert found.null_count <= 1
    assert 0 <= pc.min(found).as_py() <= pc.max(found).as_py() <= Decimal("99999.99")
    known = found.is_valid()
    assert bound.reveal(found.filter(known)).equals(values.filter(known).cast(pa.string()))


def test_what_lies_outside_the_range_is_null() -> None:
    values = pa.array([Decimal("-0.01"), Decimal("100000"), Decimal("1.50"), None], pa.decimal128(18, 2))
    assert AMOUNT.bind(KEYRING, context("amount"))(values).is_valid().to_pylist() == [
        False,
        False,
        True,
        False,
    ]


def test_times_stay_on_whole_seconds() -> None:
    transform = FormatPreserving(low="2026-01-01", high="2026-12-31 23:59:59")
    start = dt.datetime(2026, 11, 1, 3, 4, 5)
    values = pa.array(
        [start, start + dt.timedelta(microseconds=1), dt.datetime(2027, 1, 1)], pa.timestamp("us")
    )
    found = transform.bind(KEYRING, context("order_time"))(values).to_pylist()
    assert found[0].year == 2026
    assert found[0].microsecond == 0
    assert found[1:] == [None, None]


@settings(max_examples=30, deadline=None)
@given(low=st.integers(-(2**62), 2**62 - 10**6), size=st.integers(10**6, 2**62), seed=st.integers(0, 2**32))
def test_any_range_of_integers_is_permuted(low: int, size: int, seed: int) -> None:
    """From a million to 2^62 values, negative ones, and both ends of the range."""
    high = min(low + size - 1, 2**63 - 1)
    transform = FormatPreserving(low=str(low), high=str(high))
    values = pa.array(
        [low, high, *(int(v) for v in np.random.default_rng(seed).integers(low, high, 20))], pa.int64()
    )
    bound = transform.bind(KEYRING, context("quantity"))
    found = bound(values)
    known = found.is_valid()
    assert low <= pc.min(found).as_py() <= pc.max(found).as_py() <= high
    assert bound.reveal(found.filter(known)).equals(values.filter(known).cast(pa.string()))


def test_a_range_is_a_permutation_and_what_maps_to_itself_is_null() -> None:
    """All million whole numbers, each once, but for one fixed point."""
    values = pa.array(range(10**6), pa.int64())
    found = FormatPreserving(low="0", high="999999").bind(FIXED, context("quantity"))(values)
    assert found.null_count == 1
    assert pc.count_distinct(found, mode="only_valid").as_py() == 10**6 - 1
    assert not pc.any(pc.equal(found, values)).as_py()


def test_ranges_that_leave_too_few_or_do_not_fit_are_refused() -> None:
    day = FormatPreserving(low="1900-01-01", high="2026-12-31")
    assert "46,386 values" in refused(day, "birth_date")
    assert "100 values" in refused(FormatPreserving(low="1", high="100"), "quantity")
    for transform, data_class in [
        (FormatPreserving(), "amount"),
        (FormatPreserving(low="a", high="b"), "amount"),
        (FormatPreserving(low="0", high="9"), "mobile_phone"),
    ]:
        with pytest.raises(UnsuitableColumn):
            transform.output(facts_of(CLASSES[data_class]))
    with pytest.raises(BadParameter):
        FormatPreserving(low="9", high="1").output(facts_of(CLASSES["quantity"]))


# ------------------------------------------------------------------ output domain


@pytest.mark.parametrize(
    ("transform", "domain", "inside", "outside"),
    [
        (
            AU,
            "phone",
            ["+61491570006", "0491570006", "[PHONE]"],
            ["+6112345", "+61 491570006", "a", "", "+0491570006"],
        ),
        (
            FormatPreserving(normal_form="phone:AU", keep_prefix=3),
            "phone",
            ["+61491570006", "+8613800138000"],
            ["+6512345678", "[ORDER_ID]"],
        ),
        (
            FormatPreserving(),
            "bank_card",
            ["4111 1111 1111 1112", "1234567"],
            ["4111111111111111", "4111111111111113", "4111 1111 1111 111x", "12345"],
        ),
        (FormatPreserving(), "imei", ["490154203237518", "490154203237511"], ["49015420323751a", "49015"]),
        (
            FormatPreserving(),
            "national_id",
            ["11010519491231002X"],
            ["1101051949123100XX", "X1010519491231002X"],
        ),
        (
            FormatPreserving(alphabet="upper_alphanumeric", keep_prefix=2),
            "serial",
            ["SN-4F7K-99", "so-1234"],
            ["SN-4f7k-99", "SN4F7", "SN-4F7K-9é", "SN-4F7K_*9"],
        ),
    ],
)
def test_the_domain_holds_exactly_what_can_come_out(
    transform: FormatPreserving, domain: str, inside: list[str], outside: list[str]
) -> None:
    form = transform._form(domain)
    assert form.holds(pa.array([*inside, None])).to_pylist() == [True] * (len(inside) + 1), inside
    assert form.holds(pa.array([*outside, None])).to_pylist() == [False] * len(outside) + [True], outside
    assert form.holds(pa.array([1, None])).to_pylist() == [False, True]
    assert form.holds(pa.array([*inside, *outside], pa.large_string())).to_pylist() == [True] * len(
        inside
    ) + [False] * len(outside)


def test_raw_text_is_searched_for_where_ends_are_kept() -> None:
    assert not FormatPreserved("0123456789").holds_raw_text
    assert FormatPreserved("0123456789", keep_prefix=2).holds_raw_text
    assert FormatPreserved("0123456789", keep_suffix=4).holds_raw_text
