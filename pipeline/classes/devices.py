"""Classes about devices and networks."""

from pipeline.classes.model import (
    CONSTANT,
    IDENTIFIER,
    LABEL,
    LINK,
    REAL,
    SECRET_TEXT,
    WRITTEN,
    DataClass,
)

# IEEE MA-L registry: about 40,000 assigned prefixes of 24 bits, each with 24 bits of its own.
_MAC_ADDRESSES = 40_000 * 2**24
_MAC_DOMAIN = "mac"  # an access point that is also somebody's device keeps one token

DEVICES: tuple[DataClass, ...] = (
    DataClass(
        "imei",
        "device identity, IMEI or IMEISV",
        3,
        "direct_identifier",
        IDENTIFIER | {"prefix"},
        normal_form="digits",
        enumerable=10**14,  # 3GPP TS 23.003: 8 digits of type, 6 of serial; the 15th is a check digit
        high_entropy=True,
    ),
    DataClass(
        "imsi",
        "subscriber identity, IMSI",
        3,
        "direct_identifier",
        IDENTIFIER | {"prefix"},
        normal_form="digits",
        enumerable=10**15,  # ITU-T E.212: at most 15 digits
        high_entropy=True,
    ),
    DataClass(
        "iccid",
        "SIM card number, ICCID",
        3,
        "direct_identifier",
        IDENTIFIER | {"prefix"},
        normal_form="digits",
        enumerable=10**16,  # ITU-T E.118: 89, then at most 16 free digits and a check digit
        high_entropy=True,
    ),
    DataClass(
        "mac",
        "MAC or Bluetooth address of a device",
        3,
        "direct_identifier",
        IDENTIFIER | {"mac_vendor"},
        token_domain=_MAC_DOMAIN,
        normal_form="mac",
        enumerable=_MAC_ADDRESSES,
        high_entropy=True,
    ),
    DataClass(
        "bssid",
        "MAC address of a WLAN access point",
        3,
        "direct_identifier",
        IDENTIFIER | {"mac_vendor"},
        token_domain=_MAC_DOMAIN,
        normal_form="mac",
        enumerable=_MAC_ADDRESSES,
        high_entropy=True,
    ),
    DataClass("ssid", "name of a WLAN", 3, "quasi_identifier", IDENTIFIER),
    DataClass(
        "serial",
        "serial number of a device",
        3,
        "direct_identifier",
        IDENTIFIER,
        normal_form="alphanumeric",
        high_entropy=True,
    ),
    DataClass(
        "device_id",
        "device, installation or advertising id",
        3,
        "direct_identifier",
        IDENTIFIER,
        normal_form="casefold",
        high_entropy=True,
    ),
    DataClass(
        "uuid",
        "UUID whose meaning is not known",
        3,
        "direct_identifier",
        IDENTIFIER,
        normal_form="casefold",
        high_entropy=True,
    ),
    DataClass(
        "device_name",
        "name that its owner gave a device",
        3,
        "quasi_identifier",
        IDENTIFIER | {"redact_text"},
    ),
    DataClass(
        "device_model",
        "brand and model",
        2,
        "quasi_identifier",
        LABEL,
        normal_form="name",
        enumerable=100_000,
    ),
    DataClass("os_version", "operating system", 1, "other", LABEL | {"prefix"}, enumerable=10_000),
    DataClass("app_version", "version of an app", 1, "other", LABEL | {"prefix"}),
    DataClass("language", "language or locale", 1, "other", LABEL | {"prefix"}, enumerable=8_000),
    DataClass("resolution", "screen size", 1, "other", LABEL, enumerable=10_000),
    DataClass("plmn", "mobile network, MCC and MNC", 1, "other", LABEL | {"prefix"}, enumerable=3_000),
    DataClass(
        "ip",
        "IP address",
        3,
        "quasi_identifier",
        IDENTIFIER | {"ip_prefix"},
        normal_form="casefold",
        enumerable=2**32,
    ),
    DataClass(
        "gps",
        "latitude or longitude, one number a column",
        3,
        "quasi_identifier",
        CONSTANT | {"round_location"},
        value_type=REAL,
    ),
    DataClass(
        "cell_id",
        "base station: cell or area id",
        3,
        "quasi_identifier",
        IDENTIFIER | {"hierarchy", "prefix"},
        enumerable=2**28,  # 3GPP TS 36.413: an E-UTRAN cell identity has 28 bits
    ),
    DataClass("user_agent", "user agent", 2, "quasi_identifier", LABEL, enumerable=10**7),
    DataClass("url", "URL, with its query", 3, "quasi_identifier", LINK | {"redact_text"}),
    DataClass("domain", "internet domain", 2, "quasi_identifier", LABEL | {"mask"}, normal_form="casefold"),
    DataClass("cookie", "cookie or session id", 3, "direct_identifier", IDENTIFIER, high_entropy=True),
    DataClass(
        "app_list", "apps or processes on a device", 3, "sensitive", WRITTEN | SECRET_TEXT | {"hierarchy"}
    ),
    DataClass("battery", "battery level or state", 1, "other", LABEL),
    DataClass("network_status", "kind or state of the network", 1, "other", LABEL),
)
