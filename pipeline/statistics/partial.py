"""The tap that runs in a child: one slice's rows -> partial aggregates, one record a (cell, person)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.config.statistics_models import Dimension, StatisticSpec
from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, ReleasePlan, StatisticPlan
from pipeline.statistics.dimensions import label
from pipeline.statistics.dp_checking import decimals_of
from pipeline.statistics.dp_partial import contributions_of, labels_of
from pipeline.statistics.dp_spill import spill, spill_labels
from pipeline.statistics.filtering import keeps
from pipeline.statistics.model import PartialRef, joined_columns, measured_columns, own_dimensions
from transforms.primitives import hkdf_sha256
from transforms.run_codes import run_codes

Ints = NDArray[np.int64]


def aggregate_slice(view: SliceView, plan: Plan, staging: Path) -> tuple[PartialRef, ...]:
    """Aggregate one slice for every statistic of every release that reads its table; write Arrow files to `staging`.

    A statistic's file has one record a (cell, person): `d0`… dictionary text, `person` int64 (position in the
    slice's file of people), `rows` int64, for the i-th measured column `sum{i}` (whole numbers of its last
    digit: int64) and `values{i}` int64, and `c0`, `c1` where contributors are not the people. For a joined table
    a record is a (person, labels). The file of people has `s0` and `s1` uint64: the person, as a keyed 128-bit
    digest under a key that lives as long as the run; and in a job `word`, by which the subject index knows them.
    A statistic with noise has what `dp_spill` writes instead.
    Only rows that the release may use count, and only those with a subject; the others are counted in the
    answer.
    """
    work = [(r, s) for r in plan.releases for s in r.statistics if view.table in s.spec.tables]
    if not work:
        return ()
    if view.subject is None:
        raise ValueError(f"{view.table} has no subject: the plan must refuse statistics on it")
    people = _People(view, staging)
    refs: list[PartialRef] = []
    for release in dict.fromkeys(release.number for release, _ in work):
        mine = [(r, s) for r, s in work if r.number == release]
        refs += _of_release(view, mine, plan.tables[view.table].classes, people, staging)
    return tuple(refs)


def person_digests(subject: pa.Array, key: bytes) -> NDArray[np.uint64]:
    """Return the first half of every person's digest, as the people's files have it in `s0`; nulls are left out."""
    return _digests(subject.drop_null().unique(), key)[:, 0].copy()


def _digests(names: pa.Array, key: bytes) -> NDArray[np.uint64]:
    return run_codes(hkdf_sha256(key, b"pouch statistics: digests of people", 32), names.cast(pa.string()))


class _People:
    """The slice's people: a code for every row, and their digests in a file."""

    def __init__(self, view: SliceView, staging: Path) -> None:
        subject: Any = view.subject
        coded = subject if pa.types.is_dictionary(subject.type) else subject.dictionary_encode()
        self.subject = subject
        self.codes: pa.Array = coded.indices
        self._key = view.fingerprint_key
        self.file = f"statistics/people-{view.table}-{view.index:06d}.arrow"
        halves = self.digests(coded.dictionary)
        told = {"s0": pa.array(halves[:, 0]), "s1": pa.array(halves[:, 1])}
        if view.known is not None:
            told["word"] = pa.array(view.known.words(coded.dictionary))
        _write(staging / self.file, told)

    def digests(self, names: pa.Array) -> NDArray[np.uint64]:
        """Return both halves of the digest of each name."""
        # In a run the codes never leave staging, and their key dies with it.
        return _digests(names, self._key)


def _of_release(
    view: SliceView,
    work: Sequence[tuple[ReleasePlan, StatisticPlan]],
    classes: Mapping[str, str],
    people: _People,
    staging: Path,
) -> Iterator[PartialRef]:
    release = work[0][0].number
    released = view.released[release]
    rows = released.filter(pc.is_valid(people.codes.take(released)))
    without = len(released) - len(rows)
    used = np.zeros(len(people.codes), dtype=bool)
    refs = []
    for _, statistic in work:
        spec = statistic.spec
        chosen = rows
        if view.table == spec.table and spec.filters:
            chosen = rows.filter(keeps(spec.filters, view.columns, rows))
        used[np.asarray(chosen)] = True
        name = f"statistics/{release}-{statistic.name}-{view.table}-{view.index:06d}.arrow"
        if spec.dp is not None:
            _with_noise(view, spec, classes, chosen, staging / name)
        else:
            own = view.table == spec.table
            _write(
                staging / name,
                _records(view, spec, people, chosen) if own else _joined(view, spec, people, chosen),
            )
        refs.append(PartialRef(release, statistic.name, name, len(chosen), without, view.table, people.file))
    counted = int(used.sum())
    for number, ref in enumerate(refs):
        first = (counted, len(rows) - counted) if number == 0 else (None, 0)
        yield PartialRef(
            ref.release, ref.statistic, ref.path, ref.rows, without, view.table, people.file, *first
        )


def _with_noise(
    view: SliceView, spec: StatisticSpec, classes: Mapping[str, str], rows: pa.Array, path: Path
) -> None:
    if view.table == spec.table:
        spill(contributions_of(view, spec, rows, decimals_of(spec, classes), view.fingerprint_key), path)
    else:
        spill_labels(labels_of(view, spec, rows, view.fingerprint_key), path)


