"""Fill generalization hierarchies from their files: `;`-separated, no header, level n = column n."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.config.models import Policy
from pipeline.config.reading import Place
from transforms import AnyTransform, Hierarchy

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


def _fill(transform: AnyTransform, base: Path, place: Place, problems: list[tuple[Place, str]]) -> AnyTransform:
    if not isinstance(transform, Hierarchy) or not transform.file:
        return transform
    lookup, problem = read_hierarchy(base / transform.file, transform.level)
    if problem:
        problems.append(((*place, "file"), problem))
        return transform
    return transform.model_copy(update={"lookup": lookup})


def read_hierarchy(path: Path, level: int) -> tuple[dict[str, str], str]:
    """Return value -> value at `level`, and one sentence where the file does not give it."""
    lookup: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                cells = line.rstrip("\r\n").split(";")
                if not line.strip():
                    continue
                if level >= len(cells):
                    return {}, f"line {number} has {len(cells) - 1} levels, level {level} is asked for"
                if lookup.setdefault(cells[0], cells[level]) != cells[level]:
                    return {}, f"line {number} gives a value a second, different generalization"
                if number > MOST_ROWS:
                    return {}, f"must have at most {MOST_ROWS:,} lines"
    except OSError as error:
        return {}, f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return {}, "must be UTF-8"
    return lookup, "" if lookup else "is empty"
