"""The plan refuses before the first row, lists everything at once, and each refusal has its exit code."""

from pathlib import Path

import pytest

from pipeline.classes import CLASSES
from pipeline.config.loading import Config, load_config
from pipeline.errors import PouchError
from pipeline.protect.plan import Schema, epoch_of, make_plan
from pipeline.protect.steps import facts_of
from transforms import KeyedHash, Keyring, Sha256

JOB = """
job: nightly
tables:
  orders: {{path: "orders/{{date}}/*.csv", subject: account_id}}
catalog: catalog.yaml
keyring: {{file: keys/keyring.json, wrapped_by: {{env: POUCH_KEK}}}}
releases:
  - {{recipient: analysts, purpose: analytics, basis: contract, policy: policy.yaml, tables: [orders]{more}}}
"""
CATALOG = "orders: {account_id: account_id, mobile: mobile_phone, name: person_name, note: free_text}\n"
COLUMNS = ("account_id", "mobile", "name", "note")
RULES = {
    "account_id": "{transform: keyed_hash}",
    "mobile_phone": "{transform: keyed_hash}",
    "person_name": "{transform: mask, keep_first: 1}",
    "free_text": "{transform: drop}",
}


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({"k000001": bytes(range(32))}, "k000001")


def config_in(
    folder: Path,
    rules: dict[str, str] | None = None,
    policy: str = "",
    catalog: str = CATALOG,
    more: str = "",
) -> Config:
    (folder / "job.yaml").write_text(JOB.format(more=more))
    (folder / "catalog.yaml").write_text(catalog)
    lines = "".join(f"  {name}: {rule}\n" for name, rule in (RULES | (rules or {})).items() if rule)
    (folder / "policy.yaml").write_text(f"policy: analysts\nrules:\n{lines}{policy}")
    return load_config(folder / "job.yaml", folder)


def codes(config: Config, keyring: Keyring | None, columns: tuple[str, ...] = COLUMNS) -> dict[int, str]:
    with pytest.raises(PouchError) as caught:
        make_plan(config, {"orders": Schema(columns, complete=True)}, "2026-11-01", keyring)
    assert caught.value.exit_code == min(problem.code for problem in caught.value.problems)
    return {
        problem.code: f"{problem.where} {problem.message} {problem.hint}" for problem in caught.value.problems
    }


