"""What a transform's output can be: small frozen values that can be asked for membership.

The plan declares one domain per published column; the gate proves that every published cell is a member, and
looks for identities only where `holds_raw_text` is true. Null is a member of every domain.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

INVALID = "invalid"  # what a value becomes that a transform cannot read

KEY_ID = r"[A-Za-z0-9_-]{1,64}"


@runtime_checkable
class OutputDomain(Protocol):
    """A set of cells. Picklable, comparable, holds no key and no value of the data."""

    @property
    def description(self) -> str:
        """One phrase for plans and data dictionaries."""

    @property
    def holds_raw_text(self) -> bool:
        """Whether a member can carry pieces of two and more characters of the input."""

    def holds(self, array: pa.Array) -> pa.Array:
        """Booleans, one per cell, never null: whether the cell is a member."""


def _members(verdict: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(verdict, pa.ChunkedArray):
        verdict = verdict.combine_chunks()
    return verdict.fill_null(True)


def _all(array: pa.Array, value: bool) -> pa.Array:
    return _members(pc.or_(pc.is_null(array), pa.scalar(value)))


# Tokens are mostly of one length, so comparisons over the bytes replace a regular expression per cell: this runs
# over every published cell of the gate.
# Unsigned wrap-around makes each range one comparison.
def _are_hex(cells: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    member: npt.NDArray[np.bool_] = ((cells - np.uint8(48)) < 10) | ((cells - np.uint8(97)) < 6)  # 0-9, a-f
    return member


def _are_url_safe(cells: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    letters = ((cells | np.uint8(32)) - np.uint8(97)) < 26  # bit 5 is the case
    member: npt.NDArray[np.bool_] = letters | ((cells - np.uint8(48)) < 10) | (cells == 45) | (cells == 95)
    return member


def _offsets(array: pa.Array) -> npt.NDArray[np.int32]:
    return np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]


def _of_one_length(array: pa.Array) -> bool:
    if not pa.types.is_string(array.type) or array.null_count or not len(array):
        return False
    lengths = np.diff(_offsets(array))
    return bool(lengths[0] > 0 and (lengths == lengths[0]).all())


def _cells_of_one_length(array: pa.Array) -> npt.NDArray[np.uint8]:
    """Bytes of the cells, one row a cell."""
    offsets = _offsets(array)
    raw = np.frombuffer(array.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    return raw.reshape(len(array), -1)


def _is_text(data_type: pa.DataType) -> bool:
    return bool(pa.types.is_string(data_type) or pa.types.is_large_string(data_type))


@dataclass(frozen=True)
class HexToken:
    """Exactly `digits` lowercase hexadecimal digits."""

    digits: int = 32
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        return f"{self.digits} lowercase hex digits"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if not _is_text(array.type):
            return _all(array, False)
        if _of_one_length(array):
            raw = _cells_of_one_length(array)
            if raw.shape[1] == self.digits:
                hexadecimal = _are_hex(raw)
                if hexadecimal.all():
                    return _all(array, True)
                return pa.array(hexadecimal.all(axis=1))
        return _members(pc.match_substring_regex(array, f"^[0-9a-f]{{{self.digits}}}$"))


@dataclass(frozen=True)
class Pattern:
    """Text that a RE2 expression matches from beginning to end."""

    expression: str
    description: str
    holds_raw_text: bool = False

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if not _is_text(array.type):
            return _all(array, False)
        return _members(pc.match_substring_regex(array, rf"^(?:{self.expression})\z"))


@dataclass(frozen=True)
class CipherToken:
    """`p1.<key id>.<base64url without padding>`."""

    holds_raw_text: ClassVar[bool] = False
    description: ClassVar[str] = "ciphertext token p1.<key id>.<base64url>"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if _is_text(array.type) and _of_one_length(array):
            cells = _cells_of_one_length(array)
            head = bytes(cells[0]).rpartition(b".")[0] + b"."
            if (
                re.fullmatch(rf"p1\.{KEY_ID}\.", head.decode("latin-1"))
                and cells.shape[1] >= len(head) + 22
                and (cells[:, : len(head)] == np.frombuffer(head, np.uint8)).all()
            ):
                # All heads are alike and have two points: so nothing behind them is outside the alphabet.
                parts = np.array_split(cells.reshape(-1), -(-cells.size >> 20))
                safe = sum(int(np.count_nonzero(_are_url_safe(part))) for part in parts)
                if safe == cells.size - 2 * len(cells):
                    return _all(array, True)
        return Pattern(rf"p1\.{KEY_ID}\.[A-Za-z0-9_-]{{22,}}", "").holds(array)


@dataclass(frozen=True)
class ClosedSet:
    """One of a fixed list of texts."""

    values: tuple[str, ...]
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase, with the values where they are few."""
        if len(self.values) <= 12:
            return "one of " + ", ".join(self.values)
        return f"one of {len(self.values)} fixed texts"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if not _is_text(array.type):
            return _all(array, False)
        member = pc.is_in(array, value_set=pa.array(self.values, type=array.type))
        return _members(pc.or_(member, pc.is_null(array)))


