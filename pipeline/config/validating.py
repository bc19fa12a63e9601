"""From a parsed document to a frozen model, with every problem at once, in our words instead of pydantic's."""

import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.models import NAME_PATTERN
from pipeline.config.reading import Document, Place, problem_at
from pipeline.errors import Problem, nearest, shown_name
from transforms import TRANSFORMS, EncryptGcm

T = TypeVar("T")

_SHOULD = re.compile(r"^(?:Input|String|Tuple|Dictionary|List|Set|Value) should ")
_PLAIN_MESSAGES: Mapping[str, str] = {
    "string_type": "must be a text",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}
_MAPPINGS = frozenset({"model_type", "model_attributes_type", "dict_type", "mapping_type"})
_LISTS = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})
# The key under which a model that is written as plain text would take that text.
_ONLY_KEY: Mapping[str, str] = {"Dimension": "column", "ConsentSource": "path"}
# pydantic tells each alternative of a union by itself; the user needs one sentence for all of them.
_ALTERNATIVES: Mapping[str, str] = {
    "measures": "must be people, rows, {sum: column}, {mean: column}, {share: …} or, with dp, {quantile: column}",
    "subject": "must be a column, a list of columns, or none",
    "pad": "must be auto, none (no padding), or a number of bytes from 2 to 65,536",
    "period": "must be release, or {column: …, unit: …} with a calendar unit from day to year",
}


def validate(document: Document, kind: type[T] | Any) -> tuple[T | None, list[Problem]]:
    """Validate a document as `kind` (a model or a type); return the value or all problems."""
    adapter: TypeAdapter[T] = TypeAdapter(kind)
    try:
        return adapter.validate_python(document.root), []
    except ValidationError as error:
        known = sorted(set(_field_names(kind)) | set(_transform_fields()))
        details = error.errors(include_input=False)
        problems = [_problem(document, detail, known) for detail in details if not _follows(document, detail)]
        return None, list(dict.fromkeys(problems))


def _follows(document: Document, detail: ErrorDetails) -> bool:
    """Whether a list is only called too short because pydantic left its wrong entries out."""
    return detail["type"] == "too_short" and bool(_node_at(document, _place_in(document, detail["loc"])))


def _problem(document: Document, detail: ErrorDetails, known: list[str]) -> Problem:
    place = _place_in(document, detail["loc"])
    context = detail.get("ctx", {})
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    one_of = _alternatives(document, detail["loc"])
    if one_of is not None:
        return problem_at(document, *one_of)
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
            return problem_at(document, place, *_said(detail, _node_at(document, place)))


def _said(detail: ErrorDetails, node: object) -> tuple[str, str]:
    """Return the sentence, and a hint, for a value of the wrong form."""
    kind, context = detail["type"], detail.get("ctx", {})
    text = node if isinstance(node, str) else None
    message, hint = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, "), ""
    if kind in _MAPPINGS:
        message, hint = "must be a mapping", _mapping_hint(kind, str(context.get("class_name", "")), node)
    elif kind in _LISTS:
        message, hint = "must be a list", "" if text is None else f"write [{_shown(text)}]"
    elif kind == "string_pattern_mismatch":
        message, hint = "is not written as this key needs it", "see its description in configs/schema"
        if context.get("pattern") == NAME_PATTERN:
            message, hint = "must be a name of lowercase letters, digits and _, beginning with a letter", ""
    elif kind == "too_short":
        message = "must not be empty"
    elif kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        message, hint = f"must be {context.get('expected')}", nearest(text or "", choices)
    message = _PLAIN_MESSAGES.get(kind, _SHOULD.sub("must ", message))
    return message[:1].lower() + message[1:], hint


def _mapping_hint(kind: str, model: str, node: object) -> str:
    if not isinstance(node, str):
        return ""
    if kind == "model_attributes_type":  # of the union of transforms
        return f"write {{transform: {node if node in map(_name_of, TRANSFORMS) else '…'}}}"
    return f"write {{{_ONLY_KEY[model]}: {_shown(node)}}}" if model in _ONLY_KEY else ""


def _shown(text: str) -> str:
    return text if shown_name(text) == text else "…"


def _alternatives(document: Document, loc: tuple[int | str, ...]) -> tuple[Place, str] | None:
    """Where a union begins that holds the place, and what may stand there."""
    place: Place = ()
    for step in loc:
        field = next((part for part in reversed(place) if isinstance(part, str)), "")
        inside = _node_at(document, (*place, step)) is not None
        if not inside and field in _ALTERNATIVES and _is_union_step(step):
            return place, _ALTERNATIVES[field]
        if inside:
            place = (*place, step)
    return None


def _is_union_step(step: int | str) -> bool:
    """Whether pydantic put the step in: a type's name, no key of ours."""
    return isinstance(step, str) and (step[:1].isupper() or "[" in step or "-" in step)


def _holds(node: object, step: int | str) -> bool:
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)


def _node_at(document: Document, place: Place) -> Any:
    node: Any = document.root
    for step in place:
        if not _holds(node, step):
            return None
        node = node[step]
    return node


def _refused_transform(name: str) -> tuple[str, str]:
    """What is wrong with a transform that may not stand here, and a hint."""
    known = [_name_of(transform) for transform in TRANSFORMS]
    if name not in known:
        return f"unknown transform {name}", nearest(name, known)
    if name == EncryptGcm.model_fields["transform"].default:
        return f"{name} needs row ids and cannot stand inside redact_text", "use encrypt_siv"
    return f"{name} cannot stand inside redact_text", "choose one that turns text into text, or leave the tag"


def _place_in(document: Document, loc: tuple[int | str, ...]) -> Place:
    """Drop the steps that pydantic adds for unions and keys, so that the place exists in the file."""
    place: list[str | int] = []
    node: Any = document.root
    for number, step in enumerate(loc):
        if _holds(node, step):
            node = node[typing.cast("int", step)]
            place.append(step)
        elif number == len(loc) - 1 and isinstance(node, dict) and isinstance(step, str) and step != "[key]":
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
