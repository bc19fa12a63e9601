"""The nodes of a dimension: its labels, what they are part of, and what they mean in words that tables share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from pipeline.config.statistics_models import Cohort, Dimension
from pipeline.statistics.cells import TOP, Axis
from pipeline.statistics.model import NONE, OTHER, SEVERAL, TOTAL

FINER: Mapping[str, tuple[str, ...]] = {
    "hour": ("day", "week", "month", "quarter", "year", "weekday", "hour_of_day"),
    "day": ("week", "month", "quarter", "year", "weekday"),
    "month": ("quarter", "year"),
    "quarter": ("year",),
}
"""Unit -> the units into which its periods add up."""

REST = (OTHER, SEVERAL, NONE)  # in published order, after the values


@dataclass(frozen=True)
class Paths:
    """For each leaf, the labels of what it is part of, from fine to coarse, without the total."""

    leaves: tuple[str, ...] = field(repr=False)
    above: tuple[tuple[tuple[str, str], ...], ...] = field(repr=False)  # (meaning, label)


def axis_of(dimension: Dimension, leaves: Sequence[str], *, total: bool, hidden_total: bool) -> Axis:
    """Build the axis over leaf labels, which stand in published order with the rest (`other`…) last.

    With neither `total` nor `hidden_total` the axis has no node for everything.
    """
    paths = _paths(dimension, leaves)
    own = _meaning(dimension, dimension.unit)
    nodes: dict[tuple[str, str], int] = {}
    labels: list[str] = []
    conditions: list[str] = []
    for label in leaves:
        nodes[own, label] = len(labels)
        labels.append(label)
        conditions.append(_condition(dimension.column, own, label, leaves))
    inner = _inner_nodes(paths, own)
    for meaning, label in inner:
        nodes[meaning, label] = len(labels)
        labels.append(label)
        conditions.append(_condition(dimension.column, meaning, label, ()))
    top = len(labels) if total or hidden_total else TOP
    above = {(own, leaf): path for leaf, path in zip(leaves, paths.above, strict=True)}
    parents = [_parent(key, above, inner, nodes, top) for key in nodes]
    if top != TOP:
        labels, conditions, parents = [*labels, TOTAL], [*conditions, ""], [*parents, TOP]
    return Axis(
        dimension.column,
        tuple(labels),
        tuple(parents),
        tuple(conditions),
        tuple(label == TOTAL and not total for label in labels),
        dimension.unit is not None,
    )


def cohort_axes(cohort: Cohort, periods: Sequence[str], *, total: bool) -> tuple[Axis, Axis]:
    """Build the axes `cohort` and `after` over all periods of the input, in order."""
    column = cohort.column
    labels = [*periods, *([TOTAL] if total else [])]
    top = len(periods) if total else TOP
    conditions = [f"first {column}/{cohort.unit}={label}" for label in periods] + [""] * total
    first = Axis(
        "cohort",
        tuple(labels),
        tuple([top] * len(periods) + [TOP] * total),
        tuple(conditions),
        (False,) * len(labels),
        True,
    )
    number = min(cohort.periods, max(len(periods), 1))
    later = [f"again {column} {after} {cohort.unit} later" if after else "" for after in range(number)]
    after = Axis(
        "after", tuple(map(str, range(number))), (TOP,) * number, tuple(later), (False,) * number, True
    )
    return first, after


def coarser(label: str, unit: str, wanted: str) -> str:
    """Return the period of a coarser unit that a period lies in; the units nest as `FINER` says."""
    if unit == "month":
        year, month = label[:4], int(label[5:7])
        return year if wanted == "year" else f"{year}-Q{(month + 2) // 3}"
    if unit == "quarter":
        return label[:4]
    if wanted == "hour_of_day":
        return label[11:13]
    if wanted in ("day", "month", "year"):
        return label[: {"day": 10, "month": 7, "year": 4}[wanted]]
    if wanted == "quarter":
        return f"{label[:4]}-Q{(int(label[5:7]) + 2) // 3}"
    year_of_week, week, weekday = date.fromisoformat(label[:10]).isocalendar()
    return f"{year_of_week}-W{week:02d}" if wanted == "week" else str(weekday)


def tree_leaves(dimension: Dimension) -> tuple[str, ...]:
    """Return the values of a dimension with a hierarchy, in the file's order, at its finest published level."""
    finest = min(dimension.levels) if dimension.levels else 0
    return tuple(dict.fromkeys(row[min(finest, len(row) - 1)] for row in dimension.tree))


