"""Who is in a slice, as keyed digests: for the keys of subjects, before the main pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from pipeline.engines.fitting import column_of
from pipeline.engines.work import Secrets
from pipeline.intake import Cut, parse_types, read
from pipeline.keys.sorted_digests import digests_from, write_sorted
from pipeline.keys.subject_store import SubjectDigests, damaged, open_store
from pipeline.protect.model import Plan
from pipeline.protect.subjects import resolve_subject
from transforms import EncryptSiv, Keyring

FOLDER = "subject-digests"  # in staging


@dataclass(frozen=True)
class SubjectFile:
    """The digests of one slice's subjects, sorted, each once."""

    table: str
    index: int
    path: str  # relative to staging


@dataclass(frozen=True)
class CollectSubjects:
    """Spill the digests of the subjects of every slice; raw subjects stay in the child."""

    plan: Plan
    base: Path
    links_file: Path
    _digests: dict[str, SubjectDigests] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without keys."""
        return CollectSubjects, (self.plan, self.base, self.links_file)

    def on_lane(
        self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path
    ) -> Iterator[SubjectFile]:
        """Yield where each slice's digests lie."""
        digest = self._digests.setdefault("", SubjectDigests(secrets.keyring))
        table = self.plan.tables[cut.table]
        columns = table.source.subject_columns
        types = {name: kind for name, kind in table.types.items() if name in columns}
        ranges = {name: limits for name, limits in table.ranges.items() if name in columns}
        for records in read(cut, lane, table.source, columns=frozenset(columns), base=self.base):
            typed = (
                parse_types(records, types, table.source.timezone, ranges).table if types else records.table
            )
            named = [
                (table.classes[c], column_of(typed, c, table.types.get(c, pa.string()))) for c in columns
            ]
            subject = resolve_subject(named, self._links if len(named) > 1 else None)
            name = f"{FOLDER}/{table.name}-{records.index:05d}"
            write_sorted(staging / name, digests_from(digest(subject.unique())))
            yield SubjectFile(table.name, records.index, name)

    @cached_property
    def _links(self) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(str(self.links_file))).read_all()


def tables_with_subject_keys(plan: Plan) -> tuple[str, ...]:
    """Tables of which some column is encrypted under the keys of subjects."""
    found = {
        export.table
        for release in plan.releases
        for export in release.exports
        for step in export.steps
        if isinstance(step.transform, EncryptSiv) and step.transform.per == "subject"
    }
    return tuple(sorted(found))


def with_subject_keys(keyring: Keyring, directory: Path | None) -> Keyring:
    """The keyring with the key store that lies in a directory; None = the plan needs none."""
    if directory is None:
        return keyring
    store = open_store(directory, keyring)
    if store is None:
        raise damaged(directory.name)
    return keyring.with_subject_keys(store)
