"""Device log of one date: nested JSON lines, packed, with a few records that cannot be read."""

import gzip
import io
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sample_data import words
from sample_data.chance import Chance, luhn_digit
from sample_data.people import Person

EVENTS_A_DATE = 10_000
FILES = 4
DEVICES = 1600
# RFC 5737 documentation networks, and two of carrier-grade translation (RFC 6598).
_IPV4_NETWORKS = ("203.0.113", "198.51.100", "192.0.2", "100.64.9", "100.71.33")
_LANGUAGES = {"AU": "en-AU", "CN": "zh-CN", "US": "en-US", "GB": "en-GB", "DE": "de-DE", "JP": "ja-JP"}
NO_ADVERTISING = "00000000-0000-0000-0000-000000000000"  # what a phone says whose owner opted out


@dataclass(frozen=True)
class Device:
    """One phone. `owners` are those who log in on it; nobody for a phone that was never logged in."""

    number: int
    owners: tuple[Person, ...]
    model: words.Model
    os_version: str
    app_version: str
    device_id: str
    serial: str
    name: str
    imei: str
    imsi: str
    iccid: str
    plmn: str
    ad_id: str
    wlan_mac: str
    bluetooth: str
    language: str
    ssid: str
    bssid: str
    city: words.City
    lat: float
    lon: float
    ipv4: str
    ipv6: str
    cell: tuple[int, int]
    apps: tuple[str, ...]


def _mac(chance: Chance, oui: str) -> str:
    tail = chance.hex(6).upper()
    return f"{oui}:{tail[:2]}:{tail[2:4]}:{tail[4:]}"


def _random_mac(chance: Chance) -> str:
    """Make a locally administered address, as phones use in a foreign network."""
    digits = chance.hex(1) + chance.pick("26ae") + chance.hex(10)
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2)).upper()


def _uuid(chance: Chance) -> str:
    h = chance.hex(30)
    return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-{chance.pick('89ab')}{h[15:18]}-{h[18:30]}"


def _device(number: int, people: list[Person]) -> Device:
    chance = Chance("device", number)
    holders = [person for person in people if person.account]
    if number < 1360:
        owners: tuple[Person, ...] = (holders[number % len(holders)],)
    elif number < 1460:  # families share a tablet
        owners = (holders[number - 1360], holders[(number - 1360) * 7 % len(holders)])
    else:
        owners = ()
    model = chance.pick(words.MODELS)
    city = owners[0].city if owners else words.CITIES[number % 8]
    plmn = chance.pick(words.NETWORKS[city.country])
    country = {"AU": "61", "CN": "86", "US": "01", "GB": "44", "DE": "49", "JP": "81"}[city.country]
    imei, iccid = model.tac + chance.digits(6), f"89{country}{chance.digits(14)}"
    name = f"{owners[0].latin[0].title()}'s {model.name}" if owners and chance.hit(0.5) else model.name
    ssid = (
        f"{owners[0].latin[1].title()} family"
        if owners and chance.hit(0.3)
        else f"NET-{chance.hex(4).upper()}"
    )
    return Device(
        number=number,
        owners=owners,
        model=model,
        os_version=chance.pick(words.OS_VERSIONS[model.os]),
        app_version=chance.pick(words.APP_VERSIONS),
        device_id=chance.hex(16),
        serial=f"R{chance.hex(9).upper()}",
        name=f"{owners[0].name}的手机" if owners and owners[0].chinese and chance.hit(0.4) else name,
        imei=imei + luhn_digit(imei),
        imsi=(plmn + chance.digits(10))[:15],
        iccid=iccid + luhn_digit(iccid),
        plmn=plmn,
        ad_id=NO_ADVERTISING if chance.hit(0.15) else _uuid(chance),
        wlan_mac=_random_mac(chance) if chance.hit(0.4) else _mac(chance, model.oui),
        bluetooth=_mac(chance, model.oui).replace(":", "-" if chance.hit(0.3) else ":"),
        language="zh-CN" if owners and owners[0].chinese else _LANGUAGES[city.country],
        ssid=ssid,
        bssid=_mac(chance, chance.pick(words.ROUTER_OUIS)).lower(),
        city=city,
        lat=city.lat + chance.real(-0.07, 0.07),
        lon=city.lon + chance.real(-0.07, 0.07),
        ipv4=f"{chance.pick(_IPV4_NETWORKS)}.{chance.between(1, 254)}",
        ipv6=f"2001:db8:{chance.hex(4)}:{chance.hex(4)}::{chance.hex(4)}",
        cell=(chance.between(1000, 65_000), chance.between(100_000, 90_000_000)),
        apps=tuple(chance.some(words.APPS, chance.between(2, 5))),
    )


