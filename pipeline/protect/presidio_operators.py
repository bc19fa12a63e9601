"""Pouch's transforms as operators of Presidio's engines, for those who use Presidio and nothing else of Pouch.

    from pipeline.protect.presidio_operators import anonymizer_engine, deanonymize_engine, manifest_of

    who = {"keyring": ring, "recipient": "analysts", "purpose": "research"}
    operators = {"PHONE_NUMBER": OperatorConfig("pouch_format_preserving", who)}
    anonymizer_engine().anonymize(text, results, operators, merge_entities_with_spaces=False)

Every transform that can stand in a text is an operator, `pouch_<transform>`, and every reversible one a deanonymizing
operator, `pouch_reveal_<transform>`. The entity type decides token domain and normal form, as in `redact_text`: a phone
gets the token of Pouch's phone columns. See docs/presidio.md.
"""

from collections.abc import Mapping
from typing import Any, get_args

import pyarrow as pa
from presidio_anonymizer import AnonymizerEngine, DeanonymizeEngine
from presidio_anonymizer.entities import InvalidParamError
from presidio_anonymizer.operators import Operator, OperatorType
from pydantic import ValidationError

from pipeline.classes import CLASSES, DataClass
from pipeline.detect.catalog import CLASS_ENTITIES, ENTITY_CLASSES
from pipeline.protect.steps import facts_of, with_normal_form
from transforms import Context, FormatPreserving, Keyring, Transform, TransformError
from transforms.base import BoundTransform, ColumnFacts
from transforms.normal_forms import normal_form
from transforms.redact import tag_of
from transforms.redact_text import EntityTransform

PREFIX, REVEAL_PREFIX = "pouch_", "pouch_reveal_"
ENTITY_TRANSFORMS: tuple[type[Transform], ...] = get_args(get_args(EntityTransform)[0])

# Parameters of the operators themselves; all others are the transform's.
_OWN = ("keyring", "recipient", "purpose", "epoch", "phone_region", "manifest", "entity_type")


def anonymizer_engine() -> Any:
    """Presidio's AnonymizerEngine with every `pouch_<transform>`; its own operators are still there."""
    engine = AnonymizerEngine()  # type: ignore[no-untyped-call] # Presidio declares no types
    for operator in ANONYMIZERS:
        engine.add_anonymizer(operator)
    return engine


def deanonymize_engine() -> Any:
    """Presidio's DeanonymizeEngine with every `pouch_reveal_<transform>`."""
    engine = DeanonymizeEngine()  # type: ignore[no-untyped-call] # Presidio declares no types
    for operator in DEANONYMIZERS:
        engine.add_deanonymizer(operator)
    return engine


def manifest_of(
    keyring: Keyring, *, recipient: str, purpose: str, epoch: str = "static"
) -> dict[str, str | dict[str, str]]:
    """What to keep beside a text, so that its format-preserving tokens can be turned back; nothing in it is secret."""
    key = {"id": keyring.active, "check": keyring.check_value()}
    return {"recipient": recipient, "purpose": purpose, "epoch": epoch, "key": key}


def _anonymizing(transform: type[Transform]) -> type:
    name = f"{PREFIX}{transform.model_fields['transform'].default}"

    class Anonymizing(Operator):
        __doc__ = f"`{name}`: {(transform.__doc__ or '').partition(chr(10))[0]}"

        def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
            """Return what stands for the text."""
            bound = _bound(transform, params or {})
            return str(bound(_as_column(text))[0].as_py())

        def validate(self, params: dict[str, Any] | None = None) -> None:
            """Raise InvalidParamError where a parameter is wrong or missing, or the choice too weak."""
            _checked(transform, params or {})

        def operator_name(self) -> str:
            return name

        def operator_type(self) -> OperatorType:
            return OperatorType.Anonymize

    return Anonymizing


def _revealing(transform: type[Transform]) -> type:
    name = f"{REVEAL_PREFIX}{transform.model_fields['transform'].default}"

    class Revealing(Operator):
        __doc__ = f"`{name}`: turn tokens back; raises TokenRejected, always with one sentence."

        def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
            """Return what the token stands for."""
            key_id = _key_of(params or {}) if transform is FormatPreserving else None
            bound = _bound(transform, params or {}, key_id)
            if transform is FormatPreserving and text == tag_of(_domain_of(params or {})):
                return text  # what could not be encrypted: it is no token, and the others of its text are
            return str(bound.reveal(_as_column(text))[0].as_py())

        def validate(self, params: dict[str, Any] | None = None) -> None:
            """Raise InvalidParamError where a parameter is wrong or missing, or the manifest another."""
            _checked(transform, params or {})
            if transform is FormatPreserving:
                _key_of(params or {})

        def operator_name(self) -> str:
            return name

        def operator_type(self) -> OperatorType:
            return OperatorType.Deanonymize

    return Revealing


