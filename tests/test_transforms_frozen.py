"""Tokens of earlier releases: the same key, context and value give the same bytes in every version of Pouch.

Recipients join nights, so a change of any of these needs a new name in the key's derivation, not a new literal here.
"""

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pytest

from transforms import (
    Context,
    DateShift,
    EncryptGcm,
    EncryptSiv,
    FormatPreserving,
    KeyedHash,
    Keyring,
    Surrogate,
    Transform,
)


class Store:
    """Keys of subjects that anybody can compute."""

    def digests(self, subjects: pa.Array) -> list[bytes]:
        return [(one or "").encode().ljust(16, b".") for one in subjects.to_pylist()]

    def keys(self, digests: Sequence[bytes]) -> list[bytes | None]:
        return [digest * 2 for digest in digests]


KEYRING = Keyring({"k1": bytes(range(32))}, "k1", subject_keys=Store())
TEXTS = pa.array(["+61491570006", "+61491570156"])
PEOPLE = pa.array(["account_id\x1facc1", None])
ROWS = pa.StructArray.from_arrays([pa.array([0, 1]), pa.array([7, 300])], names=["file", "record"])
DAY = pa.array([dt.datetime(2001, 2, 3, 4, 5)] * 2, pa.timestamp("us"))

FROZEN: list[tuple[Transform, str, pa.Array, list[object]]] = [
    (
        KeyedHash(normal_form="phone"),
        "phone",
        TEXTS,
        ["b5474e9810f0a6b79396d1a457e1d00c", "8a5a1f7ddd741d251736be503cf4260f"],
    ),
    (
        EncryptSiv(pad=32),
        "postal_address",
        TEXTS,
        [
            "p1.k1.R69mVZj9jeF5JD0PRCDSbj4tHceiwZbS7qIqHc4QUkLUEWH1RLASHkBrhq5G-qT-",
            "p1.k1.t6Hu4CZ3UITzfputNY7CD_jj2p4swhYNcJpM_auOIF_vuW8FDqL3XZlkkbM8NVHP",
        ],
    ),
    (
        EncryptSiv(pad="none"),
        "phone",
        TEXTS,
        ["p1.k1.kiKWrb9sdRiuGa2ND-asja92avZitwmNYvZLrNg", "p1.k1.jx7haySJ2IEOI2d7oJsg4VJliFDOx1eNl0sz5uY"],
    ),
    (
        EncryptSiv(per="subject", pad="none"),
        "phone",
        TEXTS,
        [
            "p1.k1.9uE4PEFsz1lhigKy5RyORetwklJ2EDk_zi3vI-W4rNizrRv3a3VIeke8YWAJVe5sKaHtAovVivkIg-gAkA",
            "p1.k1.DqtOtmsfoRi6swFYNBCfR03RoeknP2J1SAaKEeks6BvrS9Bd9Aq3Qm2j38E9dnrjRFzpxijX0KQeLD9Rxw",
        ],
    ),
    (
        EncryptGcm(),
        "phone",
        TEXTS,
        [
            "p1.k1.i6FrEUlEpSpTUYvsLej3SKlY4JOCicbGYYWY-YKWw2mFkUHwH1EWVmEOcpAC2OfaiGbro3_0d7CqQibL",
            "p1.k1.ytaCWIQikv2Mts0TcwuKf_zIOQe1Ajmz2kWN9KyLm7DVh991lTX9yGrlFfUynl9eMu1BsNr7WgXPPDIh",
        ],
    ),
    (FormatPreserving(keep_prefix=1), "phone", TEXTS, ["+61492871535", "+61444064237"]),
    (Surrogate(), "person_name", TEXTS, ["Noah Yoder", "Jade Conley"]),
    (Surrogate(locale="en_AU"), "phone", TEXTS, ["+61870104416", "+61355508316"]),
    (DateShift(), "order_time", DAY, [dt.datetime(2001, 5, 24, 4, 5), dt.datetime(2001, 2, 18, 4, 5)]),
]


@pytest.mark.parametrize(
    ("transform", "domain", "values", "tokens"),
    FROZEN,
    ids=[f"{place}-{transform.transform}" for place, (transform, *_) in enumerate(FROZEN)],
)
def test_tokens_are_those_of_earlier_releases(
    transform: Transform, domain: str, values: pa.Array, tokens: list[object]
) -> None:
    context = Context("analysts", "research", domain, "2026-q4", "2026-11-01", "orders", "mobile")
    bound = transform.bind(KEYRING, context)
    assert bound(values, subject=PEOPLE, row_ids=ROWS).to_pylist() == tokens
