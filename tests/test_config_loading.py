"""Loading a job lists every problem of every file at once, with file, line, path and the nearest name."""

from pathlib import Path

import pytest

from pipeline.config.loading import load_config
from pipeline.config.schemas import schemas
from pipeline.errors import PouchError
from tests.conftest import PROJECT

FILES = {
    "job.yaml": """job: nightly
tables:
  orders: {path: "orders/{date}/*.csv", subject: account_id, timezone: Australia/Sydney}
catalog: catalog.yaml
keyring: {file: keys/keyring.json, wrapped_by: {env: POUCH_KEK}}
releases:
  - {recipient: analysts, purpose: analytics, basis: contract, policy: policy.yaml, tables: [orders]}
  - {recipient: market, purpose: market, basis: contract, statistics: statistics.yaml}
""",
    "catalog.yaml": "orders: {account_id: account_id, mobile: mobile_phone, city: city, amount: amount}\n",
    "policy.yaml": "policy: analysts\nrules:\n  account_id: {transform: keyed_hash}\notherwise: drop\n",
    "statistics.yaml": """statistics:
  sales: {table: orders, dimensions: [{column: city}], measures: [people, {sum: amount}], protect: {min_people: 10}}
""",
}


def problems(folder: Path, **changes: tuple[str, str]) -> list[str]:
    """Write the files, each with one replacement, and return what loading finds."""
    for name, text in FILES.items():
        old, new = changes.get(name.removesuffix(".yaml"), ("", ""))
        assert old in text
        (folder / name).write_text(text.replace(old, new) if old else text)
    try:
        load_config(folder / "job.yaml", folder)
    except PouchError as error:
        return [
            f"{p.code} {p.where.replace(str(folder) + '/', '')}: {p.message} ({p.hint})"
            for p in error.problems
        ]
    return []


