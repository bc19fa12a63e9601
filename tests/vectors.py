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
from typing import Any, Literal

import numpy as np

from transforms import ff1, ff1_column, primitives
from transforms.errors import TransformError

Verdict = Literal["right", "wrong", "refused"]
Group = Mapping[str, Any]
Test = Mapping[str, Any]
LARGEST_FILE = 1 << 28  # bytes, decompressed: vectors come from elsewhere
REJECTIONS = (TransformError, primitives.Unauthentic, ValueError)
KEPT_BITS = 128  # of a keyed hash, at least


@dataclass(frozen=True)
class Exempt:
    """Why Pouch does not run a vector."""

    reason: str


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


# ------------------------------------------------------------------ judging


def judge(valid: bool | None, checks: Sequence[Callable[[], bool]]) -> Verdict:
    """Valid: every check holds. Invalid: every check raises a rejection. None: either, no other result.

    A check does one thing and compares its result with the published one.
    """
    held, rejected = 0, 0
    for check in checks:
        try:
            outcome = check()
        except REJECTIONS:
            rejected += 1
        else:
            held += outcome
    if valid is None:
        return "right" if held + rejected == len(checks) else "wrong"
    return "right" if (held if valid else rejected) == len(checks) else "wrong"


def validity(test: Test) -> bool | None:
    return {"valid": True, "invalid": False, "acceptable": None}[test["result"]]


def raw(test: Test, name: str) -> bytes:
    return bytes.fromhex(test.get(name, ""))


# ------------------------------------------------------------------ FF1


def _column(step: Callable[..., Any], key: bytes, tweak: bytes, message: list[int], radix: int) -> list[int]:
    """One message as a column of three, so that rows of a column are seen not to touch each other."""
    kind = np.uint8 if radix <= 256 else np.uint16
    if any(not 0 <= numeral <= np.iinfo(kind).max for numeral in message):
        raise ValueError
    digits = np.array([message, [0] * len(message), message], dtype=kind).reshape(3, len(message))
    found = step(key, [tweak], digits, radix, minimum_domain=ff1.FORMER_MINIMUM_DOMAIN)
    if found[0].tolist() != found[2].tolist():
        raise AssertionError("equal rows of a column became different")
    result: list[int] = found[0].tolist()
    return result


def ff1_vector(
    radix: int, key: bytes, tweak: bytes, *, pt: list[int], ct: list[int], valid: bool | None
) -> Verdict:
    """Both paths, both directions; below the minimum domain the default refuses."""
    low = ff1.FORMER_MINIMUM_DOMAIN
    if valid and 0 < radix ** min(len(pt), ff1.MINIMUM_DOMAIN.bit_length()) < low:
        return "refused" if _refused_by_default(key, tweak, pt, radix) else "wrong"
    verdict = judge(
        valid,
        [
            lambda: ff1.encrypt(key, tweak, pt, radix, minimum_domain=low) == ct,
            lambda: _column(ff1_column.encrypt_digits, key, tweak, pt, radix) == ct,
        ],
    )
    if not valid or verdict == "wrong":
        return verdict
    verdict = judge(
        valid,
        [
            lambda: ff1.decrypt(key, tweak, ct, radix, minimum_domain=low) == pt,
            lambda: _column(ff1_column.decrypt_digits, key, tweak, ct, radix) == pt,
        ],
    )
    if (
        verdict == "wrong"
        or len(pt) >= ff1.MINIMUM_DOMAIN.bit_length()
        or radix ** len(pt) >= ff1.MINIMUM_DOMAIN
    ):
        return verdict
    return "refused" if _refused_by_default(key, tweak, pt, radix) else "wrong"


def _refused_by_default(key: bytes, tweak: bytes, pt: list[int], radix: int) -> bool:
    """Whether every public function refuses the message when nobody lowers the minimum domain."""
    digits = np.array([pt], dtype=np.uint16).reshape(1, len(pt))
    public: list[Callable[[], bool]] = [
        lambda: bool(ff1.encrypt(key, tweak, pt, radix)),
        lambda: bool(ff1_column.encrypt_digits(key, [tweak], digits, radix).size),
        lambda: bool(ff1.decrypt(key, tweak, pt, radix)),
        lambda: bool(ff1_column.decrypt_digits(key, [tweak], digits, radix).size),
    ]
    return judge(False, public) == "right"


def numerals(text: str, alphabet: str, radix: int) -> list[int]:
    """Places in the alphabet; a character outside it becomes a numeral that FF1 must reject."""
    place = {character: at for at, character in enumerate(alphabet)}
    return [place.get(character, radix) for character in text]


def wycheproof_ff1(group: Group, test: Test) -> Verdict | Exempt:
    radix = group["radix"]
    if group["type"] == "FpeStrTest":
        pt, ct = (numerals(test[name], group["alphabet"], radix) for name in ("msg", "ct"))
    else:
        pt, ct = list(test["msg"]), list(test["ct"])
    return ff1_vector(radix, raw(test, "key"), raw(test, "tweak"), pt=pt, ct=ct, valid=validity(test))


def acvp_ff1(group: Group, test: Test) -> Verdict | Exempt:
    pt, ct = (numerals(test[name], group["alphabet"], group["radix"]) for name in ("pt", "ct"))
    return ff1_vector(
        group["radix"], raw(test, "key"), raw(test, "tweak"), pt=pt, ct=ct, valid=test.get("testPassed", True)
    )


