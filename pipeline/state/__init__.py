"""What Pouch remembers between runs: lock, ledger, audit log, tombstones, quarantine."""

from pipeline.state.anchors import anchor, refuse_rolled_back
from pipeline.state.audit import AuditEntry, AuditLog
from pipeline.state.directory import State, open_state
from pipeline.state.ledger import Ledger, LedgerEntry
from pipeline.state.quarantine import (
    QuarantinedRecord,
    QuarantineFacts,
    QuarantineWriter,
    destroy_expired,
    quarantines,
    read_quarantine,
    sealed_under,
    write_part,
)
from pipeline.state.receipts import write_receipt
from pipeline.state.runs import InputDigest, RunRecord, Runs
from pipeline.state.tombstones import Tombstones

__all__ = [
    "AuditEntry",
    "AuditLog",
    "InputDigest",
    "Ledger",
    "LedgerEntry",
    "QuarantineFacts",
    "QuarantineWriter",
    "QuarantinedRecord",
    "RunRecord",
    "Runs",
    "State",
    "Tombstones",
    "anchor",
    "destroy_expired",
    "open_state",
    "quarantines",
    "read_quarantine",
    "refuse_rolled_back",
    "sealed_under",
    "write_part",
    "write_receipt",
]
