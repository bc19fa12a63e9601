"""What the configuration files say, as frozen values."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from pipeline.config.dp_models import Budget, Noise, Quantile
from transforms import AnyTransform

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


def _plain_relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or "\0" in path:
        raise ValueError("must be a path")
    return path


FilePath = Annotated[str, AfterValidator(_plain_relative)]


class Frozen(BaseModel):
    """Unknown keys are refused; an error never shows the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# ------------------------------------------------------------------ job


class TableSource(Frozen):
    """Where a table's files are and how they are read."""

    path: FilePath = Field(description="Glob relative to the working directory; {date} is the run's date.")
    subject: tuple[str, ...] | Literal["none"] = Field(
        description="Column that names the person a row is about, a list (first not null), or none."
    )
    timezone: str = Field(
        default="UTC", description="Time zone of times that carry no offset, and of published times."
    )
    format: Literal["csv", "jsonl", "parquet"] | None = Field(
        default=None, description="Normally told by the file name (.csv, .jsonl, .parquet, then .gz or .zst)."
    )
    encoding: str = Field(
        default="utf-8", description="Of CSV and JSON-lines files; a byte-order mark is honored."
    )
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = Field(
        default=",", description="Of CSV files."
    )
    phone_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Region of phone numbers without country code, e.g. AU or CN."
    )

    @field_validator("subject", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, str) and value != "none":
            return (value,)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be an IANA time zone such as Australia/Sydney") from None
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        import codecs

        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(
                "must be an encoding that Python knows, such as utf-8, gb18030 or latin-1"
            ) from None

    @property
    def subject_columns(self) -> tuple[str, ...]:
        """Columns that may name the subject, in order; empty for `none`."""
        return () if self.subject == "none" else tuple(self.subject)


class ConsentSource(Frozen):
    """The consent file: account_id,purpose,granted,as_of,minor."""

    path: FilePath


class WrappingKey(Frozen):
    """Where the key-encryption key comes from: exactly one reference, never the secret itself."""

    env: str | None = Field(default=None, description="Environment variable with 64 hex digits.")
    file: FilePath | None = Field(default=None, description="File (0600) with 64 hex digits.")
    passphrase_env: str | None = Field(default=None, description="Environment variable with a passphrase.")
    kms: str | None = Field(default=None, description="URI of a key in a key-management service.")


class KeyringRef(Frozen):
    """Reference to the keyring."""

    file: FilePath
    wrapped_by: WrappingKey
    demo: bool = Field(
        default=False, description="Allows the wrapping key beside the keyring: demonstrations only."
    )

    @field_validator("wrapped_by", mode="before")
    @classmethod
    def _exactly_one(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) != 1:
            raise ValueError("must have exactly one of env, file, passphrase_env, kms")
        return value


class ReleaseSpec(Frozen):
    """What one recipient gets for one purpose: row exports by a policy, statistics by a specification, or both."""

    recipient: Name
    purpose: Name
    basis: Literal["contract", "consent", "legal"]
    policy: FilePath | None = None
    tables: tuple[Name, ...] = ()
    format: Literal["parquet", "csv", "jsonl"] = "parquet"
    statistics: FilePath | None = None
    expires_after_days: int | None = Field(default=None, ge=1, description="Stated in the manifest's terms.")

    @model_validator(mode="after")
    def _rows_or_statistics(self) -> "ReleaseSpec":
        if self.policy is None and self.statistics is None:
            raise ValueError("must have a policy (rows), statistics, or both")
        if self.policy is not None and not self.tables:
            raise ValueError("must name the tables that it exports")
        if self.policy is None and self.tables:
            raise ValueError("statistics name their tables themselves; tables belong to a policy")
        if len(set(self.tables)) != len(self.tables):
            raise ValueError("names a table twice")
        return self


class DriftWaiver(Frozen):
    """A named person's word that a column may hold what looks like a direct identifier, until a day."""

    table: Name
    column: Annotated[str, StringConstraints(min_length=1)]
    data_class: str = Field(description="That the cells validate as, as the error names it.")
    person: Annotated[str, StringConstraints(min_length=2)] = Field(description="Who answers for it.")
    reason: Annotated[str, StringConstraints(min_length=10)]
    until: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = Field(
        description="Last release date, YYYY-MM-DD, for which the waiver holds."
    )

    @field_validator("until")
    @classmethod
    def _a_day(cls, value: str) -> str:
        from datetime import date

        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("must be a day, YYYY-MM-DD") from None

    @field_validator("data_class")
    @classmethod
    def _known_class(cls, value: str) -> str:
        from pipeline.classes import CLASSES

        if value not in CLASSES:
            raise ValueError("must be a data class, as the error names it")
        return value


class Job(Frozen):
    """One nightly job."""

    job: Name
    tables: dict[Name, TableSource] = Field(min_length=1)
    consent: ConsentSource | None = None
    catalog: FilePath
    keyring: KeyringRef
    releases: tuple[ReleaseSpec, ...] = Field(min_length=1)
    quarantine_days: int = Field(default=14, ge=1, le=365)
    max_quarantined: float = Field(
        default=0.5, ge=0, le=1, description="Largest share of a table's records that may be quarantined."
    )
    max_drift: float = Field(
        default=0.002,
        ge=0,
        lt=1,
        description="Largest share of a slice's cells of a harmless column that may validate as a direct identifier.",
    )
    waivers: tuple[DriftWaiver, ...] = Field(default=(), description="Of content drift; each expires.")
    engine: Literal["local", "spark"] = "local"


# ------------------------------------------------------------------ catalog

Catalog = dict[str, dict[str, str]]  # table -> column -> data class


# ------------------------------------------------------------------ policy


class RiskRule(Frozen):
    """Limits on the risk of rows; belongs to the risk stage."""

    quasi_identifiers: tuple[str, ...]
    k: int = Field(ge=2)
    max_suppressed: float = Field(ge=0, le=1)


class Policy(Frozen):
    """Data class -> transform, for one recipient and purpose."""

    policy: Name
    rules: dict[str, AnyTransform] = Field(default_factory=dict, description="Data class -> transform.")
    columns: dict[str, AnyTransform] = Field(
        default_factory=dict, description="table.column -> transform, where a column differs from its class."
    )
    otherwise: Literal["refuse", "drop"] = "refuse"
    contract: dict[Name, tuple[str, ...]] | None = Field(
        default=None, description="Table -> exactly the columns that are published."
    )
    rotation: Literal["static", "monthly", "quarterly"] = Field(
        default="static", description="Epoch of the keys, from the release's date."
    )
    max_recoverable: float | None = Field(
        default=None, ge=0, le=1, description="Largest share of rows that frequency analysis may turn back."
    )
    risk: RiskRule | None = None


# ------------------------------------------------------------------ statistics


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
