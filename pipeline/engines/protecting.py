"""The main work on a slice: read once, withhold, transform and write for every release, let the taps look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engines.model import SliceResult, SliceView, StagedPart, Tap
from pipeline.engines.order import row_order
from pipeline.engines.work import Secrets
from pipeline.errors import Drift, Problem, refuse, shown_name
from pipeline.intake import Cut, Rejected, SliceRecords, parse_types, read
from pipeline.protect.apply import BoundExport, apply_export, bind_export
from pipeline.protect.consent import Withholding, resolve_subject
from pipeline.protect.model import Plan, ReleasePlan, TablePlan
from pipeline.sinks import write_part
from pipeline.state.quarantine import seal_part

EXTENSIONS: Mapping[str, str] = {"parquet": "parquet", "csv": "csv", "jsonl": "jsonl"}


@dataclass(frozen=True)
class ProtectSlices:
    """Everything that happens to a slice between its bytes and its staged parts."""

    plan: Plan
    withholding: Path  # Arrow file in staging, written by the parent
    taps: tuple[Tap, ...]
    base: Path  # working directory, for input paths
    run_id: str
    _bound: dict[tuple[int, str], BoundExport] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without bound keys."""
        return ProtectSlices, (self.plan, self.withholding, self.taps, self.base, self.run_id)

    def on_lane(self, cut: Cut, lane: Sequence[int], secrets: Secrets, staging: Path) -> Iterator[SliceResult]:
        """Yield the result of each slice."""
        table = self.plan.tables[cut.table]
        for records in read(cut, lane, table.source, columns=table.used, base=self.base):
            _refuse_unknown(table, records)
            yield self._on_slice(table, records, secrets, staging)

    def _on_slice(
        self, table: TablePlan, records: SliceRecords, secrets: Secrets, staging: Path
    ) -> SliceResult:
        typed = parse_types(records, table.types, table.source.timezone)
        columns = {name: _encoded(_chunkless(typed.table, name)) for name in typed.table.column_names}
        subject = resolve_subject(table, columns, self._withholding)
        every_row = pa.array(range(len(typed.table)), pa.int64())
        released: dict[int, pa.Array] = {}
        withheld: dict[int, Mapping[str, int]] = {}
        parts: dict[int, StagedPart] = {}
        for release in self.plan.releases:
            if table.name not in release.tables:
                continue
            reasons = self._withholding.reasons(release.basis, release.purpose, subject, len(every_row))
            withheld[release.number] = _counts(reasons)
            rows = every_row if reasons is None else every_row.filter(pc.is_null(reasons))
            released[release.number] = rows
            part = self._write(release, table, typed, columns, subject, rows, secrets, staging)
            if part is not None:
                parts[release.number] = part
        view = SliceView(table.name, typed.index, columns, subject, released, parts, secrets.fingerprint_key)
        return SliceResult(
            table=table.name,
            index=typed.index,
            rows_read=len(typed.table) + len(typed.rejected),
            quarantined=_count_reasons(typed.rejected),
            withheld=withheld,
            parts={number: replace(part, order=pa.array([], pa.int64())) for number, part in parts.items()},
            taps=tuple(tap(view, self.plan, staging) for tap in self.taps),
            quarantine_part=self._quarantine(table, typed, secrets, staging),
        )

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
        return StagedPart(name, len(published), order)

    def _export(self, release: ReleasePlan, table: str, secrets: Secrets) -> BoundExport | None:
        key = (release.number, table)
        if key not in self._bound:
            for export in release.exports:
                if export.table == table:
                    self._bound[key] = bind_export(export, secrets.keyring)
        return self._bound.get(key)

    @cached_property
    def _withholding(self) -> Withholding:
        return Withholding.load(self.withholding)

    def _quarantine(
        self, table: TablePlan, records: SliceRecords, secrets: Secrets, staging: Path
    ) -> str | None:
        if not records.rejected:
            return None
        name = f"quarantine/{table.name}-{records.index:05d}.sealed"
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        seal_part(path, self.run_id, table.name, records.rejected, secrets.quarantine_key)
        return name


def _refuse_unknown(table: TablePlan, records: SliceRecords) -> None:
    unknown = sorted(records.columns_seen - set(table.classes))
    refuse(
        [
            Problem(
                Drift.code,
                table.name,
                f"column {shown_name(name)} is not in the catalog",
                "propose a class with `pouch scan`, then add it to the catalog",
            )
            for name in unknown[:20]
        ]
    )


def _chunkless(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _encoded(array: pa.Array) -> pa.Array:
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


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
