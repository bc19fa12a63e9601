"""What a compiled kernel could bring at most: the loops over values beside the same primitives in bulk.

    python -m benchmarks.token_floor [--values 200000] [--runs 5]

A loop calls the library once a value. In bulk, one call works on as many bytes as all values need: for HMAC-SHA-256
with a kept key schedule two blocks of 64 bytes a short value (RFC 2104, FIPS 180-4), for AES-256-SIV of an address
padded to 128 bytes 9 blocks of CMAC and 8 of CTR (RFC 5297). A kernel would still have to read values and write
tokens, so it cannot be faster than this.
Prints microseconds of one core a value, medians of interleaved runs, and writes benchmarks/results/token_floor.json.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from rich.console import Console
from rich.table import Table

from transforms import EncryptSiv, KeyedHash, Keyring
from transforms.context import Context

RESULTS = Path(__file__).parent / "results" / "token_floor.json"
SIV_BLOCKS = 9 + 8


def contestants(count: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name -> (the transform over distinct values, the primitive in bulk)."""
    ring = Keyring({"k1": os.urandom(32)}, "k1")

    def context(domain: str) -> Context:
        return Context("r", "p", domain, "static", "2026-11-01", "t", "c")

    phones = pa.array([f"+614{number:08d}" for number in range(count)])
    addresses = pa.array(
        [f"{number} Station Street, Perth WA {number:07d} Australia" for number in range(count)]
    )
    hashed = KeyedHash().bind(ring, context("phone")).map_values
    sealed = EncryptSiv().bind(ring, context("postal_address")).map_values

    def sha() -> None:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(bytes(2 * 64 * count))
        digest.finalize()

    def aes() -> None:
        Cipher(algorithms.AES(bytes(32)), modes.CBC(bytes(16))).encryptor().update(bytes(16 * 9 * count))
        Cipher(algorithms.AES(bytes(32)), modes.CTR(bytes(16))).encryptor().update(bytes(16 * 8 * count))

    return {"keyed_hash": (lambda: hashed(phones), sha), "encrypt_siv": (lambda: sealed(addresses), aes)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--values", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    costs: dict[tuple[str, str], list[float]] = {}
    found = contestants(given.values)
    for _ in range(given.runs):
        for name, pair in found.items():
            for kind, run in zip(("loop", "bulk"), pair, strict=True):
                start = time.process_time()
                run()
                costs.setdefault((name, kind), []).append((time.process_time() - start) / given.values * 1e6)
    figures = {f"{name} {kind}": round(statistics.median(all_), 4) for (name, kind), all_ in costs.items()}
    table = Table(title=f"Microseconds a value, {given.values:,} distinct values, medians of {given.runs}")
    for head in ("transform", "loop", "primitive in bulk", "a kernel would save at most"):
        table.add_column(head)
    for name in found:
        loop, bulk = figures[f"{name} loop"], figures[f"{name} bulk"]
        table.add_row(name, f"{loop:.2f}", f"{bulk:.3f}", f"{loop - bulk:.2f}")
    Console().print(table)
    given.results.write_text(
        json.dumps({"values": given.values, "runs": given.runs, "microseconds": figures}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
