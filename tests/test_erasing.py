"""Erasure from end to end: what is shredded, withheld, refused and told; and what kills, backups and runs do to it."""

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.config.loading import load_config
from pipeline.errors import CheckFailed, PouchError
from pipeline.keys import open_keyring
from pipeline.protect.known_subjects import subject_words
from pipeline.protect.subjects import subject_of
from pipeline.receipt_text import print_keys_receipt
from pipeline.release.fates import made_with_key
from pipeline.run import run_job
from pipeline.state import open_state
from pipeline.state.subject_index import holds, people_of_set, read_index
from tests import erasing_job
from tests.conftest import PROJECT
from tests.erasing_job import ERASED, OTHER, erased, reveal, rows, tokens_by_account
from tests.small_job import DATE, SmallJob, change_cells

published, job = erasing_job.published, erasing_job.job  # fixtures


def test_bytes_do_not_depend_on_workers_and_a_rerun_uses_the_same_keys(job: SmallJob) -> None:
    before = job.tree()
    store = (job.folder / "keys/keyring.json.subjects/00000001.keys").read_bytes()
    summary = run_job(
        Path("job.yaml"), DATE, out=Path("again"), state=Path("state2"), base=job.folder, workers=3
    )
    assert summary.exit_code == 0
    after = {name: data for name, data in job.tree("again").items() if "/.releases" not in name}
    assert after == {name: data for name, data in before.items() if "/.releases" not in name}
    assert (job.folder / "keys/keyring.json.subjects/00000001.keys").read_bytes() == store


def test_the_receipt_says_where_the_subject_went_and_what_becomes_of_it(job: SmallJob) -> None:
    receipt = erased(job, ERASED)
    (subject,) = receipt["subjects"]
    assert subject["key"] == "destroyed" and subject["unknown"] == []
    releases = {release["recipient"]: release for release in subject["releases"]}
    assert set(releases) == {"analysts", "courier", "shipping", "market"}
    assert {release["tree"] for release in releases.values()} == {"published here"}
    fates = {
        (name, f"{column['table']}.{column['column']}"): column["fate"]
        for name, release in releases.items()
        for column in release["columns"]
    }
    assert fates["analysts", "orders.address"] == fates["shipping", "orders.address"] == "unrecoverable"
    assert (
        fates["shipping", "orders.account_id"]
        == fates["shipping", "orders.consignee"]
        == "refused by control"
    )
    assert (
        fates["analysts", "orders.mobile"] == fates["analysts", "devices.device_id"] == "refused by control"
    )
    assert (
        fates["courier", "orders.address"]
        == fates["analysts", "orders.consignee"]
        == "in the recipient's hands"
    )
    assert releases["market"]["columns"] == [] and releases["market"]["statistics"] == ["orders: sales"]
    kept = json.loads((job.folder / ".pouch/receipts" / receipt["receipt"]).read_text())
    assert kept == {name: value for name, value in receipt.items() if name != "receipt"}


def test_who_is_in_no_release_has_a_receipt_without_releases(job: SmallJob) -> None:
    (subject,) = erased(job, "acc9999")["subjects"]
    assert (subject["releases"], subject["unknown"], subject["key"]) == ([], [], "had none")
    (minor,) = erased(job, "acc0003")["subjects"]  # under 14: withheld where consent is the basis
    assert {release["recipient"] for release in minor["releases"]} == {"courier", "shipping"}


def test_an_id_that_nobody_has_met_is_asked_about(job: SmallJob) -> None:
    """A misspelled id gets its tombstone, and whoever asked is told that it may be one."""
    for one, told in (("acc9999", True), (ERASED, False)):
        done = job.pouch("erase", "job.yaml", "--subject", one, "--reason", "request 4711")
        assert done.returncode == 0, done.stderr
        assert ("is the id written as in the inputs" in done.stdout) is told


