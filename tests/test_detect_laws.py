"""Laws of folding, overlaps and offsets, for any text."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.folding import fold, fold_value
from pipeline.detect.model import Found
from pipeline.detect.overlaps import resolve
from pipeline.detect.spans import find_mentions

TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("0123456789１２\u200b\u0301ﬁß①㍿ -张先生@.")
    ),
    max_size=60,
)
SPANS = st.builds(
    lambda start, length, entity, score: Found(start, start + length, entity, score),
    st.integers(0, 30),
    st.integers(1, 12),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from([0.5, 0.7, 0.9]),
)


@given(TEXTS)
def test_every_folded_character_knows_where_it_comes_from(text: str) -> None:
    folded = fold(text)
    if folded.origins is None:
        assert len(folded.text) == len(text)
        return
    assert len(folded.origins) == len(folded.text)
    assert list(folded.origins) == sorted(folded.origins)
    for index, origin in enumerate(folded.origins):
        assert folded.text[index] in fold_value(text[origin])


@given(TEXTS)
def test_values_fold_as_texts_do(text: str) -> None:
    assert fold_value(text) == fold(text).text


@given(st.text(max_size=40))
def test_compatible_writings_fold_alike(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert fold_value(composed) == fold_value(unicodedata.normalize("NFC", composed))


def test_characters_without_width_vanish_and_the_way_back_is_kept() -> None:
    folded = fold("１\u200b３\u00ad8ﬁ①")
    assert folded.text == "138fi1"
    assert folded.original(0, 3) == (0, 5)
    assert folded.original(3, 4) == (5, 6)  # a part of the ligature is the ligature


@given(st.lists(SPANS, max_size=8))
def test_resolved_spans_do_not_overlap_and_cover_the_same_characters(spans: list[Found]) -> None:
    """Nothing that any recognizer covered is uncovered by resolving a conflict."""
    resolved = resolve(spans, "x" * 60)
    covered = [at for span in resolved for at in range(span.start, span.end)]
    assert len(covered) == len(set(covered))
    assert set(covered) == {at for span in spans for at in range(span.start, span.end)}


@given(st.lists(SPANS, max_size=8), st.randoms())
def test_the_result_does_not_depend_on_the_order(spans: list[Found], random: object) -> None:
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(shuffled, "x" * 60) == resolve(spans, "x" * 60)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_a_text_is_searched_alike_alone_and_among_others(texts: list[str]) -> None:
    together = find_mentions(texts, all_entities=True)
    for text, found in zip(texts, together, strict=True):
        assert find_mentions([text], all_entities=True)[0] == found


@settings(max_examples=80, deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_offsets_point_at_the_identity_in_the_original_text(before: str, after: str) -> None:
    """Whatever stands around it, and however it folds, the whole identity is inside a span."""
    secret = "zhang.wei77@example.com"
    text = f"{before} {secret} {after}"
    start = len(before) + 1
    covered = {
        at for m in find_mentions([text], [{"email": secret}])[0] for at in range(m.found.start, m.found.end)
    }
    assert set(range(start, start + len(secret))) <= covered
