"""Keyring files: make, open, list, rotate, destroy. Masters are wrapped at rest and unlocked in memory only."""

from pipeline.keys.changing import destroy_masters, rotate_keyring
from pipeline.keys.making import init_keyring
from pipeline.keys.opening import MasterSummary, describe, open_keyring, read_file

__all__ = [
    "MasterSummary",
    "describe",
    "destroy_masters",
    "init_keyring",
    "open_keyring",
    "read_file",
    "rotate_keyring",
]
