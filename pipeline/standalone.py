"""One specification of statistics on any table, outside a job: the same rules, output, ledger and guard as in a run."""

import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import (
    InternalError,
    JobWrong,
    LeakFound,
    PouchError,
    Problem,
    PublishFailed,
    refuse,
)
from pipeline.events import log
from pipeline.protect.model import Plan
from pipeline.release.datapackage import data_package
from pipeline.release.labels import inspect_labels
from pipeline.release.manifest import DATA_PACKAGE, MANIFEST, as_json, release_manifest
from pipeline.release.publish import open_staging, publish_release
from pipeline.release.run_record import ReleaseOutcome, RunSummary, run_manifest, write_run_record
from pipeline.standalone_order import Prepared, StatsOrder, load_statistics, prepare
from pipeline.state import State, open_state
from pipeline.state.budget import BudgetLedger, open_budget
from pipeline.state.budget_facts import budget_facts
from pipeline.state.budget_serving import Draw, Served, Step, mark_published, nothing_happens, serve
from pipeline.statistics import aggregate_slice
from pipeline.statistics.over_time_history import Guarding
from pipeline.statistics.over_time_population import NOBODY
from pipeline.statistics.untyped import Untyped, people_of, views
from pipeline.statistics_tables import (
    Making,
    Tables,
    exact_tables,
    keep_proofs,
    rows_by_status,
    statistic_files,
    with_noise,
)

__all__ = ["StatsOrder", "StatsSummary", "load_statistics", "prepare", "run_statistics"]


@dataclass(frozen=True)
class StatsSummary:
    """What became of it."""

    recipient: str
    path: Path
    number: int
    new: bool  # False: the same release was asked for before, and the same bytes were served
    run: str
    tables: tuple[Mapping[str, Any], ...]
    budgets: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


def run_statistics(order: StatsOrder, after: Step = nothing_happens) -> StatsSummary:
    """Make the tables of a specification, charge what they cost, store them, publish them.

    Raises:
        JobWrong, InputUnreadable: before anything is charged.
        BudgetExhausted: nothing was charged or published.
        CheckFailed: ledger, anchor or stored bytes are not what they were; nothing was published.
        PublishFailed: what was published before is unchanged; asked again, the stored bytes are served.

    """
    ready = prepare(order)
    store = open_state(order.state)
    with store.lock():
        run = store.begin_run("stats", order.date)
        code = InternalError.code
        try:
            summary = _serve_and_publish(order, ready, store, run, after)
        except PouchError as error:
            code = error.exit_code
            stopped = RunSummary(run, "stats", order.date, (), problems=error.problems)
            with suppress(PouchError):  # the error itself is what the user must see
                write_run_record(store.run_dir(run), run_manifest(stopped, None))
            raise
        else:
            code = 0
            return summary
        finally:
            with suppress(PublishFailed):
                store.finish_run(run, code)


@dataclass(frozen=True)
class _Maker:
    """Makes the files of one release; begins without a charge, and draws when it is on disk."""

    order: StatsOrder
    ready: Prepared
    store: State
    run: str
    ledger: BudgetLedger
    staging: Path
    made: list[Tables] = field(default_factory=list)

    def begin(self) -> Draw:
        """Make the tables without noise, and refuse what must not be published."""
        making = self._making()
        exact = exact_tables(making)
        self._refuse_identities(exact)

        def draw(number: int) -> Mapping[str, bytes]:
            one = with_noise(making, exact)
            self._refuse_identities(one)
            keep_proofs(self.store.run_dir(self.run), self.order.recipient, one)
            self.made.append(one)
            carried_out = replace(self.ready.plan, releases=(one.release,))
            return {**_files(carried_out, one.published, number, self.staging), **one.kept}

        return draw

    def _making(self) -> Making:
        ready, secret = self.ready, self.ledger.secret
        held = people_of(ready.held, secret) if ready.held else NOBODY
        refs = [
            ref
            for table in ready.tables.values()
            for view in views(table, [0], secret)
            for ref in aggregate_slice(view, ready.plan, self.staging)
        ]
        return Making(
            ready.plan.releases[0],
            ready.plan.tables,
            refs,
            self.staging,
            self.store,
            self.ledger,
            ready.release,
            Guarding(secret, held=held),
        )

    def _refuse_identities(self, made: Tables) -> None:
        """Refuse labels that the data gave and that look like a card, a phone, an address; raises LeakFound."""
        plan = replace(self.ready.plan, releases=(made.release,))
        found = inspect_labels(plan, {0: made.published}, self.ledger.secret[:16], self.staging)
        refuse(
            [
                Problem(
                    LeakFound.code,
                    f"{hit.table}.{hit.column}",
                    f"{hit.cells} labels look like {hit.data_class}",
                    "declare the values that may appear; nothing was published",
                )
                for one in found
                for hit in one.hits
            ]
        )


