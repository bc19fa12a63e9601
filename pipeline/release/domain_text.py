"""Output domains as JSON, so that a release can be re-checked from its manifest alone."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.detect.catalog import CLASS_ENTITIES, ENTITY_CLASSES
from pipeline.errors import InternalError
from pipeline.protect.model import Step
from transforms import RedactText, domains
from transforms.domains import OutputDomain
from transforms.ff1_range import Within
from transforms.surrogate_corpus import SurrogateText
from transforms.token_form import FormatPreserved


def published_domain(step: Step) -> OutputDomain:
    """The domain of a published step. Raises InternalError where the step publishes nothing."""
    if step.domain is None:
        raise InternalError("a step that publishes nothing has no output domain", where=step.column)
    return step.domain


# Transforms whose output may look like the class.
KEEPING = frozenset({"keep", "format_preserving", "surrogate"})


def kept_domains(step: Step) -> frozenset[str]:
    """Token domains whose values, or what looks like them, the plan lets stand in a published column."""
    if not isinstance(step.transform, RedactText):
        return frozenset({step.context.domain} if step.transform.transform in KEEPING else ())
    entities = [
        CLASS_ENTITIES.get(name, name)
        for name, inner in step.transform.entities.items()
        if inner.transform in KEEPING and inner.transform != "keep"
    ]
    return frozenset(CLASSES[ENTITY_CLASSES[entity]].token_domain for entity in entities)


_KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        domains.AnyText,
        domains.Between,
        domains.CipherToken,
        domains.ClosedSet,
        domains.HexToken,
        domains.MaskShape,
        domains.MultipleOf,
        domains.Pattern,
        domains.TruncatedTime,
        domains.Typed,
        FormatPreserved,
        Within,
        SurrogateText,
    )
}
_MOST_VALUES = 2_000  # of a closed set; a longer list is described, not repeated


def domain_as_json(domain: OutputDomain) -> dict[str, Any]:
    """Kind, description and parameters."""
    described: dict[str, Any] = {"description": domain.description}
    values = {field.name: getattr(domain, field.name) for field in fields(domain)}  # type: ignore[arg-type]
    if type(domain).__name__ not in _KINDS or any(
        isinstance(value, tuple) and len(value) > _MOST_VALUES for value in values.values()
    ):
        return described
    return {
        "kind": type(domain).__name__,
        **described,
        **{name: _as_json(value) for name, value in values.items()},
    }


def _as_json(value: object) -> object:
    if isinstance(value, pa.DataType | Decimal):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def domain_from_json(entry: Mapping[str, Any]) -> OutputDomain | None:
    """The domain again; None where the manifest only describes it. Raises ValueError where unreadable."""
    if "kind" not in entry:
        return None
    try:
        kind = _KINDS[entry["kind"]]
        values = {field.name: _from_json(field.name, entry[field.name]) for field in fields(kind)}
        return kind(**values)  # type: ignore[no-any-return]
    except (KeyError, TypeError, ArithmeticError):
        raise ValueError("is no output domain that this version knows") from None


def _from_json(name: str, value: Any) -> object:
    if name == "type":
        return type_from_text(value)
    if name in ("step", "bottom", "top"):
        return None if value is None else Decimal(value)
    return tuple(value) if isinstance(value, list) else value


def type_from_text(text: str) -> pa.DataType:
    """An Arrow type from its name. Raises ValueError."""
    if text.startswith("decimal128("):
        precision, scale = text.removeprefix("decimal128(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    if text.startswith("timestamp["):
        return pa.timestamp(text.removeprefix("timestamp[").removesuffix("]"))
    if text.startswith("date32"):
        return pa.date32()
    return pa.type_for_alias(text)
