"""What an attacker measures of the noise: lower bounds on what one count tells, beside what is claimed.

    python -m benchmarks.dp_audit [--samples 200000] [--alpha 1e-6] [--format table|json]

Two neighboring tables differ in one person. The count of one cell is drawn `samples` times on each, by the path that a
release takes; the event is chosen on one half and tested on the other, with exact limits. A scale that is wrong by 1.2
must be caught (bound above the claim), ours must not, and the bound should be close to the claim. Pure noise is
audited in epsilon, Gaussian noise in rho, of which a yes-or-no event shows only part, and by the best test that the law
in its manifest allows. Prints a table and writes
benchmarks/results/dp_audit.json.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pipeline.config.statistics_models import StatisticSpec
from pipeline.statistics.dp_audit import ALPHA, Law, audit, repeated
from pipeline.statistics.dp_bounding import Answers
from pipeline.statistics.dp_checking import design_of
from pipeline.statistics.dp_noise import OpenDP
from pipeline.statistics.dp_table import draw

RESULTS = Path(__file__).parent / "results" / "dp_audit.json"
CLASSES = {"city": "city"}
CLAIMS = (
    ("epsilon", {"epsilon": 1}),
    ("epsilon", {"epsilon": 0.5}),
    ("rho", {"rho": 0.5}),
    ("rho", {"rho": 0.125}),
)
FACTORS = (1.0, 1.2)


@dataclass(frozen=True)
class Finding:
    mechanism: str
    unit: str
    claimed: float
    scale_divided_by: float
    lower_bound: float
    event: str
    beyond_law: float | None = None  # how far an event certainly passes the law that the manifest states

    @property
    def caught(self) -> bool:
        return self.lower_bound > self.claimed or (self.beyond_law or 0.0) > 0


class Weaker(OpenDP):
    """The same noise with a smaller scale: a defect that only measuring shows."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def laplace(self, values, scale):  # type: ignore[no-untyped-def]
        return super().laplace(values, scale / self._factor)

    def gaussian(self, values, scale):  # type: ignore[no-untyped-def]
        return super().gaussian(values, scale / self._factor)


def measured(unit: str, claim: dict[str, float], factor: float, samples: int, alpha: float) -> Finding:
    spec = StatisticSpec.model_validate(
        {
            "table": "orders",
            "dimensions": [{"column": "city", "values": ["Perth"]}],
            "measures": ["people"],
            "dp": {**claim, "max_groups": 1},
        }
    )
    made = design_of(spec, CLASSES)

    def drawn(count: int) -> np.ndarray:
        answers = Answers((("Perth",),), {("people", ""): repeated(count, samples)})
        return draw(answers, made, Weaker(factor)).vectors["people", ""]

    without, having = drawn(40), drawn(41)
    bound = audit(without, having, alpha, by_rho=unit == "rho")
    if unit != "rho":
        return Finding(made.mechanism, unit, claim[unit], factor, bound.epsilon(), bound.event)
    law = Law(made.question("people").scale)
    excess = law.excess(audit(without, having, alpha, law=law))
    return Finding(made.mechanism, unit, claim[unit], factor, bound.rho(), bound.event, excess)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--alpha", type=float, default=ALPHA)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = [
        measured(unit, claim, factor, options.samples, options.alpha)
        for unit, claim in CLAIMS
        for factor in FACTORS
    ]
    document = {
        "samples_of_each_table": options.samples,
        "alpha": options.alpha,
        "audits": [
            {**one.__dict__, "share_of_claim": one.lower_bound / one.claimed, "caught": one.caught}
            for one in found
        ],
    }
    options.results.write_text(json.dumps(document, indent=2) + "\n")
    if options.format == "json":
        print(json.dumps(document, indent=2))
        return
    table = Table(title=f"{options.samples:,} samples of each table, alpha {options.alpha:g}")
    for name in (
        "mechanism",
        "claimed",
        "scale divided by",
        "lower bound",
        "of the claim",
        "caught",
        "event",
    ):
        table.add_column(name)
    for one in found:
        table.add_row(
            one.mechanism,
            f"{one.unit} {one.claimed:g}",
            f"{one.scale_divided_by:g}",
            f"{one.lower_bound:.3f}",
            f"{one.lower_bound / one.claimed:.2f}",
            "yes" if one.caught else "no",
            one.event,
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