def _records(view: SliceView, spec: StatisticSpec, people: _People, rows: pa.Array) -> dict[str, pa.Array]:
    labels = [_label(view, dimension, rows) for dimension in own_dimensions(spec)]
    person = _numbers(people.codes.take(rows))
    keys = [_numbers(coded.indices) for coded in labels]
    sizes = [len(coded.dictionary) for coded in labels]
    contributor = None
    if spec.protect.contributor is not None:
        contributor = _contributors(view, spec.protect.contributor, people, rows)
        keys.append(contributor[0])
        sizes.append(len(contributor[1]))
    order, starts = _grouped([person, *keys], [len(people.codes) or 1, *sizes])
    first = order[starts]
    out = {
        f"d{i}": pa.DictionaryArray.from_arrays(pa.array(keys[i][first].astype(np.int32)), coded.dictionary)
        for i, coded in enumerate(labels)
    }
    out["person"] = pa.array(person[first])
    out["rows"] = pa.array(np.diff(starts, append=len(order)))
    for i, name in enumerate(measured_columns(spec)):
        values, valid = unscaled(view.columns[name].take(rows))
        out[f"sum{i}"] = _summed(values[order], starts)
        out[f"values{i}"] = pa.array(_reduced(valid[order].astype(np.int64), starts))
    if contributor is not None:
        digests = contributor[1][contributor[0][first]]
        out |= {"c0": pa.array(digests[:, 0]), "c1": pa.array(digests[:, 1])}
    return out


def _joined(view: SliceView, spec: StatisticSpec, people: _People, rows: pa.Array) -> dict[str, pa.Array]:
    """One record a (person, labels) of the columns that this table gives."""
    given = joined_columns(spec)
    wanted = [d for d in spec.dimensions if given.get(d.column) == view.table]
    labels = [_label(view, dimension, rows) for dimension in wanted]
    person = _numbers(people.codes.take(rows))
    keys = [_numbers(coded.indices) for coded in labels]
    order, starts = _grouped([person, *keys], [len(people.codes) or 1, *(len(c.dictionary) for c in labels)])
    first = order[starts]
    out: dict[str, pa.Array] = {
        f"j{spec.dimensions.index(d)}": pa.DictionaryArray.from_arrays(
            pa.array(keys[i][first].astype(np.int32)), labels[i].dictionary
        )
        for i, d in enumerate(wanted)
    }
    return out | {"person": pa.array(person[first])}


def unscaled(column: pa.Array) -> tuple[Ints, NDArray[np.bool_]]:
    """Return exact numbers as whole numbers of their last digit (0 where null), and which are not null."""
    valid = np.asarray(column.is_valid())
    if pa.types.is_decimal(column.type):
        wide = column.cast(pa.decimal128(38, column.type.scale))
        if isinstance(wide, pa.ChunkedArray):
            wide = wide.combine_chunks()
        # A class's decimals have at most 18 digits, so the low half of each 128 bits is the number.
        halves = np.frombuffer(wide.buffers()[1], dtype="<i8")
        numbers = halves.reshape(-1, 2)[wide.offset : wide.offset + len(wide), 0]
    else:
        numbers = np.asarray(column.fill_null(0).cast(pa.int64()))
    return np.where(valid, numbers, 0), valid


# ------------------------------------------------------------------ parts


def _label(view: SliceView, dimension: Dimension, rows: pa.Array) -> pa.DictionaryArray:
    return label(dimension, view.columns[dimension.column].take(rows))


def _contributors(
    view: SliceView, column: str, people: _People, rows: pa.Array
) -> tuple[Ints, NDArray[np.uint64]]:
    """Return, for each row, a code of who contributes, and the digest of each code; without one, the person does."""
    raw = view.columns[column].take(rows)
    coded = raw if pa.types.is_dictionary(raw.type) else raw.cast(pa.string()).dictionary_encode()
    names = coded.dictionary.cast(pa.string())
    groups = people.digests(pc.binary_join_element_wise("contributor", names, "\x1f"))
    subject = people.subject.take(rows)
    alone = subject if pa.types.is_dictionary(subject.type) else subject.dictionary_encode()
    persons = people.digests(alone.dictionary)
    has = np.asarray(coded.indices.is_valid())
    codes = np.where(has, _numbers(coded.indices.fill_null(0)), len(groups) + _numbers(alone.indices))
    return codes, np.concatenate([groups, persons])


def _numbers(array: pa.Array) -> Ints:
    return np.asarray(array).astype(np.int64)


def _grouped(keys: Sequence[Ints], sizes: Sequence[int]) -> tuple[Ints, Ints]:
    """Return an order in which equal keys are neighbors, and where each group starts in it."""
    number = len(keys[0])
    if not number:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    packed = np.zeros(number, dtype=np.int64)
    most = 1
    for key, size in zip(keys, sizes, strict=True):
        most *= max(size, 1)
        if most >= 2**62:  # many dimensions: number what was found so far
            _, packed = np.unique(packed, return_inverse=True)
            most = number * max(size, 1)
        packed = packed * max(size, 1) + key
    order = np.argsort(packed, kind="stable")
    ordered = packed[order]
    return order, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def _reduced(values: Ints, starts: Ints) -> Ints:
    return np.add.reduceat(values, starts) if len(starts) else np.zeros(0, dtype=np.int64)


def _summed(values: Ints, starts: Ints) -> pa.Array:
    """Sums as int64, or as decimals where 64 bits might not hold them."""
    largest = int(np.abs(values.astype(np.float64)).max(initial=0.0))
    if largest * max(len(values), 1) < 2**62:
        return pa.array(_reduced(values, starts))
    wide = np.add.reduceat(values.astype(object), starts) if len(starts) else np.zeros(0, dtype=object)
    return pa.array([str(number) for number in wide], pa.string())


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    table = pa.table(dict(columns))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
