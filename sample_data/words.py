"""Word lists of the sample data. Every person, address and number made from them is fictitious."""

from typing import NamedTuple

# Chinese names carry their pinyin, because e-mail addresses and login names are written with it.
ZH_SURNAMES = (
    ("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"),
    ("黄", "huang"),
    ("赵", "zhao"), ("吴", "wu"), ("周", "zhou"), ("徐", "xu"), ("孙", "sun"), ("马", "ma"), ("朱", "zhu"),
    ("胡", "hu"), ("郭", "guo"), ("何", "he"), ("高", "gao"), ("林", "lin"), ("罗", "luo"), ("郑", "zheng"),
    ("梁", "liang"), ("谢", "xie"), ("宋", "song"), ("唐", "tang"), ("许", "xu"), ("韩", "han"),
    ("冯", "feng"),
    ("邓", "deng"), ("曹", "cao"), ("彭", "peng"), ("曾", "zeng"), ("萧", "xiao"), ("田", "tian"),
    ("董", "dong"),
    ("欧阳", "ouyang"), ("司马", "sima"), ("诸葛", "zhuge"), ("上官", "shangguan"),
)  # fmt: skip
ZH_GIVEN = {
    "female": (
        ("芳", "fang"), ("娜", "na"), ("敏", "min"), ("静", "jing"), ("丽", "li"), ("秀英", "xiuying"),
        ("婷婷", "tingting"),
        ("雪梅", "xuemei"), ("欣怡", "xinyi"), ("梓涵", "zihan"), ("雨桐", "yutong"), ("晓燕", "xiaoyan"),
        ("佳琪", "jiaqi"),
        ("思颖", "siying"), ("诗涵", "shihan"), ("玉兰", "yulan"), ("桂英", "guiying"), ("若曦", "ruoxi"),
        ("淑华", "shuhua"),
        ("文静", "wenjing"), ("慧", "hui"), ("海燕", "haiyan"), ("嘉怡", "jiayi"), ("可馨", "kexin"),
    ),
    "male": (
        ("伟", "wei"), ("强", "qiang"), ("磊", "lei"), ("军", "jun"), ("洋", "yang"), ("建国", "jianguo"),
        ("志强", "zhiqiang"),
        ("浩然", "haoran"), ("子轩", "zixuan"), ("宇航", "yuhang"), ("明辉", "minghui"),
        ("俊杰", "junjie"), ("天佑", "tianyou"),
        ("国栋", "guodong"), ("海涛", "haitao"), ("文博", "wenbo"), ("振华", "zhenhua"),
        ("家豪", "jiahao"), ("立新", "lixin"),
        ("鹏", "peng"), ("一鸣", "yiming"), ("思远", "siyuan"), ("德胜", "desheng"), ("承宇", "chengyu"),
    ),
}  # fmt: skip
EN_SURNAMES = (
    "Smith", "Jones", "Williams", "Brown", "Wilson", "Taylor", "Nguyen", "Johnson", "Martin", "White",
    "Anderson",
    "Walker", "Thompson", "Thomas", "Harris", "Robinson", "Kelly", "King", "Davis", "Wright", "Evans",
    "Roberts",
    "O'Brien", "McKenzie", "Campbell", "Edwards", "Turner", "Murphy", "Papadopoulos", "Singh", "Kaur",
    "Patel",
    "Moretti", "Fitzgerald", "Baker-Hughes", "van der Berg", "Okafor", "Kowalski", "Stewart", "Parkinson",
)  # fmt: skip
EN_GIVEN = {
    "female": (
        "Olivia", "Charlotte", "Amelia", "Isla", "Mia", "Grace", "Harriet", "Chloe", "Ruby", "Matilda",
        "Zoe", "Evelyn",
        "Priya", "Sienna", "Margaret", "Helen", "Deborah", "Anne-Marie", "Siobhan", "Thi Lan",
    ),
    "male": (
        "Oliver", "Noah", "Jack", "Leo", "William", "Henry", "Lucas", "Ethan", "Thomas", "Angus", "Declan",
        "Gurpreet",
        "Rohan", "Dimitri", "Graham", "Stephen", "Callum", "Patrick", "Xavier", "Minh",
    ),
}  # fmt: skip
DE_SURNAMES = (
    "Müller",
    "Schmidt",
    "Schneider",
    "Fischer",
    "Weber",
    "Groß",
    "Köhler",
    "Schäfer",
    "Böhm",
    "Jäger",
)
DE_GIVEN = {
    "female": ("Anna", "Lena", "Katrin", "Ursula", "Jördis", "Heike"),
    "male": ("Jürgen", "Lukas", "Felix", "Björn", "Stefan", "Uwe"),
}
JA_SURNAMES = (
    ("佐藤", "sato"),
    ("鈴木", "suzuki"),
    ("高橋", "takahashi"),
    ("田中", "tanaka"),
    ("渡辺", "watanabe"),
)
JA_GIVEN = {
    "female": (("美咲", "misaki"), ("さくら", "sakura"), ("陽菜", "hina"), ("由美子", "yumiko")),
    "male": (("翔太", "shota"), ("大輔", "daisuke"), ("健一", "kenichi"), ("蓮", "ren")),
}


