"""The command line: words to calls, errors to exit codes. No stage is called here but through `run.py` and rooms."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipeline.errors import InternalError, JobWrong, NotBuilt, PouchError
from pipeline.events import native_code_silenced


class _Interrupted(Exception):
    """Ctrl-C, under a name that typer does not know."""


class _ReaderGone(Exception):
    """Nobody reads stdout any more; the same."""


class _Commands(TyperGroup):
    """All commands. Typer by itself would make Ctrl-C exit 130 and a closed pipe exit 1."""

    def invoke(self, ctx: Any) -> Any:
        """Call the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None
        except BrokenPipeError:
            raise _ReaderGone from None


app = typer.Typer(
    name="pouch",
    cls=_Commands,
    help="De-identify order and device logs every night, per policy and per recipient.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=True,
)
keys_app = typer.Typer(help="Make and list the keys of a job.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

JobPath = Annotated[Path, typer.Argument(help="Job file, e.g. configs/nightly.yaml.")]
DateText = Annotated[str, typer.Option("--date", help="Date of the release, YYYY-MM-DD.")]
OutPath = Annotated[Path, typer.Option("--out", help="Where releases are published.")]
StatePath = Annotated[
    Path, typer.Option("--state", help="Where ledger, audit log and run reports live (0700).")
]
Format = Annotated[str, typer.Option("--format", help="`table` for people, `json` for programs.")]


def main() -> NoReturn:
    """Run the command line; every way out has its documented exit code."""
    try:
        with _reader_may_leave():
            code = app(prog_name="pouch", standalone_mode=False)
    except PouchError as error:
        for problem in error.problems:
            print(f"pouch: {problem}", file=sys.stderr)
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
        for problem in problems:
            print(f"pouch: {problem}", file=sys.stderr)
        sys.exit(min(problem.code for problem in problems))
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Let a reader such as `head` go without a word, and without a change to the exit code inside the block."""
    try:
        yield
        if sys.stdout is not None:  # closed before we began
            sys.stdout.flush()
    except (BrokenPipeError, _ReaderGone) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, _ReaderGone):
            raise


def _show_usage(error: TyperException) -> None:
    """Usage errors hold the user's own words only; typer formats them."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        print(f"pouch: {error}", file=sys.stderr)


def _examples(*lines: str) -> str:
    return "**Examples**\n\n" + "\n\n".join(f"`{line}`" for line in lines)


# ------------------------------------------------------------------ the nightly job


@app.command(
    epilog=_examples(
        "pouch run configs/nightly.yaml --date 2026-11-01",
        "pouch run configs/nightly.yaml --date 2026-11-01 --recipient courier --dry-run",
        "pouch run configs/nightly.yaml --date 2026-11-01 --supersede",
    )
)
def run(
    job: JobPath,
    date: DateText,
    supersede: Annotated[
        bool, typer.Option(help="Replace a published release whose inputs changed.")
    ] = False,
    out: OutPath = Path("releases"),
    state: StatePath = Path(".pouch"),
    engine: Annotated[str, typer.Option(help="`local`; `spark` is not built yet.")] = "local",
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Child processes; bytes do not depend on it.")
    ] = 2,
    recipient: Annotated[str | None, typer.Option(help="Only this recipient's release.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, publish nothing.")] = False,
    format: Format = "table",
) -> int:
    """Read the logs of a date, protect them per recipient, check the bytes, publish.

    It finishes, or stops with one clear sentence and its own exit code; a plain rerun then succeeds. A release
    that is published already and whose inputs are equal is left as it is.
    """
    if engine != "local":
        raise NotBuilt(f"the {engine} engine is not built yet", hint="--engine local")
    from pipeline.release.report import print_summary
    from pipeline.run import run_job

    summary = run_job(
        job,
        date,
        out=out,
        state=state,
        workers=workers,
        supersede=supersede,
        recipient=recipient,
        dry_run=dry_run,
        show_progress=sys.stderr.isatty(),
    )
    with _reader_may_leave():
        print_summary(summary, _format(format))
    return summary.exit_code


