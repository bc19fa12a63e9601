"""Pouch's transforms as operators of Presidio's engines, alone: what the page says, the way back, refusals."""

import re

import pyarrow as pa
import pytest
from presidio_anonymizer.entities import InvalidParamError, OperatorConfig, RecognizerResult

from pipeline.protect.presidio_operators import (
    ANONYMIZERS,
    DEANONYMIZERS,
    ENTITY_TRANSFORMS,
    anonymizer_engine,
    deanonymize_engine,
    manifest_of,
)
from tests.conftest import PROJECT
from transforms import Context, FormatPreserving, KeyedHash, Keyring, TokenRejected

RING = Keyring({"k1": bytes(range(32)), "k2": bytes(range(1, 33))}, "k1")
WHO = {"keyring": RING, "recipient": "analysts", "purpose": "research"}
TEXT = "13800138000 13900139000"
TWO = [RecognizerResult("PHONE_NUMBER", 0, 11, 1.0), RecognizerResult("PHONE_NUMBER", 12, 23, 1.0)]


def anonymized(
    operator: str, entity: str = "PHONE_NUMBER", text: str = "13800138000", **params: object
) -> str:
    found = [RecognizerResult(entity, 0, len(text), 1.0)]
    config = {entity: OperatorConfig(operator, {**WHO, **params})}
    result = anonymizer_engine().anonymize(text, found, config, merge_entities_with_spaces=False)
    return str(result.text)


def test_the_code_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT / "docs" / "presidio.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(block, names)  # noqa: S102 - our own page
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"Call \+614[0-9]{8} or \+614[0-9]{8}, mail p1\.k1\.[\w-]+, card [0-9a-f]{32}\.", first
    )
    card = first.split()[-1]
    assert second == f"Call +61491570006 or +61491570156, mail jo@example.com, card {card}"


def test_the_page_names_every_operator() -> None:
    page = (PROJECT / "docs" / "presidio.md").read_text(encoding="utf-8").partition("## Operators")[2]
    for operator in ANONYMIZERS:
        assert f"`{operator().operator_name().removeprefix('pouch_')}`" in page
    assert {o().operator_name() for o in DEANONYMIZERS} == {
        "pouch_reveal_encrypt_siv",
        "pouch_reveal_format_preserving",
    }


def test_tokens_are_those_of_columns() -> None:
    """The entity decides domain and normal form, as in redact_text."""
    context = Context("analysts", "research", "phone", "static")
    column = pa.array(["13800138000"])
    hashed = KeyedHash(normal_form="phone:CN").bind(RING, context)(column)[0].as_py()
    assert anonymized("pouch_keyed_hash", phone_region="CN") == hashed
    assert anonymized("pouch_keyed_hash", text="+86 138 0013 8000") == hashed
    formed = FormatPreserving(normal_form="phone:CN").bind(RING, context)(column)[0].as_py()
    assert anonymized("pouch_format_preserving", phone_region="CN") == formed
    assert anonymized("pouch_keyed_hash", entity="mobile_phone", phone_region="CN") == hashed


def test_every_transform_of_a_text_is_an_operator() -> None:
    parameters: dict[str, dict[str, object]] = {
        "replace": {"value": "gone"},
        "prefix": {"length": 2, "accept_weakness": "a test"},
        "sha256": {"accept_weakness": "a test"},
        "hierarchy": {"lookup": {"13800138000": "a phone"}},
    }
    for transform in ENTITY_TRANSFORMS:
        name = transform.model_fields["transform"].default
        out = anonymized(f"pouch_{name}", **parameters.get(name, {}))
        assert (out == "13800138000") == (name == "keep"), name


def test_neighbors_are_merged_by_default_and_kept_apart_when_told() -> None:
    """Presidio's trap: without the flag one token stands for two phones."""
    config = {"PHONE_NUMBER": OperatorConfig("pouch_keyed_hash", {**WHO, "phone_region": "CN"})}
    merged = anonymizer_engine().anonymize(TEXT, list(TWO), config)
    apart = anonymizer_engine().anonymize(TEXT, list(TWO), config, merge_entities_with_spaces=False)
    assert len(merged.items) == 1
    assert len(set(apart.text.split(" "))) == 2


@pytest.mark.parametrize("name", ["encrypt_siv", "format_preserving"])
def test_what_was_replaced_comes_back(name: str) -> None:
    params = {**WHO, "phone_region": "CN"}
    config = {"PHONE_NUMBER": OperatorConfig(f"pouch_{name}", params)}
    out = anonymizer_engine().anonymize(TEXT, list(TWO), config, merge_entities_with_spaces=False)
    assert "138001" not in out.text
    manifest = manifest_of(RING, recipient="analysts", purpose="research")
    extra = {"manifest": manifest} if name == "format_preserving" else {}
    way_back = {"PHONE_NUMBER": OperatorConfig(f"pouch_reveal_{name}", {**params, **extra})}
    back = deanonymize_engine().deanonymize(out.text, out.items, way_back).text
    assert back == (TEXT if name == "encrypt_siv" else "+8613800138000 +8613900139000")
    rotated = Keyring({"k1": bytes(range(32)), "k2": bytes(range(1, 33))}, "k2")
    way_back = {
        "PHONE_NUMBER": OperatorConfig(f"pouch_reveal_{name}", {**params, **extra, "keyring": rotated})
    }
    assert deanonymize_engine().deanonymize(out.text, out.items, way_back).text == back


