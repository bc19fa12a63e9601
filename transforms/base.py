"""What every transform is: a frozen class that is at once policy schema, documentation row and behavior."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, StringConstraints

from transforms.context import Context
from transforms.domains import OutputDomain
from transforms.errors import KeyUnavailable, TokenRejected, UnsuitableColumn
from transforms.keyring import Keyring

Family = Literal["text", "integer", "decimal", "float", "time"]
TEXT: frozenset[Family] = frozenset({"text"})
NUMBERS: frozenset[Family] = frozenset({"integer", "decimal", "float"})
TIMES: frozenset[Family] = frozenset({"time"})
ANY: frozenset[Family] = TEXT | NUMBERS | TIMES

_BATCH = 1 << 13  # values transformed at a time

ValueFunction = Callable[[pa.Array], pa.Array]
# Whether each distinct value is transformed once; may depend on the values.
Once = bool | Callable[[pa.Array], bool]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]


@dataclass(frozen=True)
class ColumnFacts:
    """What the plan knows of a column before the first row.

    `enumerable` is the number of possible values where an attacker can list them all (phones, IMEI), else
    None.
    """

    data_class: str
    kind: str
    grade: int
    value_type: pa.DataType
    enumerable: int | None = None


@dataclass(frozen=True)
class Output:
    """Type and domain of the published column; both are None where the column is not published (`drop`)."""

    type: pa.DataType | None
    domain: OutputDomain | None


_FAMILIES: tuple[tuple[Family, tuple[Callable[[pa.DataType], bool], ...]], ...] = (
    # A column without any value has type null; it counts as text.
    ("text", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)),
    ("integer", (pa.types.is_integer,)),
    ("decimal", (pa.types.is_decimal,)),
    ("float", (pa.types.is_floating,)),
    ("time", (pa.types.is_timestamp, pa.types.is_date)),
)


def family(data_type: pa.DataType) -> Family | None:
    """Family of an Arrow type; dictionaries count as their values; None = unsupported."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    for name, tests in _FAMILIES:
        if any(test(data_type) for test in tests):
            return name
    return None


def published_type(data_type: pa.DataType) -> pa.DataType:
    """Type in which an unchanged column is published: text is `string`, dictionaries are undone."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    return pa.string() if family(data_type) == "text" else data_type


def plain(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one plain Array: chunks combined, dictionaries undone, text as `string`."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    target = published_type(array.type)
    return array if array.type == target else array.cast(target)


def as_text(values: pa.Array) -> pa.Array:
    """Return the values as text, the form in which numbers and times are hashed and encrypted."""
    return values if values.type == pa.string() else values.cast(pa.string())


class BoundTransform:
    """A transform with its keys: a pure function from arrays to arrays of equal length; nulls stay null."""

    needs_rows: bool = False

    def __init__(
        self,
        transform: "Transform",
        function: ValueFunction,
        *,
        reveal: ValueFunction | None = None,
        once_per_distinct: Once = True,
    ) -> None:
        self._transform = transform
        self._function = function
        self._reveal = reveal
        self._once_per_distinct = once_per_distinct

    def __repr__(self) -> str:
        return f"BoundTransform({self._transform.transform})"

    def __call__(
        self,
        array: pa.Array | pa.ChunkedArray,
        *,
        subject: pa.Array | None = None,
        row_ids: pa.Array | None = None,
    ) -> pa.Array:
        """Transform a column: any Array, ChunkedArray or DictionaryArray in, one plain Array out.

        Raises `UnsuitableColumn` where the type does not suit. The input is never changed.
        """
        return _over_distinct(array, self.map_values, encode=self._once_per_distinct)

    def map_values(self, values: pa.Array) -> pa.Array:
        """Transform values one for one, without looking for equal ones first; for values already distinct.

        In batches, so that what is made of them on the way stays in the processor's cache.
        """
        self._transform.require(values.type)
        values = plain(values)
        if len(values) <= _BATCH:
            return self._function(values)
        starts = range(0, len(values), _BATCH)
        return pa.concat_arrays([self._function(values.slice(start, _BATCH)) for start in starts])

    def reveal(self, array: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Turn tokens back into text. Raises `TokenRejected`, always with the same sentence."""
        if self._reveal is None:
            raise TokenRejected(f"{self._transform.transform} cannot be turned back")
        if family(array.type) != "text":
            raise TokenRejected(REJECTED)
        function = self._reveal
        return _over_distinct(array, lambda values: function(plain(values)), encode=True)


REJECTED = "the token was not made by this key for this recipient, purpose and column"


def _over_distinct(array: pa.Array | pa.ChunkedArray, function: ValueFunction, *, encode: Once) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.DictionaryArray):
        if len(array.dictionary) <= len(array):
            return function(array.dictionary).take(array.indices)
        array = plain(array)  # a short slice of a long dictionary: do not pay for values that are not there
    if family(array.type) is None or not (encode(array) if callable(encode) else encode):
        return function(array)
    encoded = plain(array).dictionary_encode()
    return function(encoded.dictionary).take(encoded.indices)


class Transform(BaseModel):
    """One way to treat a column. Subclasses state guarantee, price and source in their docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    technique: ClassVar[str]  # term of ISO/IEC 20889
    keyed: ClassVar[bool] = False
    reversible: ClassVar[bool] = False
    identifying: ClassVar[bool] = False  # a published cell can still single out a person
    input_types: ClassVar[frozenset[Family]] = TEXT

    transform: str
    accept_weakness: Reason | None = None

    @abstractmethod
    def output(self, facts: ColumnFacts) -> Output:
        """Type and domain of the published column. Raises `UnsuitableColumn` where the type does not suit."""

    def weakness(self, facts: ColumnFacts) -> str | None:
        """One sentence with the number that makes the choice weak on this column, or None."""
        return None

    def caution(self, facts: ColumnFacts) -> str | None:
        """One sentence that the plan warns with, or None; unlike a weakness, it refuses nothing."""
        return None

    @abstractmethod
    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Fix keys and context. Raises `KeyUnavailable` where a key is needed and there is none."""

    def require(self, data_type: pa.DataType) -> None:
        """Raise `UnsuitableColumn` unless a column of this type suits."""
        if family(data_type) not in self.input_types:
            suitable = ", ".join(sorted(self.input_types))
            raise UnsuitableColumn(f"{self.transform} takes {suitable} columns, this one is {data_type}")

    def need_keyring(self, keyring: Keyring | None) -> Keyring:
        """Return the keyring. Raises `KeyUnavailable` where there is none."""
        if keyring is None:
            raise KeyUnavailable(f"{self.transform} needs a keyring")
        return keyring
