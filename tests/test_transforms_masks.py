"""Masks, prefixes and lookups: how much is hidden, and that hostile text does not pass."""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms import BadParameter, ColumnFacts, Context, Hierarchy, Mask, Prefix, Redact, Replace, Transform
from transforms.mask import SEPARATORS

CONTEXT = Context("analysts", "research", "mobile_phone", "static")


def one(transform: Transform, value: str) -> str:
    return str(transform.bind(None, CONTEXT)(pa.array([value]))[0].as_py())


@pytest.mark.parametrize(
    ("mask", "value", "masked"),
    [
        (Mask(), "Jane", "****"),
        (Mask(), "", "****"),
        (Mask(keep_first=1), "Alexandra", "A****"),
        (Mask(keep_first=1), "张伟", "张****"),
        (Mask(keep_first=1), "张", "****"),
        (Mask(keep_first=3, keep_last=4), "13800138000", "****"),
        (Mask(keep_first=3, keep_last=2), "13800138000", "138****00"),
        (Mask(keep_last=4), "1234567", "****"),
        (Mask(keep_last=4), "12345678", "****5678"),
        (Mask(keep_last=2, length="same"), "12345678", "******78"),
        (Mask(length="same"), "👩‍👩‍👧", "*****"),
        (Mask(keep_first=1, length="same"), "𝔘𝔫𝔦", "𝔘**"),
        (Mask(keep_first=1, character="某"), "欧阳娜娜", "欧某某某某"),
        (
            Mask(keep_last=4, length="same", preserve_separators=True),
            "4111-1111 1111.1234",
            "****-**** ****.1234",
        ),
        (Mask(keep_last=2, length="same", preserve_separators=True), "1-2-3", "*-*-*"),
        (Mask(length="same", preserve_separators=True), "--", "**"),
        (Mask(keep_first=1, length="same", preserve_separators=True), "-", "*"),
        (Mask(keep_first=1, length="same", preserve_separators=True), "\u3000", ""),
        (Mask(keep_first=2), "Li        ", "****"),
        (Mask(keep_first=3), " Li       ", "****"),
        (Mask(keep_first=1, keep_last=1), "李　　　明", "****"),
        (Mask(keep_first=1, keep_last=1), "L\t\u200b\u200bi", "****"),
        (Mask(keep_first=1), "李\u3000", "****"),
        (Mask(keep_last=1, length="same"), "Wang  ", "***g"),
        (Mask(keep_first=2), "Li Ming   ", "Li****"),
        (Mask(keep_first=1, keep_domains=("gmail.com",)), "jane@gmail.com", "j****@gmail.com"),
        (Mask(keep_first=1, keep_domains=("gmail.com",)), "jane@GMAIL.com", "j****@gmail.com"),
        (Mask(keep_first=1, keep_domains=("gmail.com",)), "jane@smith.name", "j****@****"),
        (Mask(keep_first=1, keep_domains=("gmail.com",)), "j@gmail.com", "****@gmail.com"),
        (Mask(keep_first=1, keep_domains=("gmail.com",)), "a@b@gmail.com", "a****@gmail.com"),
        (Mask(keep_domains=("gmail.com",)), "x@gmail.com.evil.org", "****@****"),
        (Mask(keep_domains=("gmail.com",)), "gmail.com", "****"),
        (Mask(keep_domains=("gmail.com",)), "jane@gmail.com\n", "****@****"),
        (Mask(keep_domains=("gmail.com",), length="same"), "jane@x.org", "****@*****"),
    ],
)
def test_masks(mask: Mask, value: str, masked: str) -> None:
    """What is kept, what is hidden, and that a value too short to keep that much is masked wholly."""
    assert one(mask, value) == masked


def trimmed(value: str) -> str:
    """Without the blanks at its ends."""
    return str(pc.utf8_trim_whitespace(pa.scalar(value)).as_py())


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("ab1 -@.张👩é"), max_size=14)
KEEPS = st.integers(0, 5)


@settings(max_examples=120, deadline=None)
@given(value=TEXT, first=KEEPS, last=KEEPS)
@example(value="e\u0301e\u0301", first=1, last=1)
def test_at_least_half_and_at_least_one_is_hidden(value: str, first: int, last: int) -> None:
    """By code points, for every length; both forms agree on what is kept."""
    value = trimmed(value.replace("█", ""))
    same = one(Mask(keep_first=first, keep_last=last, length="same", character="█"), f" {value}  ")
    hidden = same.count("█")
    assert len(same) == len(value)
    assert 2 * hidden >= len(value)
    assert hidden >= min(1, len(value))
    assert all(shown in ("█", original) for shown, original in zip(same, value, strict=True))
    fixed = one(Mask(keep_first=first, keep_last=last, character="█"), value)
    kept = first + last
    invisible = {"Zs", "Zl", "Zp", "Cc", "Cf", "Co"}
    visible = sum(unicodedata.category(character) not in invisible for character in value)
    partly = 0 < 2 * kept <= (visible if kept > 1 else len(value))
    assert fixed == (value[:first] + "████" + value[len(value) - last :] if partly else "████")


