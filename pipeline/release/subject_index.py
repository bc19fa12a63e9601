"""Built by every run: which release holds whom. Children spill keyed digests, the parent joins them into the state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.state import State
from pipeline.state.subject_index import FACT, PeopleSet, sweep, write_index, write_set
from transforms import AnyTransform, Keyring

FOLDER = "subject-words"  # in staging
PEOPLE = "people"  # ledger fact: distinct subjects of the release's largest table


@dataclass(frozen=True)
class SubjectSpill:
    """Where one slice's people lie, for each release that holds rows of it; relative to staging."""

    table: str
    files: Mapping[int, str]


def note_subjects(view: SliceView, plan: Plan, staging: Path) -> SubjectSpill:
    """Spill the people whose rows each release may use: 8 bytes each, sorted, each once. A tap of the main pass."""
    if view.subject is None or view.known is None or not len(view.subject):
        return SubjectSpill(view.table, {})
    words = view.known.words(view.subject)
    named = np.asarray(view.subject.is_valid())
    files: dict[int, str] = {}
    written: list[tuple[pa.Array, str]] = []
    for number, rows in sorted(view.released.items()):
        name = next((name for other, name in written if other is rows or other.equals(rows)), None)
        if name is None:
            name = f"{FOLDER}/{view.table}-{view.index:05d}-{len(written)}"
            index = np.asarray(rows)
            people = np.sort(words[index[named[index]]])
            first = np.ones(len(people), dtype=bool)
            first[1:] = people[1:] != people[:-1]
            path = staging / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(people[first].astype("<u8", copy=False).tobytes())
            written.append((rows, name))
        files[number] = name
    return SubjectSpill(view.table, files)


def index_releases(
    plan: Plan,
    spills: Sequence[SubjectSpill],
    keyring: Keyring,
    store: State,
    run: str,
    staging: Path,
) -> Mapping[int, Mapping[str, int | str]]:
    """Write the index of every release of a run; return the facts that the ledger keeps, by release number.

    It is on disk before anything is published, so no published release lacks its index. Raises PublishFailed.
    """
    sweep(store)
    sets: dict[tuple[str, ...], PeopleSet] = {}
    facts: dict[int, Mapping[str, int | str]] = {}
    for release in plan.releases:
        tables = []
        people = 0
        for table in release.tables:
            names = tuple(
                s.files[release.number] for s in spills if s.table == table and release.number in s.files
            )
            if names not in sets:
                sets[names] = write_set(store, [staging / name for name in names])
            people = max(people, sets[names].people)
            tables.append(_table(plan, release, table, sets[names]))
        document = {
            "run": run,
            "recipient": release.recipient,
            "purpose": release.purpose,
            "date": plan.date,
            "epoch": release.epoch,
            "key_id": release.key_id,
            "key_check": keyring.check_value(release.key_id),
            "tables": tables,
        }
        facts[release.number] = {
            FACT: write_index(store, run, release.recipient, document),
            PEOPLE: people,
        }
    return facts


def _table(plan: Plan, release: ReleasePlan, table: str, people: PeopleSet) -> dict[str, Any]:
    steps = [step for export in release.exports if export.table == table for step in export.steps]
    return {
        "table": table,
        "set": people.sha256,
        "subject": list(plan.tables[table].source.subject_columns),
        "columns": [
            {
                "column": step.column,
                "class": step.data_class,
                "domain": step.context.domain,
                "transform": _as_in_a_policy(step.transform),
            }
            for step in steps
            if step.published
        ],
        "statistics": [entry.name for entry in release.statistics if entry.spec.table == table],
    }


def _as_in_a_policy(transform: AnyTransform) -> dict[str, Any]:
    """A transform as a policy can give it: a hierarchy has a file or a lookup, and the loader fills the lookup in."""
    data: dict[str, Any] = transform.model_dump(mode="json", exclude_none=True)
    if "file" in data:
        data.pop("lookup", None)
    return data
