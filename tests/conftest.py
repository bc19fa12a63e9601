"""Shared by all tests: where third-party data lies, that no test fails because the machine is slow, and that runs
inside a test start quickly.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipeline.engines import starting
from tests import fork_server

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the third-party test data (shared/data beside the project) is absent"
)


@pytest.fixture(scope="session", autouse=True)
def engines_children_are_forked() -> Iterator[None]:
    """A test runner has threads, so its engines would start fresh children: a second of CPU for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starting, "_fresh", fork_server.child_of_engine)
        yield
    fork_server.stop()
