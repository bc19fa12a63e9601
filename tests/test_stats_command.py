"""`pouch stats` and `pouch budget` as a stranger uses them."""

import json
import os
import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from pipeline.errors import BudgetExhausted, CheckFailed, InputUnreadable, JobWrong, LeakFound
from pipeline.release.verify import verify_release
from pipeline.standalone import StatsOrder, run_statistics
from pipeline.statistics_report import budgets_of, releases_of, simulate_nights
from tests import fork_server
from tests.conftest import PROJECT
from tests.dp_cases import SALES, write_orders

PLAIN = """statistics:
  sales:
    table: orders
    subject: account_id
    dimensions: [{column: city, values: [Perth, Sydney]}]
    measures: [people, rows, {sum: amount}]
    protect: {min_people: 5}
"""


@pytest.fixture
def shop(tmp_path):
    write_orders(tmp_path / "orders.csv")
    (tmp_path / "sales.yaml").write_text(SALES)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    return tmp_path


def order(shop: Path, spec: str = "sales", **fields) -> StatsOrder:
    given = {"spec": shop / f"{spec}.yaml", "inputs": {"orders": shop / "orders.csv"}, "recipient": "market"}
    return StatsOrder(**{**given, "out": shop / "out", "state": shop / "state", **fields})


def pouch(shop: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return fork_server.pouch(words, shop, os.environ)


def files(shop: Path, folder: str = "sales") -> dict[str, bytes]:
    root = shop / "out" / "market" / folder
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_stranger_gets_tables_and_their_exit_codes(shop):
    (shop / "sales.yaml").write_text(SALES.replace("epsilon: 2.5", "epsilon: 1.2"))
    words = ("stats", "sales.yaml", "--input", "orders=orders.csv", "--recipient", "market", "--out", "out")
    first = pouch(shop, *words, "--state", "state", "--format", "json")
    told = json.loads(first.stdout)
    assert first.returncode == 0, first.stderr
    assert told["status"] == "published" and told["number"] == 1
    assert told["statistics"] == [{"name": "sales", "rows": {"noised": 4}}]
    shown = files(shop)
    assert {"statistics/sales.csv", "statistics/sales.parquet", "manifest.json", "datapackage.json"} <= set(
        shown
    )
    again = pouch(shop, *words, "--state", "state")
    assert again.returncode == 0 and "served again" in again.stdout and files(shop) == shown
    write_orders(shop / "orders.csv", seed=2)
    done = pouch(shop, *words, "--state", "state")
    assert done.returncode == 10 and "budget of recipient market" in done.stderr
    other = pouch(shop, *words, "--state", "another")
    assert other.returncode == 1 and "from another state" in other.stderr
    assert files(shop) == shown  # what was published stays
    wrong = pouch(shop, "stats", "sales.yaml", "--input", "orders", "--recipient", "market")
    assert wrong.returncode == 2 and "NAME=FILE" in wrong.stderr


def test_the_manifest_tells_what_the_noise_promises(shop):
    run_statistics(order(shop))
    manifest = json.loads(files(shop)["manifest.json"])
    promise = manifest["statistics"][0]["protection"]
    assert (manifest["label"], manifest["number"]) == ("statistics with differential privacy", 1)
    assert promise["epsilon"] == pytest.approx(1, abs=1e-6) and promise["delta"] == 1e-6
    assert promise["privacy_unit"] == "one subject" and promise["max_groups"] == 2
    text = b"".join(files(shop).values())
    for internal in (b"orders.csv", str(shop).encode(), b"input_digest"):
        assert internal not in text
    assert not re.search(rb"20[0-9]{6}T[0-9]{6}", text), "the id of a run"
    assert verify_release(shop / "out" / "market" / "sales") == []


def test_no_raw_value_in_state_or_output(shop):
    run_statistics(order(shop))
    run_statistics(order(shop, "plain"))
    kept = [path.read_bytes() for path in (shop / "state").rglob("*") if path.is_file()]
    kept += [path.read_bytes() for path in (shop / "out").rglob("*") if path.is_file()]
    assert not any(f"a{person},".encode() in content for content in kept for person in range(60))
    assert not any(b"account_id" + b"\x1fa" in content for content in kept)


def test_every_format_gives_the_same_table(shop):
    table = pa.csv.read_csv(shop / "orders.csv")
    pa.parquet.write_table(table, shop / "orders.parquet")
    lines = [json.dumps({key: str(value) for key, value in row.items()}) for row in table.to_pylist()]
    (shop / "orders.jsonl").write_text("\n".join(lines) + "\n")
    found = []
    for name in ("orders.csv", "orders.parquet", "orders.jsonl"):
        run_statistics(
            order(
                shop,
                "plain",
                inputs={"orders": shop / name},
                out=shop / f"out-{name}",
                state=shop / f"state-{name}",
            )
        )
        found.append((shop / f"out-{name}/market/plain/statistics/sales.csv").read_text())
    assert found[0] == found[1] == found[2] and "published" in found[0]


def test_a_larger_budget_is_no_new_release(shop):
    first = run_statistics(order(shop))
    (shop / "sales.yaml").write_text(SALES.replace("epsilon: 2.5", "epsilon: 9"))
    assert first.new and not run_statistics(order(shop)).new


def test_another_specification_does_not_replace_a_release(shop):
    run_statistics(order(shop, date="2026-11-01"))
    (shop / "plain.yaml").write_text(PLAIN.replace("  sales:", "  people:"))
    with pytest.raises(JobWrong, match="another release is published there"):
        run_statistics(order(shop, "plain", date="2026-11-01"))
    assert len(releases_of(shop / "state", None)) == 1


REFUSED = {
    "no column place": (SALES.replace("column: city", "column: place"), JobWrong),
    "add subject": (SALES.replace("    subject: account_id\n", ""), JobWrong),
    "needs a budget": (SALES[: SALES.index("budget")], JobWrong),
    "has no input": (SALES.replace("table: orders", "table: devices"), JobWrong),
    "unknown key": (SALES.replace("max_rows", "max_row"), JobWrong),
    "must have epsilon or rho": (SALES.replace("epsilon: 1,", "epsilon: 1, rho: 1,"), JobWrong),
    "cannot be used": (
        SALES.replace("{sum: amount}", "{sum: category}").replace("amount: [", "category: ["),
        InputUnreadable,
    ),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_is_wrong_charges_nothing(shop, says):
    text, error = REFUSED[says]
    (shop / "sales.yaml").write_text(text)
    with pytest.raises(error, match=says):
        run_statistics(order(shop))
    assert not (shop / "state" / "budget.sqlite").exists() and not (shop / "out" / "market").exists()


def test_errors_never_show_a_value(shop):
    with (shop / "orders.csv").open("a") as file:
        file.write("secret-person,Perth,books,secret-amount,2026-11-01\n")
    with pytest.raises(InputUnreadable) as refused:
        run_statistics(order(shop))
    assert "secret" not in str(refused.value)
    told = run_statistics(order(shop, leave_out=0.05))
    assert told.notes and told.notes[0].startswith("1 of ") and "secret" not in str(told)


@pytest.mark.parametrize("noise", [True, False])
def test_labels_that_are_identities_are_never_published(shop, noise):
    """A hotline's address in a city column: that many have it does not make it public."""
    write_orders(shop / "orders.csv", people=1500)
    lines = (shop / "orders.csv").read_text().replace(",Perth,", ",hotline@example.com,")
    (shop / "orders.csv").write_text(lines)
    text = (SALES if noise else PLAIN).replace(", values: [Perth, Sydney]", "")
    (shop / "sales.yaml").write_text(text.replace("max_rows: 3", "max_rows: 3, keys: threshold"))
    with pytest.raises(LeakFound) as refused:
        run_statistics(order(shop))
    assert refused.value.exit_code == 7 and "hotline" not in str(refused.value)
    assert not (shop / "out" / "market").exists()


def test_the_budget_commands_agree_with_the_ledger(shop):
    before = simulate_nights(shop / "sales.yaml", "market", shop / "state", "")
    nights = 0
    while True:
        try:
            write_orders(shop / "orders.csv", seed=100 + nights)
            run_statistics(order(shop))
            nights += 1
            left = simulate_nights(shop / "sales.yaml", "market", shop / "state", "")["nights_left"]
            assert left == before["nights_left"] - nights
        except BudgetExhausted:
            break
    assert nights == before["nights_left"] >= 2  # zCDP: more than 2.5 / 1
    spent = budgets_of(shop / "state")[0]["budgets"][0]
    assert spent["epsilon_spent"] <= 2.5 < spent["epsilon_spent"] + 1
    explained = releases_of(shop / "state", "market")
    assert len(explained) == nights and explained[-1]["state"] == "published"
    assert explained[-1]["epsilon_until_then"] == pytest.approx(spent["epsilon_spent"])
    for words in (("show",), ("explain",), ("simulate", "sales.yaml", "--recipient", "market")):
        done = pouch(shop, "budget", *words, "--state", "state", "--format", "json")
        assert done.returncode == 0 and json.loads(done.stdout)


def test_a_missing_file_is_an_input_that_cannot_be_read(shop):
    (shop / "orders.csv").rename(shop / "elsewhere.csv")
    done = pouch(shop, "stats", "plain.yaml", "--input", "orders=orders.csv", "--recipient", "market")
    assert done.returncode == 4 and "there is no file orders.csv" in done.stderr
    words = ("--input", "orders=elsewhere.csv", "--known", "orders=held.csv", "--recipient", "market")
    done = pouch(shop, "stats", "plain.yaml", *words)
    assert done.returncode == 4 and "--known orders: there is no file held.csv" in done.stderr


def test_budget_of_no_state_is_refused_and_makes_none(shop):
    done = pouch(shop, "budget", "show", "--state", "nowhere")
    assert done.returncode == 2 and not (shop / "nowhere").exists()


def test_a_set_back_state_is_noticed_from_the_shell(shop):
    import shutil

    run_statistics(order(shop))
    shutil.copytree(shop / "state", shop / "backup")
    write_orders(shop / "orders.csv", seed=2)
    run_statistics(order(shop))
    shutil.rmtree(shop / "state")
    (shop / "backup").rename(shop / "state")
    with pytest.raises(CheckFailed, match="older than its anchor"):
        run_statistics(order(shop))


def test_the_shipped_specification_runs_on_the_sample_data(tmp_path):
    spec = PROJECT / "configs" / "statistics" / "market_noise.yaml"
    sample = min((PROJECT / "sample_data" / "orders" / "2026-11-01").glob("*.csv"))
    assert simulate_nights(spec, "market_research", tmp_path / "state", "")["nights_left"] >= 7
    told = run_statistics(
        StatsOrder(
            spec, {"orders": sample}, "market_research", tmp_path / "out", tmp_path / "state", leave_out=0.05
        )
    )
    assert told.tables == ({"name": "sales", "rows": {"noised": 8}},)


def test_a_crash_before_publishing_is_finished_by_a_plain_rerun(shop):
    class Killed(Exception):
        pass

    def after(step):
        if step == "stored":
            raise Killed

    with pytest.raises(Killed):
        run_statistics(order(shop), after)
    assert not (shop / "out" / "market").exists()
    told = run_statistics(order(shop))
    assert not told.new and (shop / "out" / "market" / "sales" / "_SUCCESS").exists()
    (one,) = releases_of(shop / "state", None)
    assert one["state"] == "published"
