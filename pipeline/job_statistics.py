"""The statistics of a job's releases: charged, made, stored; or served again as they were stored.

What is published are the stored bytes. A run that ends after the charge has paid; a run that ends after the bytes
are stored has its next one serve them again, at no charge.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engines.local import LocalEngine
from pipeline.engines.model import SliceResult
from pipeline.protect.known_subjects import subject_words
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan
from pipeline.readiness import Order, Ready
from pipeline.release.assembly import StatisticFiles
from pipeline.release.gate import Proof
from pipeline.release.subject_index import note_subjects
from pipeline.state import State
from pipeline.state.budget import BudgetLedger, open_budget
from pipeline.state.budget_serving import Step, nothing_happens, serve
from pipeline.statistics import aggregate_slice
from pipeline.statistics.dp_noise import Noise
from pipeline.statistics.over_time_history import Guarding, units_of
from pipeline.statistics.over_time_population import Marks
from pipeline.statistics_tables import Tables, keep_proofs, make_tables, statistic_files
from transforms import Keyring

_KEY_NAME = "pouch statistics: by which key people are known"


@dataclass(frozen=True)
class Given:
    """All statistics of a run, as they will be published. `plan` is the one that was carried out."""

    plan: Plan
    tables: Mapping[int, Mapping[str, pa.Table]] = field(repr=False)  # release number -> statistic -> table
    files: Mapping[int, StatisticFiles] = field(repr=False)


def give_statistics(
    order: Order,
    ready: Ready,
    proof: Proof,
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

    A release whose rows the gate has stopped is left out: it will not be published, so it is not charged.
    Proofs go to the run's directory in the state. In a dry run nothing is charged or stored, and what was made is
    thrown away with the staging directory. `after` is told each step of the ledger.

    Raises:
        BudgetExhausted, RiskLimitPassed, CheckFailed, PublishFailed: nothing was published.

    """
    plan = ready.plan
    tables: dict[int, Mapping[str, pa.Table]] = {release.number: {} for release in plan.releases}
    files: dict[int, StatisticFiles] = {}
    if not ready.charges:
        return Given(plan, tables, files)
    ledger = open_budget(store)
    refs = [ref for result in results for ref in result.of(aggregate_slice)]
    for release in [one for one in plan.releases if one.statistics and proof.of(one.number).passed]:
        guarding = Guarding(ledger.secret, _key_name(keyring), _held(release, results, ledger, staging))
        charge = ready.charges[release.number]
        made: list[Tables] = []

        def draw(
            number: int, release: ReleasePlan = release, guarding: Guarding = guarding
        ) -> dict[str, bytes]:
            identity = ready.charges[release.number].release
            one = make_tables(
                release,
                plan.tables,
                refs,
                staging,
                store,
                ledger,
                identity,
                guarding,
                noise=noise,
                call=engine.group,
            )
            keep_proofs(store.run_dir(run), release.recipient, one)
            made.append(one)  # noqa: B023 - called before the next release begins
            return {**statistic_files(one.published, staging), **one.kept}

        if order.dry_run:
            content, number, new = draw(0), 0, True
        else:
            served = serve(
                store,
                ledger,
                order.out,
                charge.release,
                charge.mechanism,
                charge.loss,
                charge.budget,
                draw,
                after,
            )
            content, number, new = dict(served.files), served.number, served.new
        shown = {name: one for name, one in content.items() if name.startswith("statistics/")}
        tables[release.number] = _read(shown)
        files[release.number] = StatisticFiles(
            shown, number, new, charge.release, tuple(note for one in made for note in one.notes)
        )
    releases = tuple(_carried_out(release, tables[release.number]) for release in plan.releases)
    return Given(replace(plan, releases=releases), tables, files)


def _key_name(keyring: Keyring) -> str:
    """Names the lasting key by which children know people, without telling it."""
    return f"word {int(subject_words(keyring, pa.array([_KEY_NAME]))[0]):016x}"


def _held(
    release: ReleasePlan, results: Sequence[SliceResult], ledger: BudgetLedger, staging: Path
) -> Marks | None:
    """Units whose rows the release gives beside its statistics, of the tables that these count."""
    counted = {table for entry in release.statistics for table in entry.spec.tables}
    given = {export.table for export in release.exports} & counted
    spills = [result.of(note_subjects) for result in results if result.table in given]
    names = [spill.files[release.number] for spill in spills if release.number in spill.files]
    if not names:
        return None
    words = np.unique(np.concatenate([np.fromfile(staging / name, dtype="<u8") for name in names]))
    return np.unique(units_of(words, ledger.secret)[0])


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
