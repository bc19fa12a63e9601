"""Whether the values of a proposed column can be read as the type of its class.

A run quarantines every record with a value that does not fit, so the steward must hear of it before.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.detect.columns import Profile
from pipeline.intake.model import SliceRecords
from pipeline.intake.typed import parse_types

WORTH_TELLING = 0.05  # share of misfits


def fit_to_type(profile: Profile, values: pa.Array) -> Profile:
    """Lower the confidence by the share of non-null values that do not fit, and say what a run would do with them.

    The class stays: a fare with four decimals is an amount all the same, and nothing else says how to treat it.
    """
    data_class = CLASSES[profile.data_class]
    texts = values.cast(pa.string()).drop_null()
    if pa.types.is_string(data_class.value_type) or not len(texts):
        return profile
    numbers = pa.array(np.arange(len(texts)))
    records = SliceRecords(
        0, pa.table({"value": texts}), numbers.cast(pa.int32()), numbers, (), frozenset({"value"})
    )
    ranges = {"value": data_class.range} if data_class.range else None
    read = parse_types(records, {"value": data_class.value_type}, "UTC", ranges)
    misfits = len(read.rejected) / len(texts)
    if misfits <= WORTH_TELLING:
        return profile
    evidence = (
        *profile.evidence,
        f"{misfits:.0%} do not fit {data_class.id} ({_word(data_class.value_type)}) and would be quarantined",
    )
    return replace(profile, confidence=round(profile.confidence * (1 - misfits), 2), evidence=evidence)


def _word(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "time"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_integer(kind):
        return "whole number"
    return "amount" if pa.types.is_decimal(kind) else "number"
