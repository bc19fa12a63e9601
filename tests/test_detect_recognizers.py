"""Recognizers are data, and their examples and near misses are their tests."""

import json
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classes import CLASSES
from pipeline.detect import checks
from pipeline.detect.catalog import ENTITY_CLASSES, RECOGNIZERS, Compiled, compile_recognizer, compiled
from pipeline.detect.folding import fold
from pipeline.detect.model import Pattern, Recognizer
from pipeline.detect.patterns import find_patterns, recognize
from pipeline.detect.spans import find_mentions
from tests.conftest import SHARED_DATA, needs_shared_data

EXAMPLES = [(c, text) for c in compiled() for text in c.recognizer.examples]
NEAR_MISSES = [(c, text) for c in compiled() for text in c.recognizer.near_misses]


def _id(case: object) -> str:
    return case.recognizer.entity if isinstance(case, Compiled) else ""


@pytest.mark.parametrize(("recognizer", "text"), EXAMPLES, ids=_id)
def test_each_example_holds_one_match(recognizer: Compiled, text: str) -> None:
    assert len(recognize(fold(text).text, recognizer)) == 1


@pytest.mark.parametrize(("recognizer", "text"), NEAR_MISSES, ids=_id)
def test_no_near_miss_matches(recognizer: Compiled, text: str) -> None:
    assert recognize(fold(text).text, recognizer) == []


def test_every_recognizer_has_examples_near_misses_and_a_source() -> None:
    for recognizer in RECOGNIZERS:
        assert recognizer.examples
        assert recognizer.near_misses
        assert recognizer.source
        assert not recognizer.check or recognizer.check in checks.CHECKS


def test_every_entity_means_a_data_class() -> None:
    assert {r.entity for r in RECOGNIZERS} <= set(ENTITY_CLASSES)
    assert set(ENTITY_CLASSES.values()) <= set(CLASSES)


def test_the_prefilter_over_the_column_loses_nothing() -> None:
    """Whatever a recognizer finds in one text, it finds behind Arrow's prefilter in a column of texts."""
    texts = [fold(text).text for _, text in EXAMPLES]
    together = find_patterns(texts, all_entities=True)
    for text, found in zip(texts, together, strict=True):
        alone = find_patterns([text], all_entities=True)[0]
        assert found == alone
        assert found


@pytest.mark.parametrize(
    "text",
    [
        "手机13800138000谢谢",
        "请打13800138000。",
        "联系方式：13800138000（下午）",
        "１３８００１３８０００是我",
        "电话138\u200b0013\u200b8000",
    ],
)
def test_a_phone_that_touches_chinese_characters_is_found(text: str) -> None:
    """A word boundary would miss it: Chinese characters count as word characters."""
    assert [m.found.entity for m in find_mentions([text])[0]] == ["PHONE_NUMBER"]


def test_an_imei_is_no_card_and_an_order_number_no_phone() -> None:
    entities = [
        [m.found.entity for m in found]
        for found in find_mentions(["imei 490154203237518", "order 4012345678 shipped", "490154203237518"])
    ]
    assert entities == [["IMEI"], ["ORDER_ID"], ["IMEI"]]


def test_dates_keep_weaker_recognizers_off_and_show_only_when_asked_for() -> None:
    texts = ["phone order of 2026-11-01 10:11:12"]
    assert find_mentions(texts) == [[]]
    assert [m.found.entity for m in find_mentions(texts, all_entities=True)[0]] == ["DATE_TIME"]


def test_two_numbers_side_by_side_are_two_spans() -> None:
    found = find_mentions(["call 0412 345 678 0498 765 432 today"])[0]
    assert [(m.found.start, m.found.end) for m in found] == [(5, 17), (18, 30)]


@pytest.mark.parametrize("name", sorted(checks.CHECKS))
@settings(max_examples=60, deadline=None)
@given(value=st.text(alphabet=string.digits + "xabcdef+-:. ()@/#年一三", max_size=40))
def test_no_check_raises(name: str, value: str) -> None:
    """Validators of libraries raise on some inputs, and an exception would carry the value."""
    score = checks.CHECKS[name](value)
    assert score is None or 0 <= score <= 1


