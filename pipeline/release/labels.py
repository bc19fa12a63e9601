"""The labels of statistics: what the data itself put into a published table, held against the run's identities.

Declared values, bands and time units come from the specification or the calendar, so they cannot carry an
identity. The labels of every other dimension are raw texts that enough people share, such as a hotline's number
in a city column: that many have it does not make it public.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from pipeline.protect.model import Plan, StatisticPlan
from pipeline.release.checksums import candidates
from pipeline.release.fingerprints import CellFile, write_digests
from pipeline.release.gate import DIRECTORY, Hit, Proof, SliceFindings, prove
from pipeline.release.identities import cell_digests
from pipeline.release.normalized import forms_of
from pipeline.statistics import labels_from_data

_NOTHING: frozenset[str] = frozenset()  # statistics keep no direct identifier


@dataclass(frozen=True)
class LabelGate:
    """Looks at the labels of statistics before anything is charged for them."""

    findings: Sequence[SliceFindings] = field(repr=False)  # of the run's slices, for the identities in them
    key: bytes = field(repr=False)  # under which they were digested
    staging: Path

    def hits(self, plan: Plan, statistics: Mapping[int, Mapping[str, pa.Table]]) -> tuple[Hit, ...]:
        """What the gate finds in labels that the data brought; arguments as of `inspect_labels`."""
        labels = inspect_labels(plan, statistics, self.key, self.staging)
        if not any(one.hits or one.cells for one in labels):
            return ()
        # Rows were proved already: only the identities are needed.
        known = [SliceFindings(one.table, one.index, identities=one.identities) for one in self.findings]
        proof = prove(plan, [*known, *labels], self.staging)
        return tuple(hit for release in proof.releases for hit in release.hits)


def with_hits(proof: Proof, hits: Sequence[Hit]) -> Proof:
    """Add what was found in labels to the gate's word on each release."""
    if not hits:
        return proof
    releases = []
    for one in proof.releases:
        more = tuple(hit for hit in hits if hit.release == one.release)
        releases.append(replace(one, passed=one.passed and not more, hits=(*one.hits, *more)))
    return replace(proof, releases=tuple(releases))


def inspect_labels(
    plan: Plan, statistics: Mapping[int, Mapping[str, pa.Table]], key: bytes, staging: Path
) -> tuple[SliceFindings, ...]:
    """Look at the labels of every statistic that is about to be published; `prove` joins the answer.

    Args:
        plan: the run's.
        statistics: release number -> statistic -> the table as it will be published.
        key: the run's fingerprint key, under which `inspect_slice` digested the identities.
        staging: digests of labels go to its `.gate`.

    A label that holds a card, IMEI, ICCID or resident-id number with a valid check digit, an e-mail address or a
    phone number with `+` is a hit by itself: labels are few, and each stands for many people. A label that
    equals an identity of the run is found by `prove`, as any published cell.

    """
    return tuple(
        _findings(release.number, statistic, statistics[release.number][statistic.name], key, staging)
        for release in plan.releases
        for statistic in release.statistics
        if statistic.name in statistics[release.number]
    )


def _findings(
    release: int, statistic: StatisticPlan, table: pa.Table, key: bytes, staging: Path
) -> SliceFindings:
    where = statistic.spec.table
    hits: list[Hit] = []
    files: list[CellFile] = []
    for column, labels in labels_from_data(statistic.spec, table).items():
        hits += [
            Hit(release, where, column, data_class, "label", cells)
            for data_class, cells in _recognized(labels)
        ]
        for variant, digests in cell_digests(labels, forms_of(labels), key).items():
            name = f"{DIRECTORY}/labels-{release:03d}-{statistic.name}-{len(files):04d}.u64"
            count = write_digests(staging / name, digests)
            files.append(CellFile(release, where, column, _NOTHING, variant, name, count))
    return SliceFindings(where, 0, hits=tuple(hits), cells=tuple(files))


def _recognized(labels: pa.Array) -> Iterator[tuple[str, int]]:
    """Class, and how many numbers or addresses of it stand in the labels."""
    for data_class, (_, passes) in candidates(labels, forms_of(labels), _NOTHING).items():
        if passes.any():
            yield data_class, int(passes.sum())
