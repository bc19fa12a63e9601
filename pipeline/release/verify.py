"""Check a published release again, from its own files alone: anybody who holds it can.

Hashes, missing and additional files, schemas, row counts, output domains, metadata, spreadsheets, check
digits. The identities of the run are not there any more; what only they could show, only the gate could see.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from pipeline.errors import CheckFailed, Problem
from pipeline.release.checksums import Sample, candidates, sampled, verdicts
from pipeline.release.domain_text import KEEPING, domain_from_json, type_from_text
from pipeline.release.manifest import DATA_PACKAGE, FORMAT, MANIFEST
from pipeline.release.normalized import forms_of
from pipeline.release.publish import RELEASES, SUCCESS, SUMS
from pipeline.release.reopening import parquet_faults, reopen
from pipeline.sinks import read_part
from pipeline.sinks.text_cells import RUNS, is_text

_LINE = re.compile(r"([0-9a-f]{64})  ([^\0/\r\n][^\0\r\n]*)")
_KEY = bytes(16)  # of the samples' digests: they never leave this process
_BLOCK = 1 << 20


def verify_release(path: Path) -> list[Problem]:
    """Return everything that is wrong with a published release; nothing where all is well. Raises nothing."""
    if not path.is_dir():
        return [_problem(path.name, "is no folder of a published release")]
    problems = list(_files(path))
    manifest, faults = _document(path, MANIFEST)
    package, more = _document(path, DATA_PACKAGE)
    problems += faults + more
    if manifest is None or package is None:
        return problems
    try:
        problems += _contents(path, manifest, package)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        where = f"{MANIFEST} or {DATA_PACKAGE}"
        problems.append(_problem(where, "does not have the form that a release's has"))
    return problems


def _problem(where: str, message: str, hint: str = "") -> Problem:
    return Problem(CheckFailed.code, where, message, hint)


# ------------------------------------------------------------------ files


def _files(path: Path) -> Iterator[Problem]:
    try:
        sums = (path / SUMS).read_bytes()
        lines = sums.decode().splitlines()
    except (OSError, UnicodeDecodeError):
        yield _problem(SUMS, "is missing or cannot be read")
        return
    stated = {match[2]: match[1] for match in map(_LINE.fullmatch, lines) if match}
    if len(stated) != len(lines):
        yield _problem(SUMS, "has a line that is not `digest  name`, or a name twice")
    elif sums != "".join(f"{stated[name]}  {name}\n" for name in sorted(stated)).encode():
        yield _problem(
            SUMS, "must have one line a file, sorted by name, each with a line end, and has another form"
        )
    found = {
        str(entry.relative_to(path)) for entry in path.rglob("*") if entry.is_symlink() or not entry.is_dir()
    }
    for name in sorted(stated.keys() - found):
        yield _problem(name, "is missing")
    for name in sorted(found - stated.keys() - {SUMS, SUCCESS}):
        yield _problem(name, f"is not listed in {SUMS}")
    if SUCCESS not in found:
        yield _problem(SUCCESS, "is missing: the release is not whole")
    elif (path / SUCCESS).is_symlink() or (path / SUCCESS).stat().st_size:
        yield _problem(SUCCESS, "must be an empty file, and is another")
    for name in sorted(stated.keys() & found):
        file = path / name
        if file.is_symlink() or ".." in Path(name).parts or not file.is_file():
            yield _problem(name, "must be a plain file of the release")
        elif _digest(file) != stated[name]:
            yield _problem(name, "was changed: its SHA-256 is not the stated one")
    tree = path.resolve()
    if tree.parent.name == RELEASES and not hashlib.sha256(sums).hexdigest().startswith(tree.name):
        yield _problem(SUMS, "was changed: the release's id is not its digest")


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _document(path: Path, name: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    try:
        document = json.loads((path / name).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None, [_problem(name, "is missing or no JSON")]
    if not isinstance(document, dict):
        return None, [_problem(name, "must be a JSON object")]
    return document, []


# ------------------------------------------------------------------ contents


def _contents(path: Path, manifest: Mapping[str, Any], package: Mapping[str, Any]) -> Iterator[Problem]:
    if manifest["format"] != FORMAT:
        yield _problem(MANIFEST, f"must be of format {FORMAT}, which this version reads")
        return
    lacking = sorted(
        {"recipient", "purpose", "date", "epoch", "policy_digest", "label", "terms"} - manifest.keys()
    )
    if lacking:
        yield _problem(
            MANIFEST, f"does not have the form of a release's manifest: lacks {', '.join(lacking)}"
        )
    resources = {tuple(resource["path"]): resource for resource in package["resources"]}
    described: set[str] = set()
    samples: list[Sample] = []
    for table in manifest.get("tables", []):
        described.update(table["files"])
        resource = resources.get(tuple(table["files"]))
        names = [column["name"] for column in table["columns"]]
        if resource is None or [field["name"] for field in resource["schema"]["fields"]] != names:
            yield _problem(
                DATA_PACKAGE, f"does not describe the columns of {table['name']} that the manifest names"
            )
        yield from _table(path, table, samples)
    for statistic in manifest.get("statistics", []):
        described.update(statistic["files"])
        yield from _statistic(path, statistic, resources)
    for verdict in verdicts(samples):
        if verdict.accused:
            yield _problem(
                f"{verdict.table}.{verdict.column}",
                f"{verdict.passing} of {verdict.candidates} cells look like {verdict.data_class} and pass "
                "its check: more than chance",
            )
    for name in sorted(
        str(p.relative_to(path)) for folder in ("data", "statistics") for p in (path / folder).rglob("*.*")
    ):
        if name not in described:
            yield _problem(name, "is not described in the manifest")


def _table(path: Path, table: Mapping[str, Any], samples: list[Sample]) -> Iterator[Problem]:
    schema = pa.schema([(column["name"], type_from_text(column["type"])) for column in table["columns"]])
    rows = 0
    for name in table["files"]:
        if not (path / name).is_file():
            continue  # told already
        part, faults = reopen(path / name, table["format"], schema)
        yield from (_problem(name, fault) for fault in faults)
        if part is None:
            continue
        rows += part.num_rows
        for column, cells in zip(table["columns"], part.columns, strict=True):
            yield from _column(table["name"], name, column, cells.combine_chunks(), samples)
        if table["format"] == "csv":
            yield from _spreadsheets(path / name, schema)
    if rows != table["rows"]:
        yield _problem(table["name"], f"must have {table['rows']} rows as the manifest says, has {rows}")


def _column(
    table: str, file: str, column: Mapping[str, Any], cells: pa.Array, samples: list[Sample]
) -> Iterator[Problem]:
    domain = domain_from_json(column["domain"])
    if domain is None:
        return
    outside = len(cells) - int(pc.sum(domain.holds(cells), min_count=0).as_py())
    if outside:
        yield _problem(f"{file}, {column['name']}", f"{outside} cells are not {domain.description}")
    if not (is_text(cells.type) and domain.holds_raw_text):
        return
    own = {CLASSES[column["class"]].token_domain} if column["transform"] in KEEPING else set()
    allowed = frozenset(own | set(column.get("in_form", ())))
    distinct = cells.unique().drop_null()
    for class_id, (texts, passes) in candidates(distinct, forms_of(distinct), allowed).items():
        samples.append(Sample(0, table, column["name"], class_id, sampled(texts, passes, _KEY)))


def _spreadsheets(file: Path, schema: pa.Schema) -> Iterator[Problem]:
    try:
        table = read_part(file, "csv", schema)
    except CheckFailed:
        return  # told already
    for field, column in zip(schema, table.columns, strict=True):
        if is_text(field.type):
            running = int(pc.sum(pc.match_substring_regex(column, RUNS), min_count=0).as_py())
            if running:
                yield _problem(f"{file.name}, {field.name}", f"{running} cells would run in a spreadsheet")


# ------------------------------------------------------------------ statistics


def _statistic(
    path: Path, statistic: Mapping[str, Any], resources: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Iterator[Problem]:
    least = int(statistic["protection"].get("min_people", 0))  # noise may say anything from 0 on
    for name in statistic["files"]:
        if (name,) not in resources:
            yield _problem(DATA_PACKAGE, f"does not describe {name}")
    name = next(file for file in statistic["files"] if file.endswith(".parquet"))
    if not (path / name).is_file():
        return
    schema = pa.schema([(column["name"], type_from_text(column["type"])) for column in statistic["columns"]])
    faults = parquet_faults(path / name, schema)
    yield from (_problem(name, fault) for fault in faults)
    if faults:
        return
    table = read_part(path / name, "parquet", schema)
    suppressed = pc.equal(table["status"], "suppressed")
    measures = [column["name"] for column in statistic["columns"] if column["role"] == "measure"]
    for measure in measures:
        if pc.any(pc.and_(suppressed, pc.is_valid(table[measure]))).as_py():
            yield _problem(name, f"a suppressed row has a value in {measure}")
    few = pc.less(table["people"], least) if "people" in measures else pa.array([False])
    if statistic["protection"].get("zeros") == "public" and "people" in measures:
        few = pc.and_(few, pc.greater(table["people"], 0))
    if pc.any(few).as_py():
        yield _problem(name, f"a published row counts fewer than {least} people")
