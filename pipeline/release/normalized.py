"""One form in which the gate compares texts: NFKC, lower case, letters and digits only.

Separators are what people vary (`+61 412-345-678`, `0412 345 678`; `aa:bb:cc`, `aa-bb-cc`), so they are left
out. `*` stays: a masked cell never reads like a short plain one.

Columns are handled as bytes in numpy (about 40 ns a value); single texts, where a suspicion is checked, in
Python. Both give the same form; a test holds them together.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.cells import LOW_BYTES, WORD_BYTES, text_bytes, words_at
from transforms.phone_form import CODE_LENGTHS, code_length

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]
Digests = NDArray[np.uint64]

MASKED = "*"
_PADDING = WORD_BYTES  # behind the last value, so that a word can be read at every position


@dataclass(frozen=True)
class Forms:
    """The forms of a column's values: value i is data[starts[i]:ends[i]]; null and empty have length 0."""

    data: Bytes
    starts: Positions
    ends: Positions

    def __repr__(self) -> str:
        """Counts only: the forms are raw."""
        return f"Forms({len(self.starts)})"

    @cached_property
    def lengths(self) -> Positions:
        """In bytes."""
        return self.ends - self.starts

    def take(self, index: NDArray[np.int64]) -> "Forms":
        """The forms of some values, without copying their bytes."""
        return Forms(self.data, self.starts[index], self.ends[index])

    def texts(self) -> list[str]:
        """As Python texts; for the few that matter."""
        return [bytes(self.data[s:e]).decode() for s, e in zip(self.starts, self.ends, strict=True)]


_BATCH = 1 << 13  # values at a time: what is made of them on the way stays in the processor's cache


def forms_of(values: pa.Array) -> Forms:
    """Forms of plain text values; nulls become empty."""
    if len(values) <= _BATCH:
        return _forms_of(values)
    return _joined([_forms_of(values.slice(first, _BATCH)) for first in range(0, len(values), _BATCH)])


def _joined(parts: Sequence[Forms]) -> Forms:
    """One after the other, padded once."""
    sizes = [len(part.data) - _PADDING for part in parts]
    before = np.cumsum([0, *sizes[:-1]])
    data = np.concatenate([*(part.data[:size] for part, size in zip(parts, sizes, strict=True)), _NOTHING])
    starts = np.concatenate([part.starts + first for part, first in zip(parts, before, strict=True)])
    ends = np.concatenate([part.ends + first for part, first in zip(parts, before, strict=True)])
    return Forms(data, starts, ends)


_NOTHING = np.zeros(_PADDING, dtype=np.uint8)


def _forms_of(values: pa.Array) -> Forms:
    values = pc.fill_null(values, "") if values.null_count else values
    offsets, data = text_bytes(values)
    foreign = bool(len(data)) and int(data.max()) >= 128
    if foreign and len(strange := _beyond_han(offsets, data)):
        values = _without_foreign_separators(values, strange)
        offsets, data = text_bytes(values)
    formed = np.frombuffer(data.tobytes().translate(_LOWER, _SEPARATORS), dtype=np.uint8)
    if len(formed) < len(data):
        # Plain arithmetic on bytes runs eight times as fast as a table look-up per byte.
        kept = ((data | np.uint8(32)) - np.uint8(ord("a"))) < 26
        kept |= (data - np.uint8(ord("0"))) < 10
        kept |= (data == ord(MASKED)) | (data >= 128)
        before = np.zeros(len(data) + 1, dtype=np.int32)
        np.cumsum(kept, dtype=np.int32, out=before[1:])
        offsets = before[offsets].astype(np.int64)
    padded = np.zeros(len(formed) + _PADDING, dtype=np.uint8)
    padded[: len(formed)] = formed
    return Forms(padded, offsets[:-1], offsets[1:])


_LOWER = bytes(range(256)).lower()  # letters of ASCII; of UTF-8 other bytes stay
_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum() and chr(code) != MASKED)


@cache
def _ascii_digit() -> Mapping[int, str]:
    """Digits of other scripts, such as `٠٤٩١`, which NFKC leaves as they are: Unicode's general category Nd."""
    foreign = (code for code in range(128, 0x20000) if chr(code).isdecimal())
    return {code: str(unicodedata.decimal(chr(code))) for code in foreign}


@cache
def _foreign_digit() -> str:
    return "[" + "".join(map(chr, _ascii_digit())) + "]"


