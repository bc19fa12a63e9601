"""AES-CMAC of columns: RFC 4493's vectors, and the library's CMAC value by value."""

import secrets

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from transforms.cmac_column import cmac_column

RFC_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC_4493 = {
    0: "bb1d6929e95937287fa37d129b756746",
    16: "070a16b46b4d4144f79bdd9dd04a287c",
    40: "dfa66747de9ae63030ca32611497c827",
    64: "51f0bebf7e3b9d92fc49741779363cfe",
}


def tags(key: bytes, values: pa.Array) -> list[bytes]:
    data = cmac_column(key, values).astype("<u8").tobytes()
    return [data[at : at + 16] for at in range(0, len(data), 16)]


def library(key: bytes, message: bytes) -> bytes:
    state = CMAC(AES(key))
    state.update(message)
    return state.finalize()


@pytest.mark.parametrize(("length", "tag"), RFC_4493.items())
def test_the_vectors_of_rfc_4493(length: int, tag: str) -> None:
    value = pa.array([MESSAGE[:length]], pa.binary()).view(pa.string())
    assert tags(RFC_KEY, value) == [bytes.fromhex(tag)]


@pytest.mark.parametrize("size", [16, 24, 32])
def test_every_length_is_the_librarys_cmac(size: int) -> None:
    key = secrets.token_bytes(size)
    texts = [secrets.token_hex(60)[:length] for length in range(100)] + ["李雪梅" * 7, "", "é"]
    assert tags(key, pa.array(texts)) == [library(key, text.encode()) for text in texts]


def test_slices_large_strings_and_nulls() -> None:
    key = secrets.token_bytes(32)
    texts = ["a" * 15, "b" * 16, None, "c" * 17, ""]
    wanted = [library(key, (text or "").encode()) for text in texts]
    array = pa.array(["before", *texts, "after"]).slice(1, 5)
    assert tags(key, array) == tags(key, array.cast(pa.large_string())) == wanted
    assert cmac_column(key, pa.array([], pa.string())).shape == (0, 2)
    assert tags(key, pa.array([None, None], pa.string())) == [library(key, b"")] * 2
