"""Declaration of how free text is rewritten; `pipeline` binds it, because it needs the row's identities."""

from typing import Annotated, ClassVar, Literal

import pyarrow as pa
from pydantic import Field, StringConstraints

from transforms.base import BoundTransform, ColumnFacts, Output, Reason, Transform
from transforms.context import Context
from transforms.domains import AnyText
from transforms.encrypt_siv import EncryptSiv
from transforms.errors import UnsuitableColumn
from transforms.format_preserving import FormatPreserving
from transforms.hierarchy import Hierarchy
from transforms.ip_prefix import IpPrefix
from transforms.keep import Keep
from transforms.keyed_hash import KeyedHash
from transforms.keyring import Keyring
from transforms.mac_vendor import MacVendor
from transforms.mask import Mask
from transforms.prefix import Prefix
from transforms.redact import Redact
from transforms.replace import Replace
from transforms.sha256 import Sha256
from transforms.url_clean import UrlClean

# What can stand in a text: value-only, text to text.
EntityTransform = Annotated[
    Keep
    | Replace
    | Redact
    | Mask
    | KeyedHash
    | Sha256
    | EncryptSiv
    | FormatPreserving
    | Prefix
    | IpPrefix
    | MacVendor
    | UrlClean
    | Hierarchy,
    Field(discriminator="transform"),
]


class RedactText(Transform):
    """Find identities in free text and put tags or tokens in their place.

    Guarantee: what the recognizers, the models of names and the row's own identity columns find is replaced,
    by `[ENTITY]` or by the transform that `entities` names for it; what they miss is published. So it needs
    `accept_residual`: who reads the text and under which terms; without it free text is dropped. Price:
    recognition. Suits text. Source: ISO/IEC 20889, masking.
    """

    technique: ClassVar[str] = "masking"
    keyed: ClassVar[bool] = True
    identifying: ClassVar[bool] = True

    transform: Literal["redact_text"] = "redact_text"
    accept_residual: Reason | None = None
    names: bool = True
    countries: tuple[Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")], ...] = ()
    recognizers: tuple[Annotated[str, StringConstraints(min_length=1, max_length=500)], ...] = ()
    entities: dict[str, EntityTransform] = Field(default_factory=dict)

    def output(self, facts: ColumnFacts) -> Output:
        """Any text."""
        self.require(facts.value_type)
        return Output(pa.string(), AnyText("text with identities replaced"))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Refuse: texts need the row's identities."""
        raise UnsuitableColumn("redact_text is bound by protect")
