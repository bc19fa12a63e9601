"""What commands print: tables for people, JSON for programs. The HTML pages will be made here, too."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from pipeline.protect.model import ExportPlan, Plan, StatisticPlan, Step
from pipeline.release.run_record import ReleaseOutcome, RunSummary, outcome_as_json, read_run_record
from pipeline.statistics.model import measure_name

if TYPE_CHECKING:
    from pipeline.detect.columns import Profile
    from pipeline.state import State

__all__ = [
    "ReleaseOutcome",
    "RunSummary",
    "print_keys",
    "print_plan",
    "print_profiles",
    "print_rows",
    "print_run",
    "print_summary",
]

_ENDLESS = 10_000  # characters: wider than any table
_COUNTS = ("read", "published", "suppressed", "quarantined", "withheld")


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _print_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0
) -> None:
    """A table as wide as its cells where nobody looks at a terminal, so that no cell is ever cut."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in header:
        numeric = name in _COUNTS
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if not console.is_terminal:
        console = Console(width=_ENDLESS)
    with console.capture() as text:  # rich would end the process with 1 where the reader has gone
        console.print(table)
    print(text.get(), end="")


def print_rows(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table of any rows, for commands that have one."""
    _print_table(title, header, rows)


# ------------------------------------------------------------------ runs


def print_summary(summary: RunSummary, format: str) -> None:
    """The short table of releases: recipient, rows read/published/suppressed/quarantined/withheld, where."""
    if format == "json":
        _print_json(summary_as_json(summary))
        return
    rows: list[tuple[object, ...]] = []
    for outcome in summary.outcomes:
        if not outcome.counts:
            rows.append((outcome.recipient, "", "", "", "", "", ""))
        for counts in outcome.counts:
            numbers = (
                counts.rows_read,
                counts.rows_published,
                counts.rows_suppressed,
                counts.rows_quarantined,
                counts.rows_withheld,
            )
            rows.append((outcome.recipient, counts.table, *numbers))
    _print_table(f"{summary.job}, {summary.date}", ("recipient", "table", *_COUNTS), rows)
    print()
    # Where stands below, not beside: paths are long, and eight columns fit a terminal of 80.
    _print_table(
        "", ("release", "status", "where"), [(o.recipient, o.status, o.path or "-") for o in summary.outcomes]
    )
    _complain(outcome.problems for outcome in summary.outcomes)


def _complain(problems: Iterable[Iterable[object]]) -> None:
    import sys

    for problem in (problem for group in problems for problem in group):
        print(f"pouch: {problem}", file=sys.stderr)


def summary_as_json(summary: RunSummary) -> dict[str, Any]:
    """The same for programs."""
    return {
        "run": summary.run,
        "job": summary.job,
        "date": summary.date,
        "exit_code": summary.exit_code,
        "releases": [outcome_as_json(outcome) for outcome in summary.outcomes],
        "warnings": list(summary.warnings),
    }


def print_run(state: "State", run: str, format: str) -> None:
    """The report of a past run. Raises JobWrong where there is none."""
    from pipeline.errors import JobWrong
    from pipeline.release.run_record import report_text

    if run == "latest":
        last = state.runs.last(1)
        if not last:
            raise JobWrong("no run is on record yet", where=str(state.root.name))
        run = last[0].run
    manifest = read_run_record(state.run_dir(run))
    if format == "json":
        _print_json(manifest)
        return
    print(report_text(manifest), end="")


# ------------------------------------------------------------------ plan


def print_plan(plan: Plan, format: str) -> None:
    """Every column of every release, then the warnings."""
    if format == "json":
        _print_json(plan_as_json(plan))
        return
    for release in plan.releases:
        print(f"{release.recipient}: {release.purpose}, basis {release.basis}, epoch {release.epoch}")
        for export in release.exports:
            _print_export(export)
        for entry in release.statistics:
            _print_statistic(entry)
        print()
    for warning in all_warnings(plan):
        print(f"warning: {warning}")


def _print_export(export: ExportPlan) -> None:
    rows = [
        (step.column, step.data_class, step.transform.transform, _output(step))
        for step in export.steps
        if step.published
    ]
    _print_table(f"table {export.table}", ("column", "class", "transform", "published as"), rows)
    dropped = [step.column for step in export.steps if not step.published]
    if dropped:
        print(f"{len(dropped)} columns not published: {', '.join(dropped)}")


def _print_statistic(entry: StatisticPlan) -> None:
    spec = entry.spec
    dimensions = [f"{d.column} by {d.unit}" if d.unit else d.column for d in spec.dimensions]
    measures = [measure_name(measure) for measure in spec.measures]
    print(
        f"statistic {entry.name}: {', '.join(measures)} of {spec.table} by {', '.join(dimensions)};"
        f" cells of at least {spec.protect.min_people} people"
    )


def all_warnings(plan: Plan) -> tuple[str, ...]:
    """Warnings of the plan and of its steps, each once."""
    found = [*plan.warnings]
    for release in plan.releases:
        for export in release.exports:
            for step in export.steps:
                found += [
                    f"{release.recipient}.{export.table}.{step.column}: {warning}"
                    for warning in step.warnings
                ]
    return tuple(dict.fromkeys(found))


def _output(step: Step) -> str:
    return f"{step.type}: {step.domain.description}" if step.domain is not None else "not published"


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan for programs: no key, no value."""
    return {
        "job": plan.job,
        "date": plan.date,
        "digest": plan.digest,
        "tables": {name: dict(table.classes) for name, table in sorted(plan.tables.items())},
        "releases": [
            {
                "recipient": release.recipient,
                "purpose": release.purpose,
                "basis": release.basis,
                "epoch": release.epoch,
                "policy_digest": release.policy_digest,
                "exports": [
                    {
                        "table": export.table,
                        "format": export.format,
                        "columns": [_step(step) for step in export.steps],
                    }
                    for export in release.exports
                ],
                "statistics": [
                    {"name": entry.name, **entry.spec.model_dump(mode="json")} for entry in release.statistics
                ],
            }
            for release in plan.releases
        ],
        "warnings": list(all_warnings(plan)),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "column": step.column,
        "class": step.data_class,
        "transform": step.transform.model_dump(mode="json", exclude_none=True),
        "technique": step.transform.technique,
        "published": step.published,
        "type": str(step.type) if step.type is not None else None,
        "output": step.domain.description if step.domain is not None else None,
        "warnings": list(step.warnings),
    }


# ------------------------------------------------------------------ detection and keys


def print_profiles(profiles: Iterable["Profile"]) -> None:
    """A proposed catalog, with evidence in words and rates."""
    header = ("table", "column", "class", "grade", "confidence", "evidence")
    rows = [
        (p.table, p.column, p.data_class, p.grade, f"{p.confidence:.2f}", "; ".join(p.evidence))
        for p in profiles
    ]
    _print_table("proposed catalog", header, rows)


def print_keys(keys: Iterable[object], format: str) -> None:
    """Ids, dates, states and public check values. Never a key."""
    rows = [_as_mapping(key) for key in keys]
    if format == "json":
        _print_json(rows)
        return
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    _print_table("keys", header, [[row.get(name, "") for name in header] for row in rows])


def _as_mapping(entry: object) -> dict[str, Any]:
    if isinstance(entry, Mapping):
        return dict(entry)
    if is_dataclass(entry) and not isinstance(entry, type):
        return asdict(entry)
    raise TypeError(f"must be a mapping or a dataclass, not {type(entry).__name__}")
