"""Which class each column of a table holds, from its name, its values and its neighbors.

Strong forms (with check digits or an unmistakable layout) decide alone. Weak ones need the name. A name is
contradicted by values that cannot be what it says. Doubt is `unknown`, which nothing but `drop` suits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from pipeline.classes import CLASSES
from pipeline.detect.column_names import NameMatch, is_vetoed, match_name, split_name
from pipeline.detect.column_rules import REFINEMENTS, STRONG, SUPPORT, SUPPORT_OF_PHRASES, TELLING, Support
from pipeline.detect.column_values import Values, sample_values

DECIDED = 0.5  # least confidence of a proposal; below it the class is `unknown`
_MISFIT = 1e-9
_TELLING_VALUES = 5  # distinct values that a decision without a name needs


@dataclass(frozen=True)
class Profile:
    """What is proposed for one column. Evidence is words and rates, never a value."""

    table: str
    column: str
    data_class: str
    grade: int
    confidence: float
    evidence: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON takes it."""
        return {**asdict(self), "evidence": list(self.evidence)}


@dataclass(frozen=True)
class _Verdict:
    data_class: str
    confidence: float
    evidence: tuple[str, ...]


_UNKNOWN = _Verdict("unknown", 0.0, ("neither name nor values decide",))


def propose(table_name: str, sample: pa.Table) -> list[Profile]:
    """Propose a class for every column of a sample, in the sample's column order.

    Args:
        table_name: only for the profiles.
        sample: some thousand rows; columns of any type.

    """
    verdicts = [_decide(name, sample_values(sample.column(i))) for i, name in enumerate(sample.column_names)]
    verdicts = _with_neighbors(sample.column_names, verdicts)
    return [
        Profile(
            table_name,
            name,
            verdict.data_class,
            CLASSES[verdict.data_class].grade,
            round(verdict.confidence, 2),
            verdict.evidence,
        )
        for name, verdict in zip(sample.column_names, verdicts, strict=True)
    ]


def _decide(name: str, values: Values) -> _Verdict:
    if not values.folded:
        return _Verdict("unknown", 0.0, ("no value in the sample",))
    matches = match_name(name)
    strong = _by_strong_form(matches, values)
    if strong is not None:
        return strong
    best = _UNKNOWN
    for match in matches:
        verdict = _by_name(match, values)
        if verdict is not None and verdict.confidence > best.confidence:
            best = verdict
    if best.confidence >= DECIDED:
        return best
    return (None if is_vetoed(name) else _by_values(values)) or _UNKNOWN


def _by_strong_form(matches: Sequence[NameMatch], values: Values) -> _Verdict | None:
    for form, data_class, least, most_needed in STRONG:
        rate = values.rate(form)
        if rate < least or len(values.folded) < most_needed:
            continue
        kinds = (data_class, *REFINEMENTS.get(data_class, ()))
        named = [match.data_class for match in matches if match.data_class in kinds]
        chosen = named[0] if named else data_class
        evidence = [f"{rate:.0%} of {len(values.folded)} distinct values have the form {form}"]
        if named:
            evidence.append("the name says which kind")
        return _Verdict(chosen, min(0.99, 0.9 * rate + (0.09 if named else 0.0)), tuple(evidence))
    return None


def _by_name(match: NameMatch, values: Values) -> _Verdict | None:
    """The name's word, if the values can be what it says."""
    support = SUPPORT_OF_PHRASES.get(match.phrase) or SUPPORT.get(match.data_class, Support())
    for form, most in support.contradictions.items():
        if values.rate(form) > most + _MISFIT:
            return None
    rate = max((values.rate(form) for form in support.forms), default=1.0)
    least = support.weak_least if match.weak else support.least
    if support.forms and rate < least:
        return None
    if values.distinct < support.distinct or values.typical_length > support.longest:
        return None
    if match.weak and not support.forms:
        return None
    evidence = [f"the name holds `{match.phrase}`"]
    if support.forms:
        evidence.append(
            f"{rate:.0%} of {len(values.folded)} distinct values can be {'/'.join(support.forms)}"
        )
    base = 0.6 if match.weak else 0.8
    return _Verdict(match.data_class, base + 0.15 * rate * bool(support.forms), tuple(evidence))


def _by_values(values: Values) -> _Verdict | None:
    """Weak forms that stand out so clearly that they decide without a name."""
    if len(values.folded) < _TELLING_VALUES or values.rate("number") > 0.5:
        return None
    for form, data_class, least, contradictions in TELLING:
        rate = values.rate(form)
        if rate < least or any(values.rate(against) > most for against, most in contradictions.items()):
            continue
        if data_class == "free_text" and values.typical_length < 25:
            continue
        evidence = f"{rate:.0%} of {len(values.folded)} distinct values have the form {form}"
        return _Verdict(data_class, 0.7 * rate, (evidence, "the name says nothing"))
    return None


def _with_neighbors(names: Sequence[str], verdicts: Sequence[_Verdict]) -> list[_Verdict]:
    """What a column is may show only beside its neighbors."""
    classes = [verdict.data_class for verdict in verdicts]
    tokens = [frozenset(split_name(name)) for name in names]
    decided = list(verdicts)
    radio = any({"mcc", "mnc", "net"} & words for words in tokens) and "cell_id" in classes
    for index, words in enumerate(tokens):
        if radio and classes[index] == "unknown" and {"area", "lac", "tac"} & words:
            decided[index] = _Verdict("cell_id", 0.7, ("an area beside a cell id and a network code",))
    return decided
