"""The gate: what is about to be published, read back from its bytes, against the identities of the run.

`inspect_slice` runs in the child that wrote the parts, while the slice's raw columns are still there. `prove`
runs in the parent: it joins what the children found. Neither ever returns a value of the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.engines.model import SliceView, StagedPart
from pipeline.errors import CheckFailed
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, Step
from pipeline.release.checksums import Sample, Verdict, candidates, sampled, verdicts
from pipeline.release.domain_text import kept_domains, published_domain
from pipeline.release.fingerprints import CellFile, IdentityFile, meetings, write_digests, write_unordered
from pipeline.release.identities import Identities, anywhere_digests, cell_digests, encoded, identities_of
from pipeline.release.normalized import Digests, Forms, forms_of
from pipeline.release.own_row import Cells, Published, Rows, cells_of, search
from pipeline.release.reopening import UNREADABLE, reopen_by_column
from pipeline.release.untouched import raw_column, untouched
from transforms.domains import OutputDomain

DIRECTORY = ".gate"  # inside the staging directory; never part of a release


@dataclass(frozen=True)
class Rule:
    """One thing that the gate checks, and what it cannot see."""

    id: str
    states: str
    blind_to: str


RULES: tuple[Rule, ...] = (
    Rule(
        "file",
        "every staged file reads back with the plan's schema and row count, verified page checksums, and no "
        "metadata or statistics",
        "what a reader other than Arrow might make of damaged bytes",
    ),
    Rule(
        "domain",
        "every published cell is a member of its step's output domain",
        "a wrong value inside the domain, such as another person's token",
    ),
    Rule(
        "own_row",
        "no cell holds an identity of its own row that the plan does not keep there: names from 2 "
        "characters, other direct identifiers from 5, in NFKC, lower case, without separators, phones "
        "also in national form",
        "parts of a name, misspellings, transliterations, numbers in words, identities not in the row's own "
        "columns, and names in cells that five other subjects with other names share (vocabulary)",
    ),
    Rule(
        "untouched",
        "no token, ciphertext or mask equals the raw cell that it stands for",
        "a value that only looks transformed, such as a reversal",
    ),
    Rule(
        "anywhere",
        "no cell of a column not planned to keep the class equals a high-entropy identity anywhere in the "
        "run, by keyed 64-bit digests of the same form; nor does any card, IMEI, ICCID, resident id, e-mail or "
        "phone (with +) that stands inside a cell",
        "other identities inside longer cells of other rows, tokens that another row's raw value resembles, values "
        "under 6 characters, numbers under 8 digits, and identities of other runs",
    ),
    Rule(
        "checksum",
        "card, IMEI, ICCID and resident-id check digits, e-mail and phone shapes in other columns stay "
        "within chance: fewer than 3 distinct, or a share below chance + 5 sigma",
        "one or two such numbers of people outside the run",
    ),
    Rule(
        "label",
        "no label of a statistic that the data brought holds a card, IMEI, ICCID or resident id with a valid check "
        "digit, an e-mail or a phone (with +); such labels are cells of rule anywhere, too",
        "declared values, names, and identities of people outside the run that have no check digit",
    ),
    Rule(
        "shifted",
        "at most half of the values of a column under date_shift lie within 30 days of the release's date",
        "offsets that a reader knows from elsewhere, or from a value that many subjects share",
    ),
)


@dataclass(frozen=True)
class Hit:
    """A leak: where, of which class, by which rule, in how many cells. Never the value."""

    release: int
    table: str
    column: str  # empty: the whole file
    data_class: str  # empty: no class
    rule: str
    cells: int
    says: str = ""

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        what = self.says or f"holds {self.data_class}"
        return f"{where}: {what} ({self.cells} cells, rule {self.rule})" if self.cells else f"{where}: {what}"


@dataclass(frozen=True)
class SliceFindings:
    """What one child found in one slice. Holds no raw value."""

    table: str
    index: int
    rows: tuple[tuple[int, int], ...] = ()  # release number, rows read back
    hits: tuple[Hit, ...] = ()
    identities: tuple[IdentityFile, ...] = ()
    cells: tuple[CellFile, ...] = ()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class ReleaseProof:
    """The gate's word on one release."""

    release: int
    passed: bool
    rows: int  # read back
    hits: tuple[Hit, ...]
    checksums: tuple[Verdict, ...]


@dataclass(frozen=True)
class Proof:
    """The gate's word on every release of the run, and how far it goes."""

    releases: tuple[ReleaseProof, ...]
    identities: int  # digests that published cells were compared with
    rules: tuple[Rule, ...] = RULES

    def of(self, release: int) -> ReleaseProof:
        """The word on one release; KeyError where there is none."""
        return {proof.release: proof for proof in self.releases}[release]

    @property
    def passed(self) -> bool:
        """Whether every release did."""
        return all(proof.passed for proof in self.releases)


