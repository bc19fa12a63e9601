"""Keyring files: make, open, list. Masters are wrapped at rest and unlocked in memory only."""

from pipeline.keys.opening import InitSummary, MasterSummary, describe, init_keyring, open_keyring

__all__ = ["InitSummary", "MasterSummary", "describe", "init_keyring", "open_keyring"]
