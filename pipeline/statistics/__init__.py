"""Protected statistics: counts and sums over people, published only where enough people share a cell.

This form knows one rule, the threshold on distinct subjects. `PROTECTION` is its honest name in manifests,
and `NOT_PROTECTED` says what the rule does not see.
"""

from pipeline.statistics.checking import check, linked
from pipeline.statistics.combining import combine
from pipeline.statistics.model import Cells, PartialRef, labels_from_data, output_schema, rows_of_statistics
from pipeline.statistics.partial import aggregate_slice
from pipeline.statistics.threshold import protect_table

__all__ = [
    "NOT_PROTECTED",
    "PROTECTION",
    "Cells",
    "PartialRef",
    "aggregate_slice",
    "check",
    "combine",
    "labels_from_data",
    "linked",
    "output_schema",
    "protect_table",
    "rows_of_statistics",
]

PROTECTION = "threshold only"

NOT_PROTECTED = (
    "a suppressed cell can be recovered by who knows the total from elsewhere (no complementary suppression)",
    "two tables, dates or reruns can be subtracted from each other (no guard against differences)",
    "one person can make up most of a published sum (no dominance rule)",
    "all people of a published cell share its dimension values (no group disclosure rule)",
)
