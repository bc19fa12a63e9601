"""Phone numbers of several countries, from ranges kept for fiction where a country has them.

AU  mobiles 0491 57x xxx, the block that holds the ACMA's numbers for fiction (they are too few to give
    everybody one); fixed lines xx 5550 xxxx, kept for fiction
US  area code 555 01xx, kept for fiction
GB  fixed lines 020 7946 0xxx, 0161 496 0xxx and the like, kept for drama by Ofcom, also as "mobiles", because
    libphonenumber does not count 07700 900xxx as valid
DE  0171 39200 xx and 0176 040690 xx, 030 23125 xxx and 089 99998 xxx, kept for media by the Bundesnetzagentur
CN  no such range; 1740 0..5 is satellite service, with few holders
JP  no such range; 0601 xx is the newest mobile range, with few holders
"""

from collections.abc import Callable

from sample_data.chance import Chance
from sample_data.words import City

_US_AREAS = ("212", "415", "206", "617", "312", "305", "512", "702")
_GB_FIXED = ("207946", "161496", "131496", "113496", "117496")
_DE_MOBILE = ("17139200", "176040690")
_DE_FIXED = ("3023125", "8999998")


class Phones:
    """Gives every person numbers that nobody else has."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._chance = Chance("phones")

    def mobile(self, country: str) -> str:
        """Return a new number in E.164 form."""
        return self._new(country, self._mobile_body)

    def contact(self, city: City) -> str:
        """Return a new fixed line of the city in E.164 form; a second mobile where no fixed range is kept."""
        if city.country == "AU":
            return self._new("AU", lambda _: f"+61{city.area}5550{self._chance.digits(4)}")
        if city.country == "DE":
            return self._new("DE", lambda _: f"+49{self._chance.pick(_DE_FIXED)}{self._chance.digits(3)}")
        return self.mobile(city.country)

    def _new(self, country: str, make: Callable[[str], str]) -> str:
        while (number := make(country)) in self._taken:
            pass
        self._taken.add(number)
        return number

    def _mobile_body(self, country: str) -> str:
        chance = self._chance
        match country:
            case "AU":
                return f"+6149157{chance.digits(4)}"
            case "CN":
                return f"+861740{chance.below(6)}{chance.digits(6)}"
            case "US":
                return f"+1{chance.pick(_US_AREAS)}55501{chance.digits(2)}"
            case "GB":
                return f"+44{chance.pick(_GB_FIXED)}0{chance.digits(3)}"
            case "DE":
                return f"+49{chance.pick(_DE_MOBILE)}{chance.digits(2)}"
            case _:
                return f"+81601{chance.below(5)}0{chance.digits(5)}"


def country_code(number: str) -> str:
    """Return the country code of an E.164 number of `Phones`, without the plus."""
    return next(code for code in ("61", "86", "44", "49", "81", "1") if number[1:].startswith(code))


def groups(number: str) -> list[str]:  # noqa: PLR0911  (one return a country)
    """Return the groups in which people of that country say the number at home."""
    code = country_code(number)
    body = number[1 + len(code) :]
    match code:
        case "61" if body.startswith("4"):
            return ["0" + body[:3], body[3:6], body[6:]]
        case "61":
            return ["0" + body[:1], body[1:5], body[5:]]
        case "86":
            return [body[:3], body[3:7], body[7:]]
        case "1":
            return [body[:3], body[3:6], body[6:]]
        case "44":
            cut = 2 if body.startswith("20") else 3
            return ["0" + body[:cut], body[cut:-4], body[-4:]]
        case "49":
            cut = 2 if body[0] in "38" else 3
            return ["0" + body[:cut], body[cut:]]
        case _:
            return ["0" + body[:2], body[2:6], body[6:]]


def national(number: str, separator: str = "") -> str:
    """Return the number as dialed at home."""
    return separator.join(groups(number))


def international(number: str, separator: str = " ") -> str:
    """Return the number with its country code, grouped."""
    first, *rest = groups(number)
    trunk = first[1:] if country_code(number) not in ("86", "1") else first
    return separator.join((f"+{country_code(number)}", trunk, *rest))
