"""The drift check of a run: children look at every slice, the parent stops the run before anything is published."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.classes import CLASSES
from pipeline.config.models import DriftWaiver, Job
from pipeline.detect.drift import Finding, beyond, inspect_column, watched
from pipeline.engines.model import SliceView
from pipeline.errors import Drift, Problem, refuse
from pipeline.events import log
from pipeline.protect.model import Plan


@dataclass(frozen=True)
class SliceDrift:
    """What one slice's watched columns hold. Counts only."""

    table: str
    findings: tuple[Finding, ...]


def inspect_drift(view: SliceView, plan: Plan, staging: Path) -> SliceDrift:
    """Look at the columns of a slice that are catalogued as harmless and that something of the run shows."""
    classes = plan.tables[view.table].classes
    shown = _shown(plan, view.table)
    found = [
        finding
        for name, array in sorted(view.columns.items())
        if name in shown and watched(classes[name])
        for finding in inspect_column(name, classes[name], array)
    ]
    return SliceDrift(view.table, tuple(found))


def _shown(plan: Plan, table: str) -> frozenset[str]:
    """Columns that a release of the run publishes in some form, or that are dimensions of its statistics."""
    steps = (
        step
        for release in plan.releases
        for export in release.exports
        if export.table == table
        for step in export.steps
    )
    dimensions = (
        dimension.column
        for release in plan.releases
        for statistic in release.statistics
        if statistic.spec.table == table
        for dimension in statistic.spec.dimensions
    )
    return frozenset((*(step.column for step in steps if step.published), *dimensions))


def refuse_drift(plan: Plan, job: Job, drifts: Iterable[SliceDrift], leaks: Sequence[Problem] = ()) -> None:
    """Stop the run where a column holds more identifiers than the job allows, in any slice.

    Args:
        plan: of the run.
        job: its limit and waivers.
        drifts: what the taps found, of all slices.
        leaks: what the gate found; told with the drift, so that the smallest code is the run's.

    Raises:
        PouchError: with every such column, its class and the highest rate of a slice; never a value.

    """
    problems = list(_problems(plan, job, drifts))
    if problems:
        refuse([*problems, *leaks])


def _problems(plan: Plan, job: Job, drifts: Iterable[SliceDrift]) -> Iterator[Problem]:
    worst: dict[tuple[str, str, str], Finding] = {}
    for drift in drifts:
        for finding in drift.findings:
            if beyond(finding, job.max_drift):
                key = (drift.table, finding.column, finding.data_class)
                known = worst.get(key)
                if known is None or finding.valid / finding.cells > known.valid / known.cells:
                    worst[key] = finding
    for (table, column, data_class), finding in sorted(worst.items()):
        catalogued = plan.tables[table].classes[column]
        rate = f"{100 * finding.valid / finding.cells:.2g} %"
        waiver = waiver_of(job, table, column, data_class)
        if waiver is not None and plan.date <= waiver.until:
            log.warning(
                "pouch: %s.%s: %s of a slice's cells validate as %s; waived by %s until %s: %s",
                *(table, column, rate, data_class, waiver.person, waiver.until, waiver.reason),
            )
            continue
        hint = "correct the source or the catalog, or let a named person waive it for a time (waivers: in the job)"
        if waiver is not None:
            hint = f"the waiver of {waiver.person} ended on {waiver.until}: review it, or correct the catalog"
        yield Problem(
            Drift.code,
            f"{table}.{column}",
            f"catalogued as {catalogued}, but {rate} of the cells of a slice validate as {data_class} "
            f"(allowed: {100 * job.max_drift:.2g} %)",
            hint,
        )


def waiver_of(
    job: Job, table: str, column: str, data_class: str, date: str | None = None
) -> DriftWaiver | None:
    """The waiver that lasts longest, if it holds on the date (any, without one).

    Classes of one token domain count as one: the gate calls a phone mobile that drift calls a contact's.
    """
    domain = CLASSES[data_class].token_domain
    matching = [
        one
        for one in job.waivers
        if (one.table, one.column) == (table, column) and CLASSES[one.data_class].token_domain == domain
    ]
    longest = max(matching, key=lambda one: one.until, default=None)
    return longest if longest is None or date is None or date <= longest.until else None
