"""The command line: words to calls, errors to exit codes. No stage is called here but through `run.py` and rooms."""

import json
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pipeline import cli_statistics
from pipeline.cli_keys import ERASE_EXAMPLES, erase, keys_app, refuse_no_reason
from pipeline.errors import InternalError, JobWrong, NotBuilt
from pipeline.events import native_code_silenced
from pipeline.way_out import (
    Commands,
    checked_format,
    end_with,
    json_text,
    leave,
    print_json,
    reader_may_leave,
)

_RUNS_LISTED = 20
_LATER = {
    "diff": "Compare two jobs: policy change with its effect on data and risk",
    "risk": "Measure re-identification risk of a file, and search generalizations",
    "retain": "Apply retention: delete or anonymize what has expired",
}

app = typer.Typer(
    name="pouch",
    cls=Commands,
    help="De-identify order and device logs every night, per policy and per recipient.",
    epilog=f"Not built yet: {', '.join(_LATER)}.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(keys_app, name="keys")
app.command(epilog=ERASE_EXAMPLES)(erase)
cli_statistics.register(app)

JobPath = Annotated[Path, typer.Argument(help="Job file, e.g. configs/nightly.yaml.")]
DateText = Annotated[str, typer.Option("--date", help="Date of the release, YYYY-MM-DD.")]
OutPath = Annotated[Path, typer.Option("--out", help="Where releases are published.")]
StatePath = Annotated[
    Path, typer.Option("--state", help="Where ledger, audit log and run reports live (0700).")
]
Delimiter = Annotated[str, typer.Option(help="Of CSV files.")]
Format = Annotated[str, typer.Option("--format", help="`table` for people, `json` for programs.")]


def main() -> NoReturn:
    """Run the command line and end the process; every way out has its documented exit code."""
    end_with(lambda: leave(app))


def _show_version(asked: bool) -> None:
    if asked:
        from pipeline import __version__

        print(f"pouch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of no command."""


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
    checked_format(format)
    if engine != "local":
        raise NotBuilt(f"the {engine} engine is not built yet", hint="--engine local")
    from pipeline.engines.native import keep_pandas_out
    from pipeline.run import run_job

    keep_pandas_out()
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
    from pipeline.release.report import print_summary

    with reader_may_leave():
        print_summary(summary, format)
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
    checked_format(format)
    from pipeline.release.report import print_plan
    from pipeline.run import look_at

    print_plan(look_at(job, date), format)


@app.command(
    epilog=_examples(
        "pouch report", "pouch report latest", "pouch report 20261101T021500Z-1a2b3c4d --format json"
    )
)
def report(
    run: Annotated[
        str | None, typer.Argument(help=f"Run id, or latest; none lists the last {_RUNS_LISTED} runs.")
    ] = None,
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Show the report of a past run: counts, conservation, gate proof. Without a run, list the last ones."""
    checked_format(format)
    from pipeline.release.report import print_run
    from pipeline.release.run_list import print_runs
    from pipeline.state import open_state

    if run is None:
        print_runs(open_state(state).runs.last(_RUNS_LISTED), format)
    else:
        print_run(open_state(state), run, format)


@app.command(epilog=_examples("pouch verify releases/analysts/2026-11-01"))
def verify(
    release: Annotated[Path, typer.Argument(help="Folder of a published release.")],
    format: Format = "table",
) -> int:
    """Check a published release again: hashes, schema, gate. Exit 1 when something is wrong."""
    checked_format(format)
    from pipeline.release.verify import verify_release

    problems = verify_release(release)
    if format == "json":
        print_json({"release": release.name, "ok": not problems, "problems": [str(p) for p in problems]})
    else:
        for problem in problems:
            print(f"pouch: {problem}", file=sys.stderr)
        if not problems:
            print(f"{release}: all checks passed")
    return 1 if problems else 0


# ------------------------------------------------------------------ detection


@app.command(epilog=_examples("pouch scan orders/*.csv", "pouch scan orders.csv --explain consignee"))
def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="CSV, JSON-lines or Parquet files.")],
    rows: Annotated[int, typer.Option(min=10, help="Rows sampled from each file.")] = 2000,
    delimiter: Delimiter = ",",
    encoding: Annotated[str, typer.Option(help="Of CSV, JSON-lines and text files.")] = "utf-8",
    table: Annotated[
        str | None,
        typer.Option(help="The files together are this one table; else each is named by its stem."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Tell what spoke for and against this column's class."),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="`yaml` to edit, `json`, or `table`.")] = "yaml",
) -> None:
    """Propose a catalog: the data class of each column, with evidence in words and rates, never a value.

    Read the proposal, correct it, and save it as the job's catalog.
    """
    checked_format(format, "yaml", "json", "table")
    from pipeline.detect.explaining import explain_files
    from pipeline.detect.proposal import Reading, as_yaml, propose_files
    from pipeline.release.report import print_profiles

    notes: list[str] = []
    reading = Reading(rows, delimiter, encoding)
    try:
        with native_code_silenced():
            if explain is not None:
                lines = explain_files(paths, explain, reading, table=table, tell=notes.append)
            else:
                proposals = propose_files(paths, reading, table=table, tell=notes.append)
    finally:
        _print_notes(notes)
    match format:
        case _ if explain is not None:
            print_json(lines) if format == "json" else print("\n".join(lines))
        case "yaml":
            print(as_yaml(proposals), end="")
        case "json":
            print_json([proposal.as_dict() for proposal in proposals])
        case _:
            print_profiles(proposals)


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
    known: Annotated[str, typer.Option(help="Identity columns whose values count in every row, A,B.")] = "",
    all_entities: Annotated[
        bool, typer.Option("--all", help="Also dates, organizations, lone towns.")
    ] = False,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Names that no column tells.")] = True,
    country: Annotated[str, typer.Option(help="Also Presidio's national recognizers, A,B.")] = "",
    recognizers: Annotated[str, typer.Option(help="Also own ones: YAML files, module:name.")] = "",
    delimiter: Delimiter = ",",
    format: Annotated[str, typer.Option("--format", help="Always JSON lines.")] = "json",
) -> None:
    """Find personal data in free text: one JSON line a row, offsets in code points.

    A record that cannot be read is skipped and counted on stderr; `row` is the number of the record from 0.
    """
    if format != "json":
        raise JobWrong("--format must be json")
    from pipeline.detect.free_text import detect_file
    from pipeline.detect.others import Wanted

    lists = (tuple(filter(None, given.split(","))) for given in (linked, known, country, recognizers))
    columns, everywhere, *others = lists
    notes: list[str] = []
    with native_code_silenced():
        search = partial(
            detect_file, linked=columns, known=everywhere, all_entities=all_entities, names=names
        )
        lines = search(file, column, wanted=Wanted(*others), delimiter=delimiter, tell=notes.append)
    _print_notes(notes)
    with native_code_silenced():
        for line in lines:
            print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def _print_notes(notes: list[str]) -> None:
    """Tell what does not stop a command; never where native code is silenced, for stderr leads nowhere there."""
    for note in notes:
        print(f"pouch: {note}", file=sys.stderr)


# ------------------------------------------------------------------ keys


@app.command(
    epilog=_examples(
        "pouch reveal p1.k3f9a1c.… --job configs/nightly.yaml --recipient analysts "
        '--column orders.receiving_address --date 2026-11-01 --reason "ticket 4711"',
        'pouch reveal --quarantine latest --job configs/nightly.yaml --reason "repair of the feed" '
        "--out records.jsonl",
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
    manifest: Annotated[
        Path | None,
        typer.Option(help="Of the release; for format-preserving tokens, default: the published one."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A new file (0600) for what is revealed, instead of standard output."),
    ] = None,
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Turn tokens back, or open quarantined records. Needs a reason, which is written to the audit log first."""
    checked_format(format)
    refuse_no_reason("reveal", reason)
    from pipeline.revealing import refuse_taken, reveal_quarantine, reveal_tokens, write_revealed

    if out is not None:
        refuse_taken(out)
    lines: Iterable[str]
    if quarantine:
        records = reveal_quarantine(job, state, quarantine, reason)
        lines = (json.dumps(record, ensure_ascii=False) for record in records)
        if format == "json":
            lines = [json_text(list(records))]
    else:
        given = tokens or [line.rstrip("\n") for line in sys.stdin]
        lines = reveal_tokens(job, state, recipient, column, date, given, reason, manifest)
        if format == "json":
            pairs = zip(given, lines, strict=True)
            lines = [json_text([{"token": one, "value": value} for one, value in pairs])]
    if out is not None:
        write_revealed(out, lines)
        print_json({"out": str(out)}) if format == "json" else print(f"made {out}")
        return
    for line in lines:
        print(line)


# ------------------------------------------------------------------ named in the design, built by later issues


def _later(name: str, what: str) -> None:
    def command(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        raise NotBuilt(f"pouch {name} is not built yet")

    app.command(
        name,
        help=f"{what} (not built yet)",
        hidden=True,
        context_settings={"ignore_unknown_options": True},
    )(command)


for _name, _what in _LATER.items():
    _later(_name, _what)


if __name__ == "__main__":
    raise InternalError("run `pouch` or `python -m pipeline`")
