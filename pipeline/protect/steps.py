"""From a class and a transform to a step, or to what speaks against it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.classes import CLASSES, DataClass
from pipeline.config.models import TableSource
from pipeline.detect.catalog import CLASS_ENTITIES, ENTITY_CLASSES
from pipeline.errors import Drift, JobWrong, PouchError, Problem, TransformUnsuitable, nearest, problem_of
from pipeline.protect.model import Step
from transforms import AnyTransform, Drop, RedactText
from transforms.base import ColumnFacts
from transforms.context import Context
from transforms.errors import TransformError


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
    objection = _objection(where, data_class, transform)
    if objection is not None:
        return None, [objection]
    transform = with_normal_form(transform, data_class, source)
    facts = facts_of(data_class)
    try:
        output = transform.output(facts)
        weakness = transform.weakness(facts)
    except TransformError as error:
        return None, [problem_of(error, where)]
    if weakness and not transform.accept_weakness:
        hint = 'use keyed_hash, or state accept_weakness: "<reason>"'
        return None, [Problem(JobWrong.code, where, weakness, hint)]
    warnings = (f"{weakness} Accepted: {transform.accept_weakness}",) if weakness else ()
    return Step(column, data_class.id, transform, output.type, output.domain, context, warnings), []


def _objection(where: str, data_class: DataClass, transform: AnyTransform) -> Problem | None:
    if transform.transform not in data_class.suitable:
        says = f"{transform.transform} does not suit class {data_class.id}"
        hint = f"suitable: {', '.join(sorted(data_class.suitable))}"
        return Problem(TransformUnsuitable.code, where, says, hint)
    if isinstance(transform, RedactText):
        return _entity_objection(where, transform) or _models_objection(where, transform)
    if data_class.id == "unknown":
        return Problem(
            Drift.code, where, "class unknown cannot be published", "give the column a class, or drop it"
        )
    return None


def _entity_objection(where: str, transform: RedactText) -> Problem | None:
    """Fragments of texts deserve what columns get: a known entity, and no weak transform without a reason."""
    for name, inner in transform.entities.items():
        entity = CLASS_ENTITIES.get(name, name)
        if entity not in ENTITY_CLASSES:
            known = sorted({*ENTITY_CLASSES, *CLASS_ENTITIES})
            return Problem(JobWrong.code, where, f"redact_text knows no entity {name}", nearest(name, known))
        weakness = inner.weakness(facts_of(CLASSES[ENTITY_CLASSES[entity]]))
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


def with_normal_form(transform: AnyTransform, data_class: DataClass, source: TableSource) -> AnyTransform:
    """Give a transform that hashes normal forms the one of the class, unless the policy names its own."""
    fields: Mapping[str, Any] = type(transform).model_fields
    if "normal_form" not in fields or getattr(transform, "normal_form", None) is not None:
        return transform
    form = data_class.normal_form
    if form == "phone" and source.phone_region:
        form = f"phone:{source.phone_region}"
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
