"""Laws that every transform keeps, checked for all at once."""

import datetime as dt
import json
import pickle
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.law_cases import (
    BAD,
    CASES,
    COLUMNS,
    CONTEXT,
    IDS,
    INSTANCES,
    KEYRING,
    OUTSIDE,
    TEXTS,
    UNSUITABLE,
    facts_of,
    rows_of,
    same,
    suits,
)
from transforms import (
    TRANSFORMS,
    AnyTransform,
    BadParameter,
    Context,
    Drop,
    EncryptGcm,
    FormatPreserving,
    KeyUnavailable,
    RedactText,
    RoundLocation,
    RoundNumber,
    TokenRejected,
    Transform,
    TruncateTime,
    UnsuitableColumn,
)
from transforms.domains import ClosedSet, HexToken, OutputDomain
from transforms.ff1_range import Within
from transforms.normal_forms import normal_form
from transforms.token_form import FormatPreserved


def test_every_transform_is_under_the_laws() -> None:
    """Each class of the list has an instance here, but redact_text, which protect binds."""
    assert {type(transform) for transform in INSTANCES} == set(TRANSFORMS) - {RedactText}
    assert {family for case in CASES for family in COLUMNS if case.values[1] is COLUMNS[family]} == set(
        COLUMNS
    )


def check_laws(transform: Transform, array: pa.Array) -> None:
    before = array.to_pylist()
    rows = rows_of(array)
    bound = transform.bind(KEYRING, CONTEXT)
    result = bound(array, row_ids=rows)
    output = transform.output(facts_of(array))
    assert isinstance(result, pa.Array)
    assert not isinstance(result, pa.DictionaryArray)
    assert len(result) == len(array)
    assert repr(array.to_pylist()) == repr(before)
    result.validate(full=True)
    if isinstance(transform, Drop):
        assert output.type is None
        assert result.null_count == len(array)
        return
    assert result.type == output.type
    assert isinstance(output.domain, OutputDomain)
    inside = output.domain.holds(result)
    assert inside.null_count == 0
    assert pc.all(inside, min_count=0).as_py(), [
        v for v, ok in zip(result, inside, strict=True) if not ok.as_py()
    ]
    assert pc.all(result.is_null().filter(array.is_null()), min_count=0).as_py()
    ranged = isinstance(transform, FormatPreserving) and transform.low is not None
    if not ranged and not (isinstance(transform, RoundLocation) and pa.types.is_floating(array.type)):
        assert result.is_null().equals(array.is_null())
    again = transform.bind(KEYRING, CONTEXT)(array, row_ids=rows)
    assert same(again, result)
    if isinstance(transform, FormatPreserving):
        check_forms_turn_back(transform, array, result, output.domain)
    elif transform.reversible:
        assert bound.reveal(result).equals(array.cast(pa.string()))


def check_forms_turn_back(
    transform: FormatPreserving, array: pa.Array, result: pa.Array, domain: OutputDomain
) -> None:
    """Whatever is not redacted comes back, numbers as they were, texts in the form that equal ones share."""
    bound = transform.bind(KEYRING, CONTEXT)
    if isinstance(domain, Within):
        encrypted = result.is_valid()
        back = bound.reveal(result.filter(encrypted))
        assert back.equals(array.filter(encrypted).cast(pa.string()))
        assert not pc.any(pc.equal(result, array), min_count=0).as_py()
        return
    assert isinstance(domain, FormatPreserved)
    encrypted = pc.not_equal(result, domain.tag).fill_null(False)
    back = bound.reveal(result.filter(encrypted))
    international = pc.starts_with(back, "+")  # the others are read anew in the region, and become so
    assert bound(back.filter(international)).equals(result.filter(encrypted).filter(international))
    assert not pc.any(pc.equal(back, result.filter(encrypted)), min_count=0).as_py()
    assert back.equals(normal_form(transform.normal_form or "phone")(array.filter(encrypted)))
    with pytest.raises(TokenRejected):
        bound.reveal(pa.array([domain.tag]))


@pytest.mark.parametrize(("transform", "array"), CASES)
def test_length_nulls_type_domain_and_determinism(transform: Transform, array: pa.Array) -> None:
    """Equal length, nulls stay null, the type, every cell in the declared domain, the same on a rerun."""
    check_laws(transform, array)
    check_laws(transform, array.slice(1, 3))
    check_laws(transform, array.slice(0, 0))
    check_laws(transform, pa.nulls(3, array.type))


