"""Load a job with everything it names, and check that the files fit together."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.classes import CLASSES
from pipeline.config.hierarchies import fill_hierarchies, fill_trees
from pipeline.config.models import Catalog, Job, Policy
from pipeline.config.reading import Document, problem_at, read_yaml
from pipeline.config.statistics_models import StatisticsSpec
from pipeline.config.validating import validate
from pipeline.errors import JobWrong, NotBuilt, PouchError, Problem, nearest, refuse


@dataclass(frozen=True)
class Config:
    """A job and the files it names, validated; keys are the paths as the job writes them."""

    name: str  # of the job file, as the user gave it
    job: Job
    catalog: Catalog
    policies: Mapping[str, Policy]
    statistics: Mapping[str, StatisticsSpec]


def load_config(path: Path, base: Path) -> Config:
    """Load a job; files that it names are relative to it, hierarchy files to `base`.

    Raises:
        JobWrong: with every problem of every file at once.

    """
    document = read_yaml(path, str(path))
    job, problems = validate(document, Job)
    if job is None:
        refuse(problems)
        raise JobWrong("is not valid", where=str(path))
    load = _Loader(path, base, problems)
    catalog_document, catalog = load.file(job.catalog, Catalog)
    policies = {}
    statistics = {}
    documents = {}
    for name in dict.fromkeys(release.policy for release in job.releases if release.policy):
        documents[name], policy = load.file(name, Policy)
        if policy is not None:
            policies[name] = load.hierarchies(documents[name], policy)
    for name in dict.fromkeys(release.statistics for release in job.releases if release.statistics):
        documents[name], spec = load.file(name, StatisticsSpec)
        if spec is not None:
            statistics[name] = load.trees(documents[name], spec)
    problems += _job_problems(document, job)
    if catalog is not None and catalog_document is not None:
        problems += _catalog_problems(catalog_document, catalog, job, document)
        problems += _waiver_problems(document, job, catalog)
    for name, policy in policies.items():
        policy_document = documents[name]
        if policy_document is not None:
            problems += _policy_problems(policy_document, policy, catalog or {})
    for name, spec in statistics.items():
        statistics_document = documents[name]
        if statistics_document is not None and catalog is not None:
            problems += _statistics_problems(statistics_document, spec, catalog)
    refuse(problems)
    assert catalog is not None  # or there were problems
    return Config(str(path), job, catalog, policies, statistics)


def digest_of(*parts: object) -> str:
    """SHA-256, in hex, over the canonical JSON of models and plain values."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Loader:
    """Reads the files that a job names and gathers their problems."""

    def __init__(self, job_path: Path, base: Path, problems: list[Problem]) -> None:
        self.folder, self.base, self.problems = job_path.parent, base, problems

    def file(self, name: str, kind: Any) -> tuple[Document | None, Any]:
        path = self.folder / name
        try:
            document = read_yaml(path, str(path))
        except PouchError as error:
            self.problems += error.problems
            return None, None
        value, problems = validate(document, kind)
        self.problems += problems
        return document, value

    def hierarchies(self, document: Document | None, policy: Policy) -> Policy:
        filled, problems = fill_hierarchies(policy, self.base)
        if document is not None:
            self.problems += [problem_at(document, place, message) for place, message in problems]
        return filled

    def trees(self, document: Document | None, spec: StatisticsSpec) -> StatisticsSpec:
        filled, problems = fill_trees(spec, self.base)
        if document is not None:
            self.problems += [problem_at(document, place, message) for place, message in problems]
        return filled


