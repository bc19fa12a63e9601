"""Who is behind each cell of a released table, as marks that can be compared within one state.

    leaf   the cell, in C order over the labels of the table
    unit   64 bits of a person's keyed digest
    marks  for each quantity: the person's contribution times an odd number of their own, modulo 2^64

A mark is zero where the contribution is, marks of one person add up over cells as contributions do, and two marks of
one person are equal exactly where the contributions are. The numbers follow from the other half of the digest, which is
not kept: a mark shows no amount at sight. It is a mask, no encryption; the state is private (0700).
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.statistics.model import OTHER

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
NOBODY: Marks = np.zeros(0, np.uint64)
PEOPLE = "people"
_SHARES = (256, 16)  # of the people: that enough of few differ shows that enough differ
Labels = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Population:
    """One row a (leaf, unit). `marks` has `rows` and `sum:<column>`; that there is a row is the mark of `people`."""

    leaf: Ints = field(repr=False)
    unit: Marks = field(repr=False)
    marks: Mapping[str, Marks] = field(repr=False)

    def __len__(self) -> int:
        return len(self.leaf)

    @cached_property
    def _starts(self) -> Ints:
        """Where the records of each leaf that holds somebody begin: records stand in the order of leaves."""
        return np.flatnonzero(np.diff(self.leaf, prepend=-1))

    @property
    def leaves(self) -> Ints:
        """Leaves that hold somebody."""
        return self.leaf[self._starts]

    def within(self, regions: Ints) -> tuple[Ints, Ints]:
        """Return region and place of every record whose leaf is in one; `regions` maps leaves to them, -1 for none."""
        of_leaf = regions[self.leaves]
        lengths = np.diff(np.append(self._starts, len(self.leaf)))
        chosen = of_leaf >= 0
        if chosen.all():
            return np.repeat(of_leaf, lengths), np.arange(len(self.leaf))
        starts, lengths = self._starts[chosen], lengths[chosen]
        moved = starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(starts) else starts
        return np.repeat(of_leaf[chosen], lengths), np.arange(lengths.sum()) + np.repeat(moved, lengths)

    @cached_property
    def _smallest(self) -> "Population":
        return self._share(_SHARES[0])

    def sample(self, share: int) -> "Population":
        """The records of every `share`-th person."""
        return self if share == 1 else self._smallest if share == _SHARES[0] else self._share(share)

    def _share(self, share: int) -> "Population":
        at = np.flatnonzero(self.unit <= np.uint64((2**64 - 1) // share))
        return Population(self.leaf[at], self.unit[at], {name: one[at] for name, one in self.marks.items()})

    @property
    def quantities(self) -> frozenset[str]:
        """What the marks are of."""
        return frozenset({PEOPLE, *self.marks})


@dataclass(frozen=True)
class Truth:
    """The true figures of every leaf that holds somebody; stays in the state."""

    leaf: Ints = field(repr=False)
    values: Mapping[str, Floats] = field(repr=False)  # by quantity

    def dense(self, quantity: str, size: int) -> Floats:
        """The figures of all leaves."""
        found = np.zeros(size)
        found[self.leaf] = self.values[quantity]
        return found


def population_of(partials: pa.Table, columns: Sequence[str], labels: Labels) -> tuple[Population, Truth]:
    """Fold partial aggregates (one row a (cell, person), as `aggregate_slice` writes them) to a table's labels.

    `columns` are the measured ones, in the order of `sum0`, `sum1`…; `labels` are the leaves of each dimension. A label
    that the table does not name counts as `other`, as in the table itself.
    """
    leaf = _leaves(partials, labels)
    first = np.asarray(partials["s0"].combine_chunks(), dtype=np.uint64)
    second = np.asarray(partials["s1"].combine_chunks(), dtype=np.uint64)
    contributions = {"rows": np.asarray(partials["rows"].combine_chunks(), dtype=np.int64)}
    for i, column in enumerate(columns):
        contributions[f"sum:{column}"] = _whole(partials[f"sum{i}"].combine_chunks())
    order = by_leaf_and_unit(leaf, first)
    leaf, first, second = leaf[order], first[order], second[order]
    starts = np.flatnonzero((np.diff(leaf, prepend=-1) != 0) | (np.diff(first, prepend=~first[:1]) != 0))
    marks: dict[str, Marks] = {}
    kept = leaf[starts]
    first_of_cell = np.flatnonzero(np.diff(kept, prepend=-1))
    cells = kept[first_of_cell]
    counts = np.diff(np.append(first_of_cell, len(starts)))
    values: dict[str, Floats] = {PEOPLE: counts.astype(np.float64)}
    for name, amounts in contributions.items():
        each = np.add.reduceat(amounts[order], starts) if len(starts) else amounts[:0]
        marks[name] = each.astype(np.uint64) * _odd(second[starts], name)
        values[name] = np.add.reduceat(each.astype(np.float64), first_of_cell) if len(cells) else np.zeros(0)
    return Population(kept, first[starts], marks), Truth(cells, values)


def by_leaf_and_unit(leaf: Ints, unit: Marks) -> Ints:
    """Return the order by leaf, then by unit; as `np.lexsort`, three times as quick where leaves are few."""
    order = np.argsort(unit)
    few = leaf.max(initial=0) < 1 << 16
    keys = leaf[order].astype(np.uint16) if few else leaf[order]  # 16 bits are sorted by radix
    found: Ints = order[np.argsort(keys, kind="stable")]
    return found


def _odd(half: Marks, quantity: str) -> Marks:
    """An odd number for each person and quantity: the finalizer of MurmurHash3 over digest and name."""
    name = int.from_bytes(hashlib.sha256(quantity.encode()).digest()[:8], "big")
    mixed = half ^ np.uint64(name)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(factor)
    return (mixed ^ (mixed >> np.uint64(33))) | np.uint64(1)


def _leaves(partials: pa.Table, labels: Labels) -> Ints:
    code = np.zeros(len(partials), dtype=np.int64)
    for i, known in enumerate(labels):
        column, texts = partials[f"d{i}"].combine_chunks(), pa.array(known, pa.string())
        if pa.types.is_dictionary(column.type):  # each label once
            at = pc.index_in(column.dictionary, value_set=texts).take(column.indices)
        else:
            at = pc.index_in(column, value_set=texts)
        rest = known.index(OTHER) if OTHER in known else None
        if rest is not None:
            at = at.fill_null(rest)
        elif at.null_count:
            raise ValueError("a label is not among the table's")
        code = code * len(known) + np.asarray(at, dtype=np.int64)
    return code


def _whole(sums: pa.Array) -> Ints:
    """Exact sums in smallest units, modulo 2^64: enough to compare; nulls are zero."""
    if pa.types.is_string(sums.type):  # too large for 64 bits
        return np.array([int(text or 0) & (2**64 - 1) for text in sums.to_pylist()], dtype=np.uint64).astype(
            np.int64
        )
    if pa.types.is_integer(sums.type):
        return np.asarray(sums.fill_null(0), dtype=np.int64)
    wide = pa.concat_arrays([sums.cast(pa.decimal128(38, sums.type.scale))])
    words = np.frombuffer(wide.buffers()[1] or b"", dtype="<i8")[2 * wide.offset :][: 2 * len(wide)]
    whole = words.reshape(-1, 2)[:, 0].copy()
    whole[pc.is_null(sums).to_numpy(zero_copy_only=False).astype(bool)] = 0
    return whole


@dataclass(frozen=True)
class Crowd:
    """The people of one table, or of several nights side by side: the leaves of each are moved by its offset."""

    parts: tuple[tuple[Population, int], ...] = field(repr=False)

    @property
    def quantities(self) -> frozenset[str]:
        """What all marks are of."""
        return frozenset.intersection(*(part.quantities for part, _ in self.parts))

    def __len__(self) -> int:
        return sum(len(part) for part, _ in self.parts)

    @cached_property
    def leaves(self) -> Ints:
        """Leaves that hold somebody."""
        return np.concatenate([part.leaves + offset for part, offset in self.parts])

    def inside(self, regions: Ints, quantities: Sequence[str], share: int) -> "_Inside":
        """The records of leaves that are in a region, of every `share`-th person."""
        found: list[tuple[Ints, Marks, list[Marks]]] = []
        for whole, offset in self.parts:
            part = whole.sample(share)
            region, at = part.within(regions[offset:])
            found.append((region, part.unit[at], [part.marks[name][at] for name in quantities]))
        return _Inside(
            np.concatenate([one[0] for one in found]),
            np.concatenate([one[1] for one in found]),
            tuple(np.concatenate([one[2][i] for one in found]) for i in range(len(quantities))),
        )


@dataclass(frozen=True)
class _Inside:
    region: Ints
    unit: Marks
    marks: tuple[Marks, ...]


@dataclass(frozen=True)
class Differences:
    """What two crowds bring to the regions that both have.

    `people` has, by region, how many units bring different contributions where they are fewer than asked for, and 0
    where everybody brings the same. `many` are the regions with more of them. Regions where nobody brings the same to
    both, so that the two figures have nothing to do with each other, are `strangers`.
    """

    people: Mapping[int, int]
    changed: Mapping[int, frozenset[str]]  # quantities in which they differ
    many: frozenset[int]
    strangers: frozenset[int]


_WORTH = 1 << 9  # records of a share: fewer show nothing


def differences(one: Crowd, other: Crowd, to_one: Ints, to_other: Ints, least: int) -> Differences:
    """Compare two crowds, region by region; `to_one` and `to_other` map leaves to regions, -1 leaves a leaf out.

    Where `least` of a share of the people differ, as many differ of all, and nobody else of the region is looked at.
    """
    quantities = sorted((one.quantities & other.quantities) - {PEOPLE})
    number = 1 + int(max(to_one.max(initial=0), to_other.max(initial=0)))
    many = np.zeros(number, dtype=bool)
    for share in _SHARES:
        if len(one) + len(other) < share * _WORTH:
            continue
        region, differs = _compared(one, other, to_one, to_other, quantities, share)
        enough = np.bincount(region[differs.any(axis=0)], minlength=number) >= least
        many |= enough
        to_one, to_other = (np.where((to >= 0) & enough[to], -1, to) for to in (to_one, to_other))
    region, differs = _compared(one, other, to_one, to_other, quantities, 1)
    counts = np.bincount(region[differs.any(axis=0)], minlength=number)
    totals = np.bincount(region, minlength=number)
    many |= counts >= least
    here = (totals > 0) & ~many
    by_quantity = [np.bincount(region[marks], minlength=number) > 0 for marks in differs]
    names = (PEOPLE, *quantities)
    changed = {
        int(place): frozenset(name for name, found in zip(names, by_quantity, strict=True) if found[place])
        for place in np.flatnonzero(counts)
    }
    return Differences(
        {int(place): int(counts[place]) for place in np.flatnonzero(here)},
        changed,
        frozenset(np.flatnonzero(many).tolist()),
        frozenset(np.flatnonzero(here & (counts == totals)).tolist()),
    )


def _compared(
    one: Crowd, other: Crowd, to_one: Ints, to_other: Ints, quantities: Sequence[str], share: int
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Region of every (region, unit), and in which quantities the unit differs (people first)."""
    left, right = one.inside(to_one, quantities, share), other.inside(to_other, quantities, share)
    region = np.concatenate([left.region, right.region])
    unit = np.concatenate([left.unit, right.unit])
    order = np.lexsort((unit, region))
    region, unit = region[order], unit[order]
    if not len(region):
        return region, np.zeros((1 + len(quantities), 0), dtype=bool)
    starts = np.flatnonzero((np.diff(region, prepend=-2) != 0) | (np.diff(unit, prepend=~unit[:1]) != 0))
    side = np.concatenate([np.zeros(len(left.unit), np.int8), np.ones(len(right.unit), np.int8)])[order]
    # A person in several leaves of a region is one person of it.
    differs = [np.minimum.reduceat(side, starts) == np.maximum.reduceat(side, starts)]
    for mine, theirs in zip(left.marks, right.marks, strict=True):
        marks = np.concatenate([mine, (~theirs) + np.uint64(1)])[order]
        differs.append(np.add.reduceat(marks, starts) != 0)
    return region[starts], np.stack(differs)


