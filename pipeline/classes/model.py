"""The shape of a data class, and the sets of transforms that classes share."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["direct_identifier", "quasi_identifier", "sensitive", "free_text", "other"]

TEXT = pa.string()
MONEY = pa.decimal128(18, 2)
WHOLE = pa.int64()
REAL = pa.float64()
TIME = pa.timestamp("us")
DAY = pa.date32()

# What suits a class, by the form of its values. Sets, because a policy asks only "is it in?".
DROP_ONLY = frozenset({"drop"})
CONSTANT = frozenset({"keep", "drop", "replace", "redact"})
SECRET_TEXT = frozenset({"keyed_hash", "sha256", "encrypt_siv", "encrypt_gcm"})
IDENTIFIER = CONSTANT | SECRET_TEXT | {"mask"}
LABEL = CONSTANT | SECRET_TEXT | {"hierarchy"}  # a value from some list: a wider value replaces it
PLACE = LABEL | {"mask", "prefix"}
SEALED = frozenset({"encrypt_siv", "encrypt_gcm"})
COUNTED = CONSTANT | SEALED | {"bands", "round_number", "top_bottom_code"}
TIMED = CONSTANT | SEALED | {"truncate_time", "date_shift"}
NUMBERED = IDENTIFIER | {"format_preserving"}  # letters and digits, at least 10^6 of them
RANGED = frozenset({"format_preserving"})  # numbers and times inside a declared range
WRITTEN = CONSTANT | SEALED | {"redact_text"}
LINK = IDENTIFIER | {"url_clean"}


@dataclass(frozen=True)
class DataClass:
    """What a column holds, and what follows from it.

    `enumerable` is the number of values that an attacker would have to try to turn a plain hash back: an
    upper bound by the format's standard or by public registers; None means that no such list exists.
    `high_entropy` says that two equal values are hardly ever a coincidence, so that meeting one anywhere else
    in a published file is a leak.
    """

    id: str
    title: str
    grade: int  # 1 public, 2 internal, 3 personal, 4 sensitive
    kind: Kind
    suitable: frozenset[str]  # transform names
    value_type: pa.DataType = TEXT
    # Classes of one domain share tokens; empty in a definition means the class's own id.
    token_domain: str = ""
    normal_form: str = "none"  # name of a form in transforms.normal_forms
    enumerable: int | None = None
    high_entropy: bool = False
    range: tuple[float, float] | None = None  # of numbers: what lies outside is no value of this class

    def __post_init__(self) -> None:
        if not self.token_domain:
            object.__setattr__(self, "token_domain", self.id)
        if self.grade not in (1, 2, 3, 4):
            raise ValueError(f"class {self.id}: grade must be 1 to 4")
        if "drop" not in self.suitable:
            raise ValueError(f"class {self.id}: every class can be dropped")
