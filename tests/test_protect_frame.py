"""`protect_frame`: a protected copy with index and dtypes of untouched columns, and the nightly job's tokens."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from pipeline import protect_frame
from pipeline.errors import Drift, JobWrong, PouchError, TransformUnsuitable
from transforms import EncryptSiv, KeyedHash, Keyring
from transforms.context import Context

CATALOG = {
    "mobile": "mobile_phone",
    "name": "person_name",
    "city": "city",
    "when": "order_time",
    "n": "quantity",
    "pin": "password",
}
RULES = {
    "mobile_phone": {"transform": "keyed_hash"},
    "person_name": {"transform": "mask", "keep_first": 1},
    "city": {"transform": "keep"},
    "order_time": {"transform": "truncate_time", "unit": "day"},
    "quantity": {"transform": "keep"},
    "password": {"transform": "drop"},
}


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({"k1": bytes(range(32))}, "k1")


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mobile": ["+61491570006", None, "0491 570 006"],
            "name": ["李雪梅", "Bo", None],
            "city": pd.Series(["Perth", "Perth", None], dtype="category"),
            "when": pd.to_datetime(["2026-11-01 10:20", None, "2026-11-02 23:59"]),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "pin": ["a", "b", "c"],
        },
        index=[7, 7, 9],  # duplicates, on purpose
    )


def protect(frame, keyring, rules=None, catalog=None, **more):
    return protect_frame(
        frame,
        policy={"rules": RULES if rules is None else rules},
        catalog=CATALOG if catalog is None else catalog,
        keyring=keyring,
        recipient="analysts",
        purpose="analytics",
        phone_region="AU",
        **more,
    )


def test_the_copy_has_what_the_policy_says(frame, keyring):
    before = frame.copy(deep=True)
    made = protect(frame, keyring)
    pd.testing.assert_frame_equal(frame, before)
    assert list(made.columns) == ["mobile", "name", "city", "when", "n"]
    assert list(made.index) == [7, 7, 9]
    pd.testing.assert_series_equal(made["city"], frame["city"])
    pd.testing.assert_series_equal(made["n"], frame["n"])
    assert made["mobile"].iloc[0] == made["mobile"].iloc[2], "one phone in two spellings, one token"
    assert made["mobile"].isna().tolist() == [False, True, False]
    assert made["name"].iloc[0].startswith("李") and "雪" not in made["name"].iloc[0]
    assert str(made["when"].iloc[2]).startswith("2026-11-02 00:00")


def test_tokens_are_those_of_the_nightly_job(frame, keyring):
    context = Context("analysts", "analytics", "phone", "static")
    expected = KeyedHash(normal_form="phone").bind(keyring, context)(pa.array(["+61491570006"]))
    assert protect(frame, keyring)["mobile"].iloc[0] == expected[0].as_py()


def test_every_column_needs_a_class_and_a_rule(frame, keyring):
    with pytest.raises(Drift, match="mobile"):
        protect(frame, keyring, catalog={k: v for k, v in CATALOG.items() if k != "mobile"})
    with pytest.raises(JobWrong, match="no rule for class city"):
        protect(frame, keyring, rules={k: v for k, v in RULES.items() if k != "city"})


def test_unsuitable_transforms_are_refused(frame, keyring):
    with pytest.raises(TransformUnsuitable):
        protect(frame, keyring, rules=RULES | {"mobile_phone": {"transform": "truncate_time", "unit": "day"}})


def test_arguments_that_make_no_key_or_name_no_column_are_told_at_once(frame, keyring):
    """An empty recipient made tokens that join with nobody's; the others ended in errors of libraries."""
    wrong = {"recipient": "", "purpose": None, "epoch": 5, "subject": "mobil", "phone_region": "Australia"}
    with pytest.raises(JobWrong) as caught:
        protect_frame(frame, policy={"rules": RULES}, catalog=CATALOG, keyring=keyring, **wrong)
    assert [problem.where for problem in caught.value.problems] == list(wrong)
    assert "did you mean mobile?" in str(caught.value)
    with pytest.raises(JobWrong, match=r"keyring: must be a transforms\.Keyring"):
        protect(frame, b"k" * 32)


def test_two_columns_of_one_name_are_refused(keyring):
    twice = pd.DataFrame([["a", "b"]], columns=["city", "city"])
    with pytest.raises(JobWrong, match="two columns"):
        protect(twice, keyring)


def test_an_empty_frame_stays_empty(frame, keyring):
    made = protect(frame.iloc[:0], keyring)
    assert len(made) == 0 and list(made.columns) == ["mobile", "name", "city", "when", "n"]


def test_labels_that_are_no_text_are_refused(keyring):
    """Not a KeyError: a catalog names columns by text."""
    with pytest.raises(JobWrong, match="labels must be texts"):
        protect(pd.DataFrame({0: ["a"]}), keyring, catalog={"0": "city"})


