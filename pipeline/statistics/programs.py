"""Linear programs over HiGHS: one model that stays warm while bounds and the objective change."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INFINITY = float("inf")


@dataclass(frozen=True)
class Rows:
    """lower <= A x <= upper; A row by row, as compressed sparse rows."""

    starts: Ints = field(repr=False)
    columns: Ints = field(repr=False)
    factors: Floats = field(repr=False)
    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)

    @property
    def number(self) -> int:
        """How many rows there are."""
        return len(self.lower)

    def row_of_entry(self) -> Ints:
        """Return the row of every entry."""
        return np.repeat(np.arange(self.number), np.diff(self.starts))

    def times(self, values: Floats) -> Floats:
        """Return A x."""
        if not len(self.columns):
            return np.zeros(self.number)
        entries = self.factors * values[self.columns]
        sums = np.bincount(self.row_of_entry(), weights=entries, minlength=self.number)
        return np.asarray(sums, dtype=np.float64)

    def without(self, known: Floats) -> "Rows":
        """Take known numbers (not nan) out of the rows; rows without unknown numbers disappear.

        Raises ValueError where such a row does not hold.
        """
        is_known = ~np.isnan(known)
        given = self.times(np.where(is_known, known, 0.0))
        keep = ~is_known[self.columns]
        owner = self.row_of_entry()
        counts = np.bincount(owner[keep], minlength=self.number)
        lower, upper = self.lower - given, self.upper - given
        tolerance = 1e-6 * np.maximum(1.0, np.abs(given))
        if np.any((counts == 0) & ((lower > tolerance) | (upper < -tolerance))):
            raise ValueError("the known values contradict a relation")
        kept = counts > 0
        starts = np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64)
        return Rows(starts, self.columns[keep], self.factors[keep], lower[kept], upper[kept])

    def restricted(self, part: Ints) -> "Rows":
        """Keep the rows of one connected part, whose numbers are counted anew from 0."""
        place = np.searchsorted(part, self.columns)
        inside = part[np.minimum(place, len(part) - 1)] == self.columns
        owner = self.row_of_entry()
        counts = np.bincount(owner[inside], minlength=self.number)
        kept = counts > 0
        starts = np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64)
        return Rows(starts, place[inside], self.factors[inside], self.lower[kept], self.upper[kept])

    def scaled(self, magnitude: float) -> "Rows":
        """Divide what the rows come to."""
        return Rows(self.starts, self.columns, self.factors, self.lower / magnitude, self.upper / magnitude)


class Program:
    """One HiGHS model: rows and bounds, an objective that changes from call to call."""

    def __init__(self, rows: Rows, lower: Floats, upper: Floats, integer: NDArray[np.bool_] | None = None):
        import highspy
        from highspy._core import _Highs  # the class above it prints a banner to stdout when it is made

        self._highspy = highspy
        self.size = len(lower)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.size, rows.number
        model.col_cost_ = np.zeros(self.size)
        model.col_lower_, model.col_upper_ = lower, upper
        model.row_lower_, model.row_upper_ = rows.lower, rows.upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = rows.starts
        model.a_matrix_.index_ = rows.columns
        model.a_matrix_.value_ = rows.factors
        if integer is not None:
            kinds = highspy.HighsVarType
            model.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in integer]
        self._highs = _Highs()
        for option, value in _OPTIONS:
            self._highs.setOptionValue(option, value)
        self._highs.passModel(model)
        self._costs: Ints = np.zeros(0, dtype=np.int64)

    def set_option(self, name: str, value: Any) -> None:
        """Set a HiGHS option of this model."""
        self._highs.setOptionValue(name, value)

    def set_bounds(self, columns: Ints, lower: Floats, upper: Floats) -> None:
        """Change the bounds of some numbers; the next solve starts where the last one ended."""
        self._highs.changeColsBounds(
            len(columns), columns.astype(np.int32), lower.astype(np.float64), upper.astype(np.float64)
        )

    def set_costs(self, columns: Ints, costs: Floats) -> None:
        """Set the objective: zero but for these numbers."""
        if len(self._costs):
            zero = np.zeros(len(self._costs))
            self._highs.changeColsCost(len(self._costs), self._costs.astype(np.int32), zero)
        self._highs.changeColsCost(len(columns), columns.astype(np.int32), costs.astype(np.float64))
        self._costs = columns

    def minimize(self, *, afresh: bool = False) -> bool:
        """Solve; return False when there is no bound. Raises ValueError when nothing fits.

        Solved `afresh`, the model is simplified first: quicker than a warm start where much has changed.
        """
        if afresh:
            self._highs.clearSolver()
        self._highs.run()
        status = self._highs.getModelStatus()
        kinds = self._highspy.HighsModelStatus
        if status == kinds.kOptimal:
            return True
        if status in (kinds.kUnbounded, kinds.kUnboundedOrInfeasible):
            return False
        if status == kinds.kInfeasible:
            raise ValueError("the known values contradict a relation")
        raise RuntimeError(f"a linear program ended with status {status.name}")

    def feasible(self) -> Floats | None:
        """Return numbers that fit a mixed-integer model, or None when none were found."""
        self._highs.run()
        kinds = self._highspy.HighsModelStatus
        status = self._highs.getModelStatus()
        feasible = int(self._highspy.SolutionStatus.kSolutionStatusFeasible)
        found = int(self._highs.getInfo().primal_solution_status) == feasible
        return self.values() if found and status != kinds.kInfeasible else None

    def extreme(self, column: int, direction: int) -> float:
        """Return the least (direction -1) or greatest (+1) value of one number."""
        self.set_costs(np.array([column]), np.array([-float(direction)]))
        return -direction * self.objective() if self.minimize() else direction * INFINITY

    def objective(self) -> float:
        """Objective of the last solve."""
        return float(self._highs.getInfo().objective_function_value)

    def values(self) -> Floats:
        """Numbers of the last solve."""
        return np.array(self._highs.getSolution().col_value, dtype=np.float64)

    def row_duals(self) -> Floats:
        """Duals of the rows."""
        return np.array(self._highs.getSolution().row_dual, dtype=np.float64)

    def add_row(self, lower: float, upper: float, columns: Ints, factors: Floats) -> None:
        """Add one row."""
        self._highs.addRow(lower, upper, len(columns), columns.astype(np.int32), factors)


_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("output_flag", False),
    ("threads", 1),  # equal input, equal pattern
    ("random_seed", 0),
)
