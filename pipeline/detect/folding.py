"""Fold a text to what the eye reads: one form for full-width, styled, accented and interrupted writing.

Folding is per character, so that every folded character knows where it comes from: look-alikes of Latin
letters to Latin, NFKC (UAX #15), case folding, digits of any script to 0-9, accents off, dashes to `-`,
blanks to a blank; characters without width (Unicode categories Cf, Mn, Me) vanish.
"""

import re
import unicodedata
from typing import NamedTuple

_SEPARATE_DASHES = "\u2212\u02d7\u2796\u2043\ufe58\u2cba"
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
# Letters of other scripts that look like Latin ones (Unicode's confusables), one for one.
_LOOKS = {
    **dict(zip("аеорсхуіѕјһԁԛԝӏ", "aeopcxyisjhdqwl", strict=True)),  # Cyrillic
    **dict(zip("АВЕКМНОРСТХУІЅЈ", "abekmhopctxyisj", strict=True)),
    **dict(zip("οανικρτυ", "oavikptu", strict=True)),  # Greek
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx", strict=True)),
    **dict(zip("ɑɡıƖ", "agil", strict=True)),
}
_LOOK_TABLE = {ord(character): latin for character, latin in _LOOKS.items()}
_ALIKE = "".join(_LOOKS)
_OTHER_SCRIPT = "\u0370-\u03ff\u0400-\u052f"
# A whole word of Latin letters and their look-alikes: a word of a language of that script has others, too.
_DISGUISED = re.compile(
    f"(?<![A-Za-z{_OTHER_SCRIPT}])[A-Za-z]*[{_ALIKE}][A-Za-z{_ALIKE}]*(?![{_OTHER_SCRIPT}])"
)
_resizing: set[str] = set()  # characters met so far whose folded form has another length than one


class _Table(dict[int, str]):
    """Filled as characters are met: all of Unicode would take a second to build."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(folded) != 1:
            _resizing.add(chr(code))
        self[code] = folded
        return folded


def _fold_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Pd" or character in _SEPARATE_DASHES:
        return "-"
    if category == "Zs":
        return " "
    if category == "Cs":  # half of a pair: no encoder takes it
        return "\ufffd"
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    bare = unicodedata.normalize("NFKD", folded)
    if "LATIN" in unicodedata.name(character, "") or any(mark in bare for mark in "\u0300\u0301\u0308"):
        folded = "".join(mark for mark in bare if unicodedata.category(mark) != "Mn")
    return "".join(mark for mark in folded if unicodedata.category(mark) not in ("Cf", "Mn", "Me"))


_TABLE = _Table()


class Folded(NamedTuple):
    """A folded text; `origins[i]` is the index in the original of folded character i, None where equal."""

    text: str
    origins: tuple[int, ...] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a folded span to the original characters that it comes from. The span must not be empty."""
        if self.origins is None:
            return start, end
        return self.origins[start], self.origins[end - 1] + 1


def fold(text: str) -> Folded:
    """Fold a text, keeping the way back.

    >>> fold("Ａ\u200b1ﬁ")
    Folded(text='a1fi', origins=(0, 2, 3, 3))
    """
    if text.isascii():
        return Folded(text.lower(), None)
    text = _undisguised(text)
    folded = text.translate(_TABLE)
    if _resizing.isdisjoint(text):
        return Folded(folded, None)
    origins: list[int] = []
    for index, character in enumerate(text):
        origins.extend([index] * len(_TABLE[ord(character)]))
    return Folded(folded, tuple(origins))


def fold_value(value: str) -> str:
    """Fold a value that is looked for in folded texts."""
    return value.lower() if value.isascii() else _undisguised(value).translate(_TABLE)


def _undisguised(text: str) -> str:
    """Latin letters for their look-alikes, in words that hold nothing else."""
    return _DISGUISED.sub(lambda match: match.group().translate(_LOOK_TABLE), text)


def encodable(text: str) -> str:
    """Replace lone surrogates, one for one, so that Arrow and RE2 can take the text."""
    return _LONE_SURROGATES.sub("\ufffd", text)
