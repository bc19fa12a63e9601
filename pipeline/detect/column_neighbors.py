"""What a column is may show only beside its neighbors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.classes import CLASSES
from pipeline.detect.column_evidence import Verdict, told
from pipeline.detect.column_leanings import CARD, PERSON, PLACE
from pipeline.detect.column_names import split_name
from pipeline.detect.column_values import Values

_STREET = frozenset({"postal_address"})
_GENDERS = (frozenset("mf"), frozenset("mw"), frozenset("hf"), frozenset("mv"), frozenset("км"))
# What stands in tables that hold positions of people and devices; two columns of decimals alone may be anything.
_LOCATED = PLACE | {"ip", "mac", "cell_id", "imei", "device_id", "order_time", "user_agent", "ssid", "bssid"}
_ROUNDS = 3  # a city may stand beside a region that was found beside a street


@dataclass(frozen=True)
class Column:
    """A column's name and sampled values, and what its name is good for."""

    name: str
    values: Values
    vetoed: bool = False  # the name says that the column is about something: its type, count, template…
    nameless: bool = False  # the name says nothing


Around = Callable[[Column, frozenset[str]], Verdict | None]
Rule = Callable[[Sequence[Column], Sequence[str], int], Verdict | None]


def with_neighbors(columns: Sequence[Column], verdicts: Sequence[Verdict], around: Around) -> list[Verdict]:
    """Decide more columns by what stands beside them; round by round, each from the round before.

    Args:
        columns: of one table, in its order.
        verdicts: of each by name and values.
        around: what a column's values say beside columns of given classes.

    """
    decided = list(verdicts)
    for _ in range(_ROUNDS):
        classes = [verdict.data_class for verdict in decided]
        fresh = dict(_round(columns, classes, around))
        if not fresh:
            break
        for index, verdict in fresh.items():
            decided[index] = verdict
    return decided


def _round(
    columns: Sequence[Column], classes: Sequence[str], around: Around
) -> "Sequence[tuple[int, Verdict]]":
    found = []
    for index, column in enumerate(columns):
        if not column.values.folded or column.vetoed or column.values.counting:
            continue
        if classes[index] == "unknown":
            others = frozenset(c for i, c in enumerate(classes) if i != index) - {"unknown"}
            verdict = _by_rules(columns, classes, index) or around(column, others)
        elif classes[index] == "date":
            verdict = _birth_date(columns, classes, index)
        elif classes[index] == "person_name":
            verdict = _city(columns, classes, index)
        else:
            continue
        if verdict is not None:
            found.append((index, verdict))
    return found


