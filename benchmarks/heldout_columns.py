"""Column classification on tables that are no part of the labelled ones: generated ones, texts' spans, package data.

    python -m pip install faker==40.63.0 statsmodels scikit-learn vega_datasets
    python -m benchmarks.heldout_columns [--json] [--misses] [--data ../shared/data/detection]

* faker: shops' tables in ten locales, names of columns in nine styles; with their names, and as c0, c1… The first
  run, before any rule had been made with its misses in view, gave F1 .929 and .816.
* faker fresh: the same in eight other locales, of which only the figures were looked at.
* spans: the names, addresses, jobs… marked in texts of `text_gold`, each label a column, without a name.
* packages: tables of statsmodels, scikit-learn and vega_datasets, in which hardly anything identifies; columns that
  do (`EXPECTED`) were marked by hand.

Seeded; Faker's lists are no source of ours (see benchmarks/word_lists.py).
"""

import argparse
import csv
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from benchmarks.detect_columns import HARMLESS, score
from pipeline.detect.columns import propose

SEED = 20_261_101
ROWS = 150
FRESH = ("sv_SE", "da_DK", "cs_CZ", "ru_RU", "ja_JP", "en_IN", "es_MX", "tr_TR")  # looked at only as figures
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "nl_NL", "pl_PL", "zh_CN")

