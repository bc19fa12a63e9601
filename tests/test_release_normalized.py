"""The gate's form of a column is that of its texts one by one, whichever way a text takes through numpy."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.identities import cell_digests
from pipeline.release.normalized import forms_of, spelling_of

KEY = bytes(range(16))
# Around the Han ideographs that need no normalization: both ends, hexagram signs, full-width and compatibility forms.
NEAR_HAN = "\u4db5\u4dbf\u4dc0\u4dff\u4e00\u4e01\u9fbf\u9fc0\u9fff\ua000\uf900\uff0c\uff21\u3000 ,Aa1*"


def test_every_ideograph_that_is_left_as_it_is_may_be() -> None:
    ideographs = [chr(code) for code in range(0x4E00, 0x9FC0)]
    assert [spelling_of(one).form for one in ideographs] == ideographs
    assert forms_of(pa.array(ideographs)).texts() == ideographs


@pytest.mark.parametrize("edge", list(NEAR_HAN))
def test_signs_near_the_ideographs_have_the_form_of_single_texts(edge: str) -> None:
    texts = [edge, f"\u5317{edge}\u4eac", f"{edge}a", f"12 {edge}{edge}", "\u5317\u4eac\u5e02 7"]
    assert forms_of(pa.array(texts)).texts() == [spelling_of(text).form for text in texts]


@given(st.lists(st.text(NEAR_HAN + "\u00e9\u0660\U00020000", max_size=8), max_size=12))
def test_a_column_has_the_forms_of_its_texts(texts: list[str]) -> None:
    assert forms_of(pa.array(texts, pa.string())).texts() == [spelling_of(text).form for text in texts]


def test_every_character_has_the_form_that_it_has_in_a_column() -> None:
    """Also at the end of a capitalized word, where Greek has a sigma of its own."""
    known = [
        chr(code)
        for code in (*range(1, 0xD800), *range(0xE000, 0x20000), 0x2EBF0, 0x2EE5D, 0x31350, 0x323AF)
        if unicodedata.ucd_3_2_0.category(chr(code)) != "Cn" or code >= 0x20000  # whatever Python is newer
    ]
    words = [f"\u00c9a{one}" for one in known]
    assert forms_of(pa.array(words)).texts() == [spelling_of(word).form for word in words]


@pytest.mark.parametrize(
    "name", ["\u0130brahim", "\u0393\u0399\u03a9\u03a1\u0393\u039f\u03a3", "\u738b\U00031350"]
)
def test_a_name_is_found_in_a_text_by_the_form_of_its_column(name: str) -> None:
    """The gate takes identities from columns and looks at suspected texts one by one."""
    (form,) = forms_of(pa.array([name])).texts()
    assert spelling_of(f"to {name}, please").holds(form)


def test_masked_cells_are_not_compared_with_identities() -> None:
    """No identity holds a mask character, so their digests could meet none."""
    texts = pa.array(["4111********1111", "4111111111111111", "ab*cdefgh"])
    digests = cell_digests(texts, forms_of(texts), KEY)
    plain = pa.array(["4111111111111111"])
    assert list(digests) == ["whole"]
    assert np.array_equal(digests["whole"], cell_digests(plain, forms_of(plain), KEY)["whole"])