def test_a_date_that_was_published_twice_is_named_once_on_the_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    released = {"recipient": "analysts", "date": DATE, "key_id": "k1"}
    receipt = {
        "keys": [],
        "releases": [released, released],
        "quarantines": [],
        "not_reached": "",
        "receipt": "",
    }
    print_keys_receipt(receipt, "table")
    assert capsys.readouterr().out.count("the tokens of analysts") == 1


def test_no_raw_id_is_left_anywhere_in_state_or_keys(job: SmallJob) -> None:
    done = job.pouch("erase", "job.yaml", "--subject", ERASED, "--reason", "request 4711", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert ERASED not in done.stdout + done.stderr
    for folder in (".pouch", "keys"):
        for path in (job.folder / folder).rglob("*"):
            assert ERASED not in path.name
            assert path.is_dir() or ERASED.encode() not in path.read_bytes(), path


def test_ids_come_from_a_file_or_standard_input_too(job: SmallJob) -> None:
    (job.folder / "ids").write_text(f"{ERASED}\r\n\n{OTHER}\n")
    done = job.pouch(
        "erase", "job.yaml", "--subject-file", "ids", "--reason", "request 4711", "--format", "json"
    )
    assert done.returncode == 0 and len(json.loads(done.stdout)["subjects"]) == 2
    table = job.pouch("erase", "job.yaml", "--subject-file", "ids", "--reason", "request 4711").stdout
    assert "was destroyed before" in table and "unrecoverable" in table and "--supersede" in table


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--subject", ERASED], "--reason"),
        (["--subject", ERASED, "--reason", "x"], "of at least 4 characters"),
        (["--reason", "request"], "needs a subject"),
        (["--reason", "request", "--subject", " "], "blanks"),
        (["--reason", "request", "--subject", "x", "--class", "email"], "subject is of class email"),
        (["--reason", "request", "--subject-file", "absent"], "must be a text file"),
    ],
)
def test_wrong_usage_changes_nothing(job: SmallJob, arguments: list[str], says: str) -> None:
    done = job.pouch("erase", "job.yaml", *arguments)
    assert done.returncode == 2 and says in done.stderr
    assert open_state(job.folder / ".pouch").tombstones.all() == frozenset()


def test_later_releases_withhold_the_erased_and_others_are_byte_for_byte_the_same(job: SmallJob) -> None:
    before = rows(job, "analysts")
    erased(job, ERASED)
    plain = job.run()
    assert plain.returncode == 2 and "--supersede replaces it" in plain.stderr
    done = job.run("--supersede", "--recipient", "analysts", "--format", "json")
    assert done.returncode == 0, done.stderr
    reasons = json.loads(done.stdout)["releases"][0]["tables"][1]["reasons"]["withheld"]
    assert reasons["erased"] == 5
    after = rows(job, "analysts")
    gone = [row for row in before.to_pylist() if row not in after.to_pylist()]
    assert len(gone) == 5 and len({row["account_id"] for row in gone}) == 1
    assert len(after) == len(before) - 5 and all(row in before.to_pylist() for row in after.to_pylist())
    (subject,) = erased(job, ERASED)["subjects"]
    trees = [(one["recipient"], one["tree"]) for one in subject["releases"]]
    assert trees.count(("analysts", "removed here")) == 1 and ("analysts", "published here") not in trees


def shipping_fates(subject: dict[str, Any]) -> dict[str, str]:
    """Column -> fate in the published release of shipping."""
    wanted = ("shipping", "published here")
    (release,) = [one for one in subject["releases"] if (one["recipient"], one["tree"]) == wanted]
    return {column["column"]: column["fate"] for column in release["columns"]}


