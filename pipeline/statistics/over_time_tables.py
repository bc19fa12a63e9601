"""A released table as the guard over time sees it: what its rows mean, what it says, who is behind it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.statistics_models import Mean, Share, StatisticSpec, Sum
from pipeline.errors import CheckFailed
from pipeline.statistics.model import PUBLISHED, SUPPRESSED, TOTAL, dimension_columns, joined_columns
from pipeline.statistics.over_time_population import (
    Floats,
    Ints,
    Labels,
    Population,
    Truth,
    as_bytes,
    from_bytes,
    truth_as_bytes,
    truth_from_bytes,
)

FORMAT = "pouch guard 2"
_FIRST = "values first "
SPANS = ("year", "quarter", "month", "week", "day", "hour")


@dataclass(frozen=True)
class Coordinate:
    """One dimension: the column, what its labels mean (`values`, `unit day`, `bands 10,50`), and its leaves."""

    column: str
    meaning: str
    labels: tuple[str, ...] = field(repr=False)
    parents: Mapping[str, str] = field(default_factory=dict, repr=False)  # label -> what it is part of

    def leaves_of(self, label: str) -> tuple[int, ...]:
        """Positions of the leaves that a label stands for; `*` is all of them."""
        if label == TOTAL:
            return tuple(range(len(self.labels)))
        return tuple(i for i, leaf in enumerate(self.labels) if label in self._path(leaf))

    def _path(self, leaf: str) -> Iterator[str]:
        seen = leaf
        while True:
            yield seen
            if seen not in self.parents:
                return
            seen = self.parents[seen]


@dataclass(frozen=True)
class Released:
    """One table that was given, or is about to be.

    `source` says of which data and whom it is; `window` is the date of its release or empty.
    `names` has the labels of each published row, `shown` whether its figures are published, `guarded` whether it was
    the guard that suppressed it: such a row is told by earlier tables anyway, but for the difference.
    """

    release: str
    recipient: str
    name: str
    source: str
    window: str
    least: int  # min_people of its policy
    coordinates: tuple[Coordinate, ...]
    names: tuple[tuple[str, ...], ...] = field(repr=False)
    shown: npt.NDArray[np.bool_] = field(repr=False)
    guarded: npt.NDArray[np.bool_] = field(repr=False)
    published: frozenset[str]  # quantities that shown rows tell
    population: Population = field(repr=False)
    truth: Truth = field(repr=False)
    people: str = ""  # names the key under which units are known
    ties: tuple[tuple[int, int], ...] = ()  # (whole, part): a row's share tells the row whose part it is

    @property
    def table(self) -> str:
        """The table whose rows are counted."""
        return str(json.loads(self.source)[0])

    @property
    def key(self) -> str:
        """Name of the table among all."""
        return f"{self.release}/{self.name}"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Leaves of each dimension."""
        return tuple(len(one.labels) for one in self.coordinates)

    @property
    def leaves(self) -> int:
        """How many leaves the table has."""
        return prod(self.shape)

    @property
    def follows(self) -> bool:
        """Whether it follows cohorts: its leaves are (first period, period), its rows (cohort, periods later)."""
        return bool(self.coordinates) and self.coordinates[0].meaning.startswith(_FIRST)

    @cached_property
    def members(self) -> tuple[Ints, ...]:
        """The leaves of every row. Of a cohort itself: all that its people did, since that are the same people."""
        if self.follows:
            return tuple(self._followed(*row) for row in self.names)
        known = [
            {
                label: np.array(one.leaves_of(label), dtype=np.int64)
                for label in {row[i] for row in self.names}
            }
            for i, one in enumerate(self.coordinates)
        ]
        return tuple(
            _product([part[label] for part, label in zip(known, row, strict=True)], self.shape)
            for row in self.names
        )

    def _followed(self, cohort: str, after: str) -> Ints:
        firsts, later, size = self._cohorts(cohort), int(after), len(self.coordinates[1].labels)
        if later:
            return np.array([c * size + c + later for c in firsts if c + later < size], dtype=np.int64)
        return np.array([c * size + p for c in firsts for p in range(c, size)], dtype=np.int64)

    def _cohorts(self, cohort: str) -> Sequence[int]:
        periods = self.coordinates[0].labels
        return range(len(periods)) if cohort == TOTAL else (periods.index(cohort),)

    def everybody(self, row: int) -> Ints | None:
        """Leaves that hold each person of a row once; None where the row is not a cohort itself."""
        if not self.follows or int(self.names[row][1]):
            return None
        size = len(self.coordinates[1].labels)
        return np.array([c * size + c for c in self._cohorts(self.names[row][0])], dtype=np.int64)

    def values(self, quantity: str) -> Floats:
        """True figures of every row. Of people of several leaves: distinct ones."""
        leaves = self.truth.dense(quantity, self.leaves)
        if quantity != "people":
            return np.array([leaves[members].sum() for members in self.members])
        return np.array(
            [leaves[m[0]] if len(m) == 1 else float(self._people(m)) for m in self.members], dtype=np.float64
        )

    def _people(self, members: Ints) -> int:
        inside = np.zeros(self.leaves, dtype=bool)
        inside[members] = True
        return len(np.unique(self.population.unit[inside[self.population.leaf]]))

    @cached_property
    def sensitive(self) -> npt.NDArray[np.bool_]:
        """Rows of somebody that its own rules suppressed: nobody may learn them."""
        return np.asarray(~self.shown & ~self.guarded & (self.values("people") > 0))

    def hiding(self, rows: npt.NDArray[np.bool_], *, by_guard: bool = True) -> "Released":
        """The same table with these rows suppressed, too, and with those whose shares would tell them."""
        shown = self.shown & ~rows
        while telling := [part for whole, part in self.ties if shown[part] and not shown[whole]]:
            shown[telling] = False
        guarded = self.guarded | (self.shown & ~shown) if by_guard else self.guarded
        return replace(self, shown=shown, guarded=guarded)