def _beyond_han(offsets: Positions, data: Bytes) -> Positions:
    """Which values hold other characters than ASCII and the Han ideographs from U+4E00 to U+9FBF.

    Those ideographs are three bytes each, E4 B8 80 to E9 BE BF, all of them letters, and neither NFKC nor lower case
    changes them (Unicode 15, blocks and UnicodeData.txt).
    """
    leads = np.flatnonzero(data >= 0xC0)
    lead, second = data[leads], data[leads + 1]
    han = (
        ((lead - np.uint8(0xE5)) < 4)
        | ((lead == 0xE4) & (second >= 0xB8))
        | ((lead == 0xE9) & (second < 0xBF))
    )
    if han.all():
        return _NOWHERE
    return np.unique(np.searchsorted(offsets, leads[~han], side="right") - 1)


_NOWHERE: Positions = np.zeros(0, dtype=np.int64)


def _without_foreign_separators(values: pa.Array, places: Positions) -> pa.Array:
    """The values, those at these places in NFKC, in lower case, with ASCII digits and without separators."""
    foreign = values.take(pa.array(places))
    foreign = pc.utf8_lower(pc.utf8_normalize(foreign, form="NFKC"))
    strange = pc.match_substring_regex(foreign, _foreign_digit()).fill_null(False)
    if pc.any(strange, min_count=0).as_py():
        ascii_digits = [text.translate(_ascii_digit()) for text in foreign.filter(strange).to_pylist()]
        foreign = pc.replace_with_mask(foreign, strange, pa.array(ascii_digits, foreign.type))
    foreign = pc.replace_substring_regex(foreign, r"[^\pL\pN\pM*]+", "")
    there = np.zeros(len(values), dtype=bool)
    there[places] = True
    return pc.replace_with_mask(values, pa.array(there), foreign)


# ------------------------------------------------------------------ digests


def digests_of(forms: Forms, key: bytes) -> Digests:
    """64-bit keyed digests of the forms; equal forms have equal digests.

    Eight bytes a step, each step a bijection of the state, then one finalizer; the key (16 bytes) lives for
    one run. This is no cryptographic promise: digests lie in the private staging directory and vanish with
    it.
    """
    first, second = np.frombuffer(key, dtype="<u8")
    lengths = forms.lengths
    state = lengths.astype(np.uint64) * _ODD ^ first
    words = words_at(forms.data)
    index, at, left = None, forms.starts, lengths  # None: all
    while len(left):
        word = words[at]
        if int(left.min()) < _PADDING:
            word &= LOW_BYTES[np.clip(left, 0, _PADDING)]
        word ^= second
        if index is None:
            state = _stirred(state ^ word)
        else:
            state[index] = _stirred(state[index] ^ word)
        on = np.flatnonzero(left > _PADDING)
        if len(on) < len(left):
            index = on if index is None else index[on]
            at, left = at[on], left[on]
        at, left = at + _PADDING, left - _PADDING
    return _mixed(state)


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _stirred(state: Digests) -> Digests:
    """A bijection of 64 bits; every bit of the input reaches the upper half."""
    state = state * _ODD
    state ^= state >> np.uint64(32)
    return state


def _mixed(state: Digests) -> Digests:
    """One round of the finalizer of SplitMix64 (Steele, Lea, Flood 2014), a bijection of 64 bits."""
    state = state ^ (state >> np.uint64(30))
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state


def sorted_unique(digests: Digests) -> Digests:
    """Ascending, each once (numpy's own `unique` takes ten times as long)."""
    ordered = np.sort(digests)
    if len(ordered) < 2:
        return ordered
    fresh = np.empty(len(ordered), dtype=bool)
    fresh[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]


def digit_counts(forms: Forms) -> Positions:
    """Digits in each form."""
    return counts_of(forms, (forms.data - np.uint8(ord("0"))) < 10)


def counts_of(forms: Forms, marked: NDArray[np.bool_]) -> Positions:
    """Marked bytes in each form."""
    counts = np.empty(len(forms.starts), dtype=np.int64)
    in_order = bool((forms.starts[1:] >= forms.ends[:-1]).all())
    step = _BATCH if in_order else max(1, len(counts))
    for first in range(0, len(counts), step):
        starts, ends = forms.starts[first : first + step], forms.ends[first : first + step]
        low, high = int(starts.min()), int(ends.max())
        places = np.zeros(high - low + 1, dtype=np.int64)
        np.cumsum(marked[low:high], out=places[1:])
        counts[first : first + step] = places[ends - low] - places[starts - low]
    return counts


