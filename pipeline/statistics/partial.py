"""The tap that runs in a child: one slice's rows -> partial aggregates, one row a (cell, person)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engines.model import SliceView
from pipeline.protect.model import Plan, StatisticPlan
from pipeline.statistics.dimensions import label
from pipeline.statistics.model import PartialRef, measured_columns, sum_type
from transforms.primitives import hkdf_sha256, hmac_sha256_column


def aggregate_slice(view: SliceView, plan: Plan, staging: Path) -> tuple[PartialRef, ...]:
    """Aggregate one slice for every statistic of every release on its table; write Parquet to `staging`.

    A file has one row a (cell, person): `d0`… text, `s0` and `s1` uint64 (the person, as a keyed 128-bit
    digest under a key that lives as long as the run), `rows` int64, and for the i-th measured column `sum{i}`
    decimal128(38, s) (null where all its values are) and `values{i}` int64.
    Only rows that the release may use count, and only those with a subject; the others are counted in the
    answer.
    """
    people: _People | None = None
    refs = []
    for release in plan.releases:
        for statistic in release.statistics:
            if statistic.spec.table != view.table:
                continue
            if view.subject is None:
                raise ValueError(f"{view.table} has no subject: the plan must refuse statistics on it")
            people = people or _People(view.subject, view.fingerprint_key)
            released = view.released[release.number]
            rows = released.filter(pc.is_valid(people.codes.take(released)))
            name = f"statistics/{release.number}-{statistic.name}-{view.index:06d}.parquet"
            path = staging / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            pq.write_table(_partial(view, statistic, people, rows), path, write_statistics=False)
            refs.append(
                PartialRef(release.number, statistic.name, name, len(rows), len(released) - len(rows))
            )
    return tuple(refs)


class _People:
    """The slice's people: a code for every row, and the digests of the codes that anything used."""

    def __init__(self, subject: pa.Array, run_key: bytes) -> None:
        coded = subject if pa.types.is_dictionary(subject.type) else subject.dictionary_encode()
        self.codes: pa.Array = coded.indices
        self._names = coded.dictionary
        self._key = run_key

    def digests(self, codes: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Return both halves of each person's digest, for distinct codes."""
        halves = _digests(self._names.take(codes).to_pylist(), self._key)
        return pa.array(halves[:, 0]), pa.array(halves[:, 1])


def person_digests(subject: pa.Array, key: bytes) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """Return the first half of every person's digest, as partial aggregates have it in `s0`; nulls are left out."""
    return _digests(subject.drop_null().unique().to_pylist(), key)[:, 0].copy()


def _digests(subjects: Sequence[str], run_key: bytes) -> "np.ndarray[tuple[int, int], np.dtype[np.uint64]]":
    # 128 bits: two of 10^9 people meet with probability below 2^-68, so no collision changes a count. The
    # digests never leave staging, and their key dies with the run.
    key = hkdf_sha256(run_key, b"pouch statistics: digests of people", 32)
    joined = b"".join(digest[:16] for digest in hmac_sha256_column(key, map(str.encode, subjects)))
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


def _partial(view: SliceView, statistic: StatisticPlan, people: _People, rows: pa.Array) -> pa.Table:
    spec = statistic.spec
    labels = [label(dimension, view.columns[dimension.column].take(rows)) for dimension in spec.dimensions]
    # Grouping works on codes: no text is hashed twice.
    columns = {f"d{i}": coded.indices for i, coded in enumerate(labels)}
    columns["person"] = people.codes.take(rows)
    wanted: list[tuple[str, str]] = [("person", "count")]
    for i, name in enumerate(measured_columns(spec)):
        values = view.columns[name].take(rows)
        columns[f"m{i}"] = values.cast(sum_type(values.type))
        wanted += [(f"m{i}", "sum"), (f"m{i}", "count")]
    keys = [*(f"d{i}" for i in range(len(labels))), "person"]
    grouped = pa.table(columns).group_by(keys, use_threads=False).aggregate(wanted).combine_chunks()
    halves = _once_a_person(people, grouped["person"].combine_chunks())
    out = {}
    for i, coded in enumerate(labels):
        out[f"d{i}"] = coded.dictionary.take(grouped[f"d{i}"].combine_chunks())
    out |= {"s0": halves[0], "s1": halves[1], "rows": grouped["person_count"]}
    for i in range(len(measured_columns(spec))):
        out |= {f"sum{i}": grouped[f"m{i}_sum"], f"values{i}": grouped[f"m{i}_count"]}
    return pa.table(out)


def _once_a_person(people: _People, codes: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Digest each person once, however many cells have the person."""
    coded = codes.dictionary_encode()
    first, second = people.digests(coded.dictionary)
    return first.take(coded.indices), second.take(coded.indices)