def _product(parts: Sequence[Ints], shape: tuple[int, ...]) -> Ints:
    code = np.zeros(1, dtype=np.int64)
    for part, size in zip(parts, shape, strict=True):
        code = (code[:, None] * size + part[None, :]).ravel()
    return code


def coordinates_of(
    spec: StatisticSpec, labels: Labels, trees: Sequence[Mapping[str, str]] | None = None
) -> tuple[Coordinate, ...]:
    """Return the dimensions of a table; `trees` has, for each, label -> what it is part of.

    A joined column is another one than a column of that name in the table itself. Of a cohort the second dimension is
    the time itself, so that its table is compared with others by that time, too.
    """
    if spec.cohort is not None:
        column, unit = spec.cohort.column, spec.cohort.unit
        return (
            Coordinate(f"first {column}", f"{_FIRST}{unit}", labels[0]),
            Coordinate(column, f"unit {unit}", labels[1]),
        )
    found = []
    given = joined_columns(spec)
    for i, (dimension, known) in enumerate(zip(spec.dimensions, labels, strict=True)):
        meaning = "values"
        if dimension.unit is not None:
            # What has no beginning and end in time (a weekday) is compared as a value.
            meaning = f"{'unit' if dimension.unit in SPANS else 'values'} {dimension.unit}"
        elif dimension.bands is not None:
            meaning = "bands " + ",".join(map(repr, dimension.bands))
        table = given.get(dimension.column)
        column = f"{table}/{dimension.column}" if table else dimension.column
        found.append(Coordinate(column, meaning, known, trees[i] if trees else {}))
    return tuple(found)


def source_of(spec: StatisticSpec, subject: Sequence[str]) -> str:
    """Say of what and of whom a table is.

    Not which rows it chose: whether two tables speak of the same rows is told by who is behind their cells, so that
    a table that leaves a few out is compared with the one that did not.
    """
    return json.dumps([spec.table, list(subject)], ensure_ascii=False)


def quantities_told(spec: StatisticSpec) -> frozenset[str]:
    """Return what a published row tells: a mean with its divisor's bounds tells as much as the sum."""
    found = set()
    for measure in spec.measures:
        match measure:
            case Sum(sum=column) | Mean(mean=column):
                found.add(f"sum:{column}")
            case Share(share=what):
                found.add(what if what in ("people", "rows") else f"sum:{what}")
            case "people" | "rows":
                found.add(measure)
    return frozenset(found)


