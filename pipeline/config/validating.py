"""From a parsed document to a frozen model, with every problem at once."""

import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.reading import Document, Place, problem_at
from pipeline.errors import Problem, nearest
from transforms import TRANSFORMS, EncryptGcm

T = TypeVar("T")


def validate(document: Document, kind: type[T] | Any) -> tuple[T | None, list[Problem]]:
    """Validate a document as `kind` (a model or a type); return the value or all problems."""
    adapter: TypeAdapter[T] = TypeAdapter(kind)
    try:
        return adapter.validate_python(document.root), []
    except ValidationError as error:
        known = sorted(set(_field_names(kind)) | set(_transform_fields()))
        return None, [_problem(document, detail, known) for detail in error.errors(include_input=False)]


def _problem(document: Document, detail: ErrorDetails, known: list[str]) -> Problem:
    place = _place_in(document, detail["loc"])
    context = detail.get("ctx", {})
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    match detail["type"]:
        case "extra_forbidden":
            return problem_at(document, place, "unknown key", nearest(name, [k for k in known if k != name]))
        case "union_tag_invalid":
            return problem_at(document, place, *_refused_transform(str(context.get("tag", ""))))
        case "union_tag_not_found":
            return problem_at(document, place, "must name its transform", "e.g. {transform: keyed_hash}")
        case "missing":
            return problem_at(document, place, f"{name} is missing")
        case _:
            message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            return problem_at(document, place, message[:1].lower() + message[1:])


def _refused_transform(name: str) -> tuple[str, str]:
    """What is wrong with a transform that may not stand here, and a hint."""
    known = [_name_of(transform) for transform in TRANSFORMS]
    if name not in known:
        return f"unknown transform {name}", nearest(name, known)
    if name == EncryptGcm.model_fields["transform"].default:
        return f"{name} needs row ids and cannot stand inside redact_text", "use encrypt_siv"
    return f"{name} cannot stand inside redact_text", "choose one that turns text into text, or leave the tag"


def _place_in(document: Document, loc: tuple[int | str, ...]) -> Place:
    """Drop the steps that pydantic adds for unions, so that the place exists in the file."""
    place: list[str | int] = []
    node: Any = document.root
    for number, step in enumerate(loc):
        inside = isinstance(node, dict) and step in node
        if inside or (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            node = node[typing.cast("int", step)]
            place.append(step)
        elif number == len(loc) - 1 and isinstance(node, dict) and not isinstance(step, int):
            place.append(step)
    return tuple(place)


def _name_of(transform: type[BaseModel]) -> str:
    return str(typing.get_args(transform.model_fields["transform"].annotation)[0])


def _transform_fields() -> Iterator[str]:
    for transform in TRANSFORMS:
        yield from transform.model_fields


def _field_names(kind: Any, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        for name, info in kind.model_fields.items():
            yield name
            yield from _field_names(info.annotation, seen | {kind})
    for argument in typing.get_args(kind):
        yield from _field_names(argument, seen)
