"""The local engine: child processes on this machine, each slice read once, bytes independent of their number."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from pipeline.engines.starting import Process, start_child
from pipeline.engines.work import Secrets, SliceWork
from pipeline.engines.worker import CALL, DONE, FAILED, RESULT, SLICES, STOP, send_secrets
from pipeline.errors import InternalError, Problem, error_of
from pipeline.events import Progress
from pipeline.intake import Cut

T = TypeVar("T")


@dataclass
class _Child:
    process: Process
    pipe: Connection
    has_work: bool = False
    dismissed: bool = False


class LocalEngine:
    """Two verbs: `map_slices` and `group`. Use as a context manager; leaving it ends all children."""

    def __init__(self, workers: int) -> None:
        """Start the children at once: before this process holds keys or starts threads."""
        self._children = [_Child(*start_child()) for _ in range(workers)]
        self._unlocked = False

    def __enter__(self) -> "LocalEngine":
        """Nothing more to do: children run already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the children: by message when all is well, else by signal."""
        if kind is None and self._unlocked:
            self.dismiss()
        for child in self._children:
            if not child.dismissed:
                child.process.kill()
            child.pipe.close()
        for child in self._children:
            child.process.wait()

    def dismiss(self) -> None:
        """Tell the children that there is no more work: they end while this process goes on."""
        for child in self._children:
            if not child.dismissed:
                try:
                    child.pipe.send((STOP,))
                except OSError:
                    child.process.kill()
                child.dismissed = True

    def unlock(self, secrets: Secrets, staging: Path) -> None:
        """Hand keys and the staging directory to the children."""
        self._unlocked = True
        for child in self._children:
            try:
                send_secrets(child.pipe, secrets)
                child.pipe.send(str(staging))
            except OSError:
                raise _died(child) from None

    def map_slices(
        self,
        work: SliceWork,
        cuts: Iterable[Cut],
        progress: Progress,
        *,
        meanwhile: Callable[[], None] | None = None,
        each: Callable[[Any], None] | None = None,
    ) -> list[Any]:
        """Do the work on every slice of every table; return the results by table and slice.

        `meanwhile` is called once, as soon as the children have got all of it; `each` with every result, as it comes.

        Raises:
            PouchError: all problems of the lanes that ran; no new lane starts after the first.
            InternalError: a child died.

        """
        waiting = deque(sorted(((cut, lane) for cut in cuts for lane in cut.lanes), key=_heaviest_first))
        busy: dict[Connection, tuple[_Child, Cut, int]] = {}
        results: list[Any] = []
        problems: list[Problem] = []
        for child in self._children:
            child.has_work = False
        while waiting or busy:
            for child in self._children:
                if waiting and not problems and child.pipe not in busy:
                    cut, lane = waiting.popleft()
                    _send(child, (SLICES, None if child.has_work else work, cut, lane))
                    child.has_work = True
                    busy[child.pipe] = (child, cut, 0)
            if not busy:
                break
            if meanwhile is not None and not waiting:
                meanwhile()
                meanwhile = None
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                child, cut, _ = busy[pipe]
                kind, value = _receive(child)
                if kind == RESULT:
                    results.append(value)
                    if each is not None:
                        each(value)
                    progress.advance(1)
                else:
                    del busy[pipe]
                    problems += value if kind == FAILED else ()
        if problems:
            raise error_of(dict.fromkeys(problems))
        return sorted(results, key=lambda result: (result.table, result.index))

    def group(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a grouping in a child, so that running out of memory cannot take the parent along."""
        child = self._children[0]
        _send(child, (CALL, function, arguments))
        kind, value = _receive(child)
        if kind == FAILED:
            raise error_of(value)
        assert kind == DONE
        return cast("T", value)


def _heaviest_first(task: tuple[Cut, Sequence[int]]) -> tuple[int, str, int]:
    cut, lane = task
    return (-sum(cut.slices[index].records for index in lane), cut.table, lane[0])


def _send(child: _Child, message: object) -> None:
    try:
        child.pipe.send(message)
    except OSError:
        raise _died(child) from None


def _receive(child: _Child) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = child.pipe.recv()
    except (EOFError, OSError):
        raise _died(child) from None
    return message


def _died(child: _Child) -> InternalError:
    child.process.kill()
    code = child.process.wait()
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    return InternalError(
        f"a worker process died ({how}); nothing was published",
        hint="run again; if memory ran out, with fewer --workers",
    )
