"""What the mall keeps of a run, under state: the run manifest, and a report to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import JobWrong, Problem, PublishFailed
from pipeline.release.conservation import Counts
from pipeline.release.gate import Proof, ReleaseProof

RUN_FORMAT = "pouch-run/1"
RUN_MANIFEST = "manifest.json"
RUN_REPORT = "report.md"


@dataclass(frozen=True)
class ReleaseOutcome:
    """What became of one release."""

    release: int
    recipient: str
    purpose: str
    status: str  # published | unchanged | blocked | failed | not published (dry run)
    counts: tuple[Counts, ...] = ()  # empty where nothing was computed (unchanged)
    path: str = ""  # as a reader finds it, where it is published
    id: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class RunSummary:
    """What became of a run."""

    run: str
    job: str
    date: str
    outcomes: tuple[ReleaseOutcome, ...]
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()  # that stopped the run before any release

    @property
    def exit_code(self) -> int:
        """0, or the smallest code among the problems."""
        own = [problem for outcome in self.outcomes for problem in outcome.problems]
        return min((problem.code for problem in [*self.problems, *own]), default=0)


def run_manifest(
    summary: RunSummary, proof: Proof | None, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The run manifest: counts with reasons per table and release, the gate's proof and its blind spots.

    Args:
        summary: what became of the run.
        proof: of the gate, None where no release got that far.
        facts: further entries (input digests, plan digest, versions), without any value of the data.

    """
    proofs = {entry.release: entry for entry in proof.releases} if proof else {}
    return {
        "format": RUN_FORMAT,
        "run": summary.run,
        "job": summary.job,
        "date": summary.date,
        "exit_code": summary.exit_code,
        **(facts or {}),
        "releases": [_outcome(outcome, proofs.get(outcome.release)) for outcome in summary.outcomes],
        "gate": {
            "identities": proof.identities if proof else 0,
            "rules": [
                {"rule": rule.id, "states": rule.states, "cannot_see": rule.blind_to}
                for rule in (proof.rules if proof else ())
            ],
        },
        "warnings": list(summary.warnings),
        "problems": [_problem(problem) for problem in summary.problems],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "where": problem.where, "message": problem.message, "hint": problem.hint}


def outcome_as_json(outcome: ReleaseOutcome) -> dict[str, Any]:
    """One release, for programs."""
    return {
        "recipient": outcome.recipient,
        "purpose": outcome.purpose,
        "status": outcome.status,
        "path": outcome.path,
        "id": outcome.id,
        "tables": [_counts(counts) for counts in outcome.counts],
        "problems": [_problem(problem) for problem in outcome.problems],
    }


def _outcome(outcome: ReleaseOutcome, proof: ReleaseProof | None) -> dict[str, Any]:
    return {**outcome_as_json(outcome), "gate": _proof(proof) if proof else None}


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "table": counts.table,
        "rows_read": counts.rows_read,
        "rows_published": counts.rows_published,
        "rows_suppressed": counts.rows_suppressed,
        "rows_quarantined": counts.rows_quarantined,
        "rows_withheld": counts.rows_withheld,
        "reasons": {
            "suppressed": dict(counts.suppressed),
            "quarantined": dict(counts.quarantined),
            "withheld": dict(counts.withheld),
        },
    }


def _proof(proof: ReleaseProof) -> dict[str, Any]:
    return {
        "passed": proof.passed,
        "rows": proof.rows,
        "hits": [
            {
                "table": h.table,
                "column": h.column,
                "class": h.data_class,
                "rule": h.rule,
                "cells": h.cells,
                "says": h.says,
            }
            for h in proof.hits
        ],
        "checksums": [
            {
                "table": v.table,
                "column": v.column,
                "class": v.data_class,
                "candidates": v.candidates,
                "passing": v.passing,
            }
            for v in proof.checksums
        ],
    }


def write_run_record(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Write the run manifest and its report into the run's private directory. Raises PublishFailed."""
    try:
        for name, content in (
            (RUN_MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"),
            (RUN_REPORT, report_text(manifest)),
        ):
            temporary = directory / f".partial-{name}"
            temporary.touch(mode=0o600)
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(directory / name)
    except OSError as error:
        raise PublishFailed(
            f"the run's report could not be written ({error.strerror})", where=directory.name
        ) from None


def read_run_record(directory: Path) -> dict[str, Any]:
    """The run manifest again. Raises JobWrong where the run left none."""
    try:
        document = json.loads((directory / RUN_MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise JobWrong("left no report: it was killed, or is still running", where=directory.name) from None
    return dict(document)


def recorded_counts(directory: Path, release: int, recipient: str) -> tuple[Counts, ...]:
    """The counts that a past run recorded for a recipient; empty where it left no record."""
    try:
        entries = read_run_record(directory)["releases"]
    except JobWrong:
        return ()
    return tuple(
        Counts(
            release,
            recipient,
            table["table"],
            table["rows_read"],
            table["rows_published"],
            **table["reasons"],
        )
        for entry in entries
        if entry["recipient"] == recipient
        for table in entry["tables"]
    )


# ------------------------------------------------------------------ report


def report_text(manifest: Mapping[str, Any]) -> str:
    """The run manifest as Markdown."""
    lines = [
        f"# Run {manifest['run']}",
        "",
        f"Job {manifest['job']}, date {manifest['date']}, ended with {manifest['exit_code']}.",
        "",
    ]
    lines += [f"- stopped: {p['where']}: {p['message']}" for p in manifest["problems"]]
    header = ("recipient", "table", "read", "published", "suppressed", "quarantined", "withheld", "status")
    lines += _table(header, [row for release in manifest["releases"] for row in _rows(release)])
    for release in manifest["releases"]:
        lines += ["", f"## {release['recipient']}", "", f"{release['status']} {release['path']}".strip(), ""]
        for table in release["tables"]:
            for kind, reasons in table["reasons"].items():
                lines += [
                    f"- {table['table']}: {count} {kind}, {reason}" for reason, count in reasons.items()
                ]
        gate = release["gate"]
        if gate:
            lines += [f"- gate: {'passed' if gate['passed'] else 'blocked'}, {gate['rows']} rows read back"]
            lines += [
                f"- gate: {hit['table']}.{hit['column']} {hit['says'] or 'holds ' + hit['class']} "
                f"({hit['cells']} cells, rule {hit['rule']})"
                for hit in gate["hits"]
            ]
        lines += [f"- problem: {problem['where']}: {problem['message']}" for problem in release["problems"]]
    if manifest["gate"]["rules"]:
        lines += ["", "## The gate", "", f"Compared with {manifest['gate']['identities']} identities.", ""]
        rules = [(rule["rule"], rule["states"], rule["cannot_see"]) for rule in manifest["gate"]["rules"]]
        lines += _table(("rule", "states", "cannot see"), rules)
    if manifest["warnings"]:
        lines += ["", "## Warnings", "", *(f"- {warning}" for warning in manifest["warnings"])]
    return "\n".join(lines) + "\n"


def _rows(release: Mapping[str, Any]) -> list[tuple[object, ...]]:
    if not release["tables"]:
        return [(release["recipient"], "", "", "", "", "", "", release["status"])]
    return [
        (
            release["recipient"],
            table["table"],
            *(
                table[f"rows_{name}"]
                for name in ("read", "published", "suppressed", "quarantined", "withheld")
            ),
            release["status"],
        )
        for table in release["tables"]
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
    ]
