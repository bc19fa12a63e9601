"""What `pouch stats` is asked for, and everything that is known of it before the first row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config.hierarchies import fill_trees
from pipeline.config.loading import digest_of
from pipeline.config.models import NAME_PATTERN, TableSource
from pipeline.config.reading import problem_at, read_yaml
from pipeline.config.statistics_models import StatisticsSpec
from pipeline.config.validating import validate
from pipeline.errors import (
    InputUnreadable,
    JobWrong,
    Problem,
    nearest,
    refuse,
)
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan
from pipeline.readiness import day_of
from pipeline.state.budget_events import Charge, Release
from pipeline.state.budget_limits import allowances, bucket
from pipeline.statistics.dp_checking import cost_of
from pipeline.statistics.specification import check_specification
from pipeline.statistics.untyped import Untyped, held_rows, open_untyped, with_amounts


@dataclass(frozen=True)
class StatsOrder:
    """What one call of `pouch stats` asks for."""

    spec: Path
    inputs: Mapping[str, Path]
    recipient: str
    out: Path
    state: Path
    date: str = ""
    purpose: str = "statistics"
    delimiter: str = ","
    encoding: str = "utf-8"
    timezone: str = "UTC"
    leave_out: float = 0.0  # largest share of records that may be unusable
    known: Mapping[str, Path] = field(default_factory=dict)  # table -> rows that a recipient holds


@dataclass(frozen=True)
class Prepared:
    """Everything that is known before the first row."""

    spec: StatisticsSpec
    plan: Plan
    tables: Mapping[str, Untyped]
    held: Mapping[str, Untyped]
    charge: Charge

    @property
    def release(self) -> Release:
        """The release in the ledger."""
        return self.charge.release


def load_statistics(path: Path) -> StatisticsSpec:
    """Read a specification. Raises JobWrong with every problem."""
    document = read_yaml(path, str(path))
    spec, problems = validate(document, StatisticsSpec)
    refuse(problems)
    assert isinstance(spec, StatisticsSpec)  # or there were problems
    filled, wrong = fill_trees(spec, Path.cwd())
    refuse([problem_at(document, place, message) for place, message in wrong])
    return filled


def prepare(order: StatsOrder) -> Prepared:
    """Check everything that can be checked before the first row. Raises JobWrong, InputUnreadable."""
    spec = load_statistics(order.spec)
    if order.date:
        day_of(order.date)
    refuse([*_named(order), *_inputs_fit(order, spec), *_unreadable(order)])
    tables = {
        name: open_untyped(
            name, path, {one: s for one, s in spec.statistics.items() if name in s.tables}, _source(order)
        )
        for name, path in sorted(order.inputs.items())
    }
    refuse(_problems(spec, tables, order))
    # The first reading of rows.
    tables = {name: with_amounts(table, order.leave_out) for name, table in tables.items()}
    held = {name: held_rows(path, tables[name]) for name, path in sorted(order.known.items())}
    plan = _plan(order, spec, tables)
    mechanism, loss = cost_of(spec.statistics, {name: table.classes for name, table in tables.items()})
    release = Release(
        order.recipient,
        "+".join(sorted(tables)),
        order.date,
        plan.digest,
        digest_of(
            [
                [name, table.digest, dict(table.classes), table.source.model_dump(mode="json")]
                for name, table in tables.items()
            ]
            + [[f"known {name}", table.digest] for name, table in held.items()]
        ),
    )
    return Prepared(spec, plan, tables, held, Charge(release, mechanism, loss, spec.budget))


def _source(order: StatsOrder) -> TableSource:
    try:
        return TableSource(
            path="input",
            subject="none",
            delimiter=order.delimiter,
            encoding=order.encoding,
            timezone=order.timezone,
        )
    except ValueError:
        raise JobWrong(
            "--delimiter must be one character, --encoding one that Python knows, --timezone an IANA zone"
        ) from None


def _named(order: StatsOrder) -> list[Problem]:
    if re.fullmatch(NAME_PATTERN, order.recipient):
        return []
    message = "--recipient must be a name of lowercase letters, digits and _, beginning with a letter"
    return [Problem(JobWrong.code, "", message, "e.g. --recipient market_research")]


def _unreadable(order: StatsOrder) -> list[Problem]:
    given = [("--input", order.inputs), ("--known", order.known)]
    return [
        Problem(InputUnreadable.code, f"{option} {name}", f"there is no file {path.name}", "check the path")
        for option, files in given
        for name, path in sorted(files.items())
        if not path.is_file()
    ]


def _inputs_fit(order: StatsOrder, spec: StatisticsSpec) -> list[Problem]:
    needed = {table for one in spec.statistics.values() for table in one.tables}
    problems = [
        Problem(JobWrong.code, str(order.spec), f"table {name} has no input", f"--input {name}=FILE")
        for name in sorted(needed - set(order.inputs))
    ]
    problems += [
        Problem(JobWrong.code, f"--input {name}", "no statistic reads this table", nearest(name, needed))
        for name in sorted(set(order.inputs) - needed)
    ]
    problems += [
        Problem(JobWrong.code, f"--known {name}", "no statistic reads this table", nearest(name, needed))
        for name in sorted(set(order.known) - needed)
    ]
    return problems


def _problems(spec: StatisticsSpec, tables: Mapping[str, Untyped], order: StatsOrder) -> list[Problem]:
    known = {name: (table.source, table.classes) for name, table in tables.items()}
    problems = list(check_specification(spec, known))
    if spec.budget is not None and not problems:
        for _, _, allowance in allowances(spec.budget, order.recipient):
            bucket(order.date, allowance.refresh)  # raises where the release needs a date
    return problems


def _plan(order: StatsOrder, spec: StatisticsSpec, tables: Mapping[str, Untyped]) -> Plan:
    # What it may cost is no part of what it is: a larger budget does not make a new release.
    digest = digest_of({name: one.model_dump(mode="json") for name, one in spec.statistics.items()})
    release = ReleasePlan(
        0,
        order.recipient,
        order.purpose,
        "not stated",
        "static",
        digest,
        statistics=tuple(StatisticPlan(name, one) for name, one in spec.statistics.items()),
    )
    plans = {name: table.plan for name, table in tables.items()}
    return Plan("stats", order.date or order.spec.stem, plans, (release,), digest)
