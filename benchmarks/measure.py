"""Run a command as a whole process tree and say what it cost.

- wall seconds: from start to the end of the first process.
- core seconds: user + system time of the process and of all descendants that were waited for (`wait4`).
- peak memory: every 50 ms, the anonymous and shared memory (`RssAnon`, `RssShmem` in /proc/<pid>/status) of
  all live processes of the tree is summed; the largest sum counts. File pages (library code, mapped input)
  do not count, since the kernel drops them when it needs room. A page that a fork shares with its parent
  counts twice: the figure errs upward. Reading these counters costs next to nothing, unlike smaps. Peaks
  shorter than the interval can be missed.

Linux only.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.05


@dataclass(frozen=True)
class Cost:
    wall: float  # s
    cores: float  # core seconds
    memory: int  # bytes, peak of the sum over processes
    processes: int  # most processes alive at once


class MeasuredRunError(Exception):
    """The measured command did not end with 0."""


def _tree(pid: int) -> Iterator[int]:
    """The process and its descendants; who ends meanwhile is left out."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _own_memory(pid: int) -> int:
    """Bytes of anonymous and shared memory; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def measure(command: Sequence[str], cwd: Path, log: Path) -> Cost:
    """Run the command with its output in `log`; MeasuredRunError unless it ends with 0."""
    peak = most = 0
    over = threading.Event()

    def watch(leader: int) -> None:
        nonlocal peak, most
        while not over.wait(INTERVAL):
            tree = list(_tree(leader))
            peak = max(peak, sum(map(_own_memory, tree)))
            most = max(most, len(tree))

    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        watcher = threading.Thread(target=watch, args=(process.pid,), daemon=True)
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # an interrupted benchmark leaves nothing running
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.perf_counter() - start
    over.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise MeasuredRunError(f"the command ended with {process.returncode}; its output is in {log}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak, most)
