"""What is decided about a column, and how sure that is."""

from dataclasses import asdict, dataclass

from pipeline.classes import CLASSES

DECIDED = 0.5  # least confidence of a proposal; below it the class is `unknown`


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
class Verdict:
    """A class, a confidence from 0 to 1, and why."""

    data_class: str
    confidence: float
    evidence: tuple[str, ...]

    def as_profile(self, table: str, column: str) -> Profile:
        """With the column that it is about."""
        grade = CLASSES[self.data_class].grade
        return Profile(table, column, self.data_class, grade, round(self.confidence, 2), self.evidence)


UNKNOWN = Verdict("unknown", 0.0, ("neither name nor values decide",))
EMPTY = Verdict("unknown", 0.0, ("no value in the sample",))


def told(rate: float, count: int, form: str) -> str:
    """A rate in words."""
    return f"{rate:.0%} of {count} distinct values have the form {form}"
