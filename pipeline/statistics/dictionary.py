"""What every column of a published statistic means, in a sentence for its reader."""

from pipeline.config.statistics_models import Dimension, Mean, Measure, Share, StatisticSpec, Sum
from pipeline.statistics.model import measure_name

_REST = "(none) is a missing value"


def column_descriptions(spec: StatisticSpec, zone: str) -> dict[str, str]:
    """Return a sentence for each published column, in order."""
    if spec.cohort is not None:
        unit = spec.cohort.unit
        found = {
            "cohort": f"Period ({unit}) of a person's first row in the input, time zone {zone}; * is all of them.",
            "after": f"How many periods ({unit}s) later the person had another row; 0 is the cohort itself.",
        }
    else:
        found = {d.column: _dimension(spec, d, zone) for d in spec.dimensions}
    found |= {measure_name(measure): _measure(spec, measure) for measure in spec.measures}
    found["status"] = (
        "published, or suppressed: then every figure is empty, which tells neither how many people there are nor "
        "whether the row itself or another one is protected by it."
    )
    return found


def _dimension(spec: StatisticSpec, dimension: Dimension, zone: str) -> str:
    parts: list[str] = []
    if dimension.unit is not None:
        parts.append(f"By {dimension.unit.replace('_', ' ')}, time zone {zone}")
        if dimension.subtotals:
            parts.append(f"with subtotals by {', '.join(dimension.subtotals)}")
    elif dimension.bands is not None:
        parts.append("By band of the number")
    elif dimension.tree:
        parts.append("By value and what it is part of; other is every value that the list does not know")
    elif dimension.values is not None:
        parts.append("By declared value; other is every value that is not declared")
    else:
        parts.append(f"By value; other is every value that fewer than {spec.protect.min_people} people have")
    if any(dimension.column in join.columns for join in spec.join):
        parts.append("each person's own; (several) is a person with more than one")
    parts.append(_REST)
    if spec.has_total(dimension.column):
        parts.append("* is the total")
    return "; ".join(parts) + "."


def _measure(spec: StatisticSpec, measure: Measure) -> str:
    match measure:
        case Sum(sum=column):
            return f"Exact sum of {column}."
        case Mean(mean=column):
            return f"Exact sum of {column} by the number of rows that have one, rounded half to even."
        case Share(share=what, within=within):
            of = f"the sum of {what}" if what not in ("people", "rows") else what
            if spec.cohort is not None:
                return "Part of the cohort's people, rounded half to even at four decimals."
            total = f"the total of the same {', '.join(within)}" if within else "the grand total"
            return f"Part of {total}, of {of}, rounded half to even at four decimals."
        case "people":
            return "Distinct persons; one with many rows counts once."
        case _:
            return f"Rows of {spec.table}."