def test_another_recipients_token_is_rejected() -> None:
    config = {"PHONE_NUMBER": OperatorConfig("pouch_encrypt_siv", WHO)}
    out = anonymizer_engine().anonymize(TEXT, list(TWO), config, merge_entities_with_spaces=False)
    other = {"PHONE_NUMBER": OperatorConfig("pouch_reveal_encrypt_siv", {**WHO, "recipient": "courier"})}
    with pytest.raises(TokenRejected):
        deanonymize_engine().deanonymize(out.text, out.items, other)


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        {},
        manifest_of(RING, recipient="courier", purpose="research"),
        manifest_of(RING, recipient="analysts", purpose="delivery"),
        manifest_of(RING, recipient="analysts", purpose="research", epoch="2026-11"),
        manifest_of(Keyring({"k1": bytes([7]) * 32}, "k1"), recipient="analysts", purpose="research"),
        manifest_of(Keyring({"k9": bytes(range(32))}, "k9"), recipient="analysts", purpose="research"),
    ],
)
def test_format_preserving_tokens_need_their_manifest(manifest: object) -> None:
    config = {"PHONE_NUMBER": OperatorConfig("pouch_format_preserving", {**WHO, "phone_region": "CN"})}
    out = anonymizer_engine().anonymize(TEXT, list(TWO), config, merge_entities_with_spaces=False)
    params = {**WHO, "phone_region": "CN", "manifest": manifest}
    with pytest.raises(InvalidParamError):
        deanonymize_engine().deanonymize(
            out.text, out.items, {"PHONE_NUMBER": OperatorConfig("pouch_reveal_format_preserving", params)}
        )


@pytest.mark.parametrize(
    ("operator", "entity", "params", "says"),
    [
        ("pouch_keyed_hash", "PHONE_NUMBER", {"keyring": None}, "keyring must be"),
        ("pouch_keyed_hash", "PHONE_NUMBER", {"keyring": bytes(32)}, "keyring must be"),
        ("pouch_keyed_hash", "PHONE_NUMBER", {"recipient": ""}, "recipient must be"),
        ("pouch_keyed_hash", "PHONE_NUMBER", {"purpose": None}, "purpose must be"),
        ("pouch_keyed_hash", "PHONE_NUMBER", {"epoch": None}, "epoch must be"),
        ("pouch_keyed_hash", "PHONE_NUMBER", {"phone_region": "Australia"}, "phone:<region>"),
        ("pouch_encrypt_siv", "PERSON", {"per": "subject"}, "per: subject encrypts columns"),
        ("pouch_mask", "PHONE_NUMBER", {"keep": 1}, "keep"),
        ("pouch_sha256", "PHONE_NUMBER", {}, "minutes"),
        ("pouch_format_preserving", "PHONE_NUMBER", {"phone_region": "AU", "keep_prefix": 4}, "100,000"),
        ("pouch_format_preserving", "CREDIT_CARD", {"keep_prefix": 6, "keep_suffix": 4}, "100,000"),
        ("pouch_format_preserving", "PASSPORT", {}, "alphabet must be one of"),
    ],
)
def test_wrong_and_weak_parameters_are_refused_without_the_text(
    operator: str, entity: str, params: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidParamError) as caught:
        anonymized(operator, entity=entity, **params)
    assert says in caught.value.err_msg
    assert "13800138000" not in caught.value.err_msg


def test_what_is_no_text_is_refused_without_it() -> None:
    """Python's own error holds the whole text."""
    with pytest.raises(InvalidParamError, match="lone surrogates") as caught:
        anonymized("pouch_keyed_hash", text="13800138000 \ud800")
    assert caught.value.__context__ is None


def test_a_redacted_number_stays_redacted_and_the_others_come_back() -> None:
    """One number too short for its form kept the whole text from being turned back."""
    text = "13800138000 911"
    found = [RecognizerResult("PHONE_NUMBER", 0, 11, 1.0), RecognizerResult("PHONE_NUMBER", 12, 15, 1.0)]
    params = {**WHO, "phone_region": "CN"}
    config = {"PHONE_NUMBER": OperatorConfig("pouch_format_preserving", params)}
    out = anonymizer_engine().anonymize(text, found, config, merge_entities_with_spaces=False)
    assert out.text.endswith(" [PHONE]")
    manifest = manifest_of(RING, recipient="analysts", purpose="research")
    back = {
        "PHONE_NUMBER": OperatorConfig("pouch_reveal_format_preserving", {**params, "manifest": manifest})
    }
    assert deanonymize_engine().deanonymize(out.text, out.items, back).text == "+8613800138000 [PHONE]"


def test_no_key_is_shown() -> None:
    shown = repr(OperatorConfig("pouch_keyed_hash", WHO))
    assert "k1" in shown
    assert bytes(range(32)).hex() not in shown
    assert str(bytes(range(32))) not in shown
