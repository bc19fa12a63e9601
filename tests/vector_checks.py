"""What a published vector says of one algorithm, held against the cores of the transforms; see `tests.vectors`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from transforms import ff1, ff1_column, primitives
from transforms.errors import TransformError

Verdict = Literal["right", "wrong", "refused"]
Group = Mapping[str, Any]
Test = Mapping[str, Any]
REJECTIONS = (TransformError, primitives.Unauthentic, ValueError)
KEPT_BITS = 128  # of a keyed hash, at least


@dataclass(frozen=True)
class Exempt:
    """Why Pouch does not run a vector."""

    reason: str


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
    checks: list[Callable[[], bool]] = [lambda: primitives.siv_opener(key, associated)(ciphertext) == msg]
    if valid:
        checks.append(lambda: primitives.siv_encrypt_column(key, [msg], associated) == [ciphertext])
    return judge(valid, checks)


def wycheproof_siv(_: Group, test: Test) -> Verdict | Exempt:
    return siv(test, [raw(test, "aad")], raw(test, "ct"))


def wycheproof_siv_with_nonce(_: Group, test: Test) -> Verdict | Exempt:
    """RFC 5297 section 3: the nonce is the last component of associated data; the tag comes first."""
    return siv(test, [raw(test, "aad"), raw(test, "iv")], raw(test, "tag") + raw(test, "ct"))


def gcm(test: Test, plaintext: str, valid: bool | None, tag_bits: int) -> Verdict | Exempt:
    if tag_bits != 128:
        return Exempt("tag shorter than 128 bits: never made, never accepted")
    if any(test.get(name, 0) % 8 for name in ("payloadLen", "aadLen", "ivLen")):
        return Exempt("not a whole number of bytes")
    key, iv, aad, msg = raw(test, "key"), raw(test, "iv"), raw(test, "aad"), raw(test, plaintext)
    if valid and not 8 <= len(iv) <= 128:
        return Exempt("nonce outside 8..128 bytes: every nonce of Pouch has 12")
    sealed = raw(test, "ct") + raw(test, "tag")
    checks: list[Callable[[], bool]] = [lambda: primitives.gcm_opener(key, aad)(iv, sealed) == msg]
    if valid:
        checks.append(lambda: primitives.gcm_encrypt_column(key, [iv], [msg], aad) == [sealed])
    return judge(valid, checks)


def wycheproof_gcm(group: Group, test: Test) -> Verdict | Exempt:
    return gcm(test, "msg", validity(test), group["tagSize"])


def acvp_gcm(group: Group, test: Test) -> Verdict | Exempt:
    lengths = {name: group[name] for name in ("payloadLen", "aadLen", "ivLen") if name in group}
    bits = test.get("tagLen", group.get("tagLen", 128))
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
