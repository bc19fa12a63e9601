"""Keep the network of an IP address."""

import ipaddress
from socket import AF_INET6, inet_ntop, inet_pton
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.domains import INVALID, Pattern
from transforms.keyring import Keyring

# In these an IPv4 address stands in the bits that would be kept: mapped, 6to4, Teredo.
_EMBEDDING = (b"\0" * 10 + b"\xff\xff", b"\x20\x02", b"\x20\x01\0\0")
_ADDRESS_BITS = (1 << 128) - 1

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
        """Column operations on distinct values; two C calls for each IPv6, Python for oddly written addresses."""
        return BoundTransform(self, self._networks)

    def _networks(self, values: pa.Array) -> pa.Array:
        usual = pc.match_substring_regex(values, rf"^{_OCTET}(?:\.{_OCTET}){{3}}\z")
        if self.v4 == 24:
            # What is left of the last point, which is quicker than arithmetic.
            networks = pc.binary_join_element_wise(pc.ascii_rtrim(values, "0123456789"), "0/24", "")
        else:
            networks = pc.replace_with_mask(values, usual, self._masked(values.filter(usual)))
        return pc.if_else(usual, networks, self._others(values, usual))

    def _masked(self, addresses: pa.Array) -> pa.Array:
        """Networks of IPv4 addresses in their usual form."""
        octets = pc.split_pattern(addresses, ".").flatten().cast(pa.int64()).to_numpy().reshape(-1, 4)
        kept = np.array([255 & (0xFF00 >> min(8, max(0, self.v4 - 8 * place))) for place in range(4)])
        texts = [pa.array(octet).cast(pa.string()) for octet in (octets & kept).T]
        return pc.binary_join_element_wise(pc.binary_join_element_wise(*texts, "."), str(self.v4), "/")

    def _others(self, values: pa.Array, usual: pa.Array) -> pa.Array:
        rest = pc.if_else(usual, pa.scalar(None, pa.string()), values)
        if rest.null_count == len(rest):
            return rest
        return pa.array([None if v is None else self._v6_network(v) for v in rest.to_pylist()], pa.string())

    def _v6_network(self, value: str) -> str:
        """The same as `_network`, for an IPv6 address in its usual form a twentieth of the time."""
        try:
            address = inet_pton(AF_INET6, value)
        except (OSError, ValueError):
            return self._network(value)
        if "." in value or address.startswith(_EMBEDDING):
            return self._network(value)
        kept = int.from_bytes(address, "big") & (_ADDRESS_BITS << (128 - self.v6))
        return f"{inet_ntop(AF_INET6, (kept & _ADDRESS_BITS).to_bytes(16, 'big'))}/{self.v6}"

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