def about_places(columns: Sequence[Column], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Take back places of a table with one row for each, in which nothing tells of a person, a device or a trade.

    Such a table is about places. That is doubt, not harmlessness: the class becomes `unknown`.
    """
    if any(
        verdict.data_class in PERSON or CLASSES[verdict.data_class].kind == "direct_identifier"
        for verdict in verdicts
    ):
        return list(verdicts)
    return [
        Verdict("unknown", 0.0, (*verdict.evidence, "but each row has another: the table is about places"))
        if verdict.data_class in PLACE and column.values.distinct == column.values.rows >= 5
        else verdict
        for column, verdict in zip(columns, verdicts, strict=True)
    ]


def _by_rules(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    for rule in RULES:
        verdict = rule(columns, classes, index)
        if verdict is not None:
            return verdict
    return None


def _near(classes: Sequence[str], index: int, wanted: frozenset[str], reach: int) -> set[str]:
    """Classes among `wanted` at most `reach` columns away."""
    return {
        classes[i] for i in range(max(0, index - reach), min(len(classes), index + reach + 1)) if i != index
    } & wanted


def _radio_area(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """An area beside a cell id and a network code, by the names."""
    words = [frozenset(split_name(column.name)) for column in columns]
    radio = any({"mcc", "mnc", "plmn"} & tokens for tokens in words)
    if radio and {"area", "lac", "tac", "cell", "cid"} & words[index]:
        return Verdict("cell_id", 0.7, ("an area beside a cell id and a network code",))
    return None


def _cell(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Area codes (16 bits) and cell ids (28 bits) behind mobile country codes, in a table with a radio."""
    values = columns[index].values
    if not columns[index].nameless or values.rate("digits") < 0.98 or values.distinct < 8:
        return None
    country = next((i for i, c in enumerate(columns) if c.nameless and _mobile_country(c.values)), None)
    if country is None or not 1 < index - country <= 3:
        return None
    radio = any(c.values.rate("radio") == 1.0 and c.values.folded for c in columns)
    largest = max(values.numbers, default=0)
    if radio and 1_000 < largest < 2**28:
        return Verdict(
            "cell_id", 0.65, ("whole numbers up to 28 bits", "behind mobile country codes, beside a radio")
        )
    return None


def _mobile_country(values: Values) -> bool:
    return bool(values.folded) and values.lengths == {3} and values.rate("mobile_country") == 1.0


def _coordinates(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Two columns side by side: degrees with at least four decimals, one within 90, the other within 180."""
    here = columns[index]
    if not here.nameless or not _LOCATED & set(classes) or not _degrees(here.values, 180):
        return None
    for other in (index - 1, index + 1):
        if not 0 <= other < len(columns) or not columns[other].nameless:
            continue
        there = columns[other].values
        if not _degrees(there, 180) or min(_span(here.values), _span(there)) > 90:
            continue
        if _degrees(here.values, 90) or _degrees(there, 90):
            return Verdict(
                "gps", 0.65, ("degrees with four decimals or more", "beside another column of degrees")
            )
    return None


def _degrees(values: Values, most: float) -> bool:
    if len(values.folded) < 8 or values.rate("number") < 0.98 or values.distinct_share < 0.02:
        return False
    decimals = sorted(len(value.partition(".")[2]) for value in values.folded if "e" not in value)
    if not decimals or decimals[len(decimals) // 5] < 4 or decimals[-1] > 15:
        return False
    largest = max(map(abs, values.numbers))
    return 2 < largest <= most and sum(abs(number) < 1 for number in values.numbers) < 0.2 * len(
        values.numbers
    )


def _span(values: Values) -> float:
    """From the second lowest tenth to the highest: how wide most values lie, in degrees."""
    ordered = sorted(map(abs, values.numbers))
    return ordered[-1 - len(ordered) // 10] - ordered[len(ordered) // 10]


def _house_number(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """House numbers directly beside a street."""
    values = columns[index].values
    if not columns[index].nameless or "postal_address" not in _near(classes, index, PLACE, 1):
        return None
    if values.rate("house") < 0.6 or values.typical_length > 8 or values.distinct < 8:
        return None
    if _median(values) > 3_000 or (values.rate("digits") > 0.98 and values.lengths == {5}):
        return None
    return Verdict("postal_address", 0.6, ("numbers as houses have", "beside a street"))


def _postcode(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Layouts of postal codes at most three columns from a place."""
    values = columns[index].values
    near = _near(classes, index, PLACE, 2)
    if not _near(classes, index, PLACE, 1) and len(near) < 2:
        return None
    if not columns[index].nameless or values.rate("postal_layout") < 0.8 or values.distinct < 4:
        return None
    if near == {"country"} and values.rate("digits") > 0.98 and len(values.lengths) > 2:
        return None
    if values.rate("digits") > 0.98 and (max(values.lengths) < 4 or _median(values) < 1_000):
        return None
    return Verdict("postcode", 0.65, ("layouts of postal codes", f"beside {', '.join(sorted(near))}"))


def _median(values: Values) -> float:
    ordered = sorted(values.numbers)
    return ordered[len(ordered) // 2] if ordered else 0.0


def _city(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Words between two places, or beside one and in a list of cities, near a street."""
    values = columns[index].values
    sides = [
        classes[i] for i in (index - 1, index + 1) if 0 <= i < len(classes) and classes[i] in PLACE - {"city"}
    ]
    if not columns[index].nameless or not sides or "city" in classes or not _near(classes, index, _STREET, 2):
        return None
    if values.rate("letters") < 0.95 or values.rate("number") > 0.05 or not 3 <= values.typical_length <= 25:
        return None
    if (len(sides) == 2 and values.distinct >= 5) or values.rate("city") >= 0.1:
        rate = told(values.rate("city"), len(values.folded), "city")
        return Verdict("city", 0.6, (rate, f"between or beside {', '.join(sorted(set(sides)))}"))
    return None


def _street(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Words and a house number, hardly ever repeated, at most two columns from a place."""
    values = columns[index].values
    if not columns[index].nameless or "postal_address" in classes:
        return None
    if not _near(classes, index, PLACE - {"country"}, 2):
        return None
    if values.rate("numbered") < 0.6 or values.distinct_share < 0.5 or values.distinct < 8:
        return None
    if values.typical_length < 8 or values.rate("spoken") > 0.2:
        return None
    if values.rate("day") > 0.1 or values.rate("phone_shape") > 0.3:
        return None
    return Verdict(
        "postal_address", 0.6, (told(values.rate("numbered"), len(values.folded), "numbered"), "near a place")
    )


def _gender(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Two letters for two genders, in a table of people."""
    found = set(columns[index].values.folded)
    people = PERSON & {c for i, c in enumerate(classes) if i != index} - {"contact_phone"}
    if (
        columns[index].nameless
        and people
        and any(pair <= found <= pair | {"x", "d", "u", "o"} for pair in _GENDERS)
    ):
        return Verdict(
            "gender", 0.65, ("the letters of two genders", f"beside {', '.join(sorted(people)[:3])}")
        )
    return None


def _name_part(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Single words directly beside another part of a name, some of them known names."""
    values = columns[index].values
    if (
        not columns[index].nameless
        or "person_name" not in _near(classes, index, PERSON, 1)
        or values.distinct < 8
    ):
        return None
    if values.rate("han_short") >= 0.98:
        return Verdict("person_name", 0.6, ("one or two Chinese characters", "beside another part of a name"))
    if values.rate("name") < 0.98 or not 3 <= values.typical_length <= 14 or values.rate("phrase") > 0.3:
        return None
    rate = values.rate("surname") + values.rate("given_name")
    if rate >= 0.15 and rate > values.rate("city") and values.rate("country") < 0.1:
        return Verdict(
            "person_name",
            0.6,
            (told(values.rate("surname"), len(values.folded), "surname"), "beside another part of a name"),
        )
    return None


def _age(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Whole numbers spread as ages of people are, near the birth date, or the name and gender, of a person."""
    values = columns[index].values
    if not columns[index].nameless or values.rate("signed") < 0.98 or values.distinct < 12:
        return None
    ordered = sorted(values.numbers)
    if ordered[0] < 0 or not 40 <= ordered[-1] <= 110 or not 18 <= _median(values) <= 75:
        return None
    born = "birth_date" in _near(classes, index, PERSON, 2)
    person = len(_near(classes, index, PERSON, 4)) >= 2
    if born or person:
        return Verdict("age", 0.6, ("whole numbers spread as ages are", "near what tells of a person"))
    return None


def _birth_date(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Days spread over the years in which people who live now were born, in a table of people."""
    column = columns[index]
    years = column.values.years
    if not column.nameless or len(years) < 5 or len(PERSON & set(classes)) < 2:
        return None
    early, late = years[len(years) // 20], years[-1 - len(years) // 20]
    if early >= 1910 and late - early >= 12 and years[len(years) // 2] <= 2005 and early <= 1985:
        return Verdict(
            "birth_date", 0.65, ("days over the years in which people were born", "in a table of people")
        )
    return None


def _login(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Passwords and login names: one word, hardly ever repeated, beside an e-mail address or each other."""
    values = columns[index].values
    near = _near(classes, index, PERSON | {"password"}, 2)
    if not columns[index].nameless or not near & {"email", "username", "password"}:
        return None
    if values.distinct_share < 0.9 or values.distinct < 8 or not 5 <= values.typical_length <= 20:
        return None
    if (
        values.rate("phrase") > 0.02
        or max(values.rate("number"), values.rate("day"), values.rate("city")) > 0.3
    ):
        return None
    if values.mixed >= 0.6 and len(values.lengths) > 1:
        return Verdict(
            "password", 0.6, ("capitals, small letters and digits mixed", "near a login or an e-mail")
        )
    if values.rate("login") >= 0.95 and len(values.lengths) > 3 and "email" in near | {"password"} & near:
        return Verdict("username", 0.6, ("single words, hardly ever repeated", "near an e-mail address"))
    return None


def _card_part(columns: Sequence[Column], classes: Sequence[str], index: int) -> Verdict | None:
    """Three or four digits beside a card."""
    values = columns[index].values
    if not columns[index].nameless or not _near(classes, index, CARD, 2):
        return None
    # a spreadsheet takes the leading zero of one in ten
    if (
        values.rate("cvv") >= 0.85
        and values.rate("digits") >= 0.99
        and max(values.lengths) <= 4
        and values.distinct >= 20
    ):
        return Verdict("card_cvv", 0.6, ("three or four digits", "beside a card"))
    return None


RULES: tuple[Rule, ...] = (
    _radio_area,
    _cell,
    _coordinates,
    _card_part,
    _house_number,
    _city,
    _street,
    _postcode,
    _gender,
    _name_part,
    _age,
    _login,
)
