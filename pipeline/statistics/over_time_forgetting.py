"""Erased people in what the guard over time keeps: their digests go, the differences stay guarded.

The guard must still know that *somebody* was behind a cell, or the next table would tell by how much it differs. So a
unit is not removed: in all tables of the state it is replaced by one random number, and its marks are multiplied by
random odd ones. Equal contributions stay equal, and nothing leads from the subject to them any more: not the
keyring, not the state's secret, since the numbers are kept nowhere.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.state import State
from pipeline.state.budget import BudgetLedger
from pipeline.state.budget_anchor import write_anchors
from pipeline.state.budget_events import contents
from pipeline.state.budget_store import read_content, replace_content, sweep_contents
from pipeline.statistics.over_time_partials import units_of
from pipeline.statistics.over_time_population import Marks, Population, as_bytes, by_leaf_and_unit, from_bytes
from pipeline.statistics.partial import person_digests

NOT_KEPT = "was in no table that the guard over time keeps"
_POPULATION = ".population.arrow"


@dataclass(frozen=True)
class Forgotten:
    """What takes the place of one unit."""

    unit: int
    factors: dict[str, int] = field(default_factory=dict, repr=False)  # by quantity, odd

    def factor(self, quantity: str) -> int:
        """The number of a quantity, the same in every table."""
        return self.factors.setdefault(quantity, secrets.randbits(64) | 1)


def forget_people(
    store: State, ledger: BudgetLedger, out: Path, words: Marks, subjects: pa.Array
) -> dict[int, int]:
    """Replace people in everything that the guard keeps; return how many tables held each, by word.

    Args:
        store: the state, under its lock.
        ledger: of that state.
        out: where its anchors lie.
        words: by which a job's tables know them (see `protect.known_subjects`).
        subjects: the same people as `pouch stats` names them, in the same order.

    Each release is replaced in one step: the new bytes are on disk, then the ledger names them, then the old ones go.
    Calling it again finishes what was interrupted. Published bytes do not change. Raises CheckFailed, PublishFailed.

    """
    known = [units_of(words, ledger.secret)[0], person_digests(subjects, ledger.secret)]
    instead: dict[int, Forgotten] = {}
    whose: dict[int, int] = {}
    for units in known:
        for word, unit in zip(words.tolist(), units.tolist(), strict=True):
            instead[unit] = Forgotten(secrets.randbits(64))
            whose[unit] = word
    found = dict.fromkeys(words.tolist(), 0)
    for event, content in contents(ledger.events()).values():
        files = read_content(store, event.release, content)
        changed = False
        for name in [name for name in files if name.endswith(_POPULATION)]:
            population = from_bytes(files[name])
            held = [unit for unit in instead if (population.unit == np.uint64(unit)).any()]
            for unit in held:
                found[whose[unit]] += 1
                population = _without(population, unit, instead[unit])
                changed = True
            if held:
                files[name] = as_bytes(population)
        if changed:
            digest = replace_content(store, event.release, files)
            ledger.remasked(event.of, digest)
            write_anchors(ledger, out, event.recipient, event.dataset)
    sweep_contents(store, {event.release: content for event, content in contents(ledger.events()).values()})
    return found


def _without(population: Population, unit: int, other: Forgotten) -> Population:
    mine = population.unit == np.uint64(unit)
    marks: Mapping[str, Marks] = {
        name: np.where(mine, values * np.uint64(other.factor(name)), values)
        for name, values in population.marks.items()
    }
    moved = replace(population, unit=np.where(mine, np.uint64(other.unit), population.unit), marks=marks)
    # Rows stand in the order of units: a new number in an old place would tell where the old one stood.
    order = by_leaf_and_unit(moved.leaf, moved.unit)
    return Population(
        moved.leaf[order], moved.unit[order], {name: one[order] for name, one in moved.marks.items()}
    )


def told_of(words: Sequence[int], found: Mapping[int, int]) -> list[str]:
    """Say, for each word, what became of it and what stays, for the receipt."""
    return [
        NOT_KEPT
        if not found.get(word)
        else f"replaced by a random number in {found[word]} tables that the guard over time keeps, so that nothing "
        "leads from the subject to it any more; that somebody was behind those cells stays, because later tables are "
        "held against it, and so do the figures that count the subject"
        for word in words
    ]
