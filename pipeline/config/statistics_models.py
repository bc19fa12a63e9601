"""What a specification of statistics says, as frozen values."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config.dp_models import Budget, Noise, Quantile
from pipeline.config.models import FilePath, Frozen, Name


class Dimension(Frozen):
    """One dimension; values are declared, or rare ones fold into `other`.

    Without `table` the column is the statistic's own; with it, the column is one that the statistic joins.
    """

    column: str
    values: tuple[str, ...] | None = Field(
        default=None, description="Declared values; every other is `other`."
    )
    unit: Literal["year", "quarter", "month", "week", "day", "hour", "weekday", "hour_of_day"] | None = Field(
        default=None, description="Of a time. weekday is 1 (Monday) to 7, hour_of_day 00 to 23."
    )
    bands: tuple[float, ...] | None = Field(default=None, description="Edges of bands of a number.")
    subtotals: tuple[Literal["year", "quarter", "month", "week", "day"], ...] = Field(
        default=(), description="Of a time: coarser units that are published, too."
    )
    hierarchy: FilePath | None = Field(
        default=None,
        description="File of the values and what they are part of (`;`-separated, level n = column n).",
    )
    levels: tuple[int, ...] | None = Field(
        default=None,
        description="Levels of the hierarchy that are published, 0 being the values; all by default.",
    )
    tree: tuple[tuple[str, ...], ...] = Field(
        default=(),
        description="Rows of the hierarchy: the value, then what it is part of; taken from the file if one is named.",
    )


class Sum(Frozen):
    """Exact sum of a column."""

    sum: str


class Mean(Frozen):
    """Exact sum of a column by the number of its values."""

    mean: str


class Share(Frozen):
    """A cell's part of its total: of people, of rows, or of the sum of a column."""

    share: str = Field(description="people, rows, or a column whose sum is meant.")
    within: tuple[str, ...] = Field(
        default=(), description="Dimensions that the total keeps; the total is over all others."
    )


Measure = Literal["people", "rows"] | Sum | Mean | Share | Quantile


class Filter(Frozen):
    """Rows that count: whose column has one of the values, or a number or day within the limits."""

    column: str
    values: tuple[str, ...] | None = None
    at_least: str | None = Field(default=None, description="Smallest number, or first day as YYYY-MM-DD.")
    below: str | None = Field(default=None, description="Number that is too large, or day that is too late.")

    @model_validator(mode="after")
    def _says_something(self) -> "Filter":
        if (self.values is None) == (self.at_least is None and self.below is None):
            raise ValueError("must have values, or at_least and below")
        return self


class Join(Frozen):
    """Columns of another table, by subject: the one value that all of a person's rows there share.

    A person whose rows differ has `(several)`, one without rows `(none)`. Each person has one value, so that
    people, rows and sums of the statistic's own table add up over it.
    """

    table: Name
    columns: tuple[str, ...] = Field(min_length=1)


class Cohort(Frozen):
    """Who comes back: people by the period of their first row, and how many periods later they had another.

    The first row is the first one of the input. The published dimensions are `cohort` and `after` (0 is the
    cohort itself); the measures are people and their share of the cohort.
    """

    column: str = Field(description="A time.")
    unit: Literal["month", "week", "day"] = "week"
    periods: int = Field(
        default=8, ge=1, le=60, description="How many periods are looked at, the first included."
    )
    values: tuple[str, ...] | None = Field(
        default=None,
        description="With dp: the periods, one after the other; rows of other periods do not count.",
    )


class Dominance(Frozen):
    """(n,k) rule: the n largest contributors may make up at most so many percent of a sum."""

    n: int = Field(ge=1, le=5)
    percent: float = Field(gt=0, le=100)


class Spread(Frozen):
    """How far an attacker must stay from a cell that is held back."""

    people: int | None = Field(
        default=None,
        ge=1,
        description="Up and down from the true number of people and rows; half of min_people by default.",
    )
    percent: float = Field(default=10, gt=0, le=100, description="Width of a sum's interval, of its value.")


class Protection(Frozen):
    """When a cell may be published."""

    min_people: int = Field(default=10, ge=3)
    dominance: Dominance | None = None
    p_percent: float | None = Field(default=None, gt=0, le=100)
    over_time: Literal["suppress", "coarsen", "stop"] = Field(
        default="suppress",
        description="What happens to a cell whose difference from an earlier release singles out too few people.",
    )
    contributor: str | None = Field(
        default=None,
        description="Column whose values are the contributors of the dominance rules, such as a household; "
        "each person by default.",
    )
    group_disclosure: bool | tuple[str, ...] = Field(
        default=True,
        description="Dimensions in which no cell may hold all people of its total; true is all but times.",
    )
    zeros: Literal["hidden", "public"] = Field(
        default="hidden", description="Whether a cell that nobody is in is published as 0."
    )
    spread: Spread = Spread()
    minimize: Literal["cells", "rows"] = Field(
        default="cells", description="What complementary suppression loses as little as possible of."
    )

    @property
    def spread_people(self) -> int:
        """How far an attacker must stay from a number of people."""
        return self.spread.people or max(1, self.min_people // 2)

    def guards_group(self, column: str, *, is_time: bool) -> bool:
        """Whether no cell may hold all people of its total along this dimension."""
        chosen = self.group_disclosure
        return not is_time if chosen is True else chosen is not False and column in chosen


class StatisticSpec(Frozen):
    """One table of statistics."""

    table: Name
    subject: str | tuple[str, ...] | None = None
    join: tuple[Join, ...] = ()
    filters: tuple[Filter, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    cohort: Cohort | None = None
    totals: bool | tuple[str, ...] = Field(
        default=False, description="Whether each dimension has a total `*`, or which ones have."
    )
    measures: tuple[Measure, ...] = Field(min_length=1)
    protect: Protection = Protection()
    dp: Noise | None = Field(
        default=None, description="Differential privacy: every figure gets noise instead."
    )

    @field_validator("measures")
    @classmethod
    def _people_first(cls, value: tuple[Measure, ...]) -> tuple[Measure, ...]:
        if len({repr(measure) for measure in value}) != len(value):
            raise ValueError("names a measure twice")
        return value

    @model_validator(mode="after")
    def _dimensions_or_cohort(self) -> "StatisticSpec":
        if bool(self.dimensions) == (self.cohort is not None):
            raise ValueError("must have dimensions, or a cohort")
        return self

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that it reads: its own first, then those it joins."""
        return (self.table, *(join.table for join in self.join))

    def has_total(self, column: str) -> bool:
        """Whether the dimension's total is published."""
        return self.totals if isinstance(self.totals, bool) else column in self.totals


class StatisticsSpec(Frozen):
    """All statistics of one release, by name."""

    statistics: dict[Name, StatisticSpec] = Field(min_length=1)
    budget: Budget | None = Field(default=None, description="Of tables with dp; they need one.")
