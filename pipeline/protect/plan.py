"""Policy x catalog x schema -> the plan; every refusal that can come before the first row comes here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.loading import Config, digest_of
from pipeline.config.models import Policy, ReleaseSpec, TableSource
from pipeline.errors import (
    Drift,
    InputUnreadable,
    JobWrong,
    Problem,
    nearest,
    refuse,
    shown_name,
)
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, StatisticPlan, Step, TablePlan
from pipeline.protect.steps import resolve_step
from pipeline.protect.subjects import ACCOUNT
from transforms import Drop, Keyring
from transforms.context import Context

PLAN_VERSION = 1


@dataclass(frozen=True)
class Schema:
    """What the input of one table looks like before any row is read."""

    columns: tuple[str, ...]  # empty where only the rows tell (JSON lines)
    complete: bool  # whether a catalogued column that is not among them is missing


def make_plan(
    config: Config,
    schemas: Mapping[str, Schema],
    date: str,
    keyring: Keyring | None,
    earlier: Sequence[Problem] = (),
) -> Plan:
    """Resolve every column of every release, or refuse with all problems at once.

    `keyring` may be None for a dry look; then no key is checked. `earlier` are problems that other stages found
    before, so that they are listed together.

    Raises:
        PouchError: the smallest code of what is wrong: 2 policy or contract, 3 key, 5 unsuitable, 11 drift.

    """
    problems = [*earlier]
    for table, schema in schemas.items():
        problems += _drift(table, schema, config.catalog[table], config.job.tables[table])
    releases = []
    for number, spec in enumerate(config.job.releases):
        release, found = _release(config, spec, number, date, keyring)
        problems += found
        releases.append(release)
    refuse(problems)
    tables = {
        name: _table(name, config, releases) for name in sorted({t for r in releases for t in r.tables})
    }
    return Plan(
        job=config.job.job,
        date=date,
        tables=tables,
        releases=tuple(releases),
        digest=digest_of(
            PLAN_VERSION,
            date,
            config.catalog,
            [config.job.model_dump(mode="json")["tables"]],
            [release_digest(release) for release in releases],
        ),
        warnings=(*_clear_without_contract(config, releases), *_clear_in_both(releases)),
    )


def for_releases(plan: Plan, numbers: frozenset[int]) -> Plan:
    """Return the plan with only some releases; numbers and tables' columns stay as they are."""
    chosen = tuple(release for release in plan.releases if release.number in numbers)
    needed = {table for release in chosen for table in release.tables}
    return replace(plan, releases=chosen, tables={k: v for k, v in plan.tables.items() if k in needed})


def release_digest(release: ReleasePlan) -> str:
    """SHA-256, in hex, over everything in a release that decides its bytes, except inputs and keys."""
    return digest_of(
        release.recipient,
        release.purpose,
        release.basis,
        release.epoch,
        release.key_id,
        release.expires_after_days,
        [
            [
                e.table,
                e.format,
                [[s.column, s.data_class, s.transform.model_dump(mode="json")] for s in e.steps],
            ]
            for e in release.exports
        ],
        [[s.name, s.spec.model_dump(mode="json")] for s in release.statistics],
    )


def epoch_of(rotation: str, date: str) -> str:
    """Name of the key epoch of a release's date: `static`, `2026-11` or `2026-q4`."""
    year, month = date[:4], int(date[5:7])
    match rotation:
        case "monthly":
            return f"{year}-{month:02d}"
        case "quarterly":
            return f"{year}-q{(month + 2) // 3}"
        case _:
            return "static"


# ------------------------------------------------------------------ schema drift


def _drift(table: str, schema: Schema, catalog: Mapping[str, str], source: TableSource) -> Iterator[Problem]:
    unknown = [column for column in schema.columns if column not in catalog]
    if schema.columns and len(unknown) == len(schema.columns):
        yield Problem(
            Drift.code, table, "no column of its files is in the catalog", "is the header line missing?"
        )
        return
    for column in unknown:
        hint = nearest(column, catalog) or "propose a class with `pouch scan`, then add it to the catalog"
        yield Problem(Drift.code, table, f"column {shown_name(column)} is not in the catalog", hint)
    if schema.complete and schema.columns:
        for column in catalog:
            if column not in schema.columns:
                yield Problem(
                    Drift.code,
                    table,
                    f"column {column} of the catalog is missing in its files",
                    "did the source change?",
                )


