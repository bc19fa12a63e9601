"""A row's own identities are found in its text however they are written, and nobody else's are."""

from functools import partial

import pytest

from pipeline.detect import spans
from pipeline.detect.whole_run import RunIdentities

# without the models: what the row itself tells
find_mentions = partial(spans.find_mentions, names=False)
find_spans = partial(spans.find_spans, names=False)

CHINESE = {
    "person_name": "张小明",
    "mobile_phone": "13800138000",
    "email": "xm.zhang@example.com",
    "postal_address": "上海市浦东新区世纪大道100号8栋302室",
    "order_id": "AU20261101-000123",
}
ENGLISH = {
    "person_name": "Mary-Jane O'Neil",
    "mobile_phone": "+61412345678",
    "email": "mary.oneil@example.com",
    "postal_address": "Unit 5, 12 Main Street, Parramatta NSW 2150",
    "order_id": "AU20261101-000123",
    "account_id": "U100234",
}
DISGUISES = [
    (CHINESE, "请联系张小明", "张小明"),
    (CHINESE, "张 小明收", "张 小明"),
    (CHINESE, "张先生的快递", "张先生"),
    (CHINESE, "找张女士", "张女士"),
    (CHINESE, "叫小明下楼", "小明"),
    (CHINESE, "号码１３８００１３８０００", "１３８００１３８０００"),
    (CHINESE, "号码138-0013-8000", "138-0013-8000"),
    (CHINESE, "号码138 0013 8000", "138 0013 8000"),
    (CHINESE, "号码1 3 8 0 0 1 3 8 0 0 0", "1 3 8 0 0 1 3 8 0 0 0"),
    (CHINESE, "+86 138 0013 8000", "+86 138 0013 8000"),
    (CHINESE, "008613800138000", "008613800138000"),
    (CHINESE, "13\u200b800\u200b138000", "13\u200b800\u200b138000"),
    (CHINESE, "一三八零零一三八零零零", "一三八零零一三八零零零"),
    (CHINESE, "尾号8000", "8000"),
    (CHINESE, "138****8000", "138****8000"),
    (CHINESE, "邮箱ｘｍ.zhang＠example.com", "ｘｍ.zhang＠example.com"),
    (CHINESE, "xm.zhang艾特example点com", "xm.zhang艾特example点com"),
    (CHINESE, "送到世纪大道100号8栋302室", "世纪大道100号8栋302室"),
    (CHINESE, "单号AU20261101000123", "AU20261101000123"),
    (ENGLISH, "for mary jane oneil", "mary jane oneil"),
    (ENGLISH, "O’Neil, Mary-Jane", "O’Neil, Mary-Jane"),
    (ENGLISH, "ask Ms O'Neil", "Ms O'Neil"),
    (ENGLISH, "MARY is home", "MARY"),
    (ENGLISH, "Ｍａｒｙ is home", "Ｍａｒｙ"),
    (ENGLISH, "ring 0412 345 678", "0412 345 678"),
    (ENGLISH, "ring (0412) 345-678", "(0412) 345-678"),
    (ENGLISH, "ring 345 678", "345 678"),
    (ENGLISH, "ends in 5678", "5678"),
    (ENGLISH, "mary dot oneil at example dot com", "mary dot oneil at example dot com"),
    (ENGLISH, "mary.oneil (at) example.com", "mary.oneil (at) example.com"),
    (ENGLISH, "leave at 12 Main St.", "12 Main St"),
    (ENGLISH, "Unit 5/12 Main Street Parramatta", "Unit 5/12 Main Street Parramatta"),
    (ENGLISH, "order au20261101 000123", "au20261101 000123"),
    (ENGLISH, "acct u100234!", "u100234"),
    (ENGLISH, "buzzer of Unit 5 is broken", "Unit 5"),
    (CHINESE, "302室没人", "302室"),
    ({"person_name": "佐藤美咲"}, "Mr 佐藤 is in", "Mr 佐藤"),
    ({"person_name": "Ann Lee-Hart"}, "Ms Lee-Hart signs", "Ms Lee-Hart"),
    ({"bank_card": "6222021234567890128"}, "退到尾号0128的卡", "0128"),
]


