"""Seeded choices that are the same under every version of Python, and check digits."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of choices of its own name.

    Only `random()` is drawn on: the documentation promises the same sequence for the same seed in every
    version of Python, which it does not promise for `choice`, `shuffle` and the like.
    """

    def __init__(self, *names: object) -> None:
        self._random = random.Random("/".join(("pouch sample 1", *map(str, names)))).random

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return int(self._random() * n)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def real(self, low: float, high: float) -> float:
        """Return a number from low to high."""
        return low + self._random() * (high - low)

    def hit(self, share: float) -> bool:
        """Return True for that share of the calls."""
        return self._random() < share

    def pick(self, items: Sequence[T]) -> T:
        """Return one item."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[T], cumulative: Sequence[float]) -> T:
        """Return one item; `cumulative` holds the running sums of the weights."""
        return items[min(bisect_right(cumulative, self._random() * cumulative[-1]), len(items) - 1)]

    def some(self, items: Sequence[T], n: int) -> list[T]:
        """Return n different items, in an order of chance."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(min(n, len(rest)))]

    def digits(self, n: int) -> str:
        """Return n decimal digits."""
        return "".join(str(self.below(10)) for _ in range(n))

    def hex(self, n: int) -> str:
        """Return n lowercase hexadecimal digits."""
        return "".join("0123456789abcdef"[self.below(16)] for _ in range(n))


def luhn_digit(body: str) -> str:
    """Return the check digit of ISO/IEC 7812-1 annex B (cards, IMEI, ICCID)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def resident_digit(body: str) -> str:
    """Return the check character of a Chinese resident id (GB 11643, ISO 7064 MOD 11-2) for 17 digits."""
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(body))
    return "10X98765432"[total % 11]


def parcel_digit(body: str) -> str:
    """Return the check digit of a parcel number (UPU S10) for 8 digits."""
    rest = (
        11
        - sum(int(digit) * weight for digit, weight in zip(body, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
    )
    return {10: "0", 11: "5"}.get(rest, str(rest))
