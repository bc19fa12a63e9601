"""Which class each column of a table holds, from its name, its values and its neighbors.

Strong forms (with check digits or an unmistakable layout) decide alone. Weak ones need the name or a neighbor. A name
is contradicted by values that cannot be what it says. Doubt is `unknown`, which nothing but `drop` suits.
"""

from collections.abc import Sequence

import pyarrow as pa

from pipeline.detect.column_evidence import DECIDED, EMPTY, UNKNOWN, Profile, Verdict, told
from pipeline.detect.column_leanings import SHAPED, VOCABULARIES, Leaning
from pipeline.detect.column_names import NameMatch, is_vetoed, match_name, says_nothing
from pipeline.detect.column_neighbors import Column, about_places, with_neighbors
from pipeline.detect.column_rules import REFINEMENTS, STRONG, SUPPORT, SUPPORT_OF_PHRASES, Support
from pipeline.detect.column_values import Values, sample_values
from pipeline.detect.documents import PERSONAL_NUMBERS
from pipeline.detect.lexicon import words

__all__ = ["DECIDED", "Profile", "propose"]

_MISFIT = 1e-9
_NUMBER_RATE, _NUMBER_VALUES = 0.9, 8  # of a check digit that one random number in ten has


def propose(table_name: str, sample: pa.Table) -> list[Profile]:
    """Propose a class for every column of a sample, in the sample's column order.

    Args:
        table_name: only for the profiles.
        sample: some thousand rows; columns of any type.

    """
    columns = [
        Column(name, sample_values(sample.column(i)), is_vetoed(name), says_nothing(name))
        for i, name in enumerate(sample.column_names)
    ]
    verdicts = [decide(column) for column in columns]
    verdicts = about_places(columns, with_neighbors(columns, verdicts, by_leanings))
    return [
        verdict.as_profile(table_name, column.name) for column, verdict in zip(columns, verdicts, strict=True)
    ]


def decide(column: Column) -> Verdict:
    """What name and values of one column say, without its neighbors."""
    values = column.values
    if not values.folded:
        return EMPTY
    matches = match_name(column.name)
    strong = _by_strong_form(matches, values)
    if strong is not None:
        return strong
    best = UNKNOWN
    for match in matches:
        verdict = _by_name(match, values)
        if verdict is not None and verdict.confidence > best.confidence:
            best = verdict
    if best.confidence >= DECIDED:
        return best
    return (None if column.vetoed else by_leanings(column, frozenset())) or UNKNOWN


def _by_strong_form(matches: Sequence[NameMatch], values: Values) -> Verdict | None:
    for form, data_class, least, most_needed in STRONG:
        rate = values.rate(form)
        if rate < least or len(values.folded) < most_needed:
            continue
        kinds = (data_class, *REFINEMENTS.get(data_class, ()))
        named = [match.data_class for match in matches if match.data_class in kinds]
        chosen = named[0] if named else data_class
        evidence = [told(rate, len(values.folded), form)]
        if named:
            evidence.append("the name says which kind")
        return Verdict(chosen, min(0.99, 0.9 * rate + (0.09 if named else 0.0)), tuple(evidence))
    if len(values.folded) >= _NUMBER_VALUES and values.has_digits:
        for name, (_, lengths) in PERSONAL_NUMBERS.items():
            if values.bare_lengths.isdisjoint(lengths):
                continue
            rate = values.rate(f"number_{name}")
            if rate >= _NUMBER_RATE:
                return Verdict("national_id", 0.9 * rate, (told(rate, len(values.folded), f"number_{name}"),))
    return None


def _by_name(match: NameMatch, values: Values) -> Verdict | None:
    """The name's word, if the values can be what it says."""
    if (
        match.data_class == "person_name"
        and match.phrase not in words("personal_phrases")
        and _names_firms(values)
    ):
        return Verdict("company", 0.6, (f"the name holds `{match.phrase}`", "the values are names of firms"))
    support = SUPPORT_OF_PHRASES.get((match.data_class, match.phrase)) or SUPPORT.get(
        match.data_class, Support()
    )
    rate = max((values.rate(form) for form in support.forms), default=1.0)
    least = support.weak_least if match.weak else support.least
    if (support.forms and rate < least) or (match.weak and not support.forms):
        return None
    if _contradicted(match.data_class, support, values):
        return None
    evidence = [f"the name holds `{match.phrase}`"]
    if support.forms:
        evidence.append(
            f"{rate:.0%} of {len(values.folded)} distinct values can be {'/'.join(support.forms)}"
        )
    base = 0.6 if match.weak else 0.8
    return Verdict(match.data_class, base + 0.15 * rate * bool(support.forms), tuple(evidence))


def _contradicted(data_class: str, support: Support, values: Values) -> bool:
    if values.distinct < support.distinct or values.typical_length > support.longest:
        return True
    if data_class == "age" and not _can_be_ages(values):
        return True
    return any(values.rate(form) > most + _MISFIT for form, most in support.contradictions.items())


def _names_firms(values: Values) -> bool:
    """Several words each, fewer than half a person's name, and some with the words that firms call themselves by."""
    return values.rate("phrase") >= 0.5 and values.rate("company") >= 0.15 and values.rate("whole_name") < 0.5


def _can_be_ages(values: Values) -> bool:
    """Of people: someone is older than nine, and fractions do not saturate at 100 as percentages do."""
    numbers = values.numbers
    if not numbers or max(numbers) < 10:
        return False
    return not (max(numbers) == 100 and any(number % 0.5 for number in numbers))


def by_leanings(column: Column, around: frozenset[str]) -> Verdict | None:
    """What the values speak for: alone, or beside columns of the classes in `around`."""
    for leaning in SHAPED:
        rate = _holds(leaning, column, around)
        if rate is not None:
            return _verdict(leaning, column, around, rate)
    found = [
        (rate, -i) for i, one in enumerate(VOCABULARIES) if (rate := _holds(one, column, around)) is not None
    ]
    if not found:
        return None
    rate, index = max(found)
    return _verdict(VOCABULARIES[-index], column, around, rate)


def _least(leaning: Leaning, column: Column, around: frozenset[str]) -> float:
    least = leaning.alone if column.nameless else leaning.named
    return min(least, leaning.beside) if column.nameless and around & leaning.companions else least


def _holds(leaning: Leaning, column: Column, around: frozenset[str]) -> float | None:
    """Return the form's rate where it is enough to decide."""
    values = column.values
    least = _least(leaning, column, around)
    if least > 1 or len(values.folded) < leaning.distinct or values.distinct_share < leaning.unique:
        return None
    if not leaning.shortest <= values.typical_length <= leaning.longest:
        return None
    rate = values.rate(leaning.form)
    if rate < least - _MISFIT:
        return None
    if any(values.rate(form) > most + _MISFIT for form, most in leaning.against.items()):
        return None
    return rate


def _verdict(leaning: Leaning, column: Column, around: frozenset[str], rate: float) -> Verdict:
    beside = sorted(around & leaning.companions)
    evidence = [told(rate, len(column.values.folded), leaning.form), "the name says nothing"]
    if beside and rate < leaning.alone:
        evidence.append(f"beside {', '.join(beside[:3])}")
    return Verdict(leaning.data_class, 0.5 + 0.3 * rate, tuple(evidence))
