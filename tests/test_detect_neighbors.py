"""Columns without telling names: what values, vocabularies and neighbors decide, and what stays in doubt."""

import random

import pyarrow as pa
import pytest

from pipeline.detect.column_leanings import NEVER, SHAPED, VOCABULARIES
from pipeline.detect.column_names import match_name, says_nothing
from pipeline.detect.columns import propose
from pipeline.detect.documents import PERSONAL_NUMBERS, valid_number
from tests.conftest import PROJECT


def _words(listed: str) -> list[str]:
    return listed.split("|")


GIVEN = _words(
    "Anna|Maria|Peter|Thomas|Julia|Sofia|Lucas|Emma|Noah|Elena|Marco|Laura|Paul|Clara|Hugo|Alice|Ruth"
)
FAMILY = _words("Smith|Müller|Garcia|Rossi|Novak|Jensen|Silva|Martin|Weber|Kowalski|Lopez|Bauer|Moreau|Costa")
STREETS = _words(
    "Station Road|High Street|Hauptstraße|Rue Victor Hugo|Via Roma|Calle Mayor|Kerkstraat|Park Avenue"
)
CITIES = _words(
    "Berlin|Sydney|Lyon|Madrid|Milano|Lisboa|Utrecht|Chicago|Perth|Hamburg|Toulouse|Sevilla|Torino|Porto"
)
REGIONS = _words("Bavaria|Ontario|Victoria|Andalusia|Lombardy|California|Queensland|Texas")


def _many(choices: list[str], count: int = 60) -> list[str]:
    chance = random.Random(len(choices))  # noqa: S311 - test data
    return [chance.choice(choices) for _ in range(count)]


def _numbers(low: int, high: int, count: int = 60) -> list[str]:
    chance = random.Random(low)  # noqa: S311 - test data
    return [str(chance.randint(low, high)) for _ in range(count)]


