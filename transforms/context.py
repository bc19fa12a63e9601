"""Where a value is transformed: everything that separates one token space from another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """Names that go into key derivation and associated data.

    `domain` is the token domain: columns of one domain share tokens (the mobile and the contact phone of one
    recipient join). `epoch` follows the date of the release, never the clock.
    """

    recipient: str
    purpose: str
    domain: str
    epoch: str
    release: str = ""
    table: str = ""
    column: str = ""
