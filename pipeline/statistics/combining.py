"""Partial aggregates of all slices -> cells, grouped out of core; rare values are folded here.

Folding needs people, not cells: a person who is in two rare cells is one person of `other`.
"""

import shutil
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.models import StatisticSpec
from pipeline.errors import InternalError, JobWrong
from pipeline.protect.model import StatisticPlan, TablePlan
from pipeline.statistics.dimensions import declared_labels
from pipeline.statistics.model import (
    MAX_CELLS,
    NONE,
    OTHER,
    Cells,
    PartialRef,
    is_open,
    measured_columns,
    sum_type,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def combine(
    refs: Sequence[PartialRef],
    release: int,
    statistic: StatisticPlan,
    table: TablePlan,
    staging: Path,
    *,
    memory_bytes: int = 256 << 20,
) -> Cells:
    """Group the partial aggregates of one statistic of one release; meant to run in a child of its own.

    `refs` may hold those of other statistics, too, in any order: they are chosen by `release` and name. The
    answer does not depend on how rows were cut into slices. Beyond `memory_bytes` grouping spills to
    `staging`.

    Raises:
        JobWrong: the table would have more than `MAX_CELLS` cells.
        InternalError: a sum passes 38 digits, or grouping failed; without the engine's message, which may
            hold values.

    """
    spec = statistic.spec
    mine = [ref for ref in refs if (ref.release, ref.statistic) == (release, statistic.name)]
    rows = sum(ref.rows for ref in mine)
    without = sum(ref.rows_without_subject for ref in mine)
    if not mine:
        none_kept = [() if is_open(dimension) else None for dimension in spec.dimensions]
        return Cells(_schema(spec, table).empty_table(), _labels(none_kept, spec, table), rows, without)
    import duckdb

    spill = staging / f"statistics/{release}-{statistic.name}.spill"
    try:
        with duckdb.connect(":memory:", config=_settings(memory_bytes, spill)) as db:
            _read(db, [str(staging / ref.path) for ref in mine])
            labels = _known_labels(db, statistic, table)
            counts = db.sql(_cells_query(spec)).to_arrow_table().cast(_schema(spec, table))
    except (duckdb.Error, pa.ArrowInvalid):
        raise InternalError(
            "grouping the partial aggregates failed",
            where=f"statistics {statistic.name}",
            hint="a sum of more than 38 digits, too little memory, or a full disk",
        ) from None
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    return Cells(counts.combine_chunks(), labels, rows, without)


def _settings(memory_bytes: int, spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{memory_bytes >> 20}MiB",
        "temp_directory": str(spill),
        "threads": 1,  # children share the machine already
        "preserve_insertion_order": False,  # the queries order their rows themselves
        # Nothing may open a socket at run time.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _schema(spec: StatisticSpec, table: TablePlan) -> pa.Schema:
    fields = [pa.field(f"d{i}", pa.string()) for i in range(len(spec.dimensions))]
    fields += [pa.field("people", pa.int64()), pa.field("rows", pa.int64())]
    for i, column in enumerate(measured_columns(spec)):
        fields += [
            pa.field(f"sum{i}", sum_type(CLASSES[table.classes[column]].value_type)),
            pa.field(f"values{i}", pa.int64()),
            pa.field(f"people{i}", pa.int64()),
        ]
    return pa.schema(fields)


def _read(db: "DuckDBPyConnection", paths: list[str]) -> None:
    quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    db.execute(f"CREATE TEMP VIEW partials AS SELECT * FROM read_parquet([{quoted}])")  # noqa: S608 (own paths)


def _known_labels(
    db: "DuckDBPyConnection", statistic: StatisticPlan, table: TablePlan
) -> tuple[tuple[str, ...], ...]:
    """Return each dimension's labels; leave those of open dimensions in tables `known0`, `known1`…

    An open dimension keeps a value when at least `min_people` distinct people have it, whatever their cells.
    """
    spec = statistic.spec
    kept: list[tuple[str, ...] | None] = []
    for i, dimension in enumerate(spec.dimensions):
        if not is_open(dimension):
            kept.append(None)
            continue
        db.execute(
            f"""CREATE TEMP TABLE known{i} AS
                SELECT d{i} AS label FROM (SELECT DISTINCT d{i}, s0, s1 FROM partials)
                WHERE d{i} NOT IN (?, ?) GROUP BY d{i} HAVING count(*) >= ?""",  # noqa: S608 (a number)
            [OTHER, NONE, spec.protect.min_people],
        )
        (number,) = db.execute(f"SELECT count(*) FROM known{i}").fetchone() or (0,)  # noqa: S608 (a number)
        _refuse_too_many(statistic, number)
        found = db.execute(f"SELECT label FROM known{i} ORDER BY label").fetchall()  # noqa: S608 (a number)
        kept.append(tuple(row[0] for row in found))
        db.execute(f"INSERT INTO known{i} VALUES (?)", [NONE])  # noqa: S608 (a number)
    labels = _labels(kept, spec, table)
    _refuse_too_many(statistic, prod(len(known) for known in labels))
    return labels


def _labels(
    kept: Sequence[tuple[str, ...] | None], spec: StatisticSpec, table: TablePlan
) -> tuple[tuple[str, ...], ...]:
    """Return each dimension's labels in published order; `kept` has the values of open dimensions."""
    return tuple(
        declared_labels(dimension, CLASSES[table.classes[dimension.column]].value_type)
        if values is None
        else (*values, OTHER, NONE)
        for dimension, values in zip(spec.dimensions, kept, strict=True)
    )


def _refuse_too_many(statistic: StatisticPlan, cells: int) -> None:
    if cells > MAX_CELLS:
        raise JobWrong(
            f"the table would have {cells:,} cells, more than {MAX_CELLS:,}",
            where=f"statistics {statistic.name}",
            hint="declare values, use bands or a coarser time unit, or split the table",
        )


def _cells_query(spec: StatisticSpec) -> str:
    """Sum per (cell, person) after folding, then per cell: a person is one row of the inner query."""
    measured = range(len(measured_columns(spec)))
    joins, names = [], [f"c{i}" for i in range(len(spec.dimensions))]
    folded = []
    for i, dimension in enumerate(spec.dimensions):
        if is_open(dimension):
            joins.append(f"LEFT JOIN known{i} ON partials.d{i} = known{i}.label")
            folded.append(f"coalesce(known{i}.label, '{OTHER}') AS c{i}")
        else:
            folded.append(f"partials.d{i} AS c{i}")
    inner = [*folded, "s0", "s1", "sum(rows) AS rows"]
    outer = [f"c{i} AS d{i}" for i in range(len(names))]
    outer += ["count(*) AS people", "sum(rows)::BIGINT AS rows"]
    for i in measured:
        inner += [f"sum(sum{i}) AS sum{i}", f"sum(values{i}) AS values{i}"]
        outer += [
            f"sum(sum{i}) AS sum{i}",
            f"sum(values{i})::BIGINT AS values{i}",
            f"count(*) FILTER (values{i} > 0) AS people{i}",
        ]
    cell = ", ".join(names)
    return f"""
        SELECT {", ".join(outer)} FROM (
            SELECT {", ".join(inner)} FROM partials {" ".join(joins)} GROUP BY {cell}, s0, s1
        ) GROUP BY {cell} ORDER BY {cell}"""  # noqa: S608 (column numbers and own labels)
