"""Publishing is all or nothing: whatever the system refuses, readers keep what they had."""

import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline.errors import JobWrong, PublishFailed
from pipeline.release.publish import (
    RELEASES,
    STAGING,
    SUCCESS,
    SUMS,
    Published,
    open_staging,
    publish_release,
    remove_leftovers,
)

DATE = "2026-11-01"
Content = Mapping[str, bytes]
FIRST: Content = {"data/orders/part-00000.csv": b"a\r\n1\r\n", "data/orders/part-00001.csv": b"a\r\n2\r\n"}
SECOND: Content = {"data/orders/part-00000.csv": b"a\r\n3\r\n"}


def silent(tree: str, digest: str) -> None:
    """The ledger is another room's matter."""


def publish(out: Path, content: Content, *, supersede: bool = False, **options: object) -> Published:
    announce = options.get("announce", silent)
    with open_staging(out) as staging:
        files = {}
        for position, (name, data) in enumerate(content.items()):
            files[name] = staging / f"slice-{position}"
            files[name].write_bytes(data)
        documents = {"manifest.json": b"{}\n", "datapackage.json": b"{}\n"}
        return publish_release(
            out,
            staging,
            "courier",
            DATE,
            files,
            documents,
            announce=announce,  # type: ignore[arg-type]
            supersede=supersede,
        )


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Every entry with content, target, mode and time: equal snapshots mean that nothing was touched."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = (path.read_bytes(), stat.S_IMODE(facts.st_mode), facts.st_mtime_ns, facts.st_ino)
        else:
            found[name] = ("folder", stat.S_IMODE(facts.st_mode))
    return found


def seen(out: Path) -> dict[str, bytes]:
    """What a reader finds under the date."""
    link = out / "courier" / DATE
    return {str(p.relative_to(link)): p.read_bytes() for p in sorted(link.rglob("*.csv"))}


# ------------------------------------------------------------------ the tree


def test_a_release_is_a_tree_behind_a_relative_link(tmp_path: Path) -> None:
    published = publish(tmp_path, FIRST)
    link = tmp_path / "courier" / DATE
    assert str(link.readlink()) == f"{RELEASES}/{published.id}"
    assert seen(tmp_path) == dict(FIRST)
    assert published.digest == hashlib.sha256((link / SUMS).read_bytes()).hexdigest()
    assert published.digest.startswith(published.id)
    assert (link / SUCCESS).read_bytes() == b""
    assert not list(tmp_path.glob(f"{STAGING}*"))


def test_sums_are_checkable_with_sha256sum(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    check = subprocess.run(
        ["sha256sum", "--strict", "-c", SUMS],  # noqa: S607 - the tool that recipients have
        cwd=tmp_path / "courier" / DATE,
        check=False,
    )
    assert check.returncode == 0


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o007)
    try:
        publish(tmp_path, FIRST)
    finally:
        os.umask(before)
    tree = (tmp_path / "courier" / DATE).resolve()
    assert {stat.S_IMODE(p.stat().st_mode) for p in tree.rglob("*") if p.is_file()} == {0o640}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tree, *tree.rglob("*")) if p.is_dir()} == {0o750}


