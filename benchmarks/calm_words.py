"""Write pipeline/detect/word_lists/calm_words.txt: words in which the model sees no name in plain sentences.

    python -m pip install --no-deps symspellpy==6.10.1
    python -m benchmarks.calm_words

The gate before the model skips a text that consists of such words only. Tried are the whole words of the model's
own vocabulary, and the frequent words of symspellpy's English dictionary (MIT; from Google Books Ngrams, CC BY 3.0,
and SCOWL) that are no names or places. The sentences are this file's own; no data set is read. A word is calm when
the model gives less than `MOST` to a name or address at every token of all sentences, and less than `MOST_ALONE`
where the word stands alone. Words of grammar, and those that machines write for nothing, are calm by definition.
"""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from pipeline.detect.lexicon import places, words
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
nan nil null undefined true false
"""


DICTIONARY = "frequency_dictionary_en_82_765.txt"
FREQUENT = 30_000  # rarer words are as good as names


def candidates() -> list[str]:
    vocabulary = [w for w in verified(VOCABULARY).decode().split("\n") if w.isascii() and w.isalpha()]
    return list(dict.fromkeys([*vocabulary, *dictionary()]))


def dictionary() -> list[str]:
    """The frequent words that no list of names or places holds."""
    found = find_spec("symspellpy")
    assert found is not None and found.origin is not None, "install symspellpy"
    lines = Path(found.origin).with_name(DICTIONARY).read_text("utf-8-sig").splitlines()[:FREQUENT]
    names = words("given_names") | words("surnames") | places()
    listed = (line.partition(" ")[0] for line in lines)
    return [
        word for word in listed if len(word) > 2 and word.isascii() and word.isalpha() and word not in names
    ]


def calm(tried: Iterable[str], model: Rampart) -> list[str]:
    return [
        word
        for word in tried
        if model.reaction(word) < MOST_ALONE
        and all(model.reaction(sentence.format(word)) < MOST for sentence in SENTENCES)
    ]


def main() -> None:
    model, tried, found = Rampart(), candidates(), []
    for begin in range(0, len(tried), 5000):
        found += calm(tried[begin : begin + 5000], model)
        print(begin, len(found), file=sys.stderr)
    write(found)


def write(found: list[str]) -> None:
    head = "# Words in which the model sees no name in plain sentences; made by benchmarks/calm_words.py\n"
    lines, line = [], ""
    for word in sorted({*found, *GRAMMAR.split()}):
        if len(line) + len(word) > 115:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    TARGET.write_text(head + "\n".join([*lines, line]) + "\n", encoding="utf-8")
    print(f"{len(found)} calm words")


if __name__ == "__main__":
    main()
