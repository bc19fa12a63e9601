"""Normal forms: what becomes equal, that it stays so, and that quick and plain ways agree."""

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import BadParameter
from transforms import normal_forms as forms
from transforms.normal_forms import NORMAL_FORMS, VERSIONS, normal_form, version_of
from transforms.phone_form import E164_ALREADY, LOCAL, _is_unchanged, are_e164, phone_form


def apply(name: str, *values: str | None) -> list[str | None]:
    return list(normal_form(name)(pa.array(values, pa.string())).to_pylist())


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("none", ["A b", ""], ["A b", ""]),
        ("email", [" Jane@Example.COM ", "ｊａｎｅ@example.com"], ["jane@example.com", "jane@example.com"]),
        ("mac", ["A4:5E:60:C2:00:01", "a45e.60c2.0001", "a4-5e-60-c2-00-01"], ["a45e60c20001"] * 3),
        ("mac", ["no mac", ""], ["no mac", ""]),
        ("digits", ["4111 1111-1111 1111", "４１１１1111 1111 1111", "n/a", ""],
         ["4111111111111111"] * 2 + ["n/a", ""]),
        ("alnum", ["11010519491231002x", "11010519491231002Ｘ", "—"], ["11010519491231002x"] * 2 + ["—"]),
        ("name", ["  Jane \t SMITH ", "jane smith", "張\u3000偉", "Straße", "STRASSE"],
         ["jane smith", "jane smith", "張 偉", "strasse", "strasse"]),
        ("casefold", ["ÅNGSTRÖM", "Å", "A b"], ["ångström", "å", "a b"]),
        ("ip", ["2001:DB8:0::1", "::ffff:1.2.3.4", "1.2.3.4 ", "x"],
         ["2001:db8::1", "1.2.3.4", "1.2.3.4", "x"]),
        ("phone", ["+61 412 345 678", "+61412345678", "0412345678", "call me", ""],
         ["+61412345678", "+61412345678", "0412345678", "call me", ""]),
        ("phone:AU", ["0412 345 678", "(02) 9374 4000", "+8613800138000"],
         ["+61412345678", "+61293744000", "+8613800138000"]),
        ("phone:CN", ["138 0013 8000", "13800138000", "+86 138-0013-8000", "０１０ 6552 9988"],
         ["+8613800138000"] * 3 + ["+861065529988"]),
        ("phone:US", ["(415) 555-2671", "1 415 555 2671"], ["+14155552671"] * 2),
    ],
)  # fmt: skip
def test_forms(name: str, written: list[str], expected: list[str]) -> None:
    """One writing for one thing; what a form cannot read keeps its folded text."""
    assert apply(name, *written) == expected


def test_nulls_stay_and_versions_exist() -> None:
    """Every form keeps nulls, copes with none and has a version."""
    for name in NORMAL_FORMS:
        assert apply(name, None, "a", None)[::2] == [None, None]
        assert apply(name) == []
        assert version_of(name) == VERSIONS[name] == 1
    assert version_of("phone:AU") == VERSIONS["phone"]
    for unknown in ("phones", "phone:au", "phone:AUS", "", "email:AU"):
        with pytest.raises(BadParameter, match="must be one of"):
            normal_form(unknown)


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("aA1:-. \t\x1c\x0bß İŉΐ"), max_size=10)


@pytest.mark.parametrize("name", sorted(set(NORMAL_FORMS) - {"phone"}))
@settings(max_examples=50, deadline=None)
@given(values=st.lists(TEXT, max_size=4))
def test_a_normal_form_is_its_own(name: str, values: list[str]) -> None:
    """Applying a form twice changes nothing more."""
    once = apply(name, *values)
    assert apply(name, *once) == once


PLAIN = {
    "email": forms.email_form,
    "mac": forms.mac_form,
    "digits": forms.digits_form,
    "alnum": forms.alnum_form,
    "name": forms.folded_text,
    "casefold": forms.fold,
}


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.text(st.characters(max_codepoint=127), max_size=18) | TEXT, max_size=5))
def test_columns_agree_with_single_values(name: str, values: list[str]) -> None:
    """The column operations for ASCII text give what Python gives, beside any other text in the column."""
    assert apply(name, *values) == [PLAIN[name](value) for value in values]


