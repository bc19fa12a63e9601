"""From a class and a transform to a step, or to what speaks against it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pyarrow as pa

from pipeline.classes import CLASSES, DataClass
from pipeline.config.models import TableSource
from pipeline.detect.catalog import CLASS_ENTITIES, ENTITY_CLASSES
from pipeline.errors import Drift, JobWrong, PouchError, Problem, TransformUnsuitable, nearest, problem_of
from pipeline.protect.model import Step
from transforms import AnyTransform, DateShift, Drop, FormatPreserving, RedactText, Transform
from transforms.base import ColumnFacts
from transforms.context import Context
from transforms.errors import TransformError

_T = TypeVar("_T", bound=Transform)


def resolve_step(
    where: str,
    data_class: DataClass,
    column: str,
    transform: AnyTransform,
    context: Context,
    source: TableSource,
) -> tuple[Step | None, list[Problem]]:
    """Return the step of one column, or what speaks against it.

    The context's token domain and column are set here: they follow from class and column.
    """
    context = replace(context, domain=data_class.token_domain, column=column)
    dropped = Step(column, data_class.id, Drop(transform="drop"), None, None, context)
    if isinstance(transform, Drop):
        return dropped, []
    if isinstance(transform, RedactText) and not transform.accept_residual:
        warning = "free text is dropped: redact_text needs accept_residual with a reason"
        return replace(dropped, warnings=(warning,)), []
    objection = _objection(where, data_class, transform, source)
    if objection is not None:
        return None, [objection]
    transform = with_normal_form(transform, data_class, source.phone_region)
    facts = facts_of(data_class)
    try:
        output = transform.output(facts)
        weakness = transform.weakness(facts)
    except TransformError as error:
        return None, [problem_of(error, where)]
    if weakness and not transform.accept_weakness:
        hint = 'use keyed_hash, or state accept_weakness: "<reason>"'
        return None, [Problem(JobWrong.code, where, weakness, hint)]
    return Step(
        column, data_class.id, transform, output.type, output.domain, context, _warnings(transform, facts)
    ), []


def _warnings(transform: Transform, facts: ColumnFacts) -> tuple[str, ...]:
    """What the plan tells of a step that it lets pass: its own weakness, and those of a text's entities."""
    told = transform.weakness(facts) or transform.caution(facts)
    accepted = f" Accepted: {transform.accept_weakness}" if transform.accept_weakness else ""
    own = (f"{told.rstrip('.')}.{accepted}",) if told else ()
    entities = transform.entities if isinstance(transform, RedactText) else {}
    return own + tuple(
        f"{name}: {warning}"
        for name, inner in entities.items()
        for warning in _warnings(inner, _facts_of_entity(name))
    )


def _facts_of_entity(name: str) -> ColumnFacts:
    """Of a fragment of a text, which is text itself."""
    return replace(facts_of(_class_of_entity(name)), value_type=pa.string())


def _class_of_entity(name: str) -> DataClass:
    return CLASSES[ENTITY_CLASSES[CLASS_ENTITIES.get(name, name)]]


def _objection(
    where: str, data_class: DataClass, transform: AnyTransform, source: TableSource
) -> Problem | None:
    if transform.transform not in data_class.suitable:
        says = f"{transform.transform} does not suit class {data_class.id}"
        hint = f"suitable: {', '.join(sorted(data_class.suitable))}"
        return Problem(TransformUnsuitable.code, where, says, hint)
    if isinstance(transform, RedactText):
        return _entity_objection(where, transform, source.phone_region) or _models_objection(where, transform)
    if getattr(transform, "per", None) == "subject" and not source.subject_columns:
        hint = "name the table's subject in the job, or leave per: subject out"
        return Problem(JobWrong.code, where, "per: subject needs a subject, and this table's is none", hint)
    if isinstance(transform, DateShift) and not source.subject_columns:
        says = "date_shift moves the times of a subject together, and this table's subject is none"
        return Problem(
            TransformUnsuitable.code, where, says, "name the table's subject, or use truncate_time"
        )
    if data_class.id == "unknown":
        return Problem(
            Drift.code, where, "class unknown cannot be published", "give the column a class, or drop it"
        )
    return None


def _entity_objection(where: str, transform: RedactText, phone_region: str | None) -> Problem | None:
    """Fragments of texts deserve what columns get: a known entity, and no weak transform without a reason."""
    for name, inner in transform.entities.items():
        entity = CLASS_ENTITIES.get(name, name)
        if entity not in ENTITY_CLASSES:
            known = sorted({*ENTITY_CLASSES, *CLASS_ENTITIES})
            return Problem(JobWrong.code, where, f"redact_text knows no entity {name}", nearest(name, known))
        if getattr(inner, "per", None) == "subject":
            says = "per: subject encrypts columns, and this is a part of a text"
            return Problem(JobWrong.code, f"{where}.{name}", says, "leave per: subject out here")
        data_class, facts = _class_of_entity(name), _facts_of_entity(name)
        try:
            with_normal_form(inner, data_class, phone_region).output(facts)
        except TransformError as error:
            return problem_of(error, f"{where}.{name}")
        weakness = inner.weakness(facts)
        if weakness and not inner.accept_weakness:
            return Problem(
                JobWrong.code, f"{where}.{name}", weakness, "use keyed_hash, or state accept_weakness"
            )
    return None


def _models_objection(where: str, transform: RedactText) -> Problem | None:
    """What the policy wants found needs its models and recognizers: never find less without a word."""
    from pipeline.detect.names import problems

    for problem in problems() if transform.names else ():
        return Problem(problem.code, where, problem.message, problem.hint)
    if transform.countries or transform.recognizers:
        from pipeline.detect.others import Wanted, prepared

        try:
            prepared(Wanted(transform.countries, transform.recognizers))
        except PouchError as error:
            first = error.problems[0]
            return Problem(first.code, f"{where}.{first.where}".rstrip("."), first.message, first.hint)
    return None


def with_normal_form(transform: _T, data_class: DataClass, phone_region: str | None) -> _T:
    """Give a transform that works on normal forms the one of the class, unless the policy names its own.

    Format-preserving tokens keep separators, so only phones have a form of their own there.
    """
    fields: Mapping[str, Any] = type(transform).model_fields
    if "normal_form" not in fields or getattr(transform, "normal_form", None) is not None:
        return transform
    form = data_class.normal_form
    if isinstance(transform, FormatPreserving) and form != "phone":
        return transform
    if form == "phone" and phone_region:
        form = f"phone:{phone_region}"
    return transform.model_copy(update={"normal_form": form})


def facts_of(data_class: DataClass) -> ColumnFacts:
    """What a transform may know of a class."""
    return ColumnFacts(
        data_class=data_class.id,
        kind=data_class.kind,
        grade=data_class.grade,
        value_type=data_class.value_type,
        enumerable=data_class.enumerable,
    )
