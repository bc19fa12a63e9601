"""How far plaintexts are padded, so that the length of a ciphertext tells nothing of a name or an address.

A plaintext and one byte of mark are filled up to the bucket of its token domain, a longer one to the next doubling:
inside a bucket all tokens are equally long. Buckets of `encrypt_siv` never change: its tokens join with those of
earlier releases. `encrypt_gcm` joins nothing and pads the other domains, too: `female` is longer than `male`.
"""

from typing import Annotated, Literal

from pydantic import Field

# Bucket in bytes of UTF-8. Names of 63 bytes or fewer look alike, and so do addresses of 127 or fewer;
# a longer value falls into the next doubling.
NAME_BYTES = 64
ADDRESS_BYTES = 128
TEXT_BYTES = 1024
OTHER_BYTES = 32  # of encrypt_gcm, where the domain has no bucket of its own: labels, numbers, times, ids

_BUCKETS = {
    "person_name": NAME_BYTES,
    "nickname": NAME_BYTES,
    "username": NAME_BYTES,
    "account_id": NAME_BYTES,
    "company": NAME_BYTES,
    "job": NAME_BYTES,
    "city": NAME_BYTES,
    "region": NAME_BYTES,
    "country": NAME_BYTES,
    "email": NAME_BYTES,
    "ssid": NAME_BYTES,
    "device_name": NAME_BYTES,
    "health": NAME_BYTES,
    "postal_address": ADDRESS_BYTES,
    "url": ADDRESS_BYTES,
    "free_text": TEXT_BYTES,
    "search_terms": ADDRESS_BYTES,
}

Pad = Literal["auto", "none"] | Annotated[int, Field(ge=2, le=65_536)]


def bucket_of(pad: Pad, domain: str, *, otherwise: int = 1) -> int:
    """Bytes that plaintexts are padded to; 1 = not padded. `auto` goes by the token domain, then `otherwise`."""
    if pad == "none":
        return 1
    if pad == "auto":
        return _BUCKETS.get(domain, otherwise)
    return pad


def padded_domains(size: int) -> tuple[str, ...]:
    """The token domains whose bucket has this size, sorted; for the documentation."""
    return tuple(sorted(domain for domain, bucket in _BUCKETS.items() if bucket == size))
