"""What an attacker may put equal between releases: sums over regions in which (nearly) nobody's contribution changed.

    sum of some leaves of one side - sum of some leaves of the other = what the people who differ bring

Nobody differs: the two sums are one number. Fewer than `min_people` differ: the difference is a figure about too few,
and must stay unknown. As many or more: it is a figure about enough people, like any published one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.statistics.over_time_nights import Ranking
from pipeline.statistics.over_time_population import Crowd, Differences, Ints, differences
from pipeline.statistics.over_time_regions import Regions, regions, side_by_side
from pipeline.statistics.over_time_tables import Coordinate, Released

_NIGHTS = 62  # that are put together; a table of a longer time is compared with the releases one by one
Side = tuple[tuple[str, Ints], ...]  # key of a table, its leaves


@dataclass(frozen=True)
class Relation:
    """Two sums over the same region; `changed` has the quantities in which they differ."""

    left: Side = field(repr=False)
    right: Side = field(repr=False)
    people: int  # who bring different contributions; 0: the sums are equal
    changed: frozenset[str] = frozenset()

    @property
    def keys(self) -> frozenset[str]:
        """The tables it joins."""
        return frozenset(key for key, _ in (*self.left, *self.right))


@dataclass(frozen=True)
class _Group:
    """One table, or several nights of one specification put together."""

    tables: tuple[Released, ...]
    coordinates: tuple[Coordinate, ...]
    crowd: Crowd = field(repr=False)

    def side(self, leaves: Ints) -> Side:
        """The leaves of each table among those of the group."""
        size = self.tables[0].leaves
        night, leaf = np.divmod(leaves, size)
        return tuple((self.tables[int(n)].key, leaf[night == n]) for n in np.unique(night))


def relations_of(new: Released, history: Sequence[Released]) -> list[Relation]:
    """Return the relations that a new table brings in, with any earlier table and with nights put together."""
    alike = [one for one in history if one.source == new.source]
    found: list[Relation] = []
    for one in alike:
        found += _between(_alone(new), _alone(one), max(new.least, one.least))
    for nights in _series(alike):
        for run in Ranking(nights).runs(new):
            found += _between(_alone(new), _together(run, new), max(new.least, run[0].least))
    for nights in _series([*alike, new]):
        if new not in nights:
            continue
        ranking = Ranking(nights[: nights.index(new) + 1])
        for old in alike:
            if old not in nights:
                for run in ranking.runs(old, to_the_end=True):
                    found += _between(_alone(old), _together(run, old), max(new.least, old.least))
    return found


def _alone(one: Released) -> _Group:
    return _Group((one,), one.coordinates, Crowd(((one.population, 0),)))


def _together(nights: Sequence[Released], against: Released) -> _Group:
    mine = {c.column for c in nights[0].coordinates}
    time = next(
        (c.column for c in against.coordinates if c.meaning.startswith("unit") and c.column not in mine), None
    )
    parts = tuple((one.population, i * nights[0].leaves) for i, one in enumerate(nights))
    return _Group(tuple(nights), side_by_side(nights, time), Crowd(parts))


def _series(tables: Sequence[Released]) -> Iterator[list[Released]]:
    """Nights of one specification, in order; of each night the newest release."""
    by_form: dict[tuple[object, ...], dict[str, Released]] = {}
    for one in tables:
        if one.window and not one.follows:
            form = tuple((c.column, c.meaning, c.labels) for c in one.coordinates)
            by_form.setdefault((one.source, form), {})[one.window] = one
    for nights in by_form.values():
        if len(nights) > 1:
            yield [nights[window] for window in sorted(nights)][-_NIGHTS:]


def _between(one: _Group, other: _Group, least: int) -> Iterator[Relation]:
    finest: tuple[Regions, Differences] | None = None
    for level in regions(one.coordinates, other.coordinates):
        found = differences(one.crowd, other.crowd, level.to_one, level.to_other, least)
        if finest is None:
            finest = level, found
            wanted = set(found.people)
        else:
            wanted = set(found.people) & _with_changes(level, *finest)
        mine, theirs = _leaves_by_region(level.to_one), _leaves_by_region(level.to_other)
        for region in sorted(wanted - found.strangers):
            if region in mine and region in theirs:
                yield Relation(
                    one.side(mine[region]),
                    other.side(theirs[region]),
                    found.people[region],
                    found.changed.get(region, frozenset()),
                )


def _with_changes(level: Regions, finest: Regions, found: Differences) -> set[int]:
    """Coarser regions that are not just sums of finer ones in which nothing changed."""
    places = np.array([*found.changed, *found.many], dtype=np.int64)
    regions_changed = set(
        np.unique(level.to_one[np.isin(finest.to_one, places) | (finest.to_one < 0)]).tolist()
    )
    gone = np.isin(finest.to_other, places) | (finest.to_other < 0)
    return (regions_changed | set(np.unique(level.to_other[gone]).tolist())) - {-1}


def _leaves_by_region(codes: Ints) -> dict[int, Ints]:
    order = np.argsort(codes, kind="stable")
    places, starts = np.unique(codes[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(place): np.sort(group) for place, group in zip(places, groups, strict=True) if place >= 0}


# ------------------------------------------------------------------ in the state


def relations_as_bytes(relations: Sequence[Relation]) -> bytes:
    """JSON, for the state."""
    return json.dumps(
        [
            {
                "left": [[key, leaves.tolist()] for key, leaves in one.left],
                "right": [[key, leaves.tolist()] for key, leaves in one.right],
                "people": one.people,
                "changed": sorted(one.changed),
            }
            for one in relations
        ]
    ).encode()


def relations_from_bytes(content: bytes) -> list[Relation]:
    """What `relations_as_bytes` wrote."""
    return [
        Relation(_side(one["left"]), _side(one["right"]), one["people"], frozenset(one["changed"]))
        for one in json.loads(content)
    ]


def _side(entries: Sequence[tuple[str, Sequence[int]]]) -> Side:
    return tuple((key, np.array(leaves, dtype=np.int64)) for key, leaves in entries)