def tree_leaf_of(dimension: Dimension) -> dict[str, str]:
    """Return the leaf that each value of the hierarchy counts under."""
    finest = min(dimension.levels) if dimension.levels else 0
    return {row[0]: row[min(finest, len(row) - 1)] for row in dimension.tree}


def ambiguous_labels(dimension: Dimension) -> list[str]:
    """Return labels of a hierarchy that stand for more than one set of values."""
    finest = min(dimension.levels) if dimension.levels else 0
    found: dict[str, set[tuple[str, ...]]] = {}
    members: dict[tuple[int, str], list[str]] = {}
    for row in dimension.tree:
        for level, label in enumerate(row):
            if level >= finest and (not dimension.levels or level in dimension.levels) and label != TOTAL:
                members.setdefault((level, label), []).append(row[0])
    for (_, label), values in members.items():
        found.setdefault(label, set()).add(tuple(sorted(set(values))))
    return sorted(label for label, sets in found.items() if len(sets) > 1)


# ------------------------------------------------------------------ parts


def _paths(dimension: Dimension, leaves: Sequence[str]) -> Paths:
    above: list[tuple[tuple[str, str], ...]] = []
    if dimension.tree:
        rows = {tree_leaf_of(dimension)[row[0]]: row for row in dimension.tree}
        finest = min(dimension.levels) if dimension.levels else 0
        for leaf in leaves:
            row = rows.get(leaf, ())
            chosen = [
                (_meaning(dimension, f"level {level}"), label)
                for level, label in enumerate(row)
                if level > finest and (not dimension.levels or level in dimension.levels)
                if label not in (TOTAL, leaf)
            ]
            above.append(
                tuple({label: (meaning, label) for meaning, label in reversed(chosen)}.values())[::-1]
            )
    else:
        units = sorted(dimension.subtotals, key=_coarseness)
        for leaf in leaves:
            assert dimension.unit is not None or not units
            named = leaf not in REST
            above.append(
                tuple(
                    (_meaning(dimension, unit), coarser(leaf, str(dimension.unit), unit))
                    for unit in units
                    if named
                )
            )
    return Paths(tuple(leaves), tuple(above))


def _coarseness(unit: str) -> int:
    return ("hour", "day", "week", "month", "quarter", "year").index(unit)


def _inner_nodes(paths: Paths, own: str) -> tuple[tuple[str, str], ...]:
    """Inner nodes of at least two parts; one with a single part is that part."""
    parts: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for leaf, path in zip(paths.leaves, paths.above, strict=True):
        below = (own, leaf)
        for node in path:
            parts.setdefault(node, set()).add(below)
            below = node
    kept = [node for node, below in parts.items() if len(_leaves_of(node, parts)) > 1 and below]
    return tuple(sorted(kept, key=lambda node: (_rank(node, parts), list(parts).index(node))))


def _leaves_of(
    node: tuple[str, str], parts: Mapping[tuple[str, str], set[tuple[str, str]]]
) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for below in parts.get(node, ()):
        found |= _leaves_of(below, parts) if below in parts else {below}
    return found


def _rank(node: tuple[str, str], parts: Mapping[tuple[str, str], set[tuple[str, str]]]) -> int:
    return 1 + max((_rank(below, parts) for below in parts[node] if below in parts), default=0)


def _parent(
    key: tuple[str, str],
    above: Mapping[tuple[str, str], tuple[tuple[str, str], ...]],
    inner: Sequence[tuple[str, str]],
    nodes: Mapping[tuple[str, str], int],
    top: int,
) -> int:
    paths = [path for leaf, path in above.items() if key == leaf or key in path]
    if not paths:
        return top
    path = paths[0]
    later = path[path.index(key) + 1 :] if key in path else path
    return next((nodes[node] for node in later if node in inner), top)


def _meaning(dimension: Dimension, level: str | None) -> str:
    """What a label says about a row, besides the label itself."""
    if dimension.bands is not None:
        return f"bands {','.join(map(repr, dimension.bands))}"
    if dimension.unit is not None:
        return str(level)
    if dimension.tree and level is not None and level.startswith("level"):
        rows = ";".join("|".join(row) for row in dimension.tree)
        return f"{level} of {sha256(rows.encode()).hexdigest()[:16]}"
    return ""


def _condition(column: str, meaning: str, label: str, leaves: Sequence[str]) -> str:
    """A rest means what the named values leave over, so they are part of its condition."""
    if label == OTHER:
        named = "\0".join(sorted(set(leaves) - set(REST)))
        return f"{column}/{meaning}=none of {sha256(named.encode()).hexdigest()[:16]}"
    return f"{column}/{meaning}={label}" if meaning else f"{column}={label}"
