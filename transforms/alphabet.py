"""The characters that a format-preserving token is made of, and their numerals."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from transforms import ff1
from transforms.errors import BadParameter

NONE = 255  # of `Alphabet.places`: the byte is no character of the alphabet

_DIGITS, _LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"
ALPHABETS: Mapping[str, str] = MappingProxyType(
    {
        "digits": _DIGITS,
        "hex": _DIGITS + "abcdef",
        "upper_hex": _DIGITS + "ABCDEF",
        "letters": _LOWER.upper() + _LOWER,
        "lower_letters": _LOWER,
        "upper_letters": _LOWER.upper(),
        "alphanumeric": _DIGITS + _LOWER.upper() + _LOWER,
        "lower_alphanumeric": _DIGITS + _LOWER,
        "upper_alphanumeric": _DIGITS + _LOWER.upper(),
    }
)


@dataclass(frozen=True)
class Alphabet:
    """2 to 95 distinct printable ASCII characters; the radix is their number, a character's numeral its place."""

    characters: str

    def __post_init__(self) -> None:
        printable = self.characters.isascii() and self.characters.isprintable()
        if len(self.characters) < 2 or not printable:
            raise BadParameter("an alphabet must have 2 and more characters, all of printable ASCII")
        if len(set(self.characters)) != len(self.characters):
            raise BadParameter("an alphabet must not name a character twice")

    @property
    def radix(self) -> int:
        """Number of characters."""
        return len(self.characters)

    def shortest(self) -> int:
        """Length of the shortest message with at least 1,000,000 possible values, and 2 numerals."""
        length = 2
        while self.radix**length < ff1.MINIMUM_DOMAIN:
            length += 1
        return length

    @cached_property
    def places(self) -> bytes:
        """Byte -> numeral, `NONE` for bytes outside (all bytes of characters beyond ASCII among them)."""
        return bytes(self.characters.find(chr(byte)) % 256 for byte in range(256))

    @cached_property
    def letters(self) -> bytes:
        """Numeral -> byte; the inverse of `places` where that is a numeral."""
        return self.characters.encode().ljust(256, b"\0")

    @cached_property
    def first(self) -> int | None:
        """Byte of the first character where the others follow it in ASCII, as digits do; None elsewhere."""
        start = ord(self.characters[0])
        return start if self.characters.encode() == bytes(range(start, start + self.radix)) else None

    def numerals(self, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Places of characters; `NONE` outside the alphabet. May be read-only."""
        if self.first is None:
            return translate(cells, self.places)
        found = cells - np.uint8(self.first)  # arithmetic on bytes runs several times as fast as a table
        if found.size and int(found.max()) >= self.radix:
            found[found >= self.radix] = NONE
        return found

    def text(self, numerals: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Characters at these places, as bytes; inverse of `numerals`. May be read-only."""
        if self.first is None:
            return translate(numerals, self.letters)
        return numerals + np.uint8(self.first)


def alphabet_of(text: str) -> Alphabet:
    """Alphabet of that name, or of these characters. Raises BadParameter, also where a name seems to be misspelled:
    five letters that nobody's values consist of would leave a column of nothing but redacted cells."""
    if text not in ALPHABETS:
        near = get_close_matches(text.lower(), ALPHABETS, n=1, cutoff=0.75)
        if near:
            raise BadParameter(f"an alphabet must not read like a misspelled {near[0]}")
    return Alphabet(ALPHABETS.get(text, text))


def translate(data: NDArray[np.uint8], table: bytes) -> NDArray[np.uint8]:
    """Map bytes through a table of 256, into an array to read from; many times faster than indexing a table."""
    return np.frombuffer(data.tobytes().translate(table), dtype=np.uint8).reshape(data.shape)
