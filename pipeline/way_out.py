"""Every way out of a command: exit codes, what stderr says, and for programs the same as JSON on stdout."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipeline.errors import JobWrong, PouchError, Problem

_wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)


class _Interrupted(Exception):
    """Ctrl-C, under a name that typer does not know."""


class _ReaderGone(Exception):
    """Nobody reads stdout any more; the same."""


class Commands(TyperGroup):
    """All commands. Typer by itself would make Ctrl-C exit 130 and a closed pipe exit 1."""

    def invoke(self, ctx: Any) -> Any:
        """Call the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None
        except BrokenPipeError:
            raise _ReaderGone from None


def leave(app: Callable[..., object]) -> NoReturn:
    """Run the command line and end the process; every way out has its documented exit code."""
    try:
        _refuse_bytes(sys.argv[1:])
        with reader_may_leave():
            code = app(prog_name="pouch", standalone_mode=False)
    except PouchError as error:
        _tell(error.problems, error.exit_code)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt, _Interrupted):
        print("pouch: interrupted; no release is half published, run again to finish", file=sys.stderr)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        raise  # not reached: the signal ends the process, so that the caller sees how it ended
    except TyperException as error:
        _show_usage(error)
        sys.exit(JobWrong.code)
    except _ReaderGone:
        sys.exit(0)  # the reader had seen enough
    except SystemExit:
        raise
    except BaseException as error:  # a panic of a Rust library is no Exception, and its message quotes texts
        from pipeline.engines.worker import problems_of

        problems = problems_of(error)
        code = min(problem.code for problem in problems)
        _tell(problems, code)
        sys.exit(code)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Raise JobWrong where an argument is not UTF-8: lone surrogates stand for its bytes, and fail anywhere later."""
    for number, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise JobWrong(
                f"argument {number} must be UTF-8 text, and is not", hint="is the terminal set to UTF-8?"
            ) from None


def end_with(command: Callable[[], NoReturn]) -> NoReturn:
    """Run a command that raises SystemExit, and end the process with its code, without taking the interpreter down.

    Arrow's threads may still give back memory that Python owns. One that asks for the interpreter while that is being
    taken down ends the whole process by SIGABRT, after all was published (seen three times in 700 short commands).
    """
    try:
        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with suppress(OSError, ValueError):  # nobody reads any more, or it was closed
                    stream.flush()
        os._exit(code)


def checked_format(value: str, *known: str) -> str:
    """Return the value of --format, before the command does anything.

    From `json` on, an error is told on stdout, too. Raises JobWrong for a format that the command does not have.
    """
    known = known or ("table", "json")
    if value not in known:
        raise JobWrong(f"--format must be {' or '.join(known)}")
    _wants_json.set(value == "json")
    return value


def json_text(value: Any) -> str:
    """One document for programs."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def print_json(value: Any) -> None:
    """The same, on stdout."""
    print(json_text(value))


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let a reader such as `head` go without a word, and without a change to the exit code inside the block."""
    try:
        yield
        if sys.stdout is not None:  # closed before we began
            sys.stdout.flush()
    except (BrokenPipeError, _ReaderGone) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, _ReaderGone):
            raise


def _tell(problems: Sequence[Problem], code: int) -> None:
    for problem in problems:
        print(f"pouch: {problem}", file=sys.stderr)
    if _wants_json.get() and sys.stdout is not None:
        with suppress(OSError), reader_may_leave():
            print_json({"exit_code": code, "problems": [asdict(problem) for problem in problems]})


def _show_usage(error: TyperException) -> None:
    """Usage errors hold the user's own words only; typer formats them."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        print(f"pouch: {error}", file=sys.stderr)
