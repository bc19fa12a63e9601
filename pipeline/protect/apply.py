"""Apply a release's steps to the columns of one slice: each distinct value once, rows only to gather."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from pipeline.protect.model import ExportPlan, Step
from pipeline.protect.remembered import Remembered
from transforms import Keyring, RedactText
from transforms.base import BoundTransform
from transforms.context import Context

if TYPE_CHECKING:
    from pipeline.protect.redact import Redactor

# Classes whose values in the same row are looked for in its free text.
LINKED_CLASSES = frozenset(
    class_id for class_id, data_class in CLASSES.items() if data_class.kind == "direct_identifier"
) | {"order_id", "tracking_number", "postal_address"}

_FEW = 4096  # distinct cells that a column may have to stay encoded


@dataclass(frozen=True)
class BoundStep:
    """A step with its keys."""

    step: Step
    bound: BoundTransform | None  # None for redacted text
    redactor: "Redactor | None" = None
    distinct: Callable[[pa.Array], pa.Array] | None = None  # results for distinct values; None = needs rows
    remembered: Remembered | None = None  # the same with what earlier slices gave, where that is worth while


@dataclass(frozen=True)
class BoundExport:
    """One table of one release, ready to run. Holds keys: it is made in the child and never leaves it."""

    export: ExportPlan
    steps: tuple[BoundStep, ...]  # published ones only

    def __repr__(self) -> str:
        """No keys."""
        return f"BoundExport({self.export.table})"


def bind_export(export: ExportPlan, keyring: Keyring, phone_region: str | None = None) -> BoundExport:
    """Derive the keys of all published steps; `phone_region` is that of numbers without country code in texts."""
    return BoundExport(
        export, tuple(_bind(step, keyring, phone_region) for step in export.steps if step.published)
    )


def _bind(step: Step, keyring: Keyring, phone_region: str | None) -> BoundStep:
    if isinstance(step.transform, RedactText):
        # Brings Presidio: only where free text is published.
        from pipeline.protect.redact import bind_redaction

        def context_for(domain: str) -> Context:
            return replace(step.context, domain=domain)

        return BoundStep(
            step, None, bind_redaction(step.transform, keyring, context_for, region=phone_region)
        )
    bound = step.transform.bind(keyring, step.context)
    if bound.needs_rows:
        return BoundStep(step, bound)
    remembered = Remembered(bound.map_values) if step.transform.keyed else None
    return BoundStep(step, bound, distinct=bound.map_values, remembered=remembered)


def apply_export(
    bound: BoundExport,
    columns: Mapping[str, pa.Array],
    classes: Mapping[str, str],
    rows: pa.Array,
    subject: pa.Array | None,
    row_ids: Callable[[], pa.Array],
) -> pa.Table:
    """Return the published rows; text columns of few distinct cells may come as dictionaries.

    Args:
        bound: the steps with their keys.
        columns: typed columns of the whole slice; text columns may be dictionary arrays.
        classes: column -> data class.
        rows: int64, the rows to publish, in published order.
        subject: text per row of the slice, or None.
        row_ids: makes the row ids of the slice; called only by transforms that need them.

    """
    arrays = []
    for step in bound.steps:
        column = columns[step.step.column]
        if step.redactor is not None:
            arrays.append(_redact(step.redactor, step.step.column, columns, classes, rows))
            continue
        assert step.bound is not None
        if step.distinct is None:
            ids = row_ids().take(rows)
            people = subject.take(rows) if subject is not None else None
            arrays.append(step.bound(_plain(column.take(rows)), subject=people, row_ids=ids))
        elif isinstance(column, pa.DictionaryArray):
            arrays.append(_gathered(step, column.dictionary, column.indices.take(rows)))
        elif pa.types.is_string(column.type):  # nearly all values differ
            arrays.append(_gathered(step, column, rows))
        else:
            arrays.append(step.bound(column.take(rows)))
    return pa.table(arrays, schema=_with_dictionaries(bound.export.schema, arrays))


def _with_dictionaries(schema: pa.Schema, arrays: Sequence[pa.Array]) -> pa.Schema:
    fields = []
    for field, array in zip(schema, arrays, strict=True):
        encoded = isinstance(array, pa.DictionaryArray) and array.type.value_type == field.type
        fields.append(field.with_type(array.type) if encoded else field)
    return pa.schema(fields)


def _gathered(step: BoundStep, values: pa.Array, codes: pa.Array) -> pa.Array:
    """Results of the values, at the published rows."""
    if step.remembered is not None:
        return step.remembered(values, codes)
    assert step.distinct is not None
    results = step.distinct(values)
    if (
        pa.types.is_string(results.type)
        and pc.count_distinct(results.slice(0, _FEW), mode="all").as_py() <= _FEW // 2
    ):
        cells = results.dictionary_encode()
        if len(cells.dictionary) <= _FEW:  # rows are gathered as numbers, and written as such
            return pa.DictionaryArray.from_arrays(cells.indices.take(codes), cells.dictionary)
    return results.take(codes)


def _redact(
    redactor: "Redactor",
    name: str,
    columns: Mapping[str, pa.Array],
    classes: Mapping[str, str],
    rows: pa.Array,
) -> pa.Array:
    identities: dict[str, list[pa.Array]] = {}
    for column, class_id in classes.items():
        if column != name and class_id in LINKED_CLASSES and column in columns:
            identities.setdefault(class_id, []).append(_text(_plain(columns[column].take(rows))))
    return redactor(_plain(columns[name].take(rows)), {c: tuple(found) for c, found in identities.items()})


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _text(array: pa.Array) -> pa.Array:
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