@settings(max_examples=60, deadline=None)
@given(value=TEXT, first=KEEPS, last=KEEPS)
@example(value="----", first=1, last=0)
def test_separators_are_all_that_is_preserved(value: str, first: int, last: int) -> None:
    """Of the other characters, at least half are hidden."""
    value = trimmed(value.replace("█", ""))
    mask = Mask(keep_first=first, keep_last=last, length="same", character="█", preserve_separators=True)
    shown = one(mask, value)
    if not value.strip(SEPARATORS):  # a placeholder such as `-`: nothing of it stays
        assert shown == "█" * len(value)
        return
    pairs = list(zip(shown, value, strict=True))
    others = [(new, old) for new, old in pairs if old not in SEPARATORS and not old.isspace()]
    assert 2 * sum(new == "█" for new, _ in others) >= len(others)
    assert all(new == old for new, old in pairs if old in SEPARATORS or old.isspace())


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.none() | st.text("ab1 -@.\t\x1c", max_size=14) | TEXT, max_size=12),
    first=KEEPS,
    last=KEEPS,
    character=st.sampled_from("#█"),
)
def test_a_column_around_separators_is_masked_like_each_of_its_values(
    values: list[str | None], first: int, last: int, character: str
) -> None:
    """ASCII by arithmetic, the others one by one: the same rule, and every value in its row."""

    def masked(value: str) -> str:
        value = trimmed(value)
        places = [at for at, old in enumerate(value) if old not in SEPARATORS and not old.isspace()]
        if not places:
            return character * len(value)
        kept = places[:first] + places[len(places) - last :] if 2 * (first + last) <= len(places) else []
        hidden = set(places) - set(kept)
        return "".join(character if place in hidden else old for place, old in enumerate(value))

    mask = Mask(
        keep_first=first, keep_last=last, length="same", character=character, preserve_separators=True
    )
    column = pa.array([None, *values, "x"], pa.string()).slice(1, len(values))
    expected = [None if value is None else masked(value) for value in values]
    assert mask.bind(None, CONTEXT)(column).to_pylist() == expected


def test_raw_text_is_declared_where_two_characters_can_show() -> None:
    """The gate searches identities in columns that keep two or more characters together."""
    facts = ColumnFacts("person_name", "direct_identifier", 3, pa.string())
    for mask, raw in (
        (Mask(), False),
        (Mask(keep_first=1), False),
        (Mask(keep_last=2), True),
        (Mask(keep_first=2), True),
    ):
        domain = mask.output(facts).domain
        assert domain is not None
        assert domain.holds_raw_text is raw


# ------------------------------------------------------------------ prefix


@pytest.mark.parametrize(
    ("prefix", "value", "kept"),
    [
        (Prefix(length=2), "2000", "20"),
        (Prefix(length=4), "2000", "invalid"),
        (Prefix(length=4), "2000      ", "invalid"),
        (Prefix(length=2), " 2000", "20"),
        (Prefix(length=5), "2000", "invalid"),
        (Prefix(length=1), "", "invalid"),
        (Prefix(length=2), "欧阳娜娜", "欧阳"),
        (Prefix(length=1), "𝔘𝔫𝔦", "𝔘"),
        (Prefix(length=3, of="digits"), "+61 412 345 678", "614"),
        (Prefix(length=3, of="digits"), "a1b2c3", "invalid"),
    ],
)
def test_prefixes(prefix: Prefix, value: str, kept: str) -> None:
    """The beginning, and never the whole value."""
    assert one(prefix, value) == kept


def test_a_long_prefix_of_a_listable_class_is_weak() -> None:
    """The sentence has the number of candidates that are left."""
    facts = ColumnFacts("mobile_phone", "direct_identifier", 3, pa.string(), enumerable=10**10)
    assert Prefix(length=3).weakness(facts) is None
    assert "about 100 of 1e+10 values" in str(Prefix(length=8).weakness(facts))


# ------------------------------------------------------------------ constants and lookups


def test_constants() -> None:
    """Replace, and tags from token domain or parameter."""
    assert one(Replace(value=""), "x") == ""
    assert one(Redact(), "x") == "[MOBILE_PHONE]"
    assert one(Redact(tag="[PHONE]"), "x") == "[PHONE]"


ROWS = [("Perth", "WA", "AU", "*"), ("Sydney", "NSW", "AU", "*"), ("上海", "华东", "CN", "*")]


@pytest.mark.parametrize(
    ("level", "expected"), [(1, ["WA", "华东", "*", None]), (2, ["AU", "CN", "*", None])]
)
def test_hierarchies_from_rows(level: int, expected: list[str | None]) -> None:
    """Level n is column n; a value that the file does not list becomes `*`."""
    hierarchy = Hierarchy(file="cities.csv", level=level).with_rows(ROWS)
    assert hierarchy.bind(None, CONTEXT)(pa.array(["Perth", "上海", "perth", None])).to_pylist() == expected


def test_hierarchies_take_integers() -> None:
    """By their text form."""
    hierarchy = Hierarchy(lookup={"7": "few", "70": "many"})
    assert hierarchy.bind(None, CONTEXT)(pa.array([7, 70, 8, None])).to_pylist() == ["few", "many", "*", None]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one row"),
        ([("Perth", "WA")], "row 1 of the hierarchy must reach level 2, has 1"),
        ([*ROWS, ("Perth", "WA", "NZ")], "row 4 of the hierarchy contradicts"),
    ],
)
def test_broken_hierarchies_are_refused(rows: list[tuple[str, ...]], message: str) -> None:
    """With the row's number, never its value."""
    with pytest.raises(BadParameter, match=message) as caught:
        Hierarchy(file="cities.csv", level=2).with_rows(rows)
    assert "Perth" not in str(caught.value)


def test_a_hierarchy_without_rows_is_refused() -> None:
    """A file that nobody loaded is not an empty lookup."""
    for use in (
        lambda: Hierarchy(file="a.csv").bind(None, CONTEXT),
        lambda: Hierarchy(file="a.csv").output(ColumnFacts("city", "quasi_identifier", 2, pa.string())),
    ):
        with pytest.raises(BadParameter, match="must be loaded first"):
            use()