def devices(people: list[Person]) -> list[Device]:
    """Return all devices; the same list at every call."""
    return [_device(number, people) for number in range(DEVICES)]


def _user_agent(device: Device) -> str:
    if device.model.os == "iOS":
        version = device.os_version.replace(".", "_")
        system, engine = f"iPhone; CPU iPhone OS {version} like Mac OS X", "AppleWebKit/605.1.15"
    else:
        system = f"Linux; Android {device.os_version}; {device.model.code}"
        engine = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
    return f"Mozilla/5.0 ({system}) {engine} Pouchmall/{device.app_version}"


def _url(chance: Chance, device: Device, person: Person | None) -> str:
    base = f"https://shop.example.com/item/{chance.pick(words.PRODUCTS).id}"
    if person is None:
        return f"{base}?src=push"
    return chance.pick(
        (
            f"{base}?uid={person.account}&src=feed",
            f"https://shop.example.com/verify?email={quote(person.email)}",
            f"https://shop.example.com/u/{quote(person.nickname)}/orders?page={chance.below(9)}",
            f"https://{person.username}:secret@img.example.net/a.png?d={device.device_id}",
            f"https://m.example.cn/{quote('搜索')}?q={quote(chance.pick(words.SEARCHES))}&tel={quote(person.mobile)}",
            f"{base}?src=push#reviews",
        )
    )


def _log_line(chance: Chance, device: Device, person: Person | None) -> str:
    lines = [
        "java.lang.IllegalStateException at com.pouchmall.cart.CartView.onDraw(CartView.kt:118)",
        f"ANR in com.pouchmall (pid {chance.between(1000, 32000)})",
        f"wlan0: associated with {device.bssid} ({device.ssid})",
        f"geo fix {device.lat:.5f},{device.lon:.5f} acc={chance.between(3, 60)}",
        f"Bluetooth: bonded {device.bluetooth} as {device.name}",
        f"crash report sent, imei={device.imei} sn={device.serial}",
        f"push token refreshed for {device.device_id} via {device.ipv4}",
    ]
    if person is not None:
        lines += [
            f"login ok account={person.account} ip={device.ipv6}",
            f"SMS code sent to {person.mobile}",
            f"W/Checkout: consignee {person.name} prefilled, card ****{person.card[-4:]}",
            f"收货人{person.name}手机{person.mobile[3:]}已自动填写",
            f"mail bounced: {person.email}",
        ]
    return chance.pick(lines)


