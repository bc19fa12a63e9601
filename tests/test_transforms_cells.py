"""Text columns as bytes: what digests, ciphers and the gate's forms read, the same for every layout of a column."""

import numpy as np
import pyarrow as pa
import pytest

from transforms.cells import LOW_BYTES, by_length, text_bytes, words_at

TEXTS = ["", "a", "手机", "order 4711", "", "a" * 300, "b"]


def _layouts(texts: list[str]) -> dict[str, pa.Array]:
    return {
        "plain": pa.array(texts, pa.string()),
        "large": pa.array(texts, pa.large_string()),
        "slice": pa.array(["before", *texts, "behind"], pa.string()).slice(1, len(texts)),
    }


@pytest.mark.parametrize("texts", [TEXTS, [], ["", ""], [""]])
def test_every_layout_of_a_column_gives_the_same_bounds_and_bytes(texts: list[str]) -> None:
    """Slices and 64-bit offsets do not show; bounds begin at 0 and end with the last byte."""
    for name, column in _layouts(texts).items():
        bounds, content = text_bytes(column)
        encoded = [text.encode() for text in texts]
        assert bounds.tolist() == [0, *np.cumsum([len(one) for one in encoded]).tolist()], name
        assert content.tobytes() == b"".join(encoded), name


def test_a_word_is_the_next_eight_bytes_as_one_little_endian_number() -> None:
    """`LOW_BYTES` cuts a word to its first bytes."""
    data = np.frombuffer(b"0123456789", np.uint8)
    assert words_at(data).tolist() == [
        int.from_bytes(b"0123456789"[at : at + 8], "little") for at in range(3)
    ]
    for count in range(9):
        cut = int(words_at(data)[1] & LOW_BYTES[count])
        assert cut.to_bytes(8, "little") == b"12345678"[:count].ljust(8, b"\0")


@pytest.mark.parametrize("texts", [TEXTS, ["ab", "cd"], ["", ""], []])
def test_by_length_gives_every_cell_that_is_not_empty_once(texts: list[str]) -> None:
    """Rows and cells belong together, whether or not all cells have one length."""
    found = dict.fromkeys(range(len(texts)), b"")
    for rows, cells in by_length(*text_bytes(pa.array(texts, pa.string()))):
        numbers = range(len(texts))[rows] if isinstance(rows, slice) else rows.tolist()
        for row, cell in zip(numbers, cells, strict=True):
            assert found[row] == b""
            found[row] = cell.tobytes()
    assert list(found.values()) == [text.encode() for text in texts]
