"""The main work on a slice: read once, withhold, transform and write for every release, let the taps look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engines.fitting import TEXT, encoded_column
from pipeline.engines.model import SliceResult, SliceView, StagedPart, Tap, tap_name
from pipeline.engines.order import row_order
from pipeline.engines.subjects import with_subject_keys
from pipeline.engines.work import Secrets
from pipeline.errors import Drift, Problem, refuse, shown_keys
from pipeline.intake import Cut, Rejected, SliceRecords, parse_types, read
from pipeline.protect.apply import BoundExport, apply_export, bind_export
from pipeline.protect.consent import Tombstones, Withholding, read_withholding, withheld
from pipeline.protect.known_subjects import KnownSubjects
from pipeline.protect.model import Plan, ReleasePlan, TablePlan
from pipeline.protect.subjects import resolve_subject
from pipeline.protect.unfit import redacted_cells
from pipeline.sinks import write_part
from pipeline.state.quarantine import QuarantinedRecord
from pipeline.state.quarantine import write_part as write_quarantine

EXTENSIONS: Mapping[str, str] = {"parquet": "parquet", "csv": "csv", "jsonl": "jsonl"}


@dataclass(frozen=True)
class ProtectSlices:
    """Everything that happens to a slice between its bytes and its staged parts."""

    plan: Plan
    taps: tuple[Tap, ...]
    base: Path  # working directory, for input paths
    run_id: str
    erased: frozenset[bytes]  # keyed digests of erased subjects
    withholding_file: Path  # Arrow file in staging, written by the parent
    links_file: Path  # the same, alias -> subject
    subject_store: Path | None = None  # where the keys of subjects lie, if the plan needs them
    _bound: dict[tuple[int, str], BoundExport] = field(default_factory=dict, repr=False, compare=False)
    _people: dict[str, KnownSubjects] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without bound keys and without mapped files."""
        named = (
            self.plan,
            self.taps,
            self.base,
            self.run_id,
            self.erased,
            self.withholding_file,
            self.links_file,
            self.subject_store,
        )
        return ProtectSlices, named

    def on_lane(
        self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path
    ) -> Iterator[SliceResult]:
        """Yield the result of each slice."""
        table = self.plan.tables[cut.table]
        for records in read(cut, lane, table.source, columns=table.used, base=self.base):
            _refuse_unknown(table, records)
            typed = parse_types(records, table.types, table.source.timezone, table.ranges)
            columns = {
                name: encoded_column(typed.table, name, table.types.get(name, TEXT))
                for name in sorted(table.used)
            }
            typed = replace(
                typed, table=typed.table.select([])
            )  # the columns stand for it: let go of the text
            del records
            result = self._on_slice(cut, table, typed, columns, secrets, staging)
            del typed, columns  # or the next slice would be read beside this one
            yield result

    def _on_slice(
        self,
        cut: Cut,
        table: TablePlan,
        typed: SliceRecords,
        columns: Mapping[str, pa.Array],
        secrets: Secrets,
        staging: Path,
    ) -> SliceResult:
        named = [(table.classes[name], columns[name]) for name in table.source.subject_columns]
        subject = resolve_subject(named, self._links if len(named) > 1 else None) if named else None
        every_row = pa.array(np.arange(len(typed.table)))
        released: dict[int, pa.Array] = {}
        counts: dict[int, Mapping[str, int]] = {}
        parts: dict[int, StagedPart] = {}
        for release in self.plan.releases:
            if table.name not in release.tables:
                continue
            reasons = self._reasons(release, subject, secrets)
            counts[release.number] = _counts(reasons)
            rows = every_row if reasons is None else every_row.filter(pc.is_null(reasons))
            released[release.number] = rows
            part = self._write(release, table, typed, columns, subject, rows, secrets, staging)
            if part is not None:
                parts[release.number] = part
        view = SliceView(
            table.name,
            typed.index,
            columns,
            subject,
            released,
            parts,
            secrets.fingerprint_key,
            self._known(secrets),
        )
        return SliceResult(
            table=table.name,
            index=typed.index,
            rows_read=len(typed.table) + len(typed.rejected),
            quarantined=_count_reasons(typed.rejected),
            withheld=counts,
            parts={number: replace(part, order=pa.array([], pa.int64())) for number, part in parts.items()},
            taps={tap_name(tap): tap(view, self.plan, staging) for tap in self.taps},
            quarantine_part=self._quarantine(cut, typed, secrets, staging),
        )

    def _reasons(self, release: ReleasePlan, subject: pa.Array | None, secrets: Secrets) -> pa.Array | None:
        if subject is None or (release.basis != "consent" and not self.erased):
            return None
        tombstones = Tombstones(self.erased, self._known(secrets).binary)
        return withheld(self._withholding, release.basis, release.purpose, subject, tombstones)

    def _write(
        self,
        release: ReleasePlan,
        table: TablePlan,
        records: SliceRecords,
        columns: Mapping[str, pa.Array],
        subject: pa.Array | None,
        rows: pa.Array,
        secrets: Secrets,
        staging: Path,
    ) -> StagedPart | None:
        bound = self._export(release, table.name, secrets)
        if bound is None:
            return None
        identity = (release.recipient, release.purpose, self.plan.date)
        order = row_order(secrets.keyring, identity, table.name, records.index, rows)
        row_ids: Callable[[], pa.Array] = lambda: pa.StructArray.from_arrays(  # noqa: E731 - made only on demand
            [records.file, records.record], ["file", "record"]
        )
        published = apply_export(bound, columns, table.classes, order, subject, row_ids)
        name = f"r{release.number}/{table.name}/slice-{records.index:05d}.{EXTENSIONS[bound.export.format]}"
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_part(path, published, bound.export.format)
        redacted = redacted_cells(bound.export, published, columns, order)
        return StagedPart(name, len(published), order, redacted)

    def _export(self, release: ReleasePlan, table: str, secrets: Secrets) -> BoundExport | None:
        key = (release.number, table)
        if key not in self._bound:
            for export in release.exports:
                if export.table == table:
                    keyring = with_subject_keys(secrets.keyring, self.subject_store)
                    region = self.plan.tables[table].source.phone_region
                    self._bound[key] = bind_export(export, keyring, region)
        return self._bound.get(key)

    def _known(self, secrets: Secrets) -> KnownSubjects:
        return self._people.setdefault("", KnownSubjects(secrets.keyring))

    @cached_property
    def _withholding(self) -> Withholding:
        return read_withholding(self.withholding_file)

    @cached_property
    def _links(self) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(str(self.links_file))).read_all()

    def _quarantine(self, cut: Cut, records: SliceRecords, secrets: Secrets, staging: Path) -> str | None:
        if not records.rejected:
            return None
        sealed = write_quarantine(
            staging / "quarantine",
            [
                QuarantinedRecord(
                    cut.table, cut.files[r.file].path, r.record, r.position, str(r.reason), r.raw
                )
                for r in records.rejected
            ],
            key=secrets.quarantine_key,
            run=self.run_id,
            table=cut.table,
            slice_index=records.index,
        )
        return sealed.name


def _refuse_unknown(table: TablePlan, records: SliceRecords) -> None:
    unknown = sorted(records.columns_seen - set(table.classes))
    refuse(
        [
            Problem(
                Drift.code,
                table.name,
                f"column {name} is not in the catalog",
                "propose a class with `pouch scan`, then add it to the catalog",
            )
            for name in shown_keys(unknown)
        ]
    )


def _counts(reasons: pa.Array | None) -> Mapping[str, int]:
    if reasons is None:
        return {}
    counts = reasons.drop_null().value_counts()
    return {str(count["values"]): int(count["counts"]) for count in counts.to_pylist()}


def _count_reasons(rejected: Sequence[Rejected]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for record in rejected:
        counts[record.reason] = counts.get(record.reason, 0) + 1
    return dict(sorted(counts.items()))
