"""Which 32 bytes are no key: what nobody drew at random, and what everybody can read in a standard."""

from itertools import pairwise

from pipeline.errors import KeyUnavailable

KEY_BYTES = 32
HOW_TO_MAKE = "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"

# Keys that stand in standards, and digests of words that people type into `sha256sum`.
_PUBLISHED = frozenset(
    {
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",  # NIST SP 800-38A F.1.5
        "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94",  # NIST SP 800-38G, FF1 samples 7 to 9
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",  # GCM specification, test case 16
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",  # RFC 5297 A.1
        "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",  # RFC 5297 A.2
        "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",  # RFC 7539 A.5, RFC 8439
        "c47b0294dbbbee0fec4757f22ffeee3587ca4730c3d33b691df38bab076bc558",  # NIST AES known answer test
        "28d46cffa158533194214a91e712fc2b45b518076675affd910edeca5f41ac64",  # the same
        "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104",  # RFC 3686, test vector 7
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # SHA-256 of nothing
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",  # of "password"
        "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918",  # of "admin"
        "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",  # of "123456"
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",  # of "test"
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",  # of "secret"
        "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86",  # of "changeme"
    }
)


def parse_key(text: bytes, shown: str) -> bytes:
    """Return the 32 bytes that 64 hex digits stand for. Raises KeyUnavailable, also for a weak key."""
    stripped = text.strip()
    try:
        key = bytes.fromhex(stripped.decode("ascii")) if len(stripped) == 2 * KEY_BYTES else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnavailable("must be 64 hex digits", where=shown, hint=HOW_TO_MAKE)
    if weakness := weakness_of(key):
        raise KeyUnavailable(f"must be random, {weakness}", where=shown, hint=HOW_TO_MAKE)
    return key


def weakness_of(key: bytes) -> str | None:
    """Say why 32 bytes cannot have been drawn at random, or None.

    Together the rules refuse fewer than 1 in 10^12 random keys: 32 random bytes have about 30 distinct
    values, all printable with probability (95/256)^32 < 10^-13, all digits with (10/16)^64 < 10^-13.
    """
    signs = (
        (not any(key), "is all zero"),
        (any(key == (key[:period] * KEY_BYTES)[:KEY_BYTES] for period in range(1, 17)), "repeats a pattern"),
        (len({(after - before) % 256 for before, after in pairwise(key)}) == 1, "is a sequence of numbers"),
        (len(set(key)) < KEY_BYTES // 2, "has too few different bytes"),
        (all(0x20 <= byte < 0x7F for byte in key), "is readable text"),
        (key.hex().isdecimal(), "has decimal digits only"),
        (key.hex() in _PUBLISHED, "is a published example"),
    )
    return next((sentence for sign, sentence in signs if sign), None)
