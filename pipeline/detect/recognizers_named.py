"""Recognizers of values that a word beside them names: account, serial and document numbers."""

from pipeline.detect.model import Pattern, Recognizer, behind_its_name

NAMED: tuple[Recognizer, ...] = (
    Recognizer(
        entity="ACCOUNT_ID",
        patterns=(behind_its_name(r"[a-z]{0,10}[_\-]?[0-9]{4,12}"),),
        context_within=20,
        context=(
            *("account id", "account number", "account no", "customer number", "customer id", "customer no"),
            *("user id", "member id", "member number", "membership number", "employee id", "work id"),
            *("客户号", "客户编号", "会员号", "用户编号", "工号"),
        ),
        source="usage: letters and digits behind the name of the number",
        examples=("my account ID is user96574", "customer number CUST62890 please", "会员号88231145"),
        near_misses=("user96574", "account opened in spring", "customer no longer there"),
    ),
    Recognizer(
        entity="SERIAL",
        patterns=(
            behind_its_name(r"[a-z0-9]{2,10}(?:-[a-z0-9]{2,10}){1,4}"),
            behind_its_name(r"[a-z0-9]*[0-9][a-z0-9]*[0-9][a-z0-9]{3,15}"),
        ),
        check="serial_like",
        context_within=20,
        context=("serial number", "serial no", "serial", "s/n", "序列号", "机身号"),
        source="usage: letters and digits behind the name of the number",
        examples=("serial number SN-123ABC456", "s/n C02XK1ABJG5J", "序列号F17V2345HG6W"),
        near_misses=("SN-123ABC456", "the serial was on at nine", "serial killer-movie tonight"),
    ),
    Recognizer(
        entity="NATIONAL_ID",
        patterns=(behind_its_name(r"[a-z]{0,3}[0-9]{6,11}[a-z]?"),),
        context_within=20,
        context=(
            *("passport number", "passport no", "passport", "visa number", "visa no", "voter id"),
            *("driver license", "driver's license", "driving licence", "license number", "licence number"),
            *("medicare", "national insurance", "护照号码", "驾驶证"),
        ),
        source="ICAO 9303, and national layouts behind the name of the document",
        examples=("my passport number is 19824624", "visa number V1599751", "driver's license D1234567"),
        near_misses=("V1599751", "paid with visa 1234", "passport photo 35mm"),
    ),
    Recognizer(
        entity="GPS",
        patterns=(
            Pattern(
                r"[0-9]{1,2}\.[0-9]{3,16} ?°? ?[ns][ ,;]{1,3}[0-9]{1,3}\.[0-9]{3,16} ?°? ?[ew]",
                0.8,
                "number",
                "word",
            ),
        ),
        source="ISO 6709 annex D: degrees with hemispheres",
        examples=("at 37.7749 N, 122.4194 W now",),
        near_misses=("37.7749 m, 122.4194 m", "1.5 N, 2.5 W"),
    ),
    Recognizer(
        entity="URL",
        patterns=(
            Pattern(
                r"(?:[a-z0-9\-]{1,63}\.)+(?:com|org|net|io|ly|co|me|app|dev|info|cn|au|uk|de|fr|jp|us|ca|eu|gov|edu)"
                r"/[a-z0-9\-._~%/?#=&+@]*[a-z0-9=/]",
                0.6,
                "host",
                "none",
            ),
        ),
        source="RFC 3986, as people write it: without a scheme, with a path",
        examples=("see bit.ly/a1b2c3 for it", "链接drive.example.com/file/d/1A2B看看"),
        near_misses=("and/or", "v1.2/v1.3", "example.com", "com.android.ui/x"),
    ),
)
