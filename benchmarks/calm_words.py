"""Write pipeline/detect/word_lists/calm_words.txt: words in which the model sees no name in plain sentences.

    python -m benchmarks.calm_words

The gate before the model skips a text that consists of such words only. The sentences are this file's own;
no data set is read. A word is calm when the model gives less than `MOST` to a name or address at every token
of all sentences, and less than `MOST_ALONE` where the word stands alone. Words of grammar are calm by
definition.
"""

import sys
from pathlib import Path

from pipeline.detect.model_files import verified
from pipeline.detect.rampart import VOCABULARY, Rampart

TARGET = Path("pipeline/detect/word_lists/calm_words.txt")
MOST = 0.1
MOST_ALONE = 0.6
SENTENCES = (
    "the {} please",
    "can i get {} with my order",
    "i think {} is fine for me",
    "it was {} and i would like to know when",
)
GRAMMAR = """
a about after again all also although always am an and any anyone anything are as at be because been before being
between both but by can cannot could did do does doing don done down during each either else ever every few find for
found from get gets getting give given go goes going got had has have having he her here hers herself him himself his
how however i if in instead into is it its itself just keep kept know later least less let like ll made make makes
making many maybe me mine more most much must my myself near need neither never next no nobody none nor not nothing now
of off often ok okay on once one only or other others our ours out over own per please put rather re really said same
say see seem seen shall she should since so some someone something soon still such take taken tell than thank thanks
that the their theirs them themselves then there these they thing things this those though through till to today
together tomorrow too took toward try under until up upon us use used using very want was we well went were what
whatever when where whether which while who whoever whole whom whose why with within without would will may yes
yet you your
yours yourself
"""


def candidates() -> list[str]:
    return [w for w in verified(VOCABULARY).decode().split("\n") if w.isascii() and w.isalpha()]


def main() -> None:
    model = Rampart()
    words = candidates()
    calm: list[str] = []
    reactions = 0
    for word in words:
        if model.reaction(word) < MOST_ALONE and all(
            model.reaction(sentence.format(word)) < MOST for sentence in SENTENCES
        ):
            calm.append(word)
        else:
            reactions += 1
        if (len(calm) + reactions) % 5000 == 0:
            print(len(calm), reactions, file=sys.stderr)
    head = "# Words in which the model sees no name in plain sentences; made by benchmarks/calm_words.py\n"
    lines, line = [], ""
    for word in sorted({*calm, *GRAMMAR.split()}):
        if len(line) + len(word) > 115:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    TARGET.write_text(head + "\n".join([*lines, line]) + "\n", encoding="utf-8")
    print(f"{len(calm)} calm words of {len(words)}")


if __name__ == "__main__":
    main()
