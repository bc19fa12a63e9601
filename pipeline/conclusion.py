"""What follows the last slice: prove, check drift and counts, give statistics, publish.

`run.py` brings this file, and all that it needs, only while the children are at work.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.engines.local import LocalEngine
from pipeline.engines.model import SliceResult
from pipeline.handover import hand_over, leaks
from pipeline.job_statistics import give_statistics
from pipeline.readiness import Order, Ready
from pipeline.release.conservation import conserve, refuse_mostly_unreadable
from pipeline.release.drift import inspect_drift, refuse_drift
from pipeline.release.gate import inspect_slice, prove
from pipeline.release.labels import LabelGate, with_hits
from pipeline.release.run_record import RunSummary
from pipeline.release.sealing import Sealer
from pipeline.release.shifted import count_near_dates, inspect_shifts
from pipeline.state import QuarantineWriter, State
from pipeline.statistics import PartialRef, aggregate_slice, rows_of_statistics
from transforms import Keyring


def conclude(
    order: Order,
    ready: Ready,
    results: Sequence[SliceResult],
    quarantine: QuarantineWriter,
    fingerprint_key: bytes,
    sealer: Sealer,
    *,
    store: State,
    run: str,
    keyring: Keyring,
    engine: LocalEngine,
    staging: Path,
) -> RunSummary:
    """Publish what passes, release by release. Raises PouchError where the run stops; then nothing was published."""
    shifts = inspect_shifts(near for result in results for near in result.of(count_near_dates))
    findings = [*(result.of(inspect_slice) for result in results), *shifts]
    proof = prove(ready.plan, findings, staging)
    drifts = [result.of(inspect_drift) for result in results]
    found = [leak for release in ready.plan.releases for leak in leaks(release, proof)]
    refuse_drift(ready.plan, order.config.job, drifts, found)
    counts = conserve(
        ready.plan,
        results,
        {name: cut.records for name, cut in ready.cuts.items()},
        *rows_of_statistics(ready.plan, _refs(results) if ready.plan.has_statistics else []),
    )
    refuse_mostly_unreadable(counts, order.config.job.max_quarantined)
    # Whatever stops the run stops it before a budget is charged.
    labels = LabelGate(findings, fingerprint_key, staging)
    given = give_statistics(order, ready, proof, labels, results, engine, keyring, store, run, staging)
    ready, proof = replace(ready, plan=given.plan), with_hits(proof, given.hits)
    quarantine.adopt(staging / "quarantine")
    return hand_over(
        order, ready, results, given, counts, proof, quarantine, keyring, store, run, staging, sealer.digest
    )


def _refs(results: Sequence[SliceResult]) -> list[PartialRef]:
    return [ref for result in results for ref in result.of(aggregate_slice)]
