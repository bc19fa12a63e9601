"""Where records end, told from bytes alone: the count of records that no parser has a say in.

CSV is RFC 4180 with a declared delimiter. A quote opens a field only as its first byte; inside quotes `""` is one
quote; a record ends at LF, CRLF or a lone CR outside quotes (old Macintosh exports; splitting there can only make a
record shorter and thereby rejected, never hide one). An empty line is no record when the table has more than one
column, and is a null when it has one.
JSON lines end at LF; lines of white space are no records.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LF, CR, QUOTE = 10, 13, 34
_PLAIN = 0x78  # stands for "inside a field" where the last byte alone would say something else

Offsets = npt.NDArray[np.int64]
_NONE: Offsets = np.empty(0, np.int64)


@dataclass(frozen=True)
class Ends:
    """Records that ended in one block."""

    ends: Offsets  # offset just after each record, its line end included, in content order
    exact: bool  # True: quotes were out of place, so a fast parser must not be trusted with these records


Words = npt.NDArray[np.uint64]  # bit i of word k stands for byte 64 k + i of a block


def _words(marks: npt.NDArray[np.bool_]) -> Words:
    """One bit a byte."""
    packed = np.packbits(marks, bitorder="little")
    words = np.zeros(-(-len(packed) // 8), "<u8")
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _inside(quotes: Words, begins_inside: bool) -> Words:
    """Whether each byte stands inside quotes; an opening quote does, its closing quote does not.

    A prefix sum modulo 2, 64 bytes a word: six shifts add up within words, then words are flipped where an odd
    number of quotes came before them (Langdale and Lemire, "Parsing gigabytes of JSON per second", 3.1.1).
    """
    words = quotes.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    counts = np.bitwise_count(quotes)
    before = np.cumsum(counts, dtype=np.int64) - counts + begins_inside
    words ^= -(before & 1).view(np.uint64)  # all bits where the number is odd
    return words


_ONE, _LAST_BIT = np.uint64(1), np.uint64(63)


def _places(words: Words) -> Offsets:
    """Where bits are set, ascending."""
    at = np.flatnonzero(words)
    if int(np.bitwise_count(words).sum()) > 2 * len(at):
        return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
    found, left = [], words[at]
    while len(at):  # the lowest bits of all words, then the next ones
        lowest = left & -left
        found.append(at * 64 + np.bitwise_count(lowest - _ONE))
        left ^= lowest
        more = left != 0
        at, left = at[more], left[more]
    return found[0] if len(found) == 1 else np.sort(np.concatenate([_NONE, *found]))


def _line_ends(array: npt.NDArray[np.uint8], *, has_returns: bool) -> npt.NDArray[np.bool_]:
    """LF, and CR that no LF follows. What is scanned never ends in a CR that an LF follows."""
    marks: npt.NDArray[np.bool_] = array == LF
    if has_returns:
        returns = np.flatnonzero(array == CR)
        following = np.append(array, 0)[returns + 1]
        marks[returns[following != LF]] = True
    return marks


class CsvScan:
    """Feed blocks in order, then `finish`; every record's end comes out once, counted from the first byte fed."""

    def __init__(self, delimiter: bytes, *, blank_is_record: bool, offset: int = 0) -> None:
        self.blank_lines = 0
        self.open_quote = False  # the last record fed so far ended inside quotes
        self.lines_inside = False  # a line end stands inside quotes, or may
        self._delimiter = delimiter[0]
        self._blank_is_record = blank_is_record
        self._offset = offset
        self._line_start = offset
        self._in_quotes = False
        self._previous = LF
        self._held = b""  # a CR at the end of a block: whether LF follows decides where the record ends
        self._before = np.zeros(256, bool)
        self._before[[self._delimiter, LF, CR, QUOTE]] = True
        self._break = re.compile(b"[" + re.escape(delimiter) + b"\r\n]")
        part = b'(?:"[^"]*+(?:""[^"]*+)*+"[^D\r\n]*+|(?!")[^D\r\n]*+)'.replace(b"D", re.escape(delimiter))
        # One whole record with its line end, well formed or not; fails where a quote is still open.
        self._record = re.compile(part + b"(?:" + re.escape(delimiter) + part + b")*+(\r\n|\n|\r)")

    @property
    def longest_open(self) -> int:
        """Bytes of the record that has not ended yet."""
        return self._offset - self._line_start

    def feed(self, block: bytes) -> Ends:
        """Scan the next block."""
        if self._held:
            block, self._held = self._held + block, b""
        if block.endswith(b"\r"):
            block, self._held = block[:-1], b"\r"
        return self._scan(block)

    def finish(self) -> Ends:
        """Scan what was held back, and end a last record that has no line end."""
        last = _NONE
        exact = False
        if self._held:
            block, self._held = self._held, b""
            found = self._scan(block)
            last, exact = found.ends, found.exact
        self.open_quote = self._in_quotes
        if self._offset > self._line_start:
            last = np.append(last, self._offset)
            self._line_start = self._offset
        return Ends(last, exact or self.open_quote)

    def _scan(self, block: bytes) -> Ends:
        if not block:
            return Ends(_NONE, False)
        array = np.frombuffer(block, np.uint8)
        has_quotes = self._in_quotes or self._previous == QUOTE or b'"' in block
        has_returns = b"\r" in block
        lines = _line_ends(array, has_returns=has_returns)
        ends = (
            self._fast_quoted(array, lines, has_returns=has_returns) if has_quotes else _places(_words(lines))
        )
        exact = ends is None
        if ends is None:
            ends = self._slow(block)
            self.lines_inside = True
        else:
            self._previous = block[-1]
        kept = self._without_blank_lines(array, ends)
        self._offset += len(block)
        return Ends(kept, exact)

    def _fast_quoted(
        self, array: npt.NDArray[np.uint8], lines: npt.NDArray[np.bool_], *, has_returns: bool
    ) -> Offsets | None:
        """Ends by quote parity; None where a quote stands where parity does not tell its role."""
        if not self._in_quotes and self._previous == QUOTE and not self._before[array[0]]:
            return None  # text after a closing quote, over the edge of a block
        quotes = _words(array == QUOTE)
        line_ends = _words(lines)
        edges = quotes | line_ends | _words(array == self._delimiter)
        if has_returns:
            edges |= _words(array == CR)
        inside = _inside(quotes, self._in_quotes)
        # An opening quote follows a delimiter, a line end, or a closing quote (then both are one quote).
        follows = edges << _ONE
        follows[1:] |= edges[:-1] >> _LAST_BIT
        follows[0] |= _ONE if self._before[self._previous] else 0
        if (quotes & inside & ~follows).any():
            return None
        leads = edges >> _ONE
        leads[:-1] |= edges[1:] << _LAST_BIT
        last = len(array) - 1
        leads[last >> 6] |= _ONE << np.uint64(last & 63)  # of the last byte, the next block tells
        if (quotes & ~inside & ~leads).any():
            return None
        self.lines_inside |= bool((line_ends & inside).any())
        self._in_quotes = bool(inside[last >> 6] >> np.uint64(last & 63) & _ONE)
        return _places(line_ends & ~inside)

    def _slow(self, block: bytes) -> Offsets:
        """The exact state machine; whole records are taken by one regular expression."""
        ends: list[int] = []
        position, size, delimiter = 0, len(block), self._delimiter
        state = self._state()
        complete = True  # False: the record that begins here goes on in the next block, so walk it by field
        while position < size:
            if state == "start":
                while complete and position < size and (match := self._record.match(block, position)):
                    position = match.end()
                    ends.append(position - 1)
                complete = False
                if position >= size:
                    break
                state = "quoted" if block[position] == QUOTE else "field"
                position += state == "quoted"
            elif state == "quoted":
                found = block.find(b'"', position)
                position = size if found < 0 else found + 1
                state = "quoted" if found < 0 else "after"
            elif state == "after" and block[position] == QUOTE:
                state, position = "quoted", position + 1
            else:  # in an unquoted field, or in text after a closing quote: quotes mean nothing here
                found_break = self._break.search(block, position)
                end = found_break.start() if found_break else size
                position = min(size, end + 1)
                state = "start" if found_break else "field"
                if found_break and block[end] != delimiter:
                    position += block[end] == CR and block[end + 1 : end + 2] == b"\n"
                    ends.append(position - 1)
                    complete = True
        self._in_quotes = state == "quoted"
        self._previous = {"after": QUOTE, "start": LF, "quoted": _PLAIN, "field": _PLAIN}[state]
        return np.array(ends, np.int64)

    def _state(self) -> str:
        if self._in_quotes:
            return "quoted"
        if self._previous == QUOTE:
            return "after"
        return "start" if self._before[self._previous] else "field"

    def _without_blank_lines(self, array: npt.NDArray[np.uint8], ends: Offsets) -> Offsets:
        """`ends` are positions of last bytes in the block; returns offsets after them, without empty lines."""
        if not len(ends):
            return _NONE
        starts = np.empty(len(ends), np.int64)
        starts[0] = self._line_start - self._offset
        starts[1:] = ends[:-1] + 1
        after: Offsets = ends + (self._offset + 1)
        self._line_start = int(after[-1])
        if self._blank_is_record:
            return after
        length = ends - starts
        crlf = (length == 1) & (array[ends] == LF) & (array[ends - 1] == CR)
        blank = (length == 0) | crlf
        count = int(np.count_nonzero(blank))
        if not count:
            return after
        self.blank_lines += count
        kept: Offsets = after[~blank]
        return kept


