"""Put the name of its kind in the place of every value."""

import re
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
from pydantic import StringConstraints

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform
from transforms.context import Context
from transforms.domains import ClosedSet, Pattern
from transforms.keyring import Keyring
from transforms.replace import constant

_TAG = r"\[[A-Z][A-Z0-9_]*\]"


def tag_of(domain: str) -> str:
    """The tag of a token domain, such as `[PHONE]`."""
    return f"[{re.sub(r'[^A-Z0-9_]', '_', domain.upper()) or 'REDACTED'}]"


class Redact(Transform):
    """Replace every value with a type tag such as `[PHONE]`.

    Guarantee: complete, but for whether there was a value (nulls stay null). The tag is the upper-case
    token domain of the column (mobile and contact phones are `[PHONE]`), or `tag`. Texts show the entity
    instead (`[PHONE_NUMBER]`), unless `entities` of redact_text names this transform for it. Price: the
    column tells its kind only. Suits every type; the output is text. Source: ISO/IEC 20889, masking by a
    constant.
    """

    technique: ClassVar[str] = "masking"
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["redact"] = "redact"
    tag: Annotated[str, StringConstraints(pattern=rf"^{_TAG}$", max_length=66)] | None = None

    def output(self, facts: ColumnFacts) -> Output:
        """Text, one tag."""
        self.require(facts.value_type)
        return Output(pa.string(), ClosedSet((self.tag,)) if self.tag else Pattern(_TAG, "type tag"))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """One column operation."""
        tag = self.tag or tag_of(context.domain)
        return BoundTransform(self, lambda values: constant(values, tag), once_per_distinct=False)
