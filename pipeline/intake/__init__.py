"""Sources -> slices -> text and typed columns; what cannot be read goes to quarantine, never away.

Guarantee: every record that the scan of bytes counts comes out of `read` as a row or as a `Rejected`, or the
file is
refused (InputUnreadable).
"""

from pipeline.intake.cutting import cut, cut_files
from pipeline.intake.model import Cut, InputFile, Limits, Reason, Rejected, Segment, Slice, SliceRecords
from pipeline.intake.reading import read
from pipeline.intake.sampling import read_records, read_table, sample
from pipeline.intake.typed import parse_types

__all__ = [
    "Cut",
    "InputFile",
    "Limits",
    "Reason",
    "Rejected",
    "Segment",
    "Slice",
    "SliceRecords",
    "cut",
    "cut_files",
    "parse_types",
    "read",
    "read_records",
    "read_table",
    "sample",
]
