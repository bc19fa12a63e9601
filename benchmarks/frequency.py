"""Frequency analysis on deterministic tokens: what the plan estimates from a sample, beside the attack on all rows.

`python -m benchmarks.frequency` prints the share of rows that an attacker recovers who knows the true shares, and the
estimate of `pipeline.protect.frequency` from samples; no timing, so it needs no quiet machine.
"""

import numpy as np
import numpy.typing as npt

from pipeline.protect.frequency import recoverable_share
from transforms.primitives import hmac_sha256_column

ROWS = (2_000, 50_000, 1_000_000)
SAMPLES = (2_000, 20_000)


def zipf(values: int, exponent: float) -> npt.NDArray[np.float64]:
    weights = 1 / np.arange(1, values + 1) ** exponent
    return np.asarray(weights / weights.sum())


CASES: dict[str, npt.NDArray[np.float64]] = {
    "300 values, Zipf 1.0": zipf(300, 1.0),
    "300 values, Zipf 0.5": zipf(300, 0.5),
    "5,000 values, Zipf 1.0": zipf(5_000, 1.0),
    "30 cities, Zipf 0.8": zipf(30, 0.8),
    "gender": np.array([0.52, 0.47, 0.01]),
    "300 equal values": np.full(300, 1 / 300),
    "100,000 equal values": np.full(100_000, 1e-5),
}


def attacked(shares: npt.NDArray[np.float64], rows: int, chance: np.random.Generator) -> float:
    """The attack on real tokens: HMAC of each value, sorted by how often it is met, beside values by true share."""
    counts = chance.multinomial(rows, shares)
    tokens = hmac_sha256_column(chance.bytes(32), [str(value).encode() for value in range(len(shares))])
    seen = sorted(range(len(shares)), key=lambda value: (-counts[value], tokens[value]))
    known = np.argsort(-shares, kind="stable")
    return float(
        sum(counts[value] for value, guess in zip(seen, known, strict=True) if value == guess) / rows
    )


def main() -> None:
    chance = np.random.default_rng(7)
    print(f"{'column':24}{'rows':>10}{'attack':>8}" + "".join(f"{f'from {n:,}':>13}" for n in SAMPLES))
    for name, shares in CASES.items():
        for rows in ROWS:
            real = np.mean([attacked(shares, rows, chance) for _ in range(3)])
            estimates = [recoverable_share(sampled(shares, min(n, rows), chance), rows) for n in SAMPLES]
            print(f"{name:24}{rows:10,}{real:8.2f}" + "".join(f"{e:13.2f}" for e in estimates))


def sampled(shares: npt.NDArray[np.float64], rows: int, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    counts = chance.multinomial(rows, shares)
    return np.asarray(counts[counts > 0])


if __name__ == "__main__":
    main()
