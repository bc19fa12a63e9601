"""Published test vectors through the cores of the transforms; what the runner exempts is counted, too."""

import pyarrow as pa
import pytest

from tests.conftest import SHARED_DATA, needs_shared_data
from tests.vectors import run_file
from transforms import primitives

# File -> vectors that must come out right, and exempt ones (tests/vectors.py has the reason of each).
EXPECTED = {
    "wycheproof/hmac_sha256_test.json.gz": (71, 0),
    "wycheproof/hkdf_sha256_test.json.gz": (48, 0),
    "wycheproof/aes_siv_cmac_test.json.gz": (231, 0),
    "wycheproof/aead_aes_siv_cmac_test.json.gz": (462, 0),
    "wycheproof/aes_gcm_test.json.gz": (146, 13),  # nonces that are not 8 to 128 bytes long
    "wycheproof/aes_kwp_test.json.gz": (133, 0),
    "acvp/HMAC-SHA2-256-2.0.internalProjection.json.gz": (68, 82),  # tags below 128 bits
}


@needs_shared_data
@pytest.mark.parametrize("name", EXPECTED)
def test_published_vectors_come_out_right(name: str) -> None:
    """Every vector, valid and invalid, is run or counted as exempt; none is passed over in silence."""
    count = run_file(SHARED_DATA / "crypto" / name)
    assert count.wrong == []
    assert (count.verdicts["right"], count.exempt.total()) == EXPECTED[name]
    assert count.found == sum(EXPECTED[name])


def test_rfc_5297_a1() -> None:
    """Deterministic authenticated encryption example of RFC 5297, appendix A.1."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    associated = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    plaintext = bytes.fromhex("112233445566778899aabbccddee")
    ciphertext = bytes.fromhex("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c")
    assert primitives.siv_encrypt_column(key, [plaintext], [associated]) == [ciphertext]
    assert primitives.siv_opener(key, [associated])(ciphertext) == plaintext
    with pytest.raises(primitives.Unauthentic):
        primitives.siv_opener(key, [associated, b""])(ciphertext)


def test_rfc_5869_a1() -> None:
    """HKDF-SHA-256, appendix A.1."""
    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    assert primitives.hkdf_sha256(b"\x0b" * 22, info, 42, bytes(range(13))).hex() == okm


def test_sha256_of_abc() -> None:
    """FIPS 180-4 example, and the empty message."""
    assert [digest.hex() for digest in primitives.sha256_column([b"abc", b""])] == [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]
    assert pa.array([primitives.sha256(b"abc")]).type == pa.binary()
