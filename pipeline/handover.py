"""The end of a run: publish what passed the gate, release by release, and remember it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.config.loading import Config
from pipeline.engines.model import SliceResult
from pipeline.errors import LeakFound, PouchError, Problem, PublishFailed
from pipeline.events import log
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.readiness import CONSENT_NEWEST, Order, Ready
from pipeline.release.assembly import Given, assemble
from pipeline.release.conservation import Counts
from pipeline.release.drift import waiver_of
from pipeline.release.gate import Hit, Proof
from pipeline.release.publish import Published, publish_release
from pipeline.release.report import all_warnings
from pipeline.release.run_record import (
    ReleaseOutcome,
    RunSummary,
    recorded_counts,
    run_manifest,
    write_run_record,
)
from pipeline.release.sealing import Digest
from pipeline.release.standing import OUT, folder_word
from pipeline.release.subject_index import index_releases, note_subjects
from pipeline.state import InputDigest, QuarantineWriter, State
from pipeline.state.budget import open_budget
from pipeline.state.budget_serving import mark_published
from pipeline.statistics import NOT_PROTECTED, PROTECTION
from transforms import Keyring

SHAPES = "checksum"  # the gate's rule about shapes and check digits, whoever's they are


def hand_over(
    order: Order,
    ready: Ready,
    results: Sequence[SliceResult],
    given: Given,
    counts: Sequence[Counts],
    proof: Proof,
    quarantine: QuarantineWriter,
    keyring: Keyring,
    store: State,
    run: str,
    staging: Path,
    digest_of: Digest,
) -> RunSummary:
    """Publish each release that passed; one that did not blocks itself only.

    The quarantine is in the state before anything is published: a record that is missing from a release can be
    found, whatever happens next.
    """
    held: Mapping[int, Mapping[str, int | str]] = {}
    if not order.dry_run:
        quarantine.commit()
        store.runs.record_inputs(run, _inputs(ready))
        spills = [result.of(note_subjects) for result in results]
        held = index_releases(ready.plan, spills, keyring, store, run, staging)
    publisher = _Publisher(order, ready, results, given, keyring, store, run, staging, held, digest_of)
    outcomes = [*standing_outcomes(ready, order, store), *_refused_outcomes(ready)]
    for release in ready.plan.releases:
        own = tuple(entry for entry in counts if entry.release == release.number)
        outcomes.append(publisher.outcome(release, own, proof))
    ordered = tuple(sorted(outcomes, key=lambda outcome: outcome.release))
    redacted = _redacted(ready.plan, results)
    told = tuple(map(_redacted_warning, redacted.items()))
    for warning in told:  # known only now: who runs it nightly is not to look for it in the report
        log.warning("pouch: %s", warning)
    warnings = (*all_warnings(ready.plan), *told)
    warnings += tuple(
        f"{one.identity.recipient}: {note}" for one in given.files.values() for note in one.notes
    )
    summary = RunSummary(run, ready.plan.job, order.date, ordered, warnings)
    try:
        facts = _facts(order, ready, summary, given, redacted, store)
        write_run_record(store.run_dir(run), run_manifest(summary, proof, facts))
    except PublishFailed as error:  # too late to say that nothing was published
        log.warning("pouch: %s; what became of the releases is unaffected", error)
    return summary


def _facts(
    order: Order,
    ready: Ready,
    summary: RunSummary,
    given: Given,
    redacted: Mapping[str, int],
    store: State,
) -> dict[str, object]:
    """Return what the run manifest says beside outcomes and proof."""
    rows, head = store.ledger.head()
    facts: dict[str, object] = {
        "plan_digest": ready.plan.digest,
        "input_digests": {one.recipient: ready.digests[one.release] for one in summary.outcomes},
        "ledger": {"rows": rows, "head": head},  # kept elsewhere, it shows a ledger that was cut short
    }
    if redacted:
        facts["redacted_cells"] = redacted
    if order.config.job.waivers:
        facts["drift_waivers"] = [waiver.model_dump() for waiver in order.config.job.waivers]
    if any(release.statistics for release in ready.plan.releases):
        facts["statistics"] = {
            "protection": PROTECTION,
            "does_not_protect_against": list(NOT_PROTECTED),
            "releases": {
                one.identity.recipient: {"number": one.number, "new": one.new} for one in given.files.values()
            },
        }
    return facts


def nothing_to_do(order: Order, ready: Ready, store: State, run: str) -> RunSummary:
    """Every release that was asked for is published already from equal inputs, or cannot be made."""
    outcomes = [*standing_outcomes(ready, order, store), *_refused_outcomes(ready)]
    ordered = tuple(sorted(outcomes, key=lambda outcome: outcome.release))
    summary = RunSummary(run, ready.plan.job, order.date, ordered)
    write_run_record(store.run_dir(run), run_manifest(summary, None))
    return summary


def stopped(config: Config, date: str, store: State, run: str, error: PouchError) -> None:
    """Record a run that stopped before any release, so that `pouch report` can say why."""
    summary = RunSummary(run, config.job.job, date, (), problems=error.problems)
    with suppress(PouchError):  # the error itself is what the user must see
        write_run_record(store.run_dir(run), run_manifest(summary, None))


def standing_outcomes(ready: Ready, order: Order, store: State) -> Iterator[ReleaseOutcome]:
    """Releases that are published already from equal inputs, with the counts of the run that made them."""
    for release in ready.standing:
        entry = store.ledger.published(release.recipient, order.date)
        counts = recorded_counts(store.run_dir(entry.run), release.number, release.recipient) if entry else ()
        link = order.out / release.recipient / order.date
        yield ReleaseOutcome(
            release.number,
            release.recipient,
            release.purpose,
            "unchanged",
            counts,
            path=shown(link, order.base),
            id=link.resolve().name,
        )


def _refused_outcomes(ready: Ready) -> Iterator[ReleaseOutcome]:
    """Releases that were known before the first row to be impossible."""
    for one in ready.refused:
        release = one.release
        yield ReleaseOutcome(
            release.number, release.recipient, release.purpose, "failed", problems=one.problems
        )


def shown(path: Path, base: Path) -> str:
    """A path as the user would write it: relative to the working directory where it lies below it."""
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def _outcome(
    release: ReleasePlan,
    counts: tuple[Counts, ...],
    published: Published | None,
    problems: Sequence[Problem],
    base: Path,
) -> ReleaseOutcome:
    if published is not None:
        status = "published" if published.changed else "unchanged"
    elif problems:
        status = "blocked" if any(problem.code == LeakFound.code for problem in problems) else "failed"
    else:
        status = "not published (dry run)"
    return ReleaseOutcome(
        release.number,
        release.recipient,
        release.purpose,
        status,
        counts,
        shown(published.path, base) if published else "",
        published.id if published else "",
        tuple(problems),
    )


@dataclass(frozen=True)
class _Publisher:
    """Publishes the releases of one run, one by one."""

    order: Order
    ready: Ready
    results: Sequence[SliceResult]
    given: Given
    keyring: Keyring
    store: State
    run: str
    staging: Path
    held: Mapping[int, Mapping[str, int | str]]  # facts of the subject index, by release number
    digest_of: Digest  # of staged parts

    def outcome(self, release: ReleasePlan, counts: tuple[Counts, ...], proof: Proof) -> ReleaseOutcome:
        """Publish a release that nothing stands against; say what became of it."""
        hits = [hit for hit in proof.of(release.number).hits if not _waived(self.order, hit)]
        problems = [*(_leak(release, hit) for hit in hits), *self.given.refused.get(release.number, ())]
        published = None
        if not problems and not self.order.dry_run:
            try:
                published = self._publish(release, counts)
            except PouchError as error:
                problems += error.problems
        return _outcome(release, counts, published, problems, self.order.base)

    def _publish(self, release: ReleasePlan, counts: Sequence[Counts]) -> Published:
        order, statistics = self.order, self.given.files.get(release.number)
        try:
            assembly = assemble(
                self.ready.plan, release, self.results, statistics, self.staging, self.keyring
            )
        except OSError as error:
            raise PublishFailed(
                f"the release could not be put together ({error.strerror}); what was published before is unchanged",
                where=f"{release.recipient}/{order.date}",
                hint="make room or repair the disk, then run again",
            ) from None
        published = publish_release(
            order.out,
            self.staging,
            release.recipient,
            order.date,
            assembly.files,
            assembly.documents,
            announce=lambda tree, digest: self._remember("intended", release, counts, tree, digest),
            digest_of=self.digest_of,
            supersede=order.supersede,
        )
        with suppress(
            PublishFailed
        ):  # readers see it, the intention is on disk: the next run records the rest
            self._remember("published", release, counts, published.id, published.digest)
        if statistics is not None:
            with suppress(
                PouchError
            ):  # the bytes are stored: they are counted, and compared with, in any case
                mark_published(open_budget(self.store), order.out, statistics.identity)
        return published

    def _remember(
        self,
        kind: Literal["intended", "published"],
        release: ReleasePlan,
        counts: Sequence[Counts],
        tree: str,
        digest: str,
    ) -> None:
        facts: dict[str, int | str] = {
            OUT: folder_word(self.order.out),
            "rows_read": sum(entry.rows_read for entry in counts),
            **self.held[release.number],
        }
        if self.ready.consent is not None and release.basis == "consent":
            facts[CONSENT_NEWEST] = self.ready.consent.newest
        self.store.ledger.record(
            kind,
            run=self.run,
            recipient=release.recipient,
            date=self.order.date,
            tree=tree,
            release_digest=digest,
            input_digest=self.ready.digests[release.number],
            plan_digest=self.ready.plan.digest,
            rows=sum(entry.rows_published for entry in counts),
            facts=facts,
        )


def _redacted(plan: Plan, results: Sequence[SliceResult]) -> dict[str, int]:
    """recipient.table.column -> cells that could not be encrypted in their form, and were redacted."""
    found: dict[str, int] = {}
    for release in plan.releases:
        for result in results:
            part = result.parts.get(release.number)
            for column, count in part.redacted.items() if part else ():
                place = f"{release.recipient}.{result.table}.{column}"
                found[place] = found.get(place, 0) + count
    return dict(sorted(found.items()))


def _redacted_warning(entry: tuple[str, int]) -> str:
    place, count = entry
    return (
        f"{place}: {count:,} {'cell is' if count == 1 else 'cells are'} redacted: too short to be encrypted in the "
        "form, with other characters, outside the range, or mapped to itself"
    )


def _inputs(ready: Ready) -> list[InputDigest]:
    return [
        InputDigest(name, file.index, file.path, file.bytes, file.sha256, file.records)
        for name, cut in ready.cuts.items()
        for file in cut.files
    ]


def leaks(release: ReleasePlan, proof: Proof) -> list[Problem]:
    """Identities of the run that the gate found in one release, not mere shapes; never a value."""
    return [_leak(release, hit) for hit in proof.of(release.number).hits if hit.rule != SHAPES]


def _waived(order: Order, hit: Hit) -> bool:
    """Whether a named person answers for these shapes in this column; never for an identity of the run."""
    return hit.rule == SHAPES and bool(
        waiver_of(order.config.job, hit.table, hit.column, hit.data_class, order.date)
    )


def _leak(release: ReleasePlan, hit: Hit) -> Problem:
    where, _, says = str(hit).partition(": ")
    hint = "the previous release, if any, is untouched; look at the policy, then run again"
    return Problem(LeakFound.code, f"{release.recipient}.{where}", says, hint)
