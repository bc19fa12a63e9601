"""Protect one pandas table in memory, for notebooks: the same plan and transforms as the nightly job."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.classes import CLASSES, get
from pipeline.config.models import Policy, TableSource
from pipeline.config.reading import Document
from pipeline.config.validating import validate
from pipeline.errors import (
    Drift,
    InputUnreadable,
    JobWrong,
    NotBuilt,
    Problem,
    TransformUnsuitable,
    error_of,
    nearest,
    problem_of,
    refuse,
)
from pipeline.intake import SliceRecords, parse_types
from pipeline.intake.value_text import text_of
from pipeline.protect.apply import apply_export, bind_export
from pipeline.protect.model import ExportPlan, Step
from pipeline.protect.steps import resolve_step
from pipeline.protect.subjects import resolve_subject
from transforms import Drop, Keyring, Sha256, TransformError
from transforms.base import plain
from transforms.context import Context

if TYPE_CHECKING:
    import pandas as pd

TABLE = "frame"
_TEXT_TOKENS = frozenset({"keyed_hash", "sha256", "encrypt_siv", "encrypt_gcm"})  # of the value's text form


def protect_frame(
    df: "pd.DataFrame",
    *,
    policy: Policy | Mapping[str, object],
    catalog: Mapping[str, str],
    keyring: Keyring,
    recipient: str,
    purpose: str,
    epoch: str = "static",
    release: str = "",
    subject: str | None = None,
    phone_region: str | None = None,
) -> "pd.DataFrame":
    """Return a protected copy of a DataFrame; dropped columns are absent, kept ones keep dtype, all keep the index.

    Args:
        df: the table; it is never changed. Column labels are strings, each once.
        policy: rules by data class, as in a policy file; `columns` are called `frame.<column>`.
        catalog: column -> data class, for every column.
        keyring: unlocked keys.
        recipient: who gets the result; part of every key.
        purpose: for which purpose; part of every key.
        epoch: key epoch; the same epoch gives the same tokens as the nightly job's release, also of dates, times and
            amounts: what becomes a text token is read as the job reads it (a time with a zone as its wall time).
        release: date of the release, for transforms whose key depends on it (`encrypt_gcm`).
        subject: column that names the person a row is about.
        phone_region: region of phone numbers without country code.

    Raises:
        PouchError: as the plan does: 2 policy, 3 key, 5 unsuitable, 11 column not in the catalog; and 4 for a
            column that Arrow cannot hold. Limits that only a job can hold (`risk`, `max_recoverable`) are refused,
            not passed over.

    """
    names = _names(df)
    _refuse_usage(
        keyring, {"recipient": recipient, "purpose": purpose, "epoch": epoch}, subject, phone_region, names
    )
    rules = _policy(policy, names)
    source = TableSource(path="frame", subject=(subject,) if subject else "none", phone_region=phone_region)
    steps = _steps(names, rules, catalog, source, Context(recipient, purpose, "", epoch, release, TABLE))
    table = {name: _arrow(df[name], name) for name in names}
    columns = {
        name: _encoded(pa.concat_arrays(a.chunks) if isinstance(a, pa.ChunkedArray) else a)
        for name, a in table.items()
    }
    changed = tuple(step for step in steps if step.published and step.transform.transform != "keep")
    columns = _as_read(changed, columns)
    _refuse_types(changed, columns)
    rows = pa.array(range(len(df)), pa.int64())
    people = resolve_subject([(catalog[subject], columns[subject])]) if subject else None
    try:
        bound = bind_export(ExportPlan(TABLE, "frame", changed), keyring)
        made = apply_export(bound, columns, catalog, rows, people, lambda: rows)
    except TransformError as error:
        raise error_of([problem_of(error, TABLE)]) from None
    result = df[[step.column for step in steps if step.published]].copy()
    for step in changed:
        result[step.column] = plain(made[step.column]).to_pandas().set_axis(df.index)
    return result


def _names(df: "pd.DataFrame") -> list[str]:
    names = list(df.columns)
    if not all(isinstance(name, str) for name in names):
        raise JobWrong(
            "column labels must be texts, some are not",
            hint="df.columns = [str(name) for name in df.columns]",
        )
    if len(set(names)) != len(names):
        raise JobWrong("the frame has two columns of one name")
    return names


def _refuse_usage(
    keyring: object, parts: Mapping[str, object], subject: str | None, region: str | None, names: list[str]
) -> None:
    """All arguments that are wrong, at once: what goes into a key must be there, or tokens join with nobody's."""
    wrong = [
        (name, "must be a text that is not empty: it is part of every key", "")
        for name, part in parts.items()
        if not isinstance(part, str) or not part
    ]
    if keyring is not None and not isinstance(keyring, Keyring):
        wrong.append(("keyring", "must be a transforms.Keyring", ""))
    if subject is not None and subject not in names:
        wrong.append(("subject", "must be a column of the frame", nearest(subject, names)))
    if region is not None and not re.fullmatch("[A-Z]{2}", region):
        wrong.append(("phone_region", "must be two capital letters, such as AU", ""))
    refuse([Problem(JobWrong.code, name, says, hint) for name, says, hint in wrong])


