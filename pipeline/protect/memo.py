"""Remember what a value became in earlier slices: people come back, and hashing them again is the largest cost."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

# Per column and child. A constant, so that memory does not grow with the input.
MOST_VALUES = 1 << 18
# Below this share of known values, looking up costs more than it saves (order numbers are new every time).
LEAST_SHARE = 0.2
_TRIALS = 2  # slices that a column gets to show that its values come back


class Memo:
    """A function of distinct values, with the results of the first `MOST_VALUES` values kept.

    Guarantee: the same results as the function alone, value by value; nothing depends on what came before but time.
    """

    def __init__(self, function: Callable[[pa.Array], pa.Array]) -> None:
        self._function = function
        self._values: pa.Array | None = None
        self._results: pa.Array | None = None
        self._slices = 0
        self._active = True

    def __call__(self, values: pa.Array) -> pa.Array:
        """Return the function's results for distinct values."""
        if not self._active or values.null_count:
            return self._function(values)
        if self._values is None or self._results is None:
            results = self._function(values)
            self._values, self._results = values.slice(0, MOST_VALUES), results.slice(0, MOST_VALUES)
            return results
        at = pc.index_in(values, value_set=self._values)
        is_new = pc.is_null(at)
        new = values.filter(is_new)
        results = pa.concat_arrays([self._results, self._function(new)])
        behind = pc.add(pc.cumulative_sum(pc.cast(is_new, pa.int32())), len(self._results) - 1)
        self._learn(new, results, known=len(values) - len(new))
        return results.take(pc.coalesce(at, behind))

    def _learn(self, new: pa.Array, results: pa.Array, *, known: int) -> None:
        """Keep what there is room for; `results` are those of the values kept before, then those of `new`."""
        assert self._values is not None
        self._slices += 1
        if self._slices >= _TRIALS and known < LEAST_SHARE * (known + len(new)):
            self._active = False
            self._values = self._results = None
            return
        room = MOST_VALUES - len(self._values)
        if room > 0 and len(new):
            self._values = pa.concat_arrays([self._values, new.slice(0, room)])
            self._results = results.slice(0, len(self._values))