def sample_ff1(_: Group, test: Test) -> Verdict | Exempt:
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
    pt, ct = (numerals(test[name], alphabet, test["radix"]) for name in ("pt", "ct"))
    return ff1_vector(test["radix"], raw(test, "key"), raw(test, "tweak"), pt=pt, ct=ct, valid=True)


# ------------------------------------------------------------------ ciphers


def siv(test: Test, associated: list[bytes], ciphertext: bytes) -> Verdict:
    key, msg, valid = raw(test, "key"), raw(test, "msg"), validity(test)
    checks: list[Callable[[], bool]] = [lambda: primitives.siv_decrypt(key, ciphertext, associated) == msg]
    if valid:
        checks.append(lambda: primitives.siv_encrypt_column(key, [msg], associated) == [ciphertext])
    return judge(valid, checks)


def wycheproof_siv(_: Group, test: Test) -> Verdict | Exempt:
    return siv(test, [raw(test, "aad")], raw(test, "ct"))


def wycheproof_siv_with_nonce(_: Group, test: Test) -> Verdict | Exempt:
    """RFC 5297 section 3: the nonce is the last component of associated data; the tag comes first."""
    return siv(test, [raw(test, "aad"), raw(test, "iv")], raw(test, "tag") + raw(test, "ct"))


def gcm(test: Test, plaintext: str, valid: bool | None, tag_bits: int) -> Verdict | Exempt:
    if tag_bits != 8 * primitives.TAG_BYTES:
        return Exempt("tag shorter than 128 bits: never made, never accepted")
    if any(test.get(name, 0) % 8 for name in ("payloadLen", "aadLen", "ivLen")):
        return Exempt("not a whole number of bytes")
    key, iv, aad, msg = raw(test, "key"), raw(test, "iv"), raw(test, "aad"), raw(test, plaintext)
    if valid and not 8 <= len(iv) <= 128:
        return Exempt("nonce outside 8..128 bytes: every nonce of Pouch has 12")
    sealed = raw(test, "ct") + raw(test, "tag")
    checks: list[Callable[[], bool]] = [lambda: primitives.gcm_decrypt(key, iv, sealed, aad) == msg]
    if valid:
        checks.append(lambda: primitives.gcm_encrypt_column(key, [iv], [msg], aad) == [sealed])
    return judge(valid, checks)


def wycheproof_gcm(group: Group, test: Test) -> Verdict | Exempt:
    return gcm(test, "msg", validity(test), group["tagSize"])


def acvp_gcm(group: Group, test: Test) -> Verdict | Exempt:
    lengths = {name: group[name] for name in ("payloadLen", "aadLen", "ivLen") if name in group}
    bits = test.get("tagLen", group.get("tagLen", 8 * primitives.TAG_BYTES))
    return gcm(lengths | dict(test), "pt", test.get("testPassed", True), bits)


# ------------------------------------------------------------------ digests and keys


def mac(key: bytes, msg: bytes, tag: bytes, valid: bool | None, tag_bits: int) -> Verdict | Exempt:
    if tag_bits < KEPT_BITS:
        return Exempt("tag shorter than 128 bits: a keyed hash keeps at least 128")

    def verify() -> bool:
        if primitives.hmac_sha256(key, msg)[: tag_bits // 8] != tag:
            raise primitives.Unauthentic
        return True

    return judge(valid, [verify])


def wycheproof_hmac(group: Group, test: Test) -> Verdict | Exempt:
    return mac(raw(test, "key"), raw(test, "msg"), raw(test, "tag"), validity(test), group["tagSize"])


def acvp_hmac(group: Group, test: Test) -> Verdict | Exempt:
    bits = test.get("macLen", group.get("macLen", 256))
    if test.get("msgLen", group.get("msgLen", 0)) % 8 or bits % 8:
        return Exempt("not a whole number of bytes")
    return mac(raw(test, "key"), raw(test, "msg"), raw(test, "mac"), test.get("testPassed", True), bits)


def wycheproof_hkdf(_: Group, test: Test) -> Verdict | Exempt:
    ikm, info, salt, size = raw(test, "ikm"), raw(test, "info"), raw(test, "salt"), test["size"]
    return judge(validity(test), [lambda: primitives.hkdf_sha256(ikm, info, size, salt) == raw(test, "okm")])


def wrap(key: bytes, msg: bytes, wrapped: bytes, valid: bool | None) -> Verdict:
    checks: list[Callable[[], bool]] = [lambda: primitives.unwrap_key(key, wrapped) == msg]
    if valid:
        checks.append(lambda: primitives.wrap_key(key, msg) == wrapped)
    return judge(valid, checks)


def wycheproof_kwp(_: Group, test: Test) -> Verdict | Exempt:
    return wrap(raw(test, "key"), raw(test, "msg"), raw(test, "ct"), validity(test))


def acvp_kwp(group: Group, test: Test) -> Verdict | Exempt:
    if group.get("kwCipher", "cipher") != "cipher":
        return Exempt("key wrap with the inverse cipher")
    if group.get("payloadLen", 0) % 8:
        return Exempt("not a whole number of bytes")
    return wrap(raw(test, "key"), raw(test, "pt"), raw(test, "ct"), test.get("testPassed", True))


# ------------------------------------------------------------------ files

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
