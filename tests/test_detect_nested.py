"""Keys inside a text guide what its values are, as names of columns do."""

import pytest

from pipeline.detect.spans import find_mentions

CASES = [
    ('{"consignee": "李雷", "phone": "13800138000", "note": "ok"}', {"李雷", "13800138000"}),
    ('"{\\"receiver\\": \\"张三\\", \\"pieces\\": 12}"', {"张三"}),
    ("login ok user_name=annlee order_id=99812 lang=en", {"annlee", "99812"}),
    ("GET /track?name=ann+lee&qty=2", {"ann+lee"}),
    ("Name: Ann Lee\nAddress: 12 Wattle\nStatus: open", {"Ann Lee", "12 Wattle"}),
    ("新地址:文三路45号,不要送错了", {"文三路45号"}),
    ("收货人:王芳\n地址:文三路45号", {"王芳", "文三路45号"}),
]


@pytest.mark.parametrize(("text", "values"), CASES)
def test_values_are_found_by_their_keys(text: str, values: set[str]) -> None:
    found = find_mentions([text], names=False)[0]
    assert {text[m.found.start : m.found.end] for m in found} == values


@pytest.mark.parametrize(
    "text",
    [
        "logname= uid=0 euid=0 tty=ssh",
        "process name=com.android.phone pid=33",
        "order status: shipped",
        "Agent: hello there",
        '{"name": "wlan0", "qty": 3, "phone_type": "mobile"}',
    ],
)
def test_keys_that_tell_nobody_find_nothing(text: str) -> None:
    assert find_mentions([text], names=False)[0] == []


def test_a_certain_form_inside_a_named_value_keeps_its_own_entity() -> None:
    text = "Address: 12 Wattle Street, 0412 345 678"
    found = [
        (m.found.entity, text[m.found.start : m.found.end]) for m in find_mentions([text], names=False)[0]
    ]
    assert found == [("ADDRESS", "12 Wattle Street"), ("PHONE_NUMBER", "0412 345 678")]


def test_long_texts_of_signs_take_linear_time() -> None:
    import time

    begin = time.process_time()
    for unit in ("a=", '"a":"', "name: ", "{'a': ", "&"):
        find_mentions([unit * 4_000], names=False)
    assert time.process_time() - begin < 10
