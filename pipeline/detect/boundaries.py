"""What may not touch a match, as data: RE2 has no look-around, and `\\b` fails beside Chinese characters."""

from collections.abc import Callable, Mapping

from pipeline.detect.model import Boundary

# Scripts that are written without blanks between words: their characters bound any match.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0xD7FF),  # CJK, kana, Hangul
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)


def is_unspaced(character: str) -> bool:
    """Whether the character belongs to a script without blanks between words (Chinese, Japanese, Thai…)."""
    code = ord(character)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)


def joins_words(character: str) -> bool:
    """Whether the character continues a word of a script that puts blanks between words."""
    return (character.isalnum() or character == "_") and not is_unspaced(character)


def _free(text: str, at: int, outward: int) -> bool:
    return True


def _digit(text: str, at: int, outward: int) -> bool:
    return not text[at].isdigit()


def _number(text: str, at: int, outward: int) -> bool:
    """No digit, and no sign that joins the match to a digit behind it: `3.138001` is no start of a number."""
    if text[at].isdigit():
        return False
    beyond = at + outward
    return not (text[at] in ".-" and 0 <= beyond < len(text) and text[beyond].isdigit())


def _word(text: str, at: int, outward: int) -> bool:
    return not joins_words(text[at])


def _host(text: str, at: int, outward: int) -> bool:
    """No part of a longer name: a dot or dash counts only when a letter or digit follows it."""
    if joins_words(text[at]) or text[at] == "@":
        return False
    beyond = at + outward
    return not (text[at] in ".-" and 0 <= beyond < len(text) and joins_words(text[beyond]))


def _hex_pair(text: str, at: int, outward: int) -> bool:
    """No letter or digit, and no further pair of hexadecimal digits behind a colon or dash."""
    if joins_words(text[at]):
        return False
    if text[at] not in ":-":
        return True
    near, far = at + outward, at + 3 * outward
    pair = text[min(near, near + outward) : max(near, near + outward) + 1] if near >= 0 else ""
    ends = not 0 <= far < len(text) or not joins_words(text[far])
    return not (len(pair) == 2 and ends and all(character in "0123456789abcdef" for character in pair))


BOUNDARIES: Mapping[Boundary, Callable[[str, int, int], bool]] = {
    "none": _free,
    "digit": _digit,
    "number": _number,
    "word": _word,
    "host": _host,
    "hex_pair": _hex_pair,
}


def bounded(text: str, start: int, end: int, before: Boundary, after: Boundary) -> bool:
    """Whether text[start:end] stands free on both sides."""
    if start > 0 and not BOUNDARIES[before](text, start - 1, -1):
        return False
    return end >= len(text) or BOUNDARIES[after](text, end, 1)
