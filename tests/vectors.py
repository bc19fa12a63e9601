"""Run every test-vector file of a folder through the cores of the transforms.

    python -m tests.vectors DIR          (also: make vectors DIR=...)

Files: *.json and *.json.gz in the form of Wycheproof, of NIST's ACVP (with expected results), or a plain
list of FF1 samples {radix, key, tweak, pt, ct}. Each vector is one of

- right: a valid one gives the published result in both directions, an invalid one is rejected;
- wrong: anything else;
- refused: FF1 below 1,000,000 messages. The core gives the published result (below 100 it has none), the default
  of the public functions refuses it; if either fails, the vector is wrong;
- exempt: Pouch does not do this, for the reason that is printed. Exempt vectors do not count as run.

Exit 1 when a vector is wrong, a file cannot be read, or there is no vector at all.
"""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.vector_checks import (
    Exempt,
    Group,
    Test,
    Verdict,
    acvp_ff1,
    acvp_gcm,
    acvp_hmac,
    acvp_kwp,
    sample_ff1,
    wycheproof_ff1,
    wycheproof_gcm,
    wycheproof_hkdf,
    wycheproof_hmac,
    wycheproof_kwp,
    wycheproof_siv,
    wycheproof_siv_with_nonce,
)

LARGEST_FILE = 1 << 28  # bytes, decompressed: vectors come from elsewhere


@dataclass
class Count:
    """Of one file."""

    verdicts: Counter[str] = field(default_factory=Counter)
    exempt: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        return self.verdicts.total() + self.exempt.total()


class UnreadableError(Exception):
    """A file is neither JSON nor vectors nor within the limits."""


Runner = Callable[[Group, Test], Verdict | Exempt]
RUNNERS: Mapping[
    str, tuple[Runner, tuple[str, ...]]
] = {  # algorithm -> runner, fields that hold the published result
    "AES-FF1": (wycheproof_ff1, ("ct",)),
    "AES-SIV-CMAC": (wycheproof_siv, ("ct",)),
    "AEAD-AES-SIV-CMAC": (wycheproof_siv_with_nonce, ("ct", "tag")),
    "AES-GCM": (wycheproof_gcm, ("ct", "tag")),
    "HMACSHA256": (wycheproof_hmac, ("tag",)),
    "HKDF-SHA-256": (wycheproof_hkdf, ("okm",)),
    "AES-KWP": (wycheproof_kwp, ("ct",)),
    "ACVP-AES-FF1": (acvp_ff1, ("pt", "ct")),
    "ACVP-AES-GCM": (acvp_gcm, ("pt", "ct", "tag")),
    "HMAC-SHA2-256": (acvp_hmac, ("mac",)),
    "ACVP-AES-KWP": (acvp_kwp, ("pt", "ct")),
    "FF1 samples": (sample_ff1, ("pt", "ct")),
}


def load(path: Path) -> Any:
    """Parsed JSON. Raises UnreadableError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise UnreadableError
        return json.loads(data)
    except (OSError, EOFError, ValueError, RecursionError):
        raise UnreadableError from None


def vectors_of(document: Any) -> tuple[str, list[tuple[Group, Test]]]:
    """Algorithm and vectors of a document; none when it holds no vectors. Raises UnreadableError."""
    if isinstance(document, list) and document and all(map(_is_sample, document)):
        return "FF1 samples", [({}, test) for test in document]
    if isinstance(document, list):  # ACVP wraps the vector set: [{acvVersion}, {vsId, ...}]
        document = next((one for one in document if isinstance(one, dict) and "testGroups" in one), {})
    if not isinstance(document, dict) or "testGroups" not in document:
        return "", []
    algorithm = str(document.get("algorithm", ""))
    if algorithm in ("AES-GCM", "AES-KWP", "AES-FF1") and "schema" not in document and "vsId" in document:
        algorithm = f"ACVP-{algorithm}"
    try:
        vectors = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    except (KeyError, TypeError):
        raise UnreadableError from None
    return algorithm, vectors


def _is_sample(one: object) -> bool:
    return isinstance(one, dict) and {"radix", "pt", "ct"} <= set(one)


def run_one(algorithm: str, group: Group, test: Test) -> Verdict | Exempt:
    if algorithm not in RUNNERS:
        return Exempt(f"{algorithm}: not used by Pouch")
    runner, results = RUNNERS[algorithm]
    if group.get("testType", "AFT") not in ("AFT", "VAL"):
        return Exempt(f"{group['testType']} tests chain thousands of calls")
    if algorithm.startswith(("ACVP", "HMAC-")) and "key" not in test:
        return Exempt("the file does not state the vector's inputs")
    refused_by_design = test.get("testPassed", True) is False or test.get("result") == "invalid"
    if not refused_by_design and not all(name in test for name in results):
        return Exempt("the file does not state the expected result")
    return runner(group, test)


def run_file(path: Path) -> Count:
    """Judge all vectors of a file. Raises UnreadableError."""
    count = Count()
    algorithm, vectors = vectors_of(load(path))
    for group, test in vectors:
        try:
            verdict = run_one(algorithm, group, test)
        except (
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
        ):  # a vector without its fields proves nothing
            verdict = "wrong"
        if isinstance(verdict, Exempt):
            count.exempt[verdict.reason] += 1
            continue
        count.verdicts[verdict] += 1
        if verdict == "wrong":
            count.wrong.append(f"test {test.get('tcId', '?')} ({test.get('comment', algorithm)})")
    return count


def run_folder(folder: Path) -> tuple[dict[str, Count], list[str]]:
    """Counts per file, and the files that cannot be read."""
    counts: dict[str, Count] = {}
    unreadable = []
    for path in sorted(folder.rglob("*.json")) + sorted(folder.rglob("*.json.gz")):
        name = str(path.relative_to(folder))
        try:
            counts[name] = run_file(path)
        except UnreadableError:
            unreadable.append(name)
    return counts, unreadable


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m tests.vectors DIR, or: make vectors DIR=...", file=sys.stderr)
        return 2
    counts, unreadable = run_folder(Path(arguments[0]))
    width = max((len(name) for name in counts), default=4)
    print(f"{'file':{width}}  right  wrong  refused  exempt")
    total: Counter[str] = Counter()
    for name, count in counts.items():
        found = count.verdicts
        numbers = f"{found['right']:6} {found['wrong']:6} {found['refused']:8} {count.exempt.total():7}"
        print(f"{name:{width}} {numbers}")
        for reason, number in count.exempt.items():
            print(f"    {number} exempt: {reason}")
        for wrong in count.wrong[:20]:
            print(f"    wrong: {wrong}")
        total += found
        total["exempt"] += count.exempt.total()
    for name in unreadable:
        print(f"{name}: cannot be read", file=sys.stderr)
    run = total["right"] + total["wrong"] + total["refused"]
    if run + total["exempt"] == 0:
        print("no vector found", file=sys.stderr)
    print(
        f"vectors: {run} run, {total['right']} right, {total['wrong']} wrong, "
        f"{total['refused']} refused, {total['exempt']} exempt"
    )
    return 1 if total["wrong"] or unreadable or run + total["exempt"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
