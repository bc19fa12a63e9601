"""Texts, and what is known about their rows, to spans: the one door to text detection."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipeline.detect.folding import Folded, encodable, fold
from pipeline.detect.linked import Identities, Linked, Searched, find_linked
from pipeline.detect.model import Found
from pipeline.detect.overlaps import resolve
from pipeline.detect.patterns import find_patterns

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

LINKED = "row"  # recognizer name of mentions of the row's own identities


class Mention(NamedTuple):
    """A span in the original text, and the identity of its row that it mentions, if any."""

    found: Found
    data_class: str | None = None
    value: str | None = None

    def __repr__(self) -> str:
        return f"Mention({self.found.entity}, {self.found.start}:{self.found.end})"


def find_spans(
    texts: Sequence[str], linked: Sequence[Identities | None] | None = None, *, all_entities: bool = False
) -> list[list["RecognizerResult"]]:
    """Return, for each text, the spans of identities: sorted, without overlaps, offsets in its code points.

    Args:
        texts: any strings; equal ones are searched once.
        linked: for each text the identities of its row (data class -> value or values), or None.
        all_entities: dates, too, which are no identities by themselves.

    The same texts give the same spans, whatever their order or neighbors.

    """
    from presidio_analyzer import RecognizerResult

    return [
        [
            RecognizerResult(
                mention.found.entity,
                mention.found.start,
                mention.found.end,
                mention.found.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: LINKED
                    if mention.data_class
                    else mention.found.entity,
                    "data_class": mention.data_class,
                },
            )
            for mention in mentions
        ]
        for mentions in find_mentions(texts, linked, all_entities=all_entities)
    ]


def find_mentions(
    texts: Sequence[str], linked: Sequence[Identities | None] | None = None, *, all_entities: bool = False
) -> list[list[Mention]]:
    """As `find_spans`, each span with the identity of the row that it mentions."""
    distinct = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    originals = [encodable(text) for text in distinct]
    folds = [fold(text) for text in originals]
    patterns = find_patterns([folded.text for folded in folds], all_entities=all_entities)
    if linked is None:
        once = [
            [Mention(_original(folded, f)) for f in found]
            for folded, found in zip(folds, patterns, strict=True)
        ]
        return [once[distinct[text]] for text in texts]
    searched: dict[int, Searched] = {}
    mentions = []
    for text, identities in zip(texts, linked, strict=True):
        index = distinct[text]
        if index not in searched:
            searched[index] = Searched(originals[index], folds[index])
        known = find_linked(searched[index], identities) if identities else []
        mentions.append(_joined(originals[index], folds[index], patterns[index], known))
    return mentions


def _original(folded: Folded, found: Found) -> Found:
    start, end = folded.original(found.start, found.end)
    return found._replace(start=start, end=end)


def _joined(text: str, folded: Folded, patterns: list[Found], known: list[Linked]) -> list[Mention]:
    """Map to the original first: two folded spans can meet in one original character."""
    mentioned = [(_original(folded, link.found), link) for link in known]
    found = [span for span, _ in mentioned] + [_original(folded, span) for span in patterns]
    spans = resolve(found, text)
    return [Mention(span, *_identity(span, mentioned)) for span in spans]


def _identity(span: Found, mentioned: list[tuple[Found, Linked]]) -> tuple[str | None, str | None]:
    """The identity that the span mentions: the longest of its own entity inside it."""
    inside = [
        (found.start - found.end, link.data_class, link.value)
        for found, link in mentioned
        if found.entity == span.entity and found.start < span.end and span.start < found.end
    ]
    if not inside:
        return None, None
    _, data_class, value = min(inside)
    return data_class, value
