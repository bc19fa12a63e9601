"""What goes out beside the data, what stays, and that a release can be checked from its own files."""

import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.statistics_models import Dimension, Protection, StatisticSpec, Sum
from pipeline.engines.model import SliceResult, StagedPart
from pipeline.errors import InternalError
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan
from pipeline.release.conservation import conserve
from pipeline.release.datapackage import data_package
from pipeline.release.domain_text import domain_as_json, domain_from_json
from pipeline.release.manifest import DATA_PACKAGE, MANIFEST, as_json, part_name, release_manifest
from pipeline.release.publish import SUCCESS, SUMS, open_staging, publish_release
from pipeline.release.verify import verify_release
from pipeline.sinks import write_part
from tests.gate_cases import CLASS_OF, ROWS, STEPS, Bench, plan_of, raw_columns
from transforms import Drop, Keep, RoundNumber, domains

INTERNAL = re.compile(
    r"withheld|suppressed_|quarantin|sha256:|/tmp|/home|run_id|hostname|\buser\b|secret|tombstone"
)


def publish_export(out: Path, plan: Plan, raw: Mapping[str, pa.Array]) -> Path:
    export = plan.releases[0].exports[0]
    with open_staging(out) as staging:
        view = Bench(staging, plan).view(raw)
        name = part_name("orders", 0, export.format)
        rows, parts = {"orders": view.parts[0].rows}, {"orders": 1}
        documents = {
            MANIFEST: as_json(release_manifest(plan, plan.releases[0], rows, parts)),
            DATA_PACKAGE: as_json(data_package(plan, plan.releases[0], parts)),
        }
        return publish_release(
            out,
            staging,
            "analysts",
            plan.date,
            {name: staging / view.parts[0].path},
            documents,
            announce=lambda tree, digest: None,
        ).path


def statistics_plan() -> Plan:
    spec = StatisticSpec(
        table="orders",
        dimensions=(Dimension(column="city", values=("Perth", "Sydney")),),
        measures=("people", "rows", Sum(sum="quantity")),
        protect=Protection(min_people=10),
    )
    plan = plan_of()
    release = ReleasePlan(
        0, "market", "statistics", "consent", "static", "0" * 64, (), (StatisticPlan("sales", spec),)
    )
    return replace(plan, releases=(release,))


def publish_statistics(out: Path, people: list[int | None], status: list[str]) -> Path:
    plan = statistics_plan()
    table = pa.table(
        {
            "city": pa.array(["Perth", "Sydney"]),
            "people": pa.array(people, pa.int64()),
            "rows": pa.array(people, pa.int64()),
            "sum_quantity": pa.array(people, pa.int64()),
            "status": pa.array(status),
        }
    )
    with open_staging(out) as staging:
        files = {}
        for file_format in ("csv", "parquet"):
            files[f"statistics/sales.{file_format}"] = staging / file_format
            write_part(staging / file_format, table, file_format)
        documents = {
            MANIFEST: as_json(release_manifest(plan, plan.releases[0], {}, {})),
            DATA_PACKAGE: as_json(data_package(plan, plan.releases[0], {})),
        }
        return publish_release(
            out,
            staging,
            "market",
            plan.date,
            files,
            documents,
            announce=lambda tree, digest: None,
        ).path


# ------------------------------------------------------------------ manifest and data package


def manifest_of(plan: Plan) -> dict[str, Any]:
    return release_manifest(plan, plan.releases[0], {"orders": ROWS}, {"orders": 1})


def test_the_manifest_says_who_what_how_and_on_which_terms() -> None:
    manifest = manifest_of(plan_of())
    assert {k: manifest[k] for k in ("recipient", "purpose", "date", "epoch", "kind", "grade")} == {
        "recipient": "analysts",
        "purpose": "test",
        "date": "2026-11-01",
        "epoch": "static",
        "kind": "export",
        "grade": 3,
    }
    assert manifest["terms"]["expires_on"] == "2026-12-01"
    assert "still personal data" in manifest["terms"]["status"]
    assert "forbidden" in manifest["terms"]["re_identification"]
    assert "forbidden" in manifest["terms"]["onward_sharing"]
    columns = {column["name"]: column for column in manifest["tables"][0]["columns"]}
    assert columns["mobile"]["technique"] == STEPS["mobile"].technique
    assert columns["mobile"]["class"] == "mobile_phone"
    assert columns["card"]["grade"] == 3
    assert manifest["tables"][0]["rows"] == ROWS