def test_a_whole_plan(tmp_path, keyring):
    plan = make_plan(config_in(tmp_path), {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
    steps = plan.releases[0].exports[0].steps
    assert [step.transform.transform for step in steps] == ["keyed_hash", "keyed_hash", "mask", "drop"]
    assert plan.releases[0].exports[0].schema.names == ["account_id", "mobile", "name"]
    assert steps[1].context.domain == "phone"
    assert getattr(steps[1].transform, "normal_form", None) == "phone"


def test_a_column_that_the_catalog_lacks_is_drift_and_names_its_neighbor(tmp_path, keyring):
    found = codes(config_in(tmp_path), keyring, (*COLUMNS, "mobil"))
    assert "mobil is not in the catalog" in found[11] and "did you mean mobile?" in found[11]


def test_a_column_of_the_catalog_that_the_files_lack_is_drift(tmp_path, keyring):
    assert "note" in codes(config_in(tmp_path), keyring, COLUMNS[:3])[11]


def test_a_missing_header_line_does_not_put_values_into_the_error(tmp_path, keyring):
    found = codes(config_in(tmp_path), keyring, ("a17", "13800138000", "Li Wei", "call me"))
    assert "header line" in found[11]
    assert "13800138000" not in found[11] and "Li Wei" not in found[11]
    found = codes(config_in(tmp_path), keyring, (*COLUMNS, "13800138000"))
    assert "13800138000" not in found[11]


def test_a_class_without_rule_is_refused_unless_the_policy_drops(tmp_path, keyring):
    assert "no rule for class person_name" in codes(config_in(tmp_path, {"person_name": ""}), keyring)[2]
    config = config_in(tmp_path, {"person_name": ""}, "otherwise: drop\n")
    plan = make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
    assert "name" not in plan.releases[0].exports[0].schema.names


def test_an_unsuitable_transform_is_exit_5(tmp_path, keyring):
    rules = {"mobile_phone": "{transform: truncate_time, unit: day}"}
    assert "does not suit class mobile_phone" in codes(config_in(tmp_path, rules), keyring)[5]


def test_an_unkeyed_hash_of_phones_needs_a_reason_and_says_how_fast_it_falls(tmp_path, keyring):
    found = codes(config_in(tmp_path, {"mobile_phone": "{transform: sha256}"}), keyring)
    assert "minute" in found[2] or "second" in found[2]
    config = config_in(
        tmp_path, {"mobile_phone": '{transform: sha256, accept_weakness: "old partner, ends in May"}'}
    )
    plan = make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
    assert "old partner" in plan.releases[0].exports[0].steps[1].warnings[0]


def test_an_unkeyed_hash_of_addresses_is_told_with_the_minutes_of_a_dictionary(tmp_path, keyring):
    """No list holds every address, so it is no refusal; 8 x 10^12 guesses take 400 s at 2 x 10^10 a second."""
    catalog = CATALOG.replace("name: person_name", "name: email")
    entity = (
        "{EMAIL_ADDRESS: {transform: sha256}, PHONE_NUMBER: {transform: sha256, accept_weakness: old one}}"
    )
    for accepted, end in (
        ("", "(one GPU)."),
        (", accept_weakness: matched by hand", "Accepted: matched by hand"),
    ):
        rules = {
            "person_name": "",
            "email": f"{{transform: sha256{accepted}}}",
            "free_text": f"{{transform: redact_text, names: false, accept_residual: read here, entities: {entity}}}",
        }
        config = config_in(tmp_path, rules, catalog=catalog)
        plan = make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
        steps = {step.column: step for step in plan.releases[0].exports[0].steps}
        (warning,) = steps["name"].warnings
        assert "8,000,000,000,000 of them" in warning and "6.7 minutes" in warning and warning.endswith(end)
        address, phone = steps["note"].warnings
        assert address.startswith("EMAIL_ADDRESS: sha256 of email") and "6.7 minutes" in address
        assert phone.startswith("PHONE_NUMBER: sha256 of mobile_phone") and phone.endswith(
            "Accepted: old one"
        )
        assert steps["account_id"].warnings == ()


@pytest.mark.parametrize(
    "data_class",
    [
        c
        for c in CLASSES.values()
        if "sha256" in c.suitable and (c.kind == "direct_identifier" or c.grade > 2)
    ],
    ids=lambda data_class: data_class.id,
)
def test_no_identifier_is_hashed_without_a_key_and_without_the_minutes(data_class):
    """Refused where all values can be listed, else told: one of the two, with the number."""
    facts = facts_of(data_class)
    refused, told = Sha256().weakness(facts), Sha256().caution(facts)
    assert (refused is None) == (data_class.enumerable is None)
    assert (refused is None) != (told is None)
    assert f"sha256 of {data_class.id} is" in (refused or told) and "minutes" in (refused or told)
    assert KeyedHash().weakness(facts) is KeyedHash().caution(facts) is None


def test_passwords_can_only_be_dropped(tmp_path, keyring):
    config = config_in(
        tmp_path,
        {"password": "{transform: keyed_hash}"},
        catalog=CATALOG.replace("name: person_name", "name: password"),
    )
    assert 5 in codes(config, keyring)


def test_free_text_without_accepted_residual_is_dropped_and_said(tmp_path, keyring):
    config = config_in(tmp_path, {"free_text": "{transform: redact_text}"})
    plan = make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
    note = plan.releases[0].exports[0].steps[3]
    assert not note.published and "accept_residual" in note.warnings[0]


def test_a_contract_is_exactly_its_fields(tmp_path, keyring):
    found = codes(
        config_in(tmp_path, policy="contract: {orders: [account_id, mobile, name, note]}\n"), keyring
    )
    assert "lists note" in found[2]
    found = codes(config_in(tmp_path, policy="contract: {orders: [account_id, mobile]}\n"), keyring)
    assert "would hold name" in found[2] and "orders.name" in found[2]
    found = codes(
        config_in(tmp_path, policy="contract: {orders: [account_id, mobile, name, nama]}\n"), keyring
    )
    assert "the catalog has no column nama" in found[2] and "did you mean name?" in found[2]


def test_all_problems_come_at_once_and_the_smallest_code_wins(tmp_path, keyring):
    config = config_in(tmp_path, {"mobile_phone": "{transform: truncate_time, unit: day}", "person_name": ""})
    found = codes(config, keyring, (*COLUMNS, "extra"))
    assert set(found) == {2, 5, 11}


def test_consent_needs_a_subject(tmp_path, keyring):
    (tmp_path / "consent.csv").write_text("account_id,purpose,granted,as_of,minor\n")
    config_in(tmp_path)
    text = (tmp_path / "job.yaml").read_text().replace("subject: account_id", "subject: none")
    text = text.replace("basis: contract", "basis: consent") + "consent: {path: consent.csv}\n"
    (tmp_path / "job.yaml").write_text(text)
    assert "subject" in codes(load_config(tmp_path / "job.yaml", tmp_path), keyring)[2]


@pytest.mark.parametrize(
    ("rotation", "date", "epoch"),
    [
        ("static", "2026-11-01", "static"),
        ("monthly", "2026-11-30", "2026-11"),
        ("quarterly", "2026-10-01", "2026-q4"),
        ("quarterly", "2026-03-31", "2026-q1"),
        ("quarterly", "2026-04-01", "2026-q2"),
    ],
)
def test_the_epoch_follows_the_date_of_the_release(rotation, date, epoch):
    assert epoch_of(rotation, date) == epoch


def test_the_digest_changes_with_every_decision(tmp_path, keyring):
    digests = set()
    for rules in (
        {},
        {"person_name": "{transform: drop}"},
        {"person_name": "{transform: mask, keep_first: 2}"},
    ):
        config = config_in(tmp_path, rules)
        digests.add(
            make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring).digest
        )
    assert len(digests) == 3


def test_a_refused_column_does_not_count_as_a_dropped_one(tmp_path, keyring):
    """Its own code is the exit code, not the smaller one of a release with nothing to publish."""
    refused = {"account_id": "{transform: drop}", "person_name": "{transform: drop}"}
    config = config_in(tmp_path, refused | {"mobile_phone": "{transform: bands, edges: [1, 2]}"})
    assert set(codes(config, keyring)) == {5}
    config = config_in(tmp_path, refused | {"mobile_phone": "{transform: drop}"})
    assert "every column is dropped" in codes(config, keyring)[2]


def test_identities_in_clear_without_a_contract_are_warned_about(tmp_path, keyring):
    config = config_in(tmp_path, {"mobile_phone": "{transform: keep}"})
    plan = make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring)
    assert any("orders.mobile" in warning and "in clear" in warning for warning in plan.warnings)
    config = config_in(tmp_path)
    assert make_plan(config, {"orders": Schema(COLUMNS, complete=True)}, "2026-11-01", keyring).warnings == ()