@pytest.mark.parametrize(("transform", "array"), CASES)
def test_the_form_of_the_column_does_not_matter(transform: Transform, array: pa.Array) -> None:
    """Dictionary, chunked, sliced, large and view inputs give what the plain column gives."""
    bound = transform.bind(KEYRING, CONTEXT)
    rows = rows_of(array)
    expected = bound(array, row_ids=rows)
    encoded = array.dictionary_encode()
    unused = pa.DictionaryArray.from_arrays(
        pc.add(encoded.indices, 0), pa.concat_arrays([encoded.dictionary, encoded.dictionary.slice(0, 1)])
    )
    padded = pa.concat_arrays([array.slice(0, 1), array, array.slice(0, 2)])
    forms = [
        pa.chunked_array([array.slice(0, 2), array.slice(2)]),
        pa.chunked_array([], array.type) if not len(array) else pa.chunked_array([array]),
        encoded,
        unused,
        pa.chunked_array([array.slice(0, 2).dictionary_encode(), array.slice(2).dictionary_encode()]),
        padded.slice(1, len(array)),
        padded.dictionary_encode().slice(1, len(array)),
    ]
    if array.type == pa.string():
        forms += [array.cast(pa.large_string()), array.cast(pa.string_view())]
        forms.append(pa.chunked_array([array.cast(pa.large_string()).dictionary_encode()]))
    for form in forms:
        assert same(bound(form, row_ids=rows), expected)
    if not bound.needs_rows:
        assert same(bound.map_values(array), expected)
        permutation = list(range(len(array)))
        random.Random(7).shuffle(permutation)  # noqa: S311 - an order, not a secret
        assert same(bound(array.take(pa.array(permutation))), expected.take(pa.array(permutation)))


TEXT_CASES = [case for case in CASES if case.values[1] is COLUMNS["text"]]
SCRIPTS = st.text(st.characters(codec="utf-8"), max_size=12)
WILD = st.one_of(
    st.none(),
    SCRIPTS,
    st.sampled_from(TEXTS),
    st.ip_addresses().map(str),
    st.emails(),
    st.from_regex(r"(https?:)?//[^\s]{0,20}@?[a-z.]{1,12}(:\d+)?[/?#\\]?.{0,9}", fullmatch=True),
    st.from_regex(r"\+?[0-9 ()-]{3,16}", fullmatch=True),
    st.from_regex(r"([0-9a-fA-F]{2}[:-]?){6}", fullmatch=True),
    st.from_regex(r"-?\d{1,3}(\.\d{0,6})?, ?-?\d{1,3}(\.\d{0,6})?", fullmatch=True),
)


@pytest.mark.parametrize("transform", [case.values[0] for case in TEXT_CASES], ids=[c.id for c in TEXT_CASES])
@settings(max_examples=12, deadline=None)
@given(values=st.lists(WILD, max_size=12))
def test_laws_hold_for_any_text(transform: Transform, values: list[str | None]) -> None:
    """Emoji, astral and combining characters, Chinese, empty strings, hostile URLs."""
    check_laws(transform, pa.array(values, pa.string()))


NUMBERS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.decimal128(18, 2): st.decimals(-(10**16) + 1, 10**16 - 1, places=2, allow_nan=False),
    pa.decimal128(38, 20): st.decimals(-(10**17), 10**17, places=20, allow_nan=False),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.timestamp("us"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2262, 1, 1)),
    pa.timestamp("ns"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2262, 1, 1)),
    pa.timestamp("s", "Australia/Sydney"): st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1)),
    pa.date32(): st.dates(dt.date(1600, 1, 1), dt.date(2400, 1, 1)),
}


@pytest.mark.parametrize("data_type", list(NUMBERS), ids=str)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_laws_hold_for_any_number_and_time(data_type: pa.DataType, data: st.DataObject) -> None:
    """Whole ranges of the types, with the values at their ends."""
    array = pa.array(data.draw(st.lists(st.none() | NUMBERS[data_type], max_size=8)), data_type)
    for transform in INSTANCES:
        if suits(transform, array):
            check_laws(transform, array)


@pytest.mark.parametrize("transform", [t for t in INSTANCES if t.keyed], ids=lambda t: repr(t)[:40])
def test_a_key_is_needed_where_one_is_used(transform: Transform) -> None:
    """A keyed transform refuses to be bound without a keyring."""
    with pytest.raises(KeyUnavailable):
        transform.bind(None, CONTEXT)


