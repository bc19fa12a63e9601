"""Keep the site of a URL."""

import ipaddress
import re
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.domains import INVALID, Pattern
from transforms.keyring import Keyring
from transforms.public_suffix import registrable_domain

# scheme, user information, host, port. A backslash ends the authority as in browsers (WHATWG URL, 4.4).
_REST = r"(?:[/?#\\](?s:.*))?\z"
_USUAL = r"^(?i:[a-z][a-z0-9+.-]{0,30}:)?//(?:[^/?#\\]*@)?(?P<host>[^/?#\\@:\[\]]*)(?::[0-9]{0,5})?" + _REST
_BARE = r"^(?P<host>[^/?#\\@:\[\]\s]+)(?::[0-9]{1,5})?" + _REST
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


class UrlClean(Transform):
    """Keep the registrable domain (`example.co.uk`) or the whole host of a URL.

    Guarantee: user name, password, port, path, query and fragment never appear; hosts that are IP
    addresses, have no public suffix (`printer.local`, `localhost`) or are not written as DNS names become
    `invalid`, so an address or a person's device name does not pass as a site. `keep: host` publishes
    subdomains, which may name a person (`jane.example.com`); the default does not. Public suffixes are
    those of a snapshot that ships with tldextract, without private ones: `jane.github.io` becomes
    `github.io`. Nothing is looked up in the network. Price: detail. Suits text. Source: ISO/IEC 20889,
    generalization; RFC 3986 section 3.2.
    """

    technique: ClassVar[str] = "generalization"

    transform: Literal["url_clean"] = "url_clean"
    keep: Literal["registrable_domain", "host"] = "registrable_domain"

    def output(self, facts: ColumnFacts) -> Output:
        """Text: a DNS name, or `invalid`."""
        self.require(facts.value_type)
        expression = rf"[a-z0-9_-]{{1,63}}(?:\.[a-z0-9_-]{{1,63}})+|{INVALID}"
        return Output(pa.string(), Pattern(expression, f"{self.keep} of a URL", holds_raw_text=True))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations find the host; Python once per distinct host."""
        return BoundTransform(self, self._sites)

    def _sites(self, values: pa.Array) -> pa.Array:
        trimmed = pc.utf8_trim_whitespace(values)
        with_scheme = pc.struct_field(pc.extract_regex(trimmed, _USUAL), "host")
        bare = pc.struct_field(pc.extract_regex(trimmed, _BARE), "host")
        hosts = pc.coalesce(with_scheme, bare).dictionary_encode()
        sites = pa.array([self._site(host) for host in hosts.dictionary.to_pylist()], pa.string())
        found = sites.take(hosts.indices).fill_null(INVALID)
        return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.string()))

    def _site(self, host: str) -> str:
        name = _dns_name(host)
        if name is None:
            return INVALID
        registrable = registrable_domain(name)
        if registrable is None:
            return INVALID
        return name if self.keep == "host" else registrable


def _dns_name(host: str) -> str | None:
    """Lower-case ASCII form, or None where the host is an IP address or no DNS name."""
    name = host.rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode().lower()
        except UnicodeError:
            return None
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # Browsers read any host that ends in a number as an IPv4 address (`0x7f.1`).
        return None if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) else name
    return None
