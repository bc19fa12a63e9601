"""A whole job with fakes, shifted dates and coded amounts, from YAML to `pouch verify`."""

import datetime as dt
import json
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import protect_frame
from pipeline.config.loading import load_config
from pipeline.keys import open_keyring
from tests.small_job import CITIES, DATE, KEK, NAMES, SmallJob, make_job, phone
from transforms.surrogate_corpus import SurrogateText

POLICY = """policy: analysts
rules:
  order_id: {transform: keyed_hash}
  account_id: {transform: keyed_hash}
  device_id: {transform: keyed_hash}
  person_name: {transform: surrogate, locale: en_AU}
  mobile_phone: {transform: surrogate, locale: en_AU}
  postal_address: {transform: surrogate, locale: en_AU}
  birth_date: {transform: date_shift}
  city: {transform: keep}
  amount: {transform: top_bottom_code, bottom: 5, top: 60}
  order_time: {transform: truncate_time, unit: hour}
  free_text: {transform: drop}
  device_model: {transform: keep}
  other: {transform: keep}
"""


def birth_date(person: int) -> dt.date:
    return dt.date(1950, 1, 1) + dt.timedelta(days=331 * person)


def with_birth_dates(job: SmallJob) -> SmallJob:
    """The small job with a birth date in every order."""
    for path in (job.folder / "in" / "orders" / DATE).glob("*.csv"):
        frame = pd.read_csv(path, dtype=str)
        frame["born"] = [birth_date(int(account[3:])).isoformat() for account in frame["account_id"]]
        frame.to_csv(path, index=False)
    job.change("catalog.yaml", "  channel: other\n", "  channel: other\n  born: birth_date\n")
    (job.folder / "analysts.yaml").write_text(POLICY, encoding="utf-8")
    return job


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The job, run once."""
    job = with_birth_dates(make_job(tmp_path_factory.mktemp("surrogates")))
    second = "  - {recipient: partner, purpose: analytics, basis: consent, policy: analysts.yaml, tables: [orders]}\n"
    job.change("job.yaml", "releases:\n", f"releases:\n{second}")
    ran = job.run("--recipient", "analysts")
    assert ran.returncode == 0, ran.stderr
    ran = job.run("--recipient", "partner")
    assert ran.returncode == 0, ran.stderr
    return job


def published(job: SmallJob, recipient: str, table: str) -> pd.DataFrame:
    return pq.read_table(job.folder / "releases" / recipient / DATE / "data" / table).to_pandas()


def test_one_person_has_one_fake_in_both_tables(made):
    """Orders and devices join on tokens of the account; so do their fake phones. Names stay with the account."""
    orders, devices = published(made, "analysts", "orders"), published(made, "analysts", "devices")
    for column in ("consignee", "mobile", "address"):
        assert (orders.groupby("account_id")[column].nunique() == 1).all()
    by_account = orders.groupby("account_id")["mobile"].first()
    seen = devices.dropna(subset=["account_id"]).groupby("account_id")["msisdn"].agg(set)
    common = seen.index.intersection(by_account.index)
    assert len(common) > 30
    assert all(seen[account] == {by_account[account]} for account in common)


def test_nothing_of_the_source_is_left(made):
    """Every cell is in its corpus; no raw name, street or phone stands in any published file."""
    orders = published(made, "analysts", "orders")
    for column, kind in (("consignee", "person_name"), ("mobile", "phone"), ("address", "postal_address")):
        assert all(
            SurrogateText(kind, ("en_AU",), "any").holds(pa.array(orders[column], pa.string())).to_pylist()
        )
    everything = b"".join(content for name, content in made.tree().items() if name.startswith("analysts"))
    raw = [*NAMES, *(phone(person) for person in range(60)), "Wattle Road, Unit"]
    assert not [value for value in raw if value.encode() in everything]


def test_two_recipients_share_no_fakes_but_by_chance(made):
    """The same 50 people: their names agree at most once."""
    ours, theirs = (set(published(made, name, "orders")["consignee"]) for name in ("analysts", "partner"))
    assert len(ours) > 40
    assert len(ours & theirs) <= 1


def test_birth_dates_moved_by_one_offset_each_and_amounts_are_coded(made):
    """No birth date stays; each account has one; amounts lie between the bounds."""
    orders = published(made, "analysts", "orders")
    real = {birth_date(person) for person in range(60)}
    assert (orders.groupby("account_id")["born"].nunique() == 1).all()
    assert len(set(orders["born"]) & real) < 5
    assert all(min(abs((born - one).days) for one in real) <= 365 for born in orders["born"])
    assert orders["amount"].min() == 5 and orders["amount"].max() == 60


def test_the_release_verifies_and_names_what_it_holds(made):
    """Membership is proved again from the manifest; the recipient is told that names are made up."""
    checked = made.pouch("verify", f"releases/analysts/{DATE}")
    assert checked.returncode == 0, checked.stderr
    package = (made.folder / "releases" / "analysts" / DATE / "datapackage.json").read_text(encoding="utf-8")
    assert "made-up person name, one of 182,000" in package
    manifest = json.loads((made.folder / "releases" / "analysts" / DATE / "manifest.json").read_text())
    assert "surrogate" in json.dumps(manifest) and "pseudonymization" in json.dumps(manifest)


def test_a_rerun_elsewhere_gives_the_same_bytes(made, tmp_path):
    """Fakes and offsets depend on keys and subjects alone, not on workers or hash seed."""
    again = made.run(
        "--recipient", "analysts", "--out", "again", "--state", "state2", "--workers", "1", PYTHONHASHSEED="7"
    )
    assert again.returncode == 0, again.stderr
    first = {name: data for name, data in made.tree().items() if name.startswith("analysts")}
    assert {name: data for name, data in made.tree("again").items() if name.startswith("analysts")} == first


def test_a_notebook_gets_the_same_fakes(made, monkeypatch):
    """`protect_frame` with the account as subject agrees with the nightly job."""
    monkeypatch.chdir(made.folder)
    monkeypatch.setitem(os.environ, "POUCH_KEK", KEK)
    keyring = open_keyring(load_config(made.folder / "job.yaml", made.folder).job.keyring, made.folder)
    frame = pd.DataFrame(
        {
            "account_id": ["acc0001", "acc0002", "acc0001"],
            "consignee": ["x", None, "y"],
            "born": [dt.date(2000, 1, 1)] * 3,
        }
    )
    rules = {
        "account_id": {"transform": "keyed_hash"},
        "person_name": {"transform": "surrogate", "locale": "en_AU"},
        "birth_date": {"transform": "date_shift"},
    }
    catalog = {"account_id": "account_id", "consignee": "person_name", "born": "birth_date"}
    made_frame = protect_frame(
        frame,
        policy={"rules": rules},
        catalog=catalog,
        keyring=keyring,
        recipient="analysts",
        purpose="analytics",
        subject="account_id",
    )
    orders = published(made, "analysts", "orders").set_index("account_id")
    name, born = made_frame["consignee"], made_frame["born"]
    assert name[0] == name[2] == orders.loc[made_frame["account_id"][0], "consignee"].iloc[0]
    assert pd.isna(name[1])
    night = orders.loc[made_frame["account_id"][0], "born"].iloc[0] - birth_date(1)
    assert born[0] - dt.date(2000, 1, 1) == born[2] - dt.date(2000, 1, 1) == night


# ------------------------------------------------------------------ refusals


def test_dates_of_the_night_are_not_shifted(made):
    """The folder is named by the day: an order time beside it would tell the offset. Exit 5, before any row."""
    old, new = "{transform: truncate_time, unit: hour}", "{transform: date_shift}"
    made.change("analysts.yaml", old, new)
    try:
        for ran in (made.pouch("plan", "job.yaml", "--date", DATE), made.run("--supersede")):
            assert ran.returncode == 5
            assert "lie 100% within 30 days of the release's date" in ran.stderr
    finally:
        made.change("analysts.yaml", new + "\n  free_text", old + "\n  free_text")


@pytest.mark.long
def test_every_row_is_counted_where_the_sample_misleads(tmp_path):
    """The heads of the files are old dates, most of the rest is of the night: the gate stops what the plan let pass."""
    job = with_birth_dates(make_job(tmp_path, orders=40_000))
    job.change("catalog.yaml", "born: birth_date", "born: date")  # the young would be withheld
    job.change("analysts.yaml", "  birth_date: {transform: date_shift}", "  date: {transform: date_shift}")
    for path in (job.folder / "in" / "orders" / DATE).glob("*.csv"):
        frame = pd.read_csv(path, dtype=str)
        assert path.stat().st_size * 9_000 / len(frame) > 2**20  # the sample ends inside the first 9,000 rows
        frame.loc[frame.index >= 9_500, "born"] = DATE
        frame.to_csv(path, index=False)
    ran = job.run("--recipient", "analysts")
    assert ran.returncode == 7, ran.stderr
    assert "orders.born: lies 5" in ran.stderr and "rule shifted" in ran.stderr
    assert not list((job.folder / "releases").glob("analysts/*"))


def test_a_date_that_many_share_is_told(made, tmp_path):
    """A default such as 1970-01-01 gives the offsets of its subjects away: a warning with the share."""
    path = made.folder / "in" / "orders" / DATE / "a.csv"
    kept = path.read_text(encoding="utf-8")
    frame = pd.read_csv(path, dtype=str)
    frame.loc[frame.index % 2 == 0, "born"] = "1970-01-01"
    frame.to_csv(path, index=False)
    try:
        planned = " ".join(made.pouch("plan", "job.yaml", "--date", DATE).stdout.split())
        assert "analysts.orders.born: 25% of 300 sampled values are one and the same day, of" in planned
        assert frame.shape[0] == 150
    finally:
        path.write_text(kept, encoding="utf-8")


def test_phones_of_a_country_without_fiction_range_are_refused(made):
    """Exit 5 with the locales that have one."""
    old = "mobile_phone: {transform: surrogate, locale: en_AU}"
    made.change("analysts.yaml", old, old.replace("en_AU", "zh_CN"))
    try:
        ran = made.pouch("plan", "job.yaml")
        assert ran.returncode == 5
        assert "name one of de_DE, en_AU, en_GB, en_US, fr_FR" in ran.stderr
    finally:
        made.change("analysts.yaml", old.replace("en_AU", "zh_CN"), old)


def test_cities_are_still_cities(made):
    """What the policy keeps is kept."""
    assert set(published(made, "analysts", "orders")["city"]) <= set(CITIES)
