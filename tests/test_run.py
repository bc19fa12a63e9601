"""The whole run from the command line: contracts, exit codes, reruns, isolation of releases."""

import csv
import io
import json
import shutil
import subprocess

import pyarrow.parquet as pq
import pytest

from tests.small_job import DATE, NAMES, SmallJob, make_job, phone


@pytest.fixture
def job(tmp_path) -> SmallJob:
    return make_job(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> SmallJob:
    """One finished run that tests only look at."""
    job = make_job(tmp_path_factory.mktemp("done"))
    finished = job.run("--format", "json")
    assert finished.returncode == 0, finished.stderr
    (job.folder / "stdout").write_text(finished.stdout)
    return job


def tables(job: SmallJob, recipient: str) -> dict[str, dict[str, object]]:
    record = job.record()
    release = next(r for r in record["releases"] if r["recipient"] == recipient)
    return {table["table"]: table for table in release["tables"]}


# ------------------------------------------------------------------ what is published


def test_the_published_tree_is_the_contract(done):
    files = set(done.tree())
    beside = {"manifest.json", "datapackage.json", "SHA256SUMS", "_SUCCESS"}
    for recipient, data in {
        "analysts": {"data/orders/part-00000.parquet", "data/devices/part-00000.parquet"},
        "courier": {"data/orders/part-00000.csv"},
        "market": {"statistics/sales.csv", "statistics/sales.parquet"},
    }.items():
        assert {f"{recipient}/{DATE}/{name}" for name in data | beside} <= files
        link = done.folder / "releases" / recipient / DATE
        assert link.is_symlink() and str(link.readlink()).startswith(".releases/")
    assert not list((done.folder / "releases").glob(".staging-*"))


def test_sha256sums_can_be_checked_by_the_usual_tool(done):
    links = sorted((done.folder / "releases").glob(f"*/{DATE}"))
    assert {link.parent.name for link in links} == {"analysts", "courier", "market"}
    for link in links:
        subprocess.run(
            [shutil.which("sha256sum") or "sha256sum", "--check", "--quiet", "SHA256SUMS"],
            cwd=link,
            check=True,
        )


def test_rows_are_conserved_with_reasons(done):
    for recipient in ("analysts", "courier", "market"):
        for table in tables(done, recipient).values():
            gone = sum(
                table[f"rows_{kind}"] for kind in ("published", "suppressed", "quarantined", "withheld")
            )
            assert table["rows_read"] == gone == 300
    withheld = tables(done, "analysts")["orders"]["reasons"]["withheld"]
    assert withheld == {"minor": 5, "no_consent": 30}
    assert tables(done, "courier")["orders"]["rows_withheld"] == 0


def test_tables_of_one_recipient_join_and_tokens_are_no_values(done):
    folder = done.folder / "releases" / "analysts" / DATE / "data"
    orders, devices = pq.read_table(folder / "orders"), pq.read_table(folder / "devices")
    assert set(devices["msisdn"].to_pylist()) == set(orders["mobile"].to_pylist()), "one phone, one token"
    named = {account for account in devices["account_id"].to_pylist() if account}
    assert named == set(orders["account_id"].to_pylist())
    assert all(len(token) == 32 for token in orders["mobile"].to_pylist())


def test_no_raw_value_is_published_to_analysts_or_kept_in_state_or_printed(done):
    """Raw values live in record batches only; the courier's contract is the one exception."""
    secrets = [phone(person) for person in range(60)] + [phone(p).removeprefix("+61") for p in range(60)]
    secrets += [*NAMES, "Wattle Road"]
    places = {name: content for name, content in done.tree().items() if not name.startswith("courier/")}
    places |= {str(f): f.read_bytes() for f in (done.folder / ".pouch").rglob("*") if f.is_file()}
    places["stdout"] = (done.folder / "stdout").read_bytes()
    for place, content in places.items():
        for secret in secrets:
            assert secret.encode() not in content, place


def test_recipient_facing_files_hold_nothing_internal(done):
    for name, content in done.tree().items():
        if name.endswith((".json", "SHA256SUMS")):
            for word in (b"in/orders", str(done.folder).encode(), b"withheld", b"quarantin", b"keyring"):
                assert word not in content, (name, word)


def test_the_courier_gets_exactly_the_contract_in_an_order_that_is_not_the_inputs(done):
    text = done.tree()[f"courier/{DATE}/data/orders/part-00000.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["order_number", "consignee", "mobile", "address"]
    numbers = [row["order_number"] for row in rows]
    assert len(set(numbers)) == 300 and numbers != sorted(numbers)


def test_statistics_hide_small_cells_and_say_how(done):
    rows = list(csv.DictReader(io.StringIO(done.tree()[f"market/{DATE}/statistics/sales.csv"].decode())))
    assert {row["city"] for row in rows} >= {"Sydney", "Perth", "Hobart"}
    for row in rows:
        assert (row["status"] == "suppressed") == (row["people"] == "")
        assert row["people"] == "" or int(row["people"]) >= 5
    assert b"audited by linear programs" in done.tree()[f"market/{DATE}/manifest.json"]


def test_verify_accepts_what_was_published_and_notices_one_changed_byte(job):
    assert job.run().returncode == 0
    assert job.pouch("verify", f"releases/courier/{DATE}").returncode == 0
    part = (job.folder / "releases/courier" / DATE).resolve() / "data/orders/part-00000.csv"
    part.chmod(0o640)
    part.write_bytes(part.read_bytes().replace(b"SO00000001", b"SO00000002"))
    assert job.pouch("verify", f"releases/courier/{DATE}").returncode == 1


# ------------------------------------------------------------------ reruns


@pytest.mark.parametrize(
    "changes",
    [
        {"workers": "1"},
        {"workers": "4", "TZ": "Asia/Shanghai", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
    ],
    ids=["one worker", "four workers, another zone, locale and hash seed"],
)
def test_bytes_do_not_depend_on_the_machine(done, changes):
    changes = dict(changes)
    workers = changes.pop("workers")
    finished = done.run(
        "--workers", workers, "--out", f"again-{workers}", "--state", f"state-{workers}", **changes
    )
    assert finished.returncode == 0, finished.stderr
    assert done.tree(f"again-{workers}") == done.tree()


def test_a_rerun_with_equal_inputs_touches_nothing(job):
    assert job.run().returncode == 0
    before = {path: path.lstat().st_mtime_ns for path in (job.folder / "releases").rglob("*")}
    again = job.run("--format", "json")
    assert again.returncode == 0
    assert [release["status"] for release in json.loads(again.stdout)["releases"]] == ["unchanged"] * 3
    assert before == {path: path.lstat().st_mtime_ns for path in (job.folder / "releases").rglob("*")}


def test_changed_inputs_stop_until_supersede(job):
    assert job.run("--recipient", "courier").returncode == 0
    old = job.tree()
    job.change(f"in/orders/{DATE}/a.csv", "SO00000001", "SO00009999")
    refused = job.run("--recipient", "courier")
    assert refused.returncode == 2 and "--supersede" in refused.stderr
    assert job.tree() == old
    assert job.run("--recipient", "courier", "--supersede").returncode == 0
    assert b"SO00009999" in job.tree()[f"courier/{DATE}/data/orders/part-00000.csv"]
    assert len(list((job.folder / "releases/courier/.releases").iterdir())) == 1, (
        "the superseded tree is gone"
    )


def test_published_statistics_are_replaced_on_demand_only(job):
    """A changed order number changes no figure: the new release has the old one's tables, and a number of its own."""
    assert job.run("--recipient", "market").returncode == 0
    old = job.tree()
    job.change(f"in/orders/{DATE}/a.csv", "SO00000001", "SO00009999")
    refused = job.run("--recipient", "market")
    assert refused.returncode == 2 and "--supersede replaces it" in refused.stderr
    assert job.tree() == old
    assert job.run("--recipient", "market", "--supersede").returncode == 0
    new = job.tree()
    tables = [name for name in old if "/statistics/" in name]
    assert tables and all(new[name] == old[name] for name in tables)
    numbers = [json.loads(tree[f"market/{DATE}/manifest.json"])["number"] for tree in (old, new)]
    assert numbers == [1, 2]


def test_a_withdrawal_needs_supersede_and_an_older_consent_file_is_refused(job):
    assert job.run("--recipient", "analysts").returncode == 0
    with (job.folder / "in/consent.csv").open("a") as file:
        file.write("acc0001,analytics,false,2026-10-30,\n")
    assert job.run("--recipient", "analysts").returncode == 2
    assert job.run("--recipient", "analysts", "--supersede").returncode == 0
    assert tables(job, "analysts")["orders"]["reasons"]["withheld"]["no_consent"] == 35
    job.change("in/consent.csv", "acc0001,analytics,false,2026-10-30,\n", "")
    older = job.run("--recipient", "analysts", "--supersede")
    assert older.returncode == 2 and "newest export" in older.stderr


def test_a_dry_run_publishes_nothing(job):
    dry = job.run("--dry-run", "--format", "json")
    assert dry.returncode == 0
    assert json.loads(dry.stdout)["releases"][0]["tables"][0]["rows_published"] > 0
    assert job.tree() == {}


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("code", "file", "old", "new", "says"),
    [
        (2, "analysts.yaml", "  city: {transform: keep}\n", "", "no rule for class city"),
        (2, "courier.yaml", "mobile, address]", "mobile]", "contract does not list it"),
        (
            2,
            "analysts.yaml",
            "mobile_phone: {transform: keyed_hash}",
            "mobile_phone: {transform: sha256}",
            "accept_weakness",
        ),
        (2, "statistics.yaml", "measures:", "totals: [town]\n    measures:", "town is no dimension"),
        (4, "job.yaml", "consent: {path: in/consent.csv}", "consent: {path: in/nowhere.csv}", "consent"),
        (4, "job.yaml", "in/orders/", "in/order/", "no file matches"),
        (
            5,
            "analysts.yaml",
            "mobile_phone: {transform: keyed_hash}",
            "mobile_phone: {transform: ip_prefix}",
            "does not suit",
        ),
        (11, "catalog.yaml", "  channel: other\n", "", "channel is not in the catalog"),
        (11, "catalog.yaml", "model: device_model", "modell: device_model", "model"),
    ],
)
def test_refusals_come_before_anything_is_published(job, code, file, old, new, says):
    job.change(file, old, new)
    finished = job.run()
    assert finished.returncode == code, finished.stderr
    assert says in finished.stderr
    assert job.tree() == {}


def test_a_missing_or_wrong_key_is_exit_3_before_any_row(job):
    assert job.run(POUCH_KEK="ab" * 31 + "cd").returncode == 3
    assert job.run(POUCH_KEK="").returncode == 3
    (job.folder / "keys/keyring.json").unlink()
    missing = job.run()
    assert missing.returncode == 3 and "keys init" in missing.stderr
    assert job.tree() == {} and not (job.folder / "keys/keyring.json").exists()


def test_a_leak_blocks_its_release_only_and_is_named_without_its_value(job):
    """A kept column of the class `other` that holds the row's own phone: the policy is at fault, the gate sees it."""
    assert job.run().returncode == 0
    before = job.tree()
    path = job.folder / f"in/orders/{DATE}/a.csv"
    path.write_text(path.read_text().replace(",web\n", f",{phone(13)}\n"))
    finished = job.run("--supersede", "--recipient", "analysts")
    assert finished.returncode == 7, finished.stderr
    assert "analysts.orders.channel" in finished.stderr
    assert phone(13) not in finished.stderr + finished.stdout
    assert job.tree() == before
    assert job.run("--supersede", "--recipient", "courier").returncode == 0, (
        "the courier does not get that column"
    )


def test_malformed_records_are_quarantined_and_revealed_only_with_a_reason(job):
    with (job.folder / f"in/orders/{DATE}/b.csv").open("a") as file:
        file.write('SO77,acc0001,Eva "Secretname,too,few\n')
    assert job.run("--recipient", "courier").returncode == 0
    assert tables(job, "courier")["orders"]["rows_quarantined"] == 1
    state = b"".join(f.read_bytes() for f in (job.folder / ".pouch").rglob("*") if f.is_file())
    assert b"Secretname" not in state
    assert job.pouch("reveal", "--job", "job.yaml", "--quarantine", "latest").returncode == 2
    shown = job.pouch(
        "reveal", "--job", "job.yaml", "--quarantine", "latest", "--reason", "repair of the feed"
    )
    assert shown.returncode == 0 and "Secretname" in json.loads(shown.stdout)["raw"]


def test_more_bad_records_than_good_ones_refuse_the_table(job):
    for name in ("a", "b"):
        path = job.folder / f"in/orders/{DATE}/{name}.csv"
        header, _, rest = path.read_text().partition("\n")
        path.write_text(header + "\n" + rest.replace(",", ";"))
    finished = job.run("--recipient", "courier")
    assert finished.returncode == 4 and "delimiter" in finished.stderr
    assert job.tree() == {}


def test_reveal_turns_tokens_back_only_for_their_recipient_column_and_epoch(job):
    assert job.run("--recipient", "analysts").returncode == 0
    token = pq.read_table(job.folder / "releases/analysts" / DATE / "data/orders")["address"][0].as_py()
    ask = ["--job", "job.yaml", "--recipient", "analysts", "--date", DATE, "--reason", "ticket 4711"]
    shown = job.pouch("reveal", token, "--column", "orders.address", *ask)
    assert shown.returncode == 0 and "Wattle Road" in shown.stdout
    assert job.pouch("reveal", token, "--column", "orders.mobile", *ask).returncode == 9
    broken = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    rejected = job.pouch("reveal", broken, "--column", "orders.address", *ask)
    assert rejected.returncode == 9 and "Wattle" not in rejected.stderr
    assert job.pouch("reveal", token, "--column", "orders.address", *ask[:-2]).returncode == 2, (
        "no reason, no value"
    )


@pytest.mark.parametrize("command", ["risk", "diff", "retain"])
def test_what_is_not_built_yet_refuses_by_name(done, command):
    finished = done.pouch(*command.split(), "job.yaml")
    assert finished.returncode == 2
    assert f"pouch {command} is not built yet" in finished.stderr


@pytest.mark.parametrize(
    "arguments", [["run", "job.yaml"], ["nonsense"], ["run", "job.yaml", "--date", "yesterday"]]
)
def test_wrong_usage_is_exit_2(done, arguments):
    assert done.pouch(*arguments).returncode == 2


def test_the_label_says_honestly_what_the_rows_are(done):
    courier = json.loads(done.tree()[f"courier/{DATE}/manifest.json"])
    analysts = json.loads(done.tree()[f"analysts/{DATE}/manifest.json"])
    assert courier["label"].startswith("identified rows")
    assert analysts["label"].startswith("de-identified rows") and "not anonymized" in analysts["label"]


def test_a_run_that_stopped_leaves_a_report_that_says_why(job):
    for name in ("a", "b"):
        path = job.folder / f"in/orders/{DATE}/{name}.csv"
        header, _, rest = path.read_text().partition("\n")
        path.write_text(header + "\n" + rest.replace(",", ";"))
    assert job.run("--recipient", "courier").returncode == 4
    told = job.pouch("report", "latest")
    assert told.returncode == 0 and "ended with 4" in told.stdout and "could not be read" in told.stdout
