"""The plan: every column's resolved step, before the first row is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.models import TableSource
from pipeline.config.statistics_models import StatisticSpec
from transforms import AnyTransform
from transforms.context import Context
from transforms.domains import OutputDomain


@dataclass(frozen=True)
class Step:
    """What happens to one column in one release."""

    column: str
    data_class: str
    transform: AnyTransform  # `drop` steps are kept, so that the plan names every column
    type: pa.DataType | None  # of the published column; None = not published
    domain: OutputDomain | None  # every published cell is a member; None = not published
    context: Context
    warnings: tuple[str, ...] = ()

    @property
    def published(self) -> bool:
        """Whether the release holds this column."""
        return self.type is not None


@dataclass(frozen=True)
class TablePlan:
    """How one table is read."""

    name: str
    source: TableSource
    classes: Mapping[str, str]  # column -> data class id, every column of the table
    # Columns that are parsed to a type, because a release or statistic uses them.
    types: Mapping[str, pa.DataType]
    used: frozenset[str]  # columns that anything later reads; the others are counted and left unparsed

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Of the typed columns whose class has one."""
        found = ((column, CLASSES[self.classes[column]].range) for column in self.types)
        return {column: limits for column, limits in found if limits is not None}


@dataclass(frozen=True)
class ExportPlan:
    """One table of one row-level release."""

    table: str
    format: str  # parquet | csv | jsonl
    steps: tuple[Step, ...]  # in the table's column order

    @property
    def schema(self) -> pa.Schema:
        """Of the published rows."""
        return pa.schema([(step.column, step.type) for step in self.steps if step.published])


@dataclass(frozen=True)
class StatisticPlan:
    """One statistics table of one release."""

    name: str
    spec: StatisticSpec


@dataclass(frozen=True)
class ReleasePlan:
    """What one recipient gets for one date."""

    number: int  # position in plan.releases; names the release in taps and staging
    recipient: str
    purpose: str
    basis: str  # contract | consent | legal
    epoch: str
    policy_digest: str
    exports: tuple[ExportPlan, ...] = ()
    statistics: tuple[StatisticPlan, ...] = ()
    expires_after_days: int | None = None
    key_id: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that the release reads, sorted."""
        return tuple(
            sorted({e.table for e in self.exports} | {t for s in self.statistics for t in s.spec.tables})
        )


@dataclass(frozen=True)
class Plan:
    """Everything that will happen, frozen."""

    job: str
    date: str
    tables: Mapping[str, TablePlan]
    releases: tuple[ReleasePlan, ...]
    digest: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def has_statistics(self) -> bool:
        """Whether any release gives statistics."""
        return any(release.statistics for release in self.releases)
