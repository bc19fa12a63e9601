"""Texts, and what is known about their rows, to spans: the one door to text detection."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipeline.detect.catalog import compiled
from pipeline.detect.folding import Folded, encodable, fold
from pipeline.detect.linked import Identities, Linked, Searched, find_linked
from pipeline.detect.model import Found
from pipeline.detect.name_edges import tells_a_door, with_honorific
from pipeline.detect.name_gate import tells_a_home
from pipeline.detect.names import shared_names
from pipeline.detect.nested import named_values
from pipeline.detect.others import NOTHING_MORE, Others, Wanted, prepared
from pipeline.detect.overlaps import around, resolve
from pipeline.detect.patterns import find_patterns
from pipeline.detect.whole_run import RunIdentities

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult

_CERTAIN = 0.95  # score of a mention of a whole identity
_MISREAD = 3  # letters and digits beside a known number that a pattern takes for part of it
LINKED = "row"  # recognizer name of mentions of the row's own identities


class Mention(NamedTuple):
    """A span in the original text, and the identity of its row that it mentions, if any."""

    found: Found
    data_class: str | None = None
    value: str | None = None

    def __repr__(self) -> str:
        return f"Mention({self.found.entity}, {self.found.start}:{self.found.end})"


def find_spans(
    texts: Sequence[str],
    linked: Sequence[Identities | None] | None = None,
    *,
    all_entities: bool = False,
    names: bool = True,
    wanted: Wanted = NOTHING_MORE,
    whole_run: RunIdentities | None = None,
) -> list[list["RecognizerResult"]]:
    """Return, for each text, the spans of identities: sorted, without overlaps, offsets in its code points.

    Args:
        texts: any strings; equal ones are searched once.
        linked: for each text the identities of its row (data class -> value or values), or None.
        all_entities: dates and organizations, too, which are no identities by themselves.
        names: ask the models for names and addresses of whom no column tells.
        wanted: national recognizers and users' own, beside ours.
        whole_run: identities of other rows that are looked for in every text.

    The same texts give the same spans, whatever their order or neighbors.

    Raises:
        JobWrong: `names`, and a model is not installed (`names.problems` tells before).

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
        for mentions in find_mentions(
            texts, linked, all_entities=all_entities, names=names, wanted=wanted, whole_run=whole_run
        )
    ]


def find_mentions(
    texts: Sequence[str],
    linked: Sequence[Identities | None] | None = None,
    *,
    all_entities: bool = False,
    names: bool = True,
    wanted: Wanted = NOTHING_MORE,
    whole_run: RunIdentities | None = None,
) -> list[list[Mention]]:
    """As `find_spans`, each span with the identity of the row that it mentions."""
    distinct = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    originals = [encodable(text) for text in distinct]
    folds = [fold(text) for text in originals]
    others = prepared(wanted)
    patterns = [
        _with_named(folded.text, found)
        for folded, found in zip(
            folds,
            find_patterns(
                [f.text for f in folds],
                all_entities=all_entities,
                recognizers=(*compiled(), *others.compiled) if others.compiled else None,
            ),
            strict=True,
        )
    ]
    search = _Search(
        originals, folds, patterns, others, names=names, all_entities=all_entities, whole_run=whole_run
    )
    if linked is None:
        once = [search.mentions(index, None) for index in range(len(originals))]
        return [once[distinct[text]] for text in texts]
    return [
        search.mentions(distinct[text], identities) for text, identities in zip(texts, linked, strict=True)
    ]


class _Search:
    """Distinct texts and what is found in them whatever their row; made once, asked for many rows."""

    def __init__(
        self,
        originals: Sequence[str],
        folds: Sequence[Folded],
        patterns: Sequence[list[Found]],
        others: Others,
        *,
        names: bool,
        all_entities: bool,
        whole_run: RunIdentities | None,
    ) -> None:
        self._originals, self._folds, self._patterns = originals, folds, patterns
        self._others, self._whole_run = others, whole_run
        self._names = shared_names() if names else None
        self._all_entities = all_entities
        self._searched: dict[int, Searched] = {}
        self._plain: dict[int, list[Mention]] = {}  # of rows whose text mentions none of their identities

    def mentions(self, index: int, identities: Identities | None) -> list[Mention]:
        """All mentions in one text of a row with these identities."""
        known = find_linked(self._prepared(index), identities) if identities else []
        if self._whole_run is not None:
            known += self._whole_run.find(self._prepared(index))
        if not known:
            if index not in self._plain:
                self._plain[index] = self._joined(index, [])
            return self._plain[index]
        return self._joined(index, known)

    def _prepared(self, index: int) -> Searched:
        if index not in self._searched:
            self._searched[index] = Searched(self._originals[index], self._folds[index])
        return self._searched[index]

    def _joined(self, index: int, known: list[Linked]) -> list[Mention]:
        """Map to the original first: two folded spans can meet in one original character."""
        folded, text = self._folds[index], self._originals[index]
        whole = [link.found for link in known if link.found.score >= _CERTAIN]
        patterns = [p for p in self._patterns[index] if not _misreads(p, whole, folded.text)]
        certain = [*patterns, *(_whole_mention(folded.text, link.found) for link in known)]
        found = [_original(folded, span) for span in (*certain, *self._named(index, certain))]
        found += self._others.find(text)
        mentioned = [(_original(folded, link.found), link) for link in known]
        return [Mention(span, *_identity(span, mentioned)) for span in resolve(found, text)]

    def _named(self, index: int, certain: list[Found]) -> list[Found]:
        """What the models find; where something certain stands, they give way."""
        if self._names is None:
            return []
        folded = self._folds[index]
        found = self._names.find(self._originals[index], folded, certain, lone_towns=self._all_entities)
        if not self._all_entities:
            found = [span for span in found if span.entity != "ORGANIZATION"]
            if not certain and not tells_a_home(folded.text, found):
                found = [span for span in found if span.entity != "LOCATION"]
        kept = around(found, certain, folded.text)
        whole = set(found)  # `ring 0491 570 006`: without the phone, no address is left
        return [
            f
            for f in kept
            if f in whole or f.entity != "ADDRESS" or tells_a_door(folded.text[f.start : f.end])
        ]


def _whole_mention(folded: str, found: Found) -> Found:
    return with_honorific(folded, found) if found.entity == "PERSON" else found


def _misreads(pattern: Found, whole: list[Found], folded: str) -> bool:
    """Whether a pattern took a little more than a known number: `0491 570 006 10 min before`."""
    for known in whole:
        if known.entity == pattern.entity and known.start < pattern.end and pattern.start < known.end:
            beside = folded[pattern.start : known.start] + folded[known.end : pattern.end]
            return sum(map(str.isalnum, beside)) <= _MISREAD
    return False


def _with_named(folded: str, found: list[Found]) -> list[Found]:
    """Add the values that the text names itself; where a form is certain, they give way."""
    named = named_values(folded)
    return resolve([*found, *around(named, found, folded)], folded) if named else found


def _original(folded: Folded, found: Found) -> Found:
    start, end = folded.original(found.start, found.end)
    return found._replace(start=start, end=end)


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
