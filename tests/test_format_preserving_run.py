"""Format-preserving tokens through a whole run: plan, gate, manifest, counts, and the way back."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.protect.model import Step
from pipeline.release.domain_text import domain_as_json, domain_from_json
from pipeline.release.untouched import raw_column, untouched
from tests.small_job import DATE, SmallJob, make_job, phone
from transforms import Context, FormatPreserving
from transforms.ff1_range import Within
from transforms.token_form import FormatPreserved

RULES = """  mobile_phone: {transform: format_preserving, keep_prefix: 2}
  order_id: {transform: format_preserving, alphabet: digits, keep_prefix: 2}
  amount: {transform: format_preserving, low: "0", high: "99999.99"}
  device_id: {transform: format_preserving, alphabet: "'0123456789dev"}
  free_text:
    transform: redact_text
    accept_residual: test
    entities: {PHONE_NUMBER: {transform: format_preserving, keep_prefix: 2}}
"""
PHONES = "mobile_phone: {transform: format_preserving, keep_prefix: 2}"
REVEAL = ("reveal", "--job", "job.yaml", "--recipient", "analysts", "--date", DATE, "--reason", "ticket 4711")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> SmallJob:
    """A published run; two phones of the orders are too short for their form."""
    made = make_job(tmp_path_factory.mktemp("forms"))
    lines = (made.folder / "analysts.yaml").read_text().splitlines(keepends=True)
    dropped = ("  order_id:", "  mobile_phone:", "  amount:", "  device_id:", "  free_text:")
    kept = "".join(line for line in lines if not line.startswith(dropped))
    (made.folder / "analysts.yaml").write_text(kept + RULES)
    orders = made.folder / f"in/orders/{DATE}/a.csv"
    text = orders.read_text()
    orders.write_text(text.replace(phone(13), "+61123456").replace(phone(26), "none"))
    done = made.run("--workers", "1")  # each loads the models of names
    assert done.returncode == 0, done.stderr
    (made.folder / "stderr").write_text(done.stderr)
    return made


def table(job: SmallJob, name: str) -> pa.Table:
    return pq.read_table(job.folder / f"releases/analysts/{DATE}/data/{name}/part-00000.parquet")


def manifest(job: SmallJob) -> dict[str, object]:
    return json.loads((job.folder / f"releases/analysts/{DATE}/manifest.json").read_text())


def test_tokens_look_like_phones_and_join_columns_tables_and_notes(job: SmallJob) -> None:
    orders, devices = table(job, "orders"), table(job, "devices")
    mobiles = set(orders["mobile"].to_pylist()) - {"[PHONE]"}
    assert len(mobiles) > 40
    assert all(len(token) == len(phone(0)) and token.startswith("+614") for token in mobiles)
    assert not mobiles & {phone(person) for person in range(60)}
    assert mobiles <= set(devices["msisdn"].to_pylist())
    for mobile, note in zip(orders["mobile"].to_pylist(), orders["note"].to_pylist(), strict=True):
        assert note == f"call {mobile}" or mobile == "[PHONE]"
    assert all(number.startswith("SO") and len(number) == 10 for number in orders["order_number"].to_pylist())


def test_amounts_stay_numbers_of_their_range(job: SmallJob) -> None:
    amounts = table(job, "orders")["amount"]
    assert amounts.type == pa.decimal128(18, 2)
    assert 0 <= pc.min(amounts).as_py() <= pc.max(amounts).as_py() < 100_000


def test_redacted_cells_are_counted_and_told(job: SmallJob) -> None:
    """Never kept: neither the short number nor what is none; the run says how many, as it ends and in its manifest."""
    record = job.record()
    redacted = pc.sum(pc.equal(table(job, "orders")["mobile"], "[PHONE]")).as_py()
    assert redacted > 0
    assert record["redacted_cells"] == {"analysts.orders.mobile": redacted}
    (warning,) = (w for w in record["warnings"] if w.startswith("analysts.orders.mobile: "))
    assert warning.startswith(f"analysts.orders.mobile: {redacted} cells are redacted")
    assert f"pouch: {warning}\n" in (job.folder / "stderr").read_text()
    assert "outside the range" in warning  # the sentence serves numbers and times, too
    assert "61123456" not in str(table(job, "orders").to_pydict())


def test_verify_passes_and_the_manifest_names_the_key_but_tells_none(job: SmallJob) -> None:
    assert job.pouch("verify", f"releases/analysts/{DATE}").returncode == 0
    told = manifest(job)
    assert set(told["key"]) == {"id", "check"}
    courier = json.loads((job.folder / f"releases/courier/{DATE}/manifest.json").read_text())
    assert "key" not in courier, "only where tokens cannot be opened without"


def test_an_apostrophe_of_the_alphabet_is_part_of_the_token(job: SmallJob) -> None:
    """It is no mark of a CSV file: that stands before a sign that spreadsheets run."""
    tokens = table(job, "devices")["device_id"].unique().to_pylist()  # one in 14 begins with it
    done = job.pouch(*REVEAL, "--column", "devices.device_id", "--", *tokens)
    assert set(done.stdout.split()) <= {f"dev-{person:04d}" for person in range(60)}
    phones = [t for t in table(job, "orders")["mobile"].to_pylist() if t != "[PHONE]"][:3]
    done = job.pouch(*REVEAL, "--column", "orders.mobile", *(f"'{token}" for token in phones))
    assert set(done.stdout.split()) <= {phone(person) for person in range(60)} and done.stdout


def test_reveal_turns_tokens_back(job: SmallJob) -> None:
    tokens = [t for t in table(job, "orders")["mobile"].to_pylist() if t != "[PHONE]"][:5]
    done = job.pouch(*REVEAL, "--column", "orders.mobile", *tokens)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(tokens) == 5
    assert set(done.stdout.split()) <= {phone(person) for person in range(60)}
    numbers = table(job, "orders")["order_number"].to_pylist()
    done = job.pouch(*REVEAL, "--column", "orders.order_number", *numbers)
    assert len(set(done.stdout.split())) == len(numbers)
    assert set(done.stdout.split()) <= {f"SO{row:08d}" for row in range(300)}
    amounts = [str(value) for value in table(job, "orders")["amount"].to_pylist()[:3]]
    done = job.pouch(*REVEAL, "--column", "orders.amount", *amounts)
    assert len(done.stdout.split()) == len(amounts) == 3
    assert all(0 <= float(value) < 100 for value in done.stdout.split())


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"recipient": "courier"}, 9, "another recipient"),
        ({"purpose": "delivery"}, 9, "another purpose"),
        ({"date": "2026-11-02"}, 9, "another date"),
        ({"epoch": "2026-11"}, 9, "another epoch"),
        ({"key": {"id": "k1", "check": "0" * 16}}, 3, "does not hold the key"),
        ({"key": None}, 3, "does not hold the key"),
        ({"tables": []}, 9, "another form"),
        ({"tables": None}, 9, "another form"),
        ({"tables": ["orders"]}, 9, "another form"),
        ({"tables": {"name": "orders"}}, 9, "another form"),
        ({"format": "other"}, 2, "manifest of their release"),
    ],
)
def test_reveal_refuses_a_manifest_that_does_not_match(
    job: SmallJob, tmp_path: Path, change: dict[str, object], code: int, says: str
) -> None:
    """FF1 is unauthenticated: what the token cannot show, the manifest must."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest(job) | change))
    token = next(t for t in table(job, "orders")["mobile"].to_pylist() if t != "[PHONE]")
    done = job.pouch(*REVEAL, "--column", "orders.mobile", "--manifest", str(path), token)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "+61491" not in done.stdout