# ------------------------------------------------------------------ releases


def _release(
    config: Config, spec: ReleaseSpec, number: int, date: str, keyring: Keyring | None
) -> tuple[ReleasePlan, list[Problem]]:
    problems: list[Problem] = []
    exports = []
    policy = config.policies.get(spec.policy) if spec.policy else None
    epoch = epoch_of(policy.rotation if policy else "static", date)
    for table in spec.tables if policy else ():
        assert policy is not None
        steps, found = _steps(config, policy, spec, table, date, epoch)
        problems += found
        exports.append(ExportPlan(table, spec.format, steps))
        problems += _contract(policy, spec, table, steps, config.catalog[table])
        if not found and not any(step.published for step in steps):  # a refused column is not a dropped one
            problems.append(
                Problem(
                    JobWrong.code, f"{spec.recipient}.{table}", "every column is dropped: nothing to publish"
                )
            )
    specs = config.statistics[spec.statistics].statistics if spec.statistics else {}
    if spec.basis == "consent":
        problems += _people_needed(
            config, spec, [*spec.tables, *(t for s in specs.values() for t in s.tables)]
        )
    release = ReleasePlan(
        number=number,
        recipient=spec.recipient,
        purpose=spec.purpose,
        basis=spec.basis,
        epoch=epoch,
        policy_digest=digest_of(
            policy or "", [[k, v.model_dump(mode="json")] for k, v in sorted(specs.items())]
        ),
        exports=tuple(exports),
        statistics=tuple(StatisticPlan(name, statistic) for name, statistic in sorted(specs.items())),
        expires_after_days=spec.expires_after_days,
        key_id=keyring.active if keyring else "",
    )
    return release, problems


def _people_needed(config: Config, spec: ReleaseSpec, tables: Sequence[str]) -> Iterator[Problem]:
    """Consent is given by accounts: a table that names none would be withheld whole."""
    for table in dict.fromkeys(tables):
        columns = config.job.tables[table].subject_columns if table in config.job.tables else ()
        if columns and not any(config.catalog[table].get(column) == ACCOUNT for column in columns):
            yield Problem(
                JobWrong.code,
                f"{spec.recipient}.{table}",
                f"consent is given by accounts, and no subject column of this table is of class {ACCOUNT}",
                f"add a column of class {ACCOUNT} to its subject, or release it on another basis",
            )
        if table in config.job.tables and not config.job.tables[table].subject_columns:
            yield Problem(
                JobWrong.code,
                f"{spec.recipient}.{table}",
                "consent needs a subject, and this table's is none",
                "name the subject column, or release it on another basis",
            )


def _contract(
    policy: Policy, spec: ReleaseSpec, table: str, steps: Sequence[Step], catalog: Mapping[str, str]
) -> Iterator[Problem]:
    if policy.contract is None:
        return
    where = f"{spec.recipient}.{table}"
    if table not in policy.contract:
        yield Problem(
            JobWrong.code, where, f"the contract of policy {policy.policy} does not list this table"
        )
        return
    declared = policy.contract[table]
    published = [step.column for step in steps if step.published]
    for column in declared:
        if column not in catalog:
            yield Problem(
                JobWrong.code,
                where,
                f"the contract lists {column}, the catalog has no column {column}",
                nearest(column, catalog),
            )
        elif column not in published:
            hint = nearest(column, published) or "give its class a rule"
            yield Problem(
                JobWrong.code, where, f"the contract lists {column}, the release would lack it", hint
            )
    for column in published:
        if column not in declared:
            yield Problem(
                JobWrong.code,
                where,
                f"the release would hold {column}, the contract does not list it",
                f"drop it: columns: {{{table}.{column}: {{transform: drop}}}}",
            )


