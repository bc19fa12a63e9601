"""Words that a model half believes to be names: what else must speak for them."""

import pytest

from pipeline.detect.folding import fold
from pipeline.detect.model import Found
from pipeline.detect.names import Names
from pipeline.detect.spans import find_mentions


class _Doubting:
    """A model that gives each of some words the same belief."""

    def __init__(self, belief: float, *words: str) -> None:
        self.digest = f"{belief}{words}".ljust(64, "0")
        self._belief, self._words = belief, words

    def find(self, text: str) -> list[Found]:
        places = [(text.find(word), word) for word in self._words if word in text]
        return sorted(Found(at, at + len(word), "PERSON", self._belief) for at, word in places)


def _read(text: str, belief: float, *words: str) -> list[str]:
    model = _Doubting(belief, *words)
    found = Names(model, model).find(text, fold(text), ())
    return [text[span.start : span.end] for span in found]


def test_a_doubt_counts_where_it_is_written_as_a_name_inside_a_sentence() -> None:
    assert _read("yesterday Zorvek called me", 0.3, "zorvek") == ["Zorvek"]
    assert _read("yesterday zorvek called me", 0.3, "zorvek") == []
    assert _read("yesterday Zorvek called me", 0.15, "zorvek") == []


def test_a_listed_given_name_needs_little_belief_and_a_surname_some() -> None:
    assert _read("yesterday Lucas called me", 0.02, "lucas") == ["Lucas"]
    assert _read("yesterday Coulter called me", 0.12, "coulter") == ["Coulter"]
    assert _read("yesterday Coulter called me", 0.05, "coulter") == []


def test_the_capital_of_a_first_word_says_little() -> None:
    assert _read("Zorvek called me. Nothing else", 0.3, "zorvek") == []
    assert _read("Zorvek called me. Nothing else", 0.4, "zorvek") == ["Zorvek"]
    assert _read("Bruno called me. Nothing else", 0.06, "bruno") == ["Bruno"]


def test_capitals_say_nothing_where_all_letters_are_capitals() -> None:
    assert _read("YESTERDAY ZORVEK CALLED ME", 0.45, "zorvek") == []


def test_towns_and_everyday_words_are_no_names_by_their_capital() -> None:
    assert _read("we flew over Stavanger with Zorvek", 0.3, "stavanger", "zorvek") == ["Zorvek"]
    assert _read("we met the Manager and Zorvek", 0.3, "manager", "zorvek") == ["Zorvek"]


def test_names_that_touch_are_one_and_a_given_name_takes_its_surname_in() -> None:
    assert _read("yesterday Lucas Zorvek called", 0.3, "lucas", "zorvek") == ["Lucas Zorvek"]
    assert _read("yesterday Lucas Zorvek called", 0.9, "lucas") == ["Lucas Zorvek"]
    assert _read("yesterday Lucas Monday called", 0.9, "lucas") == ["Lucas"]
    assert _read("yesterday Lucas zorvek called", 0.9, "lucas") == ["Lucas"]


@pytest.mark.parametrize("text", ["thanks to @zorvek_99 for this", "RT @zorvek_99: what a day"])
def test_a_handle_is_an_account_of_somebody(text: str) -> None:
    found = [m.found for m in find_mentions([text])[0]]
    assert [(text[f.start : f.end], f.entity) for f in found] == [("zorvek_99", "USERNAME")]


@pytest.mark.parametrize(
    "text",
    [
        "mail ann@example.com about it",
        "we are @ 5 of them",
        "12-01 10:11:12.000  123  456 I wm@1.2 : com.app@4f3a9c2 done",
        "use lodash@4.17 here please",
        "git@github.com:x/y.git",
    ],
)
def test_other_signs_at_are_no_handles(text: str) -> None:
    assert "USERNAME" not in [m.found.entity for m in find_mentions([text])[0]]


def test_a_place_that_many_live_in_is_no_address_without_a_number_or_a_street() -> None:
    assert find_mentions(["please schedule a visit to Hopkins Park Apartments"]) == [[]]
    text = "please deliver to 7 Hopkins Park"
    assert [m.found.entity for m in find_mentions([text])[0]] == ["ADDRESS"]


class _Reading(_Doubting):
    def __init__(self) -> None:
        super().__init__(0.9)
        self.read: list[str] = []

    def find(self, text: str) -> list[Found]:
        self.read.append(text)
        return []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("find me a good restaurant in San Francisco", False),
        ("is there a cheap flight to Toronto", False),
        ("give it to Austin", True),  # a given name as well
        ("my house is in San Francisco", True),  # a home: the town counts
        ("find me a good restaurant in Zorvek", True),
    ],
)
def test_towns_behind_a_word_of_place_ask_for_no_model_where_nobody_lives_there(
    text: str, asked: bool
) -> None:
    model = _Reading()
    Names(model, model).find(text, fold(text), ())
    assert bool(model.read) == asked


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "thank you very much. please give it to Zorvek there! that is all i need.",
            "please give it to zorvek there!",
        ),
        (
            "is it for Zorvek? yes please. and Korvez too. thanks.",
            "is it for zorvek? yes please. and korvez too.",
        ),
        ("please send it to no. 5 apt. 12 zorvek road", "please send it to no. 5 apt. 12 zorvek road"),
        ("Zorvek\n5 main road\nthere", "zorvek\n5 main road\nthere"),  # an address goes on over lines
    ],
)
def test_only_the_sentences_that_ask_are_read(text: str, read: str) -> None:
    model = _Reading()
    Names(model, model).find(text, fold(text), ())
    assert [one.strip() for one in model.read] == [read]


def test_spans_of_a_part_stand_where_they_are_in_the_whole() -> None:
    assert _read("thank you very much. it is for zorvek here", 0.9, "zorvek") == ["zorvek"]


@pytest.mark.parametrize("text", ["NaN", "nil", "Null"])
def test_what_machines_write_for_nothing_is_no_name(text: str) -> None:
    assert find_mentions([text]) == [[]]


def test_a_town_by_itself_is_told_where_all_is_asked_for() -> None:
    text = "see you in Toronto on 12 March 2026"
    (found,) = find_mentions([text], all_entities=True)
    assert [(text[m.found.start : m.found.end], m.found.entity) for m in found] == [
        ("Toronto", "LOCATION"),
        ("12 March 2026", "DATE_TIME"),
    ]
    assert find_mentions([text]) == [[]]


def test_a_word_before_a_phone_is_no_place() -> None:
    text = "left it with Bob Quill, ring 0491570156"
    (found,) = find_mentions([text])
    assert [m.found.entity for m in found] == ["PERSON", "PHONE_NUMBER"]
