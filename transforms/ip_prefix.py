"""Keep the network of an IP address."""

import ipaddress
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.domains import INVALID, Pattern
from transforms.keyring import Keyring

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


class IpPrefix(Transform):
    """Replace an address with its network, such as `203.0.113.0/24` or `2001:db8:7::/48`.

    Guarantee: at most the first 24 bits of an IPv4 and the first 48 bits of an IPv6 address remain, so at
    least 256 addresses, or 65,536 subnets, share a result. IPv6 addresses that carry an IPv4 address in the
    bits that would be kept (mapped, 6to4, Teredo) are treated as that IPv4 address. What is no address
    becomes `invalid`. Price: detail; a small company can own a whole /24. Suits text. Source: ISO/IEC
    20889, generalization; RFC 4291, 3056, 4380.
    """

    technique: ClassVar[str] = "generalization"

    transform: Literal["ip_prefix"] = "ip_prefix"
    v4: int = Field(default=24, ge=8, le=24)
    v6: int = Field(default=48, ge=16, le=48)

    def output(self, facts: ColumnFacts) -> Output:
        """Text: a network, or `invalid`."""
        self.require(facts.value_type)
        expression = rf"{_OCTET}(?:\.{_OCTET}){{3}}/{self.v4}|[0-9a-f:]+/{self.v6}|{INVALID}"
        return Output(pa.string(), Pattern(expression, f"network /{self.v4} or /{self.v6}"))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations on distinct values; Python for IPv6 and oddly written addresses."""
        return BoundTransform(self, self._networks)

    def _networks(self, values: pa.Array) -> pa.Array:
        if self.v4 != 24:
            return pa.array(
                [None if v is None else self._network(v) for v in values.to_pylist()], pa.string()
            )
        usual = pc.match_substring_regex(values, rf"^{_OCTET}(?:\.{_OCTET}){{3}}\z")
        # What is left of the last point, which is quicker than a replacement by regular expression.
        networks = pc.binary_join_element_wise(pc.ascii_rtrim(values, "0123456789"), "0/24", "")
        return pc.if_else(usual, networks, self._others(values, usual))

    def _others(self, values: pa.Array, usual: pa.Array) -> pa.Array:
        rest = pc.if_else(usual, pa.scalar(None, pa.string()), values)
        if rest.null_count == len(rest):
            return rest
        return pa.array([None if v is None else self._network(v) for v in rest.to_pylist()], pa.string())

    def _network(self, value: str) -> str:
        try:
            address = ipaddress.ip_address(value.strip().strip("[]").partition("%")[0])
        except ValueError:
            return INVALID
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
            if inner is None:
                return str(ipaddress.ip_network((address, self.v6), strict=False))
            address = inner
        return str(ipaddress.ip_network((address, self.v4), strict=False))
