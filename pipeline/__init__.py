"""Pouch's stages, from input files to published releases.

Names resolve lazily, so that a child process or `--help` starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.protect.frame import protect_frame
    from pipeline.run import run_job

__all__ = ["protect_frame", "run_job"]
__version__ = "0.1.0"

_HOMES = {"run_job": "pipeline.run", "protect_frame": "pipeline.protect.frame"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
