"""The proof of a release's suppression: counts and intervals for the state, never for the release."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PublishFailed
from pipeline.statistics.auditing import Audit
from pipeline.statistics.blocks import Block
from pipeline.statistics.cells import Cells, Ints
from pipeline.statistics.relations import Linked
from pipeline.statistics.rules import Sensitivity
from pipeline.statistics.suppressing import Pattern

MOST_INTERVALS = 5_000  # of one statistic that are written one by one; the narrowest are always there


def evidence_of(
    linked: Linked, found: Mapping[str, Sensitivity], pattern: Pattern
) -> dict[str, dict[str, Any]]:
    """Return, for each table, how many cells each rule named, how the pattern was found, and what is proved.

    An interval is what an attacker cannot narrow further than: every value between its ends fits all that is
    published. It is told as far as the policy asks and holds for outsiders; coalitions were asked as well.
    """
    answer: dict[str, dict[str, Any]] = {}
    for table in linked.tables:
        place, cells = linked.places[table.name], table.cells
        listed = ~cells.hidden if cells.absent is None else ~cells.hidden & ~cells.absent
        suppressed = pattern.suppressed[place] & listed
        primary = found[table.name].cells & listed
        answer[table.name] = {
            "cells": int(listed.sum()),
            "published": int((listed & ~suppressed).sum()),
            "sensitive": {rule: number for rule, number in found[table.name].reasons.items() if number},
            "complementary": int((suppressed & ~primary).sum()),
            "linked_with": [other.name for other in linked.tables if other is not table],
            "method": pattern.method,
            "programs": pattern.programs,
            "coalitions": pattern.coalitions,
        }
        intervals = list(_intervals(cells, place, pattern.audits))
        answer[table.name] |= {
            "too_narrow": sum(one["width"] < one["needed"] * (1 - 1e-6) for one in intervals),
            "intervals": intervals[:MOST_INTERVALS],
        }
    return answer


def write_evidence(directory: Path, recipient: str, evidence: Mapping[str, Any]) -> Path:
    """Write the proof beside the run's records, readable by the owner alone. Raises PublishFailed."""
    path = directory / f"statistics-{recipient}.json"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(evidence, file, ensure_ascii=False, indent=1, sort_keys=True)
            file.write("\n")
    except OSError as error:
        raise PublishFailed(f"the proof of the statistics cannot be written: {error.strerror}") from None
    return path


def _intervals(cells: Cells, place: Ints, audits: tuple[Audit, ...]) -> Iterator[dict[str, Any]]:
    own = {int(linked): cell for cell, linked in enumerate(place)}
    for audit in audits:
        block = audit.block
        need = block.need
        asked = np.flatnonzero((need.up > 0) | (need.down > 0) | (need.width > 0))
        width = (audit.up + audit.down) * block.unit
        for number in asked[np.argsort(width[asked], kind="stable")]:
            cell = own.get(int(block.cell[number]))
            if cell is not None and not cells.hidden[cell]:
                yield {
                    "cell": _labels(cells, cell),
                    "quantity": block.names[block.quantity[number]],
                    "width": round(float(width[number]), 6),
                    "needed": round(float(_needed(block, int(number))), 6),
                }


def _needed(block: Block, number: int) -> float:
    need = block.need
    return float(max(need.up[number] + need.down[number], need.width[number]) * block.unit)


def _labels(cells: Cells, cell: int) -> list[str]:
    nodes = np.unravel_index(cell, cells.shape)
    return [axis.labels[int(node)] for axis, node in zip(cells.axes, nodes, strict=True)]