def _serve_and_publish(
    order: StatsOrder, ready: Prepared, store: State, run: str, after: Step
) -> StatsSummary:
    ledger = open_budget(store)
    folder = order.date or order.spec.stem
    place = order.out / order.recipient / folder
    _refuse_other(place, ready)
    with ExitStack() as stack:
        staging = stack.enter_context(open_staging(order.out))
        maker = _Maker(order, ready, store, run, ledger, staging)
        served = serve(store, ledger, order.out, ready.charge, maker.begin, after)
        changed = _publish(order, served, staging, folder)
    after("published")
    mark_published(ledger, order.out, ready.release)
    _record(order, ready, served, "published" if changed else "unchanged", place, store, run)
    return StatsSummary(
        order.recipient,
        place,
        served.number,
        served.new,
        run,
        tuple(rows_by_status(served.files)),
        tuple(budget_facts(ledger, ready.spec.budget, order.recipient, order.date)),
        (*_left_out(ready.tables), *(note for one in maker.made for note in one.notes)),
    )


def _record(
    order: StatsOrder, ready: Prepared, served: Served, status: str, place: Path, store: State, run: str
) -> None:
    """Write the run manifest; too late to fail, since readers see the release."""
    outcome = ReleaseOutcome(0, order.recipient, order.purpose, status, path=str(place))
    facts = {"statistics": {"number": served.number, "new": served.new, "mechanism": ready.charge.mechanism}}
    summary = RunSummary(run, "stats", order.date, (outcome,))
    try:
        write_run_record(store.run_dir(run), run_manifest(summary, None, facts))
    except PublishFailed as error:
        log.warning("pouch: %s; what became of the release is unaffected", error)


def _left_out(tables: Mapping[str, Untyped]) -> list[str]:
    return [
        f"{table.left_out:,} of {table.cut.records:,} records of {name} could not be used and are in no figure"
        for name, table in tables.items()
        if table.left_out
    ]


def _refuse_other(link: Path, ready: Prepared) -> None:
    """Refuse, before anything is charged, to replace what another specification published here."""
    try:
        manifest = json.loads((link / MANIFEST).read_bytes())
        shown = {one["name"] for one in manifest.get("statistics", [])}
        rows = manifest.get("tables")
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        shown, rows = set(), True
    if rows or shown != set(ready.spec.statistics):
        raise JobWrong(
            "another release is published there",
            where=f"{link.parent.name}/{link.name}",
            hint="choose another --date, --recipient or --out, or name the specification's file otherwise",
        )


def _files(plan: Plan, tables: Mapping[str, pa.Table], number: int, staging: Path) -> dict[str, bytes]:
    """The files of the release, by name inside it."""
    files = statistic_files(tables, staging)
    schemas = {name: table.schema for name, table in tables.items()}
    manifest = release_manifest(plan, plan.releases[0], {}, {}, number)
    files[MANIFEST] = as_json(manifest)
    files[DATA_PACKAGE] = as_json(data_package(plan, plan.releases[0], {}, schemas))
    return files


def _publish(order: StatsOrder, served: Served, staging: Path, folder: str) -> bool:
    staged = {}
    for name, content in served.files.items():
        if name.startswith("statistics/"):
            staged[name] = staging / "to-publish" / name
            staged[name].parent.mkdir(parents=True, exist_ok=True)
            staged[name].write_bytes(content)
    documents = {name: served.files[name] for name in (MANIFEST, DATA_PACKAGE)}
    return publish_release(
        order.out,
        staging,
        order.recipient,
        folder,
        staged,
        documents,
        announce=lambda tree, digest: None,  # the ledger has had the release since it was stored
        supersede=True,
    ).changed
