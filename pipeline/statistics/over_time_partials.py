"""Partial aggregates of all slices as one table: who brings what to which cell, with people known as the guard does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.statistics_models import StatisticSpec
from pipeline.protect.model import StatisticPlan
from pipeline.statistics.model import RESERVED, PartialRef, joined_columns
from pipeline.statistics.one_label import one_label
from pipeline.statistics.over_time_population import Ints, Marks
from transforms.primitives import hkdf_sha256
from transforms.run_codes import run_codes


def units_of(words: Marks, secret: bytes) -> tuple[Marks, Marks]:
    """Return both halves of the units of people whom a job's children know by 64-bit words."""
    texts = pa.Array.from_buffers(
        pa.binary(8), len(words), [None, pa.py_buffer(words.astype("<u8").tobytes())]
    )
    codes = run_codes(hkdf_sha256(secret, b"pouch statistics: people over time", 32), texts)
    return codes[:, 0].copy(), codes[:, 1].copy()


def partials_of(
    refs: Sequence[PartialRef], statistic: StatisticPlan, staging: Path, secret: bytes
) -> pa.Table:
    """Read what `aggregate_slice` wrote for one statistic as one table: `d0`…, `s0`, `s1`, `rows`, `sum0`…

    `d0`… are dictionary text, one a dimension: of joined columns the one label of each person; of a cohort the period
    of the person's first row and the record's own. `s0` and `s1` mean the same people in all releases of the state:
    digests under its own secret, or made under it from the words of the subject index.
    """
    spec = statistic.spec
    mine = [ref for ref in refs if ref.statistic == statistic.name]
    own = _read_all([ref for ref in mine if ref.table == spec.table], staging, secret)
    if spec.cohort is not None:
        return _by_cohort(own)
    if not spec.join:
        return own
    columns = {name: own[name].combine_chunks() for name in own.column_names if name[0] != "d"}
    given = joined_columns(spec)
    position = 0
    people = np.asarray(columns["s0"])
    joined: dict[str, pa.Table] = {}
    for i, dimension in enumerate(spec.dimensions):
        table = given.get(dimension.column)
        if table is None:
            columns[f"d{i}"] = own[f"d{position}"].combine_chunks()
            position += 1
            continue
        if table not in joined:
            joined[table] = _read_all([ref for ref in mine if ref.table == table], staging, secret)
        columns[f"d{i}"] = one_label(
            joined[table][f"j{i}"].combine_chunks(), np.asarray(joined[table]["s0"].combine_chunks()), people
        )
    return pa.table(columns)


def leaves_of(spec: StatisticSpec, labels: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return the leaves of `partials_of`; `labels` are those of the table's dimensions.

    A cohort's table is one of first period and period: `after` says how far they lie apart.
    """
    return (labels[0], labels[0]) if spec.cohort is not None else tuple(labels)


def _read_all(refs: Sequence[PartialRef], staging: Path, secret: bytes) -> pa.Table:
    parts = []
    for ref in sorted(refs, key=lambda ref: ref.path):
        table, people = _read(staging / ref.path), _read(staging / ref.people)
        columns = {
            name: table[name].combine_chunks()
            for name in table.column_names
            if name[0] in "dj" or name == "rows" or name.startswith("sum")
        }
        person = np.asarray(table["person"].combine_chunks())
        if "word" in people.column_names:
            halves = units_of(np.asarray(people["word"].combine_chunks()), secret)
        else:
            halves = (np.asarray(people["s0"].combine_chunks()), np.asarray(people["s1"].combine_chunks()))
        columns |= {f"s{i}": pa.array(half[person]) for i, half in enumerate(halves)}
        parts.append(pa.table(_same_sums(columns)))
    wide = any(pa.types.is_string(part.schema.field(name).type) for part in parts for name in _sums(part))
    if wide:
        parts = [_as_text(part) for part in parts]
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _same_sums(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return {
        n: c.chunk(0) if isinstance(c, pa.ChunkedArray) and c.num_chunks else c for n, c in columns.items()
    }


def _sums(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name.startswith("sum")]


def _as_text(table: pa.Table) -> pa.Table:
    """Sums as text: in some slice 64 bits did not hold them."""
    for name in _sums(table):
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.string()))
    return table


def _by_cohort(own: pa.Table) -> pa.Table:
    """Records by (first period of the person, period); rows without a time are in no cohort."""
    coded = own["d0"].combine_chunks()
    names = coded.dictionary.to_pylist()
    # Labels of one unit ascend as texts do.
    ranked = sorted(name for name in names if name not in RESERVED)
    place = {name: number for number, name in enumerate(ranked)}
    period = np.array([place.get(name, -1) for name in names], dtype=np.int64)[np.asarray(coded.indices)]
    own = own.filter(pa.array(period >= 0))
    period = period[period >= 0]
    unit = np.asarray(own["s0"].combine_chunks())
    who, person = np.unique(unit, return_inverse=True)
    first = np.full(len(who), len(ranked), dtype=np.int64)
    np.minimum.at(first, person.ravel(), period)
    columns = {name: own[name].combine_chunks() for name in own.column_names if name != "d0"}
    columns["d0"] = _dictionary(first[person.ravel()], ranked)
    columns["d1"] = _dictionary(period, ranked)
    return pa.table(columns)


def _dictionary(codes: Ints, names: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string()))


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