def test_the_erased_are_withheld_however_their_id_is_written(job: SmallJob) -> None:
    """Files of fixed width pad ids; padded ones have other tokens, and the receipt does not claim to know them."""
    names = tokens_by_account(job, "consignee")
    change_cells(job, "account_id", lambda row, _: row["account_id"] + "   ")
    assert job.run("--supersede").returncode == 0
    before = {recipient: len(rows(job, recipient)) for recipient in ("analysts", "shipping")}
    (subject,) = erased(job, ERASED)["subjects"]
    assert subject["key"] == "destroyed"
    fates = shipping_fates(subject)
    assert fates["consignee"] == "in the key holder's hands" and fates["address"] == "unrecoverable"
    assert reveal(job, "shipping", "orders.consignee", names[ERASED][0])  # as the receipt says
    (subject,) = erased(job, ERASED, f"{ERASED}   ")["subjects"]  # one person, who is found now
    assert shipping_fates(subject)["consignee"] == "refused by control"
    with pytest.raises(PouchError, match="erased"):
        reveal(job, "shipping", "orders.consignee", names[ERASED][0])
    assert job.run("--supersede").returncode == 0
    for recipient, count in before.items():
        assert count - len(rows(job, recipient)) == 5


def test_an_id_given_with_blanks_finds_the_tokens_of_the_plain_one(job: SmallJob) -> None:
    """The receipt and `pouch reveal` look for the id without them, too."""
    names = tokens_by_account(job, "consignee")
    (subject,) = erased(job, f" {ERASED}  ")["subjects"]
    assert shipping_fates(subject)["consignee"] == "refused by control"
    with pytest.raises(PouchError, match="erased"):
        reveal(job, "shipping", "orders.consignee", names[ERASED][0])


def test_names_in_clear_tell_the_erased_persons_tokens_however_they_are_written(job: SmallJob) -> None:
    job.change("shipping.yaml", "account_id: {transform: encrypt_siv}", "account_id: {transform: keep}")
    change_cells(job, "account_id", lambda row, number: row["account_id"] + " " * (number % 3))
    assert job.run("--supersede").returncode == 0
    own = [row for row in rows(job, "shipping").to_pylist() if row["account_id"].strip() == ERASED]
    erased(job, ERASED)
    for row in own:
        with pytest.raises(PouchError, match="erased"):
            reveal(job, "shipping", "orders.consignee", row["consignee"])


def test_reveal_refuses_the_erased_and_nobody_else(job: SmallJob) -> None:
    accounts = tokens_by_account(job, "account_id")
    names, addresses = tokens_by_account(job, "consignee"), tokens_by_account(job, "address")
    erased(job, ERASED)
    for column, tokens in (("account_id", accounts), ("consignee", names), ("address", addresses)):
        with pytest.raises(PouchError, match="erased") as caught:
            reveal(job, "shipping", f"orders.{column}", tokens[ERASED][0])
        assert caught.value.exit_code == 9
        assert ERASED not in str(caught.value)
        with pytest.raises(PouchError):  # also among others'
            reveal(job, "shipping", f"orders.{column}", tokens[OTHER][0], tokens[ERASED][0])
    assert reveal(job, "shipping", "orders.account_id", accounts[OTHER][0]) == [OTHER]
    assert "Wattle Road" in reveal(job, "shipping", "orders.address", addresses[OTHER][0])[0]
    assert reveal(job, "shipping", "orders.consignee", names["acc0007"][0])