def _steps(
    config: Config, policy: Policy, spec: ReleaseSpec, table: str, date: str, epoch: str
) -> tuple[tuple[Step, ...], list[Problem]]:
    steps = []
    problems = []
    for column, class_id in config.catalog[table].items():
        where = f"{spec.recipient}.{table}.{column}"
        transform = policy.columns.get(f"{table}.{column}") or policy.rules.get(class_id)
        if transform is None and policy.otherwise == "refuse":
            problems.append(
                Problem(
                    JobWrong.code,
                    where,
                    f"policy {policy.policy} has no rule for class {class_id}",
                    f"add {class_id}: {{transform: …}} or otherwise: drop",
                )
            )
            continue
        data_class = CLASSES[class_id]
        context = Context(spec.recipient, spec.purpose, "", epoch, date, table)
        step, problem = resolve_step(
            where, data_class, column, transform or Drop(transform="drop"), context, config.job.tables[table]
        )
        problems += problem
        if step is not None:
            steps.append(step)
    return tuple(steps), problems


# ------------------------------------------------------------------ tables


def _table(name: str, config: Config, releases: Sequence[ReleasePlan]) -> TablePlan:
    classes = config.catalog[name]
    source = config.job.tables[name]
    published = {
        step.column
        for r in releases
        for e in r.exports
        if e.table == name
        for step in e.steps
        if step.published
    }
    counted = {
        c for r in releases for s in r.statistics if name in s.spec.tables for c in statistic_columns(s, name)
    }
    identities = {column for column, c in classes.items() if CLASSES[c].kind == "direct_identifier"}
    used = published | counted | identities | set(source.subject_columns)
    typed = {c: CLASSES[classes[c]].value_type for c in sorted(published | counted)}
    return TablePlan(
        name=name,
        source=source,
        classes=dict(classes),
        types={column: kind for column, kind in typed.items() if not pa.types.is_string(kind)},
        used=frozenset(used & set(classes)),
    )


def statistic_columns(statistic: StatisticPlan, table: str) -> frozenset[str]:
    """Columns of one table that a statistic reads, without the subject."""
    spec = statistic.spec
    joined = {column for join in spec.join for column in join.columns}
    if table != spec.table:
        return frozenset(column for join in spec.join if join.table == table for column in join.columns)
    columns = {dimension.column for dimension in spec.dimensions if dimension.column not in joined}
    columns |= {one.column for one in spec.filters}
    columns |= {spec.cohort.column} if spec.cohort else set()
    columns |= {spec.protect.contributor} if spec.protect.contributor else set()
    for measure in spec.measures:
        for kind in ("sum", "mean", "share", "quantile"):
            column = getattr(measure, kind, None)
            if isinstance(column, str) and column not in ("people", "rows"):
                columns.add(column)
    if spec.dp is not None:
        columns |= set(spec.dp.unit or ())
        columns |= set() if isinstance(spec.dp.period, str) else {spec.dp.period.column}
    return frozenset(columns)


def _clear_without_contract(config: Config, releases: Sequence[ReleasePlan]) -> Iterator[str]:
    """Identities that a recipient gets in clear although no contract lists them as its minimum."""
    for release in releases:
        spec = config.job.releases[release.number]
        if spec.policy is None or config.policies[spec.policy].contract is not None:
            continue
        for export in release.exports:
            for step in export.steps:
                data_class = CLASSES[step.data_class]
                names_people = data_class.kind in ("direct_identifier", "free_text") or data_class.grade == 4
                if step.transform.transform == "keep" and names_people:
                    yield (
                        f"{release.recipient}.{export.table}.{step.column}: {data_class.title} is published in clear,"
                        " and no contract of the policy lists it"
                    )


def _clear_in_both(releases: Sequence[ReleasePlan]) -> Iterator[str]:
    """Columns that two recipients both hold in clear: colluding, they can join rows on them."""
    holders: dict[tuple[str, str], list[str]] = {}
    for release in releases:
        for export in release.exports:
            for step in export.steps:
                if step.published and step.transform.transform == "keep":
                    holders.setdefault((export.table, step.column), []).append(release.recipient)
    for (table, column), recipients in holders.items():
        if len(recipients) > 1:
            yield f"{table}.{column} is held in clear by {', '.join(recipients)}: colluding, they can join on it"


def schema_of(columns: tuple[str, ...], file_formats: frozenset[str]) -> Schema:
    """Schema of a cut table: only rows tell the columns of JSON lines."""
    if "jsonl" in file_formats:
        return Schema((), complete=False)
    if not columns:
        raise InputUnreadable("has no columns")
    return Schema(columns, complete=True)
