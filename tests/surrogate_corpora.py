"""Make the corpora of `surrogate`: `python -m tests.surrogate_corpora` writes transforms/corpora/*.txt.

Words come from Faker's provider lists (MIT license), read as data at one pinned version; no provider is run, so that
nothing depends on Faker's formats or its random numbers. What Faker lacks is listed here. Everything random (towns,
postcodes, Chinese given names) is drawn with one seed. A run needs none of this: the files are frozen, and
`transforms/surrogate_corpus.py` knows their SHA-256.
"""

import importlib
import random
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import phonenumbers

FAKER = "37.12.0"
SEED = "surrogate corpora 1"
LOCALES = ("de_DE", "en_AU", "en_GB", "en_US", "fr_FR", "ja_JP", "zh_CN")
FOLDER = Path(__file__).parent.parent / "transforms" / "corpora"

# Common names that Faker's short Japanese lists lack.
_JA_SURNAMES = """林 森 山崎 橋本 石川 中島 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 金子
岡本 藤原 三浦 中野 中川 原田 松田 竹内 小野 田村 中山 和田 石田 森田 上田 内田 柴田 酒井 宮崎 横山 高木
安藤 宮本 大野 小島 工藤 谷口 今井 高田 増田 丸山 杉山 村田 大塚 小山 藤本 平野 新井 河野 上野 武田 野口
松井 千葉 菅原 岩崎 久保 木下 佐野 野村 松尾 市川 菊地 杉本 古川 大西 島田 水野 桜井 高野 渡部 吉川 山内
西田 飯田 西川 小松 北村 安田 川口 平田 中田 久保田 服部 岩田 土屋 川崎 福島 本田 樋口 秋山 田口 永井
山中 中西 吉村 川上 石原 大橋 松岡 馬場 浜田 森本 星野 矢野 浅野 大久保 吉岡 小池 野田 荒木"""
_JA_FEMALE = """葵 陽菜 結衣 莉子 凛 咲良 結菜 芽衣 紬 杏 美月 花子 幸子 和子 文子 千代子 京子 典子 順子 早苗 千尋 七海
遥 未来 彩花 美優 綾 沙織 里奈 瞳 麻衣 美穂 恵 愛 彩 美咲 真央 優奈 琴音 楓 詩織 亜美 奈々 絵里 志保
雪乃 春香 夏希 千秋 美冬"""
_JA_MALE = """翔 蓮 湊 樹 悠真 陽斗 大和 颯太 悠斗 蒼 律 朝陽 奏太 海斗 拓海 大翔 健 誠 剛 隆 浩 明 勇 進 実 清 茂 勝
豊 博 悟 徹 聡 淳 直人 雄太 康平 祐介 俊介 慎一 健一 亮 大地 一郎 智也 裕也 圭介 孝之 正樹 光一 秀明
哲也 和夫 弘 武 優斗"""
_STREETS = "Street Road Avenue Lane Drive Court Crescent Close Way Grove Terrace Place"
_STREETS_US = "Street Road Avenue Lane Drive Court Circle Way Boulevard Terrace Place Trail"
_STREETS_FR = "rue avenue boulevard chemin allée impasse place quai"
_STREETS_ZH = """人民 中山 解放 建设 和平 新华 文化 胜利 民主 团结 光明 友谊 青年 劳动 工业 商业 迎宾 长江
黄河 泰山 朝阳 东风 红旗 公园 花园 学府 科技 创业 振兴 富强 幸福 平安 永乐 长青 翠竹 玉兰 桂花 梅园 松柏 清泉 明珠 锦绣
龙腾 凤鸣 金桥 银河 云锦 星湖"""
_CATEGORIES_ZH = "科技 网络 信息 传媒 贸易 实业 物流 文化 电子 食品 服饰 家居"
_LEGAL_ZH = "有限公司 有限责任公司 股份有限公司"
_LEGAL = {
    "en_AU": "Pty_Ltd Ltd Group Partners Holdings",
    "en_US": "Inc. LLC Group Partners Holdings",
    "en_GB": "Ltd PLC LLP Group Partners",
    "de_DE": "GmbH AG KG OHG GmbH_&_Co._KG",
    "fr_FR": "SA SARL SAS SNC",
}
_PROVINCES_ZH = """河北省 山西省 辽宁省 吉林省 江苏省 浙江省 安徽省 福建省 江西省 山东省 河南省 湖北省 湖南省 广东省
四川省 云南省"""
_ALONE_ZH = "北京 上海 天津 重庆 香港 澳门 台北"  # in no province
_PREFECTURES_JA = "神奈川県 千葉県 埼玉県 静岡県 広島県 岡山県 福岡県 宮城県 新潟県 長野県 岐阜県 三重県"