@pytest.mark.parametrize(("row", "text", "mention"), DISGUISES)
def test_a_disguised_identity_is_found_whole(row: dict[str, str], text: str, mention: str) -> None:
    found = find_mentions([text], [row])[0]
    assert [text[m.found.start : m.found.end] for m in found] == [mention]
    assert all(m.data_class for m in found)


@pytest.mark.parametrize(
    "text", ["李先生在吗", "张三丰的货", "maryland is nice", "Parramatta", "12 boxes", "rosemary tea"]
)
def test_words_that_only_look_alike_stay(text: str) -> None:
    row = ENGLISH if text.isascii() else CHINESE
    assert find_mentions([text], [row])[0] == []


def test_names_that_are_everyday_words_need_a_capital_letter() -> None:
    row = {"person_name": "Will Rose"}
    assert find_mentions(["it will arrive with a rose"], [row])[0] == []
    assert len(find_mentions(["tell Will to wait"], [row])[0]) == 1


def test_each_row_is_searched_for_its_own_identities_only() -> None:
    texts = ["call Mary", "call Mary"]
    found = find_mentions(texts, [{"person_name": "Mary Smith"}, {"person_name": "Jo Brown"}])
    assert [len(mentions) for mentions in found] == [1, 0]


def test_several_values_of_one_class_are_all_looked_for() -> None:
    row = {"mobile_phone": ("13800138000", "13900139000")}
    assert len(find_mentions(["13800138000或13900139000"], [row])[0]) == 2


def test_spans_are_presidio_results_that_hold_no_value() -> None:
    results = find_spans(["call Mary on 0412 345 678"], [ENGLISH])[0]
    assert [r.entity_type for r in results] == ["PERSON", "PHONE_NUMBER"]
    assert all("Mary" not in repr(vars(r)) and "412" not in repr(vars(r)) for r in results)


def test_mentions_print_no_value() -> None:
    mention = find_mentions(["call Mary"], [ENGLISH])[0][0]
    assert "Mary" not in repr(mention)


RUN = RunIdentities(
    {
        "person_name": ["Mary Lee", "Jo", "张小明", "王芳"],
        "mobile_phone": ["+61412345678"],
        "email": ["jo@example.com"],
        "order_id": ["AU20261101-000123"],
    }
)


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("ask mary lee next door", "mary lee"),
        ("张小明代收", "张小明"),
        ("his is 0412 345 678", "0412 345 678"),
        ("like au20261101 000123", "au20261101 000123"),
        ("ｊｏ@example.com wrote", "ｊｏ@example.com"),
    ],
)
def test_identities_of_other_rows_are_found_where_the_run_is_asked(text: str, mention: str) -> None:
    found = find_mentions([text], whole_run=RUN)[0]
    assert [(text[m.found.start : m.found.end], bool(m.value)) for m in found] == [(mention, True)]


@pytest.mark.parametrize("text", ["jo is here", "rosemary leed the way", "王芳芳", "张小", "12345678"])
def test_short_and_partial_identities_of_other_rows_stay(text: str) -> None:
    assert find_mentions([text], whole_run=RUN)[0] == []


def test_a_pattern_takes_no_digits_beside_a_known_number() -> None:
    text = "Text 0491 570 006 10 min before"
    found = find_mentions([text], [{"mobile_phone": "+61491570006"}])[0]
    assert [text[m.found.start : m.found.end] for m in found] == ["0491 570 006"]


@pytest.mark.parametrize("names", [True, False])
def test_a_title_belongs_to_the_mention_in_any_script(names: bool) -> None:
    text = "Ask for Mr 渡辺 at reception, Dr. Harper knows"
    (found,) = spans.find_mentions([text], [{"person_name": ("渡辺健", "Ann Harper")}], names=names)
    assert [text[m.found.start : m.found.end] for m in found] == ["Mr 渡辺", "Dr. Harper"]
