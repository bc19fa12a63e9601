"""Keyed order of published rows and parts, so that two recipients' files cannot be aligned by position."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms import Keyring
from transforms.primitives import hmac_sha256, keystream


def row_order(keyring: Keyring, release: tuple[str, ...], table: str, index: int, rows: pa.Array) -> pa.Array:
    """Return `rows` (int64) in the keyed order of this release's part.

    The order is that of 64-bit words of an AES-CTR key stream, whose key depends on recipient, release, table and
    part: without the keyring it tells nothing about the input's order, and two releases' orders are independent.
    """
    words = np.frombuffer(keystream(_key(keyring, "rows", *release, table, str(index)), 8 * len(rows)), "<u8")
    return rows.take(pa.array(np.argsort(words, kind="stable")))


def part_order(keyring: Keyring, release: tuple[str, ...], table: str, parts: int) -> npt.NDArray[np.int64]:
    """Return, for each published position, which slice's part stands there."""
    words = np.frombuffer(keystream(_key(keyring, "parts", *release, table), 8 * parts), "<u8")
    return np.argsort(words, kind="stable")


def _key(keyring: Keyring, *names: str) -> bytes:
    message = b"".join(len(name.encode()).to_bytes(4, "big") + name.encode() for name in names)
    return hmac_sha256(keyring.state_key("order"), message)
