"""Who a row is about: one text a person, the same in every table of a run.

A subject is `<data class> US <id>` (US = U+001F), so that an account and a device with equal ids stay two. Ids are
told apart by their class's normal form, as their tokens are, and without blanks at their ends: whoever is erased as
`acc1` is erased in a table of fixed width, too, and a device in capitals is the same device. An empty id counts as no
id: logs write "" where nobody is signed in, and that is not one busy person.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES
from transforms.normal_forms import ArrayForm, normal_form

ACCOUNT = "account_id"  # the data class whose ids the consent file names
_SEPARATOR = "\x1f"
_PAIR = pa.schema([("alias", pa.string()), ("subject", pa.string())])


def subject_of(data_class: str, ids: pa.Array) -> pa.Array:
    """Return the subjects that ids of one data class name: text, null for null and for ids of blanks only.

    A phone without country code is not one with: nothing here knows its region.
    """
    form = CLASSES[data_class].normal_form
    if form != "none" and not pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_encode()  # forms look at each value, and people come back
    if pa.types.is_dictionary(ids.type):
        return _named(data_class, normal_form(form), ids.dictionary).take(ids.indices)
    return _named(data_class, normal_form(form), ids)


def id_of(subject: str) -> str:
    """The id that names a subject, in its normal form."""
    return subject.partition(_SEPARATOR)[2]


def _named(data_class: str, form: ArrayForm, ids: pa.Array) -> pa.Array:
    names = pc.utf8_trim_whitespace(form(pc.utf8_trim_whitespace(ids.cast(pa.string()))))
    names = pc.if_else(pc.equal(names, ""), pa.scalar(None, pa.string()), names)
    return pc.binary_join_element_wise(data_class, names, _SEPARATOR)


def resolve_subject(columns: Sequence[tuple[str, pa.Array]], mapping: pa.Table | None = None) -> pa.Array:
    """Return each row's subject: the first column that is not null, devices counted as their one account.

    `columns` are (data class, ids) in the table's declared order, `mapping` comes from `link_subjects`. The
    answer is text; null where no column names anyone.
    """
    subject = pc.coalesce(*(subject_of(data_class, ids) for data_class, ids in columns))
    return subject if mapping is None else linked(subject, mapping)


def subject_pairs(columns: Sequence[tuple[str, pa.Array]]) -> pa.Table:
    """Return which later columns' ids were seen with which first column's: distinct (alias, subject).

    One slice's share of what `link_subjects` needs; `columns` as in `resolve_subject`.
    """
    first, *others = (subject_of(data_class, ids) for data_class, ids in columns)
    seen = [pa.table([other, first], schema=_PAIR).drop_null() for other in others]
    return pa.concat_tables([_PAIR.empty_table(), *seen]).group_by(["alias", "subject"]).aggregate([])


def link_subjects(pairs: pa.Table) -> pa.Table:
    """Return the mapping alias -> subject of every alias that the whole run saw with exactly one subject.

    `pairs` are those of all slices, in any order, repeated or not. The answer is sorted by alias.
    """
    wanted = [("subject", "count_distinct"), ("subject", "first")]
    grouped = pairs.cast(_PAIR).group_by("alias", use_threads=False).aggregate(wanted)
    single = grouped.filter(pc.equal(grouped["subject_count_distinct"], 1))
    mapping = pa.table([single["alias"], single["subject_first"]], schema=_PAIR)
    return mapping.sort_by("alias").combine_chunks()


def linked(subject: pa.Array, mapping: pa.Table) -> pa.Array:
    """Replace aliases by the subjects that they count as; everything else stays."""
    coded = subject.dictionary_encode()
    # The slice's few thousand subjects are hashed, not the run's millions of aliases.
    at = pc.index_in(mapping["alias"], value_set=coded.dictionary)
    known = np.flatnonzero(np.asarray(pc.is_valid(at)))
    if not len(known):
        return subject
    target = np.full(len(coded.dictionary), -1, dtype=np.int64)
    target[np.asarray(at.take(pa.array(known)))] = known
    renamed = mapping["subject"].combine_chunks().take(pa.array(target, mask=target < 0))
    return pc.coalesce(renamed, coded.dictionary).take(coded.indices)
