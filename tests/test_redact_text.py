"""Rewriting texts: what is found is replaced, in place, by what its entity's transform makes of it."""

import pickle
import socket
from collections.abc import Mapping

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import JobWrong
from pipeline.protect.redact import Redactor, bind_redaction
from transforms import Context, KeyedHash, Keyring, Mask, RedactText

KEYRING = Keyring({"k1": bytes(range(1, 33))}, "k1")


def _context(domain: str) -> Context:
    return Context("analysts", "analytics", domain, "static")


def _redactor(**entities: object) -> Redactor:
    step = RedactText(transform="redact_text", accept_residual="test", names=False, entities=entities)
    return bind_redaction(step, KEYRING, _context, region="CN")


def _run(redactor: Redactor, texts: list[str | None], **identities: list[str | None]) -> list[str | None]:
    columns: Mapping[str, tuple[pa.Array, ...]] = {
        name: (pa.array(values, pa.string()),) for name, values in identities.items()
    }
    return redactor(pa.array(texts, pa.string()), columns).to_pylist()


def test_fragments_become_tags_by_default() -> None:
    out = _run(_redactor(), ["call Mary on 0412 345 678", None, "", "no rush"], person_name=["Mary Lee"] * 4)
    assert out == ["call [PERSON] on [PHONE_NUMBER]", None, "", "no rush"]


def test_neighbors_of_one_type_are_each_replaced() -> None:
    """Presidio merges them by default and replaces them once."""
    token = KeyedHash(transform="keyed_hash")
    out = _run(_redactor(PHONE_NUMBER=token), ["13800138000 13900139000"])
    tokens = str(out[0]).split(" ")
    assert len(tokens) == 2
    assert len(set(tokens)) == 2
    assert all(len(t) == 32 for t in tokens)


def test_a_phone_in_a_text_has_the_token_of_its_column() -> None:
    """Same transform, same token: column and text, any writing, tail or number."""
    token = KeyedHash(transform="keyed_hash")
    column = KeyedHash(transform="keyed_hash", normal_form="phone:CN").bind(KEYRING, _context("phone"))
    expected = column(pa.array(["13800138000"])).to_pylist()[0]
    texts = [
        "13800138000",
        "+86 138 0013 8000",
        "１３８００１３８０００",
        "尾号8000",
        "一三八零零一三八零零零",
    ]
    out = _run(_redactor(mobile_phone=token), list(texts), mobile_phone=["13800138000"] * len(texts))
    assert out == [expected, expected, expected, f"尾号{expected}", expected]
    assert _run(_redactor(PHONE_NUMBER=token), ["电话138 0013 8000"]) == [f"电话{expected}"]


def test_an_entity_or_its_class_may_name_the_transform() -> None:
    masked = Mask(transform="mask", keep_last=4)
    assert _run(_redactor(mobile_phone=masked), ["13800138000"]) == _run(
        _redactor(PHONE_NUMBER=masked), ["13800138000"]
    )


def test_an_unknown_entity_is_refused_with_a_hint() -> None:
    with pytest.raises(JobWrong, match="PHONE_NUMBER"):
        _redactor(PHONE_NUMBR=Mask(transform="mask"))


def test_identities_belong_to_their_row() -> None:
    out = _run(_redactor(), ["for Mary", "for Mary"], person_name=["Mary Lee", "Jo Hill"])
    assert out == ["for [PERSON]", "for Mary"]


def test_equal_rows_are_worked_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.protect import redact

    seen: list[int] = []
    original = redact.find_mentions

    def counting(texts: list[str], linked: object, **options: bool) -> object:
        seen.append(len(texts))
        return original(texts, linked, **options)

    monkeypatch.setattr(redact, "find_mentions", counting)
    _run(_redactor(), ["for Mary"] * 1000 + ["for Jo"], person_name=["Mary Lee"] * 1001)
    assert seen == [2]


def test_several_identity_columns_of_one_class_are_all_used() -> None:
    texts = pa.array(["13800138000 13900139000"])
    columns = {"mobile_phone": (pa.array(["13800138000"]), pa.array(["13900139000"]))}
    assert _redactor()(texts, columns).to_pylist() == ["[PHONE_NUMBER] [PHONE_NUMBER]"]


def test_empty_and_dictionary_columns_are_taken() -> None:
    assert _redactor()(pa.array([], pa.string()), {}).to_pylist() == []
    encoded = pa.array(["call 0412 345 678", None]).dictionary_encode()
    assert _redactor()(encoded, {}).to_pylist() == ["call [PHONE_NUMBER]", None]


def test_a_redactor_is_not_pickled_and_prints_no_key() -> None:
    redactor = _redactor(PHONE_NUMBER=KeyedHash(transform="keyed_hash"))
    with pytest.raises(TypeError):
        pickle.dumps(redactor)
    assert repr(redactor) == "Redactor(PHONE_NUMBER)"


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert _run(_redactor(), ["mail jo@example.com, see https://example.com"]) == [
        "mail [EMAIL_ADDRESS], see [URL]"
    ]


WORDS = st.text(alphabet=st.sampled_from("abc ,.!?请送到门口谢\u200b１２-()\n\U0001f600"), max_size=25)


@settings(max_examples=80, deadline=None)
@given(
    before=WORDS,
    after=WORDS,
    secret=st.sampled_from(
        ["0412 345 678", "jo.smith@example.com", "4111 1111 1111 1111", "欧阳娜娜", "Xanthe Quill", "U900712"]
    ),
)
def test_no_planted_identity_survives(before: str, after: str, secret: str) -> None:
    """The rest of the text stays as it is, and the identity is gone."""
    text = f"{before} {secret} {after}"
    out = str(
        _run(
            _redactor(),
            [text],
            person_name=[secret if secret[0] in "欧X" else None],
            account_id=[secret if secret.startswith("U9") else None],
            mobile_phone=["+61412345678"],
        )[0]
    )
    assert secret not in out
    assert "[" in out
