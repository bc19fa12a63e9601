"""Whose rows a recipient of statistics holds already, or gets in the same run: what it knows beside them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline.engines.model import SliceResult
from pipeline.protect.model import ReleasePlan
from pipeline.readiness import Ready
from pipeline.release.gate import Proof
from pipeline.release.subject_index import note_subjects
from pipeline.state import State
from pipeline.state.ledger import LedgerEntry
from pipeline.state.subject_index import people_of_set, read_index
from pipeline.statistics.over_time_partials import units_of
from pipeline.statistics.over_time_population import Marks


def rows_held(
    release: ReleasePlan,
    ready: Ready,
    proof: Proof,
    results: Sequence[SliceResult],
    store: State,
    secret: bytes,
    staging: Path,
) -> Marks:
    """Return the units whose rows of the tables that a release's statistics count its recipient holds.

    Rows count that the recipient got or gets for the same date, or from an input file that this run reads, too (the
    same path or the same bytes): also rows of superseded releases, which nobody can call back. Other recipients'
    rows do not: a courier's by contract beside those of who agreed would leave hardly any statistics to anybody.
    `secret` is the state's.

    Raises CheckFailed where the subject index was changed.
    """
    counted = frozenset(table for entry in release.statistics for table in entry.spec.tables)
    found = [
        words
        for recipient, words in (
            *_of_this_run(ready, proof, results, counted, staging),
            *_of_earlier_runs(ready, counted, store),
        )
        if recipient == release.recipient
    ]
    words = np.unique(np.concatenate([np.zeros(0, np.uint64), *found]))
    return np.unique(units_of(words, secret)[0])


def _of_this_run(
    ready: Ready, proof: Proof, results: Sequence[SliceResult], counted: frozenset[str], staging: Path
) -> Iterator[tuple[str, Marks]]:
    for release in ready.plan.releases:
        given = {export.table for export in release.exports} & counted
        if not given or not proof.of(release.number).passed:
            continue
        for result in results:
            name = result.of(note_subjects).files.get(release.number) if result.table in given else None
            if name is not None:
                yield release.recipient, np.fromfile(staging / name, dtype="<u8")


def _of_earlier_runs(ready: Ready, counted: frozenset[str], store: State) -> Iterator[tuple[str, Marks]]:
    files = {
        text
        for table in counted & set(ready.cuts)
        for file in ready.cuts[table].files
        for text in (file.path, file.sha256)
    }
    overlapping: dict[str, bool] = {}
    for entry in store.ledger.entries():
        if entry.kind != "published":
            continue
        if entry.run not in overlapping:
            overlapping[entry.run] = _overlaps(entry, ready.plan.date, counted, files, store)
        index = read_index(store, entry) if overlapping[entry.run] else None
        for table in index["tables"] if index else ():
            if table["columns"] and table["table"] in counted:
                yield entry.recipient, people_of_set(store, table["set"])


def _overlaps(entry: LedgerEntry, date: str, counted: frozenset[str], files: set[str], store: State) -> bool:
    """Whether a release may hold rows that this run reads, too."""
    return entry.date == date or any(
        one.table in counted and (one.sha256 in files or one.path in files)
        for one in store.runs.inputs(entry.run)
    )
