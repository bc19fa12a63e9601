"""FF1 over a column beside the libraries of PyPI: values a core second, interleaved.

    python -m benchmarks.ff1 [--runs 5] [--values 1000000] [--digits 11] [--peers PYTHON]

PYTHON is the interpreter of an environment that has `fastfpe` and `ff3` (see `make bench`); they never enter
the project's own. Processor time counts, so that other work on the machine does not. Text in, text out for
all; `digits` leaves out the way from Arrow text to numerals and back. Prints a table and writes
benchmarks/results/ff1.json.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from transforms import ff1_column, ff1_text

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
TWEAK = bytes.fromhex("d8e7920afa330a")
RESULTS = Path(__file__).parent / "results" / "ff1.json"
LIBRARIES = Path(__file__).parent / "peers" / "ff1_libraries.py"
TEXT, DIGITS = "pouch, text", "pouch, digits"
PEER_VALUES = 100_000


def ours(values: pa.Array, numerals: np.ndarray) -> dict[str, float]:
    """Values a core second of the two entrances."""
    alphabet = ff1_text.Alphabet("0123456789")
    start = time.process_time()
    ff1_text.encrypt_text(KEY, [TWEAK], values, alphabet)
    middle = time.process_time()
    ff1_column.encrypt_digits(KEY, [TWEAK], numerals, alphabet.radix)
    end = time.process_time()
    return {TEXT: len(values) / (middle - start), DIGITS: len(values) / (end - middle)}


def theirs(python: Path, digits: int) -> dict[str, float]:
    command = [str(python), str(LIBRARIES), str(PEER_VALUES), str(digits)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--values", type=int, default=1_000_000)
    parser.add_argument("--digits", type=int, default=11)
    parser.add_argument("--peers", type=Path, default=Path(".bench/peers/bin/python"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    numbers = np.random.default_rng(7).integers(0, 10, (given.values, given.digits)).astype(np.uint8)
    flat = (numbers + ord("0")).tobytes()
    offsets = np.arange(0, len(flat) + 1, given.digits, dtype=np.int32)
    values = pa.Array.from_buffers(
        pa.string(), given.values, [None, pa.py_buffer(offsets), pa.py_buffer(flat)]
    )
    assert pc.all(pc.equal(pc.utf8_length(values), given.digits)).as_py()
    rates: dict[str, list[float]] = {}
    for _ in range(given.runs):
        measured = ours(values, numbers) | (theirs(given.peers, given.digits) if given.peers.exists() else {})
        for name, rate in measured.items():
            rates.setdefault(name, []).append(rate)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    table = Table(title=f"{given.digits}-digit values a core second, medians of {given.runs} runs")
    for name in ("", "values/core s", "spread", "pouch (text) is"):
        table.add_column(name, justify="right" if name else "left")
    for name, rate in medians.items():
        spread = f"{min(rates[name]):,.0f} - {max(rates[name]):,.0f}"
        table.add_row(name, f"{rate:,.0f}", spread, f"{medians[TEXT] / rate:,.1f} x")
    console = Console()
    console.print(table)
    if len(medians) == 2:
        console.print(f"no interpreter at {given.peers}: the libraries were not measured")
    ratios = {name: round(medians[TEXT] / rate, 2) for name, rate in medians.items()}
    given.results.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "digits": given.digits,
        "runs": given.runs,
        "values_per_core_second": medians,
        "ratios": ratios,
    }
    given.results.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