def rows_of(spec: StatisticSpec, table: pa.Table) -> tuple[tuple[str, ...], ...]:
    """Return the labels of every row of a published table."""
    columns = [table[column].to_pylist() for column in dimension_columns(spec)]
    return tuple(zip(*columns, strict=True))


def ties_of(spec: StatisticSpec, names: Sequence[tuple[str, ...]]) -> tuple[tuple[int, int], ...]:
    """Return (whole, part) for every row that is told as a share of another one."""
    place = {name: row for row, name in enumerate(names)}
    found = []
    for measure in spec.measures:
        if not isinstance(measure, Share):
            continue
        for row, name in enumerate(names):
            kept = [dimension.column in measure.within for dimension in spec.dimensions]
            cohort = (name[0], "0") if spec.cohort is not None else None
            whole = cohort or tuple(label if keep else TOTAL for label, keep in zip(name, kept, strict=False))
            if place.get(whole, row) != row:
                found.append((place[whole], row))
    return tuple(dict.fromkeys(found))


def shown_rows(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows are published."""
    return np.array([status == PUBLISHED for status in table["status"].to_pylist()], dtype=bool)


def suppressed(table: pa.Table, spec: StatisticSpec, rows: npt.NDArray[np.bool_]) -> pa.Table:
    """Return a published table with more rows suppressed: all their measures together."""
    hidden = pa.array(rows)
    dimensions = set(dimension_columns(spec))
    columns = []
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name == "status":
            column = pc.if_else(hidden, SUPPRESSED, column)
        elif name not in dimensions:
            column = pc.if_else(hidden, pa.scalar(None, column.type), column)
        columns.append(column)
    return pa.table(columns, schema=table.schema)


# ------------------------------------------------------------------ in the state


def kept_files(one: Released) -> dict[str, bytes]:
    """What the state keeps of a table, to compare later ones with."""
    head: dict[str, Any] = {
        "format": FORMAT,
        "name": one.name,
        "source": one.source,
        "window": one.window,
        "people": one.people,
        "least": one.least,
        "coordinates": [
            {"column": c.column, "meaning": c.meaning, "labels": c.labels, "parents": dict(c.parents)}
            for c in one.coordinates
        ],
        "names": one.names,
        "shown": one.shown.astype(int).tolist(),
        "guarded": one.guarded.astype(int).tolist(),
        "published": sorted(one.published),
    }
    base = f"internal/{one.name}"
    return {
        f"{base}.guard.json": json.dumps(head, ensure_ascii=False).encode(),
        f"{base}.population.arrow": as_bytes(one.population),
        f"{base}.truth.parquet": truth_as_bytes(one.truth),
    }


def read_kept(release: str, recipient: str, files: Mapping[str, bytes | Path]) -> Iterator[Released]:
    """Yield the tables that a stored release keeps; a release of noise keeps none.

    `files` has contents, or paths of verified files: then populations stay on disk.
    """
    for name in sorted(files):
        if not name.endswith(".guard.json"):
            continue
        head = json.loads(_content(files[name]))
        if head["format"] != FORMAT:
            raise CheckFailed(
                "a table that was released from this state was kept by another version of Pouch",
                where="statistics",
                hint="run the version that wrote it; a new state would not know what was given",
            )
        base = name.removesuffix(".guard.json")
        yield Released(
            release,
            recipient,
            head["name"],
            head["source"],
            head["window"],
            head["least"],
            tuple(
                Coordinate(c["column"], c["meaning"], tuple(c["labels"]), c["parents"])
                for c in head["coordinates"]
            ),
            tuple(map(tuple, head["names"])),
            np.array(head["shown"], dtype=bool),
            np.array(head["guarded"], dtype=bool),
            frozenset(head["published"]),
            from_bytes(files[f"{base}.population.arrow"]),
            truth_from_bytes(files[f"{base}.truth.parquet"]),
            head["people"],
        )


def _content(file: bytes | Path) -> bytes:
    return file.read_bytes() if isinstance(file, Path) else file
