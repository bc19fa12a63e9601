"""Digests of identities meet digests of cells, whatever the sizes of both."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.release import fingerprints
from pipeline.release.fingerprints import CellFile, IdentityFile, meetings, write_digests, write_unordered

# Few different digests, so that they meet; some share their low 16 bits without being equal.
DIGESTS = st.lists(
    st.integers(0, 40).map(lambda n: n * 0x0123_4567_89AB_0000 % (1 << 64) + n % 3), max_size=60
)


def as_digests(numbers: list[int]) -> fingerprints.Digests:
    return np.array(numbers, dtype=np.uint64)


@pytest.mark.parametrize("ranges", [1 << 20, 7, 3])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(identities=st.lists(DIGESTS, min_size=1, max_size=3), cells=st.lists(DIGESTS, min_size=1, max_size=3))
def test_meetings_are_those_of_sets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ranges: int,
    identities: list[list[int]],
    cells: list[list[int]],
) -> None:
    """In one pass, in some over unordered files, and in many over ordered ones."""
    monkeypatch.setattr(fingerprints, "_RANGE_DIGESTS", ranges)
    monkeypatch.setattr(fingerprints, "_CHUNK", 5)
    identity_files = [
        IdentityFile(f"domain{n % 2}", f"i{n}", write_unordered(tmp_path / f"i{n}", as_digests(numbers)))
        for n, numbers in enumerate(identities)
    ]
    cell_files = [
        CellFile(
            0, "t", f"c{n}", frozenset({"domain1"}) if n else frozenset(), "whole", f"c{n}",
            write_digests(tmp_path / f"c{n}", as_digests(numbers)),
        )
        for n, numbers in enumerate(cells)
    ]  # fmt: skip
    expected = {}
    for n, own in enumerate(cells):
        for domain in ("domain0", "domain1"):
            known = {
                one for at, numbers in enumerate(identities) if f"domain{at % 2}" == domain for one in numbers
            }
            if (count := len(known & set(own))) and not (n and domain == "domain1"):
                expected[f"c{n}", domain] = count
    found = meetings(identity_files, cell_files, tmp_path)
    assert {(met.column, met.token_domain): met.cells for met in found} == expected
