"""National recognizers of Presidio and users' own run beside ours, prefiltered, without network or model."""

import socket
from pathlib import Path

import pytest
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer

from pipeline.detect.others import Wanted, prepared
from pipeline.detect.presidio_bridge import analyzer
from pipeline.detect.spans import find_mentions
from pipeline.errors import JobWrong

STAFF = """recognizers:
  - name: staff
    supported_entity: STAFF_NUMBER
    patterns:
      - {name: staff, regex: 'ST-[0-9]{5}', score: "0.3"}
    context: [staff, employee]
    deny_list: [the boss]
"""


def own_recognizers() -> list[EntityRecognizer]:
    return [
        PatternRecognizer(
            supported_entity="LOCKER", patterns=[Pattern("locker", r"(?<!\w)L[0-9]{3}(?!\w)", 0.8)]
        )
    ]


def _found(text: str, wanted: Wanted) -> list[tuple[str, str]]:
    mentions = find_mentions([text], names=False, wanted=wanted)[0]
    return [(m.found.entity, text[m.found.start : m.found.end]) for m in mentions]


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("GB", "nhs number 943 476 5919 please", ("UK_NHS", "943 476 5919")),
        ("AU", "my ABN is 51 824 753 556", ("AU_ABN", "51 824 753 556")),
        ("ES", "mi DNI 12345678Z gracias", ("ES_NIF", "12345678Z")),
    ],
)
def test_national_recognizers_are_chosen_by_country(
    country: str, text: str, expected: tuple[str, str]
) -> None:
    assert expected in _found(text, Wanted((country,)))
    assert expected not in _found(text, Wanted())


def test_texts_that_no_pattern_can_match_reach_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    others = prepared(Wanted(("GB", "ES")))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(others.engine, "analyze", refuse)
    assert others.find("please leave it at the door") == []
    with pytest.raises(AssertionError):
        others.find("943 476 5919")


def test_the_prefilter_is_wider_than_every_national_pattern() -> None:
    """Whatever an engine without it finds, is found behind it, too."""
    others = prepared(Wanted(("GB", "AU", "ES", "US")))
    assert others.prefilter is not None and others.engine is not None
    texts = [
        "943-476-5919",
        "12345678z",
        "GIR 0AA",
        "AB123456C",
        "078-05-1120",
        "2123 45670 1",
        "51824753556",
    ]
    for text in texts:
        if others.engine.analyze(text, language="en", score_threshold=0.4):
            assert others.find(text)


def test_users_recognizers_in_presidios_yaml_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(STAFF, encoding="utf-8")
    wanted = Wanted((), (str(path),))
    assert _found("staff st-12345 and The Boss", wanted) == [
        ("STAFF_NUMBER", "st-12345"),
        ("STAFF_NUMBER", "The Boss"),
    ]
    assert _found("parcel ST-12345", wanted) == []


def test_users_recognizers_of_a_python_entry_point() -> None:
    wanted = Wanted((), ("tests.test_detect_others:own_recognizers",))
    assert _found("left in L123, not XL123", wanted) == [("LOCKER", "L123")]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(("XX",)), "no national recognizers"),
        (Wanted((), ("no.such:thing",)), "cannot be loaded"),
        (Wanted((), ("tests.test_detect_others:STAFF",)), "EntityRecognizers"),
    ],
)
def test_what_cannot_be_loaded_is_refused(wanted: Wanted, says: str) -> None:
    with pytest.raises(JobWrong, match=says):
        prepared(wanted)


@pytest.mark.parametrize(
    "broken", ["regex: '(?<=a)b', score: '0.5'", "regex: 'a', score: high", "regex: '('"]
)
def test_a_users_pattern_that_re2_does_not_take_is_refused(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"recognizers:\n  - supported_entity: X_Y\n    patterns:\n      - {{name: x, {broken}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(JobWrong):
        prepared(Wanted((), (str(path),)))


def test_presidio_users_get_all_of_it_in_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    text = "ask Priya Raghunathan, ann@example.com, 0412 345 678"
    found = {(r.entity_type, text[r.start : r.end]) for r in analyzer(("en",)).analyze(text, language="en")}
    assert {
        ("PERSON", "Priya Raghunathan"),
        ("EMAIL_ADDRESS", "ann@example.com"),
        ("PHONE_NUMBER", "0412 345 678"),
    } <= found
