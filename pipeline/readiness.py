"""Everything that a run knows before the first row: inputs, plan, consent, and what is published already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from datetime import date as calendar_date
from pathlib import Path

from pipeline.config.loading import Config
from pipeline.errors import JobWrong, PouchError, Problem, nearest, refuse
from pipeline.events import log
from pipeline.intake import Cut, cut
from pipeline.keys import read_file
from pipeline.protect.consent import Consent, load_consent, refuse_older
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.protect.plan import for_releases, make_plan, schema_of
from pipeline.protect.sampled_values import Findings, look_at_values, warned_without_values
from pipeline.release.standing import changed_without_leave, input_digests, unchanged
from pipeline.state import State
from pipeline.state.budget_events import Charge
from transforms import Keyring

CONSENT_NEWEST = "consent_newest"  # ledger fact: how new the consent file of a release was


@dataclass(frozen=True)
class Order:
    """What one call of `run_job` asks for."""

    config: Config
    date: str
    base: Path  # working directory
    out: Path
    workers: int
    supersede: bool
    recipient: str | None
    dry_run: bool


@dataclass(frozen=True)
class Refused:
    """A release that cannot be made, known before the first row: it blocks itself only."""

    release: ReleasePlan
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Ready:
    """Everything that is known before the first row."""

    plan: Plan  # of the releases that are to be made
    standing: tuple[ReleasePlan, ...]  # published already from equal inputs
    cuts: Mapping[str, Cut]
    consent: Consent | None
    erased: frozenset[bytes]  # keyed digests
    digests: Mapping[int, str]  # release number -> digest of its inputs
    charges: Mapping[int, Charge] = field(default_factory=dict)  # of statistics, by release number
    refused: tuple[Refused, ...] = ()  # no part of the plan: the others are made without them


def day_of(date: str) -> str:
    """Return the date, checked. Raises JobWrong."""
    try:
        if len(date) == len("2026-11-01"):
            return calendar_date.fromisoformat(date).isoformat()
    except ValueError:
        pass
    raise JobWrong("--date must be a day as YYYY-MM-DD") from None


def look(config: Config, date: str | None, base: Path) -> Plan:
    """Plan without running; without a date the catalog stands in for the input's columns.

    No key is opened, but the keyring must be there. Raises PouchError: all problems at once.
    """
    missing = _keyring_problems(config, base)
    if not date:
        today = datetime.now(UTC).date().isoformat()
        return warned_without_values(_plan(config, {}, today, None, missing))
    cuts = _cuts(config, date, base)
    plan = _plan(config, cuts, date, None, missing)
    return replace(plan, warnings=(*plan.warnings, *_warnings_of_values(config, plan, cuts, base)))


def prepare(order: Order, store: State, keyring: Keyring) -> Ready:
    """Cut, plan, read consent, and leave out what is published already from equal inputs.

    Raises:
        PouchError: every refusal that can come before the first row.

    """
    config = order.config
    cuts = _cuts(config, order.date, order.base)
    whole = _plan(config, cuts, order.date, keyring)
    consent = None
    if config.job.consent and any(release.basis == "consent" for release in whole.releases):
        consent = load_consent(config.job.consent, order.base)
        known = [str(entry.facts.get(CONSENT_NEWEST, "")) for entry in store.ledger.entries()]
        refuse_older(consent, max(known, default=""))
    erased = store.tombstones.all()
    digests = input_digests(whole, cuts, consent, erased, keyring)
    asked = _asked(whole.releases, order.recipient)
    standing = [r for r in asked if unchanged(order.out, store.ledger, r, order.date, digests[r.number])]
    todo = [release for release in asked if release not in standing]
    plan = for_releases(whole, frozenset(release.number for release in todo))
    standing_in_the_way = [
        changed_without_leave(
            order.out, store.ledger, r, order.date, digests[r.number], supersede=order.supersede
        )
        for r in todo
    ]
    if problems := [problem for problem in standing_in_the_way if problem]:
        # With what speaks against the new ones: nobody is to learn of that only after saying --supersede.
        refuse([*problems, *_look_at_values(config, plan, cuts, order.base).problems])
    charges, beyond = _charges(order, plan, digests, store)
    refused = tuple(Refused(release, beyond[release.number]) for release in todo if release.number in beyond)
    plan = for_releases(whole, frozenset(release.number for release in todo) - set(beyond))
    told = _warnings_of_values(config, plan, cuts, order.base)
    for warning in told:
        log.warning("pouch: %s", warning)
    plan = replace(plan, warnings=(*plan.warnings, *told))
    return Ready(plan, tuple(standing), cuts, consent, erased, digests, charges, refused)


def _warnings_of_values(config: Config, plan: Plan, cuts: Mapping[str, Cut], base: Path) -> tuple[str, ...]:
    """What a sample of the values says against the plan. Raises PouchError for what must not be published so."""
    found = _look_at_values(config, plan, cuts, base)
    refuse(found.problems)
    return found.warnings


def _look_at_values(config: Config, plan: Plan, cuts: Mapping[str, Cut], base: Path) -> Findings:
    policies = {
        r.number: config.policies.get(config.job.releases[r.number].policy or "") for r in plan.releases
    }
    limits = {number: policy.max_recoverable if policy else None for number, policy in policies.items()}
    return look_at_values(plan, cuts, limits, base)


def _asked(releases: Sequence[ReleasePlan], recipient: str | None) -> Sequence[ReleasePlan]:
    asked = [release for release in releases if recipient in (None, release.recipient)]
    if not asked:
        names = [release.recipient for release in releases]
        raise JobWrong(f"the job has no release for {recipient}", hint=nearest(recipient or "", names))
    return asked


def _cuts(config: Config, date: str, base: Path) -> Mapping[str, Cut]:
    """Cut the tables that some release reads."""
    read = {table for release in config.job.releases for table in release.tables}
    read |= {t for specs in config.statistics.values() for s in specs.statistics.values() for t in s.tables}
    return {name: cut(name, config.job.tables[name], date, base) for name in sorted(read)}


def _keyring_problems(config: Config, base: Path) -> Sequence[Problem]:
    try:
        read_file(config.job.keyring, base)
    except PouchError as error:
        return error.problems
    return ()


def _plan(
    config: Config,
    cuts: Mapping[str, Cut],
    date: str,
    keyring: Keyring | None,
    earlier: Sequence[Problem] = (),
) -> Plan:
    schemas = {
        name: schema_of(found.columns, frozenset(file.format for file in found.files))
        for name, found in cuts.items()
    }
    return make_plan(config, schemas, date, keyring, [*earlier, *_statistics_problems(config)])


def _charges(
    order: Order, plan: Plan, digests: Mapping[int, str], store: State
) -> tuple[Mapping[int, Charge], Mapping[int, tuple[Problem, ...]]]:
    """What the releases' statistics cost, and those that cannot be paid, with the reason."""
    if not plan.has_statistics:
        return {}, {}
    from pipeline.charging import charges_of, unpaid  # brings all of statistics

    charges = charges_of(order.config, plan, digests)
    return charges, unpaid(charges, store, order.out)


def _statistics_problems(config: Config) -> list[Problem]:
    if not config.statistics:
        return []
    from pipeline.statistics.specification import check_specification

    tables = {name: (source, config.catalog.get(name, {})) for name, source in config.job.tables.items()}
    return [p for specs in config.statistics.values() for p in check_specification(specs, tables)]
