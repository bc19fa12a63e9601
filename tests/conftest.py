"""Shared by all tests: where third-party data lies, and a throw-away keyring."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the third-party test data (shared/data beside the project) is absent"
)
