"""What a recognizer is: data, not code."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Boundary = Literal["none", "digit", "number", "word", "host", "hex_pair"]


@dataclass(frozen=True)
class Pattern:
    """One RE2 pattern, on folded text (lower case, NFKC, no zero-width characters; see `folding`).

    RE2 runs in linear time and has no look-around. What they would say stands in `before` and `after`:
    the characters that must not touch the match (see `boundaries`). Never a word boundary: Chinese characters
    count as word characters, so a number that touches them would be missed.
    """

    regex: str
    score: float = 0.0  # where no check gives one; without a context word
    before: Boundary = "digit"
    after: Boundary = "digit"
    in_context: bool = False  # counts only with a context word near it


def behind_its_name(regex: str, score: float = 0.2) -> Pattern:
    """A form that tells nothing by itself: it counts behind the name of the number, and stands free."""
    return Pattern(regex, score, "host", "host", in_context=True)


@dataclass(frozen=True)
class Recognizer:
    """How one entity is recognized by its form.

    A match counts when its score reaches `THRESHOLD`. A context word near it raises the score; a veto word
    directly before it, or a failed check, removes it.
    """

    entity: str
    patterns: tuple[Pattern, ...]
    source: str  # the standard that says what the form is
    examples: tuple[str, ...]  # texts with exactly one match
    near_misses: tuple[str, ...]  # texts with none
    check: str = ""  # name in checks.CHECKS
    context: tuple[str, ...] = ()  # English and Chinese words, folded
    context_within: int = 32  # characters before the match; after it, a third of them
    vetoes: tuple[str, ...] = ()
    shield: bool = False  # not an identity: it keeps weaker recognizers off its digits


class Found(NamedTuple):
    """A span: offsets in code points of the text it was found in, end exclusive."""

    start: int
    end: int
    entity: str
    score: float


THRESHOLD = 0.5
CONTEXT_GAIN = 0.35  # as Presidio's context enhancer