@settings(max_examples=40, deadline=None)
@given(st.from_regex(r"[1-9][0-9]{16}[0-9x]", fullmatch=True))
def test_the_resident_id_check_survives_what_breaks_the_library(value: str) -> None:
    assert checks.resident_id(value) in (None, 0.95)


def test_one_wrong_digit_fails_the_check() -> None:
    assert checks.bank_card("4111111111111111")
    assert checks.bank_card("4111111111111112") is None
    assert checks.resident_id("11010519491231002x")
    assert checks.resident_id("110105194912310021") is None


def test_a_pattern_with_look_around_is_refused() -> None:
    """RE2 has none: what must not touch a match is data, not pattern."""
    bad = Recognizer("X", (Pattern(r"(?<!\d)\d+"),), "none", ("1",), ("a",))
    with pytest.raises(ValueError, match="no RE2 pattern"):
        compile_recognizer(bad)


def _attack_strings() -> list[tuple[str, str]]:
    lines = (SHARED_DATA / "regex" / "redos-regexlib-python.jsonl").read_text(encoding="utf-8").splitlines()
    attacks = []
    for line in lines:
        case = json.loads(line)
        try:
            # the data set writes its attack strings as Python expressions of i
            attack = eval(case["attack_py_expr_of_i"], {"__builtins__": {}}, {"i": 40})  # noqa: S307 - fixed data
        except (MemoryError, SyntaxError, NameError, TypeError):
            continue
        attacks.append((case["regex"], attack[:20_000]))
    return attacks


@needs_shared_data
def test_patterns_that_hang_pythons_engine_do_not_hang_ours() -> None:
    """User patterns run on RE2: linear in the text, whatever the pattern."""
    ran = 0
    begin = time.process_time()
    for regex, attack in _attack_strings():
        try:
            recognizer = compile_recognizer(
                Recognizer("USER", (Pattern(regex, 0.9, "none", "none"),), "user", (), ())
            )
        except ValueError:
            continue  # look-around or back-reference: refused before any text
        recognize(attack, recognizer)
        ran += 1
    assert ran > 50
    assert time.process_time() - begin < 20


@needs_shared_data
def test_attack_strings_do_not_slow_our_own_recognizers() -> None:
    attacks = [attack for _, attack in _attack_strings()]
    begin = time.process_time()
    find_mentions(attacks, names=False)
    assert time.process_time() - begin < 20


@pytest.mark.parametrize("unit", ["1", "1 ", "1-", "a@", "a.", "一", "(1", "00:", "1.", "+1", "https://"])
def test_long_repetitions_take_linear_time(unit: str) -> None:
    begin = time.process_time()
    find_mentions([unit * 5_000], names=False)
    assert time.process_time() - begin < 5


@needs_shared_data
def test_naughty_strings_never_crash() -> None:
    strings = json.loads((SHARED_DATA / "text" / "blns.json").read_text(encoding="utf-8"))
    identities = [
        {"person_name": text, "email": text, "postal_address": text, "mobile_phone": text} for text in strings
    ]
    for text, found in zip(strings, find_mentions(strings, identities, all_entities=True), strict=True):
        assert all(0 <= m.found.start < m.found.end <= len(text) for m in found)


def test_a_lone_surrogate_is_searched_like_any_character() -> None:
    found = find_mentions(["\ud800 call 0412 345 678"])[0]
    assert [(m.found.start, m.found.end) for m in found] == [(7, 19)]


@needs_shared_data
def test_false_phones_in_logs_stay_rare() -> None:
    """At most 2 in 1,000 lines."""
    logs = sorted((SHARED_DATA / "detection" / "logs").glob("*.log"))
    assert logs
    for path in logs:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        phones = sum(any(m.found.entity == "PHONE_NUMBER" for m in found) for found in find_mentions(lines))
        assert phones <= 2 * len(lines) / 1000, path.name


@needs_shared_data
def test_phones_of_all_regions_are_found_in_international_layout() -> None:
    lines = (
        (SHARED_DATA / "detection" / "values" / "phone_examples.csv")
        .read_text(encoding="utf-8")
        .splitlines()[1:]
    )
    numbers = [line.split(",")[4] for line in lines]
    found = find_mentions([f"我的电话{number}，谢谢" for number in numbers])
    missed = sum(not any(m.found.entity == "PHONE_NUMBER" for m in mentions) for mentions in found)
    assert missed <= 0.03 * len(numbers)
