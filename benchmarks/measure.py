"""Run a command as a whole process tree and say what it cost.

- wall seconds: from start to the end of the first process.
- core seconds: user + system time of the process and of all descendants that were waited for (`wait4`).
- peak memory: every 50 ms the proportional set sizes (`Pss` in /proc/<pid>/smaps_rollup) of all processes of
  the tree are summed; the largest sum counts. A page that several processes share counts once, so forked or
  spawned workers are neither doubled nor missed. The tree is: the process, its descendants, and what runs in
  its session (the command starts one). Peaks shorter than the interval can be missed.

Linux only.
"""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
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


def _tree(leader: int) -> list[int]:
    """The leader, its descendants, and all of its session, by one pass over /proc."""
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):
            continue  # gone since
        pid = int(entry.name)
        parents[pid], sessions[pid] = int(fields[1]), int(fields[3])
    found = {pid for pid in parents if pid == leader or sessions[pid] == leader}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _proportional_set_size(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0  # gone since
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(b"Pss:")), 0)


def measure(command: Sequence[str], cwd: Path, log: Path) -> Cost:
    """Run the command with its output in `log`; MeasuredRunError unless it ends with 0."""
    peak = most = 0
    over = threading.Event()

    def watch(leader: int) -> None:
        nonlocal peak, most
        while not over.wait(INTERVAL):
            tree = _tree(leader)
            peak = max(peak, sum(map(_proportional_set_size, tree)))
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
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    over.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise MeasuredRunError(f"{command[0]} ended with {process.returncode}; its output is in {log}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak, most)
