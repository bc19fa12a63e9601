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
    risk: RiskRule | None = None


# ------------------------------------------------------------------ statistics


class Dimension(Frozen):
    """One dimension; values are declared, or rare ones fold into `other`."""

    column: str
    values: tuple[str, ...] | None = Field(
        default=None, description="Declared values; every other is `other`."
    )
    unit: Literal["year", "quarter", "month", "week", "day", "hour"] | None = Field(
        default=None, description="Of a time."
    )
    bands: tuple[float, ...] | None = Field(default=None, description="Edges of bands of a number.")


class Sum(Frozen):
    """Exact sum of a column."""

    sum: str


class Mean(Frozen):
    """Exact sum of a column by the number of its values."""

    mean: str


Measure = Literal["people", "rows"] | Sum | Mean | Quantile


class Dominance(Frozen):
    """(n,k) rule; belongs to the statistics stage's next form."""

    n: int = Field(ge=1)
    percent: float = Field(gt=0, le=100)


class Protection(Frozen):
    """When a cell may be published."""

    min_people: int = Field(default=10, ge=3)
    dominance: Dominance | None = None
    p_percent: float | None = Field(default=None, gt=0, le=100)
    over_time: Literal["suppress", "coarsen", "stop"] = Field(
        default="suppress",
        description="What happens to a cell whose difference from an earlier release singles out too few people.",
    )


class StatisticSpec(Frozen):
    """One table of statistics."""

    table: Name
    subject: str | tuple[str, ...] | None = None
    dimensions: tuple[Dimension, ...] = Field(min_length=1)
    totals: bool = False
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


class StatisticsSpec(Frozen):
    """All statistics of one release, by name."""

    statistics: dict[Name, StatisticSpec] = Field(min_length=1)
    budget: Budget | None = Field(default=None, description="Of tables with dp; they need one.")