def test_a_wrong_policy_is_told_in_our_words(frame, keyring):
    rules = RULES | {
        "mobile_phone": {"transform": "keyed_hsh"},
        "city": {"transform": "mask", "keep_frist": 1},
    }
    with pytest.raises(JobWrong) as caught:
        protect(frame, keyring, rules=rules)
    said = " ".join(str(problem) for problem in caught.value.problems)
    assert "policy.rules.mobile_phone: unknown transform keyed_hsh" in said
    assert "policy.rules.city.keep_frist: unknown key" in said


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"risk": {"quasi_identifiers": ["city"], "k": 3, "max_suppressed": 0.1}}, "risk stage is not built"),
        ({"max_recoverable": 0.1}, "estimated by jobs only"),
        ({"columns": {"orders.city": {"transform": "drop"}}}, "must be frame.<column>"),
        ({"contract": {"orders": ["mobile", "name"]}}, "must list exactly the columns"),
    ],
)
def test_what_a_frame_cannot_hold_to_is_not_passed_over(frame, keyring, limit, says):
    with pytest.raises(JobWrong, match=says):
        protect_frame(
            frame,
            policy={"rules": RULES, **limit},
            catalog=CATALOG,
            keyring=keyring,
            recipient="analysts",
            purpose="analytics",
        )


def test_a_contract_that_holds_and_a_columns_own_rule_are_taken(frame, keyring):
    made = protect_frame(
        frame,
        policy={
            "rules": RULES,
            "columns": {"frame.city": {"transform": "drop"}},
            "contract": {"orders": ["when", "mobile", "name", "n"]},
        },
        catalog=CATALOG,
        keyring=keyring,
        recipient="analysts",
        purpose="analytics",
    )
    assert list(made.columns) == ["mobile", "name", "when", "n"]


def test_numbers_with_a_fraction_are_no_phones(keyring):
    """What pandas makes of numbers beside a null: its token would be another one than the job's."""
    phones = pd.DataFrame({"mobile": [61491570006, None]})
    assert str(phones["mobile"].dtype) == "float64"
    with pytest.raises(TransformUnsuitable, match="mobile_phone must be text, is double"):
        protect(phones, keyring)
    text = pd.DataFrame({"mobile": ["61491570006", None]})
    whole = pd.DataFrame({"mobile": pd.array([61491570006, None], dtype="Int64")})
    assert protect(text, keyring)["mobile"].iloc[0] == protect(whole, keyring)["mobile"].iloc[0]


def test_columns_whose_type_does_not_suit_are_named_all_at_once(keyring):
    frame = pd.DataFrame({"when": ["2026-11-01"], "name": [7]})
    with pytest.raises(TransformUnsuitable) as caught:
        protect(frame, keyring)
    assert [problem.where for problem in caught.value.problems] == ["when", "name"]


DAYS = ["1990-01-31", "2000-02-29"]
TIMES = ["2026-10-31 23:59:59.5", "2026-01-02 03:04:05"]
AMOUNTS = [Decimal("1.10"), Decimal("12.00")]


@pytest.mark.parametrize(
    ("data_class", "as_the_job_has_them", "as_pandas_has_them"),
    [
        ("birth_date", pa.array(DAYS).cast(pa.date32()), pd.Series(pd.to_datetime(DAYS))),
        ("birth_date", pa.array(DAYS).cast(pa.date32()), pd.Series(DAYS)),
        ("order_time", pa.array(TIMES).cast(pa.timestamp("us")), pd.Series(TIMES)),
        (
            "order_time",
            pa.array(TIMES).cast(pa.timestamp("us")),
            pd.Series(pd.to_datetime(TIMES, format="mixed")).astype("datetime64[ns]"),
        ),
        (
            "order_time",
            pa.array(TIMES).cast(pa.timestamp("us")),
            pd.Series(pd.to_datetime(TIMES, format="mixed")).dt.tz_localize("Australia/Sydney"),
        ),
        ("amount", pa.array(AMOUNTS, pa.decimal128(18, 2)), pd.Series([1.1, 12.0])),
        ("amount", pa.array(AMOUNTS, pa.decimal128(18, 2)), pd.Series([Decimal("1.1"), Decimal(12)])),
        ("quantity", pa.array([3, 12]), pd.Series([3.0, 12.0])),
    ],
)
def test_tokens_of_dates_and_amounts_are_those_of_the_nightly_job(
    keyring, data_class, as_the_job_has_them, as_pandas_has_them
):
    """pandas has a day as a time, a time in nanoseconds or as text, and 1.10 as 1.1: other texts, other tokens."""
    context = Context("analysts", "analytics", data_class, "static")
    expected = EncryptSiv().bind(keyring, context)(as_the_job_has_them).to_pylist()
    rules = {data_class: {"transform": "encrypt_siv"}}
    got = protect(pd.DataFrame({"x": as_pandas_has_them}), keyring, rules=rules, catalog={"x": data_class})
    assert got["x"].tolist() == expected


def test_values_that_the_nightly_job_would_quarantine_are_refused_with_their_number(keyring):
    frame = pd.DataFrame({"x": ["1.10", "1.234", "many"]})
    with pytest.raises(
        TransformUnsuitable, match=r"x: 2 values are no amount \(decimal128\(18, 2\)\)"
    ) as caught:
        protect(frame, keyring, rules={"amount": {"transform": "encrypt_siv"}}, catalog={"x": "amount"})
    assert "1.234" not in str(caught.value) and "many" not in str(caught.value)


def test_what_only_the_values_show_is_an_error_of_ours(keyring):
    rules = {"quantity": {"transform": "format_preserving", "low": "0", "high": "9999999"}}
    with pytest.raises(PouchError, match="low and high"):
        protect(pd.DataFrame({"x": ["1", "2"]}), keyring, rules=rules, catalog={"x": "quantity"})
    amounts = pd.DataFrame({"x": [Decimal("1.1"), Decimal("2.5")]})
    rules = {"amount": {"transform": "format_preserving", "low": "0", "high": "99999999.99"}}
    assert protect(amounts, keyring, rules=rules, catalog={"x": "amount"})["x"].notna().all()
