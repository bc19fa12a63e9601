"""Publish nothing of a column."""

from typing import ClassVar, Literal

import pyarrow as pa

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform
from transforms.context import Context
from transforms.keyring import Keyring


class Drop(Transform):
    """Remove the column.

    Guarantee: complete; neither values nor the number of nulls are published. Price: the column is gone.
    Suits every type. Source: ISO/IEC 20889, suppression of an attribute.
    """

    technique: ClassVar[str] = "suppression"
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["drop"] = "drop"

    def output(self, facts: ColumnFacts) -> Output:
        """No type and no domain: the column is not published."""
        return Output(None, None)

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Nulls, for callers that ask for a column all the same."""
        return BoundTransform(self, lambda values: pa.nulls(len(values)), once_per_distinct=False)

    def require(self, data_type: pa.DataType) -> None:
        """Every type suits."""
