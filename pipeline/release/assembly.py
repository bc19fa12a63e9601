"""Gather one release: staged parts under their published names, statistics, and the documents beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.engines.model import SliceResult
from pipeline.engines.order import part_order
from pipeline.errors import Problem
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.release.datapackage import data_package
from pipeline.release.gate import Hit
from pipeline.release.manifest import (
    DATA_PACKAGE,
    MANIFEST,
    as_json,
    part_name,
    release_manifest,
    statistic_schema,
)
from pipeline.state.budget_events import Release
from transforms import Keyring


@dataclass(frozen=True)
class Assembly:
    """What goes into one published tree."""

    files: Mapping[str, Path]  # name inside the release -> staged file
    documents: Mapping[str, bytes]  # name inside the release -> content


@dataclass(frozen=True)
class StatisticFiles:
    """The statistics of a release: bytes that the state holds."""

    files: Mapping[str, bytes] = field(repr=False)  # name inside the release -> content
    number: int  # of the recipient's releases of statistics
    new: bool  # False: served again
    identity: Release  # in the budget ledger
    notes: tuple[str, ...] = ()  # what the guard over time did; not for the recipient


@dataclass(frozen=True)
class Given:
    """All statistics of a run, as they will be published. `plan` is the one that was carried out."""

    plan: Plan
    files: Mapping[int, StatisticFiles] = field(default_factory=dict, repr=False)  # by release number
    refused: Mapping[int, Sequence[Problem]] = field(default_factory=dict)  # releases that get none, and why
    hits: tuple[Hit, ...] = ()  # of the gate, in labels


def assemble(
    plan: Plan,
    release: ReleasePlan,
    results: Sequence[SliceResult],
    statistics: StatisticFiles | None,
    staging: Path,
    keyring: Keyring,
) -> Assembly:
    """Name the release's parts in keyed order, stage the bytes of its statistics, and describe it all.

    Parts without rows are left out, except the only one: a table of no rows is published as an empty file.
    """
    files: dict[str, Path] = {}
    rows: dict[str, int] = {}
    parts: dict[str, int] = {}
    identity = (release.recipient, release.purpose, plan.date)
    for export in release.exports:
        own = [
            r.parts[release.number] for r in results if r.table == export.table and release.number in r.parts
        ]
        filled = [part for part in own if part.rows] or own[:1]
        for position, number in enumerate(part_order(keyring, identity, export.table, len(filled))):
            files[part_name(export.table, position, export.format)] = staging / filled[int(number)].path
        rows[export.table] = sum(part.rows for part in filled)
        parts[export.table] = len(filled)
    for name, content in sorted(statistics.files.items()) if statistics else ():
        path = staging / f"published-statistics/{release.number}" / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
        files[name] = path
    schemas = {entry.name: statistic_schema(plan, entry) for entry in release.statistics}
    number = statistics.number if statistics else None
    documents = {
        MANIFEST: as_json(release_manifest(plan, release, rows, parts, number, _key_check(release, keyring))),
        DATA_PACKAGE: as_json(data_package(plan, release, parts, schemas)),
    }
    return Assembly(files, documents)


def _key_check(release: ReleasePlan, keyring: Keyring) -> str:
    """The public check value of the release's key, where tokens can only be turned back by naming it."""
    steps = [step for export in release.exports for step in export.steps if step.published]
    if not any(step.transform.transform == "format_preserving" for step in steps):
        return ""
    return keyring.check_value(release.key_id)
