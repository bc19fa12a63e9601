"""Membership over bytes says what the regular expression says, for every byte in every place."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.domains import CipherToken, HexToken

TOKENS = ["p1.k3f9a1c.AbCdEfGhIjKlMnOpQrStUv_-0123456789zZ", "p1.k3f9a1c.00000000000000000000000000000000000"]
HEX = ["0123456789abcdef" * 2, "f" * 32]


@pytest.mark.parametrize("character", [chr(code) for code in range(1, 256)])
def test_every_character_in_a_token(character: str):
    for place in (0, 1, 2, 5, 10, 11, 20, -1):
        cell = TOKENS[0][:place] + character + (TOKENS[0][place + 1 :] if place != -1 else "")
        expected = re.fullmatch(r"p1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{22,}", cell) is not None
        assert CipherToken().holds(pa.array([cell])).to_pylist() == [expected], place
        assert CipherToken().holds(pa.array([TOKENS[0][: len(cell)], cell])).to_pylist()[1] == expected


@pytest.mark.parametrize("character", [chr(code) for code in range(1, 256)])
def test_every_character_in_a_hash(character: str):
    cell = HEX[0][:7] + character + HEX[0][8:]
    expected = re.fullmatch("[0-9a-f]{32}", cell) is not None
    assert HexToken().holds(pa.array([HEX[1], cell])).to_pylist() == [True, expected]


@given(
    st.lists(st.sampled_from([*TOKENS, "p1.other.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", None, "p1.k.short"]))
)
def test_columns_of_mixed_cells(cells: list[str | None]):
    expected = [cell is None or len(cell) > 30 for cell in cells]
    array = pa.array(["x", *cells], pa.string())[1:]
    assert CipherToken().holds(array).to_pylist() == expected
