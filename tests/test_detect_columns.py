"""Column classification: names, values, contradictions, doubt."""

import json

import pyarrow as pa
import pytest

from pipeline.classes import CLASSES
from pipeline.detect.column_leanings import SHAPED, VOCABULARIES
from pipeline.detect.column_names import match_name, split_name
from pipeline.detect.column_rules import REFINEMENTS, STRONG, SUPPORT
from pipeline.detect.column_values import FORMS
from pipeline.detect.columns import propose
from pipeline.detect.proposal import as_yaml, propose_files, table_name
from tests.conftest import SHARED_DATA, needs_shared_data

MAILS = [f"person{i}@example.com" for i in range(20)]
NAMES = ["Maria Anders", "Ana Trujillo", "Thomas Hardy", "Hanna Moos", "Jo O'Neil", "Yang Wang"]


def _class_of(name: str, values: list[str | None]) -> str:
    return propose("t", pa.table({name: pa.array(values, pa.string())}))[0].data_class


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("EmailAddress", ("email", "address")),
        ("shipping.address.zipcode2", ("shipping", "address", "zipcode", "2")),
        ("homephone", ("home", "phone")),
        ("deviceIMEI", ("device", "imei")),
        ("IPv4Addr", ("ip", "v", "4", "addr")),
        ("收货人手机号", ("收货人手机号",)),
    ],
)
def test_names_are_split(name: str, tokens: tuple[str, ...]) -> None:
    assert split_name(name) == tokens


@pytest.mark.parametrize(
    ("name", "data_class"),
    [
        ("consignee_name", "person_name"),
        ("shoujihao", "mobile_phone"),
        ("收货人手机号", "mobile_phone"),
        ("Billing Street", "postal_address"),
        ("wifiBSSID", "bssid"),
        ("orderNo", "order_id"),
        ("title_of_courtesy", "honorific"),
        ("MothersMaiden", "person_name"),
        ("CVV2", "card_cvv"),
        ("user_pwd", "password"),
    ],
)
def test_a_name_speaks_for_a_class(name: str, data_class: str) -> None:
    assert match_name(name)[0].data_class == data_class


@pytest.mark.parametrize(
    "name", ["email_type", "is_email", "phone_count", "EventTemplate", "address_status", "NameSet"]
)
def test_a_veto_takes_the_name_back(name: str) -> None:
    identifying = {m.data_class for m in match_name(name)} - {"other"}
    assert not identifying


@pytest.mark.parametrize(
    ("values", "data_class"),
    [
        (MAILS, "email"),
        ([f"10.0.0.{i}" for i in range(9)], "ip"),
        ([f"3c:5a:b4:01:23:{i:02x}" for i in range(9)], "mac"),
        (["490154203237518", "356938035643809", "352099001761481"], "imei"),
        (["11010519491231002X", "310101198505051235"], "national_id"),
        (["+61412345678", "+442079460958", "+8613800138000"], "contact_phone"),
        ([f"https://example.com/{i}" for i in range(5)], "url"),
    ],
)
def test_strong_forms_decide_without_a_name(values: list[str | None], data_class: str) -> None:
    assert _class_of("c1", values) == data_class


def test_the_name_says_which_kind_a_strong_form_is() -> None:
    macs: list[str | None] = [f"3c:5a:b4:01:23:{i:02x}" for i in range(9)]
    assert _class_of("ap_bssid", macs) == "bssid"
    assert _class_of("wifi_mac", macs) == "mac"


def test_weak_forms_need_the_name() -> None:
    """Ten digits are an order number more often than a phone."""
    numbers: list[str | None] = [str(4012345670 + 7 * i) for i in range(30)]
    assert _class_of("c1", numbers) == "unknown"
    assert _class_of("phone", numbers) == "contact_phone"
    assert _class_of("order_no", numbers) == "order_id"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("address", ["0x7ffe10", "0x7ffe11", "0x7ffe12", "0x7ffe13"]),
        ("address", ["17", "18", "19", "20"]),
        ("full_name", ["1", "2", "3"]),
        ("email", ["yes", "no"]),
        ("city", ["17", "18", "19"]),
        ("gender", ["17.2", "18.9"]),
        ("age", ["1999-01-01", "1999-01-02", "1999-01-03"]),
    ],
)
def test_values_that_contradict_a_name_leave_doubt(name: str, values: list[str | None]) -> None:
    assert _class_of(name, values) == "unknown"