ANONYMIZERS: tuple[type, ...] = tuple(map(_anonymizing, ENTITY_TRANSFORMS))
DEANONYMIZERS: tuple[type, ...] = tuple(map(_revealing, (t for t in ENTITY_TRANSFORMS if t.reversible)))


def _as_column(text: str) -> pa.Array:
    """Raises InvalidParamError for what is no text: Python's own error would hold it."""
    try:
        return pa.array([text], pa.string())
    except UnicodeEncodeError:
        pass  # raised below, outside: no context that holds the text
    raise InvalidParamError("the text holds lone surrogates, which are no characters")


def _checked(kind: type[Transform], params: Mapping[str, Any]) -> Transform:
    """The transform with its parameters. Raises InvalidParamError, never with a value of the text."""
    own = {name: value for name, value in params.items() if name not in _OWN}
    try:
        transform = kind.model_validate(own)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in error.errors()
        )
        raise InvalidParamError(f"{kind.__name__}: {wrong}") from None
    if getattr(transform, "per", None) == "subject":
        raise InvalidParamError(
            f"{kind.__name__}: per: subject encrypts columns, and this is a part of a text"
        )
    data_class = _class_of(params)
    if data_class is not None:
        transform = with_normal_form(transform, data_class, params.get("phone_region"))
    if transform.keyed:
        if not isinstance(params.get("keyring"), Keyring):
            raise InvalidParamError(f"{kind.__name__}: keyring must be a transforms.Keyring")
        for name, default in (("recipient", ""), ("purpose", ""), ("epoch", "static")):
            part = params.get(name, default)
            if not isinstance(part, str) or not part:
                raise InvalidParamError(f"{kind.__name__}: {name} must be a text, it is part of the key")
    try:
        facts = _facts_of(data_class)
        normal_form(getattr(transform, "normal_form", None) or "none")  # a region that is none shows here
        transform.output(facts)
        weakness = transform.weakness(facts)
    except TransformError as error:
        raise InvalidParamError(str(error)) from None
    if weakness and not transform.accept_weakness:
        raise InvalidParamError(f"{weakness} State accept_weakness with a reason, or use pouch_keyed_hash")
    return transform


def _class_of(params: Mapping[str, Any]) -> DataClass | None:
    """The data class of an entity (or of a class's own name); None for entities that Pouch does not know."""
    entity = str(params.get("entity_type", ""))
    class_id = ENTITY_CLASSES.get(CLASS_ENTITIES.get(entity, entity))
    return CLASSES[class_id] if class_id else None


def _domain_of(params: Mapping[str, Any]) -> str:
    data_class = _class_of(params)
    return data_class.token_domain if data_class else str(params.get("entity_type", "")).lower()


def _facts_of(data_class: DataClass | None) -> ColumnFacts:
    if data_class is None:
        return ColumnFacts("other", "direct_identifier", 3, pa.string())
    facts = facts_of(data_class)
    return ColumnFacts(facts.data_class, facts.kind, facts.grade, pa.string(), facts.enumerable)


def _bound(kind: type[Transform], params: Mapping[str, Any], key_id: str | None = None) -> BoundTransform:
    names = (params.get("recipient", ""), params.get("purpose", ""))
    context = Context(*names, _domain_of(params), params.get("epoch", "static"))
    transform = _checked(kind, params)
    if isinstance(transform, FormatPreserving):
        return transform.bind(params["keyring"], context, key_id=key_id)
    return transform.bind(params.get("keyring"), context)


def _key_of(params: Mapping[str, Any]) -> str:
    """The key that the manifest names. Raises InvalidParamError unless everything that FF1 cannot tell matches."""
    manifest = params.get("manifest")
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("key"), Mapping):
        raise InvalidParamError(
            "format-preserving tokens need the manifest that manifest_of made beside them"
        )
    for name, default in (("recipient", ""), ("purpose", ""), ("epoch", "static")):
        if manifest.get(name) != params.get(name, default):
            raise InvalidParamError(f"the manifest is of another {name}")
    keyring, key = params["keyring"], manifest["key"]
    if key.get("id") not in keyring.key_ids or keyring.check_value(key["id"]) != key.get("check"):
        raise InvalidParamError("the keyring does not hold the key that the manifest names")
    return str(key["id"])
