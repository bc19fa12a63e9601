"""What keys of subjects and passphrases cost, in core seconds of one process.

    python -m benchmarks.keys

Medians of five runs each, in turn: a column of 50,000 distinct pairs of subject and value under `encrypt_siv` with the
shared key and with `per: subject`, the making of 50,000 keys, and one scrypt at the cost of new keyrings. Prints the
figures and writes benchmarks/results/keys.json.
"""

import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from pipeline.keys.passphrases import new_cost, stretched
from pipeline.keys.sorted_digests import digests_from, ordered
from pipeline.keys.subject_changes import make_subject_keys
from pipeline.keys.subject_store import SubjectDigests
from transforms import Context, EncryptSiv, Keyring

RESULTS = Path(__file__).parent / "results" / "keys.json"
PAIRS = 50_000
CONTEXT = Context("analysts", "analytics", "postal_address", "static")


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    keyring = Keyring({"k1": secrets.token_bytes(32)}, "k1")
    people = pa.array([f"account_id\x1facc{number:08d}" for number in range(PAIRS)])
    values = pa.array([f"{number} Wattle Road, Unit {number % 9}" for number in range(PAIRS)])
    digests = ordered(digests_from(SubjectDigests(keyring)(people)))
    cost = new_cost()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store, _ = make_subject_keys(Path(folder) / "store", keyring, [digests])
        shared = EncryptSiv().bind(keyring, CONTEXT)
        own = EncryptSiv(per="subject").bind(keyring.with_subject_keys(store), CONTEXT)
        for number in range(5):
            fresh = Path(folder) / str(number)
            works: dict[str, Callable[[], object]] = {
                "shared key, us a value": lambda: shared(values),
                "per subject, us a pair": lambda: own(values, subject=people),
                "making a key, us": lambda fresh=fresh: make_subject_keys(fresh, keyring, [digests]),
            }
            for name, work in works.items():
                taken.setdefault(name, []).append(seconds(work) / PAIRS * 1e6)
            passphrase = seconds(lambda: stretched("violet tractor umbrella eleven", cost, "benchmark"))
            taken.setdefault("scrypt, s a guess", []).append(passphrase)
    found = {name: round(statistics.median(times), 2) for name, times in taken.items()}
    for name, value in found.items():
        print(f"{name}: {value}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"pairs": PAIRS, "medians": found, "all": taken}, indent=2) + "\n")


if __name__ == "__main__":
    main()
