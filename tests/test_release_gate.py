"""The gate finds a planted leak of every rule, names it without its value, and lets clean data pass."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.release import gate
from pipeline.release.gate import RULES, Hit, inspect_slice, prove
from tests.gate_cases import (
    ROWS,
    STEPS,
    Bench,
    hits,
    leaks_into,
    luhn_digit,
    plan_of,
    raw_columns,
    with_values,
)
from transforms import (
    Keep,
    Prefix,
)


@pytest.fixture(params=["dictionaries", "plain"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    return Bench(tmp_path, plan_of(), dictionaries=request.param == "dictionaries")


# ------------------------------------------------------------------ clean


@pytest.mark.parametrize("file_format", ["parquet", "csv", "jsonl"])
def test_clean_slices_pass_in_every_format(tmp_path: Path, file_format: str) -> None:
    bench = Bench(tmp_path, plan_of(file_format=file_format))
    proof = bench.proof(bench.view(raw_columns()), bench.view(raw_columns(seed=2), index=1))
    assert hits(proof) == []
    assert proof.passed
    assert proof.of(0).rows == 2 * ROWS
    assert proof.identities >= 2 * 6 * ROWS - 50


def test_an_empty_part_passes(bench: Bench) -> None:
    proof = bench.proof(bench.view({column: array.slice(0, 0) for column, array in raw_columns().items()}))
    assert proof.passed


def test_null_cells_and_null_identities_pass(bench: Bench) -> None:
    raw = raw_columns()
    for column in ("name", "mobile", "city", "note", "device"):
        raw[column] = pa.array([None if i % 3 == 0 else v for i, v in enumerate(raw[column].to_pylist())])
    assert bench.proof(bench.view(raw)).passed


# ------------------------------------------------------------------ the other rules


def test_a_cell_outside_its_domain_is_found(bench: Bench) -> None:
    def tamper(published: dict[str, list[object]], raw: Mapping[str, list[object]]) -> None:
        published["mobile"][3] = "+61400000000"
        published["name"][4] = "Rose Smith"

    found = hits(bench.proof(bench.view(raw_columns(), tamper)))
    assert ("mobile", "mobile_phone", "domain", 1) in found
    assert ("name", "person_name", "domain", 1) in found


def test_a_raw_device_id_that_reads_like_a_token_is_found(bench: Bench) -> None:
    tamper = leaks_into("device", "device", rows=range(7))
    assert hits(bench.proof(bench.view(raw_columns(), tamper))) == [("device", "device_id", "untouched", 7)]


def test_a_value_that_was_masked_at_its_source_is_no_leak(bench: Bench) -> None:
    assert bench.proof(bench.view(with_values(raw_columns(), "name", {5: "R****", 6: "****"}))).passed


@pytest.mark.parametrize(
    ("column", "of", "found_class"),
    [
        ("note", "mobile", "phone"),
        ("city", "email", "email"),
        ("product", "card", "bank_card"),
        ("note", "device", "device_id"),
    ],
)
def test_an_identity_of_another_row_and_slice_is_found(
    bench: Bench, column: str, of: str, found_class: str
) -> None:
    """The cell stands in one slice, the person in another: only the digests meet."""
    other = raw_columns(seed=2)
    stranger = other[of][17].as_py()
    raw = with_values(raw_columns(), column, {5: stranger})
    found = hits(bench.proof(bench.view(raw), bench.view(other, index=1)))
    assert (column, found_class, "anywhere", 1) in found
    assert "own_row" not in {rule for _, _, rule, _ in found}


def test_another_spelling_of_a_strangers_phone_is_found(bench: Bench) -> None:
    other = with_values(raw_columns(seed=2), "mobile", {17: "+61 412 345 678"})
    raw = with_values(raw_columns(), "note", {5: "0412-345-678"})
    found = hits(bench.proof(bench.view(raw), bench.view(other, index=1)))
    assert found == [("note", "phone", "anywhere", 1)]


def test_a_whole_number_that_equals_a_phone_is_found(bench: Bench) -> None:
    raw = with_values(raw_columns(), "mobile", {17: "13800138000"})
    raw["quantity"] = pa.array([13800138000 if i == 5 else 1 for i in range(ROWS)], pa.int64())
    assert hits(bench.proof(bench.view(raw))) == [("quantity", "phone", "anywhere", 1)]


def test_a_column_that_keeps_the_class_may_equal_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan_of({**STEPS, "mobile": Keep()}))
    assert bench.proof(bench.view(raw_columns())).passed


def test_short_running_numbers_of_two_tables_meet_without_alarm(bench: Bench) -> None:
    raw = raw_columns()
    raw["order_id"] = pa.array([str(10_000 + i) for i in range(ROWS)])
    raw["account"] = pa.array([str(10_000 + (i * 7 + 3) % ROWS) for i in range(ROWS)])
    assert bench.proof(bench.view(raw)).passed


def test_strangers_cards_in_another_column_are_found(bench: Bench) -> None:
    cards = [f"51{n:013d}" for n in range(10**12, 10**12 + 3)]
    raw = with_values(raw_columns(), "note", {i: f"paid {c}{luhn_digit(c)}" for i, c in enumerate(cards)})
    assert hits(bench.proof(bench.view(raw))) == [("note", "bank_card", "checksum", 3)]


def test_numbers_that_pass_luhn_by_chance_are_not(bench: Bench) -> None:
    pick = random.Random(4)  # noqa: S311 - synthetic data
    raw = raw_columns()
    raw["order_id"] = pa.array([f"4{pick.randrange(10**15):015d}" for _ in range(ROWS)])
    proof = bench.proof(bench.view(raw))
    verdict = next(v for v in proof.of(0).checksums if v.column == "order_id")
    assert proof.passed
    assert 20 <= verdict.passing <= 70
    assert verdict.candidates == ROWS


@pytest.mark.parametrize(
    ("texts", "found_class"),
    [
        (["a.b@example.org", "c@mail.example.org", "d+e@example.co"], "email"),
        (["+44 20 7946 0018", "+1 (212) 555-0123", "+8613800138000"], "mobile_phone"),
        (["490154203237518", "356938035643809", "352099001761481"], "imei"),
        (["11010519491231002X", "440524188001010014", "110105194912310038"], "national_id"),
    ],
)
def test_shapes_of_strangers_identities_are_found(bench: Bench, texts: list[str], found_class: str) -> None:
    raw = with_values(raw_columns(), "note", {i: f"see {text}." for i, text in enumerate(texts)})
    found = hits(bench.proof(bench.view(raw)))
    if found_class in {"imei", "national_id"}:  # one of the three is wrong on purpose
        assert "checksum" not in {rule for _, _, rule, _ in found}
    else:
        assert found == [("note", found_class, "checksum", 3)]


def test_the_same_address_of_the_shop_in_many_rows_is_one_cell(bench: Bench) -> None:
    raw = with_values(raw_columns(), "note", dict.fromkeys(range(50), "questions? help@shop.example"))
    assert bench.proof(bench.view(raw), bench.view(raw, index=1)).passed


# ------------------------------------------------------------------ the file


def test_metadata_statistics_and_schema_of_a_staged_file_are_found(bench: Bench) -> None:
    raw = raw_columns()
    for change, says in (
        (lambda table: table.replace_schema_metadata({"pandas": "index"}), "key-value metadata"),
        (lambda table: table.rename_columns(["x", *table.column_names[1:]]), "schema"),
        (lambda table: table, "statistics"),
    ):
        view = bench.view(raw)
        path = bench.staging / view.parts[0].path
        pq.write_table(
            change(pq.read_table(path)),
            path,
            write_statistics=says == "statistics",
            store_schema="metadata" in says,
        )
        found = bench.proof(view).releases[0].hits
        assert [hit.rule for hit in found] == ["file"]
        assert says in str(found[0])


def test_a_changed_byte_or_a_missing_row_of_a_staged_file_is_found(bench: Bench) -> None:
    view = bench.view(raw_columns())
    path = bench.staging / view.parts[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    assert [hit.rule for hit in bench.proof(view).releases[0].hits] == ["file"]
    shorter = bench.view(raw_columns())
    shorter = replace(shorter, parts={0: replace(shorter.parts[0], rows=ROWS + 1)})
    assert [hit.rule for hit in bench.proof(shorter).releases[0].hits] == ["file"]


# ------------------------------------------------------------------ words


def test_no_hit_shows_a_value(bench: Bench) -> None:
    raw = raw_columns()
    secrets = {"name": "Rosamunde Feuerstein", "mobile": "+61 498 765 432", "email": "r.f@example.net"}
    for column, value in secrets.items():
        raw = with_values(raw, column, {5: value})

    def tamper(published: dict[str, list[object]], ordered: Mapping[str, list[object]]) -> None:
        row = ordered["name"].index(secrets["name"])
        published["note"][row] = " ".join(secrets.values())
        published["city"][row] = secrets["mobile"]
        published["mobile"][row] = secrets["email"]

    view = bench.view(raw, tamper)
    findings = inspect_slice(view, bench.plan, bench.staging)
    proof = prove(bench.plan, [findings], bench.staging)
    shown = repr(findings) + repr(proof) + repr(view) + " ".join(str(hit) for hit in proof.releases[0].hits)
    assert len(proof.releases[0].hits) >= 5
    for secret in (*secrets.values(), "Rosamunde", "498765432", "498 765"):
        assert secret not in shown
    assert "analysts" not in shown


def test_every_rule_says_what_it_cannot_see() -> None:
    assert [rule.id for rule in RULES] == [
        "file",
        "domain",
        "own_row",
        "untouched",
        "anywhere",
        "checksum",
        "label",
        "shifted",
    ]
    assert all(rule.states and rule.blind_to for rule in RULES)


def test_digest_files_are_private_and_outside_every_release(bench: Bench) -> None:
    bench.proof(bench.view(raw_columns()))
    folder = bench.staging / gate.DIRECTORY
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_size % 8 == 0 for file in folder.iterdir())


def test_equal_hits_of_slices_are_added_up(bench: Bench) -> None:
    views = [bench.view(raw_columns(seed=s), leaks_into("note", "name", "for {}"), s) for s in (1, 2, 3)]
    assert hits(bench.proof(*views)) == [("note", "person_name", "own_row", 3)]


def test_a_hit_reads_as_one_sentence() -> None:
    assert str(Hit(0, "orders", "note", "email", "own_row", 2)) == (
        "orders.note: holds email (2 cells, rule own_row)"
    )


def test_a_prefix_does_not_count_as_the_identity(tmp_path: Path) -> None:
    bench = Bench(tmp_path, plan_of({**STEPS, "mobile": Prefix(length=4)}))
    assert bench.proof(bench.view(raw_columns())).passed
