"""Rule `own_row`: identities inside cells of their own row, in every spelling; shared words and kept columns pass."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from tests.gate_cases import CLASS_OF, FIRST, LAST, Bench, hits, leaks_into, plan_of, raw_columns, with_values
from transforms import (
    Drop,
    Keep,
)


@pytest.fixture(params=["dictionaries", "plain"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    return Bench(tmp_path, plan_of(), dictionaries=request.param == "dictionaries")


@pytest.mark.parametrize(
    ("of", "form", "data_class"),
    [
        ("name", "leave with {} please", "person_name"),
        ("name", "谢谢{}收", "person_name"),
        ("mobile", "call {} first", "mobile_phone"),
        ("mobile", "手机{}谢谢", "mobile_phone"),
        ("email", "write to <{}>", "email"),
        ("address", "again: {}!", "postal_address"),
        ("account", "account {}", "account_id"),
        ("card", "card {} thanks", "bank_card"),
        ("order_id", "order {} again", "order_id"),
    ],
)
def test_an_identity_of_its_own_row_inside_a_text_is_found(
    bench: Bench, of: str, form: str, data_class: str
) -> None:
    found = hits(bench.proof(bench.view(raw_columns(), leaks_into("note", of, form))))
    assert ("note", data_class, "own_row", 1) in found


def test_the_same_in_a_column_of_many_distinct_cells(bench: Bench) -> None:
    """Then letter pairs choose the suspects, not the list of all pieces."""
    raw = raw_columns(3000)
    raw["note"] = pa.array([f"please ring twice, reference {i * 7919} of today" for i in range(3000)])
    assert bench.proof(bench.view(raw)).passed
    found = hits(bench.proof(bench.view(raw, leaks_into("note", "name", "ring for {} twice"))))
    assert found == [("note", "person_name", "own_row", 1)]


@pytest.mark.parametrize(
    "spelling",
    [
        "0412345678",
        "0412 345 678",
        "+61 412 345 678",
        "(0412) 345-678",
        "61412345678",
        "0061412345678",
        "+61 (0)412 345 678",
        "０４１２３４５６７８",
    ],
)
def test_every_spelling_of_a_phone_is_found(bench: Bench, spelling: str) -> None:
    raw = with_values(raw_columns(), "mobile", {5: "+61 412 345 678"})

    def tamper(published: dict[str, list[object]], ordered: Mapping[str, list[object]]) -> None:
        row = ordered["mobile"].index("+61 412 345 678")
        published["note"][row] = f"ring {spelling} twice"

    assert ("note", "mobile_phone", "own_row", 1) in hits(bench.proof(bench.view(raw, tamper)))


def test_a_name_inside_a_longer_word_is_no_leak(bench: Bench) -> None:
    raw = with_values(raw_columns(), "name", {5: "Rose"})

    def tamper(published: dict[str, list[object]], ordered: Mapping[str, list[object]]) -> None:
        row = ordered["name"].index("Rose")
        published["note"][row] = "proserpine, primroses and rosewood"

    assert bench.proof(bench.view(raw, tamper)).passed


def test_two_characters_make_a_name_and_one_does_not(bench: Bench) -> None:
    raw = with_values(raw_columns(), "name", {5: "李", 6: "李雷"})

    def tamper(published: dict[str, list[object]], ordered: Mapping[str, list[object]]) -> None:
        published["note"][ordered["name"].index("李")] = "行李放门口"
        published["note"][ordered["name"].index("李雷")] = "请李雷收"

    assert hits(bench.proof(bench.view(raw, tamper))) == [("note", "person_name", "own_row", 1)]


def test_a_tag_is_not_taken_for_a_nickname(bench: Bench) -> None:
    raw = with_values(raw_columns(), "name", {5: "Phone", 6: "Number"})
    raw = with_values(raw, "note", {5: "call [PHONE_NUMBER]", 6: "call [PHONE_NUMBER]"})
    assert bench.proof(bench.view(raw)).passed


def shared_product(name_rows: int, others: int) -> dict[str, pa.Array]:
    """Rows of one Rose, whose product bears her name, and `others` rows of other people with that product."""
    raw = raw_columns()
    raw = with_values(raw, "name", {i: "Rose" if i < name_rows else "Jack Other" for i in range(60)})
    raw = with_values(raw, "account", dict.fromkeys(range(name_rows), "u77777777"))
    return with_values(raw, "product", dict.fromkeys(range(name_rows + others), "Rose Gold case"))


@pytest.mark.parametrize("with_subject", [True, False])
def test_a_cell_that_other_people_share_is_vocabulary(bench: Bench, with_subject: bool) -> None:
    raw = shared_product(2, 30)
    if not with_subject:
        raw = with_values(raw, "name", {i: f"{FIRST[i % 10]} {LAST[i % 7]}" for i in range(2, 60)})
    assert bench.proof(bench.view(raw, subject=with_subject)).passed


def test_a_cell_that_few_other_people_share_is_a_leak(bench: Bench) -> None:
    assert hits(bench.proof(bench.view(shared_product(2, 4)))) == [("product", "person_name", "own_row", 2)]


def test_people_of_the_same_name_do_not_make_it_vocabulary(bench: Bench) -> None:
    """A product column that was filled with names: every Rose has it, and nobody else."""
    raw = raw_columns()
    raw = with_values(raw, "name", dict.fromkeys(range(40), "Rose"))
    found = hits(bench.proof(bench.view(with_values(raw, "product", dict.fromkeys(range(40), "Rose")))))
    assert found == [("product", "person_name", "own_row", 40)]


def test_what_the_plan_keeps_in_a_column_may_stand_there(tmp_path: Path) -> None:
    courier = {**dict.fromkeys(CLASS_OF, Drop()), "name": Keep(), "address": Keep(), "mobile": Keep()}
    bench = Bench(tmp_path, plan_of(courier, "csv"))
    raw = raw_columns()
    addresses = [
        f"c/o {name}, {a}"
        for name, a in zip(raw["name"].to_pylist(), raw["address"].to_pylist(), strict=True)
    ]
    assert bench.proof(bench.view({**raw, "address": pa.array(addresses)})).passed


def test_what_the_plan_drops_may_not_stand_in_a_kept_column(tmp_path: Path) -> None:
    courier = {**dict.fromkeys(CLASS_OF, Drop()), "address": Keep(), "mobile": Keep()}
    bench = Bench(tmp_path, plan_of(courier, "csv"))
    found = hits(bench.proof(bench.view(raw_columns(), leaks_into("address", "name", "c/o {}, 5 Main St"))))
    assert found == [("address", "person_name", "own_row", 1)]
