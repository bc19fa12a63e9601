"""Plain SHA-256, for recipients that must compute the same value themselves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

import pyarrow as pa

from transforms.base import ANY, BoundTransform, ColumnFacts, Family, Output, Transform, as_text
from transforms.context import Context
from transforms.domains import HexToken
from transforms.keyring import Keyring
from transforms.normal_forms import NormalForm, normal_form
from transforms.primitives import sha256_column
from transforms.tokens import hex_column, utf8_values, with_nulls_of

HASHES_PER_SECOND = 2e10  # one GPU
# Where no list holds all values: how many guesses a dictionary has that anybody can write, and what is put together.
# 1,000 given names x 10,000 surnames x 4 ways to join them x a number below 10,000; of addresses x 20 providers.
_NAMED = 1_000 * 10_000 * 4 * 10_000
_GUESSES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "email": (20 * _NAMED, "name, number and provider put together"),
        "nickname": (_NAMED, "name and number put together"),
        "username": (_NAMED, "name and number put together"),
        "serial": (36**8, "8 letters and digits behind a maker's known beginning"),
    }
)
_LIST = 10**9  # candidates of a large list: leaked accounts, customers of an advertising network


class Sha256(Transform):
    """SHA-256 of the normalized value, 64 hex digits, without a key.

    Guarantee: none against anybody who can list the possible values: 2 * 10^10 of them are tried in a second.
    Refused where all of them can be listed; where only candidates can, on identifiers and classes of grade 3 and up,
    the plan warns: whoever has a list of candidates (a leak, a customer file) turns back every value on it, 10^9
    in 0.05 s. Names with numbers at 20 providers are 1,000 x 10,000 x 4 x 10,000 x 20 = 8 * 10^12 e-mail addresses,
    tried in 400 s; which share of a column they are depends on its people, so none is stated.
    All recipients get the same token, so it joins across recipients. For interoperation only; prefer
    `keyed_hash`. Price: about 1 s of one core per million distinct values.
    Suits every type. Source: FIPS 180-4; ISO/IEC 20889, pseudonymization.
    """

    technique: ClassVar[str] = "pseudonymization"
    identifying: ClassVar[bool] = True
    input_types: ClassVar[frozenset[Family]] = ANY

    transform: Literal["sha256"] = "sha256"
    normal_form: NormalForm | None = None

    def output(self, facts: ColumnFacts) -> Output:
        """64 hex digits."""
        self.require(facts.value_type)
        return Output(pa.string(), HexToken(64))

    def weakness(self, facts: ColumnFacts) -> str | None:
        """Minutes to try all values, where they can be listed."""
        if facts.enumerable is None:
            return None
        minutes = facts.enumerable / HASHES_PER_SECOND / 60
        return (
            f"sha256 of {facts.data_class} is turned back by trying all {facts.enumerable:,} values: "
            f"{_amount(minutes)} minutes at 2e10 hashes/s (one GPU)"
        )

    def caution(self, facts: ColumnFacts) -> str | None:
        """What a list of candidates does to identifiers and to classes of grade 3 and up that nobody can list."""
        if facts.enumerable is not None or (facts.kind != "direct_identifier" and facts.grade < 3):
            return None
        guesses, made_of = _GUESSES.get(facts.data_class, (_LIST, "a leak or a customer file, say"))
        return (
            f"sha256 of {facts.data_class} is turned back for every value on a list of candidates: {guesses:,} of them "
            f"({made_of}) take {_amount(guesses / HASHES_PER_SECOND / 60)} minutes at 2e10 hashes/s (one GPU)"
        )

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """No key."""
        normalize = normal_form(self.normal_form or "none")

        def tokens(values: pa.Array) -> pa.Array:
            digests = sha256_column(utf8_values(normalize(as_text(values))))
            return with_nulls_of(values, hex_column(digests, 32))

        return BoundTransform(self, tokens)


def _amount(minutes: float) -> str:
    """Two significant digits, never an exponent."""
    if minutes < 0.001:
        return "less than 0.001"
    return f"{minutes:,.0f}" if minutes >= 100 else f"{minutes:.2g}"
