"""The mall's fictitious customers, with everything that identifies them."""

from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from urllib.parse import quote

from sample_data import words
from sample_data.chance import Chance, luhn_digit, resident_digit
from sample_data.phones import Phones

PEOPLE = 1500
FIRST_DAY = date(2026, 11, 1)

# Numbers of the card schemes' public test cards; the digits after them are made up.
TEST_BINS = {
    "424242": 16,
    "400000": 16,
    "555555": 16,
    "222300": 16,
    "601111": 16,
    "356600": 16,
    "620000": 16,
    "378282": 15,
}


@dataclass(frozen=True)
class Person:
    """One customer. Names starting with `minor` say by which evidence the customer is under 14."""

    number: int
    account: str | None  # None orders as a guest
    name: str
    surname: str
    latin: tuple[str, str]  # given name and surname in plain Latin letters
    chinese: bool
    honorific: str
    city: words.City
    street: str
    room: str
    address: str
    mobile: str  # E.164
    contact: str | None  # E.164
    email: str
    username: str
    nickname: str
    birth: date
    shows_birth: bool
    gender: str
    resident_id: str | None
    card: str
    card_expiry: str
    third_party: str | None
    avatar: str | None
    company: str | None
    minor_by: str  # "" | flag | birth_date | resident_id | birthday (turns 14 on the second day)
    weight: int = field(default=1)  # how often the customer orders

    @property
    def title_name(self) -> str:
        """Surname and title, as people are called: 张先生, Mr Smith."""
        return f"{self.surname}{self.honorific}" if self.chinese else f"{self.honorific} {self.surname}"


def _minor_kind(number: int) -> str:
    """Fixed places in the list, so that every date has each kind."""
    kinds = {0: "flag", 1: "birth_date", 2: "resident_id"}
    if 40 <= number < 64:
        return kinds[number % 3]
    return "birthday" if number == 64 else ""


def _born(chance: Chance, minor_by: str) -> date:
    if minor_by == "birthday":
        return date(2012, 11, 2)
    if minor_by:
        return date(chance.between(2013, 2016), chance.between(1, 12), chance.between(1, 28))
    year = 2026 - min(chance.between(16, 60), chance.between(16, 90))
    return date(year, chance.between(1, 12), chance.between(1, 28))


def _names(chance: Chance, language: str, gender: str) -> tuple[str, str, tuple[str, str]]:
    """Return name as written, surname, and (given, surname) in Latin letters."""
    if language in ("zh", "ja"):
        surnames, given_names = (
            (words.ZH_SURNAMES, words.ZH_GIVEN) if language == "zh" else (words.JA_SURNAMES, words.JA_GIVEN)
        )
        surname, latin_surname = chance.pick(surnames)
        given, latin_given = chance.pick(given_names[gender])
        return (
            surname + (" " if language == "ja" and chance.hit(0.5) else "") + given,
            surname,
            (latin_given, latin_surname),
        )
    surnames_, given_ = (
        (words.EN_SURNAMES, words.EN_GIVEN) if language == "en" else (words.DE_SURNAMES, words.DE_GIVEN)
    )
    surname, given = chance.pick(surnames_), chance.pick(given_[gender])
    plain = str.maketrans({"ü": "ue", "ö": "oe", "ä": "ae", "ß": "ss", "'": "", " ": "", "-": ""})
    return f"{given} {surname}", surname, (given.lower().translate(plain), surname.lower().translate(plain))


def _language(chance: Chance, country: str) -> str:
    at_home = {"AU": "en", "CN": "zh", "US": "en", "GB": "en", "DE": "de", "JP": "ja"}[country]
    abroad = {"AU": 0.35, "CN": 0.03, "US": 0.25, "GB": 0.2, "DE": 0.1, "JP": 0.1}[country]
    return ("en" if at_home == "zh" else "zh") if chance.hit(abroad) else at_home


def _address(chance: Chance, city: words.City) -> tuple[str, str, str]:
    """Return street part, room, and the whole address."""
    street, house, flat = (
        chance.pick(words.STREETS[city.country]),
        chance.between(1, 420),
        chance.between(1, 60),
    )
    match city.country:
        case "CN":
            room = f"{chance.between(1, 28)}{chance.between(1, 4):02d}室"
            part = f"{street}{house}号{chance.between(1, 18)}栋{room}"
            region = "" if city.region == city.name else city.region
            return part, room, f"{region}{city.name}{chance.pick(words.ZH_DISTRICTS)}{part}"
        case "JP":
            part = f"{street}{chance.between(1, 6)}-{chance.between(1, 30)}-{chance.between(1, 20)}"
            return part, str(flat), f"〒{city.postcode} {city.region}{city.name}{part}"
        case "DE":
            part = f"{street} {house}"
            return part, str(flat), f"{part}, {city.postcode} {city.name}"
        case "US":
            room = f"Apt {flat}"
            part = f"{house} {street}"
            return part, room, f"{part}, {room}, {city.name}, {city.region} {city.postcode}"
        case "GB":
            room = f"Flat {flat}"
            part = f"{house} {street}"
            return part, room, f"{room}, {part}, {city.name} {city.postcode}"
        case _:
            room = f"Unit {flat}"
            part = f"{flat}/{house} {street}" if chance.hit(0.4) else f"{house} {street}"
            return part, room, f"{part}, {city.name} {city.region} {city.postcode}"


