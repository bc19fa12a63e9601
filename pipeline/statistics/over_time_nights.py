"""Which nights put together another table may be the sum of: a week is the sum of its days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.statistics.over_time_population import PEOPLE, Marks
from pipeline.statistics.over_time_tables import Released

_NEAREST = 12  # runs that a table is compared with, cell by cell
_RANKED = 1 << 15  # records of a share of the people, by which they are chosen


@dataclass(frozen=True)
class Ranking:
    """Nights of one specification, in order, ready to be held against other tables."""

    nights: Sequence[Released]

    def runs(self, against: Released, *, to_the_end: bool = False) -> Iterator[list[Released]]:
        """Yield the runs of at least two nights that come nearest to a table: by people who differ, then by rows.

        A table that is one of the nights in another form is compared with that night alone, and is no sum of several.
        With `to_the_end` only runs that end with the last night.
        """
        quantities = [name for name in self._quantities if name in against.population.quantities]
        if not quantities or len(self.nights) < 2:
            return
        place, outside, vectors = self._of(against, quantities)
        mine = np.zeros(len(self._units), dtype=bool)
        mine[place] = True
        people = len(place) + outside
        if 2 * max(self._agreeing(n, n + 1, mine, vectors) for n in range(len(self.nights))) > people:
            return
        rows = [float(one.truth.values["rows"].sum()) for one in (*self.nights, against)]
        ranked = []
        for end in range(len(self.nights) if to_the_end else 2, len(self.nights) + 1):
            for start in range(end - 1):
                agreeing = self._agreeing(start, end, mine, vectors)
                differ = int((mine | self._present(start, end)).sum()) + outside - agreeing
                ranked.append((differ, abs(sum(rows[start:end]) - rows[-1]), start, end))
        for *_, start, end in sorted(ranked)[:_NEAREST]:
            yield list(self.nights[start:end])

    @cached_property
    def _quantities(self) -> list[str]:
        return sorted(frozenset.intersection(*(one.population.quantities for one in self.nights)) - {PEOPLE})

    @cached_property
    def _limit(self) -> np.uint64:
        share = max(1, sum(len(one.population) for one in self.nights) // _RANKED)
        return np.uint64((2**64 - 1) // share)

    @cached_property
    def _chosen(self) -> list[npt.NDArray[np.int64]]:
        return [np.flatnonzero(one.population.unit <= self._limit) for one in self.nights]

    @cached_property
    def _units(self) -> Marks:
        return np.unique(
            np.concatenate([n.population.unit[at] for n, at in zip(self.nights, self._chosen, strict=True)])
        )

    @cached_property
    def _upto(self) -> dict[str, Marks]:
        """By quantity: the marks of every chosen person, of no night, the first, the first two, and so on."""
        found = {}
        for name in self._quantities:
            each = np.zeros((1 + len(self.nights), len(self._units)), dtype=np.uint64)
            for i, (one, at) in enumerate(zip(self.nights, self._chosen, strict=True), start=1):
                who = np.searchsorted(self._units, one.population.unit[at])
                np.add.at(each[i], who, one.population.marks[name][at])
            found[name] = np.cumsum(each, axis=0, dtype=np.uint64)
        return found

    @cached_property
    def _seen(self) -> npt.NDArray[np.int64]:
        """How many of the first nights each chosen person is in."""
        each = np.zeros((1 + len(self.nights), len(self._units)), dtype=np.int64)
        for i, (one, at) in enumerate(zip(self.nights, self._chosen, strict=True), start=1):
            each[i, np.searchsorted(self._units, one.population.unit[at])] = 1
        return np.cumsum(each, axis=0)

    def _present(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        return np.asarray(self._seen[end] > self._seen[start])

    def _of(
        self, against: Released, quantities: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], int, dict[str, Marks]]:
        """Which of the chosen people a table has, how many others of their share, and the marks of the former."""
        population = against.population
        at = np.flatnonzero(population.unit <= self._limit)
        unit = population.unit[at]
        who = np.minimum(np.searchsorted(self._units, unit), max(len(self._units) - 1, 0))
        known = self._units[who] == unit if len(self._units) else np.zeros(len(unit), dtype=bool)
        vectors = {}
        for name in quantities:
            vectors[name] = np.zeros(len(self._units), dtype=np.uint64)
            np.add.at(vectors[name], who[known], population.marks[name][at[known]])
        return np.unique(who[known]), len(np.unique(unit[~known])), vectors

    def _agreeing(self, start: int, end: int, mine: npt.NDArray[np.bool_], vectors: dict[str, Marks]) -> int:
        """How many people bring the same to a run of nights and to the table."""
        same = mine & self._present(start, end)
        for name, vector in vectors.items():
            same &= self._upto[name][end] - self._upto[name][start] == vector
        return int(same.sum())
