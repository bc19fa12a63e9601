"""Keep the vendor part of a MAC address."""

from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.base import BoundTransform, ColumnFacts, Output, Transform
from transforms.context import Context
from transforms.domains import INVALID, Pattern
from transforms.keyring import Keyring

RANDOM = "random"
_PAIR = "[0-9A-F]{2}"
_CISCO = r"[0-9A-F]{4}(?:\.[0-9A-F]{4}){2}"
_SHAPES = rf"^(?:[0-9A-F]{{12}}|{_PAIR}(?::{_PAIR}){{5}}|{_PAIR}(?:-{_PAIR}){{5}}|{_CISCO})\z"


class MacVendor(Transform):
    """Keep the first three bytes (OUI) of a MAC address, such as `A4:5E:60`.

    Guarantee: 2^24 addresses share an OUI. A locally administered address (second-lowest bit of the first
    byte), which phones make up at random and which tells no vendor, becomes `random`; group addresses, all
    zeros and what is no MAC address become `invalid`. Price: the device is gone. Suits text.
    Source: IEEE 802-2014 section 8; ISO/IEC 20889, generalization.
    """

    technique: ClassVar[str] = "generalization"

    transform: Literal["mac_vendor"] = "mac_vendor"

    def output(self, facts: ColumnFacts) -> Output:
        """Text: an OUI, `random` or `invalid`."""
        self.require(facts.value_type)
        expression = rf"[0-9A-F][048C](?::[0-9A-F]{{2}}){{2}}|{RANDOM}|{INVALID}"
        return Output(pa.string(), Pattern(expression, f"OUI, {RANDOM} or {INVALID}"))

    def bind(self, keyring: Keyring | None, context: Context) -> BoundTransform:
        """Column operations on distinct values."""
        return BoundTransform(self, _vendors)


def _vendors(values: pa.Array) -> pa.Array:
    upper = pc.ascii_upper(pc.utf8_trim_whitespace(values))
    is_mac = pc.match_substring_regex(upper, _SHAPES)
    digits = pc.replace_substring_regex(upper, r"[:.-]", "")
    oui = pc.binary_join_element_wise(*(pc.utf8_slice_codeunits(digits, at, at + 2) for at in (0, 2, 4)), ":")
    local = pc.match_substring_regex(digits, "^.[2367ABEF]")
    no_device = pc.or_(pc.match_substring_regex(digits, "^.[13579BDF]"), pc.equal(digits, "0" * 12))
    named = pc.if_else(local, pa.scalar(RANDOM), pc.if_else(no_device, pa.scalar(INVALID), oui))
    return pc.if_else(is_mac, named, pa.scalar(INVALID))
