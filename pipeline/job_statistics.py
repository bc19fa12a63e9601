"""The statistics of a job's releases: made, charged, stored; or served again as they were stored.

What is published are the stored bytes. Whatever may refuse a release without a look at noise does so before its
charge. A run that ends after the charge has paid; a run that ends after the bytes are stored has its next one serve
them again, at no charge.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engines.local import LocalEngine
from pipeline.engines.model import SliceResult
from pipeline.errors import PouchError, Problem
from pipeline.protect.known_subjects import subject_words
from pipeline.protect.model import ReleasePlan, StatisticPlan
from pipeline.readiness import Order, Ready
from pipeline.release.assembly import Given, StatisticFiles
from pipeline.release.gate import Hit, Proof
from pipeline.release.labels import LabelGate
from pipeline.rows_held import rows_held
from pipeline.state import State
from pipeline.state.budget import BudgetLedger, open_budget
from pipeline.state.budget_serving import Draw, Step, nothing_happens, serve
from pipeline.statistics import aggregate_slice
from pipeline.statistics.dp_noise import Noise
from pipeline.statistics.over_time_history import Guarding
from pipeline.statistics_tables import (
    Making,
    Tables,
    exact_tables,
    keep_proofs,
    statistic_files,
    with_noise,
)
from transforms import Keyring

_KEY_NAME = "pouch statistics: by which key people are known"


class _Leaked(Exception):
    """Labels hold identities: the release is the gate's to stop, nothing was stored."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = tuple(hits)


@dataclass(frozen=True)
class _Run:
    """What the releases of one run share."""

    order: Order
    ready: Ready
    proof: Proof
    labels: LabelGate
    results: Sequence[SliceResult]
    engine: LocalEngine
    store: State
    run: str
    staging: Path
    ledger: BudgetLedger
    people: str  # names the key under which people are known
    noise: Noise | None
    after: Step

    def give(self, release: ReleasePlan) -> tuple[ReleasePlan, StatisticFiles]:
        """Make one release's statistics, or serve them again. Raises PouchError, _Leaked."""
        charge = self.ready.charges[release.number]
        made: list[Tables] = []

        def begin() -> Draw:
            making = self._making(release)
            exact = exact_tables(making)
            self._refuse_labels(exact.release, exact.published)

            def draw(number: int) -> Mapping[str, bytes]:
                one = with_noise(making, exact, self.noise)
                self._refuse_labels(one.release, one.published)
                keep_proofs(self.store.run_dir(self.run), release.recipient, one)
                made.append(one)
                return {**statistic_files(one.published, self.staging), **one.kept}

            return draw

        if self.order.dry_run:
            content, number, new = dict(begin()(0)), 0, True
        else:
            served = serve(self.store, self.ledger, self.order.out, charge, begin, self.after)
            content, number, new = dict(served.files), served.number, served.new
        shown = {name: one for name, one in content.items() if name.startswith("statistics/")}
        carried_out = _carried_out(release, _read(shown))
        if not new:
            self._refuse_labels(carried_out, _read(shown))
        notes = tuple(note for one in made for note in one.notes)
        return carried_out, StatisticFiles(shown, number, new, charge.release, notes)

    def _making(self, release: ReleasePlan) -> Making:
        refs = [ref for result in self.results for ref in result.of(aggregate_slice)]
        held = rows_held(
            release, self.ready, self.proof, self.results, self.store, self.ledger.secret, self.staging
        )
        return Making(
            release,
            self.ready.plan.tables,
            refs,
            self.staging,
            self.store,
            self.ledger,
            self.ready.charges[release.number].release,
            Guarding(self.ledger.secret, self.people, held),
            self.engine.group,
        )

    def _refuse_labels(self, release: ReleasePlan, tables: Mapping[str, pa.Table]) -> None:
        alone = replace(self.ready.plan, releases=(release,))
        if hits := self.labels.hits(alone, {release.number: tables}):
            raise _Leaked(hits)


def give_statistics(
    order: Order,
    ready: Ready,
    proof: Proof,
    labels: LabelGate,
    results: Sequence[SliceResult],
    engine: LocalEngine,
    keyring: Keyring,
    store: State,
    run: str,
    staging: Path,
    *,
    noise: Noise | None = None,
    after: Step = nothing_happens,
) -> Given:
    """Make or serve the statistics of every release, one after the other: each is compared with those before.

    A release that is refused (an exhausted budget, the guard over time with `stop`, a ledger that was set back, a
    full disk, labels that hold identities) is refused alone. One whose rows the gate has stopped is left out: it will
    not be published, so it is not charged. Proofs go to the run's directory in the state. In a dry run nothing is
    charged or stored, and what was made is thrown away with the staging directory. `after` is told each step of the
    ledger.
    """
    plan = ready.plan
    if not ready.charges:
        return Given(plan)
    asked = [one for one in plan.releases if one.statistics and proof.of(one.number).passed]
    try:
        ledger = open_budget(store)
    except PouchError as error:
        return Given(plan, refused=dict.fromkeys((one.number for one in asked), error.problems))
    shared = _Run(
        order,
        ready,
        proof,
        labels,
        results,
        engine,
        store,
        run,
        staging,
        ledger,
        _key_name(keyring),
        noise,
        after,
    )
    made: dict[int, ReleasePlan] = {}
    files: dict[int, StatisticFiles] = {}
    refused: dict[int, Sequence[Problem]] = {}
    hits: list[Hit] = []
    for release in asked:
        try:
            made[release.number], files[release.number] = shared.give(release)
        except PouchError as error:
            refused[release.number] = error.problems
        except _Leaked as leaked:
            hits += leaked.hits
    releases = tuple(made.get(release.number, release) for release in plan.releases)
    return Given(replace(plan, releases=releases), files, refused, tuple(hits))


def _key_name(keyring: Keyring) -> str:
    """Names the lasting key by which children know people, without telling it."""
    return f"word {int(subject_words(keyring, pa.array([_KEY_NAME]))[0]):016x}"


def _read(files: Mapping[str, bytes]) -> dict[str, pa.Table]:
    """Read the tables back from the bytes that will be published."""
    return {
        Path(name).stem: pq.read_table(io.BytesIO(content))
        for name, content in files.items()
        if name.endswith(".parquet")
    }


def _carried_out(release: ReleasePlan, tables: Mapping[str, pa.Table]) -> ReleasePlan:
    """Drop the dimensions that the guard took from a table, also where it was stored by an earlier run."""
    if not tables:
        return release
    return replace(
        release, statistics=tuple(_as_made(entry, tables[entry.name]) for entry in release.statistics)
    )


def _as_made(entry: StatisticPlan, table: pa.Table) -> StatisticPlan:
    if entry.spec.cohort is not None:
        return entry
    dimensions = tuple(one for one in entry.spec.dimensions if one.column in table.column_names)
    return replace(entry, spec=entry.spec.model_copy(update={"dimensions": dimensions}))
