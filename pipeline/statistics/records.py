"""Reading partial aggregates back: one array a column over all slices, people numbered across slices."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.cells import Ints
from pipeline.statistics.distinct import distinct
from pipeline.statistics.model import NONE, SEVERAL, PartialRef, joined_columns, measured_columns

Digests = NDArray[np.uint64]


@dataclass(frozen=True)
class Records:
    """One entry a (leaf cell, person) and slice: `codes[i]` are positions in `labels[i]`, one pair a dimension."""

    person: Ints = field(repr=False)
    contributor: Ints = field(repr=False)
    rows: Ints = field(repr=False)
    labels: tuple[tuple[str, ...], ...] = field(repr=False)
    codes: tuple[Ints, ...] = field(repr=False)
    columns: tuple[str, ...]
    sums: tuple[NDArray[Any], ...] = field(repr=False)  # int64, or Python ints
    values: tuple[Ints, ...] = field(repr=False)
    people: int  # person < people
    contributors_are_people: bool = True

    def with_codes(self, codes: Sequence[Ints], labels: Sequence[tuple[str, ...]]) -> "Records":
        """The same records in other cells."""
        return replace(self, codes=tuple(codes), labels=tuple(labels))


class People:
    """Numbers for the people of a release's slices: equal digests, equal number."""

    def __init__(self, refs: Sequence[PartialRef], staging: Path) -> None:
        files = sorted({ref.people for ref in refs})
        tables = [_read(staging / name) for name in files]
        first = np.concatenate([np.zeros(0, dtype=np.uint64), *(np.asarray(t["s0"]) for t in tables)])
        second = np.concatenate([np.zeros(0, dtype=np.uint64), *(np.asarray(t["s1"]) for t in tables)])
        codes, self.number = number_digests(first, second)
        ends = np.cumsum([0, *(t.num_rows for t in tables)])
        self._codes = {name: codes[a:b] for name, a, b in zip(files, ends[:-1], ends[1:], strict=True)}

    def of(self, ref: PartialRef, person: Ints) -> Ints:
        """Numbers of people across slices from positions in one slice's file."""
        return self._codes[ref.people][person]

    def joined(
        self, records: Records, refs: Sequence[PartialRef], spec: StatisticSpec, staging: Path
    ) -> Records:
        """Give each person the one label that all of the person's rows in a joined table share."""
        given = joined_columns(spec)
        wanted = [i for i, d in enumerate(spec.dimensions) if refs and given.get(d.column) == refs[0].table]
        labels, codes = list(records.labels), list(records.codes)
        for position in wanted:
            tables = [_read(staging / ref.path) for ref in refs]
            person = np.concatenate(
                [self.of(r, np.asarray(t["person"])) for r, t in zip(refs, tables, strict=True)]
            )
            found, code = _unified([t[f"j{position}"] for t in tables])
            names = (*dict.fromkeys((*found, NONE, SEVERAL)),)
            own = np.full(self.number, names.index(NONE), dtype=np.int64)
            told = np.array([*(name != NONE for name in found), False], dtype=bool)[code]
            pairs = distinct(code[told], person[told], len(names), self.number)
            what, who = pairs // max(self.number, 1), pairs % max(self.number, 1)
            own[who] = what
            several = np.bincount(who, minlength=self.number) > 1
            own[several] = names.index(SEVERAL)
            labels[position], codes[position] = names, own[records.person]
        return records.with_codes(codes, labels)


def read_records(refs: Sequence[PartialRef], spec: StatisticSpec, people: People, staging: Path) -> Records:
    """Read all slices of one statistic; dimensions that joined tables give have no labels yet."""
    tables = [_read(staging / ref.path) for ref in sorted(refs, key=lambda ref: ref.path)]
    refs = sorted(refs, key=lambda ref: ref.path)
    person = _joined_ints([people.of(r, np.asarray(t["person"])) for r, t in zip(refs, tables, strict=True)])
    given = joined_columns(spec)
    labels: list[tuple[str, ...]] = []
    codes: list[Ints] = []
    own = 0
    for column in [spec.cohort.column] if spec.cohort else [d.column for d in spec.dimensions]:
        if column in given:
            labels.append((NONE,))
            codes.append(np.zeros(len(person), dtype=np.int64))
            continue
        found, code = _unified([t[f"d{own}"] for t in tables])
        labels.append(found)
        codes.append(code)
        own += 1
    columns = measured_columns(spec)
    contributor = person
    if spec.protect.contributor is not None:
        parts = [(np.asarray(t["c0"]), np.asarray(t["c1"])) for t in tables]
        empty = np.zeros(0, dtype=np.uint64)
        numbers, _ = number_digests(
            np.concatenate([empty, *(a for a, _ in parts)]), np.concatenate([empty, *(b for _, b in parts)])
        )
        contributor = people.number + numbers  # households are nobody's number
    return Records(
        person,
        contributor,
        _joined_ints([np.asarray(t["rows"]) for t in tables]),
        tuple(labels),
        tuple(codes),
        columns,
        tuple(_sums([t[f"sum{i}"] for t in tables]) for i in range(len(columns))),
        tuple(_joined_ints([np.asarray(t[f"values{i}"]) for t in tables]) for i in range(len(columns))),
        people.number,
        spec.protect.contributor is None,
    )


def number_digests(first: Digests, second: Digests) -> tuple[Ints, int]:
    """Number pairs of 64 bits: equal pairs get equal numbers from 0. The order of numbers is the digests'."""
    order = np.argsort(first, kind="stable")
    a, b = first[order], second[order]
    fresh = np.ones(len(a), dtype=bool)
    fresh[1:] = a[1:] != a[:-1]
    if np.any(~fresh[1:] & (b[1:] != b[:-1])):  # two people share 64 bits: sort by all 128
        order = np.lexsort((second, first))
        a, b = first[order], second[order]
        fresh[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    codes = np.empty(len(a), dtype=np.int64)
    codes[order] = np.cumsum(fresh) - 1
    return codes, int(fresh.sum()) if len(a) else 0


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _joined_ints(parts: Sequence[Any]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *(np.asarray(p, dtype=np.int64) for p in parts)])


def _unified(columns: Sequence[pa.ChunkedArray]) -> tuple[tuple[str, ...], Ints]:
    """Return all labels of dictionary columns, sorted, and each entry's position among them."""
    arrays = [column.combine_chunks() for column in columns]
    arrays = [a.chunk(0) if isinstance(a, pa.ChunkedArray) and a.num_chunks else a for a in arrays]
    names = sorted({x for a in arrays for x in a.dictionary.to_pylist()}) if arrays else []
    place = {name: i for i, name in enumerate(names)}
    codes = [
        np.array([place[x] for x in a.dictionary.to_pylist()], dtype=np.int64)[np.asarray(a.indices)]
        if len(a)
        else np.zeros(0, dtype=np.int64)
        for a in arrays
    ]
    return tuple(names), _joined_ints(codes)


def _sums(columns: Sequence[pa.ChunkedArray]) -> NDArray[Any]:
    """Sums over slices as int64, or as Python ints where all of them together might not fit."""
    if any(pa.types.is_string(column.type) for column in columns):
        return np.array([int(x) for column in columns for x in column.to_pylist()], dtype=object)
    whole = _joined_ints([np.asarray(column) for column in columns])
    if float(np.abs(whole.astype(np.float64)).sum()) < 2.0**61:
        return whole
    return whole.astype(object)