def test_nothing_but_nulls_is_unknown() -> None:
    assert _class_of("email", [None, "", "  "]) == "unknown"


def test_evidence_holds_no_value() -> None:
    table = pa.table(
        {"email": MAILS, "contact": NAMES * 3 + NAMES[:2], "x": [f"secret-{i}" for i in range(20)]}
    )
    text = json.dumps([p.as_dict() for p in propose("t", table)])
    assert not any(value in text for value in (*MAILS, *NAMES, "secret"))


def test_a_proposal_is_the_same_every_time() -> None:
    table = pa.table({"email": MAILS, "contact": NAMES * 3 + NAMES[:2]})
    assert propose("t", table) == propose("t", table)


def test_rules_name_classes_and_forms_that_exist() -> None:
    named = {*SUPPORT, *REFINEMENTS, *(c for c, *_ in ())}
    leanings = (*SHAPED, *VOCABULARIES)
    named |= {data_class for _, data_class, *_ in STRONG} | {one.data_class for one in leanings}
    named |= {data_class for one in leanings for data_class in one.companions}
    assert named <= set(CLASSES)
    used = {form for form, *_ in STRONG} | {one.form for one in leanings}
    used |= {form for one in leanings for form in one.against}
    used |= {form for support in SUPPORT.values() for form in (*support.forms, *support.contradictions)}
    assert used <= FORMS


def test_the_yaml_is_a_catalog_that_loads_strictly() -> None:
    import yaml

    table = pa.table({"email": MAILS, "no": ["1"] * 20, "receiver: name": NAMES * 3 + NAMES[:2]})
    loaded = yaml.safe_load(as_yaml(propose("orders", table)))
    assert loaded["orders"]["email"] == "email"
    assert set(loaded["orders"]) == {"email", "no", "receiver: name"}


def test_a_table_is_named_by_its_stem() -> None:
    from pathlib import Path

    assert [table_name(Path(n)) for n in ("a/orders.csv", "orders.jsonl.gz", "v1.2.csv")] == [
        "orders",
        "orders",
        "v1.2",
    ]


@needs_shared_data
def test_labelled_tables_are_classified_well() -> None:
    """The benchmark prints all figures; this holds the floor."""
    from benchmarks.detect_columns import classify, labelled, score

    folder = SHARED_DATA / "detection" / "columns"
    labels = labelled(folder)
    found, _ = classify(folder, labels)
    assert score(labels, found)["f1"] >= 0.95


@needs_shared_data
def test_scan_reads_files_of_the_data() -> None:
    paths = sorted((SHARED_DATA / "detection" / "columns").glob("northwind_*.csv"))
    profiles = propose_files(paths)
    assert {p.table for p in profiles} == {path.stem for path in paths}


@pytest.mark.parametrize(
    ("name", "values", "data_class"),
    [
        ("subscriberId", [f"46000{n:010d}" for n in range(1_234_567, 1_234_600)], "imsi"),
        ("subscriber_id", [f"S{n}" for n in range(30)], "account_id"),
        ("快递公司", ["顺丰速运", "圆通速递", "中通快递"], "other"),
        ("PSTLZ", ["1010", "8020", "6020", "5020"], "postcode"),
    ],
)
def test_names_of_interfaces_and_exports(name: str, values: list[str | None], data_class: str) -> None:
    assert _class_of(name, values) == data_class


def test_chinese_characters_count_twice_in_a_length() -> None:
    notes = [f"请把包裹放在门口不要按门铃谢谢{n}" for n in "一二三四五六七八"]
    assert _class_of("c3", notes) == "free_text"  # 16 characters say what 32 letters say
