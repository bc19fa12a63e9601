"""How many rows frequency analysis names: the attack itself, carried out on the shares of a sample.

Deterministic tokens keep frequencies. Who knows how often each value occurs sorts values and tokens by frequency and
puts them side by side; a row is recovered when its token stands beside its value.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

SEED = 20261101  # the same sample gives the same number
ATTACKS = 8
_SIGMAS = 3.0


def recoverable_share(counts: Counts, rows: int) -> float:
    """Estimate the share of `rows` rows that frequency analysis recovers from deterministic tokens.

    `counts` are those of the distinct values of a sample. Values are drawn for all rows by their shares of the
    sample, and the attacker knows the shares; values met once stand for those that the sample has not met, whose
    share is as large (Good-Turing), and nobody recovers them. The answer is the mean of 8 such attacks with a fixed
    seed, ties broken at random. Where the counts differ no more than equal shares would let them (dispersion within
    3 standard deviations), the shares count as equal: nothing but chance is left to the attacker.
    An estimate, not a bound: from 20,000 sampled rows it lies within 0.1 of the true share for Zipf's law (see
    benchmarks/frequency.py); a smaller sample tells less of rare values, and mostly too little. An attacker
    with more knowledge than frequencies recovers more.
    """
    counts = np.asarray(counts, dtype=np.int64)
    sampled = int(counts.sum())
    if not sampled or not rows:
        return 0.0
    met = 1.0 - float((counts == 1).sum()) / sampled
    if len(counts) == 1:
        return met
    if _may_be_equal(counts):
        return met / len(counts)
    shares = np.append(counts[counts > 1] / sampled, 1.0 - met)
    chance = np.random.default_rng(SEED)
    return float(np.mean([_attack(shares, rows, chance) for _ in range(ATTACKS)]))


def _may_be_equal(counts: Counts) -> bool:
    """Whether equal shares would give counts that differ as much (index of dispersion against chi-square)."""
    mean = counts.mean()
    freedom = len(counts) - 1
    dispersion = float(((counts - mean) ** 2).sum() / mean)
    return dispersion < freedom + _SIGMAS * float(np.sqrt(2 * freedom))


# Types of generators stand in quotation marks: numpy brings `random` only where it is asked for.
def _attack(shares: npt.NDArray[np.float64], rows: int, chance: "np.random.Generator") -> float:
    """Share of rows recovered in one drawing; the last share is that of values nobody knows."""
    drawn = chance.multinomial(rows, shares)[:-1]
    values = _by_frequency(shares[:-1], chance)
    tokens = _by_frequency(drawn, chance)
    return float(drawn[values[values == tokens]].sum() / rows)


def _by_frequency(weights: npt.NDArray[np.float64] | Counts, chance: "np.random.Generator") -> Counts:
    """Places from the most frequent to the least, equal ones in random order."""
    order: Counts = np.lexsort((chance.random(len(weights)), -weights))
    return order