def test_staging_is_private(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging:
        assert stat.S_IMODE(staging.stat().st_mode) == 0o700
        assert staging.parent == tmp_path


def test_equal_content_has_an_equal_id_anywhere(tmp_path: Path) -> None:
    assert publish(tmp_path / "a", FIRST).id == publish(tmp_path / "b", dict(reversed(FIRST.items()))).id


def test_publishing_equal_content_again_touches_nothing(tmp_path: Path) -> None:
    assert publish(tmp_path, FIRST).changed
    before = snapshot(tmp_path)
    assert not publish(tmp_path, FIRST).changed
    assert snapshot(tmp_path) == before


def test_other_content_needs_supersede(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    before = snapshot(tmp_path)
    with pytest.raises(JobWrong, match="--supersede"):
        publish(tmp_path, SECOND)
    assert snapshot(tmp_path) == before


def test_a_superseded_tree_is_gone_after_the_swap(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    publish(tmp_path, SECOND, supersede=True)
    assert seen(tmp_path) == dict(SECOND)
    assert len(list((tmp_path / "courier" / RELEASES).iterdir())) == 1


def test_a_reader_never_misses_the_release_while_it_is_superseded(tmp_path: Path) -> None:
    """Another process opens the manifest in a loop while two contents replace each other."""
    publish(tmp_path, FIRST)
    target = tmp_path / "courier" / DATE / "manifest.json"
    code = (
        "import os,sys\n"
        "missed=0; reads=0\n"
        "print('reading', flush=True)\n"
        "while not os.path.exists(sys.argv[2]) or reads < 5000:\n"
        "    try: open(sys.argv[1],'rb').read(); reads+=1\n"
        "    except FileNotFoundError: missed+=1\n"
        "print(missed, reads)\n"
    )
    done = tmp_path / "done"
    command = [sys.executable, "-c", code, str(target), str(done)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "reading\n"
        for number in range(30):
            publish(tmp_path, SECOND if number % 2 == 0 else FIRST, supersede=True)
        done.touch()
        missed, reads = map(int, reader.stdout.readline().split())
    # A path is resolved in steps, so a read may fall between the swap and the removal of the old tree.
    assert missed <= reads // 100


def test_what_is_announced_is_on_disk_and_not_visible_yet(tmp_path: Path) -> None:
    told: list[tuple[str, str, bool]] = []

    def announce(tree: str, digest: str) -> None:
        told.append((tree, digest, (tmp_path / "courier" / DATE).exists()))

    published = publish(tmp_path, FIRST, announce=announce)
    assert told == [(published.id, published.digest, False)]


def test_a_failing_ledger_stops_the_publishing(tmp_path: Path) -> None:
    publish(tmp_path, FIRST)
    before = snapshot(tmp_path)

    def announce(tree: str, digest: str) -> None:
        raise PublishFailed("the ledger cannot be written")

    with pytest.raises(PublishFailed, match="ledger"):
        publish(tmp_path, SECOND, supersede=True, announce=announce)
    assert snapshot(tmp_path) == before


def test_something_foreign_under_the_date_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "courier" / DATE).mkdir(parents=True)
    with pytest.raises(PublishFailed, match="did not put there"):
        publish(tmp_path, FIRST)
    assert (tmp_path / "courier" / DATE).is_dir()


def test_a_tree_that_was_changed_after_publishing_is_not_taken_for_whole(tmp_path: Path) -> None:
    published = publish(tmp_path, FIRST)
    (published.path / "data/orders/part-00000.csv").write_bytes(b"short")
    with pytest.raises(PublishFailed, match="changed since"):
        publish(tmp_path, FIRST)


# ------------------------------------------------------------------ faults at system calls

CALLS = ("os.rename", "os.fsync", "os.symlink", "os.fchmod", "os.chmod", "pathlib.Path.rename", "write")


class Fault:
    """Lets the n-th call of one system call fail."""

    def __init__(self, real: Callable[..., object], number: int, code: int) -> None:
        self.real, self.left, self.code = real, number, code
        self.calls = 0

    def __call__(self, *arguments: object, **options: object) -> object:
        self.calls += 1
        if self.calls == self.left:
            raise OSError(self.code, os.strerror(self.code))
        return self.real(*arguments, **options)


def plant(monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: int) -> Fault:
    if call == "write":
        from pipeline.release import publish as module

        fault = Fault(module._write, number, code)  # every write of publish goes through it
        monkeypatch.setattr(module, "_write", fault)
        return fault
    if call.startswith("pathlib"):
        real = Path.rename
        fault = Fault(real, number, code)
        monkeypatch.setattr(Path, "rename", lambda self, target: fault(self, target))  # noqa: PLW0108 - binds self
        return fault
    name = call.removeprefix("os.")
    fault = Fault(getattr(os, name), number, code)
    monkeypatch.setattr(os, name, fault)
    return fault


@pytest.mark.parametrize("call", CALLS)
def test_whatever_call_fails_the_previous_release_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The first call of its kind fails, then the second, and so on; afterwards a plain rerun succeeds."""
    failures = 0
    for number in range(1, 40):
        code = errno.ENOSPC if number % 2 else errno.EIO
        out = tmp_path / str(number)
        publish(out, FIRST)
        failed = False
        with monkeypatch.context() as patch:
            fault = plant(patch, call, number, code)
            try:
                publish(out, SECOND, supersede=True)
            except PublishFailed as error:
                failed = True
                assert error.exit_code == 8
                assert os.strerror(code) in str(error)
        if fault.calls < number:
            break
        if failed:
            failures += 1
            assert seen(out) == dict(FIRST), number
            assert publish(out, SECOND, supersede=True).changed
        assert seen(out) == dict(SECOND), number
        remove_leftovers(out)  # what the next run does first: an old tree may have refused to go
        assert not list(out.glob(f"{STAGING}*")), number
        assert len(list((out / "courier" / RELEASES).iterdir())) == 1, number
    assert failures >= {"os.fsync": 5, "write": 4, "os.symlink": 1}.get(call, 3)


def test_a_first_release_that_fails_after_the_swap_is_not_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.keys.private_files import sync_directory
    from pipeline.release import publish as module

    def failing(directory: Path) -> None:
        if directory.name == "courier":
            raise OSError(errno.EIO, "Input/output error")
        sync_directory(directory)

    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_directory", failing)
        with pytest.raises(PublishFailed):
            publish(tmp_path, FIRST)
    assert not (tmp_path / "courier" / DATE).is_symlink()
    publish(tmp_path, FIRST)
    assert seen(tmp_path) == dict(FIRST)


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.release import publish as module
out, name = Path(sys.argv[1]), sys.argv[2]
real = getattr(module, name)
def dying(*a, **k):
    if name in ("_swap", "_flush_or_revert"):
        os.kill(os.getpid(), signal.SIGKILL)
    real(*a, **k)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, name, dying)
with module.open_staging(out) as staging:
    (staging / "x").write_bytes(b"a\\r\\n3\\r\\n")
    files = {"data/orders/part-00000.csv": staging / "x"}
    documents = {"manifest.json": b"{}\\n", "datapackage.json": b"{}\\n"}
    module.publish_release(out, staging, "courier", "2026-11-01", files, documents,
        announce=lambda t, d: None, supersede=True)
"""


@pytest.mark.parametrize("name", ["_write", "sealed", "_swap", "_flush_or_revert"])
def test_a_killed_run_leaves_a_whole_release_and_no_litter_after_the_next(tmp_path: Path, name: str) -> None:
    publish(tmp_path, FIRST)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), name], check=False, cwd=Path(__file__).parents[1]
    )
    assert killed.returncode == -9
    assert seen(tmp_path) in (dict(FIRST), dict(SECOND))
    assert list(tmp_path.glob(f"{STAGING}*"))
    publish(tmp_path, SECOND, supersede=True)
    assert seen(tmp_path) == dict(SECOND)
    assert not list(tmp_path.glob(f"{STAGING}*"))
    assert len(list((tmp_path / "courier" / RELEASES).iterdir())) == 1
    assert [p.name for p in (tmp_path / "courier").iterdir() if p.name.startswith(".link-")] == []


def test_staging_of_a_living_run_is_left_alone(tmp_path: Path) -> None:
    alive = tmp_path / f"{STAGING}alive"
    alive.mkdir()
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    (tmp_path / f"{STAGING}dead").mkdir()
    assert remove_leftovers(tmp_path) == 1
    assert alive.is_dir()
    os.close(handle)


def test_an_unwritable_place_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PublishFailed, match="staging"), open_staging(tmp_path / "file"):
        pass


def test_ctrl_c_as_soon_as_staging_is_there_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal may come between any two lines: here before the directory is locked."""

    def interrupted(*_: object) -> None:
        assert list(tmp_path.glob(f"{STAGING}*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt), open_staging(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
