"""How many cells a format-preserving step had to redact: counted where they are made, told in the run manifest."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.protect.model import ExportPlan
from transforms.token_form import FormatPreserved


def redacted_cells(
    export: ExportPlan, published: pa.Table, columns: Mapping[str, pa.Array], order: pa.Array
) -> dict[str, int]:
    """Column -> cells whose value could not be encrypted; columns without any are left out.

    Args:
        export: the steps.
        published: the rows they gave.
        columns: raw columns of the slice.
        order: published row -> row of the slice.

    """
    found = {}
    for step in export.steps:
        if step.transform.transform != "format_preserving" or not step.published:
            continue
        cells = published.column(step.column)
        if isinstance(step.domain, FormatPreserved):
            count = int(pc.sum(pc.equal(cells, step.domain.tag), min_count=0).as_py())
        else:  # numbers and times: null where there was a value
            count = cells.null_count - columns[step.column].take(order).null_count
        if count:
            found[step.column] = count
    return found