def test_a_good_job_loads(tmp_path):
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "job",
            "timezone: Australia/Sydney",
            "timezome: UTC",
            ["2 job.yaml:3: tables.orders.timezome", "timezone?"],
        ),
        ("job", "Australia/Sydney", "Sydney", ["2 job.yaml:3: tables.orders.timezone", "IANA"]),
        ("job", "tables: [orders]}", "tables: [order]}", ["2 job.yaml:7", "no table order", "orders?"]),
        (
            "job",
            "subject: account_id",
            "subject: acount_id",
            ["2 job.yaml:3", "no column acount_id", "account_id?"],
        ),
        ("job", "recipient: market,", "recipient: analysts,", ["2 job.yaml:8", "has a release already"]),
        ("job", "basis: contract, policy", "basis: consent, policy", ["2 job.yaml:7", "consent file"]),
        (
            "job",
            "policy: policy.yaml, tables: [orders]",
            "tables: [orders]",
            ["2 job.yaml:7", "must have a policy"],
        ),
        ("job", "{env: POUCH_KEK}", "{env: POUCH_KEK, file: keys/kek}", ["2 job.yaml:5", "exactly one"]),
        ("job", "catalog: catalog.yaml", "catalog: absent.yaml", ["2", "absent.yaml", "No such file"]),
        ("catalog", "mobile_phone", "mobil_phone", ["2 catalog.yaml:1: orders.mobile", "mobile_phone?"]),
        (
            "policy",
            "keyed_hash",
            "keyd_hash",
            ["2 policy.yaml:3: rules.account_id", "unknown transform", "keyed_hash?"],
        ),
        (
            "policy",
            "keyed_hash",
            "mask, keep_frist: 1",
            ["2 policy.yaml:3: rules.account_id.keep_frist", "keep_first?"],
        ),
        ("policy", "account_id:", "acount_id:", ["2 policy.yaml:3: rules.acount_id", "account_id?"]),
        (
            "policy",
            "otherwise: drop",
            "risk: {quasi_identifiers: [city], k: 10, max_suppressed: 0.1}",
            ["2 policy.yaml:4: risk", "not built yet"],
        ),
        (
            "policy",
            "account_id: {transform: keyed_hash}",
            "city: {transform: hierarchy, file: absent.csv}",
            ["2 policy.yaml:3: rules.city.file", "cannot be read"],
        ),
        ("statistics", "column: city", "column: town", ["2 statistics.yaml:2", "no column town"]),
        (
            "statistics",
            "min_people: 10",
            "min_people: 2",
            ["2 statistics.yaml:2", "min_people", "greater than or equal to 3"],
        ),
        ("statistics", "table: orders", "table: order", ["2 statistics.yaml:2", "no table order", "orders?"]),
        ("job", "tables: [orders]}", "tables: orders}", ["2 job.yaml:7", "must be a list (write [orders])"]),
        (
            "job",
            "recipient: market",
            "recipient: Market-1",
            ["job.yaml:8", "must be a name of lowercase letters"],
        ),
        ("job", "  orders: {path", "  Orders: {path", ["job.yaml:3: tables.Orders: must be a name of"]),
        (
            "job",
            "subject: account_id",
            "subject: {a: b}",
            ["tables.orders.subject: must be a column, a list"],
        ),
        ("policy", "{transform: keyed_hash}", "keep", ["must be a mapping (write {transform: keep})"]),
        (
            "policy",
            "keyed_hash",
            "encrypt_siv, pad: 1",
            ["account_id.pad: must be auto, none", "2 to 65,536"],
        ),
        ("policy", "{transform: keyed_hash}", "hash", ["must be a mapping (write {transform: …})"]),
        ("statistics", "[{column: city}]", "[city]", ["must be a mapping (write {column: city})"]),
        (
            "statistics",
            "[people, {sum: amount}]",
            "[peple]",
            ["measures.0: must be people, rows, {sum: column}"],
        ),
        ("statistics", "[people, {sum: amount}]", "[]", ["measures: must not be empty"]),
        (
            "policy",
            "otherwise: drop",
            "columns: {city: {transform: drop}}",
            ["columns.city", "write orders.city"],
        ),
        (
            "policy",
            "otherwise: drop",
            "columns: {orders.ciy: {transform: drop}}",
            ["table.column of the catalog", "did you mean orders.city?"],
        ),
        (
            "policy",
            "otherwise: drop",
            "columns: {order.city: {transform: drop}}",
            ["table.column of the catalog", "did you mean orders.city?"],
        ),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path, file, old, new, expected):
    found = problems(tmp_path, **{file: (old, new)})
    assert any(all(word in line for word in expected) for line in found), found


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("job", "recipient: market, ", ""),
        ("statistics", "[{column: city}]", "[city]"),
        ("job", "recipient: market", "recipient: Market"),
        ("statistics", "[people, {sum: amount}]", "[{sum: [amount]}]"),
        ("job", "subject: account_id", "subject: {a: b}"),
        ("policy", "keyed_hash", "encrypt_siv, pad: 1"),
        ("policy", "keyed_hash", "encrypt_gcm, pad: 65537"),
        ("policy", "keyed_hash", "encrypt_siv, pad: [64]"),
        (
            "policy",
            "keyed_hash",
            "redact_text, entities: {PERSON: {transform: encrypt_siv, pad: none of it}}",
        ),
        ("statistics", "min_people: 10}", "min_people: 10}, dp: {epsilon: 1, max_groups: 1, period: night}"),
        (
            "statistics",
            "min_people: 10}",
            "min_people: 10}, dp: {epsilon: 1, max_groups: 1, period: {column: a}}",
        ),
    ],
)
def test_one_mistake_is_one_sentence_in_our_words(tmp_path, file, old, new):
    """Without what pydantic says besides: lists too short, alternatives of a union, regular expressions."""
    found = problems(tmp_path, **{file: (old, new)})
    assert len(found) == 1, found
    assert not any(
        word in found[0].lower() for word in ("tuple", "dictionary", "pattern", "input", "literal")
    )


def test_mistakes_of_all_files_come_together(tmp_path):
    found = problems(
        tmp_path,
        catalog=("mobile_phone", "mobil_phone"),
        policy=("account_id:", "acount_id:"),
        statistics=("column: city", "column: town"),
    )
    assert len(found) == 3


def test_the_committed_schemas_are_those_of_the_models():
    for name, text in schemas().items():
        assert (PROJECT / "configs" / "schema" / name).read_text() == text, "run `make schemas`"


def test_every_config_names_its_schema_on_the_first_line():
    for path in (PROJECT / "configs").rglob("*.yaml"):
        first = path.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (path.parent / first.partition("=")[2]).is_file()


@pytest.mark.parametrize("job", ["nightly", "returns"])
def test_the_configs_load_as_they_stand(job):
    assert load_config(PROJECT / "configs" / f"{job}.yaml", PROJECT).job.job == job
