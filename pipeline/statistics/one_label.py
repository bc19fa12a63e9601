"""Joining by subject: the one label that all of a person's rows in a joined table share."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.statistics.model import NONE, SEVERAL


def one_label(
    labels: pa.DictionaryArray, who: NDArray[np.uint64], people: NDArray[np.uint64]
) -> pa.DictionaryArray:
    """Return the label of each of `people`; `who` says whose each of `labels` is.

    A person whose rows differ has `(several)`, one without rows, or with nulls only, `(none)`. It follows from the
    person's own rows alone.
    """
    names = labels.dictionary.to_pylist()
    names += [name for name in (NONE, SEVERAL) if name not in names]
    code = np.asarray(labels.indices).astype(np.int64)
    told = code != names.index(NONE)
    who, code = who[told], code[told]
    order = np.lexsort((code, who))
    who, code = who[order], code[order]
    found = np.full(len(people), names.index(NONE), dtype=np.int64)
    if len(who):
        starts = np.flatnonzero(np.concatenate([[True], who[1:] != who[:-1]]))
        least, most = np.minimum.reduceat(code, starts), np.maximum.reduceat(code, starts)
        one = np.where(least == most, least, names.index(SEVERAL))
        at = np.minimum(np.searchsorted(who[starts], people), len(starts) - 1)
        found = np.where(who[starts][at] == people, one[at], found)
    return pa.DictionaryArray.from_arrays(pa.array(found.astype(np.int32)), pa.array(names, pa.string()))
