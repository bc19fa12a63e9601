"""FF1 over a column beside the libraries of PyPI: values a core second, interleaved.

    python -m benchmarks.ff1 [--runs 5] [--values 1000000] [--digits 11] [--peers PYTHON]

PYTHON is the interpreter of an environment that has `fastfpe` and `ff3` (see `make bench`); they never enter
the project's own. Processor time counts, so that other work on the machine does not. All values differ. Measured
is the public transform, `FormatPreserving(...).bind(...)(column)`, text in, text out, as the libraries: on plain
numbers, and on phones, which also become E.164 first; `core` is the arithmetic on numerals alone. Prints a table
with the bars (15 times fastfpe, 300 times ff3) and writes benchmarks/results/ff1.json.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from transforms import Context, FormatPreserving, Keyring, ff1_column

KEYRING = Keyring({"k1": bytes(range(32))}, "k1")
RESULTS = Path(__file__).parent / "results" / "ff1.json"
LIBRARIES = Path(__file__).parent / "peers" / "ff1_libraries.py"
NUMBERS, PHONES, CORE = "pouch, numbers", "pouch, phones", "pouch, core"
BARS = {"fastfpe": 15, "ff3": 300}  # times as fast as
PEER_VALUES = 100_000


def texts(digits: np.ndarray, prefix: bytes = b"") -> pa.Array:
    """A text column of the digits, each row behind the prefix."""
    front = np.tile(np.frombuffer(prefix, dtype=np.uint8), (len(digits), 1))
    cells = np.concatenate((front, digits + np.uint8(ord("0"))), axis=1)
    offsets = np.arange(len(cells) + 1, dtype=np.int32) * cells.shape[1]
    return pa.Array.from_buffers(
        pa.string(), len(cells), [None, pa.py_buffer(offsets), pa.py_buffer(cells.tobytes())]
    )


def contenders(digits: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Name -> what is measured, everything ready but the work itself."""
    numbers, phones = texts(digits), texts(digits[:, :8], b"+614")
    of_numbers = FormatPreserving(alphabet="digits").bind(
        KEYRING, Context("analysts", "research", "order_id", "static")
    )
    of_phones = FormatPreserving(normal_form="phone:AU").bind(
        KEYRING, Context("analysts", "research", "phone", "static")
    )
    return {
        NUMBERS: lambda: of_numbers(numbers),
        PHONES: lambda: of_phones(phones),
        CORE: lambda: ff1_column.encrypt_digits(bytes(32), [b"tweak"], digits, 10),
    }


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
    digits = np.random.default_rng(7).integers(0, 10, (given.values, given.digits)).astype(np.uint8)
    rates: dict[str, list[float]] = {}
    ours = contenders(digits)
    for _ in range(given.runs):
        for name, work in ours.items():
            start = time.process_time()
            work()
            rates.setdefault(name, []).append(given.values / (time.process_time() - start))
        if given.peers.exists():
            for name, rate in theirs(given.peers, given.digits).items():
                rates.setdefault(name, []).append(rate)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    table = Table(title=f"{given.digits}-digit values a core second, medians of {given.runs} runs")
    for name in ("", "values/core s", "spread", f"{NUMBERS}: times", "bar"):
        table.add_column(name, justify="right" if name else "left")
    for name, rate in medians.items():
        spread = f"{min(rates[name]):,.0f} - {max(rates[name]):,.0f}"
        ratio = medians[NUMBERS] / rate
        bar = "" if name not in BARS else f"{BARS[name]} {'met' if ratio >= BARS[name] else 'MISSED'}"
        table.add_row(name, f"{rate:,.0f}", spread, f"{ratio:,.1f}", bar)
    console = Console()
    console.print(table)
    missing = [name for name in BARS if name not in medians]
    if missing:
        console.print(f"not measured, since {given.peers} has them not: {', '.join(missing)}")
    figures = {
        "digits": given.digits,
        "runs": given.runs,
        "values_per_core_second": medians,
        "times_as_fast": {
            ours_name: {
                name: round(medians[ours_name] / medians[name], 1) for name in BARS if name in medians
            }
            for ours_name in ours
        },
    }
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
