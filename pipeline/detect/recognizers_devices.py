"""Recognizers of device, network and place identifiers."""

from pipeline.detect.model import Pattern, Recognizer

DEVICES: tuple[Recognizer, ...] = (
    Recognizer(
        entity="IMEI",
        patterns=(
            Pattern(r"[0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{6}[ \-/]?[0-9]", before="number", after="word"),
            Pattern(r"[0-9]{14}(?:[0-9]{2})?", before="number", after="word", in_context=True),
        ),
        check="imei",
        context=("imei", "imeisv", "串号", "设备号", "设备识别码"),
        vetoes=("order", "订单号", "iccid", "imsi"),
        source="3GPP TS 23.003 section 6, GSMA TS.06",
        examples=(
            "IMEI:490154203237518",
            "串号490154203237518坏了",
            "imei 35-209900-176148-1",
            "imei 49015420323751",
        ),
        near_misses=("490154203237519", "111111111111111", "1490154203237518"),
    ),
    Recognizer(
        entity="IMSI",
        patterns=(
            Pattern(r"460[0-9]{11,12}", before="number", after="word"),
            Pattern(r"[0-9]{14,15}", before="number", after="word", in_context=True),
        ),
        check="imsi",
        context=("imsi", "subscriber", "sim", "用户识别码"),
        vetoes=("imei", "order", "订单号"),
        source="ITU-T E.212",
        examples=("imsi=460001234567890", "IMSI 310260123456789"),
        near_misses=("310260123456789", "000001234567890"),
    ),
    Recognizer(
        entity="ICCID",
        patterns=(
            Pattern(r"89(?:[ \-]?[0-9]{2,6}){3,6}[0-9f]?", before="number", after="word"),
            Pattern(r"89[0-9]{16,18}f?", before="number", after="word"),
        ),
        check="iccid",
        context=("iccid", "sim", "sim card", "卡号"),
        source="ITU-T E.118",
        examples=("sim 89014103211118510720", "ICCID8986001234567890129"),
        near_misses=("8900000000000000000", "7986001234567890129"),
    ),
    Recognizer(
        entity="MAC_ADDRESS",
        patterns=(
            Pattern(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", before="hex_pair", after="hex_pair"),
            Pattern(r"[0-9a-f]{2}(?:-[0-9a-f]{2}){5}", before="hex_pair", after="hex_pair"),
            Pattern(r"[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}", before="host", after="host"),
            Pattern(r"[0-9a-f]{12}", before="word", after="word", in_context=True),
        ),
        check="mac",
        context=("mac", "bssid", "bluetooth", "wlan", "wifi", "ether", "蓝牙", "物理地址"),
        vetoes=("order", "订单号"),
        source="IEEE 802-2014 section 8",
        examples=(
            "bssid 3c:5a:b4:01:23:45 up",
            "MAC地址00-1B-44-11-3A-B7",
            "arp 001b.4411.3ab7",
            "mac 001b44113ab7",
        ),
        near_misses=("00:00:00:00:00:00", "001b44113ab7", "12:34:56", "3c:5a:b4:01:23:45:67:89"),
    ),
    Recognizer(
        entity="IP_ADDRESS",
        patterns=(
            Pattern(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", before="host", after="host"),
            Pattern(
                r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",  # eight groups: a time of day has three
                before="host",
                after="host",
            ),
            Pattern(
                r"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?",
                before="host",
                after="host",
            ),
        ),
        check="ip",
        vetoes=("version", "ver", "v", "release", "版本"),
        source="RFC 791, RFC 4291 section 2.2",
        examples=(
            "from 173.234.31.186 port 22",
            "来自10.1.2.3的请求",
            "addr 2001:db8::8a2e:370:7334",
            "fe80:0:0:0:200:f8ff:fe21:67cf",
        ),
        near_misses=("version 1.2.3.4", "999.1.2.3", "1.2.3.4.5", "12:34:56", "std::vector", "::"),
    ),
    Recognizer(
        entity="UUID",
        patterns=(
            Pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 0.9, "word", "word"),
        ),
        source="RFC 9562 section 4",
        examples=("idfa 123E4567-E89B-12D3-A456-426614174000", "编号123e4567-e89b-12d3-a456-426614174000。"),
        near_misses=("123e4567-e89b-12d3-a456-42661417400", "g23e4567-e89b-12d3-a456-426614174000"),
    ),
    Recognizer(
        entity="GPS",
        patterns=(
            Pattern(
                r"-?[0-9]{1,3}\.[0-9]{3,16} ?[,;/ ] ?-?[0-9]{1,3}\.[0-9]{3,16}",
                before="number",
                after="number",
            ),
            Pattern(
                r"(?:lat|latitude|纬度)[\"':= ]{1,4}-?[0-9]{1,2}\.[0-9]{3,16}[\"',; ]{1,4}"
                r"(?:lng|lon|long|longitude|经度)[\"':= ]{1,4}-?[0-9]{1,3}\.[0-9]{3,16}",
                before="word",
                after="number",
            ),
        ),
        check="coordinates",
        context=("gps", "location", "坐标", "定位"),
        source="ISO 6709 (decimal degrees)",
        examples=("at -33.8688, 151.2093 now", "坐标39.9042,116.4074", "lat=-33.8688 lon=151.2093"),
        near_misses=("200.1234, 300.1234", "1.5, 2.5", "12.345"),
    ),
)
