"""Recognizers of phones, e-mail addresses, URLs, accounts and order numbers."""

from pipeline.detect.model import Pattern, Recognizer, behind_its_name

_EXTENSION = r"(?: ?(?:x|ext\.?|分机|转) ?[0-9]{1,5})?"

CONTACTS: tuple[Recognizer, ...] = (
    Recognizer(
        entity="PHONE_NUMBER",
        patterns=(
            # international: +, then groups with at most one separator (and parentheses) between them
            Pattern(
                r"\(?\+ ?[0-9]{1,4}\)?(?:[ .\-/]?\(?[0-9]{1,6}\)?){1,6}" + _EXTENSION,
                before="number",
                after="word",
            ),
            Pattern(r"00[1-9][0-9]{0,2}(?:[ \-][0-9]{2,5}){2,5}", before="number", after="word"),
            Pattern(r"(?:0?86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}", before="number", after="word"),
            Pattern(r"(?:0?86[ \-]?)?1[3-9][0-9](?:[ \-][0-9]{2,4}){2,4}", before="number", after="word"),
            Pattern(
                r"[一幺][三四五六七八九](?: ?[〇零一二三四五六七八九幺]){9}", before="none", after="none"
            ),
            # Australia: (02) 9999 9999, 0412 345 678, 1300 123 456
            Pattern(r"\(?0[23478]\)?[ \-]?[0-9]{4}[ \-]?[0-9]{4}", before="number", after="word"),
            Pattern(r"04[0-9]{2}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", before="number", after="word"),
            # North America: (212) 555-0100, 212.555.0100
            Pattern(
                r"(?:1[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}" + _EXTENSION,
                before="number",
                after="word",
            ),
            # other national layouts: two to five groups with one kind of separator
            Pattern(r"\(0?[0-9]{1,4}\) ?[0-9]{2,5}(?:[ \-][0-9]{2,5}){0,3}", before="number", after="word"),
            Pattern(r"[0-9]{2,5}-[0-9]{4,8}|[0-9]{2,5}(?:-[0-9]{2,8}){2,4}", before="number", after="word"),
            Pattern(r"0[0-9]{1,4}(?: [0-9]{2,6}){1,4}", before="number", after="word"),
            Pattern(r"[0-9]{2,4}(?:[ \-/][0-9]{2,4}){2,4}", before="number", after="word"),
            Pattern(r"0[0-9]{1,4}/[0-9]{4,8}", before="number", after="word"),
            Pattern(r"0[1-9](?:[ .\-][0-9]{2}){4}", before="number", after="word"),  # France: 01 23 45 67 89
            # a bare run, or a number without its area: only a word near it makes it a phone
            Pattern(r"[0-9]{3,4}[ \-][0-9]{4}", before="number", after="word", in_context=True),
            Pattern(r"[0-9]{7,15}", before="word", after="word", in_context=True),
        ),
        check="phone",
        context=(
            *(
                "phone",
                "phones",
                "tel",
                "telephone",
                "mobile",
                "mob",
                "cell",
                "cellphone",
                "fax",
                "call",
                "callback",
            ),
            *("text me", "sms", "whatsapp", "contact number", "ring", "msisdn", "ph", "dial", "reach me"),
            *(
                "手机",
                "手机号",
                "电话",
                "联系",
                "座机",
                "致电",
                "拨打",
                "来电",
                "传真",
                "固话",
                "热线",
                "回电",
                "短信",
                "请打",
                "有事打",
                "就打",
                "可打",
                "号码",
            ),
            *("shouji", "dianhua", "電話", "携帯"),
        ),
        vetoes=("order", "订单", "订单号", "invoice", "version", "build", "pid", "uid", "id", "port", "line"),
        source="ITU-T E.164; national layouts from libphonenumber",
        examples=(
            "手机13800138000谢谢",
            "call +61 412 345 678 please",
            "请拨打010-62345678",
            "ring me on (02) 9374 4000",
            "my number is 0412 345 678.",
            "fax: (212) 555-0187 x12",
            "电话:138-0013-8000",
            "tel 13800138000",
            "我的号码一三八零零一三八零零零",
            "+44 20 7946 0958",
            "au 03.93.92.16.85",
            "my phone is 467 3395",
            "有事打2065550178",
        ),
        near_misses=(
            "order 4012345678 shipped",
            "pid 1702 tid 2395 lock 233570404",
            "2026-11-01 10:11:12",
            "total 1.380013 8000",
            "serial x13800138000123456789",
            "size 10-20-30",
            "the years 2014-2015",
            "seats 467 3395",
        ),
    ),
    Recognizer(
        entity="EMAIL_ADDRESS",
        patterns=(
            Pattern(
                r"[a-z0-9][a-z0-9.!#$%&'*+/=?^_`{|}~\-]*@(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+(?:xn--[a-z0-9\-]+|[a-z]{2,63})",
                before="word",
                after="word",
            ),
            # disguised: first dot last at host dot com
            Pattern(
                r"(?:[a-z0-9][a-z0-9_\-]{0,63} ?(?:\(dot\)|\[dot\]| dot |点) ?){0,3}"
                r"[a-z0-9][a-z0-9._\-]{1,63} ?(?:\(at\)|\[at\]| at |艾特) ?[a-z0-9\-]+"
                r"(?: ?(?:\(dot\)|\[dot\]| dot |点) ?[a-z0-9\-]+){0,3}"
                r" ?(?:\(dot\)|\[dot\]| dot |点|\.) ?(?:com|net|org|edu|gov|co|cn|au|uk|de|fr|io|info)",
                before="word",
                after="word",
            ),
        ),
        check="email",
        source="RFC 5321 section 4.5.3.1, RFC 5322 section 3.4.1",
        examples=(
            "write to jo.smith+mall@mail.example.com.au, thanks",
            "邮箱zhang_san@example.cn谢谢",
            "jo at example dot com",
            "anna dot b dot smith at example dot org",
            "jo.smith[at]example.org",
        ),
        near_misses=("icon@2x.png", "user@localhost", "@handle on social", "look at example one"),
    ),
    Recognizer(
        entity="URL",
        patterns=(
            # a URL is ASCII; Chinese characters belong to it only right behind / or =, as people paste them
            Pattern(
                r"(?:https?|ftps?|wss?)://(?:[!#-&(-;=?-_a-~]|[/=][\p{Han}]+)*[#-&(-+\-/-9=@-Z_a-z~]",
                0.8,
                "word",
                "none",
            ),
            Pattern(r"www\.[a-z0-9\-]+(?:\.[a-z0-9\-]+)+(?:/[!#-&(-;=?-_a-~]*)?", 0.7, "host", "none"),
        ),
        source="RFC 3986 section 3",
        examples=(
            "see https://example.com/a?b=c&d=1.",
            "打开http://example.cn/x看看",
            "go to www.example.org/path now",
        ),
        near_misses=("http:// nothing", "file name www", "a://b"),
    ),
    Recognizer(
        entity="ACCOUNT_ID",
        patterns=(
            behind_its_name(r"[a-z][a-z0-9_\-]{5,19}", 0.1),
            Pattern(r"[0-9]{5,11}", 0.15, "number", "word", in_context=True),
        ),
        check="account_like",
        context_within=8,
        context=(
            "微信号",
            "微信",
            "wechat id",
            "wechat",
            "weixin",
            "qq",
            "qq号",
            "vx",
            "v信",
            "加v",
            "telegram",
            "账号",
        ),
        source="WeChat: 6 to 20 characters that begin with a letter; QQ: 5 to 11 digits",
        examples=("微信:zhangsan_1988", "qq 123456789"),
        near_misses=("wechat payment", "paid by wechat", "微信支付"),
    ),
    Recognizer(
        entity="ORDER_ID",
        patterns=(behind_its_name(r"[a-z]{0,5}[\-_]?[0-9]{2,}(?:[\-_]?[a-z0-9]{2,})*"),),
        check="order_like",
        context_within=18,
        context=(
            *(
                "order",
                "order number",
                "order no",
                "order id",
                "order #",
                "order#",
                "订单",
                "订单号",
                "订单编号",
                "单号",
            ),
            *("dingdan", "purchase order", "注文番号"),
        ),
        source="mall usage: letters, a date and a running number, named as an order beside it",
        examples=("order number AU20261101-000123", "订单号20261101000123未收到", "order #100234567"),
        near_misses=("in order to get 2 boxes", "I ordered 12 items", "100234567 pieces"),
    ),
    Recognizer(
        entity="ORDER_ID",
        patterns=(
            Pattern(
                r"[a-z]{1,4}[\-_]?20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[\-_]?[0-9]{4,8}",
                0.6,
                "host",
                "host",
            ),
        ),
        source="mall usage: letters, a date and a running number tell an order without a word beside them",
        examples=("charged twice for AU20261101-000123", "什么时候发SO202611010042"),
        near_misses=("20261101-000123", "build20261101", "AU20261301-000123"),
    ),
    Recognizer(
        entity="TRACKING_NUMBER",
        patterns=(
            Pattern(r"[a-z]{2}[0-9]{9}[a-z]{2}", before="word", after="word"),
            Pattern(r"[a-z]{0,4}[0-9]{10,20}", before="word", after="word", in_context=True),
        ),
        check="tracking",
        context=(
            "tracking",
            "tracking number",
            "parcel",
            "consignment",
            "快递单号",
            "运单",
            "运单号",
            "物流单号",
            "快递",
        ),
        source="UPU S10; carriers' usage where a word names it",
        examples=("parcel RR473124829GB", "快递单号SF1234567890123"),
        near_misses=("RR473124828GB", "20261101101112"),
    ),
)
