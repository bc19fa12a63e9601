"""Keep the beginning of a text."""

from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.domains import INVALID, Pattern
from transforms.keyring import Keyring

FEWEST_CANDIDATES = 1000


class Prefix(Transform):
    """Keep the first `length` characters (code points), or with `of: digits` the first digits.

    Guarantee: the rest is gone, blanks at the ends first; a value with no more than `length` characters has no
    shorter beginning and becomes `invalid`, so no value is published whole. Of a listable class about (its size /
    10^length) values share a beginning; fewer than 1,000 is called weak. Price: detail. Suits text (postcodes,
    phone area, order number ranges). Source: ISO/IEC 20889, generalization.
    """

    technique: ClassVar[str] = "generalization"

    transform: Literal["prefix"] = "prefix"
    length: int = Field(ge=1, le=64)
    of: Literal["characters", "digits"] = "characters"

    def output(self, facts: ColumnFacts) -> Output:
        """Text of exactly `length` characters, or `invalid`."""
        self.require(facts.value_type)
        one = "." if self.of == "characters" else "[0-9]"
        expression = f"(?s:{one}{{{self.length}}})|{INVALID}"
        return Output(pa.string(), Pattern(expression, f"first {self.length} {self.of}", self.length >= 2))

    def weakness(self, facts: ColumnFacts) -> str | None:
        """How many values are left to choose from, where they can be listed."""
        if facts.enumerable is None:
            return None
        left = facts.enumerable / 10**self.length
        if left >= FEWEST_CANDIDATES:
            return None
        return (
            f"prefix of {self.length} leaves about {max(1, round(left))} of {facts.enumerable:.0e} values "
            f"of {facts.data_class} to choose from, must leave {FEWEST_CANDIDATES}"
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations."""
        return BoundTransform(self, self._beginnings, once_per_distinct=False)

    def _beginnings(self, values: pa.Array) -> pa.Array:
        if self.of == "digits":
            values = pc.replace_substring_regex(values, r"[^0-9]+", "")
        values = pc.utf8_trim_whitespace(values)  # fixed-width files pad `2000` to ten characters
        longer = pc.greater(pc.utf8_length(values), self.length)
        return pc.if_else(longer, pc.utf8_slice_codeunits(values, 0, self.length), pa.scalar(INVALID))
