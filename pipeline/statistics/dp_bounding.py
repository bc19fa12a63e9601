"""Bound what each privacy unit brings, with limits that were declared; then add up.

Which of a unit's cells are kept is decided by a keyed digest of unit and cell, never by the order of rows. A unit with
more than R rows in a cell counts as R rows of their mean, so no row has to be chosen.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.cells import Axis
from pipeline.statistics.dp_design import asked, noise_of, quantiles_of, whole_bounds
from pipeline.statistics.dp_margins import leaves_of, margins
from pipeline.statistics.dp_partial import Contributions
from pipeline.statistics.model import dimension_columns
from transforms.primitives import hkdf_sha256, hmac_sha256_column

Whole = npt.NDArray[np.int64]
Labels = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answers:
    """The true answers, of bounded contributions: what gets noise and is then forgotten.

    `vectors` has, by question: whole numbers, one a cell in C order over the dimensions; for `people` the cells and
    then each kind of total; for `steps` the steps of a cell side by side.
    """

    # Labels of each cell; of cells that hold somebody, where keys are not public.
    keys: tuple[tuple[str, ...], ...]
    vectors: Mapping[tuple[str, str], Whole] = field(repr=False)


def answer(
    given: Contributions,
    spec: StatisticSpec,
    decimals: Mapping[str, int],
    axes: Sequence[Axis] | None,
    key: bytes,
) -> Answers:
    """Bound and add up.

    Args:
        given: of all slices, joined.
        spec: with a `dp` block.
        decimals: of the measured columns.
        axes: the dimensions; None where noise decides which keys show.
        key: chooses the cells that a unit keeps; equal keys, equal choice.

    """
    labels = None if axes is None else leaves_of(axes)
    keys, cell = _cells(given.cells, spec, labels)
    pairs, first, pair = _pairs(given.cells, cell)
    kept = _kept(given.cells, pairs, first, keys, noise_of(spec).max_groups, key)
    vectors: dict[tuple[str, str], Whole] = {}
    at = pairs[:, 0]
    for kind, column in asked(spec):
        if kind == "people":
            vectors[kind, column] = _people(given.cells, spec, cell, pair, kept, axes, len(keys))
        elif kind == "steps":
            vectors[kind, column] = _steps(given, spec, column, keys, pairs, kept, labels)
        else:
            amounts = _amounts(given.cells, spec, kind, column, decimals, pair, len(pairs))
            vectors[kind, column] = _added(at[kept], amounts[kept], len(keys))
    return Answers(keys, vectors)


def _added(at: Whole, amounts: Whole, cells: int) -> Whole:
    total = np.zeros(cells, dtype=np.int64)
    np.add.at(total, at, amounts)
    return total


def _cells(
    table: pa.Table, spec: StatisticSpec, labels: Labels | None
) -> tuple[tuple[tuple[str, ...], ...], Whole]:
    """The labels of every cell, and the cell of every row."""
    columns = [table[f"d{i}"].combine_chunks() for i in range(len(dimension_columns(spec)))]
    if labels is not None:
        return tuple(itertools.product(*labels)), grid_codes(columns, labels)
    coded = [column.dictionary_encode() for column in columns]
    code = np.zeros(len(table), dtype=np.int64)
    for one in coded:
        code = code * max(1, len(one.dictionary)) + np.asarray(one.indices, dtype=np.int64)
    distinct, first, cell = np.unique(code, return_index=True, return_inverse=True)
    texts = [column.take(pa.array(first)).to_pylist() for column in columns]
    named = list(zip(*texts, strict=True)) if len(distinct) else []
    order = np.array(sorted(range(len(named)), key=named.__getitem__), dtype=np.int64)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return tuple(named[i] for i in order), place[cell.ravel()] if len(order) else cell.astype(np.int64)


def grid_codes(columns: Sequence[pa.Array], labels: Labels) -> Whole:
    """The cell of every row in the grid of all labels, first dimension slowest."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column, known in zip(columns, labels, strict=True):
        at = pc.index_in(column, value_set=pa.array(known, pa.string()))
        if at.null_count:
            raise ValueError("a label is not among the declared ones")
        code = code * len(known) + np.asarray(at, dtype=np.int64)
    return code


