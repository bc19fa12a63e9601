"""Replace values through a lookup."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from transforms.base import TEXT, BoundTransform, ColumnFacts, Family, Output, Transform, as_text
from transforms.context import Context
from transforms.domains import ClosedSet
from transforms.errors import BadParameter
from transforms.keyring import Keyring

TOP = "*"


class Hierarchy(Transform):
    """Replace a value with what stands for it at `level` of a hierarchy file, or in an inline `lookup`.

    Guarantee: only texts of the lookup are published; a value that it does not list becomes `*`. A file has
    one row per value: the value, then its generalizations from fine to coarse (level n = column n). Price:
    detail, as the lookup says. Suits text and integers. Source: ISO/IEC 20889, generalization; the file
    form of ARX.
    """

    technique: ClassVar[str] = "generalization"
    input_types: ClassVar[frozenset[Family]] = TEXT | {"integer"}

    transform: Literal["hierarchy"] = "hierarchy"
    file: str | None = Field(default=None, min_length=1)
    level: int = Field(default=1, ge=1, le=50)
    lookup: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Hierarchy":
        if (self.file is None) == (self.lookup is None):
            raise ValueError("must have either a file or a lookup")
        if self.lookup is not None and not self.lookup:
            raise ValueError("must list at least one value")
        return self

    def with_rows(self, rows: Iterable[Sequence[str]]) -> "Hierarchy":
        """Return this transform with the lookup of its level, from its file's rows. Raises `BadParameter`."""
        lookup: dict[str, str] = {}
        for number, row in enumerate(rows, start=1):
            if len(row) <= self.level:
                raise BadParameter(
                    f"row {number} of the hierarchy must reach level {self.level}, has {len(row) - 1}"
                )
            if lookup.setdefault(row[0], row[self.level]) != row[self.level]:
                raise BadParameter(
                    f"row {number} of the hierarchy contradicts an earlier row of the same value"
                )
        if not lookup:
            raise BadParameter("the hierarchy must have at least one row")
        return self.model_copy(update={"lookup": lookup})

    def output(self, facts: ColumnFacts) -> Output:
        """Text of the lookup, or `*`."""
        self.require(facts.value_type)
        return Output(pa.string(), ClosedSet(tuple(sorted({*self._loaded().values(), TOP}))))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations on distinct values."""
        lookup = self._loaded()
        keys = pa.array(list(lookup), pa.string())
        labels = pa.array([*lookup.values(), TOP], pa.string())

        def generalized(values: pa.Array) -> pa.Array:
            found = pc.index_in(as_text(values), value_set=keys).fill_null(len(lookup))
            return pc.if_else(pc.is_valid(values), labels.take(found), pa.scalar(None, pa.string()))

        return BoundTransform(self, generalized)

    def _loaded(self) -> Mapping[str, str]:
        if self.lookup is None:
            raise BadParameter("the rows of the hierarchy's file must be loaded first")
        return self.lookup