def test_rows_are_called_de_identified_and_statistics_protected_by_suppression() -> None:
    assert "de-identified" in manifest_of(plan_of())["label"]
    plan = statistics_plan()
    manifest = release_manifest(plan, plan.releases[0], {}, {})
    assert manifest["label"] == manifest["terms"]["protection"]
    assert "suppression, audited" in manifest["label"]
    assert "rows" not in json.dumps(manifest["statistics"][0]["files"])
    assert "status" not in manifest["terms"]


def test_dropped_columns_are_not_named() -> None:
    plan = plan_of({**STEPS, "email": Drop()})
    assert "email" not in as_json(manifest_of(plan)).decode()
    assert "email" not in as_json(data_package(plan, plan.releases[0], {"orders": 1})).decode()


@pytest.mark.parametrize("file_format", ["parquet", "csv", "jsonl"])
def test_nothing_internal_and_no_clock_goes_out(file_format: str) -> None:
    plan = plan_of(file_format=file_format)
    text = (
        as_json(manifest_of(plan)).decode()
        + as_json(data_package(plan, plan.releases[0], {"orders": 1})).decode()
    )
    assert not INTERNAL.search(text)
    assert "orders.csv" not in text  # the input's path
    assert set(re.findall(r"20\d\d-\d\d-\d\d", text)) == {"2026-11-01", "2026-12-01"}
    assert not re.search(r"\d\d:\d\d", text)


def test_documents_are_deterministic() -> None:
    plan = plan_of()
    assert as_json(manifest_of(plan)) == as_json(manifest_of(plan_of()))
    assert as_json(data_package(plan, plan.releases[0], {"orders": 1})) == as_json(
        data_package(plan_of(), plan_of().releases[0], {"orders": 1})
    )


def test_the_data_package_tells_types_keys_apostrophes_and_zone() -> None:
    plan = plan_of(file_format="csv")
    package = data_package(plan, plan.releases[0], {"orders": 2})
    resource = package["resources"][0]
    fields = {field["name"]: field for field in resource["schema"]["fields"]}
    assert package["key_ids"] == ["k1"]
    assert "apostrophe" in package["spreadsheets"]
    assert resource["path"] == ["data/orders/part-00000.csv", "data/orders/part-00001.csv"]
    assert fields["quantity"]["type"] == "integer"
    assert fields["mobile"]["type"] == "string"
    assert "32 lowercase hex digits" in fields["mobile"]["description"]
    keep_only = plan_of({**dict.fromkeys(CLASS_OF, Drop()), "city": Keep()})
    assert "key_ids" not in data_package(keep_only, keep_only.releases[0], {"orders": 1})


@pytest.mark.parametrize(
    "domain",
    [
        domains.HexToken(),
        domains.CipherToken(),
        domains.AnyText(),
        domains.ClosedSet(("a", "b")),
        domains.Typed(pa.decimal128(18, 2)),
        domains.Typed(pa.timestamp("us")),
        domains.Typed(pa.date32()),
        domains.Typed(pa.int64()),
        domains.Typed(pa.float64()),
        domains.TruncatedTime(pa.timestamp("us"), "hour"),
    ],
)
def test_a_domain_survives_the_manifest(domain: domains.OutputDomain) -> None:
    assert domain_from_json(json.loads(json.dumps(domain_as_json(domain)))) == domain


# ------------------------------------------------------------------ conservation


def result(rows: int, published: int, quarantined: int, withheld: int) -> SliceResult:
    return SliceResult(
        "orders",
        0,
        rows,
        {"too many fields": quarantined},
        {0: {"no consent": withheld}},
        {0: StagedPart("p", published, pa.array([], pa.int64()))},
        (),
    )


