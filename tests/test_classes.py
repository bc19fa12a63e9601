"""The list of data classes: complete, consistent with transforms, and strict where the design says so."""

import pytest

from pipeline import classes
from pipeline.classes import CLASSES
from pipeline.errors import JobWrong
from transforms import TRANSFORMS, ColumnFacts
from transforms.errors import TransformError
from transforms.normal_forms import NORMAL_FORMS

_IDS = """
account_id nickname username password person_name mobile_phone contact_phone email postal_address
city region country postcode gender age birth_date national_id bank_card card_cvv card_expiry
company job honorific health order_id tracking_number order_time date amount quantity product
category payment_method imei imsi iccid mac bssid ssid serial device_id device_name device_model
os_version app_version language resolution plmn uuid ip gps cell_id user_agent url domain cookie
app_list battery network_status browsing avatar face search_terms free_text other unknown
"""
FIXED_IDS = _IDS.split()


def test_ids_are_those_of_the_contract() -> None:
    """No id is missing, none is added."""
    assert sorted(CLASSES) == sorted(FIXED_IDS)


@pytest.mark.parametrize("class_id", ["password", "card_cvv", "card_expiry", "face", "unknown"])
def test_only_drop_suits_secrets_faces_and_the_undecided(class_id: str) -> None:
    """These columns can be published in no form."""
    assert CLASSES[class_id].suitable == {"drop"}
    assert CLASSES[class_id].grade == 4


def test_the_most_sensitive_classes_have_grade_four() -> None:
    four = {c.id for c in CLASSES.values() if c.grade == 4}
    assert {"password", "card_cvv", "face", "health", "national_id", "bank_card"} <= four


def test_every_suitable_transform_exists_and_takes_the_type() -> None:
    """A policy that follows `suitable` is never refused for the column's type."""
    by_name = {t.model_fields["transform"].default: t for t in TRANSFORMS}
    for data_class in CLASSES.values():
        for name in data_class.suitable:
            transform = by_name[name]
            facts = ColumnFacts(data_class.id, data_class.kind, data_class.grade, data_class.value_type, None)
            try:
                transform.model_construct(transform=name).require(facts.value_type)
            except (TransformError, AttributeError) as error:
                if isinstance(error, AttributeError):  # needs a parameter to tell
                    continue
                raise AssertionError(f"{name} does not take {data_class.id}") from None


def test_normal_forms_exist() -> None:
    assert {c.normal_form for c in CLASSES.values()} <= set(NORMAL_FORMS)


def test_phones_share_one_token_domain_and_so_do_radio_addresses() -> None:
    assert CLASSES["mobile_phone"].token_domain == CLASSES["contact_phone"].token_domain == "phone"
    assert CLASSES["mac"].token_domain == CLASSES["bssid"].token_domain


def test_classes_of_one_domain_have_one_normal_form() -> None:
    """Otherwise the same value would get two tokens."""
    forms: dict[str, set[str]] = {}
    for data_class in CLASSES.values():
        forms.setdefault(data_class.token_domain, set()).add(data_class.normal_form)
    assert all(len(found) == 1 for found in forms.values())


def test_numbers_that_can_be_listed_say_how_many_there_are() -> None:
    for class_id in ("mobile_phone", "imei", "imsi", "iccid", "mac", "bank_card", "national_id", "ip"):
        assert CLASSES[class_id].enumerable


def test_names_and_places_are_no_high_entropy_identifiers() -> None:
    """Equal names are a coincidence, equal phones are a leak."""
    assert not any(CLASSES[c].high_entropy for c in ("person_name", "city", "postcode", "nickname", "gender"))
    assert all(CLASSES[c].high_entropy for c in ("mobile_phone", "email", "bank_card", "imei", "national_id"))


def test_an_unknown_id_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(JobWrong, match="mobile_phone"):
        classes.get("mobil_phone")


def test_the_table_for_the_documentation_names_every_class() -> None:
    table = classes.describe()
    assert all(f"| `{class_id}` |" in table for class_id in CLASSES)
