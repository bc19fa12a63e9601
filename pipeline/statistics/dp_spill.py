"""Between the children and the parent: what units bring to a table, and the table with noise that comes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.dp_bounding import answer
from pipeline.statistics.dp_checking import decimals_of, design_of, public_axes
from pipeline.statistics.dp_design import quantiles_of
from pipeline.statistics.dp_noise import Noise
from pipeline.statistics.dp_partial import Contributions, followed, joined, with_labels
from pipeline.statistics.dp_table import draw, table_of


def spill(given: Contributions, path: Path) -> None:
    """Write what one slice's units bring: one Arrow file for the cells, one beside it for each quantile column."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, given.cells)
    for place, table in enumerate(given.steps.values()):
        _write(_beside(path, place), table)


def spill_labels(table: pa.Table, path: Path) -> None:
    """Write what one slice of a joined table says of people."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, table)


def spilled(
    paths: Sequence[Path], spec: StatisticSpec, told: Mapping[str, Sequence[Path]] | None = None
) -> Contributions:
    """Read the slices of one statistic back, joined: of its own table, and by name of the tables that it joins."""
    found = joined(
        [
            Contributions(
                _read(path),
                {q.quantile: _read(_beside(path, place)) for place, q in enumerate(quantiles_of(spec))},
            )
            for path in paths
        ],
        spec,
    )
    if spec.cohort is not None:
        return followed(found, spec)
    return with_labels(
        found, spec, {name: [_read(path) for path in slices] for name, slices in (told or {}).items()}
    )


def noised_table(
    spec: StatisticSpec, classes: Mapping[str, str], given: Contributions, key: bytes, noise: Noise
) -> tuple[pa.Table, dict[str, Any]]:
    """Bound, add up, draw. Return the published table and how it was made, for the internal evidence.

    `key` chooses which cells a unit keeps that is in too many.
    """
    axes, decimals, made = (
        public_axes(spec, classes),
        decimals_of(spec, classes),
        design_of(spec, classes),
    )
    answers = answer(given, spec, decimals, axes, key)
    told = {
        "mechanism": made.mechanism,
        "epsilon": made.epsilon,
        "delta": made.delta,
        "rho": made.loss.rho,
        "questions": [
            {
                "kind": q.kind,
                "column": q.column,
                "l1": q.distance.l1,
                "l2": q.distance.l2,
                "largest": q.distance.largest,
                "scale": q.scale,
            }
            for q in made.questions
        ],
    }
    return table_of(draw(answers, made, noise), spec, made, decimals, axes), told


def _beside(path: Path, place: int) -> Path:
    return path.with_suffix(f".steps{place}{path.suffix}")


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source:
        return pa.ipc.open_file(source).read_all()
