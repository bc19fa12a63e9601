"""Fill generalization hierarchies from their files: `;`-separated, no header, level n = column n."""

import csv
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from pipeline.config.models import Policy
from pipeline.config.reading import Place
from pipeline.config.statistics_models import Dimension, StatisticsSpec
from transforms import AnyTransform, Hierarchy, TransformError

MOST_ROWS = 2_000_000


def fill_hierarchies(policy: Policy, base: Path) -> tuple[Policy, list[tuple[Place, str]]]:
    """Return the policy with every hierarchy's lookup filled, and the problems with their places in the policy."""
    problems: list[tuple[Place, str]] = []
    filled = {}
    for section in ("rules", "columns"):
        transforms: Mapping[str, AnyTransform] = getattr(policy, section)
        filled[section] = {
            key: _fill(transform, base, (section, key), problems) for key, transform in transforms.items()
        }
    return policy.model_copy(update=filled), problems


def fill_trees(spec: StatisticsSpec, base: Path) -> tuple[StatisticsSpec, list[tuple[Place, str]]]:
    """Return the statistics with the tree of every dimension that names a hierarchy file, and the problems."""
    problems: list[tuple[Place, str]] = []
    filled = {}
    for name, statistic in spec.statistics.items():
        dimensions = tuple(
            _with_tree(dimension, base, ("statistics", name, "dimensions", number), problems)
            for number, dimension in enumerate(statistic.dimensions)
        )
        filled[name] = statistic.model_copy(update={"dimensions": dimensions})
    return spec.model_copy(update={"statistics": filled}), problems


def _with_tree(
    dimension: Dimension, base: Path, place: Place, problems: list[tuple[Place, str]]
) -> Dimension:
    if dimension.hierarchy is None:
        return dimension
    try:
        with (base / dimension.hierarchy).open(encoding="utf-8-sig", newline="") as file:
            rows = tuple(tuple(row) for row in islice(csv.reader(file, delimiter=";"), MOST_ROWS) if row)
    except OSError as error:
        problems.append(((*place, "hierarchy"), f"cannot be read: {error.strerror}"))
        return dimension
    except (UnicodeDecodeError, csv.Error):
        problems.append(((*place, "hierarchy"), "must be UTF-8 text with one value and its levels a line"))
        return dimension
    values = [row[0] for row in rows]
    if not rows or len(set(values)) != len(values) or len({len(row) for row in rows}) != 1:
        problems.append(
            ((*place, "hierarchy"), "must list each value once, all with the same number of levels")
        )
        return dimension
    return dimension.model_copy(update={"tree": rows})


def _fill(
    transform: AnyTransform, base: Path, place: Place, problems: list[tuple[Place, str]]
) -> AnyTransform:
    if not isinstance(transform, Hierarchy) or not transform.file:
        return transform
    try:
        with (base / transform.file).open(encoding="utf-8-sig", newline="") as file:
            rows = (row for row in csv.reader(file, delimiter=";") if row)
            return transform.with_rows(islice(rows, MOST_ROWS))
    except TransformError as error:
        problems.append(((*place, "file"), str(error)))
    except OSError as error:
        problems.append(((*place, "file"), f"cannot be read: {error.strerror}"))
    except (UnicodeDecodeError, csv.Error):
        problems.append(((*place, "file"), "must be UTF-8 text with one value and its levels a line"))
    return transform