# Numbers that nobody can be given, without the line digits that follow; sources in transforms/corpora/README.md.
_AU = [f"+61{area}{block}" for area in "2378" for block in ("5550", "7010")]
_GB = [
    *(f"+44{area}4960" for area in (113, 114, 115, 116, 117, 118, 121, 131, 141, 151, 161)),
    "+442079460",
    "+441914980",
    "+442920180",
    "+441632960",
    "+447700900",
    "+443069990",
]
_DE = ["+493023125", "+496990009", "+494066969", "+492214710", "+498999998"]
_FR = ["+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998"]
_LINE_DIGITS = {"en_AU": 4, "en_US": 2, "en_GB": 3, "de_DE": 3, "fr_FR": 4}


def _listed(provider: str, locale: str, name: str) -> tuple[str, ...]:
    """The entries of one of Faker's lists."""
    module = importlib.import_module(f"faker.providers.{provider}.{locale}")
    return tuple(getattr(module.Provider, name))


def folded(word: str) -> str:
    """What `surrogate` compares: letters and digits, without case, width and accents."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    return re.sub(r"[\W_]+", "", "".join(c for c in plain if not unicodedata.combining(c)))


def distinct(entries: Iterable[str], pattern: str = r"[^\W\d_]+(?:['’][^\W\d_]+)?") -> list[str]:
    """The entries of one word, each once however it is written, in code point order."""
    kept: dict[str, str] = {}
    for entry in sorted(set(entries)):
        if re.fullmatch(pattern, entry):
            kept.setdefault(folded(entry), entry)
    return sorted(kept.values())


def _towns(chance: random.Random, words: list[str], ends: Iterable[str], count: int) -> list[str]:
    """Made-up towns: a name and an ending, as Faker makes them."""
    endings = sorted(set(ends))
    return distinct({chance.choice(words) + chance.choice(endings) for _ in range(2 * count)})[:count]


def _people(source: str) -> dict[str, list[str]]:
    return {
        "female": distinct(_listed("person", source, "first_names_female")),
        "male": distinct(_listed("person", source, "first_names_male")),
        "surname": distinct(_listed("person", source, "last_names")),
    }


def _latin(locale: str, chance: random.Random) -> dict[str, list[str]]:
    source = "en_GB" if locale == "en_AU" else locale  # Faker has no Australian names
    people = _people(source)
    sections = {**people, "company_form": [form.replace("_", " ") for form in _LEGAL[locale].split()]}
    if locale.startswith("en_"):
        ends = _listed("address", locale, "city_suffixes")
        sections["street_kind"] = (_STREETS_US if locale == "en_US" else _STREETS).split()
        sections["town"] = _towns(chance, people["surname"], ends, 400)
    elif locale == "de_DE":
        sections["street_kind"] = ["straße", "weg", "gasse", "allee", "ring", "platz"]
        ends = ("hausen", "dorf", "heim", "stedt", "walde", "bach", "feld", "rode", "kirchen", "stetten")
        sections["town"] = _towns(chance, people["surname"], ends, 400)
    else:
        sections["street_kind"] = _STREETS_FR.split()
        ends = ("-les-Bains", "-sur-Mer", "-la-Forêt", "-le-Bourg", "-la-Ville", "-les-Prés")
        names = [f"Saint-{name}" for name in people["male"]] + [f"Sainte-{name}" for name in people["female"]]
        sections["town"] = distinct(
            {chance.choice(names) + chance.choice(ends) for _ in range(800)}, r"[^\W\d_]+(?:-[^\W\d_]+)+"
        )[:400]
    sections["area"] = sorted(set(_areas(locale, chance)))
    return sections


def _areas(locale: str, chance: random.Random) -> Iterator[str]:
    """What follows the town: postcodes of the right form, some hundreds."""
    match locale:
        case "en_AU":
            first = {"NSW": 2, "VIC": 3, "QLD": 4, "SA": 5, "WA": 6, "TAS": 7}
            for state, digit in first.items():
                for _ in range(40):
                    yield f"{state} {digit}{chance.randrange(1000):03d}"
        case "en_US":
            for state, (low, high) in sorted(_state_postcodes().items()):
                for _ in range(6):
                    yield f"{state} {chance.randint(low, high):05d}"
        case "en_GB":
            zones = [zone for zone in _listed("address", "en_GB", "POSTAL_ZONES") if len(zone) == 2]
            letters = "ABDEFGHJLNPQRSTUWXYZ"
            for _ in range(400):
                outward = f"{chance.choice(zones)}{chance.randint(1, 20)}"
                yield f"{outward} {chance.randrange(10)}{chance.choice(letters)}{chance.choice(letters)}"
        case _:
            for _ in range(400):
                yield f"{chance.randint(1001, 95999):05d}"


def _state_postcodes() -> Mapping[str, tuple[int, int]]:
    module = importlib.import_module("faker.providers.address.en_US")
    states = set(module.Provider.states_abbr)
    return {state: span for state, span in module.Provider.states_postcode.items() if state in states}


def _chinese(chance: random.Random) -> dict[str, list[str]]:
    hanzi = r"[\u4e00-\u9fff]"
    given = {}
    for gender in ("female", "male"):
        known = distinct(_listed("person", "zh_CN", f"first_names_{gender}"), f"{hanzi}{{1,2}}")
        single = sorted({sign for name in known for sign in name})
        pairs = {chance.choice(single) + chance.choice(single) for _ in range(1200)}
        given[gender] = sorted({*known, *(pair for pair in pairs if pair[0] != pair[1])})
    provinces = _PROVINCES_ZH.split()
    cities = [c for c in _listed("address", "zh_CN", "cities") if len(c) == 2 and c not in _ALONE_ZH.split()]
    names = [name for name in _listed("company", "zh_CN", "company_prefixes") if len(name) == 2]
    return {
        **given,
        "surname": distinct(_listed("person", "zh_CN", "last_names"), hanzi),
        "place": sorted({chance.choice(provinces) + chance.choice(cities) for _ in range(500)}),
        "district": distinct(
            _listed("address", "zh_CN", "districts"), r"[\u4e00-\u9fff](?!区)[\u4e00-\u9fff]"
        ),
        "street": distinct(_STREETS_ZH.split(), f"{hanzi}+"),
        "company_name": distinct([*names, *_STREETS_ZH.split()], f"{hanzi}{{2}}"),
        "company_kind": _CATEGORIES_ZH.split(),
        "company_form": _LEGAL_ZH.split(),
    }


def _japanese(chance: random.Random) -> dict[str, list[str]]:
    letters = r"[\u3040-\u30ff\u3005\u4e00-\u9fff]+"
    cities = [city for city in _listed("address", "ja_JP", "cities") if city.endswith("市")]
    prefectures = _PREFECTURES_JA.split()
    return {
        "female": distinct([*_listed("person", "ja_JP", "first_names_female"), *_JA_FEMALE.split()], letters),
        "male": distinct([*_listed("person", "ja_JP", "first_names_male"), *_JA_MALE.split()], letters),
        "surname": distinct([*_listed("person", "ja_JP", "last_names"), *_JA_SURNAMES.split()], letters),
        "place": sorted({chance.choice(prefectures) + chance.choice(cities) for _ in range(500)}),
        "town": distinct(_listed("address", "ja_JP", "towns"), letters),
        "company_kind": list(_listed("company", "ja_JP", "company_categories")),
        "company_form": list(_listed("company", "ja_JP", "company_prefixes")),
    }


def _phone_blocks(locale: str) -> list[str]:
    if locale == "en_US":
        return [f"+1{area}55501" for area in range(200, 1000) if _is_in_use(area)]
    return {"en_AU": _AU, "en_GB": _GB, "de_DE": _DE, "fr_FR": _FR}.get(locale, [])


def _is_in_use(area: int) -> bool:
    """Whether an area code belongs to a state of the United States, and to no service."""
    number = phonenumbers.parse(f"+1{area}2550100")
    service = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    states = phonenumbers.region_code_for_number(number) == "US"
    return states and phonenumbers.number_type(number) == service


def corpus_of(locale: str) -> str:
    """The text of one locale's file."""
    chance = random.Random(f"{SEED} {locale}")  # noqa: S311 - the words are public
    match locale:
        case "zh_CN":
            sections = _chinese(chance)
        case "ja_JP":
            sections = _japanese(chance)
        case _:
            sections = _latin(locale, chance)
    if blocks := _phone_blocks(locale):
        sections["phone_block"] = blocks
        sections["phone_line_digits"] = [str(_LINE_DIGITS[locale])]
    lines = [f"# Surrogates of {locale}: made by tests/surrogate_corpora.py, see README.md. `_` is a blank."]
    for name, entries in sections.items():
        words = " ".join(entry.replace(" ", "_") for entry in entries)
        filled = textwrap.wrap(words, 118, break_long_words=False, break_on_hyphens=False)
        lines += ["", f"[{name}]", *filled]
    return "\n".join(lines) + "\n"


def write_corpora(folder: Path = FOLDER) -> None:
    """Write one file per locale."""
    for locale in LOCALES:
        (folder / f"{locale}.txt").write_text(corpus_of(locale), encoding="utf-8")


if __name__ == "__main__":
    write_corpora()
