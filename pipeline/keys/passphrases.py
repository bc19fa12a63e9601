"""A wrapping key from a passphrase: what it costs to guess, and which passphrases are none."""

import secrets
import unicodedata
from typing import Final

from pipeline.errors import KeyUnavailable
from pipeline.keys.keyring_file import ScryptCost
from transforms.errors import BadParameter
from transforms.stretching import scrypt_key

# scrypt (RFC 7914) with 128 MiB and about a third of a second of one core for every guess: ten million guesses,
# the lists that attackers start with, take a month and a half of one core. Stated in each keyring file.
_N, _R, _P = 1 << 17, 8, 1
_SALT_BYTES: Final = 16
SHORTEST: Final = 14  # characters
_FEWEST_DIFFERENT: Final = 6

# What stands in books, comics and manuals; compared without case, blanks and separators.
_PUBLISHED = frozenset(
    {
        "correcthorsebatterystaple",
        "passwordpassword",
        "administratorpassword",
        "qwertyuiopasdfghjkl",
        "thequickbrownfoxjumpsoverthelazydog",
        "changemechangeme",
        "pleasechangethispassphrase",
        "yourpassphrasehere",
        "mysecretpassphrase",
    }
)
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")
HINT = f"at least {SHORTEST} characters; six random words of a word list are good"


def new_cost() -> ScryptCost:
    """Today's cost, with a fresh salt."""
    return ScryptCost(n=_N, r=_R, p=_P, salt=secrets.token_hex(_SALT_BYTES))


def stretched(text: str, cost: ScryptCost, shown: str) -> bytes:
    """Return the 32 bytes that a passphrase stands for. Raises KeyUnavailable for a weak one."""
    passphrase = unicodedata.normalize("NFC", text.strip("\r\n"))
    if weakness := weakness_of_passphrase(passphrase):
        raise KeyUnavailable(f"must be a passphrase that nobody guesses, {weakness}", where=shown, hint=HINT)
    try:
        return scrypt_key(
            passphrase.encode("utf-8", "surrogateescape"),
            bytes.fromhex(cost.salt),
            n=cost.n,
            r=cost.r,
            p=cost.p,
        )
    except BadParameter:
        raise KeyUnavailable(
            f"the passphrase needs {128 * cost.n * cost.r >> 20} MiB of memory", where=shown
        ) from None


def weakness_of_passphrase(text: str) -> str | None:
    """Say why a passphrase is weak, or None. A long text that passes may still be known to somebody."""
    plain = "".join(c for c in text.casefold() if c.isalnum())
    signs = (
        (len(text) < SHORTEST, f"has fewer than {SHORTEST} characters"),
        (len(set(text)) < _FEWEST_DIFFERENT, "has too few different characters"),
        (any(text == (text[:n] * len(text))[: len(text)] for n in range(1, len(text) // 2 + 1)), "repeats"),
        (any(plain in row * 3 or plain[::-1] in row * 3 for row in _ROWS), "is a sequence"),
        (plain.isdecimal(), "has digits only"),
        (plain.rstrip("0123456789") in _PUBLISHED, "is a published example"),
    )
    return next((sentence for sign, sentence in signs if sign), None)
