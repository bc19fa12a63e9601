"""What tokens are written in: length-prefixed fields, padding, base64url, sealed blobs and wrapped keys."""

import base64
import contextlib
import hashlib
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.primitives import (
    Unauthentic,
    Undecodable,
    base64url,
    base64url_column,
    decode_fields,
    encode_fields,
    from_base64url,
    pad_plaintexts,
    seal,
    seal_with_nonce,
    unpad_plaintext,
    unseal,
    unwrap_key,
    wrap_key,
)
from transforms.tokens import token_column


@given(
    fields=st.lists(st.binary(max_size=20), max_size=6), others=st.lists(st.binary(max_size=20), max_size=6)
)
def test_field_encoding_is_injective(fields: list[bytes], others: list[bytes]) -> None:
    """Length-prefixed sequences decode to themselves, and differ where their fields do."""
    assert decode_fields(encode_fields(*fields)) == fields
    assert (encode_fields(*fields) == encode_fields(*others)) == (fields == others)


@given(data=st.binary(max_size=40))
def test_decoding_wild_bytes_never_crashes(data: bytes) -> None:
    """Wild bytes are fields, or refused."""
    with contextlib.suppress(Undecodable):
        assert encode_fields(*decode_fields(data)) == data


@given(values=st.lists(st.binary(max_size=300), max_size=5), bucket=st.sampled_from([1, 2, 16, 64, 100]))
def test_padding_is_unambiguous(values: list[bytes], bucket: int) -> None:
    """Padded texts go back, and their lengths are buckets."""
    padded = pad_plaintexts(values, bucket)
    assert [unpad_plaintext(one) for one in padded] == values
    if bucket > 1:
        assert {len(one) // bucket for one in padded} <= {1, 2, 4, 8, 16, 32, 64, 128, 256}
        assert not {len(one) % bucket for one in padded} - {0}


@pytest.mark.parametrize(
    ("bucket", "lengths"),
    [(1, {0: 1, 1: 2, 300: 301}), (64, {0: 64, 63: 64, 64: 128, 127: 128, 128: 256, 255: 256, 256: 512})],
)
def test_a_bucket_holds_one_byte_of_mark_beside_the_value(bucket: int, lengths: dict[int, int]) -> None:
    """Up to the last byte of each doubling: longer or shorter, and earlier releases' tokens would not join."""
    padded = pad_plaintexts([b"x" * length for length in lengths], bucket)
    assert [len(one) for one in padded] == list(lengths.values())


@pytest.mark.parametrize("broken", [b"", b"\0\0", b"abc", b"abc\x80\x01"])
def test_missing_padding_is_rejected(broken: bytes) -> None:
    """Without the mark there is no plaintext."""
    with pytest.raises(Unauthentic):
        unpad_plaintext(broken)


@given(items=st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_base64url_of_a_column_is_that_of_each(items: list[bytes]) -> None:
    """One pass over the column gives what RFC 4648 gives for each item; only the canonical form decodes."""
    expected = [base64.urlsafe_b64encode(item).rstrip(b"=") for item in items]
    assert [base64url(item) for item in items] == expected
    assert [from_base64url(one) for one in expected] == items
    for wrong in (b"A", b"AB==", b"AB", b"A+", b"A/", b"AA+/", b"A b", b"AAAA="):
        if wrong != base64url(b"\0"):
            with pytest.raises(Undecodable), warnings.catch_warnings(action="error"):
                from_base64url(wrong)


@given(length=st.integers(1, 40), count=st.integers(1, 5), seed=st.binary(max_size=8))
def test_base64url_of_items_of_one_length(length: int, count: int, seed: bytes) -> None:
    """All encoded at once give what RFC 4648 gives for each, whatever the length is modulo three."""
    items = [hashlib.shake_128(seed + bytes([number])).digest(length) for number in range(count)]
    rows = base64url_column(items)
    assert [row.tobytes() for row in rows] == [base64.urlsafe_b64encode(one).rstrip(b"=") for one in items]


@given(items=st.lists(st.binary(min_size=1, max_size=5), max_size=4))
def test_tokens_are_the_header_and_base64url(items: list[bytes]) -> None:
    """Each by itself, whether all ciphertexts are equally long or not."""
    expected = ["p1.k1." + base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in items]
    assert token_column("k1", items).to_pylist() == expected


def test_sealed_blobs() -> None:
    """Random nonces, a label that counts, and no output for another key, label or byte."""
    key, other = bytes(range(32)), bytes(range(1, 33))
    blob = seal(key, b"record", b"quarantine")
    assert blob != seal(key, b"record", b"quarantine")
    assert unseal(key, blob, b"quarantine") == b"record"
    assert unseal(key, seal_with_nonce(key, bytes(12), b"", b""), b"") == b""
    attempts = [(other, blob, b"quarantine"), (key, blob, b"other"), (key, blob[:-1], b"quarantine")]
    attempts += [(key, b"", b""), (key, blob[:5], b"quarantine"), (key, blob[:20], b"quarantine")]
    for wrong_key, wrong_blob, wrong_label in attempts:
        with pytest.raises(Unauthentic):
            unseal(wrong_key, wrong_blob, wrong_label)


def test_wrapped_keys() -> None:
    """AES-KWP: only the wrapping key unwraps, and no changed byte does."""
    kek, master = bytes(range(32)), bytes(range(100, 132))
    wrapped = wrap_key(kek, master)
    assert unwrap_key(kek, wrapped) == master
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises(Unauthentic):
            unwrap_key(kek, bytes(changed))
    for wrong in (b"", wrapped[:-1], wrapped[:16]):
        with pytest.raises(Unauthentic):
            unwrap_key(kek, wrong)
