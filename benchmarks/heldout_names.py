"""Names of columns for the generated tables of `heldout_columns`: one label, seven languages or habits."""

# label: spellings of the column's name: English words, an abbreviation, pinyin, Chinese, German, French, Spanish
_TABLE = """
PERSON_NAME: customer full name | recv nm | shouhuoren | 收货人 | Empfänger | nom destinataire | nombre completo
FIRST: first name | fname | ming | 名字 | Vorname | prénom | nombre
LAST: last name | lname | xing | 姓 | Nachname | nom de famille | apellidos
PHONE: contact phone | tel no | shoujihao | 手机号 | Telefonnummer | téléphone | teléfono móvil
EMAIL: e mail | eml addr | youxiang | 邮箱 | E-Mail-Adresse | courriel | correo electrónico
ADDRESS: street address | addr ln1 | dizhi | 收货地址 | Straße und Hausnummer | adresse de livraison | dirección
CITY: city | cty | chengshi | 城市 | Wohnort | ville | ciudad
REGION: state province | prov | shengfen | 省份 | Bundesland | région | provincia
POSTCODE: postal code | zip cd | youbian | 邮编 | PLZ | code postal | código postal
COUNTRY: country | ctry | guojia | 国家 | Land | pays | país
BIRTH_DATE: date of birth | dob | chusheng riqi | 出生日期 | Geburtsdatum | date de naissance | fecha de nacimiento
GENDER: gender | sx | xingbie | 性别 | Geschlecht | sexe | sexo
JOB: occupation | job ttl | zhiye | 职业 | Beruf | profession | profesión
COMPANY: company | co name | gongsi | 公司 | Firma | entreprise | empresa
USERNAME: login name | usr nm | yonghuming | 用户名 | Benutzername | identifiant de connexion | usuario
PASSWORD: password | pwd | mima | 密码 | Passwort | mot de passe | contraseña
NATIONAL_ID: national id | ssn | shenfenzheng hao | 身份证号 | Ausweisnummer | numéro d'identité | documento
BANK_CARD: card number | cc num | yinhangka | 银行卡号 | Kartennummer | numéro de carte | número de tarjeta
CARD_EXPIRY: card expiry | exp dt | youxiaoqi | 有效期 | Karte gültig bis | date expiration carte | caducidad tarjeta
CARD_CVV: card cvv | cvc2 | anquan ma | 安全码 | Kartenprüfnummer | cryptogramme | código de seguridad
CUSTOMER_ID: customer id | cust no | kehu bianhao | 客户编号 | Kundennummer | numéro client | id cliente
ORDER_ID: order number | ord no | dingdan hao | 订单号 | Bestellnummer | numéro de commande | número de pedido
DATE: created at | ord dt | xiadan shijian | 下单时间 | Bestelldatum | date de commande | fecha del pedido
FREE_TEXT: delivery note | cmnt | beizhu | 备注 | Bemerkung | commentaire | observaciones
IP: client ip | ip addr | ip dizhi | 登录IP | IP-Adresse | adresse ip | dirección IP
MAC: wifi mac | mac addr | wuli dizhi | MAC地址 | MAC-Adresse | adresse mac | dirección MAC
USER_AGENT: user agent | ua | liulanqi biaoshi | 浏览器标识 | User-Agent | agent utilisateur | agente de usuario
URL: page url | lnk | wangzhi | 网址 | Webadresse | lien page | enlace
DOMAIN: domain | dmn | yuming | 域名 | Domäne | domaine | dominio
IMEI: imei | imei no | shebei imei | 手机IMEI | Geräte-IMEI | imei appareil | imei dispositivo
GPS: latitude | lat | weidu | 纬度 | Breitengrad | latitude gps | latitud
GPS2: longitude | lng | jingdu | 经度 | Längengrad | longitude gps | longitud
NONE_amount: order total | tot amt | jine | 金额 | Gesamtbetrag | montant total | importe
NONE_quantity: quantity | qty | shuliang | 数量 | Menge | quantité | cantidad
NONE_product: product | prd nm | shangpin | 商品 | Artikel | produit | artículo
NONE_status: order status | ord sts | zhuangtai | 状态 | Bestellstatus | statut | estado del pedido
NONE_flag: email verified | is vip | shifou youxiao | 是否有效 | ist aktiv | actif | activo
NONE_row: row | seq | xuhao | 序号 | Zeile | ligne | fila
NONE_ms: latency ms | rt ms | haoshi | 耗时 | Dauer ms | durée ms | duración ms
NONE_status_code: http status | resp cd | zhuangtaima | 响应码 | HTTP-Status | code réponse | código respuesta
"""

NAMES: dict[str, tuple[str, ...]] = {
    label: tuple(names.split(" | "))
    for label, names in (line.split(": ") for line in _TABLE.strip().splitlines())
}
