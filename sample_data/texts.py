"""Delivery notes and customer-service chats that mention the order's identity in the ways people do."""

from sample_data import phones
from sample_data.chance import Chance
from sample_data.people import Person

_FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")

_FULL_WIDTH_SIGNS = str.maketrans(",:?", "，：？")


def phone_forms(number: str) -> tuple[str, ...]:
    """Return ways to write a number in a message; the last shows its last four digits only."""
    home = phones.national(number)
    return (
        home,
        phones.national(number, " "),
        phones.national(number, "-"),
        phones.national(number, "."),
        phones.international(number),
        phones.international(number, ""),
        home.translate(_FULL_WIDTH),
        " ".join(home),
        home[-4:],
    )


def name_forms(person: Person) -> tuple[str, ...]:
    """Return ways to write a name in a message."""
    given, surname = person.latin
    latin = f"{given.title()} {surname.title()}"
    if person.chinese:
        return (
            person.name,
            person.name,
            person.title_name,
            " ".join(person.name),
            latin,
            person.name[len(person.surname) :],
        )
    return (person.name, person.name, person.title_name, person.name.upper(), latin, person.name.split()[0])


# {n} name, {t} surname and title, {p} phone, {l} last four digits, {m} e-mail, {s} street part, {r} room,
# {a} whole address, {o} order number, {k} parcel number, {c} last four digits of the card, {C} the card,
# {u} account, {i} resident id, {w} account elsewhere, {z} a stranger of whom no column tells
NOTES_ZH = (
    "请打手机{p}{t}收", "放门口", "放快递柜,尾号{l}", "到了打{p},找{n}", "{r}没人,请放前台{t}",
    "收件人{n}电话{p}勿投柜",
    "工作日送{s}", "周末送货", "请联系{t}", "改送到{a}", "找邻居{z}代收", "易碎,轻拿轻放",
    "门禁密码请问{n}:{p}", "送之前发短信到{p}",
)  # fmt: skip
NOTES_EN = (
    "Leave at the door", "Ring {p} on arrival", "Call {t} on {p}", "For {n}, not for the shop downstairs",
    "{r}, buzzer is broken",
    "Back gate of {s}, ask for {n}", "No signature needed", "Text {p} 10 min before",
    "c/o {z} next door if nobody is home",
    "New address: {a}", "Do not bend", "Receipt to {m} please", "Phone ending {l}",
    "Gift for {t} - no invoice in the box",
)  # fmt: skip
CHATS_ZH = (
    "客户:我是{n},订单{o}还没到。客服:{t}您好,请报手机号。客户:{p}。客服:已催,单号{k}。",
    "客户:把地址改成{a}行吗?客服:请核对姓名{n}和手机尾号{l}。",
    "客户:退款退到尾号{c}的卡。客服:好的{t},三天内到账。",
    "客户:发票发到{m}谢谢",
    "客户:登不上账号{u},微信{w}。客服:请问绑定手机?客户:{p}",
    "客服:海关要收件人身份证号。客户:{i},名字{n}",
    "客户:电饭煲有划痕。客服:请拍照上传。",
    "客户：手机{p}{n}在{s}等了一天",
    "客户:{z}替我签收的,我是{t}",
)
CHATS_EN = (
    "Customer: Hi, {n} here, order {o} is not here.\nAgent: Thanks {t}, your phone please?\nCustomer: {p}",
    "Customer: wrong address, should be {a}\nAgent: fixed, parcel {k}",
    "Customer: refund to my card {C} pls. Agent: please never send card numbers, {t}.",
    "Customer: can you e-mail {m} or call {p}?",
    "Customer: the kettle leaks. Agent: sorry, a new one is on its way.",
    "Customer: I can't log in as {u}. Agent: is {m} still your address?",
    "Agent: verified by the last four digits {l} and the street, {s}. Customer: yes it's {n}",
    "Customer: my neighbor {z} signed for {o}, I am {n}",
    'Agent: "{t}" is on the label. Customer: correct, {r}',
)
_STRANGERS_ZH = ("方小雅", "贺先生", "14号的谭阿姨")
_STRANGERS_EN = ("Maria Lopez", "Mr Dunstan", "old Mrs Varga")


def mention(chance: Chance, template: str, person: Person, order: dict[str, str | None]) -> str:
    """Fill a template with this order's identity, each time in another form."""
    if person.chinese and chance.hit(0.8):
        template = template.translate(_FULL_WIDTH_SIGNS)
    return template.format(
        n=chance.pick(name_forms(person)),
        t=person.title_name,
        p=chance.pick(phone_forms(person.mobile)[:-1]),
        l=person.mobile[-4:],
        m=chance.pick((person.email, person.email, person.email.upper(), person.email.replace("@", " @ "))),
        s=person.street,
        r=person.room,
        a=person.address,
        o=order["order_number"],
        k=order["tracking_number"],
        c=person.card[-4:],
        C=chance.pick((person.card, " ".join(person.card[i : i + 4] for i in range(0, len(person.card), 4)))),
        u=person.account or person.username,
        i=person.resident_id or person.email,
        w=person.third_party or person.username,
        z=chance.pick(_STRANGERS_ZH if person.chinese else _STRANGERS_EN),
    )


def note(chance: Chance, person: Person, order: dict[str, str | None]) -> str:
    """Return a delivery note."""
    return mention(chance, chance.pick(NOTES_ZH if person.chinese else NOTES_EN), person, order)


def chat(chance: Chance, person: Person, order: dict[str, str | None]) -> str:
    """Return a short chat with customer service, in one cell."""
    return mention(chance, chance.pick(CHATS_ZH if person.chinese else CHATS_EN), person, order)
