"""Commands about keys: make, list, rotate, destroy, and erase a subject."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import JobWrong
from pipeline.way_out import checked_format, print_json

keys_app = typer.Typer(help="Make, list, rotate and destroy the keys of a job.", no_args_is_help=True)

JobPath = Annotated[Path, typer.Argument(help="Job file, e.g. configs/nightly.yaml.")]
StatePath = Annotated[
    Path, typer.Option("--state", help="Where ledger, audit log and run reports live (0700).")
]
Format = Annotated[str, typer.Option("--format", help="`table` for people, `json` for programs.")]
_SHORTEST_REASON = 4


def _examples(*lines: str) -> str:
    return "**Examples**\n\n" + "\n\n".join(f"`{line}`" for line in lines)


@keys_app.command("init", epilog=_examples("pouch keys init configs/nightly.yaml"))
def keys_init(
    job: JobPath,
    if_absent: Annotated[
        bool, typer.Option("--if-absent", help="Leave an existing keyring as it is.")
    ] = False,
    format: Format = "table",
) -> None:
    """Make the keyring that a job names. An existing one is never overwritten."""
    checked_format(format)
    from pipeline.revealing import init_keys

    keys = init_keys(job, if_absent=if_absent)
    if format == "json":
        print_json(keys)
    elif keys["made"]:
        print(f"made {keys['keyring']} with key {', '.join(keys['key_ids'])}")
    else:
        print(f"{keys['keyring']} is there already")


@keys_app.command("list", epilog=_examples("pouch keys list configs/nightly.yaml --format json"))
def keys_list(job: JobPath, format: Format = "table") -> None:
    """List keys: id, created, state and public check value. Never a key."""
    checked_format(format)
    from pipeline.release.report import print_keys
    from pipeline.revealing import list_keys

    print_keys(list_keys(job), format)


@keys_app.command(
    "rotate", epilog=_examples('pouch keys rotate configs/nightly.yaml --reason "yearly rotation"')
)
def keys_rotate(
    job: JobPath,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes into the audit log.")] = "rotation",
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Make a new key for new tokens. The one before is retired: it still opens what it made.

    Tokens of later releases join with none of before. Policies with `rotation: monthly` or `quarterly` change their
    tokens by the release's date, without this command.
    """
    checked_format(format)
    refuse_no_reason("keys rotate", reason)
    from pipeline.changing_keys import rotate_keys

    rotated = rotate_keys(job, state, reason)
    if format == "json":
        print_json(rotated)
        return
    print(f"{rotated['keyring']}: {rotated['active']} is active; earlier keys open what they made")


@keys_app.command(
    "destroy",
    epilog=_examples(
        'pouch keys destroy configs/nightly.yaml --key k3f9a1c --reason "agreed end of the study"',
    ),
)
def keys_destroy(
    job: JobPath,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Id of the key; may be given several times.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes into the audit log.")] = "",
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Destroy keys for ever, with a receipt. What they made can be turned back by nobody; what needs them exits 3."""
    checked_format(format)
    refuse_no_reason("keys destroy", reason)
    from pipeline.changing_keys import destroy_keys
    from pipeline.receipt_text import print_keys_receipt

    print_keys_receipt(destroy_keys(job, state, tuple(key or ()), reason), format)


def erase(
    job: JobPath,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            "--subject", help="Id of the subject; the list of processes shows it, --subject-file does not."
        ),
    ] = None,
    subject_file: Annotated[
        Path | None, typer.Option("--subject-file", help="File with one id a line; - is standard input.")
    ] = None,
    data_class: Annotated[
        str | None, typer.Option("--class", help="What the id is; account_id, where subjects are accounts.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes into the audit log.")] = "",
    replay: Annotated[
        bool, typer.Option("--replay", help="Erase again on a key store that was put back from a backup.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Where releases are published.")] = Path("releases"),
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """Erase a subject: destroy its key, withhold it from later runs, and print a receipt of where it went before.

    The receipt says for each past release and column what becomes of the subject's cells. While a run is under way
    it exits 12; run it again afterwards.
    """
    checked_format(format)
    refuse_no_reason("erase", reason)
    from pipeline.erasing import erase as erase_now
    from pipeline.receipt_text import print_erasure

    ids = [*(subject or ()), *(_lines(subject_file) if subject_file is not None else ())]
    print_erasure(erase_now(job, state, out, ids, reason, data_class=data_class, replay=replay), format)


ERASE_EXAMPLES = _examples(
    'pouch erase configs/nightly.yaml --subject-file request-4711.txt --reason "request 4711"',
    'pouch erase configs/nightly.yaml --subject-file - --reason "request 4711" --format json',
)


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        text.encode()  # standard input may let bytes through that are none
    except (OSError, UnicodeError):
        raise JobWrong("--subject-file must be a text file (UTF-8) with one id a line") from None
    return [line for line in text.splitlines() if line]


def refuse_no_reason(command: str, reason: str) -> None:
    """Raise JobWrong unless there is a reason."""
    if len(reason.strip()) < _SHORTEST_REASON:
        raise JobWrong(
            f"{command} needs --reason with a reason that an auditor understands, "
            f"of at least {_SHORTEST_REASON} characters"
        )
