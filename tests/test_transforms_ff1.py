"""FF1: the fast path equals the plain path, and a column keeps its form."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import ff1, ff1_column, ff1_text
from transforms.alphabet import Alphabet
from transforms.errors import BadParameter, WeakChoice
from transforms.primitives import encode_fields
from transforms.token_form import FormatPreserved

KEY = bytes(range(32))

# Every way through the arithmetic: 64-bit and 96-bit round output, divisors up to and beyond 2^63, powers of
# two up to 2^64 itself, halves of unequal length, round number in the upper word, and the plain path.
SHAPES = [
    *[(10, n) for n in (6, 11, 16, 19, 20, 37, 38, 39)],
    *[(2, n) for n in (20, 127, 128, 129)],
    *[(3, 13), (3, 80), (16, 31), (26, 26), (36, 24), (62, 11), (62, 20), (85, 19)],
    *[(255, 16), (256, 15), (256, 16), (256, 17)],
    *[(65535, 2), (65535, 8), (65536, 2), (65536, 3), (65536, 7), (65536, 8)],
]


def column(radix: int, n: int, rows: int, seed: int = 1) -> ff1_column.Numerals:
    """Random messages between the smallest and the largest one."""
    kind = np.uint8 if radix <= 256 else np.uint16
    digits = np.random.default_rng(seed).integers(0, radix, (rows, n)).astype(kind)
    digits[0], digits[-1] = 0, radix - 1
    return digits


@pytest.mark.parametrize(("radix", "n"), SHAPES)
def test_fast_path_equals_plain_path(radix: int, n: int) -> None:
    """Rows with tweaks of several lengths, in both directions."""
    tweaks = [b"", b"abc", b"x" * 15, b"y" * 40]
    digits = column(radix, n, 24)
    which = np.arange(24) % len(tweaks)
    found = ff1_column.encrypt_digits(KEY, tweaks, digits, radix, tweak_of_row=which)
    plain = [ff1.encrypt(KEY, tweaks[t], row, radix) for t, row in zip(which, digits.tolist(), strict=True)]
    assert found.tolist() == plain
    assert found.dtype == digits.dtype
    back = ff1_column.decrypt_digits(KEY, tweaks, found, radix, tweak_of_row=which)
    assert back.tolist() == digits.tolist()
    assert [
        ff1.decrypt(KEY, tweaks[t], row, radix) for t, row in zip(which, plain, strict=True)
    ] == digits.tolist()


@settings(max_examples=60, deadline=None)
@given(
    radix=st.integers(2, 65536),
    n=st.integers(2, 40),
    tweak=st.binary(max_size=40),
    seed=st.integers(0, 2**32),
)
def test_paths_agree_on_any_shape(radix: int, n: int, tweak: bytes, seed: int) -> None:
    """Whatever radix, length and tweak; too small domains are refused by both."""
    digits = column(radix, n, 3, seed)
    if radix**n < ff1.MINIMUM_DOMAIN:
        with pytest.raises(WeakChoice):
            ff1_column.encrypt_digits(KEY, [tweak], digits, radix)
        with pytest.raises(WeakChoice):
            ff1.encrypt(KEY, tweak, digits[0].tolist(), radix)
        return
    found = ff1_column.encrypt_digits(KEY, [tweak], digits, radix)
    assert found.tolist() == [ff1.encrypt(KEY, tweak, row, radix) for row in digits.tolist()]


@pytest.mark.parametrize(
    "modulus", [(10, 5), (10, 10), (10, 19), (2, 20), (2, 64), (256, 8), (65535, 4), (3, 40)]
)
def test_word_arithmetic_is_exact_at_the_edges(modulus: tuple[int, int]) -> None:
    """Sums, differences and 96-bit remainders against Python's integers, where carries and wraps happen."""
    m = modulus[0] ** modulus[1]
    arithmetic = ff1_column._Modulus(*modulus)
    edges = sorted({0, 1, 2, m // 2, m - 2, m - 1, (1 << 63) % m, (1 << 32) % m})
    pairs = [(x, y) for x in edges for y in edges]
    x = np.array([pair[0] for pair in pairs], dtype=np.uint64)
    y = np.array([pair[1] for pair in pairs], dtype=np.uint64)
    spare = np.empty_like(x)
    total, difference = x.copy(), x.copy()
    arithmetic.add(total, y, spare)
    arithmetic.subtract(difference, y, spare)
    assert total.tolist() == [(a + b) % m for a, b in pairs]
    assert difference.tolist() == [(a - b) % m for a, b in pairs]
    words = [
        (h, w) for h in (0, 1, 0x80000000, 0xFFFFFFFF, 0x01020304) for w in (0, 1, 2**63, 2**64 - 1, m - 1)
    ]
    high = np.array([w[0] for w in words], dtype=np.uint64)
    low = np.array([w[1] for w in words], dtype=np.uint64)
    found = arithmetic.reduce_96(high, low, np.empty_like(high))
    assert found.tolist() == [((h << 64) + w) % m for h, w in words]


def test_long_messages_equal_another_implementation() -> None:
    """Round output of several blocks (62^62), a half of more than 255 numerals (u mod 256); fastfpe."""
    key, tweak = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), bytes.fromhex("d8e7920afa330a")
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    found = ff1.encrypt(key, tweak, range(62), 62)
    assert (
        "".join(letters[n] for n in found) == "Fn0F00PauWi5pFgVEpPCt9Qh18uMBct3KMhrWapZxss1D8WDkTNDN6py7YuoQI"
    )
    bits = ff1.encrypt(key, tweak, [0, 1] * 300, 2)
    digest = hashlib.sha256("".join(map(str, bits)).encode()).hexdigest()
    assert digest == "72ccb85f6158bc9f01b6eb43bdbbab261190eea4ded4b2f5845156b7ec9ea0d8"
    assert ff1.decrypt(key, tweak, bits, 2) == [0, 1] * 300


def test_ff1_is_a_permutation() -> None:
    """All 128 messages of seven bits give 128 different ones."""
    digits = np.array([[int(bit) for bit in f"{value:07b}"] for value in range(128)], dtype=np.uint8)
    found = ff1_column.encrypt_digits(KEY, [b""], digits, 2, minimum_domain=100)
    assert len({tuple(row) for row in found.tolist()}) == 128


def test_rows_do_not_depend_on_their_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in pieces of 16 and in one piece."""
    digits = column(10, 11, 100)
    whole = ff1_column.encrypt_digits(KEY, [b"t"], digits, 10)
    monkeypatch.setattr(ff1_column, "ROWS", 16)
    assert ff1_column.encrypt_digits(KEY, [b"t"], digits, 10).tolist() == whole.tolist()


def test_another_key_or_tweak_does_not_decrypt() -> None:
    digits = column(10, 11, 50)
    found = ff1_column.encrypt_digits(KEY, [b"t"], digits, 10)
    for key, tweak in ((bytes(32), b"t"), (KEY, b"u"), (KEY[:16], b"t")):
        other = ff1_column.decrypt_digits(key, [tweak], found, 10)
        assert not (other == digits).all(axis=1).any()


@pytest.mark.parametrize(("radix", "n"), [(1, 20), (65537, 4), (10, 1), (10, 0)])
def test_shapes_outside_the_standard_are_refused(radix: int, n: int) -> None:
    with pytest.raises(BadParameter):
        ff1.shape_of(radix, n)


@pytest.mark.parametrize(
    ("radix", "n", "fits"), [(10, 6, True), (10, 5, False), (2, 20, True), (2, 19, False)]
)
def test_a_million_messages_are_required(radix: int, n: int, fits: bool) -> None:
    if fits:
        assert ff1.shape_of(radix, n).n == n
        return
    with pytest.raises(WeakChoice, match="1,000,000"):
        ff1.shape_of(radix, n)


def test_the_minimum_cannot_be_lowered_below_100() -> None:
    with pytest.raises(WeakChoice):
        ff1.shape_of(2, 6, minimum_domain=1)


def test_numerals_and_arrays_outside_are_refused() -> None:
    """The message names no numeral."""
    digits = column(10, 11, 3)
    digits[1, 4] = 10
    with pytest.raises(BadParameter):
        ff1_column.encrypt_digits(KEY, [b""], digits, 10)
    with pytest.raises(BadParameter):
        ff1.encrypt(KEY, b"", digits[1].tolist(), 10)
    with pytest.raises(BadParameter):
        ff1_column.encrypt_digits(KEY, [b""], column(10, 11, 3).astype(np.int64), 10)  # type: ignore[arg-type]
    with pytest.raises(BadParameter):
        ff1_column.encrypt_digits(KEY, [b"", b"x"], column(10, 11, 3), 10)
    with pytest.raises(BadParameter):
        ff1_column.encrypt_digits(KEY, [b""], column(10, 11, 3), 10, tweak_of_row=np.zeros(2, dtype=np.intp))
    with pytest.raises(BadParameter):
        ff1_column.encrypt_digits(KEY[:31], [b""], column(10, 11, 3), 10)


# ------------------------------------------------------------------ texts

CIPHER = ff1_text.Cipher(KEY, "analysts", "order_id")
FORM = FormatPreserved("0123456789")
TEXTS = ["+61 412-345-678", None, "1380 0138 000", "138-0013-8000", "0412345678", "", "12345", "SO-138001380"]


def numerals_of(text: str) -> list[int]:
    return [int(c) for c in text if c in "0123456789"]


def test_text_keeps_length_and_separators() -> None:
    found = ff1_text.encrypt_text(CIPHER, FORM, pa.array(TEXTS)).to_pylist()
    for before, after in zip(TEXTS, found, strict=True):
        if before is None:
            assert after is None
        elif len(numerals_of(before)) < 6 or "SO" in before:
            assert after == FORM.tag
        else:
            assert numerals_of(before) != numerals_of(after)
            assert ["#" if c.isdigit() else c for c in after] == ["#" if c.isdigit() else c for c in before]


def test_equal_messages_get_equal_ciphertexts_whatever_stands_between() -> None:
    found = ff1_text.encrypt_text(CIPHER, FORM, pa.array(["138-0013-8000", "13800138000"])).to_pylist()
    assert found[0].replace("-", "") == found[1]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (2, 0), (0, 2), (2, 1)])
def test_text_comes_back_and_ends_are_kept(first: int, last: int) -> None:
    form = FormatPreserved("0123456789", keep_prefix=first, keep_suffix=last)
    usable = [text for text in TEXTS if text and len(numerals_of(text)) >= 9 and "SO" not in text]
    values = pa.array([*usable * 3, None])
    found = ff1_text.encrypt_text(CIPHER, form, values)
    assert ff1_text.decrypt_text(CIPHER, form, found).equals(values)
    for before, after in zip(values.drop_null().to_pylist(), found.drop_null().to_pylist(), strict=True):
        old, new = numerals_of(before), numerals_of(after)
        assert old[:first] == new[:first]
        assert old[len(old) - last :] == new[len(new) - last :]
        assert old != new


@pytest.mark.parametrize("length", [6, 11, 12, 37, 38, 39, 45, 80])
def test_text_equals_the_plain_path_with_a_tweak_for_each_kept_part(length: int) -> None:
    """Fast words up to 38 digits, the plain path beyond; each row by `ff1.encrypt` alone."""
    form = FormatPreserved("0123456789", keep_prefix=2, keep_suffix=1)
    rng = np.random.default_rng(length)
    values = ["".join(map(str, rng.integers(0, 10, length + 3))) for _ in range(12)]
    found = ff1_text.encrypt_text(CIPHER, form, pa.array(values)).to_pylist()
    for before, after in zip(values, found, strict=True):
        tweak = encode_fields("analysts", "order_id", before[:2], before[-1:])
        expected = ff1.encrypt(KEY, tweak, numerals_of(before[2:-1]), 10)
        assert after == before[:2] + "".join(map(str, expected)) + before[-1:]


def test_no_byte_of_a_short_text_stays_behind_its_tag() -> None:
    """Not even in the buffers: bytes that lie there would travel into files that keep them."""
    values = pa.array(["13800138000", "54321", None, "13800138001"])
    found = ff1_text.encrypt_text(CIPHER, FORM, values)
    assert found.is_valid().to_pylist() == [True, True, False, True]
    assert found[1].as_py() == FORM.tag
    assert b"54321" not in found.buffers()[2].to_pybytes()


def test_pieces_and_slices_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = pa.array([f"{n * 7919:011d}"[n % 3 :] if n % 7 else None for n in range(300)])
    whole = ff1_text.encrypt_text(CIPHER, FORM, values)
    assert ff1_text.encrypt_text(CIPHER, FORM, values.slice(13, 100)).equals(whole.slice(13, 100))
    monkeypatch.setattr(ff1_text, "PIECE", 64)
    assert ff1_text.encrypt_text(CIPHER, FORM, values).equals(whole)
    assert ff1_text.encrypt_text(CIPHER, FORM, values.slice(0, 0)).equals(values.slice(0, 0))


@pytest.mark.parametrize("characters", ["", "0", "00", "0é", "0\t", "".join(map(chr, range(31, 127)))])
def test_bad_alphabets_are_refused(characters: str) -> None:
    with pytest.raises(BadParameter):
        Alphabet(characters)


def test_an_alphabet_of_letters_and_digits() -> None:
    form = FormatPreserved("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    values = pa.array(["SN-4F7K-99QX", "sn-lower-ABCD12"])
    found = ff1_text.encrypt_text(CIPHER, form, values)
    assert ff1_text.decrypt_text(CIPHER, form, found).to_pylist() == ["SN-4F7K-99QX", None]
    assert found[1].as_py() == form.tag


def test_a_cipher_prints_no_key() -> None:
    assert repr(CIPHER) == "Cipher(analysts, order_id)"