# ------------------------------------------------------------------ phones


def national(forms: Forms, international: NDArray[np.bool_]) -> Forms:
    """Phones without country code (where `international`) and leading zeros: what all spellings share."""
    starts = _past_zeros(forms.data, forms.starts, forms.ends)
    enough = international & (forms.ends - starts >= 9)
    hundreds, tens, ones = (forms.data[starts + place].astype(np.int64) - ord("0") for place in range(3))
    number = np.clip(hundreds * 100 + tens * 10 + ones, 0, 999)
    starts = starts + np.where(enough, CODE_LENGTHS[number], 0)
    return Forms(forms.data, _past_zeros(forms.data, starts, forms.ends), forms.ends)


def _past_zeros(data: Bytes, starts: Positions, ends: Positions) -> Positions:
    for _ in range(4):
        zero = (data[starts] == ord("0")) & (starts < ends)
        if not zero.any():
            break
        starts = starts + zero
    return starts


# ------------------------------------------------------------------ one text

# Scripts that are written without spaces: a name may begin and end at any of their characters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[0-9]+|\*+|[{_UNSPACED}]|[^0-9*\0{_UNSPACED}]+")
_TRUNK = re.compile(r"0{1,4}")


@dataclass(frozen=True)
class Spelling:
    """The form of one text, and where an identity may begin and end in it."""

    form: str
    begins: frozenset[int]
    ends: frozenset[int]

    def holds(self, identity: str) -> bool:
        """Whether the form of an identity stands in it, from a word's beginning to a word's end."""
        at = self.form.find(identity)
        while at >= 0:
            if at in self.begins and at + len(identity) in self.ends:
                return True
            at = self.form.find(identity, at + 1)
        return False

    def pieces(self, shortest: int, longest: int) -> set[str]:
        """Every text of these lengths that `holds` would find."""
        begins, ends = sorted(self.begins), sorted(self.ends)
        return {
            self.form[begin:end] for begin in begins for end in ends if shortest <= end - begin <= longest
        }


# Where Python goes further than Arrow, which forms the columns: a dot kept above the small i, a sigma of word ends.
_AS_ARROW = str.maketrans("\u0130\u03a3", "i\u03c3")
# Of Unicode 15, which Arrow knows and Python 3.11 does not.
_NEWER_IDEOGRAPHS = re.compile("[\U0002ebf0-\U0002ee5d\U00031350-\U000323af]")


def _lowered(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_AS_ARROW).lower()
    return folded if folded.isascii() else folded.translate(_ascii_digit())


def _separated(lowered: str) -> str:
    return "".join(c if c == MASKED or _is_of_a_word(c) else "\0" for c in lowered)


def _is_of_a_word(character: str) -> bool:
    """A letter, a number or a mark."""
    known = unicodedata.category(character)[0] in "LNM"
    return known or _NEWER_IDEOGRAPHS.match(character) is not None


@lru_cache(maxsize=1 << 14)
def spelling_of(text: str) -> Spelling:
    """The form of one published text with its boundaries.

    Words are runs of letters, runs of digits, and single characters of scripts without spaces. A number may
    also begin behind its leading zeros and, where it is marked as international or has eight and more digits,
    behind its country code, so that all spellings of a phone meet.
    """
    lowered = _lowered(text)
    form = ""
    begins: set[int] = set()
    ends: set[int] = set()
    for match in _TOKEN.finditer(_separated(lowered)):
        token = match[0]
        begins.add(len(form))
        if token[0].isdigit():
            marked = lowered[: match.start()].endswith("+") or token.startswith("00") or len(token) >= 8
            begins |= {len(form) + skipped for skipped in _prefixes(token, marked) if skipped < len(token)}
        form += token
        ends.add(len(form))
    return Spelling(form, frozenset(begins), frozenset(ends))


def _prefixes(digits: str, international: bool) -> set[int]:
    zeros = _past(digits, 0)
    if not international or zeros == len(digits):
        return {zeros}
    behind_code = zeros + code_length(digits[zeros:])
    return {zeros, behind_code, _past(digits, behind_code)}


def _past(digits: str, start: int) -> int:
    match = _TRUNK.match(digits, start)
    return match.end() if match else start
