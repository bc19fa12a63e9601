"""A child process of the local engine: gets its secrets once over an inherited pipe, then works until told to stop."""

import gc
import os
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.engines.native import hold_arenas, keep_freed_memory, keep_pandas_out
from pipeline.engines.work import Secrets, SliceWork
from pipeline.errors import PouchError, Problem, problem_of
from transforms import Keyring
from transforms.errors import TransformError

# Messages: parent -> child
SLICES, CALL, STOP = "slices", "call", "stop"
# child -> parent
RESULT, DONE, FAILED = "result", "done", "failed"


def main(descriptor: int) -> None:
    """Serve the parent until it says stop or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it ends its children
    os.umask(0o077)
    keep_freed_memory()
    held = hold_arenas()  # noqa: F841 - as long as this function runs
    keep_pandas_out()
    gc.set_threshold(100_000)  # columns make millions of bytes objects, and no cycles worth looking for
    pipe = Connection(descriptor)
    try:
        secrets = receive_secrets(pipe)
        preload()
        _silence()
        staging = Path(pipe.recv())
        work: SliceWork | None = None
        while True:
            message = pipe.recv()
            if message[0] == STOP:
                return
            try:
                if message[0] == SLICES:
                    _, fresh, cut, lane = message
                    work = fresh if fresh is not None else work
                    assert work is not None
                    for result in work.on_lane(cut, lane, secrets, staging):
                        pipe.send((RESULT, result))
                    pipe.send((DONE, None))
                else:
                    _, function, arguments = message
                    call: Callable[..., object] = function
                    pipe.send((DONE, call(*arguments)))
            except BaseException as error:  # a panic of a Rust library is no Exception
                pipe.send((FAILED, problems_of(error)))
    except (EOFError, ConnectionError):
        return  # the parent is gone; what it had not published stays unpublished


def send_secrets(pipe: Connection, secrets: Secrets) -> None:
    """Hand the unlocked keys to a child."""
    pipe.send_bytes(
        secrets.quarantine_key + secrets.fingerprint_key + secrets.keyring.export_secret_masters()
    )


def receive_secrets(pipe: Connection) -> Secrets:
    """Take the keys that `send_secrets` sent."""
    data = pipe.recv_bytes()
    return Secrets(Keyring.from_secret_masters(data[48:]), data[:32], data[32:48])


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """Turn any exception into problems; of foreign ones only type and place travel, never their message."""
    if isinstance(error, PouchError):
        return error.problems
    if isinstance(error, TransformError):
        return (problem_of(error, ""),)
    if isinstance(error, OSError) and error.errno is not None:
        return (
            Problem(
                8, "", f"writing or reading failed: {os.strerror(error.errno)}", "free space, then run again"
            ),
        )
    if isinstance(error, MemoryError):
        return (Problem(70, "", "memory ran out", "run with fewer workers"),)
    return (
        Problem(70, place_of(error), f"internal error: {type(error).__name__}", "please report this place"),
    )


def place_of(error: BaseException) -> str:
    """File and line, inside Pouch, where an exception came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/pipeline/" in f.filename or "/transforms/" in f.filename] or frames
    return (
        f"{Path(own[-1].filename).parent.name}/{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    )


def _silence() -> None:
    """From here on the child holds raw values: what native libraries write (a Rust panic quotes the text that it
    stumbled over) goes nowhere. Errors travel by the pipe, as type and place.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def preload() -> None:
    """Import what every slice needs: before a fork, or while the parent is still reading."""
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401 - imported for its effect

    import pipeline.engines.protecting  # noqa: F401 - the same
