"""What a specification says of differential privacy, of its budget, and of earlier releases."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from pipeline.config.models import Frozen

REPORTED_DELTA = 1e-6  # of guarantees that are stated as rho, where nothing else is said
Refresh = Literal["never", "yearly", "quarterly", "monthly", "weekly", "daily"]


def _ascending(bounds: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    if len(bounds) != 2 or not all(bound.is_finite() for bound in bounds) or bounds[0] >= bounds[1]:
        raise ValueError("must be [lowest, highest], ascending")
    return bounds


Bounds = Annotated[tuple[Decimal, ...], AfterValidator(_ascending)]


class Period(Frozen):
    """A calendar period of a time column."""

    column: str
    unit: Literal["year", "quarter", "month", "week", "day"]


class Quantile(Frozen):
    """Quantiles of a column; only under differential privacy."""

    quantile: str
    at: tuple[float, ...] = Field(default=(0.5,), min_length=1, description="Ranks, e.g. [0.25, 0.5, 0.75].")
    steps: int = Field(default=32, ge=2, le=1024, description="Equal steps of the column's bounds.")

    @field_validator("at")
    @classmethod
    def _ranks(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < rank < 1 for rank in value) or list(value) != sorted(set(value)):
            raise ValueError("must be ranks between 0 and 1, ascending")
        if any(abs(rank * 100 - round(rank * 100)) > 1e-9 for rank in value):
            raise ValueError("must be ranks in whole percent, such as 0.25")
        return value


class Noise(Frozen):
    """Differential privacy of one table: what one privacy unit may change, and how much of it may show.

    Every bound is declared; none is ever taken from the data.
    """

    epsilon: float | None = Field(
        default=None, gt=0, le=50, description="Of this table; without delta the noise is discrete Laplace."
    )
    delta: float = Field(
        default=0,
        ge=0,
        le=1e-3,
        description="With it the noise is discrete Gaussian; a typical value is 1e-6.",
    )
    rho: float | None = Field(default=None, gt=0, le=50, description="zCDP, instead of epsilon.")
    unit: tuple[str, ...] | None = Field(
        default=None, description="Column of the household or group that is protected; else the subject."
    )
    period: Literal["release"] | Period = Field(
        default="release",
        description="What of a unit is protected: all its rows in the release, or those of one calendar period.",
    )
    max_groups: int = Field(ge=1, le=100_000, description="Cells of the table that one unit may be in.")
    max_rows: int = Field(default=1, ge=1, le=100_000, description="Rows of one unit in one cell.")
    bounds: dict[str, Bounds] = Field(
        default_factory=dict, description="Column -> [lowest, highest]; values outside count as the bound."
    )
    keys: Literal["public", "threshold"] = Field(
        default="public", description="public: every dimension declares its values; threshold: noise decides."
    )

    @field_validator("unit", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_guarantee(self) -> "Noise":
        if (self.epsilon is None) == (self.rho is None):
            raise ValueError("must have epsilon or rho, one of them")
        if self.keys == "threshold" and not self.delta:
            raise ValueError("keys: threshold needs a delta, such as 1e-6")
        return self

    @property
    def pure(self) -> bool:
        """Whether the guarantee is epsilon alone."""
        return self.epsilon is not None and not self.delta


class Allowance(Frozen):
    """How much of a person may show, over all releases together."""

    epsilon: float = Field(gt=0, le=1000)
    delta: float = Field(default=REPORTED_DELTA, gt=0, le=1e-2)
    refresh: Refresh = Field(
        default="never",
        description="When spent budget comes back; the promise then holds for a person's data of one such period.",
    )


class Budget(Frozen):
    """Limits of the ledger: for the recipient, and for all recipients together, who may collude."""

    recipient: Allowance
    overall: Allowance | None = Field(default=None, description="The recipient's, where nothing is said.")
