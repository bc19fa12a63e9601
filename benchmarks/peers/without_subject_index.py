"""`pouch` without the subject index: what is left out is exactly what the index adds to a run."""

from importlib import import_module

import pipeline.handover
import pipeline.run
from pipeline.cli import main
from pipeline.release.subject_index import SubjectSpill


def note_nobody(view, plan, staging):
    """The tap, doing nothing."""
    return SubjectSpill(view.table, {})


def index_nothing(plan, spills, keyring, store, run, staging):
    """The step that joins, doing nothing."""
    return {release.number: {} for release in plan.releases}


if __name__ == "__main__":
    # As children find it: here it would belong to `__main__`.
    pipeline.run.note_subjects = import_module("benchmarks.peers.without_subject_index").note_nobody
    pipeline.handover.index_releases = index_nothing
    main()