class LineScan:
    """The same for JSON lines: a record is a line that holds more than white space."""

    def __init__(self, offset: int = 0) -> None:
        self.blank_lines = 0
        self._offset = offset
        self._line_start = offset
        self._blank_so_far = True

    @property
    def longest_open(self) -> int:
        """Bytes of the record that has not ended yet."""
        return self._offset - self._line_start

    def feed(self, block: bytes) -> Ends:
        """Scan the next block."""
        array = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(array == LF)
        tail = block[int(ends[-1]) + 1 :] if len(ends) else block
        if len(ends):
            starts = np.concatenate(([0], ends[:-1] + 1))
            blank = np.zeros(len(ends), bool)
            blank[0] = self._blank_so_far and not block[: int(ends[0])].strip(b" \t\r")
            suspects = np.flatnonzero(np.isin(array[starts], (LF, CR, 32, 9)))
            for line in suspects[suspects > 0]:
                blank[line] = not block[int(starts[line]) : int(ends[line])].strip(b" \t\r")
            self.blank_lines += int(np.count_nonzero(blank))
            self._line_start = self._offset + int(ends[-1]) + 1
            self._blank_so_far = True
            ends = ends[~blank]
        self._blank_so_far = self._blank_so_far and not tail.strip(b" \t\r")
        found = Ends(ends + (self._offset + 1), False)
        self._offset += len(block)
        return found

    def finish(self) -> Ends:
        """End a last record that has no line end."""
        if self._offset == self._line_start:
            return Ends(_NONE, False)
        if self._blank_so_far:
            self.blank_lines += 1
            return Ends(_NONE, False)
        self._line_start = self._offset
        return Ends(np.array([self._offset], np.int64), False)
