"""Put one constant in the place of every value."""

from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import StringConstraints

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform
from transforms.context import Context
from transforms.domains import ClosedSet
from transforms.keyring import Keyring


def constant(values: pa.Array, text: str) -> pa.Array:
    """Return `text` where there is a value, null where there is none."""
    return pc.if_else(pc.is_valid(values), pa.scalar(text, pa.string()), pa.scalar(None, pa.string()))


class Replace(Transform):
    """Replace every value with the same constant.

    Guarantee: complete, but for whether there was a value (nulls stay null). Price: the column tells nothing
    else. Suits every type; the output is text. Source: ISO/IEC 20889, masking by a constant.
    """

    technique: ClassVar[str] = "masking"
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["replace"] = "replace"
    value: Annotated[str, StringConstraints(max_length=1000)]

    def output(self, facts: ColumnFacts) -> Output:
        """Text, one value."""
        self.require(facts.value_type)
        return Output(pa.string(), ClosedSet((self.value,)))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation."""
        return BoundTransform(self, lambda values: constant(values, self.value), once_per_distinct=False)
