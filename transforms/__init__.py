"""What can be done to a column: Arrow array in, Arrow array out. No files, no YAML, no logging.

from transforms import Context, KeyedHash, Keyring
tokens = KeyedHash(normal_form="phone:AU").bind(keyring, Context("analysts", "research", "phone", "static"))
tokens(array)
"""

from typing import Annotated

from pydantic import Field

from transforms.bands import Bands
from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.date_shift import DateShift
from transforms.drop import Drop
from transforms.encrypt_gcm import EncryptGcm
from transforms.encrypt_siv import EncryptSiv
from transforms.errors import (
    BadParameter,
    KeyUnavailable,
    TokenRejected,
    TransformError,
    UnsuitableColumn,
    WeakChoice,
)
from transforms.format_preserving import FormatPreserving
from transforms.hierarchy import Hierarchy
from transforms.ip_prefix import IpPrefix
from transforms.keep import Keep
from transforms.keyed_hash import KeyedHash
from transforms.keyring import Keyring
from transforms.mac_vendor import MacVendor
from transforms.mask import Mask
from transforms.prefix import Prefix
from transforms.redact import Redact
from transforms.redact_text import RedactText
from transforms.replace import Replace
from transforms.round_location import RoundLocation
from transforms.round_number import RoundNumber
from transforms.sha256 import Sha256
from transforms.surrogate import Surrogate
from transforms.top_bottom_code import TopBottomCode
from transforms.truncate_time import TruncateTime
from transforms.url_clean import UrlClean

# The one list: a new transform is one new file and one new entry here and in the union below.
TRANSFORMS: tuple[type[Transform], ...] = (
    Keep,
    Drop,
    Replace,
    Redact,
    Mask,
    KeyedHash,
    Sha256,
    EncryptSiv,
    EncryptGcm,
    FormatPreserving,
    Prefix,
    Bands,
    RoundNumber,
    TruncateTime,
    IpPrefix,
    RoundLocation,
    MacVendor,
    UrlClean,
    Hierarchy,
    RedactText,
    Surrogate,
    DateShift,
    TopBottomCode,
)

AnyTransform = Annotated[
    Keep
    | Drop
    | Replace
    | Redact
    | Mask
    | KeyedHash
    | Sha256
    | EncryptSiv
    | EncryptGcm
    | FormatPreserving
    | Prefix
    | Bands
    | RoundNumber
    | TruncateTime
    | IpPrefix
    | RoundLocation
    | MacVendor
    | UrlClean
    | Hierarchy
    | RedactText
    | Surrogate
    | DateShift
    | TopBottomCode,
    Field(discriminator="transform"),
]

__all__ = [
    "TRANSFORMS",
    "AnyTransform",
    "BadParameter",
    "Bands",
    "BoundTransform",
    "ColumnFacts",
    "Context",
    "DateShift",
    "Drop",
    "EncryptGcm",
    "EncryptSiv",
    "FormatPreserving",
    "Hierarchy",
    "IpPrefix",
    "Keep",
    "KeyUnavailable",
    "KeyedHash",
    "Keyring",
    "MacVendor",
    "Mask",
    "Output",
    "Prefix",
    "Redact",
    "RedactText",
    "Replace",
    "RoundLocation",
    "RoundNumber",
    "Sha256",
    "Surrogate",
    "TokenRejected",
    "TopBottomCode",
    "Transform",
    "TransformError",
    "TruncateTime",
    "UnsuitableColumn",
    "UrlClean",
    "WeakChoice",
]
