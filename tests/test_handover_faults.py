"""Every system call of the publishing step fails once, and kills once: each release is the old or the new one.

One real run goes up to the hand-over; from there on, each fault gets copies of staging, releases and state.
"""

import errno
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import pipeline.conclusion as conclusion_module
from pipeline.errors import PouchError, PublishFailed
from pipeline.handover import hand_over
from pipeline.release.publish import remove_leftovers
from pipeline.release.run_record import RunSummary
from pipeline.release.sealing import nothing_sealed
from pipeline.release.standing import settle_pending
from pipeline.run import run_job
from pipeline.state import QuarantineWriter, State, open_state
from pipeline.state.ledger import Ledger
from tests.running_job import NEW, OLD, by_release, litter
from tests.small_job import DATE, KEK, SmallJob, make_job, phone

CALLS = ("rename", "replace", "symlink", "fsync", "mkdir", "fchmod", "chmod")
Tree = dict[str, dict[str, bytes]]


@dataclass(frozen=True)
class Attempt:
    """One hand-over in a folder of its own."""

    folder: Path
    act: Callable[..., RunSummary]

    @property
    def job(self) -> SmallJob:
        return SmallJob(self.folder)

    @property
    def state(self) -> State:
        return open_state(self.folder / ".pouch")

    def tree(self) -> Tree:
        return by_release(self.job.tree())


class _Enough(Exception):
    """The tests have seen what they need."""


def hand_overs(job: SmallJob, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: object) -> "Kit":
    """Run up to the hand-over and keep all that it gets."""
    kept: dict[str, object] = {}

    def keep(*arguments: object) -> RunSummary:
        order, *rest, staging, _ = arguments
        shutil.copytree(
            order.out, folder / "releases", symlinks=True, ignore=shutil.ignore_patterns(".staging-*")
        )
        shutil.copytree(rest[-2].root, folder / ".pouch")
        shutil.copytree(staging, folder / "staging")
        kept["arguments"] = arguments
        raise _Enough

    with monkeypatch.context() as patch:
        patch.setenv("POUCH_KEK", KEK)
        patch.setattr(conclusion_module, "hand_over", keep)
        with pytest.raises(_Enough):
            run_job(job.folder / "job.yaml", DATE, base=job.folder, workers=1, **options)  # type: ignore[arg-type]
    return Kit(folder, kept["arguments"])  # type: ignore[arg-type]


@dataclass(frozen=True)
class Kit:
    """What a hand-over needs, to be had again and again."""

    folder: Path
    arguments: tuple[object, ...]

    def attempt(self, name: str) -> Attempt:
        """A hand-over that has not begun."""
        order, ready, results, statistics, counts, proof, _, keyring, _, first, _, _ = self.arguments
        folder = self.folder.parent / name
        for part in ("releases", ".pouch"):
            shutil.copytree(self.folder / part, folder / part, symlinks=True)
        fresh = self.staging(folder)
        own, store = replace(order, base=folder, out=folder / "releases"), State(folder / ".pouch")  # type: ignore[type-var]

        def act(new_run: bool = False) -> RunSummary:
            run = first
            if new_run:
                with store.lock():
                    run = store.begin_run("small", DATE)
            quarantine = QuarantineWriter(store, run, keyring)  # type: ignore[arg-type]
            return hand_over(
                own,
                ready,
                results,
                statistics,
                counts,
                proof,
                quarantine,
                keyring,
                store,
                run,
                fresh,  # type: ignore[arg-type]
                nothing_sealed,  # so that the hand-over makes every call itself
            )

        return Attempt(folder, act)

    def staging(self, folder: Path) -> Path:
        """Staged files as the workers left them."""
        return Path(
            shutil.copytree(self.folder / "staging", folder / "releases/.staging-own", dirs_exist_ok=True)
        )

    def rerun(self, attempt: Attempt) -> RunSummary:
        """What the next run does: settle what is open, sweep, hand over again."""
        settle_pending(attempt.folder / "releases", attempt.state.ledger)
        shutil.rmtree(attempt.folder / "releases/.staging-own", ignore_errors=True)
        remove_leftovers(attempt.folder / "releases")
        self.staging(attempt.folder)
        summary = attempt.act(new_run=True)
        shutil.rmtree(attempt.folder / "releases/.staging-own")
        return summary


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> SmallJob:
    job = make_job(tmp_path_factory.mktemp("job"), people=40, orders=120)
    finished = job.run("--recipient", "courier")
    assert finished.returncode == 0, finished.stderr
    path = job.folder / f"in/orders/{DATE}/a.csv"
    path.write_bytes(path.read_bytes().replace(OLD.encode(), NEW.encode()))
    return job