class City(NamedTuple):
    """A place that orders go to. `weight` makes a few cities common and several rare."""

    country: str  # ISO 3166-1 alpha-2
    region: str
    name: str
    postcode: str
    lat: float
    lon: float
    area: str  # trunk-free area code of fixed lines
    weight: int


CITIES = (
    City("AU", "NSW", "Sydney", "2000", -33.8688, 151.2093, "2", 200),
    City("AU", "VIC", "Melbourne", "3000", -37.8136, 144.9631, "3", 150),
    City("AU", "QLD", "Brisbane", "4000", -27.4698, 153.0251, "7", 90),
    City("AU", "WA", "Perth", "6000", -31.9523, 115.8613, "8", 80),
    City("AU", "SA", "Adelaide", "5000", -34.9285, 138.6007, "8", 60),
    City("AU", "ACT", "Canberra", "2601", -35.2809, 149.1300, "2", 40),
    City("AU", "TAS", "Hobart", "7000", -42.8821, 147.3272, "3", 30),
    City("AU", "NT", "Darwin", "0800", -12.4634, 130.8456, "8", 20),
    City("AU", "NSW", "Newcastle", "2300", -32.9283, 151.7817, "2", 20),
    City("AU", "QLD", "Cairns", "4870", -16.9186, 145.7781, "7", 12),
    City("AU", "NSW", "Broken Hill", "2880", -31.9505, 141.4534, "8", 3),
    City("AU", "NT", "Alice Springs", "0870", -23.6980, 133.8807, "8", 3),
    City("CN", "上海市", "上海市", "200000", 31.2304, 121.4737, "21", 80),
    City("CN", "北京市", "北京市", "100000", 39.9042, 116.4074, "10", 70),
    City("CN", "广东省", "广州市", "510000", 23.1291, 113.2644, "20", 60),
    City("CN", "广东省", "深圳市", "518000", 22.5431, 114.0579, "755", 50),
    City("CN", "浙江省", "杭州市", "310000", 30.2741, 120.1551, "571", 40),
    City("CN", "四川省", "成都市", "610000", 30.5728, 104.0668, "28", 30),
    City("CN", "陕西省", "西安市", "710000", 34.3416, 108.9398, "29", 20),
    City("CN", "云南省", "大理市", "671000", 25.6065, 100.2676, "872", 4),
    City("US", "CA", "San Francisco", "94103", 37.7749, -122.4194, "415", 25),
    City("US", "NY", "New York", "10001", 40.7128, -74.0060, "212", 30),
    City("US", "WA", "Seattle", "98101", 47.6062, -122.3321, "206", 15),
    City("US", "MA", "Boston", "02108", 42.3601, -71.0589, "617", 12),
    City("GB", "England", "London", "SW1A 2AA", 51.5072, -0.1276, "20", 35),
    City("GB", "England", "Manchester", "M1 1AE", 53.4808, -2.2426, "161", 15),
    City("GB", "Scotland", "Edinburgh", "EH1 1YZ", 55.9533, -3.1883, "131", 10),
    City("DE", "Berlin", "Berlin", "10115", 52.5200, 13.4050, "30", 20),
    City("DE", "Bayern", "München", "80331", 48.1351, 11.5820, "89", 12),
    City("DE", "Sachsen", "Dresden", "01067", 51.0504, 13.7373, "30", 5),
    City("JP", "東京都", "港区", "105-0011", 35.6586, 139.7454, "3", 15),
    City("JP", "大阪府", "大阪市", "530-0001", 34.6937, 135.5023, "6", 10),
)

STREETS = {
    "AU": (
        "Banksia Street",
        "Wattle Road",
        "Kookaburra Crescent",
        "Jacaranda Avenue",
        "Old Mill Lane",
        "Quarry Parade",
    ),
    "CN": ("虹桥路", "人民中路", "解放西路", "学府街", "滨江大道", "建设北路", "桂花巷", "文三路"),
    "US": ("Maple Avenue", "Juniper Street", "Harbor Boulevard", "Oak Hill Drive", "Fifth Street"),
    "GB": ("Church Lane", "Mill Road", "Victoria Terrace", "Orchard Close", "Station Approach"),
    "DE": ("Lindenstraße", "Goethestraße", "Am Mühlenbach", "Bahnhofstraße", "Kirchgasse"),
    "JP": ("芝公園", "梅田", "北新地", "三田"),
}
ZH_DISTRICTS = ("东城区", "西湖区", "天河区", "长宁区", "高新区", "南山区", "雁塔区", "江北区")

NICKNAMES = (
    "阳光小筑", "爱吃鱼的猫", "风中追月", "橘子汽水", "夜航星", "小熊不说谎", "白茶清欢", "山那边的海",
    "moonriver", "quokkafan",
    "teaandtoast", "nightowl", "pixelpanda", "redkettle", "slowrunner", "bookishfox", "snagsandwich",
    "wombatty",
)  # fmt: skip
COMPANIES = (
    "Blue Gum Dental",
    "Kestrel Freight Pty Ltd",
    "星河软件有限公司",
    "Halloran & Sons",
    "远山设计工作室",
    "Nordlicht GmbH",
)


