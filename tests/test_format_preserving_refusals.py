"""Format-preserving tokens: what separates their spaces, and which policies are refused."""

from dataclasses import replace

import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline.classes import CLASSES
from pipeline.protect.steps import facts_of
from tests.form_cases import KEYRING, MASTERS, context, refused, tokens
from transforms import (
    BadParameter,
    Context,
    FormatPreserving,
    Keyring,
    WeakChoice,
)

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
        {"alphabet": "digts"},  # a misspelled name, not five letters
        {"alphabet": "Hex"},
        {"low": "1"},
        {"keep_prefix": -1},
    ):
        with pytest.raises(ValidationError):
            FormatPreserving.model_validate(bad)
    with pytest.raises(ValidationError, match="misspelled digits, or be one of"):
        FormatPreserving(alphabet="digts")
