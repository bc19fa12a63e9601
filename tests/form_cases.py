"""Format-preserving tokens under a fixed keyring, there and back."""

import pyarrow as pa
import pytest

from pipeline.classes import CLASSES
from pipeline.protect.steps import facts_of
from transforms import (
    Context,
    FormatPreserving,
    Keyring,
    WeakChoice,
)

MASTERS = {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}


KEYRING = Keyring(MASTERS, "k1")
# Under this key two six-digit numbers have themselves for tokens.
FIXED = Keyring({"k1": bytes([2]) * 32}, "k1")


def context(domain: str) -> Context:
    return Context("analysts", "research", domain, "static", "2026-11-01", "orders", "column")


def tokens(transform: FormatPreserving, domain: str, values: list[str | None]) -> list[str | None]:
    result: list[str | None] = transform.bind(KEYRING, context(domain))(
        pa.array(values, pa.string())
    ).to_pylist()
    return result


def revealed(transform: FormatPreserving, domain: str, values: list[str | None]) -> list[str | None]:
    back: list[str | None] = transform.bind(KEYRING, context(domain)).reveal(pa.array(values)).to_pylist()
    return back


# ------------------------------------------------------------------ phones

AU = FormatPreserving(normal_form="phone:AU")


def refused(transform: FormatPreserving, data_class: str) -> str:
    with pytest.raises(WeakChoice) as caught:
        transform.output(facts_of(CLASSES[data_class]))
    return str(caught.value)
