"""Tables as shop systems, devices and advertisers write them, for `heldout_columns`; written before any was measured.

Column names follow what the vendors' exports and interfaces call their fields; values are Faker's, in locales that
no other benchmark uses (but for the Chinese ones), and this file's own forms. `A|B` where both classes are right.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from benchmarks.heldout_shops import CELLS, ROWS, imei

SEED = 20_261_128


def digits(chance: random.Random, length: int) -> str:
    return str(chance.randint(1, 9)) + "".join(chance.choice("0123456789") for _ in range(length - 1))


def hexadecimal(chance: random.Random, length: int) -> str:
    return "".join(chance.choice("0123456789abcdef") for _ in range(length))


def uuid(chance: random.Random) -> str:
    return "-".join(hexadecimal(chance, length) for length in (8, 4, 4, 4, 12))


def luhn(body: str) -> str:
    total = sum(d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(map(int, reversed(body))))
    return body + str(-total % 10)


Cell = Callable[[Any, random.Random, int], str]
OWN: dict[str, Cell] = {
    "DEVICE_ID": lambda fake, chance, row: hexadecimal(chance, 16),
    "UUID|DEVICE_ID": lambda fake, chance, row: uuid(chance),
    "IMSI": lambda fake, chance, row: (
        chance.choice(("46000", "46001", "26201", "50501")) + digits(chance, 10)
    ),
    "ICCID": lambda fake, chance, row: luhn("8986" + digits(chance, 14)),
    "IMEI": lambda fake, chance, row: imei(chance),
    "BSSID|MAC": lambda fake, chance, row: fake.mac_address(),
    "SSID": lambda fake, chance, row: chance.choice(
        (
            f"TP-LINK_{hexadecimal(chance, 4).upper()}",
            f"HUAWEI-{digits(chance, 4)}",
            "CMCC-" + fake.last_name(),
        )
    ),
    "SERIAL": lambda fake, chance, row: (
        chance.choice("RFCZ") + digits(chance, 2) + hexadecimal(chance, 8).upper()
    ),
    "DEVICE_NAME": lambda fake, chance, row: (
        f"{fake.first_name()}'s {chance.choice(('Galaxy S23', 'Pixel 8', 'Mi 13'))}"
    ),
    "CELL_ID": lambda fake, chance, row: digits(chance, chance.choice((5, 8, 9))),
    "TRACKING_NUMBER": lambda fake, chance, row: chance.choice(("SF", "YT", "1Z")) + digits(chance, 13),
    "NICKNAME|USERNAME": lambda fake, chance, row: fake.user_name() + digits(chance, 2),
    "TITLE": lambda fake, chance, row: chance.choice(("Mr.", "Ms.", "Mrs.", "Dr.")),
    "COOKIE|DEVICE_ID|UUID": lambda fake, chance, row: uuid(chance),
    "NONE_language": lambda fake, chance, row: chance.choice(("en-AU", "zh-CN", "fi-FI", "id-ID")),
    "NONE_model": lambda fake, chance, row: chance.choice(("SM-S911B", "Pixel 8", "2211133C", "CPH2451")),
    "NONE_maker": lambda fake, chance, row: chance.choice(("samsung", "Google", "Xiaomi", "OPPO")),
    "NONE_version": lambda fake, chance, row: chance.choice(("13", "14", "12", "15")),
    "NONE_app": lambda fake, chance, row: (
        f"{chance.randint(3, 9)}.{chance.randint(0, 20)}.{chance.randint(0, 9)}"
    ),
    "NONE_percent": lambda fake, chance, row: str(chance.randint(1, 100)),
    "NONE_currency": lambda fake, chance, row: chance.choice(("AUD", "CNY", "EUR")),
    "NONE_sku": lambda fake, chance, row: f"{chance.choice(('LMP', 'SHO', 'TEA'))}-{digits(chance, 4)}",
    "NONE_word": lambda fake, chance, row: chance.choice(("alpha", "spring-sale", "retargeting", "brand")),
    "NONE_true": lambda fake, chance, row: chance.choice(("true", "false")),
    "NONE_small": lambda fake, chance, row: str(chance.randint(0, 40)),
    "NONE_carrier": lambda fake, chance, row: chance.choice(("顺丰速运", "圆通速递", "中通快递")),
    "NONE_pay": lambda fake, chance, row: chance.choice(("Alipay", "WeChat Pay", "Visa", "PayPal")),
    "NONE_campaign": lambda fake, chance, row: str(chance.choice((88123, 88124, 91002, 91544))),
    "NONE_screen": lambda fake, chance, row: chance.choice(("1080x2340", "1440x3088", "720x1600")),
    "NONE_plmn": lambda fake, chance, row: chance.choice(("46000", "46001", "50501")),
    "EPOCH": lambda fake, chance, row: str(chance.randint(1_700_000_000, 1_795_000_000) * 1000),
    "CN_PROVINCE": lambda fake, chance, row: fake.province(),
    "CN_DISTRICT": lambda fake, chance, row: fake.district() + "区",
    "CODE2": lambda fake, chance, row: fake.country_code(),
    "AMOUNT_CN": lambda fake, chance, row: f"{chance.uniform(5, 3000):.2f}",
    "SHOPIFY": lambda fake, chance, row: f"#{1001 + row}",
    "LOGIN_MAIL": lambda fake, chance, row: fake.email(),
    "LOGIN": lambda fake, chance, row: fake.user_name() + digits(chance, 2),
    "FIVE": lambda fake, chance, row: f"{chance.randint(1, 99999):010d}",
}
PLAIN = {
    **{
        "FIRST": "PERSON_NAME",
        "LAST": "PERSON_NAME",
        "GPS2": "GPS",
        "EPOCH": "DATE",
        "CN_PROVINCE": "REGION",
    },
    **{"CN_DISTRICT": "REGION|CITY", "CODE2": "COUNTRY", "AMOUNT_CN": "NONE", "SHOPIFY": "ORDER_ID"},
    **{"FIVE": "CUSTOMER_ID", "LOGIN_MAIL": "EMAIL|CUSTOMER_ID", "LOGIN": "USERNAME|CUSTOMER_ID"},
}

VENDORS: dict[str, tuple[str, str]] = {
    # table: (locale, "column=label; …")
    "shopify_orders": (
        "en_AU",
        "Name=SHOPIFY; Email=EMAIL; Financial Status=NONE_status; Paid at=DATE; Currency=NONE_currency; "
        "Subtotal=NONE_amount; Shipping=NONE_amount; Taxes=NONE_amount; Total=NONE_amount; Created at=DATE; "
        "Lineitem quantity=NONE_quantity; Lineitem name=NONE_product; Lineitem price=NONE_amount; "
        "Lineitem sku=NONE_sku; Billing Name=PERSON_NAME; Billing Street=ADDRESS; Billing Company=COMPANY; "
        "Billing City=CITY; Billing Zip=POSTCODE; Billing Province=REGION; Billing Country=CODE2; "
        "Billing Phone=PHONE; Shipping Name=PERSON_NAME; Shipping Address1=ADDRESS; Shipping City=CITY; "
        "Shipping Zip=POSTCODE; Shipping Phone=PHONE; Notes=FREE_TEXT; Payment Method=NONE_pay; "
        "Risk Level=NONE_word; Browser Ip=IP",
    ),
    "woocommerce_orders": (
        "fi_FI",
        "order_id=ORDER_ID; order_date=DATE; status=NONE_status; customer_id=CUSTOMER_ID; "
        "billing_first_name=FIRST; billing_last_name=LAST; billing_company=COMPANY; billing_email=EMAIL; "
        "billing_phone=PHONE; billing_address_1=ADDRESS; billing_postcode=POSTCODE; billing_city=CITY; "
        "billing_country=CODE2; shipping_first_name=FIRST; shipping_last_name=LAST; shipping_address_1=ADDRESS; "
        "shipping_city=CITY; customer_note=FREE_TEXT; customer_ip_address=IP; customer_user_agent=USER_AGENT; "
        "order_total=NONE_amount; order_currency=NONE_currency; payment_method_title=NONE_pay; "
        "download_permissions_granted=NONE_true",
    ),
    "magento_sales_order": (
        "ro_RO",
        "increment_id=ORDER_ID; created_at=DATE; customer_email=EMAIL; customer_firstname=FIRST; "
        "customer_lastname=LAST; customer_dob=BIRTH_DATE; customer_gender=GENDER; remote_ip=IP; "
        "grand_total=NONE_amount; total_qty_ordered=NONE_quantity; base_currency_code=NONE_currency; "
        "telephone=PHONE; street=ADDRESS; city=CITY; postcode=POSTCODE; country_id=CODE2; "
        "coupon_code=NONE_word; is_virtual=NONE_flag; store_id=NONE_small; shipping_description=NONE_word",
    ),
    "sap_kna1": (
        "de_AT",
        "KUNNR=FIVE; NAME1=PERSON_NAME; STRAS=ADDRESS; PSTLZ=POSTCODE; ORT01=CITY; LAND1=CODE2; TELF1=PHONE; "
        "SMTP_ADDR=EMAIL; ERDAT=DATE; SPRAS=NONE_language; WAERS=NONE_currency; NETWR=NONE_amount; "
        "MATNR=NONE_sku",
    ),
    "salesforce_contact": (
        "en_CA",
        "FirstName=FIRST; LastName=LAST; Salutation=TITLE; Email=EMAIL; Phone=PHONE; MobilePhone=PHONE; "
        "MailingStreet=ADDRESS; MailingCity=CITY; MailingState=REGION; MailingPostalCode=POSTCODE; "
        "MailingCountry=COUNTRY; Birthdate=BIRTH_DATE; Title=JOB; LeadSource=NONE_word; CreatedDate=DATE; "
        "IsDeleted=NONE_true; HasOptedOutOfEmail=NONE_true; Description=FREE_TEXT",
    ),
    "taobao_orders": (
        "zh_CN",
        "订单编号=ORDER_ID; 买家会员名=NICKNAME|USERNAME; 买家支付宝账号=LOGIN_MAIL; 买家应付货款=AMOUNT_CN; "
        "总金额=AMOUNT_CN; 订单状态=NONE_status; 买家留言=FREE_TEXT; 收货人姓名=PERSON_NAME; 收货地址=ADDRESS; "
        "联系手机=PHONE; 订单创建时间=DATE; 订单付款时间=DATE; 宝贝标题=NONE_product; 宝贝种类=NONE_quantity; "
        "物流单号=TRACKING_NUMBER; 物流公司=NONE_carrier",
    ),
    "pinduoduo_orders": (
        "zh_CN",
        "订单号=ORDER_ID; 商品=NONE_product; 订单状态=NONE_status; 商品总价(元)=AMOUNT_CN; 商品数量(件)=NONE_quantity; "
        "收货人=PERSON_NAME; 手机=PHONE; 省=CN_PROVINCE; 区=CN_DISTRICT; 街道=ADDRESS; 快递单号=TRACKING_NUMBER; "
        "快递公司=NONE_carrier; 成团时间=DATE; 商家备注=FREE_TEXT",
    ),
    "jd_orders": (
        "zh_TW",
        "订单编号=ORDER_ID; 下单帐号=LOGIN; 客户姓名=PERSON_NAME; 客户地址=ADDRESS; 联系电话=PHONE; "
        "下单时间=DATE; 结算金额=AMOUNT_CN; 商品名称=NONE_product; 商品数量=NONE_quantity; 支付方式=NONE_pay; "
        "发票抬头=COMPANY; 身份证号码=NATIONAL_ID",
    ),
    "android_telemetry": (
        "id_ID",
        "androidId=DEVICE_ID; gaid=UUID|DEVICE_ID; imei1=IMEI; subscriberId=IMSI; simSerialNumber=ICCID; "
        "networkOperator=NONE_plmn; wifiMac=BSSID|MAC; wifiBssid=BSSID|MAC; wifiSsid=SSID; "
        "bluetoothName=DEVICE_NAME; buildSerial=SERIAL; buildModel=NONE_model; buildManufacturer=NONE_maker; "
        "osRelease=NONE_version; appVersionName=NONE_app; locale=NONE_language; screenResolution=NONE_screen; "
        "batteryLevel=NONE_percent; lastLat=GPS; lastLng=GPS2; cellCid=CELL_ID; eventTimestamp=EPOCH; "
        "isRooted=NONE_true",
    ),
    "ad_log": (
        "hu_HU",
        "ts=EPOCH; client_addr=IP; http_user_agent=USER_AGENT; idfa=UUID|DEVICE_ID; ck=COOKIE|DEVICE_ID|UUID; "
        "http_referer=URL; campaign=NONE_campaign; creative=NONE_word; bid_price=NONE_amount; geo_city=CITY; "
        "geo_country=CODE2; device_make=NONE_maker; device_model=NONE_model; publisher_domain=DOMAIN; "
        "is_click=NONE_flag; latency_ms=NONE_ms; floor=NONE_amount",
    ),
    "erp_pinyin": (
        "zh_CN",
        "kehuXingming=PERSON_NAME; lianxiDianhua=PHONE; shouhuoDizhi=ADDRESS; shenfenzhengHaoma=NATIONAL_ID; "
        "xiadanRiqi=DATE; dingdanJine=AMOUNT_CN; shangpinMingcheng=NONE_product; shuliang=NONE_quantity; "
        "kuaidiDanhao=TRACKING_NUMBER; beizhu=FREE_TEXT; xingbie=GENDER; chushengRiqi=BIRTH_DATE; "
        "dianziYouxiang=EMAIL; suozaiChengshi=CITY",
    ),
}  # fmt: skip


def vendor_tables() -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Table name, table, label of each column."""
    from faker import Faker

    for name, (locale, described) in VENDORS.items():
        fake, chance = Faker(locale), random.Random(f"{SEED} {name}")
        fake.seed_instance(SEED)
        columns, labels = {}, []
        for entry in described.split("; "):
            column, _, label = entry.partition("=")
            cell = OWN.get(label) or CELLS[label]
            columns[column] = pa.array([cell(fake, chance, row) for row in range(ROWS)], pa.string())
            plain = PLAIN.get(label, label)
            labels.append("NONE" if plain.startswith("NONE") else plain)
        yield name, pa.table(columns), labels
