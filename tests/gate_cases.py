"""A table with a direct identifier of every kind, published for one recipient, and what the gate says of it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.config.models import TableSource
from pipeline.engines.model import SliceView, StagedPart
from pipeline.protect.model import ExportPlan, Plan, ReleasePlan, Step, TablePlan
from pipeline.release.gate import Proof, inspect_slice, prove
from pipeline.sinks import write_part
from transforms import (
    AnyTransform,
    Context,
    Drop,
    EncryptSiv,
    Keep,
    KeyedHash,
    Keyring,
    Mask,
    RedactText,
)
from transforms.base import ColumnFacts

KEY = bytes(range(16))
RING = Keyring({"k1": bytes(range(1, 33))}, "k1")
ROWS = 400

CLASS_OF = {
    "order_id": "order_id",
    "account": "account_id",
    "name": "person_name",
    "address": "postal_address",
    "mobile": "mobile_phone",
    "email": "email",
    "card": "bank_card",
    "device": "device_id",
    "city": "city",
    "product": "product",
    "quantity": "quantity",
    "note": "free_text",
}
STEPS: Mapping[str, AnyTransform] = {
    "order_id": Keep(),
    "account": KeyedHash(),
    "name": Mask(keep_first=1),
    "address": EncryptSiv(),
    "mobile": KeyedHash(),
    "email": KeyedHash(),
    "card": Mask(keep_last=4),
    "device": KeyedHash(),
    "city": Keep(),
    "product": Keep(),
    "quantity": Keep(),
    "note": RedactText(accept_residual="a test"),
}
FIRST = ["James", "Mary", "Rose", "Wei", "Anna", "Otto", "Grace", "June", "Chloé", "Zoë"]
LAST = ["Smith", "Jones", "Nguyen", "Wang", "Kumar", "Garcia", "Müller", "Rossi", "Kim", "Ito"]


def luhn_digit(number: str) -> str:
    """Check digit by the schoolbook, so that the gate's own is not its own judge."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def raw_columns(rows: int = ROWS, seed: int = 1) -> dict[str, pa.Array]:
    """A synthetic slice of orders."""
    pick = random.Random(seed)  # noqa: S311 - synthetic data
    names = [f"{pick.choice(FIRST)} {pick.choice(LAST)}" for _ in range(rows)]
    names[::7] = [pick.choice("王李张刘陈") + pick.choice("伟芳娜敏静") for _ in names[::7]]
    cards = [f"4{pick.randrange(10**14):014d}" for _ in range(rows)]
    text = {
        "order_id": [f"A{pick.randrange(10**12):012d}" for _ in range(rows)],
        "account": [f"u{pick.randrange(10**8):08d}" for _ in range(rows)],
        "name": names,
        "address": [f"{pick.randrange(1, 900)} {pick.choice(LAST)} Street, Perth" for _ in range(rows)],
        "mobile": [f"+61 4{pick.randrange(10**8):08d}" for _ in range(rows)],
        "email": [f"{pick.choice(FIRST).lower()}.{pick.randrange(10**7)}@example.com" for _ in range(rows)],
        "card": [card + luhn_digit(card) for card in cards],
        "device": [f"{pick.randrange(16**32):032x}" for _ in range(rows)],
        "city": [pick.choice(["Perth", "Sydney", "北京"]) for _ in range(rows)],
        "product": [f"{pick.choice(['Lamp', 'Shoe', '手机壳'])} {pick.randrange(20)}" for _ in range(rows)],
        "note": [
            pick.choice(["leave at the door", "请放在门口", "call [PHONE_NUMBER]"]) for _ in range(rows)
        ],
    }
    columns = {column: pa.array(values, pa.string()) for column, values in text.items()}
    columns["quantity"] = pa.array([pick.randrange(1, 9) for _ in range(rows)], pa.int64())
    return {column: columns[column] for column in CLASS_OF}


