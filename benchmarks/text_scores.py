"""Scores of spans against gold: F1 per class, and characters covered, however they are labeled."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Labels of the data sets and of the detectors -> one name.
SAME = {
    "STREET_ADDRESS": "ADDRESS",
    "GPE": "LOCATION",
    "CITY": "LOCATION",
    "US_SSN": "NATIONAL_ID",
    "US_ITIN": "NATIONAL_ID",
    "US_PASSPORT": "NATIONAL_ID",
    "US_DRIVER_LICENSE": "NATIONAL_ID",
    "UK_NHS": "NATIONAL_ID",
    "AU_TFN": "NATIONAL_ID",
    "DOMAIN_NAME": "URL",
    "ZIP_CODE": "ADDRESS",
    "ORG": "ORGANIZATION",
    "NICKNAME": "PERSON",
    "USERNAME": "ACCOUNT_ID",
}
# What identifies a person or a household; the rest of the labels is context.
IDENTITIES = frozenset(
    {
        *("PERSON", "ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS", "CREDIT_CARD", "NATIONAL_ID", "IBAN_CODE"),
        *("IP_ADDRESS", "URL", "ORDER_ID", "TRACKING_NUMBER", "ACCOUNT_ID", "IMEI", "IMSI", "ICCID"),
        *("MAC_ADDRESS", "GPS", "UUID"),
    }
)


class Span(NamedTuple):
    start: int
    end: int
    label: str


def spans_of(rows: Iterable[Sequence[object]]) -> list[Span]:
    return [Span(int(s), int(e), SAME.get(str(label), str(label))) for s, e, label, *_ in rows]  # type: ignore[call-overload]


def covered(spans: Iterable[Span]) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}


def scores(texts: Sequence[str], gold: Sequence[list[Span]], found: Sequence[list[Span]]) -> dict:
    """Strict and overlap F1 per class; characters (letters and digits) covered per class; over-redaction.

    coverage: share of the gold characters of a class that any span covers. over_redaction: share of the
    characters outside every gold span that some span covers.
    """
    strict, overlap = Counter(), Counter()
    gold_count, found_count = Counter(), Counter()
    characters, hit = Counter(), Counter()
    outside = wrongly = 0
    for text, wanted, got in zip(texts, gold, found, strict=True):
        counted = {at for at, character in enumerate(text) if character.isalnum()}
        got_characters = covered(got)
        for span in wanted:
            gold_count[span.label] += 1
            strict[span.label] += span in got
            overlap["gold", span.label] += any(
                o.label == span.label and o.start < span.end and span.start < o.end for o in got
            )
            places = counted & set(range(span.start, span.end))
            characters[span.label] += len(places)
            hit[span.label] += len(places & got_characters)
        for span in got:
            found_count[span.label] += 1
            overlap["found", span.label] += any(
                o.label == span.label and o.start < span.end and span.start < o.end for o in wanted
            )
        free = counted - covered(wanted)
        outside += len(free)
        wrongly += len(free & got_characters)
    classes = {}
    for label in sorted(gold_count):
        classes[label] = {
            "gold": gold_count[label],
            "strict_f1": f1(strict[label], found_count[label], strict[label], gold_count[label]),
            "overlap_f1": f1(
                overlap["found", label], found_count[label], overlap["gold", label], gold_count[label]
            ),
            "coverage": share(hit[label], characters[label]),
        }
    identities = [label for label in gold_count if label in IDENTITIES]
    return {
        "texts": len(texts),
        "coverage": share(sum(hit[c] for c in identities), sum(characters[c] for c in identities)),
        "coverage_all_labels": share(sum(hit.values()), sum(characters.values())),
        "over_redaction": share(wrongly, outside),
        "classes": classes,
    }


def f1(right_found: int, found: int, right_gold: int, gold: int) -> float:
    precision, recall = right_found / max(1, found), right_gold / max(1, gold)
    return round(2 * precision * recall / max(1e-9, precision + recall), 3)


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0