# ------------------------------------------------------------------ in the state


def as_bytes(population: Population) -> bytes:
    """An Arrow file, for the state: as it lies on disk it can be used, without being read into memory."""
    columns = {"leaf": pa.array(population.leaf), "unit": pa.array(population.unit)}
    columns |= {name: pa.array(marks) for name, marks in sorted(population.marks.items())}
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_bytes(content: bytes | Path) -> Population:
    """What `as_bytes` wrote, or a file of it, which stays on disk."""
    source = pa.memory_map(str(content)) if isinstance(content, Path) else pa.BufferReader(content)
    table = pa.ipc.open_file(source).read_all()
    marks = {
        name: np.asarray(table[name].combine_chunks())
        for name in table.column_names
        if name not in ("leaf", "unit")
    }
    return Population(
        np.asarray(table["leaf"].combine_chunks()), np.asarray(table["unit"].combine_chunks()), marks
    )


def truth_as_bytes(truth: Truth) -> bytes:
    """Parquet, for the state."""
    return _parquet(
        pa.table({"leaf": pa.array(truth.leaf)} | {n: pa.array(v) for n, v in truth.values.items()})
    )


def truth_from_bytes(content: bytes | Path) -> Truth:
    """What `truth_as_bytes` wrote."""
    table = pq.read_table(content if isinstance(content, Path) else io.BytesIO(content))
    names = [name for name in table.column_names if name != "leaf"]
    return Truth(
        np.asarray(table["leaf"].combine_chunks()),
        {name: np.asarray(table[name].combine_chunks()) for name in names},
    )


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, write_statistics=False, store_schema=False)
    return sink.getvalue()