def library(value: str, region: str | None) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def some_numbers(count: int) -> list[str]:
    """Numbers of all countries, many of them beginning like a national prefix."""
    import phonenumbers

    chance = random.Random(11)  # noqa: S311 - test data
    codes = [*phonenumbers.COUNTRY_CODE_TO_REGION_CODE, 1, 44, 61, 86, 86, 999]
    digits = "01234567890"
    return [
        f"+{chance.choice(codes)}" + "".join(chance.choice(digits) for _ in range(chance.randrange(1, 13)))
        for _ in range(count)
    ]


def test_numbers_taken_as_e164_are_those_that_phonenumbers_leaves_alone() -> None:
    """The shorter way is taken for many numbers, and for none that the library would change."""
    numbers = some_numbers(3000)
    quick = [number for number in numbers if _is_unchanged(number)]
    assert len(quick) > len(numbers) / 2
    assert [library(number, None) for number in quick] == quick


def test_valid_phones_stay_in_their_form() -> None:
    """E.164 of every country is its own normal form, whatever the region of the column."""
    import phonenumbers

    examples = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    ]
    once = [
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for number in examples
        if number
    ]
    assert len(once) > 400
    assert apply("phone", *once) == apply("phone:CN", *once) == once


@pytest.mark.parametrize("region", [None, "NZ", *LOCAL])
def test_columns_of_phones_agree_with_phonenumbers(region: str | None) -> None:
    """Whatever way a number takes, the result is the library's, asked until it changes nothing, or its digits."""

    def settled(value: str) -> str | None:
        form = library(value, region)
        return form if form in (None, value) else settled(str(form))

    chance = random.Random(13)  # noqa: S311 - test data
    written = some_numbers(150)
    for length in (8, 9, 10, 11, 12):
        for _ in range(60):
            digits = "".join(chance.choice("0123456789") for _ in range(length))
            written += [
                digits,
                "0" + digits,
                f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
                f"1{chance.choice('3456789')}{digits[2:]}",
            ]
    written += [
        "+61 0412 345 678",
        "+61 (0)412.345.678",
        "(0412) 345678",
        "+",
        "()",
        "- 0412345678",
        "0412345678-",
        "+1 (0)",
    ]
    name = f"phone:{region}" if region else "phone"
    expected = [settled(value) or forms.digits_form(value) for value in written]
    assert apply(name, *written) == expected
    assert [phone_form(value, region) for value in written] == [settled(value) for value in written]


@pytest.mark.parametrize("region", [None, "NL", "AU", "AR", "HU"])
def test_the_form_of_a_phone_is_its_own_form(region: str | None) -> None:
    """Also of numbers with several national prefixes: `+31 0000000000` had another form than its form."""
    chance = random.Random(17)  # noqa: S311 - test data
    written = ["+310000000000", "+61 00491 570 006", "+310201234567"]
    written += [
        number[:3] + chance.choice(["0", "00", "000", "06"]) + number[3:] for number in some_numbers(400)
    ]
    once = [form for form in (phone_form(number, region) for number in written) if form]
    assert len(once) > 300 and "+61491570006" in once
    assert [phone_form(form, region) for form in once] == once


@given(
    st.lists(
        st.none()
        | st.from_regex(r"\+(861[2-9][0-9]{9}|61[0-9]{9}|44[67][0-9]{9}|1[0-9]{10})[0-9x]?", fullmatch=True)
        | st.sampled_from(["", "+", "+614123456789", "０491570006", "+61412345678", "+8613800138000"]),
        max_size=6,
    )
)
def test_the_short_way_to_e164_is_the_expression(values: list[str | None]) -> None:
    """`are_e164` compares bytes; it must say what the expression says, nulls and empty texts included."""
    column = pa.array(values, pa.string())
    expected = pc.all(pc.match_substring_regex(column, E164_ALREADY), min_count=0).as_py()
    for array in (column, pa.array(["+61412345678"] * 70 + values)):
        assert are_e164(array) == expected
