"""What a manifest says of a table with noise: the guarantee, whom it covers, how it was made. All of it is public."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.dp_checking import decimals_of, design_of
from pipeline.statistics.dp_consistent import CONFIDENCE
from pipeline.statistics.dp_table import published_schema

NOISED_STATISTICS = "statistics with differential privacy"


def noise_terms(spec: StatisticSpec, classes: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the protection entry of a table with noise; None for any other table."""
    noise = spec.dp
    if noise is None:
        return None
    made = design_of(spec, classes)
    period = (
        noise.period if isinstance(noise.period, str) else f"{noise.period.unit} of {noise.period.column}"
    )
    terms: dict[str, Any] = {
        "label": NOISED_STATISTICS,
        "epsilon": round(made.epsilon, 9),
        "delta": made.delta,
        "rho": made.loss.rho,
        "mechanism": made.mechanism,
        "privacy_unit": "one subject" if noise.unit is None else f"one {' or '.join(noise.unit)}",
        "period": period,
        "max_groups": noise.max_groups,
        "max_rows": noise.max_rows,
        "bounds": {column: [str(low), str(high)] for column, (low, high) in noise.bounds.items()},
        "keys": noise.keys,
        "error_bars": f"{CONFIDENCE:.0%} each: the figure without noise, of bounded contributions, lies between "
        "_low and _high",
        "noise": [{"question": f"{q.kind} {q.column}".strip(), "scale": q.scale} for q in made.questions],
    }
    if made.threshold is not None:
        terms["threshold"] = made.threshold
    return terms


def noise_schema(spec: StatisticSpec, classes: Mapping[str, str]) -> pa.Schema | None:
    """Return the schema of a table with noise; None for any other table."""
    return None if spec.dp is None else published_schema(spec, decimals_of(spec, classes))
