"""JSON Schemas of the configuration files, for editors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.classes import CLASSES
from pipeline.config.models import Catalog, Job, Policy
from pipeline.config.statistics_models import StatisticsSpec

_KINDS: Mapping[str, Any] = {"job": Job, "catalog": Catalog, "policy": Policy, "statistics": StatisticsSpec}


def schemas() -> dict[str, str]:
    """Return file name -> JSON Schema text (draft 2020-12), deterministic."""
    made = {}
    for name, kind in _KINDS.items():
        schema = TypeAdapter(kind).json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = f"Pouch {name}"
        if name == "catalog":
            schema["additionalProperties"]["additionalProperties"]["enum"] = sorted(CLASSES)
        if name == "policy":
            schema["properties"]["rules"]["propertyNames"] = {"enum": sorted(CLASSES)}
        made[f"{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return made


def write_schemas(folder: Path) -> None:
    """Write all schemas; `tests/test_config_schemas.py` holds the committed ones equal to these."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path("configs/schema"))
