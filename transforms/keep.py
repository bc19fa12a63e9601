"""Publish a column as it is."""

from typing import ClassVar, Literal

from transforms.base import (
    ANY,
    BoundTransform,
    ColumnFacts,
    Family,
    Output,
    Transform,
    family,
    published_type,
)
from transforms.context import Context
from transforms.domains import AnyText, Typed
from transforms.keyring import Keyring


class Keep(Transform):
    """Publish values unchanged.

    Guarantee: none; every value is published. Price: none. Dictionaries are undone, so that no value of a
    removed row travels in a dictionary. Suits every type. Source: ISO/IEC 20889 knows no term for it; the
    minimum that a contract needs is the reason to use it.
    """

    technique: ClassVar[str] = "none (retained)"
    identifying: ClassVar[bool] = True
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["keep"] = "keep"

    def output(self, facts: ColumnFacts) -> Output:
        """Plain type of the input."""
        self.require(facts.value_type)
        plain_type = published_type(facts.value_type)
        return Output(plain_type, AnyText() if family(plain_type) == "text" else Typed(plain_type))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Identity."""
        return BoundTransform(self, lambda values: values, once_per_distinct=False)
