"""The ledger: charged before it is drawn, drawn once, never beyond the limit, never set back unnoticed."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from pipeline.config.dp_models import Budget
from pipeline.errors import BudgetExhausted, CheckFailed, InternalError, JobWrong
from pipeline.state import open_state
from pipeline.state.budget import open_budget
from pipeline.state.budget_accounting import Loss, pure_loss
from pipeline.state.budget_events import Charge, Release
from pipeline.state.budget_limits import bucket
from pipeline.state.budget_serving import mark_published, serve
from pipeline.state.budget_store import content_files, read_content, store_content

BUDGET = Budget.model_validate(
    {"recipient": {"epsilon": 2, "delta": 1e-6}, "overall": {"epsilon": 3, "delta": 1e-6}}
)
STEPS = ("charged", "anchored", "drawn", "written", "stored")


def release(night: int = 1, recipient: str = "market", period: str = "") -> Release:
    return Release(recipient, "orders", period, "5" * 64, f"{night:064x}")


def drawn(number: int) -> dict[str, bytes]:
    return {"statistics/s.csv": os.urandom(16), "manifest.json": b"%d" % number}


class House:
    """A state, a place to publish, and noise that is new at every draw."""

    def __init__(self, root: Path, out: str = "out") -> None:
        self.root, self.out = root / "state", root / out

    def serve(
        self,
        one: Release,
        loss: Loss | None = None,
        budget: Budget = BUDGET,
        after=lambda step: None,
        begin=None,
    ):
        store = open_state(self.root)
        with store.lock():
            ledger = open_budget(store)
            served = serve(
                store,
                ledger,
                self.out,
                Charge(one, "noise", pure_loss(1.0) if loss is None else loss, budget),
                begin or (lambda: drawn),
                after,
            )
            mark_published(ledger, self.out, one)
        return served

    def events(self):
        return open_budget(open_state(self.root)).events()

    def charges(self, recipient: str = "market") -> int:
        return sum(event.kind == "charged" and event.recipient == recipient for event in self.events())


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_the_same_release_is_served_again_byte_for_byte_at_no_charge(house):
    first, again = house.serve(release()), house.serve(release())
    assert first.new and not again.new and first.files == again.files
    assert house.charges() == 1


def test_a_drawn_again_release_would_differ(house, tmp_path):
    """What the test above compares is noise: another house draws another."""
    assert house.serve(release()).files != House(tmp_path / "other").serve(release()).files


def test_changed_input_is_a_new_release_and_a_new_charge(house):
    assert house.serve(release(1)).files != house.serve(release(2)).files
    assert house.charges() == 2 and [event.number for event in house.events()][::3] == [1, 2]


def test_at_the_limit_nothing_happens(house):
    house.serve(release(1))
    house.serve(release(2))
    before = house.events()
    with pytest.raises(BudgetExhausted) as refused:
        house.serve(release(3))
    assert refused.value.exit_code == 10 and "budget of recipient market" in str(refused.value)
    assert house.events() == before
    assert not house.serve(release(2)).new  # what was paid for is still served


def test_thresholds_use_up_delta(house):
    house.serve(release(1), Loss(0.001, None, 6e-7))
    with pytest.raises(BudgetExhausted, match="use up all of delta"):
        house.serve(release(2), Loss(0.001, None, 6e-7))


def test_recipients_share_the_budget_of_all(house):
    house.serve(release(1))
    house.serve(release(2))
    house.serve(release(1, "press"))
    with pytest.raises(BudgetExhausted, match="all recipients together"):
        house.serve(release(2, "press"))


def test_a_release_without_noise_needs_no_budget(house):
    for night in range(5):
        house.serve(release(night), Loss())
    assert house.charges() == 5 and all(event.loss == Loss() for event in house.events())


def test_budget_comes_back_only_where_the_policy_says_so(house):
    limit = Budget.model_validate(
        {"recipient": {"epsilon": 1, "refresh": "monthly"}, "overall": {"epsilon": 9}}
    )
    house.serve(release(1, period="2026-11-01"), budget=limit)
    with pytest.raises(BudgetExhausted):
        house.serve(release(2, period="2026-11-30"), budget=limit)
    house.serve(release(3, period="2026-12-01"), budget=limit)
    with pytest.raises(JobWrong, match="needs the date"):
        house.serve(release(4), budget=limit)
    never = Budget.model_validate({"recipient": {"epsilon": 1}, "overall": {"epsilon": 9}})
    with pytest.raises(BudgetExhausted):
        house.serve(release(5, period="2027-12-01"), budget=never)


def test_calendar_periods():
    day = "2026-11-01"
    found = [bucket(day, unit) for unit in ("never", "yearly", "quarterly", "monthly", "weekly", "daily")]
    assert found == ["", "2026", "2026-Q4", "2026-11", "2026-W44", "2026-11-01"]


# ------------------------------------------------------------------ crashes


def _killed_after(house, step):
    """Serve in a child that kills itself at a step; return nothing but what is on disk."""
    child = os.fork()
    if not child:
        house.serve(
            release(), after=lambda done: os.kill(os.getpid(), signal.SIGKILL) if done == step else None
        )
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_run_keeps_its_charge_and_a_plain_rerun_succeeds(house, step):
    _killed_after(house, step)
    assert house.charges() == 1  # kept, whatever became of the noise
    stored = step == "stored"
    kept = [path.read_bytes() for path in house.root.glob("statistics/*/statistics/s.csv")] if stored else []
    served = house.serve(release())
    assert house.charges() == 1  # and not charged twice
    assert served.new is not stored
    if stored:
        assert [served.files["statistics/s.csv"]] == kept
    assert house.serve(release()).files == served.files
    assert [event.kind for event in house.events()] == ["charged", "stored", "published"]


def test_killed_runs_at_the_limit_are_still_paid_for(house):
    house.serve(release(5))
    _killed_after(house, "charged")
    with pytest.raises(BudgetExhausted):
        house.serve(release(9, period="2026-11-02"))
    assert house.serve(release()).new


class Refused(Exception):
    """The gate found something."""


def refusing(*_):
    raise Refused


def test_what_is_refused_before_the_draw_costs_nothing(house):
    with pytest.raises(Refused):
        house.serve(release(), begin=refusing)
    assert house.events() == ()


def test_a_release_refused_after_the_draw_leaves_its_charge_to_the_next_one(house):
    """Nothing of it was stored, so nothing left: the cause removed, the same budget serves."""
    house.serve(release(7))
    with pytest.raises(Refused):
        house.serve(release(1), begin=lambda: refusing)
    assert [event.kind for event in house.events()][3:] == ["charged"]
    with pytest.raises(BudgetExhausted):  # another date, another recipient: nothing is given up for them
        house.serve(release(2, period="2026-11-02"))
    with pytest.raises(Refused):
        house.serve(release(2), begin=lambda: refusing)
    assert house.serve(release(3)).number == 4
    assert [event.kind for event in house.events()][3:] == [
        "charged", "void", "charged", "void", "charged", "stored", "published",
    ]  # fmt: skip
    with pytest.raises(BudgetExhausted):  # who was given up would have to pay anew
        house.serve(release(1))
    assert not house.serve(release(3)).new and not house.serve(release(7)).new


def test_what_was_stored_is_never_given_up(house):
    class Stop(Exception):
        pass

    def stop(step):
        if step == "stored":
            raise Stop

    with pytest.raises(Stop):
        house.serve(release(1), after=stop)
    house.serve(release(2))
    assert "void" not in [event.kind for event in house.events()] and house.charges() == 2


def test_a_larger_charge_in_the_place_of_a_smaller_one_keeps_to_the_limit(house):
    house.serve(release(7))
    with pytest.raises(Refused):
        house.serve(release(1), pure_loss(0.5), begin=lambda: refusing)
    with pytest.raises(BudgetExhausted):
        house.serve(release(2), pure_loss(1.5))
    assert house.serve(release(2), pure_loss(1.0)).new


def test_a_damaged_store_is_never_drawn_again(house):
    house.serve(release())
    next(house.root.glob("statistics/*/statistics/s.csv")).write_bytes(b"other")
    with pytest.raises(CheckFailed, match="missing or was changed"):
        house.serve(release())
    shutil.rmtree(house.root / "statistics")
    (house.root / "statistics").mkdir(mode=0o700)
    with pytest.raises(CheckFailed):
        house.serve(release())


def test_the_store_is_private(house):
    house.serve(release())
    modes = {path.stat().st_mode & 0o077 for path in (house.root / "statistics").rglob("*")}
    assert modes == {0}


def test_the_digest_of_stored_bytes_is_frozen_and_both_ways_of_reading_check_it(house):
    """Statistics of earlier versions must still be served: names in order, each part behind its length."""
    store = open_state(house.root)
    parts = (b"a/x", b"one", b"b", b"")
    expected = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
    files = {"b": b"", "a/x": b"one"}
    assert store_content(store, release().id, files) == expected
    assert read_content(store, release().id, expected) == files
    found = content_files(store, release().id, expected)
    assert {name: path.read_bytes() for name, path in found.items()} == files
    found["b"].write_bytes(b"changed")
    for reading in (read_content, content_files):
        with pytest.raises(CheckFailed, match="is missing or was changed"):
            reading(store, release().id, expected)


def test_steps_out_of_order_are_defects(house):
    store = open_state(house.root)
    ledger = open_budget(store)
    with pytest.raises(InternalError):
        ledger.stored(release(), store_content(store, release().id, {"a": b"b"}))
    ledger.charge(Charge(release(), "noise", Loss(), None))
    with pytest.raises(InternalError):
        ledger.published(release())
    with pytest.raises(InternalError):
        ledger.charge(Charge(release(), "noise", Loss(), None))


# ------------------------------------------------------------------ tampering and rollback


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET loss = '{}'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT seq, at, kind, 'x', recipient, dataset, number, period, spec_digest,"
        " input_digest, mechanism, loss, limits, content, previous, hash FROM events WHERE seq = 1",
        "UPDATE identity SET ledger = 'other'",
        "DELETE FROM identity",
    ],
)
def test_rows_are_only_appended(house, statement):
    house.serve(release())
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        sqlite3.connect(house.root / "budget.sqlite").execute(statement)


def test_a_changed_row_breaks_the_chain(house):
    house.serve(release())
    database = sqlite3.connect(house.root / "budget.sqlite")
    database.execute("DROP TRIGGER events_no_update")
    database.execute("UPDATE events SET loss = replace(loss, '1.0', '0.1') WHERE seq = 1")
    database.commit()
    with pytest.raises(CheckFailed, match="row 1 of the budget"):
        house.serve(release(2))


def test_a_removed_end_is_noticed_by_the_anchor(house):
    """The chain alone cannot see it: what is left is whole."""
    house.serve(release(1))
    house.serve(release(2))
    database = sqlite3.connect(house.root / "budget.sqlite")
    database.execute("DROP TRIGGER events_no_delete")
    database.execute("DELETE FROM events WHERE seq > 3")
    database.commit()
    open_budget(open_state(house.root))  # the chain holds
    with pytest.raises(CheckFailed, match="older than its anchor"):
        house.serve(release(3))


def test_a_state_from_a_backup_is_noticed(house, tmp_path):
    house.serve(release(1))
    shutil.copytree(house.root, tmp_path / "backup")
    house.serve(release(2))
    shutil.rmtree(house.root)
    shutil.copytree(tmp_path / "backup", house.root)
    with pytest.raises(CheckFailed, match="older than its anchor") as refused:
        house.serve(release(3))
    assert refused.value.exit_code == 1


def test_another_state_for_the_same_recipient_and_dataset_is_refused(house, tmp_path):
    house.serve(release(1))
    other = House(tmp_path / "second")
    other.out = house.out
    with pytest.raises(CheckFailed, match="from another state"):
        other.serve(release(1))
    assert other.events() == ()
    other.serve(Release("market", "devices", "", "5" * 64, "0" * 64))  # another dataset is another matter


def test_an_anchor_elsewhere_notices_a_new_state_with_a_new_place(house, tmp_path, monkeypatch):
    monkeypatch.setenv("POUCH_ANCHOR", str(tmp_path / "elsewhere"))
    house.serve(release(1))
    shutil.rmtree(house.root)
    shutil.rmtree(house.out)
    with pytest.raises(CheckFailed, match="from another state"):
        house.serve(release(1))
    monkeypatch.delenv("POUCH_ANCHOR")  # all gone together: the documented limit
    assert house.serve(release(1)).number == 1


def test_a_manifest_with_a_higher_number_is_noticed_without_any_anchor(house):
    house.serve(release(1))
    shutil.rmtree(house.out / ".anchor")
    shown = house.out / "market" / "2026-11-02"
    shown.mkdir(parents=True)
    (shown / "manifest.json").write_text(json.dumps({"kind": "statistics", "number": 2}))
    with pytest.raises(CheckFailed, match="number 2, the ledger knows 1"):
        house.serve(release(2))


def test_a_lost_ledger_is_noticed(house):
    house.serve(release(1))
    (house.root / "budget.sqlite").unlink()
    with pytest.raises(CheckFailed, match="their ledger is missing"):
        house.serve(release(1))


def test_an_anchor_that_cannot_be_read_stops(house):
    house.serve(release(1))
    (house.out / ".anchor" / "market.json").write_text("{")
    with pytest.raises(CheckFailed, match="anchor"):
        house.serve(release(2))
