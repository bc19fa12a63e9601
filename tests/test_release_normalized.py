"""The gate's form of a column is that of its texts one by one, whichever way a text takes through numpy."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.identities import cell_digests
from pipeline.release.normalized import form_of, forms_of

KEY = bytes(range(16))
# Around the Han ideographs that need no normalization: both ends, hexagram signs, full-width and compatibility forms.
NEAR_HAN = "\u4db5\u4dbf\u4dc0\u4dff\u4e00\u4e01\u9fbf\u9fc0\u9fff\ua000\uf900\uff0c\uff21\u3000 ,Aa1*"


def test_every_ideograph_that_is_left_as_it_is_may_be() -> None:
    ideographs = [chr(code) for code in range(0x4E00, 0x9FC0)]
    assert [form_of(one) for one in ideographs] == ideographs
    assert forms_of(pa.array(ideographs)).texts() == ideographs


@pytest.mark.parametrize("edge", list(NEAR_HAN))
def test_signs_near_the_ideographs_have_the_form_of_single_texts(edge: str) -> None:
    texts = [edge, f"\u5317{edge}\u4eac", f"{edge}a", f"12 {edge}{edge}", "\u5317\u4eac\u5e02 7"]
    assert forms_of(pa.array(texts)).texts() == [form_of(text) for text in texts]


@given(st.lists(st.text(NEAR_HAN + "\u00e9\u0660\U00020000", max_size=8), max_size=12))
def test_a_column_has_the_forms_of_its_texts(texts: list[str]) -> None:
    assert forms_of(pa.array(texts, pa.string())).texts() == [form_of(text) for text in texts]


def test_masked_cells_are_not_compared_with_identities() -> None:
    """No identity holds a mask character, so their digests could meet none."""
    texts = pa.array(["4111********1111", "4111111111111111", "ab*cdefgh"])
    digests = cell_digests(texts, forms_of(texts), KEY)
    plain = pa.array(["4111111111111111"])
    assert list(digests) == ["whole"]
    assert np.array_equal(digests["whole"], cell_digests(plain, forms_of(plain), KEY)["whole"])
