"""Registrable domains from the public suffix list, without the network."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tldextract import TLDExtract


@cache
def _extractor() -> "TLDExtract":
    from tldextract import TLDExtract

    # No URL, no cache directory: only the snapshot that ships with the package. Private suffixes stay out, so
    # that a person's own subdomain of a hosting site is not taken for a site.
    return TLDExtract(
        suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True, include_psl_private_domains=False
    )


def registrable_domain(name: str) -> str | None:
    """Public suffix and one label, e.g. `example.co.uk`; None without a known suffix or for a bare suffix."""
    return _extractor()(name).top_domain_under_public_suffix or None
