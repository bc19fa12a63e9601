"""One slice's rows -> what each privacy unit brings to each cell, with every value clamped to its declared bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.dp_models import Period, Quantile
from pipeline.config.statistics_models import Dimension, StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.statistics.dimensions import label
from pipeline.statistics.dp_design import asked, edges, noise_of, quantiles_of, whole_bounds
from pipeline.statistics.model import joined_columns, own_dimensions
from pipeline.statistics.one_label import one_label
from transforms.primitives import hkdf_sha256, hmac_sha256_column


@dataclass(frozen=True)
class Contributions:
    """What units bring, before it is bounded.

    `cells` has one row a (cell, unit, person): `d0`… text, `unit` and `person` binary(16), `rows` int64, and for
    each summed column `sum_<column>` int64 (smallest units, clamped row by row) and `values_<column>` int64.
    `steps` has, by column, one row a (cell, unit, step): `d0`…, `unit`, `step` int32, `rows` int64.
    """

    cells: pa.Table = field(repr=False)
    steps: Mapping[str, pa.Table] = field(repr=False)


def contributions_of(
    view: SliceView, spec: StatisticSpec, rows: pa.Array, decimals: Mapping[str, int], key: bytes
) -> Contributions:
    """Aggregate the given rows of a slice; rows without a subject must be left out already.

    `key` (16 bytes or more) makes people digests that mean nothing without it; equal keys, equal digests.
    """
    columns: dict[str, pa.Array] = {}
    for i, dimension in _placed(spec):
        columns[f"d{i}"] = label(dimension, view.columns[dimension.column].take(rows)).cast(pa.string())
    keys = list(columns)
    columns["unit"], columns["person"] = _units(view, spec, rows, key)
    noise = noise_of(spec)
    wanted: list[tuple[str, str]] = [("rows", "sum")]
    columns["rows"] = pa.array(np.ones(len(rows), dtype=np.int64))
    for name in summed(spec):
        values = _whole(view.columns[name].take(rows), decimals[name])
        columns[f"sum_{name}"] = _clamped(values, whole_bounds(noise, name, decimals[name])).fill_null(0)
        columns[f"values_{name}"] = pc.is_valid(values).cast(pa.int64())
        wanted += [(f"sum_{name}", "sum"), (f"values_{name}", "sum")]
    cells = _grouped(pa.table(columns), [*keys, "unit", "person"], wanted)
    steps = {
        quantile.quantile: _steps(view, spec, quantile, rows, decimals, columns)
        for quantile in quantiles_of(spec)
    }
    return Contributions(cells, steps)


def joined(parts: Sequence[Contributions], spec: StatisticSpec) -> Contributions:
    """Join slices: a person whose rows lie in several brings their sum."""
    table = pa.concat_tables([part.cells for part in parts])
    keys = [name for name in table.column_names if name[0] == "d"]
    numbers = [(name, "sum") for name in table.column_names if name not in (*keys, "unit", "person")]
    steps = {
        q.quantile: _grouped(
            pa.concat_tables([part.steps[q.quantile] for part in parts]),
            [*keys, "unit", "step"],
            [("rows", "sum")],
        )
        for q in quantiles_of(spec)
    }
    return Contributions(_grouped(table, [*keys, "unit", "person"], numbers), steps)


def labels_of(view: SliceView, spec: StatisticSpec, rows: pa.Array, key: bytes) -> pa.Table:
    """What a slice of a joined table says of people, each once: `person` as in `Contributions`, `j<i>` by dimension."""
    given = joined_columns(spec)
    columns = {
        f"j{i}": label(dimension, view.columns[dimension.column].take(rows)).cast(pa.string())
        for i, dimension in enumerate(spec.dimensions)
        if given.get(dimension.column) == view.table
    }
    subject = _text(view.subject.take(rows))  # type: ignore[union-attr]
    columns["person"] = _digests(subject, hkdf_sha256(key, b"pouch dp: digests of people", 32))
    return _grouped(pa.table(columns), list(columns), [])


def with_labels(
    given: Contributions, spec: StatisticSpec, told: Mapping[str, Sequence[pa.Table]]
) -> Contributions:
    """Give every record the labels that joined tables tell of its person.

    `told` has, by joined table, what `labels_of` found in its slices. A unit is one person here, with all rows of all
    tables, and a label follows from the person's own rows: nobody else's cells move when one person leaves.
    """
    columns = joined_columns(spec)
    cells, steps = given.cells, dict(given.steps)
    for i, dimension in enumerate(spec.dimensions):
        table = columns.get(dimension.column)
        if table is None:
            continue
        slices = told[table]
        persons = pa.concat_arrays(
            [cells["person"].combine_chunks(), *(t["person"].combine_chunks() for t in slices)]
        )
        code = np.asarray(persons.dictionary_encode().indices).astype(np.uint64)
        names = pa.concat_arrays([pa.array([], pa.string()), *(t[f"j{i}"].combine_chunks() for t in slices)])
        found = one_label(names.dictionary_encode(), code[len(cells) :], code[: len(cells)]).cast(pa.string())
        unit = cells["unit"].combine_chunks()
        cells = cells.append_column(f"d{i}", found)
        for name, step in steps.items():  # a unit's cells all have its person's label
            at = pc.index_in(step["unit"].combine_chunks(), value_set=unit)
            steps[name] = step.append_column(f"d{i}", found.take(at))
    return Contributions(cells, steps)


def followed(given: Contributions, spec: StatisticSpec) -> Contributions:
    """Cells of a cohort: (first declared period of the person, periods later); other periods do not count.

    The unit is the subject: a person's first period follows from the person's own rows, and moves nobody else's cells.
    """
    assert spec.cohort is not None and spec.cohort.values is not None
    cells, periods = given.cells, spec.cohort.values
    period = pc.index_in(cells["d0"].combine_chunks(), value_set=pa.array(periods))
    cells = cells.filter(pc.is_valid(period))
    period = np.asarray(period.drop_null()).astype(np.int64)
    person = np.asarray(cells["person"].combine_chunks().dictionary_encode().indices).astype(np.int64)
    first = np.full(int(person.max(initial=-1)) + 1, len(periods), dtype=np.int64)
    np.minimum.at(first, person, period)
    after = period - first[person]
    cells = cells.set_column(0, "d0", pa.array(periods).take(pa.array(first[person])))
    cells = cells.append_column("d1", pa.array(after).cast(pa.string()))
    return Contributions(cells.filter(pa.array(after < spec.cohort.periods)), {})


def _placed(spec: StatisticSpec) -> list[tuple[int, Dimension]]:
    """The dimensions over columns of the table itself, with their place among all."""
    own = own_dimensions(spec)
    every = own if spec.cohort is not None else spec.dimensions
    return [(every.index(dimension), dimension) for dimension in own]


def summed(spec: StatisticSpec) -> tuple[str, ...]:
    """Columns of sums and means."""
    return tuple(column for kind, column in asked(spec) if kind == "sum")


def _grouped(table: pa.Table, keys: Sequence[str], wanted: Sequence[tuple[str, str]]) -> pa.Table:
    found = table.group_by(list(keys), use_threads=False).aggregate(list(wanted))
    names = [name.removesuffix("_sum") if name not in keys else name for name in found.column_names]
    order = [*keys, *(column for column, _ in wanted)]
    return found.rename_columns(names).select(order).combine_chunks()


def _units(view: SliceView, spec: StatisticSpec, rows: pa.Array, key: bytes) -> tuple[pa.Array, pa.Array]:
    """Digest of the protected unit and of the person, for every row."""
    subject = _text(view.subject.take(rows))  # type: ignore[union-attr]
    person = _digests(subject, hkdf_sha256(key, b"pouch dp: digests of people", 32))
    noise = noise_of(spec)
    unit = subject
    if noise.unit is not None:
        named = pc.coalesce(*(_text(view.columns[column].take(rows)) for column in noise.unit))
        # Who is in no household is a household alone; the letter keeps the two kinds of names apart.
        unit = pc.coalesce(
            pc.binary_join_element_wise("h", named, ":"), pc.binary_join_element_wise("p", subject, ":")
        )
    if isinstance(noise.period, Period):
        dated = Dimension(column=noise.period.column, unit=noise.period.unit)
        when = label(dated, view.columns[noise.period.column].take(rows)).cast(pa.string())
        unit = pc.binary_join_element_wise(when, unit, "|")
    return _digests(unit, hkdf_sha256(key, b"pouch dp: digests of units", 32)), person


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if not pa.types.is_string(column.type) else column


def _digests(texts: pa.Array, key: bytes) -> pa.Array:
    coded = texts.dictionary_encode()
    distinct = hmac_sha256_column(key, map(str.encode, coded.dictionary.to_pylist()))
    return pa.array([digest[:16] for digest in distinct], pa.binary(16)).take(coded.indices)


def _whole(column: pa.Array, decimals: int) -> pa.Array:
    """Values in the column's smallest unit, as int64; nulls stay, and what passes 64 bits is the largest."""
    if not pa.types.is_decimal(column.type):
        return column.cast(pa.int64())
    wide = pa.concat_arrays([column.cast(pa.decimal128(38, decimals))])
    words = np.frombuffer(wide.buffers()[1] or b"", dtype="<i8")[2 * wide.offset :][: 2 * len(wide)].reshape(
        -1, 2
    )
    low, high = words[:, 0], words[:, 1]
    limits = np.iinfo(np.int64)
    whole = np.where(high == low >> 63, low, np.where(high < 0, limits.min, limits.max))
    return pa.array(whole, mask=np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=bool))


def _clamped(values: pa.Array, bounds: tuple[int, int]) -> pa.Array:
    low, high = bounds
    return pc.max_element_wise(pc.min_element_wise(values, high, skip_nulls=False), low, skip_nulls=False)


def _steps(
    view: SliceView,
    spec: StatisticSpec,
    quantile: Quantile,
    rows: pa.Array,
    decimals: Mapping[str, int],
    columns: Mapping[str, pa.Array],
) -> pa.Table:
    name, noise = quantile.quantile, noise_of(spec)
    values = _whole(view.columns[name].take(rows), decimals[name])
    clamped = _clamped(values, whole_bounds(noise, name, decimals[name]))
    known = pc.is_valid(clamped)
    at = np.searchsorted(edges(noise, quantile, decimals[name]), np.asarray(clamped.fill_null(0)))
    keys = [key for key in columns if key[0] == "d"]
    table = {key: columns[key] for key in keys}
    table |= {"unit": columns["unit"], "step": pa.array(at.astype(np.int32)), "rows": columns["rows"]}
    return _grouped(
        pa.table(table).filter(known),
        [*keys, "unit", "step"],
        [("rows", "sum")],
    )