def step_of(column: str, transform: AnyTransform) -> Step:
    data_class = CLASSES[CLASS_OF[column]]
    context = Context("analysts", "test", data_class.token_domain, "static", "2026-11-01", "orders", column)
    if isinstance(transform, Drop):
        return Step(column, data_class.id, transform, None, None, context)
    facts = ColumnFacts(
        data_class.id, data_class.kind, data_class.grade, data_class.value_type, data_class.enumerable
    )
    output = transform.output(facts)
    return Step(column, data_class.id, transform, output.type, output.domain, context)


def plan_of(steps: Mapping[str, AnyTransform] = STEPS, file_format: str = "parquet") -> Plan:
    export = ExportPlan("orders", file_format, tuple(step_of(c, t) for c, t in steps.items()))
    table = TablePlan(
        "orders",
        TableSource(path="orders.csv", subject=("account",), timezone="Australia/Sydney"),
        CLASS_OF,
        {},
        frozenset(CLASS_OF),
    )
    release = ReleasePlan(
        0, "analysts", "test", "legal", "static", "0" * 64, (export,), key_id="k1", expires_after_days=30
    )
    return Plan("nightly", "2026-11-01", {"orders": table}, (release,), "1" * 64)


Tamper = Callable[[dict[str, list[object]], Mapping[str, list[object]]], None]


@dataclass
class Bench:
    """Stages slices as the engine does, with a hand in between, and lets the gate look."""

    staging: Path
    plan: Plan
    dictionaries: bool = True  # text comes as dictionaries where it repeats, plainly where it does not

    def view(
        self, raw: Mapping[str, pa.Array], tamper: Tamper | None = None, index: int = 0, subject: bool = True
    ) -> SliceView:
        """`tamper` gets the published cells, and the raw ones in published order."""
        export = self.plan.releases[0].exports[0]
        order = np.random.default_rng(index).permutation(len(raw["account"])).astype(np.int64)
        rows = pa.array(order)
        published: dict[str, list[object]] = {}
        for step in export.steps:
            if step.published:
                if isinstance(step.transform, RedactText):
                    cells = raw[step.column]
                else:
                    cells = step.transform.bind(RING, step.context)(raw[step.column])
                published[step.column] = cells.take(rows).to_pylist()
        if tamper is not None:
            tamper(published, {column: array.take(rows).to_pylist() for column, array in raw.items()})
        path = f"r0/orders/slice-{index:05d}.{export.format}"
        (self.staging / path).parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(
            [pa.array(published[field.name], field.type) for field in export.schema], export.schema
        )
        write_part(self.staging / path, table, export.format)
        columns = {
            column: array.dictionary_encode()
            if self.dictionaries and pa.types.is_string(array.type)
            else array
            for column, array in raw.items()
        }
        return SliceView(
            "orders",
            index,
            columns,
            raw["account"] if subject else None,
            {0: pa.array(np.arange(len(order)))},
            {0: StagedPart(path, len(order), rows)},
            KEY,
        )

    def proof(self, *views: SliceView) -> Proof:
        return prove(
            self.plan, [inspect_slice(view, self.plan, self.staging) for view in views], self.staging
        )


def hits(proof: Proof) -> list[tuple[str, str, str, int]]:
    return [(hit.column, hit.data_class, hit.rule, hit.cells) for hit in proof.releases[0].hits]


def with_values(raw: Mapping[str, pa.Array], column: str, values: Mapping[int, str]) -> dict[str, pa.Array]:
    cells = raw[column].to_pylist()
    for row, value in values.items():
        cells[row] = value
    return {**raw, column: pa.array(cells, pa.string())}


def leaks_into(column: str, of: str, form: str = "{}", rows: Sequence[int] = (5,)) -> Tamper:
    def tamper(published: dict[str, list[object]], raw: Mapping[str, list[object]]) -> None:
        for row in rows:
            published[column][row] = form.format(raw[of][row])

    return tamper
