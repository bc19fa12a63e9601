"""Tokens of erased subjects under keys that live on: found in the published tree, and refused by `pouch reveal`.

A token of a shared key does not say whose it is. So an erasure looks up the subject's rows in each published tree in
reach, by the token of a column that names the subject, and remembers keyed digests of the reversible tokens in them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from pipeline.keys.private_files import create_private, private_directory
from pipeline.keys.sorted_digests import digests_from, map_sorted, ordered, places_of
from pipeline.protect.subjects import subject_of
from pipeline.release.domain_text import type_from_text
from pipeline.release.manifest import MANIFEST
from pipeline.release.reopening import reopen
from pipeline.state import State
from pipeline.state.directory import disk_failures
from transforms import AnyTransform, Context, Keyring
from transforms.errors import TransformError
from transforms.primitives import encode_fields, hmac_sha256_column
from transforms.tokens import utf8_values

FOLDER = "refused"  # under the state
_LABEL = "refused tokens"
_ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyTransform)
_Form = Callable[[str, pa.Array], pa.Array]  # of data class and cells: what is compared
_SUBJECT: _Form = subject_of  # in clear, however the id is written
_CELL: _Form = lambda _, cells: cells  # noqa: E731  beside its twin


def tokens_in_tree(
    tree: Path,
    index: Mapping[str, Any],
    table: Mapping[str, Any],
    data_class: str,
    ids: pa.Array,
    keyring: Keyring,
) -> Mapping[str, pa.Array] | None:
    """Column -> reversible tokens of these subjects in one table of a tree; None where their rows cannot be told.

    They cannot where no published column names the subject by a deterministic transform, where its id is written in
    another way than given and the column does not make the two equal, where the key that made the release is
    destroyed, or where the tree cannot be read.
    """
    reversible = [c["column"] for c in table["columns"] if transform_of(c).reversible]
    naming = [c for c in table["columns"] if c["class"] == data_class and c["column"] in table["subject"]]
    for column in naming:
        names = _published(index, table, column, ids, keyring)
        if names is None:
            continue
        form = _SUBJECT if transform_of(column).transform == "keep" else _CELL
        try:
            rows = [_rows_of(part, column, names, form) for part in _parts(tree, str(table["table"]))]
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            return None
        if any(part is None for part in rows):
            return None
        own = pa.concat_tables([part for part in rows if part is not None])
        if not len(own):  # the index says that they are in it
            continue
        return {name: _texts(own[name]).drop_null().unique() for name in reversible}
    return None


def _parts(tree: Path, table: str) -> Iterator[pa.Table | None]:
    """The parts of a published table, one at a time; None for one that is not as it was published."""
    manifest = json.loads((tree / MANIFEST).read_bytes())
    told = next(entry for entry in manifest["tables"] if entry["name"] == table)
    schema = pa.schema([(column["name"], type_from_text(column["type"])) for column in told["columns"]])
    for name in told["files"]:
        yield reopen(tree / name, told["format"], schema)[0]


def _rows_of(
    part: pa.Table | None, column: Mapping[str, Any], names: pa.Array, form: _Form
) -> pa.Table | None:
    if part is None:
        return None
    cells = form(column["class"], _texts(part[column["column"]]))
    return part.filter(pc.is_in(cells, value_set=form(column["class"], names)))


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *column.cast(pa.string()).chunks])


def transform_of(column: Mapping[str, Any]) -> Any:
    """The transform of a column of the index."""
    return _ADAPTER.validate_python(dict(column["transform"]))


def _published(
    index: Mapping[str, Any],
    table: Mapping[str, Any],
    column: Mapping[str, Any],
    ids: pa.Array,
    keyring: Keyring,
) -> pa.Array | None:
    """What the subjects are called in a published column; None where that cannot be computed."""
    transform = transform_of(column)
    if transform.transform not in ("keep", "keyed_hash", "encrypt_siv", "format_preserving"):
        return None
    context = Context(
        index["recipient"],
        index["purpose"],
        column["domain"],
        index["epoch"],
        index["date"],
        table["table"],
        column["column"],
    )
    try:
        ring = keyring.with_active(index["key_id"]) if transform.keyed else keyring
        subject = subject_of(column["class"], ids)
        return transform.bind(ring, context)(ids, subject=subject).cast(pa.string())
    except TransformError:
        return None


def remember(state: State, keyring: Keyring, name: str, found: Sequence[tuple[str, str, pa.Array]]) -> int:
    """Keep digests of (recipient, column, tokens) for ever; return how many. Raises PublishFailed."""
    digests = [
        one for recipient, column, tokens in found for one in _digests(keyring, recipient, column, tokens)
    ]
    if digests:
        folder = state.root / FOLDER
        with disk_failures(FOLDER):
            private_directory(folder)
            create_private(folder / name, ordered(digests_from(digests)).tobytes())
    return len(digests)


def are_refused(state: State, keyring: Keyring, recipient: str, column: str, tokens: pa.Array) -> bool:
    """Whether any of these tokens belongs to an erased subject, as far as erasures have found them."""
    wanted = digests_from(_digests(keyring, recipient, column, tokens))
    return any(bool((places_of(wanted, stored) >= 0).any()) for stored in _stored(state))


def _stored(state: State) -> Iterator[Any]:
    folder = state.root / FOLDER
    with disk_failures(FOLDER):
        for path in sorted(folder.glob("[!.]*")) if folder.is_dir() else ():
            yield map_sorted(path)


def _digests(keyring: Keyring, recipient: str, column: str, tokens: pa.Array) -> list[bytes]:
    place = encode_fields(recipient, column)
    messages = [place + token for token in utf8_values(tokens)]
    return [digest[:16] for digest in hmac_sha256_column(keyring.lasting_key(_LABEL), messages)]