@app.command(
    epilog=_examples(
        "pouch plan configs/nightly.yaml", "pouch plan configs/nightly.yaml --date 2026-11-01 --format json"
    )
)
def plan(
    job: JobPath,
    date: Annotated[
        str | None, typer.Option("--date", help="Also look at the input files of this date.")
    ] = None,
    format: Format = "table",
) -> None:
    """Show what will happen to each column of each release, with refusals and warnings, before any row is read."""
    from pipeline.release.report import print_plan
    from pipeline.run import look_at

    print_plan(look_at(job, date), _format(format))


@app.command(epilog=_examples("pouch report latest", "pouch report 20261101T030000-1f2e3d --format json"))
def report(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Show the report of a past run: counts, conservation, gate proof."""
    from pipeline.release.report import print_run
    from pipeline.state import open_state

    print_run(open_state(state), run, _format(format))


@app.command(epilog=_examples("pouch verify releases/analysts/2026-11-01"))
def verify(
    release: Annotated[Path, typer.Argument(help="Folder of a published release.")],
    format: Format = "table",
) -> int:
    """Check a published release again: hashes, schema, gate. Exit 1 when something is wrong."""
    from pipeline.release.verify import verify_release

    problems = verify_release(release)
    if _format(format) == "json":
        _print_json({"release": release.name, "ok": not problems, "problems": [str(p) for p in problems]})
    else:
        for problem in problems:
            print(f"pouch: {problem}", file=sys.stderr)
        if not problems:
            print(f"{release}: all checks passed")
    return 1 if problems else 0


# ------------------------------------------------------------------ detection


@app.command(
    epilog=_examples(
        "pouch scan sample_data/orders/2026-11-01/*.csv",
        "pouch scan orders.csv --format json",
    )
)
def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="CSV, JSON-lines or Parquet files.")],
    rows: Annotated[int, typer.Option(min=10, help="Rows sampled from each file.")] = 2000,
    delimiter: Annotated[str, typer.Option(help="Of CSV files.")] = ",",
    format: Annotated[str, typer.Option("--format", help="`yaml` to edit, `json`, or `table`.")] = "yaml",
) -> None:
    """Propose a catalog: the data class of each column, with evidence in words and rates, never a value.

    Read the proposal, correct it, and save it as the job's catalog.
    """
    from pipeline.detect.proposal import as_yaml, propose_files
    from pipeline.release.report import print_profiles

    with native_code_silenced():
        proposals = propose_files(paths, rows=rows, delimiter=delimiter)
    match format:
        case "yaml":
            print(as_yaml(proposals), end="")
        case "json":
            _print_json([proposal.as_dict() for proposal in proposals])
        case "table":
            print_profiles(proposals)
        case _:
            raise JobWrong("--format must be yaml, json or table")


@app.command(
    epilog=_examples(
        "pouch detect notes.txt",
        "pouch detect orders.csv --column delivery_note --linked consignee_name,mobile",
    )
)
def detect(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines, Parquet, or text (one text a line).")],
    column: Annotated[str, typer.Option("--column", help="Column with the texts.")] = "text",
    linked: Annotated[str, typer.Option(help="Identity columns of the same row, A,B.")] = "",
    all_entities: Annotated[
        bool, typer.Option("--all", help="Also dates, organizations and nationalities.")
    ] = False,
    delimiter: Annotated[str, typer.Option(help="Of CSV files.")] = ",",
    format: Annotated[str, typer.Option("--format", help="Always JSON lines.")] = "json",
) -> None:
    """Find personal data in free text: one JSON line a row, offsets in code points."""
    from pipeline.detect.free_text import detect_file

    columns = tuple(name for name in linked.split(",") if name)
    with native_code_silenced():
        for line in detect_file(file, column, linked=columns, all_entities=all_entities, delimiter=delimiter):
            print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


# ------------------------------------------------------------------ keys


@keys_app.command("init", epilog=_examples("pouch keys init configs/nightly.yaml"))
def keys_init(
    job: JobPath,
    if_absent: Annotated[
        bool, typer.Option("--if-absent", help="Leave an existing keyring as it is.")
    ] = False,
    format: Format = "table",
) -> None:
    """Make the keyring that a job names. An existing one is never overwritten."""
    from pipeline.revealing import init_keys

    keys = init_keys(job, if_absent=if_absent)
    if _format(format) == "json":
        _print_json(keys)
    elif keys["made"]:
        print(f"made {keys['keyring']} with key {', '.join(keys['key_ids'])}")
    else:
        print(f"{keys['keyring']} is there already")


@keys_app.command("list", epilog=_examples("pouch keys list configs/nightly.yaml --format json"))
def keys_list(job: JobPath, format: Format = "table") -> None:
    """List keys: id, created, state and public check value. Never a key."""
    from pipeline.release.report import print_keys
    from pipeline.revealing import list_keys

    print_keys(list_keys(job), _format(format))


@keys_app.command("rotate")
def keys_rotate(job: JobPath) -> None:
    """Start a new key epoch (not built yet)."""
    raise NotBuilt(
        "pouch keys rotate is not built yet", hint="rotation: monthly in a policy changes epochs by date"
    )


@keys_app.command("destroy")
def keys_destroy(job: JobPath) -> None:
    """Destroy a key with a receipt (not built yet)."""
    raise NotBuilt("pouch keys destroy is not built yet")


@app.command(
    epilog=_examples(
        "pouch reveal p1.k3f9a1c.… --job configs/nightly.yaml --recipient analysts "
        '--column orders.receiving_address --date 2026-11-01 --reason "ticket 4711"',
        'pouch reveal --quarantine latest --job configs/nightly.yaml --reason "repair of the feed"',
    )
)
def reveal(
    tokens: Annotated[
        list[str] | None, typer.Argument(help="Tokens; none reads them from standard input.")
    ] = None,
    job: Annotated[Path, typer.Option("--job", help="Job file.")] = Path("configs/nightly.yaml"),
    reason: Annotated[str, typer.Option("--reason", help="Why; goes into the audit log.")] = "",
    recipient: Annotated[str, typer.Option(help="Whose tokens.")] = "",
    column: Annotated[str, typer.Option(help="table.column of the tokens.")] = "",
    date: Annotated[str, typer.Option("--date", help="Date of the release.")] = "",
    quarantine: Annotated[
        str, typer.Option(help="Run id (or latest) whose quarantined records to show.")
    ] = "",
    state: StatePath = Path(".pouch"),
) -> None:
    """Turn tokens back, or open quarantined records. Needs a reason, which is written to the audit log first."""
    if len(reason.strip()) < 4:
        raise JobWrong("reveal needs --reason with a reason that an auditor understands")
    from pipeline.revealing import reveal_quarantine, reveal_tokens

    if quarantine:
        for record in reveal_quarantine(job, state, quarantine, reason):
            print(json.dumps(record, ensure_ascii=False))
        return
    given = tokens or [line.rstrip("\n") for line in sys.stdin]
    for value in reveal_tokens(job, state, recipient, column, date, given, reason):
        print(value)


# ------------------------------------------------------------------ named in the design, built by later issues


def _later(name: str, what: str) -> None:
    def command(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        raise NotBuilt(f"pouch {name} is not built yet")

    app.command(name, help=f"{what} (not built yet)", context_settings={"ignore_unknown_options": True})(
        command
    )


for _name, _what in {
    "diff": "Compare two jobs: policy change with its effect on data and risk",
    "risk": "Measure re-identification risk of a file, and search generalizations",
    "stats": "Run one statistics specification on any table",
    "erase": "Erase a subject: shred keys, withhold from later runs",
    "retain": "Apply retention: delete or anonymize what has expired",
    "budget": "Show the privacy budget",
}.items():
    _later(_name, _what)


def _format(value: str) -> str:
    if value not in ("table", "json"):
        raise JobWrong("--format must be table or json")
    return value


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    raise InternalError("run `pouch` or `python -m pipeline`")
