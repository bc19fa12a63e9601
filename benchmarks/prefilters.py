"""What hyperscan in RE2's place would bring: which texts can hold what, for all recognizers at once.

    python -m pip install hyperscan==0.9.1
    python -m benchmarks.prefilters [--data ../shared/data/detection]

Texts a CPU second, best of some rounds: the prefilter alone, and the whole path with the models' answers
remembered, so that nothing but the patterns is measured. The candidates of both are compared.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.detect_text import LOGS, ROOT, gold_sets
from pipeline.detect import patterns
from pipeline.detect.catalog import compiled
from pipeline.detect.folding import fold
from pipeline.detect.spans import find_mentions

ROUNDS = 4


class Hyperscan:
    """One database of all prefilters; each array of texts is scanned once, whatever is asked of it."""

    def __init__(self) -> None:
        import hyperscan

        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_ALLOWEMPTY
        expressions = [one.prefilter.encode() for one in compiled()]
        self._numbers = {one.prefilter: number for number, one in enumerate(compiled())}
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=expressions,
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[flags] * len(expressions),
        )
        self._array: pa.Array | None = None
        self._rows: list[pa.Array] = []

    def forget(self) -> None:
        self._array = None

    def where(self, array: pa.Array, regex: str) -> pa.Array:
        if self._array is not array:
            found: list[set[int]] = [set() for _ in self._numbers]
            for row, text in enumerate(array.to_pylist()):

                def note(number: int, *_: object, row: int = row) -> None:
                    found[number].add(row)

                self._database.scan(text.encode(), match_event_handler=note)
            self._array, self._rows = array, [pa.array(sorted(rows), pa.uint64()) for rows in found]
        return self._rows[self._numbers[regex]]


def best(call: Callable[[], Any], forget: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        forget()
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "detection")
    folder = parser.parse_args().data
    begin = time.process_time()
    other = Hyperscan()
    results: dict[str, dict] = {"compile_seconds": round(time.process_time() - begin, 2)}  # type: ignore[dict-item]
    re2 = patterns._where
    logs = [
        line
        for name in LOGS
        for line in (folder / "logs" / f"{name}_1k.log").read_text("utf-8", "replace").splitlines()
    ]
    chat = next(texts for name, texts, _ in gold_sets(folder, len(logs)) if name == "sgd_train_sample")
    for kind, texts in (("logs", logs), ("chat", chat)):
        array = pa.array([fold(text).text for text in dict.fromkeys(texts)], pa.string())
        find_mentions(texts)  # the models' answers
        row: dict[str, object] = {}
        candidates = []
        for name, where in (("re2", re2), ("hyperscan", other.where)):
            alone = best(lambda: [where(array, one.prefilter) for one in compiled()], other.forget)  # noqa: B023
            candidates.append([where(array, one.prefilter).to_pylist() for one in compiled()])
            patterns._where = where
            whole = best(lambda: find_mentions(texts), other.forget)  # noqa: B023
            patterns._where = re2
            row[name] = {"prefilter": round(len(array) / alone), "whole_path": round(len(texts) / whole)}
        results[kind] = {**row, "same_candidates": candidates[0] == candidates[1]}
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