def test_rows_are_conserved_with_reasons() -> None:
    counts = conserve(plan_of(), [result(10, 6, 1, 3), result(5, 5, 0, 0)], {"orders": 15})
    assert counts[0].rows_read == 15
    assert counts[0].rows_published == 11
    assert dict(counts[0].quarantined) == {"too many fields": 1}
    assert dict(counts[0].withheld) == {"no consent": 3}


@pytest.mark.parametrize(
    ("results", "records"),
    [([result(10, 5, 1, 3)], 10), ([result(10, 7, 1, 3)], 10), ([result(10, 6, 1, 3)], 11)],
)
def test_a_lost_or_invented_row_stops_the_run(results: list[SliceResult], records: int) -> None:
    with pytest.raises(InternalError, match="nothing is published"):
        conserve(plan_of(), results, {"orders": records})


# ------------------------------------------------------------------ verify


@pytest.mark.parametrize("file_format", ["parquet", "csv", "jsonl"])
def test_a_published_release_verifies(tmp_path: Path, file_format: str) -> None:
    path = publish_export(tmp_path, plan_of(file_format=file_format), raw_columns())
    assert verify_release(path) == []
    assert verify_release(path.resolve()) == []


def test_published_statistics_verify(tmp_path: Path) -> None:
    assert verify_release(publish_statistics(tmp_path, [12, None], ["published", "suppressed"])) == []


@pytest.mark.parametrize(
    ("people", "status", "says"),
    [
        ([9, None], ["published", "suppressed"], "fewer than 10"),
        ([12, 11], ["published", "suppressed"], "suppressed row"),
    ],
)
def test_statistics_that_break_their_threshold_are_found(
    tmp_path: Path, people: list[int | None], status: list[str], says: str
) -> None:
    assert says in str(verify_release(publish_statistics(tmp_path, people, status))[0])