# label -> spellings of the column's name: English words, an abbreviation, pinyin, Chinese, German, French, Spanish
NAMES: dict[str, tuple[str, ...]] = {
    "PERSON_NAME": (
        "customer full name",
        "recv nm",
        "shouhuoren",
        "收货人",
        "Empfänger",
        "nom destinataire",
        "nombre completo",
    ),
    "FIRST": ("first name", "fname", "ming", "名字", "Vorname", "prénom", "nombre"),
    "LAST": ("last name", "lname", "xing", "姓", "Nachname", "nom de famille", "apellidos"),
    "PHONE": (
        "contact phone",
        "tel no",
        "shoujihao",
        "手机号",
        "Telefonnummer",
        "téléphone",
        "teléfono móvil",
    ),
    "EMAIL": ("e mail", "eml addr", "youxiang", "邮箱", "E-Mail-Adresse", "courriel", "correo electrónico"),
    "ADDRESS": (
        "street address",
        "addr ln1",
        "dizhi",
        "收货地址",
        "Straße und Hausnummer",
        "adresse de livraison",
        "dirección",
    ),
    "CITY": ("city", "cty", "chengshi", "城市", "Wohnort", "ville", "ciudad"),
    "REGION": ("state province", "prov", "shengfen", "省份", "Bundesland", "région", "provincia"),
    "POSTCODE": ("postal code", "zip cd", "youbian", "邮编", "PLZ", "code postal", "código postal"),
    "COUNTRY": ("country", "ctry", "guojia", "国家", "Land", "pays", "país"),
    "BIRTH_DATE": (
        "date of birth",
        "dob",
        "chusheng riqi",
        "出生日期",
        "Geburtsdatum",
        "date de naissance",
        "fecha de nacimiento",
    ),
    "GENDER": ("gender", "sx", "xingbie", "性别", "Geschlecht", "sexe", "sexo"),
    "JOB": ("occupation", "job ttl", "zhiye", "职业", "Beruf", "profession", "profesión"),
    "COMPANY": ("company", "co name", "gongsi", "公司", "Firma", "entreprise", "empresa"),
    "USERNAME": (
        "login name",
        "usr nm",
        "yonghuming",
        "用户名",
        "Benutzername",
        "identifiant de connexion",
        "usuario",
    ),
    "PASSWORD": ("password", "pwd", "mima", "密码", "Passwort", "mot de passe", "contraseña"),
    "NATIONAL_ID": (
        "national id",
        "ssn",
        "shenfenzheng hao",
        "身份证号",
        "Ausweisnummer",
        "numéro d'identité",
        "documento",
    ),
    "BANK_CARD": (
        "card number",
        "cc num",
        "yinhangka",
        "银行卡号",
        "Kartennummer",
        "numéro de carte",
        "número de tarjeta",
    ),
    "CARD_EXPIRY": (
        "card expiry",
        "exp dt",
        "youxiaoqi",
        "有效期",
        "Karte gültig bis",
        "date expiration carte",
        "caducidad tarjeta",
    ),
    "CARD_CVV": (
        "card cvv",
        "cvc2",
        "anquan ma",
        "安全码",
        "Kartenprüfnummer",
        "cryptogramme",
        "código de seguridad",
    ),
    "CUSTOMER_ID": (
        "customer id",
        "cust no",
        "kehu bianhao",
        "客户编号",
        "Kundennummer",
        "numéro client",
        "id cliente",
    ),
    "ORDER_ID": (
        "order number",
        "ord no",
        "dingdan hao",
        "订单号",
        "Bestellnummer",
        "numéro de commande",
        "número de pedido",
    ),
    "DATE": (
        "created at",
        "ord dt",
        "xiadan shijian",
        "下单时间",
        "Bestelldatum",
        "date de commande",
        "fecha del pedido",
    ),
    "FREE_TEXT": ("delivery note", "cmnt", "beizhu", "备注", "Bemerkung", "commentaire", "observaciones"),
    "IP": ("client ip", "ip addr", "ip dizhi", "登录IP", "IP-Adresse", "adresse ip", "dirección IP"),
    "MAC": ("wifi mac", "mac addr", "wuli dizhi", "MAC地址", "MAC-Adresse", "adresse mac", "dirección MAC"),
    "USER_AGENT": (
        "user agent",
        "ua",
        "liulanqi biaoshi",
        "浏览器标识",
        "User-Agent",
        "agent utilisateur",
        "agente de usuario",
    ),
    "URL": ("page url", "lnk", "wangzhi", "网址", "Webadresse", "lien page", "enlace"),
    "DOMAIN": ("domain", "dmn", "yuming", "域名", "Domäne", "domaine", "dominio"),
    "IMEI": (
        "imei",
        "imei no",
        "shebei imei",
        "手机IMEI",
        "Geräte-IMEI",
        "imei appareil",
        "imei dispositivo",
    ),
    "GPS": ("latitude", "lat", "weidu", "纬度", "Breitengrad", "latitude gps", "latitud"),
    "GPS2": ("longitude", "lng", "jingdu", "经度", "Längengrad", "longitude gps", "longitud"),
    "NONE_amount": ("order total", "tot amt", "jine", "金额", "Gesamtbetrag", "montant total", "importe"),
    "NONE_quantity": ("quantity", "qty", "shuliang", "数量", "Menge", "quantité", "cantidad"),
    "NONE_product": ("product", "prd nm", "shangpin", "商品", "Artikel", "produit", "artículo"),
    "NONE_status": (
        "order status",
        "ord sts",
        "zhuangtai",
        "状态",
        "Bestellstatus",
        "statut",
        "estado del pedido",
    ),
    "NONE_flag": ("email verified", "is vip", "shifou youxiao", "是否有效", "ist aktiv", "actif", "activo"),
    "NONE_row": ("row", "seq", "xuhao", "序号", "Zeile", "ligne", "fila"),
    "NONE_ms": ("latency ms", "rt ms", "haoshi", "耗时", "Dauer ms", "durée ms", "duración ms"),
    "NONE_status_code": (
        "http status",
        "resp cd",
        "zhuangtaima",
        "响应码",
        "HTTP-Status",
        "code réponse",
        "código respuesta",
    ),
}
LANGUAGE = {"de_DE": 4, "fr_FR": 5, "es_ES": 6, "zh_CN": 3}
PREFIXES = ("", "", "", "t", "src", "data", "rec")
TABLES = {
    "customers": (
        "CUSTOMER_ID", "FIRST", "LAST", "GENDER", "BIRTH_DATE", "EMAIL", "PHONE", "USERNAME", "PASSWORD", "JOB",
        "COMPANY", "ADDRESS", "POSTCODE", "CITY", "COUNTRY", "NATIONAL_ID", "NONE_flag",
    ),
    "orders": (
        "ORDER_ID", "DATE", "PERSON_NAME", "PHONE", "ADDRESS", "CITY", "REGION", "POSTCODE", "NONE_product",
        "NONE_quantity", "NONE_amount", "NONE_status", "BANK_CARD", "CARD_EXPIRY", "CARD_CVV", "FREE_TEXT",
    ),
    "visits": (
        "NONE_row", "DATE", "IP", "MAC", "USER_AGENT", "URL", "DOMAIN", "IMEI", "GPS", "GPS2", "NONE_ms",
        "NONE_status_code",
    ),
}  # fmt: skip
PRODUCTS = (
    "Desk lamp 40 W",
    "Running shoes",
    "USB-C cable 2 m",
    "Rice cooker",
    "Green tea 500 g",
    "Notebook A5",
    "Hat",
)