def _event(chance: Chance, device: Device, person: Person | None, time: datetime) -> dict[str, Any]:
    kind = chance.pick(("page_view", "page_view", "heartbeat", "heartbeat", "location", "log", "app_start"))
    event: dict[str, Any] = {
        "event": kind,
        "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "account_id": person.account if person else None,
        "device_id": device.device_id,
        "device": {
            "model": device.model.name, "name": device.name, "serial": device.serial, "imei": device.imei,
            "screen": device.model.screen, "language": device.language,
        },
        "os": {"name": device.model.os, "version": device.os_version},
        "app": {"version": device.app_version},
        "ad_id": device.ad_id,
        "sim": {"imsi": device.imsi, "iccid": device.iccid, "plmn": device.plmn},
        "ip": device.ipv6 if chance.hit(0.3) else device.ipv4,
        "wlan": {"mac": device.wlan_mac, "ssid": device.ssid, "bssid": device.bssid},
        "network": {"status": chance.pick(("wifi", "wifi", "4g", "5g"))},
        "battery": {"level": chance.between(4, 100), "state": chance.pick(("charging", "unplugged"))},
    }  # fmt: skip
    if person is not None and chance.hit(0.5):
        event["sim"]["msisdn"] = person.mobile
    match kind:
        case "page_view":
            event["web"] = {
                "url": _url(chance, device, person),
                "user_agent": _user_agent(device),
                "domain": "shop.example.com",
            }
            event["web"]["cookie"] = (
                f"sid={device.device_id[:6]}{device.serial[1:7].lower()}{device.number:04d}"
            )
        case "location":
            event["gps"] = {
                "lat": round(device.lat + chance.real(-0.003, 0.003), 5),
                "lon": round(device.lon + chance.real(-0.003, 0.003), 5),
            }
            event["cell"] = {"area": device.cell[0], "id": device.cell[1] + chance.below(3)}
        case "log":
            event["log"] = {"line": _log_line(chance, device, person)}
        case "heartbeat":
            event["bluetooth"] = {"mac": device.bluetooth}
            event["app"]["list"] = list(device.apps)
            event["app"]["processes"] = [f"{app}:{chance.pick(('push', 'main'))}" for app in device.apps[:2]]
        case _:
            if person is not None and chance.hit(0.1):
                event["auth"] = {"face_embedding": chance.hex(24)}
    return event


MALFORMED = 7  # a date


def _malformed(kind: int, event: dict[str, Any]) -> bytes:
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    match kind:
        case 0 | 1:
            return line[: len(line) * (kind + 1) // 3].encode()  # the upload broke
        case 2:
            return json.dumps([event["event"], event["device_id"]]).encode()  # no object
        case 3:
            return line.encode().replace(b'"event"', b'"ev\xffent"', 1)  # no UTF-8
        case 4:
            return line.replace('"time":"', '"time":"yesterday ', 1).encode()
        case 5:
            event["gps"] = {"lat": "33°51'S", "lon": "151°12'E"}
            return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        case _:
            return line.replace('"level":', '"level":NaN,"was":', 1).encode()  # no JSON number


def _pack(lines: list[bytes]) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as out:
        out.write(b"\n".join(lines) + b"\n")
    return packed.getvalue()


def device_files(all_devices: list[Device], day: date) -> dict[str, bytes]:
    """Return file name -> packed bytes for one date. A phone uploads its events of some hours together."""
    chance = Chance("devices", day)
    lines: list[bytes] = []
    # Minors' phones report on every date; the others by chance.
    always = [device for device in all_devices if any(owner.minor_by for owner in device.owners)]
    others = iter(chance.some([device for device in all_devices if device not in always], DEVICES))
    queue = iter(always)
    while len(lines) < EVENTS_A_DATE:
        device = next(queue, None) or next(others)
        count = min(chance.between(6, 14), EVENTS_A_DATE - len(lines))
        start = 86_000 * len(lines) // EVENTS_A_DATE
        login_after = chance.between(1, 3) if chance.hit(0.25) else 0
        for n in range(count):
            owner = (
                device.owners[n * len(device.owners) // count] if device.owners and n >= login_after else None
            )
            time = datetime(day.year, day.month, day.day) + timedelta(
                seconds=start + n * 30 + chance.below(30)
            )
            event = _event(chance, device, owner, time)
            lines.append(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())
    for kind in range(MALFORMED):
        broken = json.loads(lines[900 + kind * 1301])
        lines.insert(1000 + kind * 1301, _malformed(kind, broken))
    share = -(-len(lines) // FILES)
    return {f"events-{n}.jsonl.gz": _pack(lines[n * share : (n + 1) * share]) for n in range(FILES)}
