"""The local engine: keys over a pipe only, results in order, and no value, leftover or hang when children fail."""

import os
import pickle
import secrets as random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.engines import starting
from pipeline.engines.local import LocalEngine
from pipeline.engines.order import part_order, row_order
from pipeline.engines.work import Secrets
from pipeline.errors import Drift, InternalError, JobWrong, PublishFailed
from pipeline.events import Silent
from pipeline.intake import Cut
from pipeline.intake.model import Slice
from tests.engine_works import Die, Fail, Look, square
from transforms import Keyring

MASTER = bytes.fromhex("5c" * 31 + "01")


def keys() -> Secrets:
    return Secrets(Keyring({"k000001": MASTER}, "k000001"), random.token_bytes(32), random.token_bytes(16))


def cut_of(table: str, slices: int) -> Cut:
    made = tuple(Slice(table, index, (), 10 - index) for index in range(slices))
    return Cut(table, (), made, tuple((index,) for index in range(slices)), ())


FRESH = starting._fresh  # before conftest.py replaces it


@pytest.fixture
def children_are_fresh(monkeypatch):
    """As in a notebook, which has threads: a start of a second that not every test needs."""
    monkeypatch.setattr(starting, "_fresh", FRESH)


@pytest.fixture
def engine(tmp_path):
    with LocalEngine(2) as engine:
        engine.unlock(keys(), tmp_path)
        yield engine


@pytest.mark.usefixtures("children_are_fresh")
def test_results_come_by_table_and_slice_whoever_made_them(engine):
    seen = engine.map_slices(Look(), [cut_of("orders", 5), cut_of("devices", 3)], Silent())
    assert [(s.table, s.index) for s in seen] == [("devices", i) for i in range(3)] + [
        ("orders", i) for i in range(5)
    ]
    assert len({s.pid for s in seen}) == 2


def test_what_is_done_meanwhile_is_done_once_when_all_slices_are_handed_out(engine):
    """Six slices, two children: the last is handed out when four or five results have come."""
    came = []
    engine.map_slices(
        Look(),
        [cut_of("orders", 6)],
        Silent(),
        meanwhile=lambda: came.append("meanwhile"),
        each=lambda seen: came.append(seen.index),
    )
    assert came.count("meanwhile") == 1
    assert 4 <= came.index("meanwhile") <= 5
    assert sorted(came, key=str) == [0, 1, 2, 3, 4, 5, "meanwhile"]


@pytest.mark.usefixtures("children_are_fresh")
def test_keys_reach_children_and_stand_in_neither_arguments_nor_environment(engine):
    for seen in engine.map_slices(Look(), [cut_of("orders", 2)], Silent()):
        assert seen.check_value == keys().keyring.check_value()
        assert b"pipeline.engines.worker" in seen.command_line, "a process of its own"
        for text in (seen.command_line, seen.environment):
            assert MASTER not in text and MASTER.hex().encode() not in text


def test_keys_have_no_pickle_and_no_repr():
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(keys())
    assert MASTER.hex() not in repr(keys()) and "\\x5c" not in repr(keys())


@pytest.mark.usefixtures("children_are_fresh")
def test_a_killed_worker_stops_the_run_with_one_sentence(tmp_path):
    with pytest.raises(InternalError, match="signal 9"), LocalEngine(2) as engine:
        engine.unlock(keys(), tmp_path)
        engine.map_slices(Die(), [cut_of("orders", 4)], Silent())
    assert all(child.process.poll() is not None for child in engine._children)


@pytest.mark.parametrize(("how", "error"), [("foreign", InternalError), ("disk", PublishFailed)])
def test_errors_of_others_travel_without_their_message(engine, how, error):
    with pytest.raises(error) as caught:
        engine.map_slices(Fail(how), [cut_of("orders", 1)], Silent())
    assert "13800138000" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_of_several_failures_the_smallest_code_wins(engine):
    with pytest.raises(JobWrong) as caught:
        engine.map_slices(Fail("mixed"), [cut_of("orders", 2)], Silent())
    assert {problem.code for problem in caught.value.problems} == {JobWrong.code, Drift.code}


def test_grouping_runs_in_a_child(engine):
    assert engine.group(square, 12) == 144


def test_interrupting_the_parent_ends_the_children(tmp_path):
    """Ctrl-C reaches the whole process group; the children leave it to the parent, who ends them."""
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.test_engines_local import *\n"
        "with LocalEngine(2) as e:\n"
        "    e.unlock(keys(), Path(sys.argv[1]))\n"
        "    print(*[c.process.pid for c in e._children], flush=True)\n"
        "    e.map_slices(Sleep(), [cut_of('orders', 2)], Silent())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.wait(20) != 0
    for child in children:
        assert (
            not Path(f"/proc/{child}").exists()
            or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1]
        )


# ------------------------------------------------------------------ order


def orders(recipient: str, rows: int = 5000) -> np.ndarray:
    keyring = keys().keyring
    return row_order(
        keyring, (recipient, "purpose", "2026-11-01"), "orders", 0, pa.array(np.arange(rows))
    ).to_numpy()


def test_the_order_is_a_permutation_and_repeats():
    assert sorted(orders("analysts")) == list(range(5000))
    assert (orders("analysts") == orders("analysts")).all()


def test_aligning_two_recipients_by_position_does_no_better_than_chance():
    """Expected matches by chance: 1 of n rows; 12 or more happen with probability below 10^-9."""
    first, second = orders("analysts"), orders("courier")
    assert (first == second).sum() < 12
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.09
    assert abs(np.corrcoef(first, np.arange(5000))[0, 1]) < 0.09, "the input's order shows"
    assert (np.arange(5000) == np.arange(5000)).sum() == 5000, "without permutation the attack wins"


def test_parts_stand_in_keyed_order():
    keyring = keys().keyring
    ours = part_order(keyring, ("analysts", "p", "2026-11-01"), "orders", 50)
    theirs = part_order(keyring, ("courier", "p", "2026-11-01"), "orders", 50)
    assert sorted(ours) == list(range(50))
    assert (ours != theirs).any() and (ours != np.arange(50)).any()