def test_reveal_refuses_a_manifest_nested_too_deeply(job: SmallJob, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text("[" * 5_000)
    done = job.pouch(*REVEAL, "--column", "orders.mobile", "--manifest", str(path), "+61400000000")
    assert done.returncode == 2 and "manifest of their release" in done.stderr


def test_reveal_refuses_another_check_value(job: SmallJob, tmp_path: Path) -> None:
    told = manifest(job)
    told["key"] = {**told["key"], "check": "0" * 16}  # type: ignore[dict-item]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(told))
    done = job.pouch(*REVEAL, "--column", "orders.mobile", "--manifest", str(path), "+61400000000")
    assert done.returncode == 9
    assert "check value" in done.stderr


def test_reveal_refuses_what_has_not_the_form(job: SmallJob) -> None:
    for token in ("[PHONE]", "p1.k1.abc"):
        assert job.pouch(*REVEAL, "--column", "orders.mobile", token).returncode == 9
    assert job.pouch(*REVEAL, "--column", "orders.amount", "abc").returncode == 9


def test_reveal_refuses_when_the_policy_has_changed_since(job: SmallJob) -> None:
    """With another prefix kept, every token would turn into a wrong number, silently."""
    path = job.folder / "analysts.yaml"
    policy = path.read_text()
    path.write_text(policy.replace(PHONES, "mobile_phone: {transform: format_preserving}"))
    try:
        token = next(t for t in table(job, "orders")["mobile"].to_pylist() if t != "[PHONE]")
        done = job.pouch(*REVEAL, "--column", "orders.mobile", token)
    finally:
        path.write_text(policy)
    assert done.returncode == 9
    assert "another form in the manifest" in done.stderr


@pytest.mark.parametrize(
    ("rule", "code", "says"),
    [
        ("mobile_phone: {transform: format_preserving, keep_prefix: 4}", 2, "100,000 possible values"),
        ("mobile_phone: {transform: format_preserving, low: '1', high: '2'}", 5, "no low and high"),
        ("amount: {transform: format_preserving, low: '0', high: '9.99'}", 2, "1,000 values"),
        (
            "free_text: {transform: redact_text, accept_residual: test,"
            " entities: {PHONE_NUMBER: {transform: format_preserving, keep_prefix: 4}}}",
            2,
            "100,000 possible values",
        ),
    ],
)
def test_the_plan_refuses_small_domains(tmp_path: Path, rule: str, code: int, says: str) -> None:
    made = make_job(tmp_path, people=6, orders=6)
    name = rule.partition(":")[0]
    lines = (made.folder / "analysts.yaml").read_text().splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith(f"  {name}:"))
    (made.folder / "analysts.yaml").write_text(f"{kept}  {rule}\n")
    done = made.pouch("plan", "job.yaml")
    assert done.returncode == code, done.stderr
    assert says in done.stderr


