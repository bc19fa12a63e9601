"""datapackage.json: what every column is, in the words of Data Package 2.0 (datapackage.org)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, StatisticPlan, Step
from pipeline.release.domain_text import published_domain
from pipeline.release.manifest import (
    STATISTICS_FORMATS,
    label_of,
    part_name,
    statistic_name,
    statistic_schema,
)
from pipeline.statistics.dictionary import column_descriptions

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_MEDIA_TYPES: Mapping[str, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "jsonl": "application/jsonl",
}
APOSTROPHES = (
    "In CSV files a text cell that a spreadsheet would run (it begins with = + - or @, also in full width or "
    "behind blanks, or with a tab or line end) has one apostrophe in front; remove it to get the value. "
    "Parquet and JSON-lines files are unchanged."
)
NULLS = 'In CSV files an empty field is null, and "" is the empty text.'


def data_package(
    plan: Plan,
    release: ReleasePlan,
    parts: Mapping[str, int],
    statistics: Mapping[str, pa.Schema] | None = None,
) -> dict[str, Any]:
    """Describe every file and column of a release.

    Args:
        plan: the run's plan.
        release: one of its releases.
        parts: table -> files (exports only).
        statistics: name -> schema of the published statistics table; the plan's by default.

    """
    package: dict[str, Any] = {
        "$schema": PROFILE,
        "name": f"{release.recipient.replace('_', '-')}-{plan.date}",
        "title": f"{release.recipient}, {plan.date}",
        "description": f"{label_of(release)}. For {release.purpose} only; see manifest.json for the terms.",
    }
    keyed = any(step.transform.keyed for export in release.exports for step in export.steps if step.published)
    if keyed and release.key_id:
        package["key_ids"] = [release.key_id]  # public names of the keys of hashes and ciphertexts
    formats = {export.format for export in release.exports} | set(
        STATISTICS_FORMATS if release.statistics else ()
    )
    if "csv" in formats:
        package["spreadsheets"] = APOSTROPHES
        package["nulls"] = NULLS
    package["resources"] = [
        *(_export(plan, export, parts[export.table]) for export in release.exports),
        *(
            _statistic(plan, entry, (statistics or {}).get(entry.name), file_format)
            for entry in release.statistics
            for file_format in STATISTICS_FORMATS
        ),
    ]
    return package


def _export(plan: Plan, export: ExportPlan, parts: int) -> dict[str, Any]:
    zone = plan.tables[export.table].source.timezone
    return _resource(
        export.table,
        [part_name(export.table, position, export.format) for position in range(parts)],
        export.format,
        [_field(step, zone) for step in export.steps if step.published],
    )


def _statistic(
    plan: Plan, entry: StatisticPlan, schema: pa.Schema | None, file_format: str
) -> dict[str, Any]:
    zone = plan.tables[entry.spec.table].source.timezone
    says = column_descriptions(entry.spec, zone)
    return _resource(
        f"{entry.name}-{file_format}".replace("_", "-"),
        [statistic_name(entry.name, file_format)],
        file_format,
        [
            {"name": field.name, **_type_of(field.type, zone), "description": says.get(field.name, "")}
            for field in schema or statistic_schema(plan, entry)
        ],
    )


def _resource(
    name: str, paths: Sequence[str], file_format: str, columns: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "name": name,
        "type": "table",
        "path": list(paths),
        "format": file_format,
        "mediatype": _MEDIA_TYPES[file_format],
    }
    if file_format != "parquet":
        resource["encoding"] = "utf-8"
    if file_format == "csv":
        resource["dialect"] = {
            "delimiter": ",",
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
        }
    schema: dict[str, Any] = {"fields": list(columns)}
    if file_format == "csv":
        schema["missingValues"] = [""]
    return {**resource, "schema": schema}


def _field(step: Step, zone: str) -> dict[str, Any]:
    data_class = CLASSES[step.data_class]
    how = (
        "unchanged"
        if step.transform.transform == "keep"
        else f"{step.transform.technique} ({step.transform.transform})"
    )
    return {
        "name": step.column,
        **_type_of(step.type, zone),
        "title": data_class.title,
        "description": f"{data_class.title}; {how}; {published_domain(step).description}."
        + (f" Time zone {zone}." if pa.types.is_timestamp(step.type) else ""),
    }


def _type_of(kind: pa.DataType, zone: str) -> dict[str, Any]:
    if pa.types.is_timestamp(kind):
        return {"type": "datetime", "time_zone": zone}
    if pa.types.is_date(kind):
        return {"type": "date"}
    if pa.types.is_integer(kind):
        return {"type": "integer"}
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return {"type": "number"}
    return {"type": "boolean"} if pa.types.is_boolean(kind) else {"type": "string"}