@dataclass(frozen=True)
class AnyText:
    """Any text: the domain of what is kept or only partly rewritten."""

    description: str = "any text"
    holds_raw_text: ClassVar[bool] = True

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        return _all(array, _is_text(array.type))


@dataclass(frozen=True)
class Typed:
    """Any value of one number or time type."""

    type: pa.DataType
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        return f"any {self.type}"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        return _all(array, array.type == self.type)


@dataclass(frozen=True)
class MultipleOf:
    """Numbers that are multiples of a step (floats: as near as the type allows)."""

    type: pa.DataType
    step: Decimal
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        return f"{self.type}, multiples of {self.step}"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if array.type != self.type:
            return _all(array, False)
        if pa.types.is_integer(self.type):
            try:
                step = pa.scalar(int(self.step), self.type)
            except (OverflowError, pa.ArrowInvalid):  # no other multiple is inside the type
                return _members(pc.equal(array, pa.scalar(0, self.type)))
            return _members(pc.equal(pc.multiply(pc.divide(array, step), step), array))
        if pa.types.is_decimal(self.type):
            wide = array.cast(pa.decimal128(38, self.type.scale))
            floor = pc.round_to_multiple(wide, pa.scalar(self.step, wide.type), round_mode="towards_zero")
            return _members(pc.equal(floor, wide))
        precision = float(np.finfo(self.type.to_pandas_dtype()).eps)
        values = array.to_numpy(zero_copy_only=False).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            quotient = values / float(self.step)
            near = np.abs(quotient - np.rint(quotient)) <= 1e-9 + 4 * precision * np.abs(quotient)
        return pa.array(near | ~np.isfinite(quotient))


def bound_scalar(bound: Decimal, data_type: pa.DataType) -> pa.Scalar:
    """The bound as a value of a number type. Raises `ValueError`, `ArrowInvalid` or `OverflowError`: it is none."""
    if pa.types.is_integer(data_type):
        if bound != bound.to_integral_value():
            raise ValueError("is no whole number")
        return pa.scalar(int(bound), data_type)
    if pa.types.is_decimal(data_type):
        return pa.scalar(bound, data_type)
    return pa.scalar(float(bound), data_type)


@dataclass(frozen=True)
class Between:
    """Numbers from a bottom to a top, both included; None is no bound. A float that is not a number is inside."""

    type: pa.DataType
    bottom: Decimal | None
    top: Decimal | None
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        least = "" if self.bottom is None else f" from {self.bottom}"
        return f"{self.type}{least}{'' if self.top is None else f' to {self.top}'}"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if array.type != self.type:
            return _all(array, False)
        outside = pa.scalar(False)
        if self.bottom is not None:
            outside = pc.or_(outside, pc.less(array, bound_scalar(self.bottom, self.type)))
        if self.top is not None:
            outside = pc.or_(outside, pc.greater(array, bound_scalar(self.top, self.type)))
        return _members(pc.invert(outside))


@dataclass(frozen=True)
class TruncatedTime:
    """Times at the beginning of a calendar unit."""

    type: pa.DataType
    unit: str
    holds_raw_text: ClassVar[bool] = False

    @property
    def description(self) -> str:
        """One phrase."""
        return f"beginning of the {self.unit}"

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        if array.type != self.type:
            return _all(array, False)
        floor = pc.floor_temporal(array, unit=self.unit, week_starts_monday=True).cast(self.type)
        return _members(pc.equal(array, floor))


@dataclass(frozen=True)
class MaskShape:
    """Kept characters around mask characters."""

    pattern: str = field(repr=False)
    description: str
    holds_raw_text: bool

    def holds(self, array: pa.Array) -> pa.Array:
        """One Boolean per cell."""
        return Pattern(f"(?s:{self.pattern})", "").holds(array)