def styled(words: str, style: int, prefix: str) -> str:  # noqa: PLR0911 - one way out a style
    parts = [part for part in re.split(r"[ \-']", words) if part]
    if prefix:
        parts = [prefix, *parts]
    capital = [part[:1].upper() + part[1:] for part in parts]
    match style:
        case 0:
            return "_".join(parts).lower()
        case 1:
            return parts[0][:1].lower() + parts[0][1:] + "".join(capital[1:])
        case 2:
            return "".join(capital)
        case 3:
            return "_".join(parts).upper()
        case 4:
            return ".".join([parts[0], "_".join(parts[1:])] if len(parts) > 1 else parts).lower()
        case 5:
            return "-".join(parts).lower()
        case 6:
            return " ".join(capital)
        case 7:
            return "f_" + "_".join(parts).lower()
        case _:
            return "".join(parts).lower() if len(parts) <= 2 else "_".join(parts).lower()


def one(fake, chance: random.Random, label: str, row: int) -> str:  # noqa: PLR0911, PLR0912 - a table in code
    match label:
        case "PERSON_NAME":
            return fake.name()
        case "FIRST":
            return fake.first_name()
        case "LAST":
            return fake.last_name()
        case "PHONE":
            return fake.phone_number()
        case "EMAIL":
            return fake.email()
        case "ADDRESS":
            return fake.street_address()
        case "CITY":
            return fake.city()
        case "REGION":
            for provider in (
                "administrative_unit",
                "state",
                "province",
                "county",
                "region",
                "estado_nome",
                "voivodeship",
            ):
                if hasattr(fake, provider):
                    return getattr(fake, provider)()
            return fake.country()
        case "POSTCODE":
            return fake.postcode()
        case "COUNTRY":
            return fake.country()
        case "BIRTH_DATE":
            return fake.date_of_birth(minimum_age=16, maximum_age=88).strftime(
                ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")[row % 1]
            )
        case "GENDER":
            return chance.choice(("M", "F"))
        case "JOB":
            return fake.job()
        case "COMPANY":
            return fake.company()
        case "USERNAME":
            return fake.user_name()
        case "PASSWORD":
            return fake.password(length=chance.randint(8, 14))
        case "NATIONAL_ID":
            return fake.ssn()
        case "BANK_CARD":
            return fake.credit_card_number()
        case "CARD_EXPIRY":
            return fake.credit_card_expire()
        case "CARD_CVV":
            return fake.credit_card_security_code()
        case "CUSTOMER_ID":
            return f"{chance.randint(10**6, 10**7)}"
        case "ORDER_ID":
            return f"{chance.randint(10**9, 10**10)}"
        case "DATE":
            return fake.date_time_between("-2y").strftime("%Y-%m-%d %H:%M:%S")
        case "FREE_TEXT":
            return fake.sentence(nb_words=10) if chance.random() < 0.7 else ""
        case "IP":
            return fake.ipv4()
        case "MAC":
            return fake.mac_address()
        case "USER_AGENT":
            return fake.user_agent()
        case "URL":
            return fake.uri()
        case "DOMAIN":
            return fake.domain_name()
        case "IMEI":
            return imei(chance)
        case "GPS":
            return str(fake.latitude())
        case "GPS2":
            return str(fake.longitude())
        case "NONE_amount":
            return f"{chance.lognormvariate(4, 1):.2f}"
        case "NONE_quantity":
            return str(chance.randint(1, 9))
        case "NONE_product":
            return chance.choice(PRODUCTS)
        case "NONE_status":
            return chance.choice(("paid", "shipped", "delivered", "returned"))
        case "NONE_flag":
            return chance.choice(("0", "1"))
        case "NONE_row":
            return str(row + 1)
        case "NONE_ms":
            return str(chance.randint(3, 4000))
        case _:
            return chance.choice(("200", "302", "404", "500"))


def imei(chance: random.Random) -> str:
    body = chance.choice(("35", "86")) + "".join(chance.choice("0123456789") for _ in range(12))
    total = sum(d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(map(int, reversed(body))))
    return body + str(-total % 10)


