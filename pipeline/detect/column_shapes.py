"""What a value can look like: shapes by one regular expression, and which characters each cannot do without.

All are matched on folded values (lower case, NFKC, one line). Ours alone, so that Python's engine is safe on them;
they are run once over all sampled values of a column, each on a line of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_WEEKDAY = "(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"


@dataclass(frozen=True)
class Shape:
    """One expression; without one of the characters in `needs` somewhere in the column, nothing matches.

    Among `needs`, `0` stands for any digit and `a` for any letter.
    """

    regex: str
    needs: str = ""

    def counter(self) -> re.Pattern[str]:
        """Matches each line that has the shape."""
        return re.compile(rf"^(?:{self.regex})$", re.MULTILINE)


SHAPES: Mapping[str, Shape] = {
    "email": Shape(r"[^@\s]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,63}", "@"),
    "url": Shape(r"(?:https?|ftp|wss?)://\S+|www\.\S+\.\S+|#?https?:\S+", "."),
    "mac": Shape(r"[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}", ":-."),
    "uuid": Shape(
        r"(?=[^\n]*[a-f])\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", "0"
    ),
    "number": Shape(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?", "0"),
    "digits": Shape(r"[0-9]+", "0"),
    "signed": Shape(r"[-+]?[0-9]+", "0"),
    "phone_shape": Shape(
        r"(?=(?:[^0-9\n]*[0-9]){5,15}[^0-9\n]*$)\(?\+?[0-9][0-9 ()\-./]{3,20}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        "0",
    ),
    "chinese_mobile": Shape(r"(?:\+?86[ -]?)?1[3-9][0-9]{9}|1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}", "1"),
    "day": Shape(
        r"(?:1[5-9]|20)[0-9]{2}[\-/.][0-9]{1,2}[\-/.][0-9]{1,2}"
        r"|[0-9]{1,2}[\-/. ][0-9]{1,2}[\-/. ](?:[0-9]{2}|(?:1[5-9]|20)[0-9]{2})"
        r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
        r"|(?:19|20)[0-9]{2}年[0-9]{1,2}月(?:[0-9]{1,2}日)?"
        rf"|(?:[0-9]{{1,2}}[ \-])?{_MONTH}[ \-,]+(?:[0-9]{{1,2}}(?:st|nd|rd|th)?[ ,]+)?(?:19|20)[0-9]{{2}}",
        "0",
    ),
    "compact_day": Shape(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])", "0"),
    "moment": Shape(
        r"(?:19|20)[0-9]{2}[\-/.]?[0-9]{1,2}[\-/.]?[0-9]{1,2}[t \-_]{1,2}[0-9]{1,2}:[0-9]{2}[^\n]{0,24}"
        r"|[0-9]{1,2}[\-/.][0-9]{1,2}[\-/.][0-9]{2,4},? [0-9]{1,2}:[0-9]{2}[^\n]{0,16}"
        r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
        r"[t \-_]?(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]z?"
        r"|(?:19|20)[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}日 ?[0-9]{1,2}[:时][0-9]{2}[^\n]{0,8}"
        rf"|[0-9]{{1,2}}[/ \-]{_MONTH}[/ \-](?:19|20)[0-9]{{2}}[: ][0-9]{{1,2}}:[0-9]{{2}}[^\n]{{0,16}}"
        rf"|{_WEEKDAY},? (?:[0-9]{{1,2}} )?[a-z]{{3}} [0-9]{{1,4}} [0-9:]{{5,8}}[^\n]{{0,12}}",
        "0",
    ),
    "time_of_day": Shape(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?", ":"),
    "part_of_date": Shape(
        r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?"
        rf"|[0-9]{{1,2}}-[0-9]{{1,2}}|{_MONTH}|{_WEEKDAY}"
    ),
    "epoch": Shape(r"1[0-9]{9}(?:[0-9]{3}|\.[0-9]+)?", "1"),
    "domain": Shape(r"(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+(?:[a-z]{2,63})", "."),
    "user_agent": Shape(r"(?!http)(?=[^\n]{8})[a-z][\w.\- ]*/[0-9v][\w.+\-]*(?:[ ;(,][^\n]*)?", "/"),
    "damaged_number": Shape(r"[0-9]\.[0-9]{3,}e\+[0-9]{2}", "e"),
    # what a spreadsheet makes of a card number: its first digits are those of an issuer (see checks.CARD_RANGES)
    "damaged_card": Shape(
        r"(?:4\.[0-9]|5\.[0-8]|3\.[04-9]|6\.[0-9]|2\.[2-7])[0-9]{2,}e\+1[2-8]",
        "e",
    ),
    "expiry": Shape(
        rf"(?:0?[1-9]|1[0-2])[/\-](?:20)?[0-9]{{2}}|{_MONTH}[ \-][0-9]{{2}}|(?:20)?[0-9]{{2}}[/\-](?:0[1-9]|1[0-2])",
        "/-",
    ),
    "cvv": Shape(r"[0-9]{3,4}", "0"),
    "postcode": Shape(r"(?=[^\n]*[0-9])[a-z0-9][a-z0-9 \-]{1,9}", "0"),
    # layouts of postal codes in use (UPU): digits only, Canada, United Kingdom, Netherlands, Portugal, Brazil, US ZIP+4
    "postal_layout": Shape(
        r"[0-9]{4,6}|[a-z][0-9][a-z] ?[0-9][a-z][0-9]|[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}|[0-9]{4} ?[a-z]{2}"
        r"|[0-9]{4}-[0-9]{3}|[0-9]{5}-[0-9]{3,4}|[0-9]{2,3}[- ][0-9]{2,4}|[a-z]{1,2}-?[0-9]{4,5}|[0-9]{3}",
        "0",
    ),
    "plmn": Shape(r"[2-7][0-9]{2}-?[0-9]{2,3}", "0"),
    "screen": Shape(r"[0-9]{3,4} ?[x*×] ?[0-9]{3,4}", "x*×"),
    "linking": Shape(r"[^\n]*(?:https?:|www\.|\.html?\b)[^\n]*", "."),
    "template": Shape(r"[^\n]*<\*>[^\n]*", "*"),
    "house": Shape(r"[0-9]{1,5} ?[a-z]?(?: ?[\-/–, ] ?[0-9]{0,5}[a-z]?)*", "0"),
    "machine": Shape(r"[^\n]*(?:[{}<>=\[\]|]|::|0x[0-9a-f]+|\w+\(\))[^\n]*", "{}<>=[]|:x("),
    "cell": Shape(r"[0-9]{1,9}|[0-9]{3}-[0-9]{2,3}-[0-9]+-[0-9]+", "0"),
    "pair_shape": Shape(r"[(\[]?-?[0-9]{1,3}\.[0-9]{2,} ?[,; /] ?-?[0-9]{1,3}\.[0-9]{2,}[)\]]?", "."),
    "truth": Shape(r"[01]|true|false|yes|no|y|n|t|f|是|否"),
    "gender_letter": Shape(r"m|f|male|female|男|女|u|x|0|1|2|w|d"),
    "id_like": Shape(r"[a-z0-9][a-z0-9_\-.:/]*"),
    "letters": Shape(r"[^\n]*[^\W\d_][^\n]*", "a"),
    "phrase": Shape(r"(?=[^\n]*[^\W\d_]{2})[^ \n]+(?: +[^ \n]+)+", " "),
    "name": Shape(r"(?=[^\n]{1,60}$)(?:[^\W\d_]|['’.\- ])+(?:, ?(?:[^\W\d_]|['’.\- ])+)?", "a"),
    "login": Shape(r"(?=[^\n]*[a-z])[a-z0-9][a-z0-9._\-]{2,29}"),
    "android_id": Shape(r"(?=[^\n]*[a-f])(?=[^\n]*[0-9])[0-9a-f]{16}", "0"),
    "idfa": Shape(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "-"),
    "locale": Shape(r"[a-z]{2}[-_][a-z]{2}|[a-z]{2}[-_](?:hans|hant|latn|cyrl)(?:[-_][a-z]{2})?", "-_"),
    "version": Shape(r"v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6}(?:[.\-+][0-9a-z.]{1,12})?", "."),
    "os_version": Shape(
        r"(?:android|ios|ipados|harmony ?os|windows|macos|mac os x|linux|ubuntu|tizen|kaios|chrome ?os)"
        r"[ /][0-9][\w. ]{0,12}",
        "0",
    ),
    "network": Shape(
        r"wi-?fi|wlan|[2-5]g|lte|nr|gsm|umts|cdma|edge|ethernet|cellular|mobile|none|offline|5g ?nsa"
    ),
    "numbered": Shape(
        r"(?:[^\W\d_][^\d\n]{3,40}[ ,]+(?:nr\.?|no\.?|n°|№|#)? ?[0-9]{1,5}[ \-/]?[a-z]?(?:[ ,\-/]+[^\n]{1,24})?"
        r"|[0-9]{1,5}[a-z]?[ ,\-/]+[^\d\n]{4,40}(?:[ ,#]+[0-9]{1,4})?)",
        "0",
    ),
    "nino": Shape(r"[a-ceghj-prs-tw-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]?t?", "0"),
    "spaced_id": Shape(r"(?=[^\n]*[0-9])[a-z0-9][a-z0-9 ._\-/:]*", "0"),
    "phone_layout": Shape(
        r"(?=(?:[^0-9\n]*[0-9]){8,15}[^0-9\n]*(?:x|$))(?=[^\n]*[ ()\-+/x])(?!\d{4}-\d\d-\d\d)"
        r"\(?\+?[0-9][0-9 ()\-./]{5,22}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        "+- ()./x",
    ),
    "marked_phone": Shape(r"(?:\+|\(\+?[0-9]|00[1-9])[0-9 ()\-./x]{7,24}", "+("),
    "han_short": Shape("[\u3400-\u9fff]{1,2}"),
    "radio": Shape(r"gsm|umts|lte|nr|cdma|wcdma|nbiot"),
    "code_with_day": Shape(
        r"[a-z]{0,4}[-_]?20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[-_]?[0-9a-z]{2,14}", "0"
    ),
    "prefixed_number": Shape(r"[a-z]{1,4}[-_#]?[0-9]{5,16}", "0"),
}