@pytest.fixture(scope="module")
def kit(published, tmp_path_factory) -> Iterator[Kit]:
    """All three releases, of which the courier's replaces another one."""
    with pytest.MonkeyPatch.context() as patch:
        yield hand_overs(published, tmp_path_factory.mktemp("kit") / "kept", patch, supersede=True)


@pytest.fixture(scope="module")
def before(kit) -> Tree:
    return by_release(SmallJob(kit.folder).tree())


@pytest.fixture(scope="module")
def after(kit) -> Tree:
    calm = kit.attempt("calm")
    assert calm.act().exit_code == 0
    return calm.tree()


class Turn:
    """Does something else in place of the n-th call."""

    def __init__(self, real: Callable[..., object], number: int, instead: Callable[[], object]) -> None:
        self.real, self.number, self.instead, self.calls = real, number, instead, 0

    def __call__(self, *arguments: object, **options: object) -> object:
        self.calls += 1
        if self.calls == self.number:
            self.instead()
        return self.real(*arguments, **options)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def assert_rerun_finishes(kit: Kit, attempt: Attempt, after: Tree) -> None:
    assert kit.rerun(attempt).exit_code == 0
    assert attempt.tree() == after
    assert attempt.state.ledger.pending() == ()
    attempt.state.ledger.verify_chain()
    assert litter(attempt.job) == []
    shutil.rmtree(attempt.folder)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("call", CALLS)
def test_whichever_call_fails_each_release_is_the_old_or_the_new_one(
    kit, before, after, call, step, monkeypatch
):
    """And the summary says of each release which of the two it is."""
    failures = 0
    for number in itertools.count(1):
        if number % step and number > 3:
            continue
        attempt = kit.attempt(f"{call}-{step}-{number}")
        with monkeypatch.context() as patch:
            turn = Turn(getattr(os, call), number, no_space)
            patch.setattr(os, call, turn)
            try:
                said = {outcome.recipient: outcome for outcome in attempt.act().outcomes}
            except PouchError as error:
                assert error.exit_code == 8
                assert attempt.tree() == before or "published" not in str(error), str(error)
                said = {}
        if turn.calls < number:
            assert attempt.tree() == after
            break
        seen = attempt.tree()
        for recipient, outcome in said.items():
            name = f"{recipient}/{DATE}"
            expected = after if outcome.status == "published" else before
            assert seen.get(name) == expected.get(name), (number, outcome)
            for problem in outcome.problems:
                failures += 1
                assert problem.code == 8
                assert "published before is unchanged" in problem.message
                assert not any(phone(person) in str(problem) for person in range(40))
        assert all(files in (before.get(name), after[name]) for name, files in seen.items()), number
        assert_rerun_finishes(kit, attempt, after)
    assert failures >= (1 if call in ("fchmod", "chmod", "mkdir", "rename", "symlink", "fsync") else 0)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("call", ["rename", "symlink", "fsync"])
def test_wherever_it_is_killed_each_release_is_the_old_or_the_new_one(kit, before, after, call, step):
    """A forked process dies by SIGKILL in place of its n-th call."""
    for number in itertools.count(1):
        if number % step and number > 3:
            continue
        attempt = kit.attempt(f"killed-{call}-{number}")
        child = os.fork()
        if not child:
            signal.alarm(60)
            setattr(os, call, Turn(getattr(os, call), number, lambda: os.kill(os.getpid(), signal.SIGKILL)))
            attempt.act()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        seen = attempt.tree()
        assert all(files in (before.get(name), after[name]) for name, files in seen.items()), number
        assert set(before) <= set(seen)
        assert_rerun_finishes(kit, attempt, after)
        if os.WIFEXITED(status):
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert number > 3


@pytest.mark.parametrize("kind", ["intended", "published"])
@pytest.mark.parametrize("recipient", ["analysts", "courier"])
def test_a_ledger_that_fails_is_told_as_it_is(kit, before, after, kind, recipient, monkeypatch):
    """Before the swap it stops the release; after it the release is visible, and the next run records that."""
    attempt = kit.attempt(f"ledger-{kind}-{recipient}")
    real = Ledger.record

    def failing(self: Ledger, given: str, **facts: object) -> object:
        if given == kind and facts["recipient"] == recipient:
            raise PublishFailed("the disk is full; nothing was published")
        return real(self, given, **facts)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", failing)
        outcomes = {outcome.recipient: outcome for outcome in attempt.act().outcomes}
    name = f"{recipient}/{DATE}"
    said = outcomes[recipient]
    if kind == "intended":
        assert said.status == "failed" and [p.code for p in said.problems] == [8]
        assert attempt.tree().get(name) == before.get(name)
    else:
        assert said.status == "published" and said.problems == ()
        assert attempt.tree()[name] == after[name]
        assert [entry.recipient for entry in attempt.state.ledger.pending()] == [recipient]
    assert_rerun_finishes(kit, attempt, after)
