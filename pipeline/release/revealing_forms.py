"""Format-preserving tokens turn back only through the manifest of their release: nothing in a token tells its key."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import JobWrong, KeyUnavailable, TokenRejected
from pipeline.protect.model import Plan, Step
from pipeline.release.domain_text import domain_as_json, published_domain
from pipeline.release.manifest import FORMAT
from pipeline.sinks.text_cells import RUNS
from transforms import FormatPreserving, Keyring
from transforms.base import REJECTED


def read_manifest(path: Path) -> Mapping[str, Any]:
    """The manifest of a release. Raises JobWrong where there is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise JobWrong(
            "format-preserving tokens need the manifest of their release, and there is none here",
            where=path.name,
            hint="name it: --manifest <release>/manifest.json",
        )
    return document


def reveal_by_manifest(
    manifest: Mapping[str, Any], plan: Plan, step: Step, keyring: Keyring, column: str, tokens: Sequence[str]
) -> pa.Array:
    """Turn tokens back with the key that the manifest names, if everything that FF1 cannot tell matches.

    Raises:
        TokenRejected: the manifest is of another recipient, purpose, date, epoch or key, the column has another form
            there, or a token does not have it.
        KeyUnavailable: the keyring does not hold the key.

    """
    assert isinstance(step.transform, FormatPreserving)
    context = step.context
    mine = {
        "recipient": context.recipient,
        "purpose": context.purpose,
        "date": plan.date,
        "epoch": context.epoch,
    }
    for name, value in mine.items():
        if manifest.get(name) != value:
            raise TokenRejected(f"the manifest is of another {name} than the one asked for", where=column)
    key = manifest.get("key")
    key_id, check = (key.get("id"), key.get("check")) if isinstance(key, dict) else (None, None)
    if key_id not in keyring.key_ids:
        raise KeyUnavailable("the keyring does not hold the key that the manifest names", where=column)
    if keyring.check_value(key_id) != check:
        raise TokenRejected("the check value of the key is not the manifest's", where=column)
    if _column_of(manifest, column) != {
        "class": step.data_class,
        "transform": step.transform.transform,
        "domain": domain_as_json(published_domain(step)),
    }:
        raise TokenRejected(
            "the column has another form in the manifest",
            where=column,
            hint="policy or catalog have changed since; use those of the release",
        )
    given = _as_written(pa.array(tokens, pa.string()))
    try:
        typed = given if step.type is None else given.cast(step.type)
    except pa.ArrowInvalid:
        typed = None
    if typed is None:
        raise TokenRejected(REJECTED, where=column)
    return step.transform.bind(keyring, context, key_id=key_id).reveal(typed)


def _as_written(tokens: pa.Array) -> pa.Array:
    """Tokens without the apostrophe that CSV files put before what a spreadsheet would run, and no other."""
    bare = pc.utf8_slice_codeunits(tokens, 1)
    guarded = pc.and_(pc.starts_with(tokens, "'"), pc.match_substring_regex(bare, RUNS))
    return pc.if_else(guarded, bare, tokens)


def _column_of(manifest: Mapping[str, Any], column: str) -> dict[str, Any]:
    """What the manifest says of a column; nothing where it is not in it, or the manifest is none of ours."""
    table, _, name = column.partition(".")
    try:
        (columns,) = [entry["columns"] for entry in manifest["tables"] if entry["name"] == table]
        (told,) = [one for one in columns if one["name"] == name]
        return {part: told[part] for part in ("class", "transform", "domain")}
    except (KeyError, TypeError, ValueError):
        return {}