def _policy(policy: Policy | Mapping[str, object], names: list[str]) -> Policy:
    """The policy, or every problem of it; nothing that it says is passed over in silence."""
    if isinstance(policy, Policy):
        found = policy
    else:
        made, wrong = validate(Document("policy", {"policy": TABLE, **policy}, {}), Policy)
        refuse(wrong)
        assert made is not None
        found = made
    problems = []
    if found.risk is not None:
        problems.append(Problem(NotBuilt.code, "policy.risk", "the risk stage is not built yet"))
    if found.max_recoverable is not None:
        problems.append(
            Problem(JobWrong.code, "policy.max_recoverable", "is estimated by jobs only", "leave it out here")
        )
    known = {f"{TABLE}.{column}" for column in names}
    problems += [
        Problem(
            JobWrong.code, f"policy.columns.{name}", f"must be {TABLE}.<column>, with a column of the frame"
        )
        for name in found.columns
        if name not in known
    ]
    refuse(problems)
    return found


def _refuse_contract(policy: Policy, steps: tuple[Step, ...]) -> None:
    published = {step.column for step in steps if step.published}
    if policy.contract is not None and published not in map(set, policy.contract.values()):
        raise JobWrong(
            "must list exactly the columns of the result for some table, and does not",
            where="policy.contract",
        )


def _as_read(steps: tuple[Step, ...], columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """The columns, in their classes' types where the type shows in the token: 1990-01-31 is not 1990-01-31 00:00."""
    found, problems = dict(columns), []
    for step in steps:
        kind, values = CLASSES[step.data_class].value_type, columns[step.column]
        name = step.transform.transform
        shows = name in _TEXT_TOKENS or (name == "format_preserving" and pa.types.is_decimal(values.type))
        if pa.types.is_string(kind) or values.type == kind or not shows:
            continue
        if pa.types.is_timestamp(values.type) and values.type.tz is not None:
            values = pc.local_timestamp(values)
        table = pa.table({step.column: text_of(pa.chunked_array([values]))})
        rows = pa.array(range(len(values)), pa.int64())
        read = parse_types(
            SliceRecords(0, table, rows.cast(pa.int32()), rows, (), frozenset()), {step.column: kind}, "UTC"
        )
        found[step.column] = read.table[step.column].combine_chunks()
        if read.rejected:
            problems.append(
                Problem(
                    TransformUnsuitable.code,
                    step.column,
                    f"{len(read.rejected):,} values are no {step.data_class} ({kind}), as the nightly job reads them",
                    "make them null, or give the column another class",
                )
            )
    refuse(problems)
    return found


def _refuse_types(steps: tuple[Step, ...], columns: Mapping[str, pa.Array]) -> None:
    """All columns whose type does not suit, at once."""
    problems = []
    for step in steps:
        data_type = columns[step.column].type
        if pa.types.is_dictionary(data_type):
            data_type = data_type.value_type
        try:
            step.transform.require(data_type)
        except TransformError as error:
            problems.append(problem_of(error, step.column))
            continue
        is_token = step.transform.keyed or isinstance(step.transform, Sha256)
        if (
            is_token
            and pa.types.is_floating(data_type)
            and pa.types.is_string(CLASSES[step.data_class].value_type)
        ):
            problems.append(
                Problem(
                    TransformUnsuitable.code,
                    step.column,
                    f"{step.data_class} must be text, is {data_type}: its tokens would join with no others",
                    "read the column as text, such as read_csv(..., dtype={column: str})",
                )
            )
    refuse(problems)


def _steps(
    names: list[str], policy: Policy, catalog: Mapping[str, str], source: TableSource, context: Context
) -> tuple[Step, ...]:
    steps = []
    problems = []
    for name in names:
        if name not in catalog:
            problems.append(Problem(Drift.code, name, "is not in the catalog", nearest(name, catalog)))
            continue
        data_class = get(catalog[name], where=name)
        transform = policy.columns.get(f"{TABLE}.{name}") or policy.rules.get(data_class.id)
        if transform is None and policy.otherwise == "refuse":
            problems.append(Problem(JobWrong.code, name, f"the policy has no rule for class {data_class.id}"))
            continue
        step, found = resolve_step(
            name, CLASSES[data_class.id], name, transform or Drop(transform="drop"), context, source
        )
        problems += found
        if step is not None:
            steps.append(step)
    refuse(problems)
    _refuse_contract(policy, tuple(steps))
    return tuple(steps)


def _arrow(column: "pd.Series", name: str) -> pa.Array | pa.ChunkedArray:
    """A column as Arrow has it. Arrow's own message quotes the value that does not fit."""
    try:
        return pa.Array.from_pandas(column)
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
        pass  # raised below, outside: no context that holds the value
    raise InputUnreadable(
        "the column's values are not all of one type, or no valid text",
        where=name,
        hint="make them text first: df[column].astype('string')",
    )


def _encoded(array: pa.Array) -> pa.Array:
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    return array.dictionary_encode() if pa.types.is_string(array.type) else array