@pytest.mark.parametrize("transform", [t for t in INSTANCES if not t.keyed], ids=lambda t: repr(t)[:40])
def test_no_key_is_needed_where_none_is_used(transform: Transform) -> None:
    """An unkeyed transform gives the same with and without a keyring, for any recipient."""
    other = Context("others", "other", CONTEXT.domain, "2026-11", "r", "t", "c")
    array = next(column for column in COLUMNS.values() if suits(transform, column))
    assert same(transform.bind(None, other)(array), transform.bind(KEYRING, CONTEXT)(array))


@pytest.mark.parametrize("transform", INSTANCES, ids=IDS)
def test_yaml_form_goes_there_and_back(transform: Transform) -> None:
    """A transform survives its policy form (JSON), pickling, and is found by its name."""
    adapter: TypeAdapter[Any] = TypeAdapter(AnyTransform)
    assert adapter.validate_json(transform.model_dump_json()) == transform
    assert pickle.loads(pickle.dumps(transform)) == transform  # noqa: S301 - our own bytes
    output = transform.output(facts_of(next(a for a in COLUMNS.values() if suits(transform, a))))
    assert pickle.loads(pickle.dumps(output)) == output  # noqa: S301 - our own bytes


def test_every_class_documents_itself() -> None:
    """Guarantee, price, source and technique stand in each docstring; schemas can be exported."""
    for transform in TRANSFORMS:
        for word in ("Guarantee:", "Price:", "Source:", "Suits"):
            assert word in (transform.__doc__ or ""), (transform, word)
        assert transform.technique
    assert "RoundNumber" in json.dumps(TypeAdapter(AnyTransform).json_schema())


@pytest.mark.parametrize(("make", "message"), BAD)
def test_parameters_are_refused_with_a_reason(make: Callable[[], object], message: str) -> None:
    """A wrong parameter says what must be."""
    with pytest.raises(ValidationError, match=message):
        make()


def test_unsuitable_columns_are_refused_at_plan_and_at_call() -> None:
    """The plan refuses a column type, and so does the bound transform."""
    for transform, array in UNSUITABLE:
        with pytest.raises(UnsuitableColumn):
            transform.output(facts_of(array))
        with pytest.raises(UnsuitableColumn):
            transform.bind(KEYRING, CONTEXT)(array)


def test_what_cannot_be_turned_back_says_so() -> None:
    """`reveal` of a one-way transform is refused."""
    for transform in INSTANCES:
        if not transform.reversible:
            with pytest.raises(TokenRejected):
                transform.bind(KEYRING, CONTEXT).reveal(pa.array(["x"]))


def test_redact_text_is_only_declared_here() -> None:
    """Binding free text needs the row's identities, which only protect has."""
    with pytest.raises(UnsuitableColumn, match="bound by protect"):
        RedactText(accept_residual="internal").bind(KEYRING, CONTEXT)
    nested = {"transform": "redact_text", "entities": {"PHONE": {"transform": "encrypt_gcm"}}}
    with pytest.raises(ValidationError):
        TypeAdapter(AnyTransform).validate_python(nested)


def test_domains_reject_what_is_outside() -> None:
    """A domain that held everything would prove nothing: each of these cells is outside."""
    for transform, cell in OUTSIDE:
        domain = transform.output(facts_of(COLUMNS["text"])).domain
        assert domain is not None
        assert domain.holds(pa.array([cell, None])).to_pylist() == [False, True], (transform, cell)
    amount = RoundNumber(step=Decimal("0.5")).output(facts_of(COLUMNS["decimal"])).domain
    assert amount is not None
    assert amount.holds(pa.array([Decimal("1.25"), Decimal("1.50")], pa.decimal128(18, 2))).to_pylist() == [
        False,
        True,
    ]
    day = TruncateTime(unit="day").output(facts_of(COLUMNS["time"])).domain
    assert day is not None
    assert day.holds(COLUMNS["time"]).to_pylist() == [False, True, True]
    assert HexToken().holds(pa.array([1])).to_pylist() == [False]
    assert not ClosedSet(("a",)).holds_raw_text


def test_row_ids_are_needed_and_must_fit() -> None:
    """encrypt_gcm refuses a column without row ids, with too few, or with null ones."""
    bound = EncryptGcm().bind(KEYRING, CONTEXT)
    for rows in (None, pa.array(["a"]), pa.array(["a", None])):
        with pytest.raises(BadParameter):
            bound(pa.array(["x", "y"]), row_ids=rows)
    with pytest.raises(BadParameter):
        bound.map_values(pa.array(["x"]))
