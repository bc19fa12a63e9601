"""Protected statistics: counts and sums over people, from which nobody can compute back to a person.

Primary rules name the cells that must not be published, complementary suppression holds back what would give them
away, and an attacker with linear programs audits the result before it is published. `PROTECTION` is its name in
manifests, and `NOT_PROTECTED` says what it does not see.
"""

from pipeline.statistics.cells import Cells
from pipeline.statistics.checking import check
from pipeline.statistics.combining import combine_release
from pipeline.statistics.linkable import linked
from pipeline.statistics.model import PartialRef, labels_from_data, output_schema, rows_of_statistics
from pipeline.statistics.partial import aggregate_slice
from pipeline.statistics.protecting import Protected, protect_release

__all__ = [
    "NOT_PROTECTED",
    "PROTECTION",
    "Cells",
    "PartialRef",
    "Protected",
    "aggregate_slice",
    "check",
    "combine_release",
    "labels_from_data",
    "linked",
    "output_schema",
    "protect_release",
    "rows_of_statistics",
]

PROTECTION = "suppression audited by linear programs"

NOT_PROTECTED = (
    "what an attacker knows of single people from elsewhere narrows the intervals further",
    "more than two people who put together what they know of themselves",
    "another recipient who holds rows of nearly the same people and puts them beside these tables",
)