def test_the_gate_sees_a_value_that_was_only_rewritten() -> None:
    """E.164 of the raw number is a member of the domain; equality but for the writing gives it away."""
    transform = FormatPreserving(normal_form="phone:AU")
    form = FormatPreserved("0123456789", phone=True, tag="[PHONE]")
    step = Step("mobile", "mobile_phone", transform, pa.string(), form, Context("a", "b", "phone", "static"))
    raw = pa.array(["0491 570 006", "0491570156", None, "12"]).dictionary_encode()
    order = pc.cast(pa.array([3, 1, 0, 2]), pa.int64()).to_numpy()
    for published, hits in [
        (["[PHONE]", "+61400000001", "+61400000002", None], 0),
        (["[PHONE]", "+61400000001", "+61491570006", None], 1),
        (["12", "0491 570 156", "+61 491-570-006", None], 3),
    ]:
        assert untouched(step, pa.array(published, pa.string()), raw_column(step, raw), order) == hits


@pytest.mark.parametrize("digits_only", [True, False])
def test_the_gate_sees_a_number_that_was_kept(digits_only: bool) -> None:
    """Plain numbers are compared as they are; one value with separators, and the writing counts again."""
    form = FormatPreserved("0123456789", tag="[BANK_CARD]")
    context = Context("a", "b", "bank_card", "static")
    step = Step("card", "bank_card", FormatPreserving(), pa.string(), form, context)
    raw = pa.array(["4111111111111111", None, "5500000000000004", "12" if digits_only else "4111 1111"])
    order = np.array([2, 0, 1, 3])
    for published, hits in [
        (["4111111111111111", "5500000000000004", "4111111111111111", "[BANK_CARD]"], 0),
        (["5500000000000004", "4111111111111111", "5500000000000004", "99"], 2),
        (["5500-0000-0000-0004", "4111111111111112", None, "12" if digits_only else "41111111"], 2),
    ]:
        column = raw_column(step, raw)
        assert untouched(step, pa.array(published, pa.string()), column, order) == hits


def test_domains_survive_the_manifest() -> None:
    for domain in (
        FormatPreserved("01abc", 2, 3, scheme="luhn", checked=(12, 13), check="invalid", tag="[X]"),
        FormatPreserved("0123456789", phone=True),
        Within(pa.decimal128(18, 2), "0", "99.5", "second"),
        Within(pa.timestamp("us"), "2026-01-01", "2026-12-31", "hour"),
    ):
        assert domain_from_json(json.loads(json.dumps(domain_as_json(domain)))) == domain