def _codes(column: pa.ChunkedArray) -> Whole:
    return np.asarray(column.combine_chunks().dictionary_encode().indices, dtype=np.int64)


def _ranks(column: pa.ChunkedArray) -> Whole:
    """Codes that ascend with the digests, so that the order of rows decides nothing."""
    coded = column.combine_chunks().dictionary_encode()
    rank = np.empty(len(coded.dictionary), dtype=np.int64)
    rank[np.asarray(pc.sort_indices(coded.dictionary))] = np.arange(len(rank))
    return rank[np.asarray(coded.indices, dtype=np.int64)]


def _pairs(table: pa.Table, cell: Whole) -> tuple[Whole, Whole, Whole]:
    """Distinct (cell, unit), the first row of each, and the pair of every row."""
    unit = _codes(table["unit"])
    both = np.stack([cell, unit], axis=1) if len(cell) else np.zeros((0, 2), dtype=np.int64)
    pairs, first, pair = np.unique(both, axis=0, return_index=True, return_inverse=True)
    return pairs, first, pair.ravel()


def _kept(
    table: pa.Table,
    pairs: Whole,
    first: Whole,
    keys: Sequence[tuple[str, ...]],
    max_groups: int,
    key: bytes,
) -> npt.NDArray[np.bool_]:
    """Keep at most `max_groups` cells of each unit: those with the smallest digests."""
    kept = np.ones(len(pairs), dtype=bool)
    if not len(pairs):
        return kept
    counts = np.bincount(pairs[:, 1])
    crowded = np.flatnonzero(counts[pairs[:, 1]] > max_groups)
    if not len(crowded):
        return kept
    units = table["unit"].combine_chunks().take(pa.array(first[crowded])).to_pylist()
    cells = ("\x1f".join(keys[code]).encode() for code in pairs[crowded, 0])
    secret = hkdf_sha256(key, b"pouch dp: which groups are kept", 32)
    digests = hmac_sha256_column(secret, [unit + cell for unit, cell in zip(units, cells, strict=True)])
    ranks = np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)
    owner = pairs[crowded, 1]
    order = np.lexsort((ranks, owner))
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    position = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    kept[crowded[order[position >= max_groups]]] = False
    return kept


