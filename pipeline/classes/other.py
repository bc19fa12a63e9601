"""Classes that say that a column was looked at and is harmless, or that nobody has decided yet."""

from pipeline.classes.model import DROP_ONLY, LABEL, DataClass

OTHER: tuple[DataClass, ...] = (
    DataClass("other", "reviewed and harmless", 1, "other", LABEL | {"prefix"}),
    # Undecided columns fail closed: the highest grade, and nothing but drop.
    DataClass("unknown", "undecided", 4, "sensitive", DROP_ONLY),
)
