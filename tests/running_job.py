"""A run in a process group of its own, which tests stop, watch and kill at chosen moments; and jobs to run."""

import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.fork_server import Forked
from tests.small_job import DATE, SmallJob, make_job, phone

SECONDS = 100  # what a loaded machine may take before a test gives up
OLD, NEW = "SO00000001", "SO00009999"  # the change after which the courier's release needs --supersede
REPLACE = ("--recipient", "courier", "--supersede")


@pytest.fixture(scope="module")
def fresh_template(tmp_path_factory: pytest.TempPathFactory) -> SmallJob:
    """A job that has not run; tests take copies."""
    return make_job(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def published_template(fresh_template: SmallJob, tmp_path_factory: pytest.TempPathFactory) -> SmallJob:
    """A calm run has published all releases; tests take copies."""
    job = copy_of(fresh_template, tmp_path_factory.mktemp("published"))
    finished = job.run()
    assert finished.returncode == 0, finished.stderr
    return job


@pytest.fixture
def fresh(fresh_template: SmallJob, tmp_path: Path) -> SmallJob:
    """A copy of the job that has not run."""
    return copy_of(fresh_template, tmp_path)


class Running:
    """`pouch run` on its way."""

    def __init__(self, job: SmallJob, *arguments: str, **environment: str) -> None:
        self.job = job
        self.out = job.folder / "releases"
        self._heard = b""
        self._hears, says = os.pipe()
        with open(says, "wb") as stderr, Path(os.devnull).open("wb") as nowhere:  # noqa: PTH123 - a descriptor
            self.process = Forked(
                ("run", "job.yaml", "--date", DATE, *arguments),
                folder=job.folder,
                environment=job.environment(**environment),
                stdout=nowhere,
                stderr=stderr,
                new_session=True,
            )

    def workers(self) -> list[int]:
        """Child processes: a run has no others."""
        return children_of(self.process.pid)

    def wait_for(self, happened: Callable[[], object], *, every: float = 0.002) -> None:
        """Wait until something is so; fail when the run ends or time is up before."""
        until = time.monotonic() + SECONDS
        while not happened():
            assert self.process.poll() is None, self.stderr()
            assert time.monotonic() < until, "it never came to that"
            time.sleep(every)

    def hold_workers(self, number: int = 1) -> list[int]:
        """Stop the workers as soon as they live: the parent then waits where it first needs them."""
        self.wait_for(lambda: len(self.workers()) == number)
        held = self.workers()
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        return held

    def staging(self) -> list[Path]:
        """Staging directories."""
        return list(self.out.glob(".staging-*"))

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Send a signal to the whole group, if any, and return exit code and stderr; a run may end by itself before."""
        if number is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
        stderr = self.stderr()
        return self.process.wait(SECONDS), stderr

    def stderr(self) -> str:
        """All that was said, once the run and its workers have let go of stderr."""
        while select.select([self._hears], [], [], SECONDS)[0] and (more := os.read(self._hears, 1 << 16)):
            self._heard += more
        return self._heard.decode()

    def close(self) -> None:
        """Kill what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(SECONDS)
        os.close(self._hears)


@contextmanager
def running(job: SmallJob, *arguments: str, **environment: str) -> Iterator[Running]:
    """A run that is dead afterwards, whatever the test does."""
    with closing(Running(job, *arguments, **environment)) as run:
        yield run


def children_of(parent: int) -> list[int]:
    """Process ids of the living children."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, ppid = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(entry.parent.name))
    return sorted(found)


def is_alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def copy_of(job: SmallJob, folder: Path) -> SmallJob:
    """The job in another folder, links as links."""
    shutil.copytree(job.folder, folder, symlinks=True, dirs_exist_ok=True)
    return SmallJob(folder)


def litter(job: SmallJob, out: str = "releases") -> list[str]:
    """What no finished run leaves: staging, temporary links, trees that no date shows."""
    root = job.folder / out
    shown = {link.resolve() for link in root.glob("*/*") if link.is_symlink()}
    trees = [tree for tree in root.glob("*/.releases/*") if tree.resolve() not in shown]
    found = [*root.glob(".staging-*"), *root.glob("*/.link-*"), *trees]
    found += [path for path in (job.folder / ".pouch").rglob(".*") if path.is_file() or path.is_dir()]
    return sorted(str(path.relative_to(job.folder)) for path in found)


def assert_whole(job: SmallJob, *allowed: dict[str, bytes]) -> None:
    """Every release that a reader sees is byte for byte one of the allowed ones."""
    seen = by_release(job.tree())
    for release, files in seen.items():
        assert files in [by_release(tree).get(release) for tree in allowed], release


def by_release(tree: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Recipient and date -> its files."""
    releases: dict[str, dict[str, bytes]] = {}
    for name, content in tree.items():
        recipient, date, file = name.split("/", 2)
        if not date.startswith("."):  # a link on its way: readers take no hidden names
            releases.setdefault(f"{recipient}/{date}", {})[file] = content
    return releases


def assert_sentence(stderr: str, *words: str) -> None:
    """One clear sentence with these words, an optional hint, no traceback, no value of the data."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    problems = [line for line in lines if line.startswith("pouch: ")]
    hints = [line for line in lines if line.startswith("  hint: ")]
    assert problems and len(set(problems)) == 1, stderr
    assert len(problems) + len(hints) == len(lines), stderr
    for word in words:
        assert word in problems[0], stderr
    for secret in ("Traceback", "Wattle", "Zhang", *(phone(person) for person in range(60))):
        assert secret not in stderr