def _job_problems(document: Document, job: Job) -> Iterator[Problem]:
    recipients: dict[str, int] = {}
    for number, release in enumerate(job.releases):
        place = ("releases", number)
        if release.recipient in recipients:
            yield problem_at(
                document,
                (*place, "recipient"),
                f"{release.recipient} has a release already",
                "one release a recipient: give rows and statistics in the same entry",
            )
        recipients[release.recipient] = number
        for table in release.tables:
            if table not in job.tables:
                yield problem_at(
                    document, (*place, "tables"), f"no table {table} in this job", nearest(table, job.tables)
                )
        if release.basis == "consent" and job.consent is None:
            yield problem_at(
                document,
                (*place, "basis"),
                "consent needs a consent file",
                "add consent: {path: …} to the job",
            )
    if job.engine == "spark":
        yield problem_at(
            document, ("engine",), "the spark engine is not built yet", "use local", NotBuilt.code
        )


def _catalog_problems(
    document: Document, catalog: Catalog, job: Job, job_document: Document
) -> Iterator[Problem]:
    for table, columns in catalog.items():
        for column, data_class in columns.items():
            if data_class not in CLASSES:
                yield problem_at(
                    document,
                    (table, column),
                    f"unknown data class {data_class}",
                    nearest(data_class, CLASSES),
                )
    for table, source in job.tables.items():
        if table not in catalog:
            yield problem_at(
                document, (), f"table {table} is missing", "propose its columns with `pouch scan`", code=11
            )
            continue
        for column in source.subject_columns:
            if column not in catalog[table]:
                yield problem_at(
                    job_document,
                    ("tables", table, "subject"),
                    f"the catalog has no column {column} in {table}",
                    nearest(column, catalog[table]),
                )


def _waiver_problems(document: Document, job: Job, catalog: Catalog) -> Iterator[Problem]:
    """A waiver of a column that is not there waives nothing, and hides that it does not."""
    for number, waiver in enumerate(job.waivers):
        columns = catalog.get(waiver.table, {})
        if waiver.column not in columns:
            yield problem_at(
                document,
                ("waivers", number, "column"),
                f"the catalog has no column {waiver.column} in {waiver.table}",
                nearest(waiver.column, columns),
            )


def _policy_problems(document: Document, policy: Policy, catalog: Catalog) -> Iterator[Problem]:
    for data_class in policy.rules:
        if data_class not in CLASSES:
            yield problem_at(
                document, ("rules", data_class), "unknown data class", nearest(data_class, CLASSES)
            )
    full = [f"{table}.{column}" for table, columns in catalog.items() for column in columns]
    for name in policy.columns:
        if catalog and name not in full:
            yield problem_at(
                document, ("columns", name), "must be table.column of the catalog", _full_name(name, full)
            )
    if policy.risk is not None:
        yield problem_at(
            document, ("risk",), "the risk stage is not built yet", "drop this key until it is", NotBuilt.code
        )


def _full_name(name: str, full: Sequence[str]) -> str:
    """Hint at the `table.column` that was meant by a key; without a dot it is a column of some tables."""
    if "." in name:
        return nearest(name, full)
    same = [known for known in full if known.partition(".")[2] == name]
    return (
        f"write {' or '.join(same)}" if same else nearest(name, [known.partition(".")[2] for known in full])
    )


def _statistics_problems(document: Document, spec: StatisticsSpec, catalog: Catalog) -> Iterator[Problem]:
    for name, statistic in spec.statistics.items():
        place = ("statistics", name)
        columns = catalog.get(statistic.table)
        if columns is None:
            yield problem_at(
                document, (*place, "table"), f"no table {statistic.table}", nearest(statistic.table, catalog)
            )
            continue
        joined = {column: join.table for join in statistic.join for column in join.columns}
        for number, dimension in enumerate(statistic.dimensions):
            if dimension.column in joined:
                columns_of = catalog.get(joined[dimension.column], {})
                if dimension.column not in columns_of:
                    yield problem_at(
                        document,
                        (*place, "join"),
                        f"no column {dimension.column} in {joined[dimension.column]}",
                        nearest(dimension.column, columns_of),
                    )
            elif dimension.column not in columns:
                yield problem_at(
                    document,
                    (*place, "dimensions", number),
                    f"no column {dimension.column} in {statistic.table}",
                    nearest(dimension.column, columns),
                )