# ------------------------------------------------------------------ child


def inspect_slice(view: SliceView, plan: Plan, staging: Path) -> SliceFindings:
    """Read the slice's staged parts back and hold them against its raw columns.

    Writes digest files under `<staging>/.gate`; raises nothing for a leak.
    """
    exports = {r.number: e for r in plan.releases for e in r.exports if e.table == view.table}
    identities = identities_of(view.columns, plan.tables[view.table].classes, view.fingerprint_key)
    hits: list[Hit] = []
    rows: list[tuple[int, int]] = []
    files: list[CellFile] = []
    samples: list[Sample] = []
    published: list[Published] = []
    for release, part in sorted(view.parts.items()):
        try:
            found = _inspect_part(release, part, exports[release], view, staging)
        except CheckFailed:
            hits.append(Hit(release, view.table, "", "", "file", 0, UNREADABLE))
            continue
        hits += found.hits
        if found.published is not None:
            rows.append((release, part.rows))
            published.append(found.published)
        files += found.files
        samples += found.samples
    hits += [
        Hit(found.release, view.table, found.column, found.data_class, "own_row", found.cells)
        for found in search(published, identities, view.subject, view.fingerprint_key)
    ]
    return SliceFindings(
        table=view.table,
        index=view.index,
        rows=tuple(rows),
        hits=tuple(hits),
        identities=_identity_files(identities, view, staging),
        cells=tuple(files),
        samples=tuple(samples),
    )


@dataclass(frozen=True)
class _PartFindings:
    """Of one part; `published` is None where the file is not what the plan says."""

    hits: tuple[Hit, ...]
    published: Published | None = None
    files: tuple[CellFile, ...] = ()
    samples: tuple[Sample, ...] = ()


def _inspect_part(
    release: int, part: StagedPart, export: ExportPlan, view: SliceView, staging: Path
) -> _PartFindings:
    reopened, faults = reopen_by_column(staging / part.path, export.format, export.schema)
    if reopened is not None and not reopened.rows == part.rows == len(part.order):
        reopened, faults = None, ("the file does not have the rows that were written",)
    hits = [Hit(release, view.table, "", "", "file", 0, fault) for fault in faults]
    if reopened is None:
        return _PartFindings(tuple(hits))
    order = part.order.to_numpy(zero_copy_only=False)
    searched = []
    files: list[CellFile] = []
    samples: list[Sample] = []
    for position, step in enumerate(step for step in export.steps if step.published):
        if not may_hold_raw(step):
            hits += _inspect_tokens(step, reopened.pieces(step.column), view, order, release)
            continue
        cells = cells_of(step, reopened.whole(step.column))
        hits += _inspect_cells(step, cells, view, order, release)
        searched.append(cells)
        name = f"{view.table}-{view.index:05d}-cells-{release:03d}-{position:04d}"
        files += _cell_files(cells, cells.texts, cells.forms, view, release, staging, name)
        inside = candidates(cells.texts, cells.forms, _allowed(step))
        samples += _samples(inside, cells, view, release)
        if texts := sorted({text for found, _ in inside.values() for text in found}):
            array = pa.array(texts, pa.string())
            files += _cell_files(cells, array, forms_of(array), view, release, staging, f"{name}-inside")
    kept = frozenset(step.column for step in export.steps if step.transform.transform == "keep")
    return _PartFindings(
        tuple(hits), Published(release, tuple(searched), kept, order), tuple(files), tuple(samples)
    )


def _inspect_tokens(
    step: Step, pieces: Iterator[pa.Array], view: SliceView, order: Rows, release: int
) -> list[Hit]:
    """Rules `domain` and `untouched` on a column that cannot hold raw text, piece by piece."""
    domain = published_domain(step)
    raw = raw_column(step, view.columns[step.column])
    outside = equal = first = 0
    for piece in pieces:
        members = _members(domain, piece)
        outside += len(members) - int(np.count_nonzero(members))
        if raw is not None:
            equal += untouched(step, piece, raw, order[first : first + len(piece)])
        first += len(piece)
    return _cell_hits(step, view, release, outside, equal)


def _inspect_cells(step: Step, cells: Cells, view: SliceView, order: Rows, release: int) -> list[Hit]:
    """The same on a column in which identities are looked for."""
    members = np.append(published_domain(step).holds(cells.values).to_numpy(zero_copy_only=False), True)
    outside = 0 if members.all() else int(np.count_nonzero(~members[cells.codes]))
    raw = raw_column(step, view.columns[step.column])
    equal = untouched(step, cells.published, raw, order) if raw is not None else 0
    return _cell_hits(step, view, release, outside, equal)


def _cell_hits(step: Step, view: SliceView, release: int, outside: int, equal: int) -> list[Hit]:
    found = []
    if outside:
        says = f"is not {published_domain(step).description}"
        found.append(Hit(release, view.table, step.column, step.data_class, "domain", outside, says))
    if equal:
        found.append(
            Hit(release, view.table, step.column, step.data_class, "untouched", equal, "is not transformed")
        )
    return found


