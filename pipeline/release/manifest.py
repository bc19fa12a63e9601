"""What a recipient is told about a release, and what the mall keeps about a run.

The recipient's manifest holds nothing internal: no input path or digest, host, user, key, withheld or
suppressed count, no clock time, no run id. Both are deterministic JSON.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date as calendar_date
from datetime import timedelta
from typing import Any

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, StatisticPlan, Step
from pipeline.release.domain_text import domain_as_json, kept_domains, published_domain
from pipeline.release.noise_terms import NOISED_STATISTICS, noise_schema, noise_terms
from pipeline.statistics.dp_checking import classes_for
from pipeline.statistics.model import dimension_columns, output_schema
from transforms import RedactText

FORMAT = "pouch-release/1"
MANIFEST = "manifest.json"
DATA_PACKAGE = "datapackage.json"
STATISTICS_FORMATS = ("csv", "parquet")
# Guarded against computing back, not against everything: for the recipient, not for everyone.
STATISTICS_GRADE = 2
DE_IDENTIFIED = "de-identified rows: still personal data, not anonymized"
IDENTIFIED = "identified rows: personal data in clear, as the contract or policy says"
SUPPRESSED = "statistics protected by suppression, audited by linear programs"
MIXED = "statistics, some with differential privacy, some protected by suppression"


def label_of(release: ReleasePlan) -> str:
    """What the rows are, honestly: who gets names or phones in clear does not hold de-identified data."""
    if not release.exports:
        noisy = {entry.spec.dp is not None for entry in release.statistics}
        return MIXED if len(noisy) > 1 else NOISED_STATISTICS if noisy == {True} else SUPPRESSED
    kept = [s.data_class for e in release.exports for s in e.steps if s.transform.transform == "keep"]
    in_clear = any(CLASSES[c].kind == "direct_identifier" and CLASSES[c].grade >= 3 for c in kept)
    return IDENTIFIED if in_clear else DE_IDENTIFIED


def part_name(table: str, position: int, file_format: str) -> str:
    """Name of an export's file inside the release."""
    return f"data/{table}/part-{position:05d}.{file_format}"


def statistic_name(name: str, file_format: str) -> str:
    """Name of a statistics file inside the release."""
    return f"statistics/{name}.{file_format}"


def as_json(document: Mapping[str, Any]) -> bytes:
    """Deterministic bytes: UTF-8, keys as given, two blanks, one line end."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def release_manifest(
    plan: Plan,
    release: ReleasePlan,
    rows: Mapping[str, int],
    parts: Mapping[str, int],
    number: int | None = None,
    key_check: str = "",
) -> dict[str, Any]:
    """The manifest that goes to the recipient.

    Args:
        plan: the run's plan.
        release: one of its releases.
        rows: table -> published rows (exports only).
        parts: table -> files (exports only).
        number: of the recipient's published trees, from the ledger: a ledger that was set back is noticed.
        key_check: public check value of the key of format-preserving tokens, without which nothing turns them back.

    """
    kind = "export" if release.exports else "statistics"
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "recipient": release.recipient,
        "purpose": release.purpose,
        "basis": release.basis,
        "date": plan.date,
        "epoch": release.epoch,
        "policy_digest": release.policy_digest,
        "kind": kind,
        "label": label_of(release),
        "grade": release_grade(release),
    }
    if number is not None:
        manifest["number"] = number
    if key_check:
        manifest["key"] = {"id": release.key_id, "check": key_check}
    if release.exports:
        manifest["tables"] = [
            _table(plan, export, rows[export.table], parts[export.table]) for export in release.exports
        ]
    if release.statistics:
        manifest["statistics"] = [_statistic(plan, statistic) for statistic in release.statistics]
    manifest["terms"] = terms(plan, release)
    return manifest


def terms(plan: Plan, release: ReleasePlan) -> dict[str, Any]:
    """What the recipient may do."""
    days = release.expires_after_days
    expiry = (
        None if days is None else (calendar_date.fromisoformat(plan.date) + timedelta(days=days)).isoformat()
    )
    agreed: dict[str, Any] = {
        "purpose": f"only for {release.purpose}",
        "expires_on": expiry or "when the purpose is fulfilled",
        "re_identification": "forbidden, and so is any attempt",
        "onward_sharing": "forbidden",
    }
    if release.exports:
        agreed["status"] = f"still personal data: {label_of(release).partition(':')[0]}, not anonymized"
    else:
        agreed["protection"] = label_of(release)
    return agreed


def _table(plan: Plan, export: ExportPlan, rows: int, parts: int) -> dict[str, Any]:
    return {
        "name": export.table,
        "format": export.format,
        "files": [part_name(export.table, position, export.format) for position in range(parts)],
        "rows": rows,
        "time_zone": plan.tables[export.table].source.timezone,
        "columns": [_column(step) for step in export.steps if step.published],
    }


def _column(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": step.column,
        "class": step.data_class,
        "title": CLASSES[step.data_class].title,
        "type": str(step.type),
        "transform": step.transform.transform,
        "technique": step.transform.technique,
        "grade": column_grade(step),
        "domain": domain_as_json(published_domain(step)),
    }
    if isinstance(step.transform, RedactText) and kept_domains(step):
        told["in_form"] = sorted(kept_domains(step))  # its texts hold tokens that look like these
    return told


def _statistic(plan: Plan, statistic: StatisticPlan) -> dict[str, Any]:
    schema = statistic_schema(plan, statistic)
    dimensions = set(dimension_columns(statistic.spec))
    return {
        "name": statistic.name,
        "files": [statistic_name(statistic.name, file_format) for file_format in STATISTICS_FORMATS],
        "protection": noise_terms(statistic.spec, _classes(plan, statistic))
        or {
            "label": SUPPRESSED,
            "min_people": statistic.spec.protect.min_people,
            "zeros": statistic.spec.protect.zeros,
        },
        "columns": [{"name": f.name, "type": str(f.type), "role": _role(f.name, dimensions)} for f in schema],
    }


def _role(name: str, dimensions: set[str]) -> str:
    return "dimension" if name in dimensions else "status" if name == "status" else "measure"


def statistic_schema(plan: Plan, statistic: StatisticPlan) -> pa.Schema:
    """Schema of a published statistics table."""
    classes = _classes(plan, statistic)
    return noise_schema(statistic.spec, classes) or output_schema(statistic.spec, classes)


def _classes(plan: Plan, statistic: StatisticPlan) -> Mapping[str, str]:
    """Column -> data class, of the statistic's own table and of the columns that it joins."""
    return classes_for(statistic.spec, {name: table.classes for name, table in plan.tables.items()})


def column_grade(step: Step) -> int:
    """Grade of a published column.

    Kept cells keep the class's grade. Tokens, ciphertexts and masks of a grade 4 class are grade 3: they
    still single a person out. What no longer does (generalized, rounded, replaced) is one grade lower.
    """
    grade = CLASSES[step.data_class].grade
    if step.transform.transform == "keep":
        return grade
    return min(grade, 3) if step.transform.identifying else max(1, grade - 1)


def release_grade(release: ReleasePlan) -> int:
    """The highest grade among the published columns."""
    grades = [column_grade(step) for export in release.exports for step in export.steps if step.published]
    return max(grades, default=STATISTICS_GRADE)


def joined(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by reason."""
    total: dict[str, int] = {}
    for entry in counts:
        for reason, number in entry.items():
            total[reason] = total.get(reason, 0) + number
    return dict(sorted(total.items()))
