"""`pouch stats` and `pouch budget`: words to calls."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import JobWrong
from pipeline.way_out import checked_format, print_json

budget_app = typer.Typer(
    help="Show what the ledger of statistics has spent, on what, and how many releases are left.",
    no_args_is_help=True,
)

SpecPath = Annotated[
    Path, typer.Argument(metavar="SPEC", help="Specification, e.g. configs/statistics/market.yaml.")
]
Inputs = Annotated[
    list[str],
    typer.Option("--input", metavar="NAME=FILE", help="A table of the specification; repeat for more."),
]
StatePath = Annotated[Path, typer.Option("--state", help="Where ledger, history and evidence live (0700).")]
Format = Annotated[str, typer.Option("--format", help="`table` for people, `json` for programs.")]
DateText = Annotated[str, typer.Option("--date", help="Date of the release, YYYY-MM-DD; names its folder.")]


def _examples(*lines: str) -> str:
    return "**Examples**\n\n" + "\n\n".join(f"`{line}`" for line in lines)


def register(app: typer.Typer) -> None:
    """Add the commands to `pouch`."""
    app.command(
        "stats",
        epilog=_examples(
            "pouch stats market.yaml --input orders=orders.csv --recipient market_research --out releases",
            "pouch stats market.yaml --input orders=2026-11-01.parquet --recipient market_research "
            "--date 2026-11-01 --state .pouch --format json",
        ),
    )(stats)
    app.add_typer(budget_app, name="budget")


def stats(
    spec: SpecPath,
    input: Inputs,
    recipient: Annotated[
        str, typer.Option(help="Who gets the tables; budget and history are kept for them.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the release is published.")] = Path("releases"),
    state: StatePath = Path(".pouch"),
    date: DateText = "",
    purpose: Annotated[str, typer.Option(help="Stated in the manifest.")] = "statistics",
    known: Annotated[
        list[str] | None,
        typer.Option(
            "--known",
            metavar="NAME=FILE",
            help="Rows that a recipient holds already: their people count as known. Same columns as the table.",
        ),
    ] = None,
    leave_out: Annotated[
        float,
        typer.Option("--leave-out", min=0, max=1, help="Largest share of records that may be unusable."),
    ] = 0.0,
    delimiter: Annotated[str, typer.Option(help="Of CSV files.")] = ",",
    encoding: Annotated[str, typer.Option(help="Of CSV and JSON-lines files.")] = "utf-8",
    timezone: Annotated[str, typer.Option(help="Time zone of times without offset.")] = "UTC",
    format: Format = "table",
) -> None:
    """Run one specification of statistics on any table (CSV, JSON lines, Parquet), without a job and a catalog.

    Tables go to OUT/RECIPIENT/DATE/statistics, or, without --date, to a folder named as SPEC. What leaves is
    remembered under --state: asked again for equal input, the same bytes are served at no charge; changed input is
    a new release and, with noise, a new charge. Exit 10: the privacy budget is exhausted, nothing was published.
    """
    checked_format(format)
    from pipeline.standalone import StatsOrder, run_statistics
    from pipeline.statistics_report import print_stats

    order = StatsOrder(
        spec,
        _named_files("--input", input),
        recipient,
        out,
        state,
        date,
        purpose,
        delimiter,
        encoding,
        timezone,
        leave_out,
        _named_files("--known", known or []),
    )
    print_stats(run_statistics(order), format)


def _named_files(option: str, given: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in given:
        name, separator, path = one.partition("=")
        if not (separator and name and path):
            raise JobWrong(f"{option} must be NAME=FILE", hint=f"{option} orders=orders.csv")
        if name in found:
            raise JobWrong(f"{option} names {name} twice", hint="one file a table")
        found[name] = Path(path)
    return found


@budget_app.command(
    "show", epilog=_examples("pouch budget show", "pouch budget show --state .pouch --format json")
)
def show(state: StatePath = Path(".pouch"), format: Format = "table") -> None:
    """Show what each recipient's releases have spent, and the limits that held at their last charge."""
    checked_format(format)
    from pipeline.statistics_report import budgets_of, print_budgets

    print_budgets(budgets_of(state), format)


@budget_app.command(
    "explain",
    epilog=_examples(
        "pouch budget explain", "pouch budget explain --recipient market_research --format json"
    ),
)
def explain(
    recipient: Annotated[str | None, typer.Option(help="Only this recipient's releases.")] = None,
    state: StatePath = Path(".pouch"),
    format: Format = "table",
) -> None:
    """List every release of statistics with its charge, how far it came, and what all mean for one person."""
    checked_format(format)
    from pipeline.statistics_report import print_releases, releases_of

    print_releases(releases_of(state, recipient), format)


@budget_app.command(
    "simulate",
    epilog=_examples(
        "pouch budget simulate market.yaml --recipient market_research",
        "pouch budget simulate market.yaml --recipient market_research --date 2026-11-01 --format json",
    ),
)
def simulate(
    spec: SpecPath,
    recipient: Annotated[str, typer.Option(help="Whose budget.")],
    state: StatePath = Path(".pouch"),
    date: DateText = "",
    format: Format = "table",
) -> None:
    """Tell what one release of SPEC costs and how many nights are left, without any data. Charges nothing."""
    checked_format(format)
    from pipeline.statistics_report import print_simulation, simulate_nights

    if format == "json":
        print_json(simulate_nights(spec, recipient, state, date))
    else:
        print_simulation(simulate_nights(spec, recipient, state, date))
