"""What `pouch report` without a run id prints: the last runs, newest first."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.state.runs import RunRecord

_HEADER = ("run", "job", "date", "began", "exit code")


def print_runs(runs: Sequence["RunRecord"], format: str) -> None:
    """Id, job, date, begin and exit code of each run; a run without an end has none."""
    if format == "json":
        print(json.dumps([asdict(run) for run in runs], ensure_ascii=False, indent=2))
        return
    if not runs:
        print("no run is on record yet")
        return
    rows = [_HEADER, *((run.run, run.job, run.date, run.began, _ending(run)) for run in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _ending(run: "RunRecord") -> str:
    return "running or killed" if run.exit_code is None else str(run.exit_code)
