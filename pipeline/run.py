"""One run: the order of the stages. No stage calls another; this file calls all of them."""

import importlib
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.loading import load_config
from pipeline.engines.fitting import FitSlices, join_fits, tables_to_fit, write_links
from pipeline.engines.local import LocalEngine
from pipeline.engines.model import SliceResult, Tap
from pipeline.engines.native import keep_freed_memory
from pipeline.engines.protecting import ProtectSlices
from pipeline.engines.work import Secrets
from pipeline.errors import InternalError, PouchError, PublishFailed
from pipeline.events import Progress, progress_bar
from pipeline.keys import open_keyring
from pipeline.protect.consent import make_withholding, write_withholding
from pipeline.protect.model import Plan
from pipeline.readiness import Order, Ready, day_of, look, prepare
from pipeline.release.drift import inspect_drift
from pipeline.release.gate import inspect_slice
from pipeline.release.publish import open_staging
from pipeline.release.sealing import Sealer
from pipeline.release.shifted import count_near_dates
from pipeline.release.standing import settle_pending
from pipeline.release.subject_index import note_subjects
from pipeline.state import QuarantineWriter, State, destroy_expired, open_state
from pipeline.subject_keys import refuse_unknown_erasures, settle, subject_keys_ready
from transforms import Keyring

if TYPE_CHECKING:
    from pipeline.release.run_record import RunSummary

# What looks at each slice beside the main work; and, where a job has statistics, `aggregate_slice`.
_TAPS: tuple[Tap, ...] = (inspect_slice, note_subjects, inspect_drift, count_near_dates)


def run_job(
    job: Path,
    date: str,
    *,
    out: Path = Path("releases"),
    state: Path = Path(".pouch"),
    base: Path | None = None,
    workers: int = 2,
    supersede: bool = False,
    recipient: str | None = None,
    dry_run: bool = False,
    show_progress: bool = False,
) -> "RunSummary":
    """Read a date's logs, protect them for each recipient, prove the bytes, publish.

    Each release publishes by itself; `summary.problems` says which did not, and `exit_code` is the smallest of
    their codes. Raises PouchError where the run stops before that; then nothing was published.
    """
    base = base or Path.cwd()
    config = load_config(Path(job), base)
    order = Order(config, day_of(date), base, base / out, workers, supersede, recipient, dry_run)
    with ExitStack() as stack:
        if config.statistics:
            importlib.import_module("pipeline.statistics")  # once, for all children
        engine = stack.enter_context(LocalEngine(order.workers))  # children hold no key yet
        keyring = open_keyring(config.job.keyring, base)
        store = open_state(base / state)
        stack.enter_context(store.lock())
        run = store.begin_run(config.job.job, order.date)
        code = InternalError.code
        try:
            with progress_bar(show_progress) as progress:
                summary = _stages(order, store, run, keyring, engine, progress)
        except PouchError as error:
            from pipeline.handover import stopped

            code = error.exit_code
            stopped(config, order.date, store, run, error)
            raise
        else:
            code = summary.exit_code
            return summary
        finally:
            with suppress(PublishFailed):  # without an end it counts as killed; how it ended is told anyway
                store.finish_run(run, code)


def look_at(job: Path, date: str | None, base: Path | None = None) -> Plan:
    """Plan a job without running it; with a date, its input files are looked at, too."""
    base = base or Path.cwd()
    return look(load_config(Path(job), base), day_of(date) if date else None, base)


def _stages(
    order: Order, store: State, run: str, keyring: Keyring, engine: LocalEngine, progress: Progress
) -> "RunSummary":
    destroy_expired(store, datetime.now(UTC).date(), order.config.job.quarantine_days)
    settle_pending(order.out, store.ledger)
    settle(order.config.job.keyring, order.base, keyring, store)
    refuse_unknown_erasures(order.config.job.keyring, order.base, store)
    with ExitStack() as stack:
        keep_freed_memory()
        ready = prepare(order, store, keyring)
        if not ready.plan.releases:
            from pipeline.handover import nothing_to_do

            return nothing_to_do(order, ready, store, run)
        staging = stack.enter_context(open_staging(order.out))
        quarantine = QuarantineWriter(store, run, keyring)
        fingerprint_key = secrets.token_bytes(16)
        engine.unlock(Secrets(keyring, quarantine.export_secret_key(), fingerprint_key), staging)
        sealer = stack.enter_context(Sealer(staging))
        results = _protect(order, ready, engine, staging, run, progress, keyring, store, sealer)
        if not ready.plan.has_statistics:
            engine.dismiss()
        from pipeline.conclusion import conclude

        return conclude(
            order,
            ready,
            results,
            quarantine,
            fingerprint_key,
            sealer,
            store=store,
            run=run,
            keyring=keyring,
            engine=engine,
            staging=staging,
        )


def _protect(
    order: Order,
    ready: Ready,
    engine: LocalEngine,
    staging: Path,
    run: str,
    progress: Progress,
    keyring: Keyring,
    store: State,
    sealer: Sealer,
) -> Sequence[SliceResult]:
    """Fit what needs the whole run, then do the main work on every slice."""
    plan = ready.plan
    to_fit = [ready.cuts[name] for name in tables_to_fit(plan)]
    progress.start("looking at people", sum(len(cut.slices) for cut in to_fit))
    fit = join_fits(engine.map_slices(FitSlices(plan, order.base), to_fit, progress))
    withholding, links = staging / "withholding.arrow", staging / "links.arrow"
    try:
        write_withholding(make_withholding(ready.consent, fit.minors), withholding)
        write_links(fit, links)
        ref = order.config.job.keyring
        with subject_keys_ready(
            plan, ready.cuts, engine, progress, ref, order.base, keyring, store, staging, links
        ) as subject_store:
            work = ProtectSlices(
                plan, _taps(plan), order.base, run, ready.erased, withholding, links, subject_store
            )
            cuts = [ready.cuts[name] for name in plan.tables]
            progress.start("protecting", sum(len(cut.slices) for cut in cuts))

            def seal(result: SliceResult) -> None:
                if not order.dry_run:
                    sealer.take(part.path for part in result.parts.values())

            return engine.map_slices(work, cuts, progress, meanwhile=_bring_conclusion, each=seal)
    finally:  # raw subjects lie on disk no longer than they are read
        withholding.unlink(missing_ok=True)
        links.unlink(missing_ok=True)


def _taps(plan: Plan) -> tuple[Tap, ...]:
    if not plan.has_statistics:
        return _TAPS
    from pipeline.statistics import aggregate_slice

    return (*_TAPS, aggregate_slice)


def _bring_conclusion() -> None:
    importlib.import_module("pipeline.conclusion")
    importlib.import_module("rich.table")  # in which the command line tells how the run went
