"""Notes and chats of a mall with identities planted in them, plain or disguised, with where they stand.

Everything is made here, seeded: no data set is read. Customers are those of `sample_data`, or, held out,
strangers with names that no word list of Pouch knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.disguises import ALL
from sample_data import phones
from sample_data.chance import Chance
from sample_data.people import Person, people

# {n} name, {p} phone, {m} e-mail, {a} address, {o} order number, {c} card; each text says only what it must
NOTES_EN = (
    "Please ring {p} when the van is outside.",
    "Hand it to {n} only, the shop next door keeps losing things",
    "hi, parcel for {n}, gate is around the back, phone {p} if closed",
    "Deliver to {a} please, not the old one",
    "If nobody answers leave it behind the blue bin. Contact: {n} {p}",
    "invoice to {m} pls, two copies",
    "Order {o} goes together with the other box, call {p}",
    "Name on the bell: {n}. Third floor, no lift.",
    "Ask for {n} at reception and text {p} afterwards, thanks!",
    "Change the recipient to {n} and the address to {a}",
    "no bag needed, please do not ring the bell after 8 pm",
    "leave the 2 boxes of size 38 shoes with the concierge",
)
CHATS_EN = (
    "Customer: where is my order {o}? it says delivered.\nAgent: May I have your phone number?\nCustomer: {p}",
    "Agent: Hello, who am I speaking with?\nCustomer: {n}, the charger I got on Monday is broken.",
    "Customer: pls send the refund receipt to {m}\nAgent: Done, anything else?",
    "Customer: I moved. New address is {a}, same name {n}\nAgent: Updated.",
    "Customer: the card {c} was charged twice for {o}\nAgent: We will look into it within 3 days.",
    "Agent: is {p} still right?\nCustomer: yes, and the mail is {m}",
    "Customer: does the 65 inch one come with a wall mount? Agent: yes, 2 screws and 4 bolts in the box.",
    "Customer: the blue one in size M is sold out again. Agent: new stock arrives on 12 March.",
)
NOTES_ZH = (
    "到了请打{p},谢谢师傅",
    "麻烦交给{n}本人,别放门口",
    "收货人改成{n},电话{p}",
    "新地址:{a},不要送错了",
    "没人接电话就放在快递柜,联系{n}{p}",
    "发票请发到{m},要两份",
    "订单{o}和上一单一起发,有事打{p}",
    "门铃上写的是{n},三楼没电梯",
    "不要按门铃,宝宝在睡觉",
    "两箱水放在阳台旁边就行,多谢",
)
CHATS_ZH = (
    "客户:订单{o}显示签收了,可是我没收到。客服:请提供手机号。客户:{p}",
    "客服:您好,请问怎么称呼?客户:{n},周一买的充电器坏了。",
    "客户:退款凭证发我邮箱{m}。客服:已发送,还有其他问题吗?",
    "客户:我搬家了,现在住{a},名字还是{n}。客服:已更新。",
    "客户:卡{c}被扣了两次,订单{o}。客服:三天内处理。",
    "客户:65寸的带挂架吗?客服:带的,盒子里有两颗螺丝。",
    "客户:M码蓝色又没货了。客服:3月12日到货。",
)
KINDS = {"n": "name", "p": "phone", "m": "email", "a": "address", "o": "order", "c": "card"}
CLASSES = {
    "name": "person_name",
    "phone": "mobile_phone",
    "email": "email",
    "address": "postal_address",
    "order": "order_id",
    "card": "bank_card",
}


@dataclass(frozen=True)
class Planted:
    start: int
    end: int
    kind: str
    disguise: str  # "plain" or its name


@dataclass(frozen=True)
class MallText:
    text: str
    planted: tuple[Planted, ...]
    identities: dict[str, str]  # class -> value, as the row's columns hold them
    chinese: bool


def mall_texts(count: int, *, disguised: bool, seed: int = 1, held_out: bool = False) -> Iterator[MallText]:
    """Yield texts; `held_out` gives the customers other names, streets and e-mail addresses."""
    chance = Chance("mall texts", seed, disguised, held_out)
    customers = [_stranger(chance, one) for one in people()] if held_out else people()
    for number in range(count):
        person = chance.pick(customers)
        order = f"AU2026{chance.digits(4)}-{chance.digits(6)}" if chance.hit(0.5) else chance.digits(12)
        values = {
            "name": person.name,
            "phone": person.mobile,
            "email": person.email,
            "address": person.address,
            "order": order,
            "card": person.card,
        }
        templates = (NOTES_ZH, CHATS_ZH) if person.chinese else (NOTES_EN, CHATS_EN)
        template = chance.pick(templates[number % 2])
        yield _filled(chance, template, values, person, disguised)


def _filled(
    chance: Chance, template: str, values: dict[str, str], person: Person, disguised: bool
) -> MallText:
    parts, planted, length = [], [], 0
    rest = template
    while rest:
        head, brace, rest = rest.partition("{")
        parts.append(head)
        length += len(head)
        if not brace:
            break
        kind = KINDS[rest[0]]
        rest = rest[2:]
        writing, name = _written(chance, kind, values[kind], person, disguised)
        planted.append(Planted(length, length + len(writing), kind, name))
        parts.append(writing)
        length += len(writing)
    # what is nowhere planted stays out of the columns of nothing: every column of the row is known
    identities = {CLASSES[kind]: value for kind, value in values.items()}
    return MallText("".join(parts), tuple(planted), identities, person.chinese)


def _written(chance: Chance, kind: str, value: str, person: Person, disguised: bool) -> tuple[str, str]:
    plain = phones.national(value) if kind == "phone" else value
    if not disguised:
        return plain, "plain"
    names = tuple(ALL)
    for _ in range(60):
        name = chance.pick(names)
        writing = ALL[name](chance, kind, value, person)
        if writing:
            return writing, name
    return plain, "plain"


# ------------------------------------------------------------------ customers that nothing was tuned on

_SYLLABLES = (
    "ka",
    "ri",
    "mo",
    "ten",
    "bel",
    "sha",
    "vo",
    "lin",
    "dra",
    "gue",
    "pis",
    "on",
    "ya",
    "sul",
    "fen",
    "tor",
)
_ZH_SURNAMES = "阮邹岑柴瞿惠褚涂鄢佘窦车丛栾揭"
_ZH_GIVEN = "茗翊澍旻琬祺骁珞钰霏昱弈蓁曦彧沁"
_STREETS = ("Cobble", "Tannery", "Quarry", "Wattlebird", "Mill Pond", "St Aldate", "Old Kiln", "Harbor View")
_ZH_STREETS = ("柳荫街", "石碾路", "枫桥大道", "梅坞巷", "望江东路", "青石弄")


def _stranger(chance: Chance, person: Person) -> Person:
    if person.chinese:
        surname = chance.pick(_ZH_SURNAMES)
        name = surname + "".join(chance.pick(_ZH_GIVEN) for _ in range(chance.between(1, 2)))
        house = f"{chance.between(1, 300)}号{chance.between(1, 30)}栋{chance.between(101, 2909)}室"
        street = chance.pick(_ZH_STREETS) + house
        address = f"{person.city.region}{person.city.name}{street}"
        login = "".join(chance.pick(_SYLLABLES) for _ in range(2)) + chance.digits(3)
    else:
        first, surname = (
            "".join(chance.pick(_SYLLABLES) for _ in range(chance.between(2, 3))).title() for _ in range(2)
        )
        name = f"{first} {surname}"
        kind = chance.pick(("Street", "Road", "Lane", "Avenue", "Close"))
        street = f"{chance.between(1, 900)} {chance.pick(_STREETS)} {kind}"
        address = f"{street}, {person.city.name} {person.city.postcode}"
        login = f"{first}.{surname}{chance.digits(2)}".lower()
    email = (
        f"{login}@{chance.pick(('post', 'mailbox', 'inbox'))}.example.{chance.pick(('com', 'org', 'net'))}"
    )
    return replace(person, name=name, surname=surname, street=street, address=address, email=email)