def _members(domain: OutputDomain, piece: pa.Array) -> NDArray[np.bool_]:
    """Whether each cell is in the domain; a dictionary's cells are asked once."""
    if not isinstance(piece, pa.DictionaryArray):
        return np.asarray(domain.holds(piece).to_numpy(zero_copy_only=False))
    codes, values = encoded(piece)
    members: NDArray[np.bool_] = np.append(domain.holds(values).to_numpy(zero_copy_only=False), True)[codes]
    return members


def may_hold_raw(step: Step) -> bool:
    """Whether identities are looked for in a published column: text that carries input, kept numbers."""
    if pa.types.is_string(step.type):
        return published_domain(step).holds_raw_text
    number = (
        pa.types.is_integer(step.type) or pa.types.is_decimal(step.type) or pa.types.is_floating(step.type)
    )
    return bool(number) and step.transform.transform == "keep"


def _allowed(step: Step) -> frozenset[str]:
    """Token domains whose values the plan lets stand in this column."""
    return kept_domains(step)


def _cell_files(
    cells: Cells, texts: pa.Array, forms: Forms, view: SliceView, release: int, staging: Path, name: str
) -> list[CellFile]:
    """Digests of a column's cells, or of the numbers and addresses that stand inside them."""
    files = []
    for variant, digests in cell_digests(texts, forms, view.fingerprint_key).items():
        path = f"{DIRECTORY}/{name}-{variant}.u64"
        count = write_digests(staging / path, digests)
        column, allowed = cells.step.column, _allowed(cells.step)
        files.append(CellFile(release, view.table, column, allowed, variant, path, count))
    return files


def _samples(
    found: Mapping[str, tuple[list[str], NDArray[np.bool_]]], cells: Cells, view: SliceView, release: int
) -> list[Sample]:
    key = view.fingerprint_key
    return [
        Sample(release, view.table, cells.step.column, class_id, sampled(texts, passes, key))
        for class_id, (texts, passes) in found.items()
    ]


def _identity_files(
    identities: Sequence[Identities], view: SliceView, staging: Path
) -> tuple[IdentityFile, ...]:
    domains: dict[str, list[Digests]] = {}
    for identity in identities:
        if identity.data_class.high_entropy:
            domains.setdefault(identity.data_class.token_domain, []).append(anywhere_digests(identity))
    files = []
    for domain, digests in sorted(domains.items()):
        name = f"{DIRECTORY}/{view.table}-{view.index:05d}-identities-{domain}.u64"
        files.append(IdentityFile(domain, name, write_unordered(staging / name, np.concatenate(digests))))
    return tuple(files)


# ------------------------------------------------------------------ parent


def prove(plan: Plan, findings: Sequence[SliceFindings], staging: Path) -> Proof:
    """Join what the children found. Raises nothing: the caller blocks releases that did not pass."""
    hits = [hit for finding in findings for hit in finding.hits]
    met = meetings(
        [file for finding in findings for file in finding.identities],
        [file for finding in findings for file in finding.cells],
        staging,
    )
    hits += [Hit(m.release, m.table, m.column, m.token_domain, "anywhere", m.cells) for m in met]
    tested = verdicts(sample for finding in findings for sample in finding.samples)
    hits += [
        Hit(v.release, v.table, v.column, v.data_class, "checksum", v.passing) for v in tested if v.accused
    ]
    rows: dict[int, int] = {}
    for release, count in (entry for finding in findings for entry in finding.rows):
        rows[release] = rows.get(release, 0) + count
    return Proof(
        releases=tuple(_proof(release, _joined(hits), rows, tested) for release in plan.releases),
        identities=sum(file.digests for finding in findings for file in finding.identities),
    )


def _joined(hits: Sequence[Hit]) -> list[Hit]:
    """One hit per place, class and rule, its cells added up over the slices."""
    cells: dict[Hit, int] = {}
    for hit in hits:
        place = Hit(hit.release, hit.table, hit.column, hit.data_class, hit.rule, 0, hit.says)
        cells[place] = cells.get(place, 0) + hit.cells
    return [
        Hit(p.release, p.table, p.column, p.data_class, p.rule, count, p.says)
        for p, count in sorted(cells.items(), key=str)
    ]


def _proof(
    release: ReleasePlan, hits: Sequence[Hit], rows: dict[int, int], tested: Sequence[Verdict]
) -> ReleaseProof:
    own = tuple(hit for hit in hits if hit.release == release.number)
    return ReleaseProof(
        release=release.number,
        passed=not own,
        rows=rows.get(release.number, 0),
        hits=own,
        checksums=tuple(verdict for verdict in tested if verdict.release == release.number),
    )
