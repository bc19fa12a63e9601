"""Names and addresses by models: which texts are worth it, which model reads them, and what is remembered.

A model is anything with `digest` and `find(folded text) -> spans`. Guarantee: a text's spans depend on the
text alone; every text is read by itself (a batch would change 8-bit results), by one thread.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from pipeline.detect import lac, rampart
from pipeline.detect.folding import Folded
from pipeline.detect.model import Found
from pipeline.detect.model_files import missing
from pipeline.detect.name_edges import stated_addresses, widened
from pipeline.detect.name_evidence import believed, handles
from pipeline.detect.name_gate import asked_part, asks_for_lac, is_calm_word, towns
from pipeline.detect.overlaps import around, united
from pipeline.detect.text_kinds import has_header, has_latin_words, is_log_like
from pipeline.errors import Problem

MOST_REMEMBERED = 65_536  # texts whose spans are kept in a process


class NameModel(Protocol):
    """What a model of names must offer."""

    digest: str

    def find(self, text: str) -> list[Found]:
        """Spans of a folded text, in its offsets; what scores below `name_evidence.LEAST` is a doubt."""


class Names:
    """Both models behind one door, loaded when the first text needs them."""

    def __init__(self, latin: NameModel | None = None, chinese: NameModel | None = None) -> None:
        self._latin, self._chinese = latin, chinese
        self._known: OrderedDict[bytes, tuple[Found, ...]] = OrderedDict()

    def find(
        self, original: str, form: Folded, covered: Sequence[Found], *, lone_towns: bool = False
    ) -> list[Found]:
        """Return the names in one text, in folded offsets; nothing where the gate sees no need.

        `covered`: folded spans that are found already; what they cover does not ask for a model.
        `lone_towns`: towns in which nobody is said to live are wanted, too.
        """
        folded = form.text
        if has_header(folded):
            return []
        chinese = asks_for_lac(folded, covered)
        latin = asked_part(original, form, covered, lone_towns=lone_towns)
        numbered = any(map(str.isdigit, folded)) and has_latin_words(folded)
        if not (chinese or latin or numbered or lone_towns or "@" in folded) or is_log_like(original, folded):
            return []

        def is_capital(at: int) -> bool:
            return original[form.original(at, at + 1)[0]].isupper()

        found: list[Found] = []
        if latin:
            read = self._part(self._latin or _rampart(), folded, *latin)
            found += believed(original, folded, read, is_capital, is_calm_word)
        if lone_towns:
            listed = [town for town in towns(folded) if is_capital(town.start)]  # `of` is a town in Turkey
            found += [t for t in listed if not any(f.start < t.end and t.start < f.end for f in found)]
        if numbered:
            stated = stated_addresses(folded, is_capital, is_calm_word)
            found = united(found, stated, folded)
        if accounts := handles(folded):
            found = [*around(found, accounts, folded), *accounts]
        found = widened(folded, found, is_capital)
        if chinese:
            found += self._remembered(self._chinese or _lac(), folded)
        return found

    def _part(self, model: NameModel, folded: str, start: int, end: int) -> list[Found]:
        found = self._remembered(model, folded[start:end])
        return [span._replace(start=span.start + start, end=span.end + start) for span in found]

    def _remembered(self, model: NameModel, folded: str) -> tuple[Found, ...]:
        """The key is a digest: texts are not kept."""
        key = blake2b(folded.encode(), digest_size=16, key=model.digest[:32].encode()).digest()
        found = self._known.get(key)
        if found is None:
            found = tuple(model.find(folded))
            self._known[key] = found
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return found


@lru_cache(maxsize=1)
def _rampart() -> NameModel:
    return rampart.Rampart()


@lru_cache(maxsize=1)
def _lac() -> NameModel:
    return lac.Lac()


@lru_cache(maxsize=1)
def shared_names() -> Names:
    """The models of this process."""
    return Names()


@lru_cache(maxsize=1)
def problems() -> tuple[Problem, ...]:
    """What keeps names from being found: a model that is not installed, or another one. Nothing is loaded."""
    return tuple(missing((*rampart.FILES, *lac.FILES)))
