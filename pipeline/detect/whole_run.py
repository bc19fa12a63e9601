"""Identities of all rows looked for in every text: one automaton (Aho-Corasick) over their compact forms.

For notes that mention another customer. Only values that mean one person by themselves are taken: whole
phones, e-mail addresses, numbers of documents and orders, names of two words or three characters. Parts and
titles belong to the row's own search (`linked`): over a whole run they would meet everybody's words.
"""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.detect.boundaries import is_unspaced
from pipeline.detect.catalog import CLASS_ENTITIES
from pipeline.detect.folding import fold_value
from pipeline.detect.linked import Linked, Searched, whole_phones
from pipeline.detect.linked_forms import compact, phone_digits
from pipeline.detect.model import Found

SCORE = 0.9
_PHONES = frozenset({"mobile_phone", "contact_phone"})
_NATIONAL = 9  # digits of a phone that are looked for: without country and trunk prefixes
_SHORTEST = 6
_SHORTEST_UNSPACED = 3


class RunIdentities:
    """Values of identity columns of many rows; searched in the time of the text, however many they are."""

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        """`values`: data class -> values. Memory: about 100 bytes and one automaton state per character."""
        import ahocorasick_rs

        known: dict[str, tuple[str, str]] = {}
        for data_class, column in sorted(values.items()):
            for value in column:
                needle = needle_of(data_class, value) if value else None
                if needle:
                    known.setdefault(needle, (data_class, value))
        self._known = list(known.values())
        self._automaton = ahocorasick_rs.AhoCorasick(list(known)) if known else None

    def __repr__(self) -> str:
        return f"RunIdentities({len(self._known)})"

    def find(self, text: Searched) -> Iterator[Linked]:
        """Mentions in folded offsets; they may overlap."""
        if self._automaton is None:
            return
        seen: set[tuple[int, int]] = set()
        for haystack in dict.fromkeys((*text.haystacks, text.digits)):
            for number, first, end in self._automaton.find_matches_as_indexes(haystack, overlapping=True):
                if (number, first) in seen:
                    continue
                seen.add((number, first))
                data_class, value = self._known[number]
                entity = CLASS_ENTITIES.get(data_class, data_class.upper())
                for start, stop in self._places(text, data_class, value, first, end - 1):
                    yield Linked(Found(start, stop, entity, SCORE), data_class, value)

    def _places(
        self, text: Searched, data_class: str, value: str, first: int, last: int
    ) -> Iterator[tuple[int, int]]:
        if data_class in _PHONES:  # with the prefixes that stand before its last digits
            yield from ((start, end) for start, end, _ in whole_phones(text, phone_digits(value)))
        elif text.stands_free(first, last):
            yield text.places[first], text.places[last] + 1


def needle_of(data_class: str, value: str) -> str | None:
    """Compact form that means one person by itself, or None."""
    if data_class in _PHONES:
        digits = phone_digits(value)
        return digits[-_NATIONAL:] if len(digits) >= _NATIONAL else None
    folded = fold_value(value).strip()
    whole = compact(folded)
    if data_class == "person_name":
        if whole and is_unspaced(whole[0]):
            return whole if len(whole) >= _SHORTEST_UNSPACED else None
        return whole if " " in folded and len(whole) >= _SHORTEST else None
    return whole if len(whole) >= _SHORTEST else None
