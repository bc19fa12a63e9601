"""Write pipeline/detect/word_lists/calm_words.txt: words in which the model sees no name in plain sentences.

    python -m benchmarks.calm_words

The gate before the model skips a text that consists of such words only. The sentences are this file's own;
no data set is read. A word is calm when the model gives less than `MOST` to a name or address in all of
them, for any of their words.
"""

import sys
from pathlib import Path

from pipeline.detect.rampart import VOCABULARY, Rampart
from pipeline.detect.model_files import verified

TARGET = Path("pipeline/detect/word_lists/calm_words.txt")
MOST = 0.05
SENTENCES = (
    "{}",
    "the {} please",
    "can i get {} with my order",
    "i think {} is fine for me",
    "it was {} and i would like to know when",
)


def candidates() -> list[str]:
    return [w for w in verified(VOCABULARY).decode().split("\n") if w.isascii() and w.isalpha()]


def main() -> None:
    model = Rampart()
    words = candidates()
    calm: list[str] = []
    reactions = 0
    # the first sentence is the cheapest and the most telling: only its survivors see the others
    for word in words:
        if all(model.reaction(sentence.format(word)) < MOST for sentence in SENTENCES):
            calm.append(word)
        else:
            reactions += 1
        if (len(calm) + reactions) % 5000 == 0:
            print(len(calm), reactions, file=sys.stderr)
    head = "# Words in which the model sees no name in plain sentences; made by benchmarks/calm_words.py\n"
    lines, line = [], ""
    for word in sorted(calm):
        if len(line) + len(word) > 115:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    TARGET.write_text(head + "\n".join([*lines, line]) + "\n", encoding="utf-8")
    print(f"{len(calm)} calm words of {len(words)}")


if __name__ == "__main__":
    main()
