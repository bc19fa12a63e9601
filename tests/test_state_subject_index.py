"""Sets of people: joined over files, ascending and each once, however little is held in memory at a time."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.state import subject_index
from pipeline.state.subject_index import joined

WORDS = st.integers(0, 9) | st.integers(0, 2**64 - 1)


@example(files=[{0, 2**64 - 1}, {2**64 - 1}], at_a_time=1)
@given(files=st.lists(st.sets(WORDS, max_size=20), max_size=5), at_a_time=st.integers(1, 50))
def test_files_are_joined_in_order_and_without_repetition(files: list[set[int]], at_a_time: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject_index, "RANGE_WORDS", at_a_time)
        ranges = list(joined([np.array(sorted(words), dtype=np.uint64) for words in files]))
    assert all(len(words) for words in ranges)
    assert [int(word) for words in ranges for word in words] == sorted(set().union(*files))
