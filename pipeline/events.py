"""What a running command tells: progress and log lines, on stderr, without values."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

log = logging.getLogger("pouch")


class Progress(Protocol):
    """A bar on a terminal, or nothing."""

    def start(self, title: str, total: int) -> None:
        """Begin a bar of `total` steps."""

    def advance(self, steps: int) -> None:
        """Move the bar."""

    def finish(self) -> None:
        """End the bar."""


class Silent:
    """No bar: not on a terminal."""

    def start(self, title: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


@contextmanager
def progress_bar(shown: bool) -> Iterator[Progress]:
    """A bar on a terminal, else nothing."""
    if not shown:
        yield Silent()
        return
    with Bar() as bar:
        yield bar


@contextmanager
def native_code_silenced() -> Iterator[None]:
    """Send what native libraries write to stderr nowhere, while this process holds raw values.

    A panic of a Rust library quotes the text that it stumbled over, by itself and before any handler. Python's
    own messages come after the block, as exceptions.
    """
    if sys.stderr is None:  # closed before we began
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class Bar:
    """A rich progress bar on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> "Bar":
        """Nothing is shown before there is something to count."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        self._bar.stop()

    def start(self, title: str, total: int) -> None:
        """Begin a bar of `total` steps."""
        if total > 1:  # one slice has no progress to show
            self._bar.start()
        self._bar.reset(self._task, total=total, description=title)

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self._bar.advance(self._task, steps)

    def finish(self) -> None:
        """Remove the bar."""
        self._bar.stop()