def test_bytes_that_are_no_text_are_rejected_tokens_and_no_ids(job: SmallJob) -> None:
    """As standard input gives them: lone surrogates stand for them."""
    with pytest.raises(PouchError) as caught:
        reveal(job, "shipping", "orders.consignee", "p1.\udcff\udcfe")
    assert caught.value.exit_code == 9
    done = subprocess.run(
        job.command("erase", "job.yaml", "--subject-file", "-", "--reason", "request 4711"),
        env=job.environment(LC_ALL="C"),
        input=b"\xff\xfe\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2 and b"one id a line" in done.stderr


def test_tokens_that_cannot_be_told_apart_are_not_said_to_be_refused(job: SmallJob) -> None:
    names = tokens_by_account(job, "consignee")
    shutil.move(job.folder / "releases", job.folder / "elsewhere")
    (subject,) = erased(job, ERASED)["subjects"]
    (release,) = [one for one in subject["releases"] if one["recipient"] == "shipping"]
    fates = {column["column"]: column["fate"] for column in release["columns"]}
    assert release["tree"] == "not here"
    assert fates["consignee"] == "in the key holder's hands" and fates["account_id"] == "refused by control"
    assert reveal(job, "shipping", "orders.consignee", names[ERASED][0])  # as the receipt says


def test_after_a_rotation_the_erased_stay_erased_and_old_tokens_open(job: SmallJob) -> None:
    addresses = tokens_by_account(job, "address")
    erased(job, ERASED)
    done = job.pouch("keys", "rotate", "job.yaml", "--reason", "yearly", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert reveal(job, "shipping", "orders.address", addresses[OTHER][0])
    ran = job.run("--supersede", "--recipient", "shipping", "--format", "json")
    assert json.loads(ran.stdout)["releases"][0]["tables"][0]["reasons"]["withheld"] == {"erased": 5}
    new = tokens_by_account(job, "address")
    assert set(new) == set(addresses) - {ERASED}
    assert not set(new[OTHER]) & set(addresses[OTHER])


def test_a_destroyed_key_is_exit_3_with_a_receipt_wherever_it_is_needed(job: SmallJob) -> None:
    addresses = tokens_by_account(job, "address")
    key = json.loads(job.pouch("keys", "list", "job.yaml", "--format", "json").stdout)[0]["id"]
    shutil.copytree(job.folder / "keys", job.folder / "backup")
    assert job.pouch("keys", "destroy", "job.yaml", "--key", key).returncode == 2, "no reason"
    done = job.pouch(
        "keys", "destroy", "job.yaml", "--key", key, "--reason", "end of study", "--format", "json"
    )
    receipt = json.loads(done.stdout)
    assert done.returncode == 0 and receipt["keys"][0]["state"] == "destroyed"
    closed = [one["recipient"] for one in receipt["releases"]]
    assert closed == ["analysts", "shipping"], "the courier's values are in clear, the market's are counts"
    assert (job.folder / ".pouch/receipts" / receipt["receipt"]).is_file()
    ran = job.run()
    assert ran.returncode == 3 and f"{key} was destroyed" in ran.stderr and len(ran.stderr.splitlines()) == 2
    job.pouch("keys", "rotate", "job.yaml")
    ask = ("--job", "job.yaml", "--recipient", "shipping", "--date", DATE, "--reason", "ticket 4711")
    refused = job.pouch("reveal", addresses[OTHER][0], "--column", "orders.address", *ask)
    assert refused.returncode == 3 and f"key {key} was destroyed on" in refused.stderr
    (subject,) = erased(job, OTHER)["subjects"]
    fates = {
        c["column"]: c["fate"]
        for r in subject["releases"]
        for c in r["columns"]
        if r["recipient"] == "shipping"
    }
    assert fates["consignee"] == "unrecoverable"
    shutil.copyfile(job.folder / "backup/keyring.json", job.folder / "keys/keyring.json")
    back = job.run()
    assert back.returncode == 3 and "is older than the one used before" in back.stderr


@pytest.mark.parametrize(
    ("transform", "keyed"),
    [
        ({"transform": "keyed_hash"}, True),
        ({"transform": "date_shift", "days": 30}, True),
        ({"transform": "keep"}, False),
        ({"transform": "sha256"}, False),
        ({"transform": "redact_text"}, False),
        ({"transform": "redact_text", "entities": {"EMAIL_ADDRESS": {"transform": "mask"}}}, False),
        ({"transform": "redact_text", "entities": {"PHONE_NUMBER": {"transform": "keyed_hash"}}}, True),
    ],
)
def test_a_text_holds_tokens_where_an_entity_in_it_is_one(transform: dict[str, Any], keyed: bool) -> None:
    assert made_with_key({"transform": transform}) is keyed


def test_per_subject_needs_a_subject_and_no_text(job: SmallJob) -> None:
    job.change(
        "job.yaml",
        '{path: "in/orders/{date}/*.csv", subject: account_id',
        '{path: "in/orders/{date}/*.csv", subject: none',
    )
    done = job.pouch("plan", "job.yaml")
    assert done.returncode == 2 and "per: subject needs a subject, and this table's is none" in done.stderr
    job.change("job.yaml", "subject: none", "subject: account_id")
    inner = "{mobile_phone: {transform: encrypt_siv, per: subject}}"
    texts = f"{{transform: redact_text, accept_residual: internal, entities: {inner}}}"
    job.change("analysts.yaml", "free_text: {transform: drop}", f"free_text: {texts}")
    done = job.pouch("plan", "job.yaml")
    assert done.returncode == 2 and "per: subject encrypts columns" in done.stderr


def test_index_sets_are_shared_sound_and_hold_exactly_the_released_people(job: SmallJob) -> None:
    store = open_state(job.folder / ".pouch")
    entries = {entry.recipient: entry for entry in store.ledger.entries() if entry.kind == "published"}
    indexes = {name: read_index(store, entry) for name, entry in entries.items()}
    assert entries["courier"].facts["people"] == 60 and entries["analysts"].facts["people"] < 60
    sets = {name: {t["table"]: t["set"] for t in index["tables"]} for name, index in indexes.items() if index}
    assert sets["courier"]["orders"] == sets["shipping"]["orders"] != sets["analysts"]["orders"]
    keyring = open_keyring(load_config(job.folder / "job.yaml", job.folder).job.keyring, job.folder)
    accounts = pa.array([f"acc{number:04d}" for number in range(60)])
    everybody = subject_words(keyring, subject_of("account_id", accounts)).tolist()
    assert people_of_set(store, sets["courier"]["orders"]).tolist() == sorted(everybody)
    assert set(people_of_set(store, sets["analysts"]["orders"]).tolist()) < set(everybody)
    with pytest.raises(CheckFailed, match="changed or is missing"):
        holds(store, secrets.token_hex(32), 1)


def test_an_account_of_the_sample_job_can_be_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its policies have hierarchies, notes and bands: the receipt must read every transform back."""
    for part in ("configs", "sample_data"):
        shutil.copytree(PROJECT / part, tmp_path / part)
    job = SmallJob(tmp_path)
    assert job.pouch("keys", "init", "configs/nightly.yaml").returncode == 0
    words = ("--date", "2026-11-02", "--recipient", "analysts", "--workers", "1")
    done = job.pouch("run", "configs/nightly.yaml", *words)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "sample_data/orders/2026-11-02/orders-web.csv").read_text().splitlines()[1:40]
    ids = sorted({row.split(",")[1] for row in rows})
    (tmp_path / "ids.txt").write_text("\n".join(ids) + "\n")
    told = job.pouch(
        "erase",
        "configs/nightly.yaml",
        "--subject-file",
        "ids.txt",
        "--reason",
        "ticket 1",
        "--format",
        "json",
    )
    assert told.returncode == 0, told.stderr
    held = [release for subject in json.loads(told.stdout)["subjects"] for release in subject["releases"]]
    assert {column["transform"] for release in held for column in release["columns"]} >= {
        "hierarchy",
        "keyed_hash",
    }


def test_a_keyring_that_cannot_know_the_erased_lets_nobody_through(job: SmallJob) -> None:
    """Tombstones name people under one keyring; under a new one they would be published again."""
    erased(job, ERASED, OTHER)
    shutil.rmtree(job.folder / "keys")
    assert job.pouch("keys", "init", "job.yaml").returncode == 0
    again = ("--supersede", "--recipient", "shipping")
    for known in (0, 1):
        refused = job.run(*again)
        assert refused.returncode == 3
        assert f"knows {known} of at least 2 people whose erasure this state remembers" in refused.stderr
        with pytest.raises(PouchError, match="erased under another keyring"):
            reveal(job, "shipping", "orders.account_id", "p1.k000000.AAAA")
        erased(job, (ERASED, OTHER)[known])
    done = job.run(*again)
    assert done.returncode == 0, done.stderr
    assert not {ERASED, OTHER} & tokens_by_account(job, "account_id").keys()