def _resum(tree: Path) -> None:
    """Make the sums right again, as somebody would who wants a change to go unnoticed."""
    names = sorted(
        str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file() and p.name not in (SUMS, SUCCESS)
    )
    lines = [f"{hashlib.sha256((tree / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (tree / SUMS).write_text("".join(lines))


PART = "data/orders/part-00000.parquet"


def _cells(tree: Path, column: str, change: Callable[[list[object]], None]) -> None:
    table = pq.read_table(tree / PART)
    cells = table[column].to_pylist()
    change(cells)
    index = table.column_names.index(column)
    table = table.set_column(
        index, table.schema.field(index), pa.array(cells, table.schema.field(index).type)
    )
    write_part(tree / PART, table, "parquet")


def _set(row: int, value: object) -> Callable[[list[object]], None]:
    return lambda cells: cells.__setitem__(row, value)


def _linked(mark: Path) -> None:
    mark.unlink()
    mark.symlink_to("/dev/null")


def _reordered(sums: Path) -> None:
    sums.write_text("".join(reversed(sums.read_text().splitlines(keepends=True))))


DAMAGE: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "changed byte": (
        lambda t: (t / PART).write_bytes((t / PART).read_bytes()[:-9] + b"x" * 9),
        "was changed",
    ),
    "missing file": (lambda t: (t / PART).unlink(), "is missing"),
    "extra file": (lambda t: (t / "notes.txt").write_text("x"), "is not listed"),
    "no success": (lambda t: (t / SUCCESS).unlink(), "not whole"),
    "no manifest": (lambda t: (t / MANIFEST).unlink(), "missing or no JSON"),
    "no sums": (lambda t: (t / SUMS).unlink(), "cannot be read"),
    "link out": (lambda t: (t / "out").symlink_to("/etc/hostname"), "is not listed"),
    "mark filled": (lambda t: (t / "_SUCCESS").write_text("+61400000000"), "must be an empty file"),
    "mark linked": (lambda t: _linked(t / "_SUCCESS"), "must be an empty file"),
    "sums reordered": (lambda t: _reordered(t / "SHA256SUMS"), "has another form"),
    "sums cut": (
        lambda t: (t / "SHA256SUMS").write_bytes((t / "SHA256SUMS").read_bytes()[:-1]),
        "another form",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_the_tree_is_found(tmp_path: Path, damage: str) -> None:
    path = publish_export(tmp_path, plan_of(), raw_columns())
    change, says = DAMAGE[damage]
    change(path.resolve())
    assert any(says in str(problem) for problem in verify_release(path))
    assert all(problem.code == 1 for problem in verify_release(path))


CHANGES: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "cell outside its domain": (lambda t: _cells(t, "mobile", _set(0, "+61400000000")), "hex digits"),
    "row removed": (
        lambda t: write_part(t / PART, pq.read_table(t / PART).slice(1), "parquet"),
        "rows as the manifest",
    ),
    "other schema": (
        lambda t: write_part(t / PART, pq.read_table(t / PART).drop_columns(["city"]), "parquet"),
        "schema",
    ),
    "metadata": (lambda t: pq.write_table(pq.read_table(t / PART), t / PART), "metadata"),
    "mail addresses": (
        lambda t: _cells(
            t, "note", lambda cells: cells.__setitem__(slice(0, 3), [f"a{i}@b.example" for i in range(3)])
        ),
        "look like email",
    ),
    "column undescribed": (
        lambda t: (t / DATA_PACKAGE).write_text(
            (t / DATA_PACKAGE).read_text().replace('"quantity"', '"number"')
        ),
        "does not describe",
    ),
    "manifest of nonsense": (lambda t: (t / MANIFEST).write_text('{"format": "pouch-release/1"}'), "form"),
    "id": (lambda t: (t / "about.txt").write_text("x"), "id is not its digest"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_fitting_sums_is_found(tmp_path: Path, change: str) -> None:
    path = publish_export(tmp_path, plan_of(), raw_columns())
    act, says = CHANGES[change]
    act(path.resolve())
    _resum(path.resolve())
    assert any(says in str(problem) for problem in verify_release(path))


def test_cells_that_run_in_a_spreadsheet_are_found(tmp_path: Path) -> None:
    raw = raw_columns()
    raw["city"] = pa.array(["=1+1"] * ROWS)
    path = publish_export(tmp_path, plan_of(file_format="csv"), raw)
    assert verify_release(path) == []
    part = path.resolve() / "data/orders/part-00000.csv"
    part.write_bytes(part.read_bytes().replace(b"'=1+1", b"=1+1"))
    _resum(path.resolve())
    assert any("spreadsheet" in str(p) or "CSV file" in str(p) for p in verify_release(path))


def test_a_path_that_is_no_release_is_a_finding_not_a_crash(tmp_path: Path) -> None:
    assert len(verify_release(tmp_path / "absent")) == 1
    assert verify_release(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (MANIFEST, "[" * 5_000, f"{MANIFEST}: is missing or no JSON"),
        (DATA_PACKAGE, "[" * 5_000, f"{DATA_PACKAGE}: is missing or no JSON"),
        (DATA_PACKAGE, "{}", f"{MANIFEST} or {DATA_PACKAGE}: does not have the form"),
    ],
)
def test_documents_of_another_form_are_findings(tmp_path: Path, name: str, content: str, says: str) -> None:
    """Also one that is nested more deeply than a parser follows."""
    path = publish_export(tmp_path, plan_of(), raw_columns())
    file = path.resolve() / name
    file.chmod(0o600)
    file.write_text(content)
    assert any(str(problem).startswith(says) for problem in verify_release(path))


@pytest.mark.long
def test_random_damage_never_crashes_verify(tmp_path: Path) -> None:
    path = publish_export(tmp_path, plan_of(), raw_columns())
    pick = random.Random(3)  # noqa: S311 - synthetic damage
    files = [p for p in path.resolve().rglob("*") if p.is_file() and p.stat().st_size]
    for _ in range(60):
        file = pick.choice(files)
        before = file.read_bytes()
        damaged = bytearray(before)
        damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        file.write_bytes(bytes(damaged))
        assert verify_release(path)
        file.write_bytes(before)
    assert verify_release(path) == []


def test_a_rounded_number_verifies(tmp_path: Path) -> None:
    path = publish_export(tmp_path, plan_of({**STEPS, "quantity": RoundNumber(step=2)}), raw_columns())
    assert verify_release(path) == []
