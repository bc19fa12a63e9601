"""No row vanishes: rows_read = rows_published + rows_suppressed + rows_quarantined + rows_withheld.

Three counts are independent of each other: the cut counts records by their ends before anything is parsed,
children count what they read, withheld and quarantined, and the gate counts the rows in the bytes to be
published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.engines.model import SliceResult
from pipeline.errors import InputUnreadable, InternalError, Problem, refuse
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.release.manifest import joined

Place = tuple[int, str]  # release number, table
_MOST_REASONS = 5  # in one sentence


@dataclass(frozen=True)
class Counts:
    """What became of one table's rows in one release."""

    release: int
    recipient: str
    table: str
    rows_read: int
    rows_published: int  # of statistics: rows that were aggregated
    suppressed: Mapping[str, int] = field(default_factory=dict)  # reason -> rows
    quarantined: Mapping[str, int] = field(default_factory=dict)
    withheld: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_suppressed(self) -> int:
        """All reasons together."""
        return sum(self.suppressed.values())

    @property
    def rows_quarantined(self) -> int:
        """All reasons together."""
        return sum(self.quarantined.values())

    @property
    def rows_withheld(self) -> int:
        """All reasons together."""
        return sum(self.withheld.values())

    @property
    def holds(self) -> bool:
        """Whether the equation holds."""
        parts = self.rows_published, self.rows_suppressed, self.rows_quarantined, self.rows_withheld
        return min(parts) >= 0 and self.rows_read == sum(parts)


def conserve(
    plan: Plan,
    results: Sequence[SliceResult],
    records: Mapping[str, int],
    suppressed: Mapping[Place, Mapping[str, int]] | None = None,
    aggregated: Mapping[Place, int] | None = None,
) -> tuple[Counts, ...]:
    """Count every table of every release.

    Args:
        plan: the run's plan.
        results: of all slices.
        records: table -> records, as the cut counted them.
        suppressed: (release, table) -> reason -> rows, from stages that suppress rows.
        aggregated: (release, table) -> rows that entered a statistics release's tables; without it, what is
            neither suppressed, quarantined nor withheld.

    Raises:
        InternalError: the equation does not hold somewhere.

    """
    counts = tuple(
        _counts(release, table, results, records[table], suppressed or {}, aggregated or {})
        for release in plan.releases
        for table in release.tables
    )
    for entry in counts:
        if not entry.holds:
            raise InternalError(
                f"rows are missing or too many: read {entry.rows_read}, published {entry.rows_published}, "
                f"suppressed {entry.rows_suppressed}, quarantined {entry.rows_quarantined}, "
                f"withheld {entry.rows_withheld}; nothing is published",
                where=f"{entry.recipient}.{entry.table}",
            )
    return counts


def refuse_mostly_unreadable(counts: Sequence[Counts], limit: float) -> None:
    """Refuse tables of which a larger share than `limit` is in quarantine: the reader or the feed is wrong.

    Raises:
        InputUnreadable: naming the tables and how many of their records could not be read.

    """
    refuse(
        [
            Problem(
                InputUnreadable.code,
                table,
                f"{bad} of {read} records could not be read: {reasons}",
                "is the delimiter, encoding or catalog wrong? max_quarantined in the job sets the limit",
            )
            for table, bad, read, reasons in sorted({_unreadable(entry) for entry in counts})
            if bad > limit * read
        ]
    )


def _unreadable(counts: Counts) -> tuple[str, int, int, str]:
    """Reasons name columns, so there can be many: the most frequent ones tell what is wrong."""
    ordered = sorted(counts.quarantined.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = [f"{reason} ({count})" for reason, count in ordered[:_MOST_REASONS]]
    if len(ordered) > _MOST_REASONS:
        shown.append(f"{len(ordered) - _MOST_REASONS} more reasons")
    return counts.table, counts.rows_quarantined, counts.rows_read, ", ".join(shown)


def _counts(
    release: ReleasePlan,
    table: str,
    results: Sequence[SliceResult],
    records: int,
    suppressed: Mapping[Place, Mapping[str, int]],
    aggregated: Mapping[Place, int],
) -> Counts:
    own = [result for result in results if result.table == table]
    read = sum(result.rows_read for result in own)
    if read != records:
        raise InternalError(
            f"{records} records were counted in the files, the reader gave {read}; nothing is published",
            where=f"{release.recipient}.{table}",
        )
    place = release.number, table
    quarantined = joined([result.quarantined for result in own])
    withheld = joined([result.withheld.get(release.number, {}) for result in own])
    if any(export.table == table for export in release.exports):
        published = sum(result.parts[release.number].rows for result in own if release.number in result.parts)
    else:
        rest = read - sum(quarantined.values()) - sum(withheld.values())
        published = aggregated.get(place, rest - sum(suppressed.get(place, {}).values()))
    return Counts(
        release=release.number,
        recipient=release.recipient,
        table=table,
        rows_read=read,
        rows_published=published,
        suppressed=suppressed.get(place, {}),
        quarantined=quarantined,
        withheld=withheld,
    )
