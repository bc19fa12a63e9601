"""Making keys, and turning protected values back: the acts that the audit log remembers."""

import getpass
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config.loading import load_config
from pipeline.errors import JobWrong, PublishFailed, TokenRejected, error_of, nearest, problem_of
from pipeline.keys import describe, init_keyring, open_keyring
from pipeline.keys.private_files import create_private
from pipeline.protect.model import Plan, Step
from pipeline.protect.plan import make_plan
from pipeline.readiness import day_of
from pipeline.refusing import keyring_to_reveal, refuse_erased
from pipeline.release.manifest import MANIFEST
from pipeline.release.revealing_forms import read_manifest, reveal_by_manifest
from pipeline.state import open_state, read_quarantine
from transforms import FormatPreserving
from transforms.base import REJECTED
from transforms.errors import TransformError

MOST_TOKENS = 1_000_000


def init_keys(job: Path, *, if_absent: bool = False) -> dict[str, Any]:
    """Make the keyring that a job names; with `if_absent`, leave one that is there."""
    base = Path.cwd()
    ref = load_config(job, base).job.keyring
    if if_absent and (base / ref.file).exists():
        return {"made": False, "keyring": ref.file, "key_ids": [key.id for key in describe(ref, base)]}
    made = init_keyring(ref, base)
    return {"made": True, "keyring": ref.file, "key_ids": [made.id]}


def list_keys(job: Path) -> list[dict[str, Any]]:
    """Return what is public about each key of a job's keyring."""
    base = Path.cwd()
    return [asdict(key) for key in describe(load_config(job, base).job.keyring, base)]


def reveal_tokens(
    job: Path,
    state: Path,
    recipient: str,
    column: str,
    date: str,
    tokens: Sequence[str],
    reason: str,
    manifest: Path | None = None,
) -> list[str]:
    """Turn tokens of one published column back. The audit log is written before any value is shown.

    Format-preserving tokens are unauthenticated: they are opened only through the release's `manifest` (by default the
    published one) whose recipient, purpose, epoch, key-check value and form of the column match.

    Raises:
        JobWrong: no such release or column, or its transform cannot be turned back.
        TokenRejected: a token was not made by this key for this recipient, purpose and column.
        KeyUnavailable: the keyring does not hold the key that the manifest names.

    """
    base = Path.cwd()
    config = load_config(job, base)
    plan = make_plan(config, {}, day_of(date), None)
    step = _step_of(plan, recipient, column)
    path = manifest or Path("releases") / recipient / date / MANIFEST
    told = read_manifest(base / path) if isinstance(step.transform, FormatPreserving) else None
    if not 0 < len(tokens) <= MOST_TOKENS:
        raise JobWrong(f"reveal takes 1 to {MOST_TOKENS:,} tokens, got {len(tokens):,}")
    store = open_state(base / state)
    with store.lock():
        what = f"{len(tokens)} tokens of {recipient} {column} {date}"
        store.audit.append(who=getpass.getuser(), action="reveal tokens", what=what, reason=reason)
        keyring = keyring_to_reveal(config.job.keyring, base, store, tokens)
    if not all(map(_is_text, tokens)):
        raise TokenRejected(REJECTED, where=f"{recipient}.{column}")
    try:
        if told is not None:
            values = reveal_by_manifest(told, plan, step, keyring, column, tokens)
        else:
            values = step.transform.bind(keyring, step.context).reveal(pa.array(tokens, pa.string()))
    except TransformError as error:
        raise error_of([problem_of(error, f"{recipient}.{column}")]) from None
    refuse_erased(store, keyring, recipient, column, step.data_class, tokens, values)
    return [str(value) for value in values.to_pylist()]


def _is_text(token: str) -> bool:
    """Whether it is UTF-8: what else came from outside stands in it as lone surrogates."""
    try:
        token.encode()
    except UnicodeEncodeError:
        return False
    return True


def _step_of(plan: Plan, recipient: str, column: str) -> Step:
    releases = {release.recipient: release for release in plan.releases}
    if recipient not in releases:
        raise JobWrong("--recipient must be one of the job's", hint=nearest(recipient, releases))
    table, _, name = column.partition(".")
    steps = {
        f"{export.table}.{step.column}": step
        for export in releases[recipient].exports
        for step in export.steps
    }
    step = steps.get(column)
    if step is None or not name:
        raise JobWrong("--column must be table.column of the release", hint=nearest(column, steps))
    if not step.transform.reversible:
        raise TokenRejected(
            f"{step.transform.transform} cannot be turned back", where=f"{recipient}.{table}.{name}"
        )
    return step


def reveal_quarantine(job: Path, state: Path, run: str, reason: str) -> Iterator[dict[str, Any]]:
    """Yield a run's quarantined records. The audit log is written before the first one is shown."""
    base = Path.cwd()
    keyring = open_keyring(load_config(job, base).job.keyring, base, for_new_tokens=False)
    store = open_state(base / state)
    if run == "latest":
        last = store.runs.last(1)
        if not last:
            raise JobWrong("no run is on record yet")
        run = last[0].run
    with store.lock():
        records = read_quarantine(store, run, keyring, who=getpass.getuser(), reason=reason)
    for record in records:
        yield {
            **asdict(record),
            "raw": record.raw.decode("utf-8", "backslashreplace"),
            "reason": str(record.reason),
        }


# ------------------------------------------------------------------ into a file


def refuse_taken(path: Path) -> None:
    """Raise JobWrong unless a new file can be made there: asked before anything is opened or noted."""
    if os.path.lexists(path):
        raise _taken()
    if not path.parent.is_dir():
        raise JobWrong("must lie in a folder that exists", where="--out", hint="make the folder first")


def write_revealed(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a new file (0600) in one step: all of them, or no file.

    Raises JobWrong where there is a file by now, PublishFailed where the disk does not take it.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    try:
        create_private(path, content)
    except FileExistsError:
        raise _taken() from None
    except OSError as error:
        raise PublishFailed(
            f"cannot be written ({error.strerror})",
            where="--out",
            hint="make room or name another folder, then reveal again",
        ) from None


def _taken() -> JobWrong:
    return JobWrong("exists, and is never overwritten", where="--out", hint="name a new file")
