"""Fakes: how many there are, how many people share one, and what a million subjects cost.

`python -m benchmarks.surrogate` prints a Markdown table of the corpora and the seconds of one core (best of three).
"""

import math
import time

import pyarrow as pa

from transforms import Context, Keyring, Surrogate
from transforms.surrogate_corpus import DIGESTS, Corpus, offered

PEOPLE = 100_000
SUBJECTS = 1_000_000
KINDS = {
    "person_name": "names",
    "postal_address": "addresses",
    "company": "companies",
    "email": "e-mails",
    "phone": "phones",
}


def main() -> None:
    print(f"| locale | {' | '.join(KINDS.values())} | of {PEOPLE:,} people share name, phone |")
    print("|---|" + "---|" * (len(KINDS) + 1))
    for locale in sorted(DIGESTS):
        sizes = {kind: Corpus(kind, locale).size for kind in KINDS if locale in offered(kind)}
        shared = [
            f"{1 - math.exp(-PEOPLE / sizes[kind]):.0%}" if kind in sizes else "refused"
            for kind in ("person_name", "phone")
        ]
        cells = [f"{sizes[kind]:,}" if kind in sizes else "none" for kind in KINDS]
        print(f"| {locale} | {' | '.join(cells)} | {', '.join(shared)} |")
    bound = Surrogate().bind(
        Keyring({"k1": bytes(range(32))}, "k1"), Context("analysts", "research", "person_name", "static")
    )
    names = pa.array([f"Person Number{number}" for number in range(SUBJECTS)])
    people = pa.array([f"account{number}" for number in range(SUBJECTS)])
    seconds = []
    for _ in range(3):
        start = time.process_time()
        bound(names, subject=people)
        seconds.append(time.process_time() - start)
    print(f"\n{SUBJECTS:,} rows of as many subjects: {min(seconds):.1f} s of one core")


if __name__ == "__main__":
    main()
