"""One run at a time, and a dead run holds nothing."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LockHeld, PublishFailed
from pipeline.state import open_state
from tests.conftest import PROJECT

HOLD = """
import sys, time
from pathlib import Path
from pipeline.state import open_state
with open_state(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""

HOLD_WITH_FORKED_CHILD = """
import os, sys, time
from pathlib import Path
from pipeline.state import open_state
with open_state(Path(sys.argv[1])).lock():
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)  # by the child: what it does behind the fork is done then
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


def start(script: str, state: Path) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(state)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    holder, _ = start(HOLD, tmp_path / "state")
    try:
        with pytest.raises(LockHeld, match=rf"process {holder.pid}, since \d{{4}}-\d\d-\d\dT") as caught:
            second_holder(tmp_path)
        assert caught.value.exit_code == 12
    finally:
        holder.kill()
        holder.communicate()


def test_a_lock_that_cannot_be_opened_is_exit_8_and_nothing_of_the_path_is_told(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    (state.root / "lock").mkdir()
    with pytest.raises(PublishFailed, match="lock: the lock cannot be opened") as caught, state.lock():
        pass
    assert caught.value.exit_code == 8 and str(tmp_path) not in str(caught.value)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    holder, _ = start(HOLD, tmp_path / "state")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with open_state(tmp_path / "state").lock():
        pass


def test_a_forked_child_does_not_keep_its_killed_parents_lock(tmp_path: Path) -> None:
    """A forked child shares the parent's open files; without care the lock would outlive the run."""
    holder, line = start(HOLD_WITH_FORKED_CHILD, tmp_path / "state")
    child = int(line)
    try:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        os.kill(child, 0)  # still there
        with open_state(tmp_path / "state").lock():
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        holder.communicate()


def test_a_forked_child_that_leaves_the_block_frees_nothing_and_touches_no_other_file(tmp_path: Path) -> None:
    """In the child the lock's number is free, and the next file that it opens gets it."""
    state = open_state(tmp_path / "state")
    other = tmp_path / "other"
    parent = os.getpid()
    try:
        with state.lock():
            pid = os.fork()
            if pid == 0:
                descriptor = os.open(other, os.O_CREAT | os.O_RDWR)
                os.write(descriptor, b"content")
                sys.exit()
            assert os.waitpid(pid, 0)[1] == 0
            with pytest.raises(LockHeld):
                second_holder(tmp_path)
    except SystemExit:
        assert os.getpid() != parent
        os._exit(0 if os.fstat(descriptor).st_size == len(b"content") else 1)


def second_holder(tmp_path: Path) -> None:
    with open_state(tmp_path / "state").lock():
        pytest.fail("two holders")


def test_the_lock_is_free_after_an_exception_and_can_be_taken_again(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with pytest.raises(KeyError), state.lock():
        raise KeyError
    for _ in range(2):
        with state.lock():
            state.require_lock()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"pid": "x", "since": 1}', b'{"pid": 1, "since": "Max Muster"}']
)
def test_an_unreadable_note_in_the_lock_file_never_hides_the_refusal(tmp_path: Path, content: bytes) -> None:
    state = open_state(tmp_path / "state")
    with state.lock():
        (state.root / "lock").write_bytes(content)
        with pytest.raises(LockHeld, match=r"another run holds the lock\n  hint") as caught:
            second_holder(tmp_path)
    assert not re.search("Muster", str(caught.value))
