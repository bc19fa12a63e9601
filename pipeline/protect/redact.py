"""Rewrite free text: detected fragments go, column by column, through the transform of their entity.

Presidio's AnonymizerEngine puts the replacements into the text. Two traps of it are closed here: it merges
neighboring entities of one type by default and then replaces them once, and its own operators salt at random.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.detect.catalog import CLASS_ENTITIES, ENTITY_CLASSES
from pipeline.detect.others import NOTHING_MORE, Wanted
from pipeline.detect.spans import Mention, find_mentions
from pipeline.errors import JobWrong, nearest
from pipeline.protect.steps import with_normal_form
from transforms import Context, Keyring, RedactText
from transforms.base import BoundTransform, plain

IdentityColumns = Mapping[str, tuple[pa.Array, ...]]  # data class -> columns of the same rows


def bind_redaction(
    step: RedactText,
    keyring: Keyring | None,
    context_for: Callable[[str], Context],
    *,
    region: str | None = None,
) -> "Redactor":
    """Bind the transforms of a `redact_text` step.

    Args:
        step: its `entities` maps an entity (`PHONE_NUMBER`) or a data class (`mobile_phone`) to a transform;
            every other entity becomes its tag, `[ENTITY]`.
        keyring: needed when a transform is keyed.
        context_for: token domain -> context, so that a phone in a text gets the token of its column.
        region: of phone numbers without country code, as the table's `phone_region`.

    Raises:
        JobWrong: an entity that no recognizer and no class knows.
        TransformError: as the transforms' own `bind`.

    """
    bound: dict[str, BoundTransform] = {}
    for name, transform in step.entities.items():
        entity = CLASS_ENTITIES.get(name, name)
        if entity not in ENTITY_CLASSES:
            known = sorted({*ENTITY_CLASSES, *CLASS_ENTITIES})
            raise JobWrong(f"redact_text knows no entity {name!r}", hint=nearest(name, known))
        data_class = CLASSES[ENTITY_CLASSES[entity]]
        formed = with_normal_form(transform, data_class, region)
        bound[entity] = formed.bind(keyring, context_for(data_class.token_domain))
    return Redactor(bound, names=step.names, wanted=Wanted(step.countries, step.recognizers))


class Redactor:
    """Texts and the identities of their rows in, rewritten texts out. Holds keys."""

    def __init__(
        self, transforms: Mapping[str, BoundTransform], *, names: bool = True, wanted: Wanted = NOTHING_MORE
    ) -> None:
        self._wanted = wanted
        self._transforms = transforms
        self._names = names

    def __repr__(self) -> str:
        return f"Redactor({', '.join(sorted(self._transforms))})"

    def __reduce__(self) -> str:
        raise TypeError("a Redactor holds keys and is not pickled")

    def __call__(self, texts: pa.Array, identities: IdentityColumns) -> pa.Array:
        """Return the texts with every detected fragment replaced; nulls stay null.

        Args:
            texts: text, one per row.
            identities: columns of the same length, per data class: their values are looked for in the row's
                own text. Work is done once per distinct (text, identities).

        """
        rows, places = _distinct_rows(texts, identities)
        written = [row[0] or "" for row in rows]
        linked = [_linked(row[1:], identities) for row in rows]
        mentions = find_mentions(
            written, linked if identities else None, names=self._names, wanted=self._wanted
        )
        replacements = self._replacements(written, mentions)
        rewritten = [
            _splice(text, found, replaced) if found else text
            for text, found, replaced in zip(written, mentions, replacements, strict=True)
        ]
        return pa.array(rewritten, pa.string()).take(places)

    def _replacements(self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]]) -> list[list[str]]:
        """What stands in for each mention: the fragments of one entity form one column.

        A mention of the row's own identity is replaced by what the identity itself becomes, so that the
        phone's last four digits, or its full-width writing, get the token of the phone's column.
        """
        fragments: dict[str, dict[str, str | None]] = {}
        for text, found in zip(texts, mentions, strict=True):
            for mention in found:
                if mention.found.entity in self._transforms:
                    fragments.setdefault(mention.found.entity, {})[_fragment(text, mention)] = None
        for entity, column in fragments.items():
            values = pa.array(list(column), pa.string())
            column.update(zip(column, self._transforms[entity](values).to_pylist(), strict=True))
        return [
            [
                _or_tag(fragments.get(m.found.entity, {}).get(_fragment(text, m)), m.found.entity)
                for m in found
            ]
            for text, found in zip(texts, mentions, strict=True)
        ]


def _fragment(text: str, mention: Mention) -> str:
    return text[mention.found.start : mention.found.end] if mention.value is None else mention.value


def _or_tag(replacement: str | None, entity: str) -> str:
    return f"[{entity}]" if replacement is None else replacement


def _distinct_rows(
    texts: pa.Array, identities: IdentityColumns
) -> tuple[list[tuple[str | None, ...]], pa.Array]:
    """Distinct (text, identities) rows without null texts, and for each input row its place there."""
    columns = [plain(column) for column in (texts, *(c for found in identities.values() for c in found))]
    codes = np.zeros(len(texts), np.int64)
    for column in columns:
        encoded = column.dictionary_encode()
        own = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        # re-encoded each time, so that the product stays below rows squared and cannot overflow
        pairs = codes * (len(encoded.dictionary) + 1) + own
        codes = pa.array(pairs).dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    codes = np.where(columns[0].is_valid().to_numpy(zero_copy_only=False), codes, -1)
    distinct, first, places = np.unique(codes, return_index=True, return_inverse=True)
    null_first = int(len(distinct) > 0 and distinct[0] == -1)
    rows = pa.array(first[null_first:])
    taken = [column.take(rows).to_pylist() for column in columns]
    return list(zip(*taken, strict=True)), pa.array(places - null_first, mask=codes == -1)


def _linked(values: Sequence[str | None], identities: IdentityColumns) -> dict[str, tuple[str, ...]]:
    linked: dict[str, tuple[str, ...]] = {}
    at = 0
    for data_class, columns in identities.items():
        known = tuple(value for value in values[at : at + len(columns)] if value)
        at += len(columns)
        if known:
            linked[data_class] = known
    return linked


@lru_cache(maxsize=1)
def _engine() -> Any:
    from presidio_anonymizer import AnonymizerEngine

    return AnonymizerEngine()  # type: ignore[no-untyped-call] # Presidio declares no types


def _splice(text: str, mentions: Sequence[Mention], replacements: Sequence[str]) -> str:
    """Put the replacements in. Spans do not overlap: conflicts are resolved by `detect`, none are left here.

    Presidio looks operators up by entity type, so each mention is given a type of its own; this also keeps
    two neighbors of one type apart.
    """
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    results, operators = [], {}
    for number, (mention, replacement) in enumerate(zip(mentions, replacements, strict=True)):
        found = mention.found
        key = f"{found.entity}#{number}"
        results.append(RecognizerResult(key, found.start, found.end, found.score))
        operators[key] = OperatorConfig("custom", {"lambda": lambda _, replacement=replacement: replacement})
    return str(
        _engine()
        .anonymize(text=text, analyzer_results=results, operators=operators, merge_entities_with_spaces=False)
        .text
    )
