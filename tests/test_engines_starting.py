"""Children are forked where the process has one thread, and share nothing with it that they must not have."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

from pipeline.engines import starting

ROOT = Path(__file__).parents[1]


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: this one has the threads of pytest and Arrow."""
    head = """
        import os, sys
        from pipeline.engines.native import settle_native_libraries
        settle_native_libraries()
        from pathlib import Path
        import pipeline.run
        from pipeline.engines import starting
        from pipeline.engines.local import LocalEngine
        from pipeline.events import Silent
        from tests.engine_works import Look, Sleep
        from tests.test_engines_local import cut_of, keys
    """
    code = textwrap.dedent(head) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_process_with_one_thread_forks_and_one_with_more_does_not():
    script = """
        import threading
        assert starting._has_one_thread()
        engine = LocalEngine(1)
        print(type(engine._children[0].process).__name__)
        engine.__exit__(KeyError, None, None)
        stop = threading.Event()
        threading.Thread(target=stop.wait, daemon=True).start()
        engine = LocalEngine(1)
        print(type(engine._children[0].process).__name__)
        engine.__exit__(KeyError, None, None)
    """
    found = run(script)
    assert found.stdout.split() == ["_Forked", "Popen"], found.stderr


def test_here_are_several_threads():
    """The kernel counts them; Python alone would not know those of native libraries."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not starting._has_one_thread()
    finally:
        stop.set()
        thread.join()


def test_forked_children_work_and_keep_no_file_of_their_parent(tmp_path):
    """Not the lock, not the pipes of other children: each would outlive its owner in them."""
    script = """
        lock = open(sys.argv[1] + "/lock", "w")
        with LocalEngine(2) as engine:
            engine.unlock(keys(), Path(sys.argv[1]))
            seen = engine.map_slices(Look(), [cut_of("orders", 4)], Silent())
            assert {s.check_value for s in seen} == {keys().keyring.check_value()}
            for child in engine._children:
                files = {os.readlink(f"/proc/{child.process._pid}/fd/{n}").split(":")[0]
                         for n in os.listdir(f"/proc/{child.process._pid}/fd") if int(n) > 2}
                print(sorted(files), len(os.listdir(f"/proc/{child.process._pid}/fd")))
    """
    found = run(script, str(tmp_path))
    assert found.returncode == 0, found.stderr
    for line in found.stdout.splitlines():
        assert line == "['socket'] 4", found.stdout


def test_forked_children_end_with_a_parent_that_is_killed(tmp_path):
    script = """
        import signal
        engine = LocalEngine(2)
        engine.unlock(keys(), Path(sys.argv[1]))
        print(*(child.process._pid for child in engine._children), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    found = run(script, str(tmp_path))
    children = [int(pid) for pid in found.stdout.split()]
    assert found.returncode == -9 and len(children) == 2
    for _ in range(1000):
        if not any(Path(f"/proc/{pid}").exists() and state(pid) != "Z" for pid in children):
            break
        threading.Event().wait(0.02)
    else:
        raise AssertionError("a child outlived its parent")


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_arrow_does_not_import_pandas_in_a_run_and_pandas_stays_usable():
    script = """
        import numpy as np, pyarrow as pa
        from pipeline.engines.native import keep_pandas_out
        keep_pandas_out()
        pa.array(np.zeros(3))
        print("pandas" in sys.modules)
        import pandas
        print(pa.table({"a": [1]}).to_pandas()["a"].tolist())
    """
    found = run(script)
    assert found.stdout.split("\n")[:2] == ["False", "[1]"], found.stderr