def faker_tables(locales: tuple[str, ...] = LOCALES) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Table name, table, label of each column."""
    from faker import Faker

    chance = random.Random(SEED)
    for locale in locales:
        fake = Faker(locale)
        fake.seed_instance(SEED)
        for table, labels in TABLES.items():
            style, prefix = chance.randrange(9), chance.choice(PREFIXES)
            tongue = chance.choice((0, 1, 2, LANGUAGE.get(locale, 0)))
            columns = {
                styled(NAMES[label][tongue], style, prefix): [
                    one(fake, chance, label, row) for row in range(ROWS)
                ]
                for label in labels
            }
            assert len(columns) == len(labels)
            plain = [
                re.sub(
                    "^NONE.*",
                    "NONE",
                    {"FIRST": "PERSON_NAME", "LAST": "PERSON_NAME", "GPS2": "GPS"}.get(x, x),
                )
                for x in labels
            ]
            yield (
                f"{locale}_{table}",
                pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}),
                plain,
            )


SPANS = {
    **{"PERSON": "PERSON_NAME", "ADDRESS": "ADDRESS", "PHONE_NUMBER": "PHONE", "EMAIL_ADDRESS": "EMAIL"},
    **{
        "DOMAIN_NAME": "DOMAIN",
        "IP_ADDRESS": "IP",
        "CREDIT_CARD": "BANK_CARD",
        "TITLE": "TITLE",
        "URL": "URL",
    },
    **{"ZIP_CODE": "POSTCODE", "IBAN_CODE": "BANK_CARD"},
}


def span_tables(folder: Path) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Per file, the spans of each label as a column of one table, cut to the shortest."""
    for path in sorted(folder.glob("*.jsonl")):
        found: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            for start, end, label in record["spans"]:
                if label in SPANS:
                    found.setdefault(label, []).append(record["text"][start:end])
        found = {label: values[:400] for label, values in found.items() if len(values) >= 30}
        for label, values in found.items():  # one column a table: no neighbor helps
            yield f"{path.stem}_{label}", pa.table({label: pa.array(values, pa.string())}), [SPANS[label]]


# What identifies in the packages' tables, and is therefore no wrong flag.
EXPECTED = frozenset(
    {
        *(
            "age",
            "'age'",
            "sex",
            "gender",
            "lat",
            "lon",
            "latitude",
            "longitude",
            "country",
            "city",
            "state",
            "county",
        ),
        *(
            "name",
            "iata",
            "date",
            "year",
            "month",
            "datetime",
            "firm",
            "first_name",
            "last_name",
            "address",
            "death_date",
        ),
    }
)


def package_tables() -> Iterator[tuple[str, pa.Table]]:
    import importlib.util

    import pandas as pd

    for package, pattern in (
        ("statsmodels", "datasets/*/*.csv"),
        ("sklearn", "datasets/data/*.csv*"),
        ("vega_datasets", "_data/*"),
    ):
        found = importlib.util.find_spec(package)
        assert found is not None and found.origin is not None
        for path in sorted(Path(found.origin).parent.glob(pattern)):
            try:
                if path.suffix == ".json":
                    frame = pd.read_json(path)
                elif package == "sklearn":
                    continue  # data without headers, as arrays
                else:
                    frame = pd.read_csv(path, sep=None, engine="python", dtype=str)
            except (ValueError, csv.Error):
                continue
            if len(frame.columns) >= 2:
                columns = {
                    str(name): pa.array(
                        [None if pd.isna(v) else str(v) for v in frame[name][:2000]], pa.string()
                    )
                    for name in frame
                }
                yield f"{package}_{path.stem}", pa.table(columns)
    from sklearn import datasets

    for load in (
        datasets.load_iris,
        datasets.load_wine,
        datasets.load_breast_cancer,
        datasets.load_diabetes,
        datasets.load_linnerud,
    ):
        frame = load(as_frame=True).frame
        yield (
            f"sklearn_{load.__name__}",
            pa.table({str(n): pa.array(frame[n].astype(str), pa.string()) for n in frame}),
        )


def measured(tables: Iterator[tuple[str, pa.Table, list[str]]], *, hide: bool) -> dict:
    labels, found = {}, {}
    for name, table, expected in tables:
        shown = table.rename_columns([f"c{i}" for i in range(table.num_columns)]) if hide else table
        for column, label, profile in zip(table.column_names, expected, propose(name, shown), strict=True):
            labels[name, column], found[name, column] = label, profile
    return score(labels, found)


def packages() -> dict:
    columns, flags = 0, []
    for name, table in package_tables():
        for profile in propose(name, table):
            columns += 1
            if profile.data_class not in HARMLESS and profile.column.lower() not in EXPECTED:
                flags.append((name, profile.column, profile.data_class))
    return {
        "columns": columns,
        "wrong_flags": len(flags),
        "wrong_share": round(len(flags) / max(1, columns), 4),
        "misses": flags,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "detection"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="list columns that were decided otherwise")
    options = parser.parse_args()
    results = {
        "faker, as is": measured(faker_tables(), hide=False),
        "faker, names hidden": measured(faker_tables(), hide=True),
        "faker fresh, as is": measured(faker_tables(FRESH), hide=False),
        "faker fresh, names hidden": measured(faker_tables(FRESH), hide=True),
        "spans, names hidden": measured(span_tables(options.data / "text_gold"), hide=True),
        "packages": packages(),
    }
    if not options.misses:
        for result in results.values():
            result.pop("misses")
    print(json.dumps(results, indent=None if options.json else 1, ensure_ascii=False))


if __name__ == "__main__":
    main()