def _resident_id(chance: Chance, born: date, gender: str) -> str:
    """Make a resident id: area of a whole province (never issued), real date, valid check digit."""
    area = chance.pick(("110000", "310000", "440000", "330000", "510000", "610000"))
    sequence = chance.between(1, 499) * 2 + (gender == "male")  # odd is male
    body = f"{area}{born:%Y%m%d}{sequence:03d}"
    return body + resident_digit(body)


def _card(chance: Chance) -> str:
    start = chance.pick(tuple(TEST_BINS))
    body = start + chance.digits(TEST_BINS[start] - 7)
    return body + luhn_digit(body)


def _third_party(chance: Chance, chinese: bool) -> str:
    if chinese:
        return f"wechat:wxid_{chance.hex(10)}"
    return chance.pick(("google:1", "apple:0")) + chance.digits(11)


def _honorific(chance: Chance, chinese: bool, gender: str) -> str:
    if chinese:
        return (
            chance.pick(("先生", "总", "老师")) if gender == "male" else chance.pick(("女士", "小姐", "老师"))
        )
    return chance.pick(("Mr", "Mr", "Dr")) if gender == "male" else chance.pick(("Ms", "Mrs", "Dr"))


def _person(number: int, phones: Phones, cumulative: list[float]) -> Person:
    chance = Chance("person", number)
    minor_by = _minor_kind(number)
    city = chance.weighted(words.CITIES, cumulative)
    if minor_by == "resident_id":
        city = words.CITIES[12 + number % 6]
    gender = chance.pick(("female", "male"))
    language = "zh" if minor_by == "resident_id" else _language(chance, city.country)
    name, surname, latin = _names(chance, language, gender)
    street, room, address = _address(chance, city)
    born = _born(chance, minor_by)
    given, family = latin
    login = chance.pick(
        (f"{given}.{family}{number % 97}", f"{given[0]}{family}{number}", f"{family}_{given}{number % 89}")
    )
    chinese = language == "zh"
    has_id = minor_by == "resident_id" or (
        not minor_by and city.country == "CN" and chinese and chance.hit(0.6)
    )
    return Person(
        number=number,
        account=None if number >= PEOPLE - 45 else f"{(number * 104_729 + 382_716) % 10_000_000:08d}",
        name=name,
        surname=surname,
        latin=latin,
        chinese=chinese,
        honorific=_honorific(chance, chinese, gender),
        city=city,
        street=street,
        room=room,
        address=address,
        mobile=phones.mobile(city.country),
        contact=phones.contact(city) if chance.hit(0.45) else None,
        email=f"{login}@{chance.pick(('example.com', 'example.net', 'example.org', 'mail.example.com'))}",
        username=f"{login.replace('.', '')}{chance.between(10, 99)}",
        nickname=f"{chance.pick(words.NICKNAMES)}{chance.between(100, 999)}",
        birth=born,
        shows_birth=minor_by in ("birth_date", "birthday") or (not minor_by and chance.hit(0.6)),
        gender=gender if chance.hit(0.85) else "undisclosed",
        resident_id=_resident_id(chance, born, gender) if has_id else None,
        card=_card(chance),
        card_expiry=f"{chance.between(1, 12):02d}/{chance.between(27, 31)}",
        third_party=_third_party(chance, chinese) if chance.hit(0.3) else None,
        avatar=f"https://img.example.com/u/{quote(name)}-{number}.jpg" if chance.hit(0.1)
        else f"https://img.example.com/a/{chance.hex(6)}.jpg" if chance.hit(0.4) else None,
        company=chance.pick(words.COMPANIES) if chance.hit(0.06) else None,
        minor_by=minor_by,
        weight=8 if minor_by else 1 + int(60 / (1 + number % 150)),
    )  # fmt: skip


def people() -> list[Person]:
    """Return all customers; the same list at every call."""
    cumulative = [float(total) for total in accumulate(city.weight for city in words.CITIES)]
    phones = Phones()
    return [_person(number, phones, cumulative) for number in range(PEOPLE)]