def _days(first: int, last: int, count: int = 60) -> list[str]:
    years = _numbers(first, last, count)
    return [f"{year}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i, year in enumerate(years)]


def _classes(*columns: list[str], names: list[str] | None = None) -> list[str]:
    named = names or [f"c{i}" for i in range(len(columns))]
    table = pa.table([pa.array(column, pa.string()) for column in columns], named)
    return [profile.data_class for profile in propose("t", table)]


@pytest.mark.parametrize("name", ["c3", "col_7", "V1", "Unnamed: 0", "field12", "x", "column.4", "字段3", ""])
def test_some_names_say_nothing(name: str) -> None:
    assert says_nothing(name)


@pytest.mark.parametrize("name", ["totlngth", "candidate", "Nachname", "c_name", "lat"])
def test_other_names_say_something(name: str) -> None:
    assert not says_nothing(name)


@pytest.mark.parametrize(
    ("name", "data_class"),
    [
        ("Straße und Hausnummer", "postal_address"),
        ("GeburtsDatum", "birth_date"),
        ("prénom", "person_name"),
        ("numéroDeCommande", "order_id"),
        ("teléfono_móvil", "mobile_phone"),
        ("código postal", "postcode"),
        ("RECV_NM", "person_name"),
        ("cust_addr_ln1", "postal_address"),
        ("shouhuoren_dizhi", "postal_address"),
        ("temail", "email"),
    ],
)
def test_names_in_other_languages_and_abbreviations_speak(name: str, data_class: str) -> None:
    assert match_name(name)[0].data_class == data_class


def test_whole_names_decide_without_a_name_and_words_do_not() -> None:
    whole = [f"{given} {family}" for given, family in zip(_many(GIVEN), _many(FAMILY), strict=True)]
    things = _many(["Desk lamp", "Running shoes", "Rice cooker", "Green tea", "Water bottle", "Garden hose"])
    assert _classes(whole) == ["person_name"]
    assert _classes(things) == ["unknown"]


def test_a_name_that_says_something_else_is_not_overruled_by_likeness() -> None:
    """Doubt: `candidate` may be a public list. Beside contacts it is a person's all the same."""
    whole = [f"{given} {family}" for given, family in zip(_many(GIVEN), _many(FAMILY), strict=True)]
    assert _classes(whole, names=["candidate"]) == ["unknown"]


def test_an_address_in_parts_is_read_from_its_neighbors() -> None:
    streets = [f"{street} {n}" for street, n in zip(_many(STREETS), _numbers(1, 99), strict=True)]
    codes = _numbers(10_000, 99_999)
    assert _classes(streets, codes, _many(CITIES), _many(REGIONS)) == [
        "postal_address",
        "postcode",
        "city",
        "region",
    ]
    assert _classes(codes) == ["unknown"]


def test_a_house_number_stands_beside_its_street() -> None:
    found = _classes(
        _numbers(1, 120), _many([f"{s} {n}" for s in STREETS for n in ("East", "West")]), _many(CITIES)
    )
    assert found == ["postal_address", "postal_address", "city"]


def test_days_are_birth_dates_only_in_a_table_of_people() -> None:
    born, mails = _days(1945, 2004), [f"p{i}@example.com" for i in range(60)]
    people = [f"{given} {family}" for given, family in zip(_many(GIVEN), _many(FAMILY), strict=True)]
    assert _classes(born) == ["date"]
    assert _classes(people, mails, born) == ["person_name", "email", "birth_date"]
    assert _classes(people, mails, _days(2023, 2024)) == ["person_name", "email", "date"]


def test_letters_of_two_genders_need_people() -> None:
    mails = [f"p{i}@example.com" for i in range(60)]
    assert _classes(_many(["M", "F"]), mails) == ["gender", "email"]
    assert _classes(_many(["M", "F"]), _numbers(1, 9)) == ["unknown", "unknown"]


def test_a_cards_code_and_expiry_stand_beside_it() -> None:
    cards = [
        "4111111111111111",
        "5555555555554444",
        "4012888888881881",
        "6011111111111117",
        "5105105105105100",
    ]
    expiry = [f"{1 + i % 12:02d}/{27 + i % 4}" for i in range(60)]
    assert _classes(_many(cards), expiry, _numbers(100, 999)) == ["bank_card", "card_expiry", "card_cvv"]
    assert _classes(_numbers(100, 999)) == ["unknown"]


def test_decimals_are_positions_only_where_something_tells_of_a_person_or_a_device() -> None:
    chance = random.Random(3)  # noqa: S311 - test data
    lat = [f"{chance.uniform(-44, -10):.6f}" for _ in range(60)]
    lon = [f"{chance.uniform(113, 153):.6f}" for _ in range(60)]
    assert _classes(lat, lon, [f"10.0.{i}.9" for i in range(60)]) == ["gps", "gps", "ip"]
    assert _classes(lat, lon) == ["unknown", "unknown"]


def test_row_numbers_are_no_postcodes() -> None:
    rows = [str(i) for i in range(1000, 1060)]
    assert _classes(rows, _many(CITIES), _many(REGIONS))[0] == "unknown"


def test_a_table_with_one_row_for_each_place_is_about_places() -> None:
    """Doubt, not harmlessness: the steward decides."""
    assert _classes(REGIONS, _numbers(1, 999, len(REGIONS)), names=["state", "votes"])[0] == "unknown"
    people = [f"p{i}@example.com" for i in range(len(REGIONS))]
    assert _classes(REGIONS, people, names=["state", "mail"]) == ["region", "email"]


@pytest.mark.parametrize(
    ("values", "data_class"),
    [
        (["3", "5", "7", "9", "2"], "unknown"),
        (["65.2", "100", "88.4", "12.1"], "unknown"),
        (["23", "41", "67"], "age"),
    ],
)
def test_ages_are_those_of_people(values: list[str], data_class: str) -> None:
    assert _classes(_many(values), names=["age"]) == [data_class]


def test_a_name_may_be_a_firms() -> None:
    firms = _many([f"{f} {kind}" for f in FAMILY for kind in ("Ltd", "GmbH & Co. KG", "Trading Co.", "Inc.")])
    assert _classes(firms, names=["ship_name"]) == ["company"]


def test_check_digits_of_one_country_decide_together() -> None:
    pesel = []
    for number in range(44_051_401_000, 44_051_402_500):
        weighted = sum(
            int(d) * w for d, w in zip(str(number)[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True)
        )
        if int(str(number)[10]) == -weighted % 10:
            pesel.append(str(number))
    assert len(pesel) > 100 and _classes(pesel) == ["national_id"]
    chance = random.Random(1)  # noqa: S311 - test data
    assert _classes([str(chance.randrange(10**10, 10**11)) for _ in range(200)]) == ["unknown"]


@pytest.mark.parametrize("name", sorted(PERSONAL_NUMBERS))
def test_no_validator_raises(name: str) -> None:
    lengths = PERSONAL_NUMBERS[name][1]
    for value in ("0" * lengths[0], "9" * lengths[-1], "a" * lengths[0], "１" * lengths[0], "-" * lengths[0]):
        assert valid_number(name, value) in (True, False)


def test_a_leaning_that_nothing_reaches_would_be_dead() -> None:
    for leaning in (*SHAPED, *VOCABULARIES):
        assert min(leaning.alone, leaning.named, leaning.beside) <= 1 < NEVER, leaning
        assert leaning.beside > 1 or leaning.companions, leaning


def test_the_page_maps_every_label_of_the_benchmark() -> None:
    """The benchmark scores by the same table."""
    from benchmarks.detect_columns import LABELS, classes_of

    page = (PROJECT / "docs" / "detection.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(): {c.strip(" `") for c in cells[2].split(",")}
        for line in page.splitlines()
        if (cells := line.split("|"))[0] == "" and len(cells) == 4 and cells[1].strip().isupper()
    }
    assert set(LABELS) <= set(rows)
    for label, classes in rows.items():
        if label != "NONE":
            assert classes == classes_of(label), label