def _amounts(
    table: pa.Table,
    spec: StatisticSpec,
    kind: str,
    column: str,
    decimals: Mapping[str, int],
    pair: Whole,
    pairs: int,
) -> Whole:
    """What each (cell, unit) brings to rows, values or a sum; within the declared bounds, always."""
    most = noise_of(spec).max_rows
    if kind != "sum":
        counted = _added(pair, np.asarray(table["rows" if kind == "rows" else f"values_{column}"]), pairs)
        return np.minimum(counted, most)
    sums = _added(pair, np.asarray(table[f"sum_{column}"]), pairs)
    values = _added(pair, np.asarray(table[f"values_{column}"]), pairs)
    over = values > most
    # The mean of its rows, R times. In Python integers: a product may pass 64 bits.
    sums[over] = [int(s) * most // int(v) for s, v in zip(sums[over], values[over], strict=True)]
    low, high = whole_bounds(noise_of(spec), column, decimals[column])
    return np.clip(sums, min(0, most * low), max(0, most * high))


def _people(
    table: pa.Table,
    spec: StatisticSpec,
    cell: Whole,
    pair: Whole,
    kept: npt.NDArray[np.bool_],
    axes: Sequence[Axis] | None,
    cells: int,
) -> Whole:
    """Distinct people of the kept contributions, for the cells and each kind of total."""
    rows = kept[pair]
    unit, person = _codes(table["unit"])[rows], _ranks(table["person"])[rows]
    most = noise_of(spec).max_rows if noise_of(spec).unit is not None else 1
    if axes is None:
        return _distinct(cell[rows], unit, person, most, cells)
    places = np.unravel_index(cell[rows], tuple(axis.leaves for axis in axes)) if axes else ()
    vectors = []
    for margin in margins(axes):
        code = margin.codes(places) if axes else np.zeros_like(unit)
        inside = code >= 0
        vectors.append(_distinct(code[inside], unit[inside], person[inside], most, margin.cells))
    return np.concatenate(vectors)


def _distinct(cell: Whole, unit: Whole, person: Whole, most: int, cells: int) -> Whole:
    """Distinct people of each cell; of one unit at most `most`, those with the smallest digests."""
    if not len(cell):
        return np.zeros(cells, dtype=np.int64)
    once = np.unique(np.stack([cell, unit, person], axis=1), axis=0)
    starts = np.flatnonzero(np.diff(once[:, 0], prepend=-1) | np.diff(once[:, 1], prepend=-1))
    position = np.arange(len(once)) - np.repeat(starts, np.diff(np.append(starts, len(once))))
    people = np.unique(once[position < most][:, [0, 2]], axis=0)
    return np.bincount(people[:, 0], minlength=cells).astype(np.int64)


def _steps(
    given: Contributions,
    spec: StatisticSpec,
    column: str,
    keys: Sequence[tuple[str, ...]],
    pairs: Whole,
    kept: npt.NDArray[np.bool_],
    labels: Labels | None,
) -> Whole:
    """Rows of each step; a unit's steps in one cell make at most R rows, in the proportions of its own."""
    quantile = next(one for one in quantiles_of(spec) if one.quantile == column)
    table, most = given.steps[column], noise_of(spec).max_rows
    total = np.zeros(len(keys) * quantile.steps, dtype=np.int64)
    if not len(table):
        return total
    cell = _places(table, spec, keys, labels)
    units = given.cells["unit"].combine_chunks().dictionary_encode().dictionary
    unit = np.asarray(pc.index_in(table["unit"].combine_chunks(), value_set=units), dtype=np.int64)
    allowed = pairs[kept]
    rows = np.isin(_one_code(cell, unit, len(units)), _one_code(allowed[:, 0], allowed[:, 1], len(units)))
    cell, unit = cell[rows], unit[rows]
    step, counts = np.asarray(table["step"])[rows].astype(np.int64), np.asarray(table["rows"])[rows]
    order = np.lexsort((step, unit, cell))
    cell, unit, step, counts = cell[order], unit[order], step[order], counts[order]
    starts = np.flatnonzero(np.diff(_one_code(cell, unit, len(units)), prepend=-1))
    lengths = np.diff(np.append(starts, len(cell)))
    running = np.cumsum(counts)
    before = np.repeat((running - counts)[starts], lengths)
    whole = np.repeat(np.add.reduceat(counts, starts), lengths) if len(starts) else counts
    upto, below = running - before, running - counts - before
    # Shares of R by differences of a rounded cumulative sum: they make exactly R, whatever the rounding.
    shares = np.where(whole > most, upto * most // whole - below * most // whole, counts)
    np.add.at(total, cell * quantile.steps + step, shares)
    return total


def _one_code(cell: Whole, unit: Whole, units: int) -> Whole:
    return cell * max(1, units) + unit


def _places(
    table: pa.Table, spec: StatisticSpec, keys: Sequence[tuple[str, ...]], labels: Labels | None
) -> Whole:
    columns = [table[f"d{i}"].combine_chunks() for i in range(len(dimension_columns(spec)))]
    if labels is not None:
        return grid_codes(columns, labels)
    known = {key: code for code, key in enumerate(keys)}
    texts = zip(*(column.to_pylist() for column in columns), strict=True)
    return np.array([known[key] for key in texts], dtype=np.int64)
