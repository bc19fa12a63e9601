"""Check digits of whole columns: Luhn and ISO/IEC 7064 MOD 11-2, on characters as bytes (rows x length).

A number's *offset* says how far its check digit is from the right one: 0 = valid. Setting an offset anew, after
other digits have changed, keeps valid numbers valid and wrong ones as wrong as they were, so nothing is lost; an
offset of 1 makes every number fail.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Scheme = Literal["luhn", "mod11_2"]

_ZERO = ord("0")


def _by_byte(values: bytes, characters: bytes) -> Bytes:
    """Byte -> value of the character; 0 for all others, whose rows are not checkable."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(characters)] = list(values)
    return table


# Luhn: what a digit adds, as it is or doubled (the cross sum of its double, a permutation of the digits), and the
# digit that adds so much.
_PLAIN = _by_byte(bytes(range(10)), b"0123456789")
_DOUBLED = _by_byte(bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]), b"0123456789")
_OF_PLAIN = np.frombuffer(b"0123456789", dtype=np.uint8)
_OF_DOUBLED = np.frombuffer(b"0516273849", dtype=np.uint8)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999: 2^(17 - i) mod 11
_CHARACTERS = b"10X98765432"  # GB 11643-1999: weighted sum mod 11 -> check character
_PLACES = _by_byte(bytes([*range(11), 2]), _CHARACTERS + b"x")
_MODULI = {"luhn": 10, "mod11_2": 11}


def checkable(scheme: Scheme, words: Bytes) -> NDArray[np.bool_]:
    """Whether a row has digits only; with MOD 11-2 the last character may also be X or x."""
    digits: NDArray[np.bool_] = (words - np.uint8(_ZERO)) < 10
    if scheme == "mod11_2":
        digits[:, -1] |= (words[:, -1] | np.uint8(32)) == ord("x")
    return np.asarray(digits.all(axis=1), dtype=bool)


def offset(scheme: Scheme, words: Bytes, place: int) -> Bytes:
    """How far the character at `place` is from the one that makes each row valid; rows must be checkable."""
    rest = _rest(scheme, words, place)
    if scheme == "luhn":
        found = (rest + _worth(words, place)[words[:, place]]) % np.uint8(10)
    else:
        found = (_PLACES[words[:, place]] + np.uint8(11) - rest) % np.uint8(11)
    return np.asarray(found, dtype=np.uint8)


def character(scheme: Scheme, words: Bytes, place: int, offsets: Bytes) -> Bytes:
    """The characters that give each row its offset when they stand at `place`."""
    rest, modulus = _rest(scheme, words, place), np.uint8(_MODULI[scheme])
    if scheme == "luhn":
        digits = _OF_DOUBLED if _worth(words, place) is _DOUBLED else _OF_PLAIN
        return digits.take((offsets + modulus - rest) % modulus)
    return np.frombuffer(_CHARACTERS, dtype=np.uint8).take((offsets + rest) % modulus)


def _worth(words: Bytes, place: int) -> Bytes:
    """Luhn: byte -> what it adds at this place; every second one from the right counts double."""
    return _DOUBLED if (words.shape[1] - 1 - place) % 2 else _PLAIN


def _rest(scheme: Scheme, words: Bytes, place: int) -> Bytes:
    """Sum over all other places, reduced; for MOD 11-2 these are the first 17."""
    total = np.zeros(len(words), dtype=np.uint16)
    for at in range(words.shape[1]):
        if at == place:
            continue
        if scheme == "luhn":
            total += _worth(words, at)[words[:, at]]
        else:
            total += _PLAIN[words[:, at]] * np.uint16(_WEIGHTS[at])
    return (total % np.uint16(_MODULI[scheme])).astype(np.uint8)