class Product(NamedTuple):
    """Goods of the mall."""

    id: str
    name: str
    category: str
    cents: int


PRODUCTS = (
    Product("P1001", "USB-C 充电器 65W", "electronics", 4590),
    Product("P1002", "Wireless earbuds", "electronics", 8900),
    Product("P1003", "Mechanical keyboard", "electronics", 15900),
    Product("P1004", "智能手环", "electronics", 24900),
    Product("P1005", '27" monitor', "electronics", 32900),
    Product("P1006", "Power bank 20000 mAh", "electronics", 5490),
    Product("P1101", "Linen shirt", "clothing", 6995), Product("P1102", "羽绒服 女款", "clothing", 18900),
    Product("P1103", "Running shoes", "clothing", 13995),
    Product("P1104", "Wool socks, 3 pairs", "clothing", 2995),
    Product("P1105", "儿童雨衣", "clothing", 2490), Product("P1106", "Sun hat", "clothing", 3450),
    Product("P1201", "Ceramic teapot", "home", 4200), Product("P1202", "电饭煲 4L", "home", 12900),
    Product("P1203", "Cotton sheet set", "home", 8995), Product("P1204", "LED desk lamp", "home", 3999),
    Product("P1205", "收纳箱", "home", 1990), Product("P1206", "Cast iron pan", "home", 5950),
    Product("P1301", "Jasmine tea 250 g", "food", 1490), Product("P1302", "Macadamia nuts", "food", 1895),
    Product("P1303", "长粒香大米 5kg", "food", 2290), Product("P1304", "Manuka honey", "food", 5900),
    Product("P1305", "火锅底料", "food", 990), Product("P1306", "Dark chocolate", "food", 650),
    Product("P1401", "Picture book", "books", 2499), Product("P1402", "编程入门", "books", 4500),
    Product("P1403", "Detective novel", "books", 2299), Product("P1404", "HSK 5 workbook", "books", 3600),
    Product("P1501", "Vitamin D 1000 IU", "health", 1995), Product("P1502", "Pregnancy test", "health", 1250),
    Product("P1503", "Blood pressure monitor", "health", 7900), Product("P1504", "创可贴", "health", 690),
)  # fmt: skip

SEARCHES = (
    "usb-c charger", "冬季外套", "gift for grandma", "running shoes size 9", "电饭煲 小型",
    "cheap monitor", "HSK 教材",
    "pregnancy test", "降压仪", "picture book", "零食 礼盒", "desk lamp", "wool socks", "数据线",
    "honey gift set",
)  # fmt: skip
PASSWORDS = ("Sunny#2291", "qwerty-8812", "Mima@1122", "letmein!77", "Kookaburra9")
APPS = (
    "com.pouchmall", "com.tencent.mm", "com.eg.android.AlipayGphone", "com.whatsapp",
    "org.mozilla.firefox", "com.spotify.music",
    "au.gov.health.mymedicare", "com.grindrapp.android", "com.duolingo", "com.xingin.xhs",
    "com.commbank.netbank",
)  # fmt: skip


class Model(NamedTuple):
    """A kind of device. `tac` is the first 8 digits of its IMEIs; 00 marks test devices."""

    name: str
    code: str
    os: str
    tac: str
    oui: str
    screen: str


MODELS = (
    Model("iPhone 15", "iPhone", "iOS", "35290611", "F0:18:98", "1179x2556"),
    Model("iPhone 13", "iPhone", "iOS", "35320911", "F0:18:98", "1170x2532"),
    Model("Galaxy S24", "SM-S921B", "Android", "35123456", "8C:F5:A3", "1080x2340"),
    Model("Galaxy A15", "SM-A155F", "Android", "35765432", "8C:F5:A3", "1080x2340"),
    Model("Redmi Note 13", "23129RAA4G", "Android", "86012306", "64:B4:73", "1080x2400"),
    Model("HUAWEI Mate 60", "ALN-AL00", "HarmonyOS", "86723404", "00:E0:FC", "1216x2688"),
    Model("Pixel 8", "Pixel 8", "Android", "00101788", "3C:5A:B4", "1080x2400"),
    Model("OPPO A79", "CPH2557", "Android", "01233400", "A4:3B:FA", "1080x2400"),
)
OS_VERSIONS = {"iOS": ("17.6.1", "18.1"), "Android": ("13", "14", "15"), "HarmonyOS": ("4.2.0",)}
APP_VERSIONS = ("8.3.1", "8.3.0", "8.2.7", "7.9.12")
ROUTER_OUIS = ("50:C7:BF", "A0:40:A0", "00:1D:7E", "78:8A:20")
NETWORKS = {
    "AU": ("50501", "50502"), "CN": ("46000", "46001"), "US": ("310260", "310410"),
    "GB": ("23410", "23415"), "DE": ("26201", "26202"), "JP": ("44010", "44020"),
}  # fmt: skip
