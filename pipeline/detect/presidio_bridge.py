"""Our recognizers for users of Presidio: EntityRecognizers for a RecognizerRegistry or an AnalyzerEngine.

`analyzer()` gives an AnalyzerEngine with all of them, `analyzer_without_models()` one without names. Neither
opens a socket: the NLP engine only splits words. (Presidio's default engine downloads a model, and its e-mail
recognizer asks two hosts.)
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine

from pipeline.detect.catalog import RECOGNIZERS, Compiled, compile_recognizer
from pipeline.detect.folding import encodable, fold
from pipeline.detect.model import Recognizer
from pipeline.detect.names import shared_names
from pipeline.detect.patterns import recognize


class FormRecognizer(EntityRecognizer):
    """One of our recognizers behind Presidio's interface; offsets are code points of the original text."""

    def __init__(self, recognizer: Recognizer, language: str) -> None:
        self._compiled: Compiled = compile_recognizer(recognizer)
        self._label = f"Pouch{recognizer.entity.title().replace('_', '')}Recognizer"
        super().__init__(
            supported_entities=[recognizer.entity],
            name=self._label,
            supported_language=language,
            context=list(recognizer.context),
        )

    def load(self) -> None:
        """Nothing to load: patterns are compiled already."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the accepted matches. Context words are weighed here, Presidio need not."""
        if entities and self.supported_entities[0] not in entities:
            return []
        folded = fold(encodable(text))
        return [
            RecognizerResult(
                found.entity,
                *folded.original(found.start, found.end),
                found.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self._label,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                    RecognizerResult.IS_SCORE_ENHANCED_BY_CONTEXT_KEY: True,  # done here
                },
            )
            for found in recognize(folded.text, self._compiled)
        ]


def presidio_recognizers(language: str = "en", *, shields: bool = False) -> list[FormRecognizer]:
    """Return all our recognizers for one language code; the forms are the same in every language.

    `shields` adds the recognizers of dates, which are no identities.
    """
    return [FormRecognizer(r, language) for r in RECOGNIZERS if shields or not r.shield]


class NamesRecognizer(EntityRecognizer):
    """The models of names behind Presidio's interface: PERSON, ADDRESS, LOCATION."""

    def __init__(self, language: str) -> None:
        super().__init__(
            supported_entities=["PERSON", "ADDRESS", "LOCATION"],
            name="PouchNamesRecognizer",
            supported_language=language,
        )

    def load(self) -> None:
        """Models are loaded at the first text that needs them."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what the models find. Raises JobWrong where a model is not installed."""
        original = encodable(text)
        folded = fold(original)
        return [
            RecognizerResult(found.entity, *folded.original(found.start, found.end), found.score)
            for found in shared_names().find(original, folded, ())
            if found.entity in (entities or self.supported_entities)
        ]


def analyzer_without_models(languages: Sequence[str] = ("en", "zh")) -> AnalyzerEngine:
    """Return an AnalyzerEngine with our recognizers of forms. Opens no socket and loads no model."""
    return engine_of([r for code in languages for r in presidio_recognizers(code)], languages)


def analyzer(languages: Sequence[str] = ("en", "zh")) -> AnalyzerEngine:
    """Return an AnalyzerEngine with all our recognizers, names by models included. Opens no socket."""
    recognizers = [r for code in languages for r in (*presidio_recognizers(code), NamesRecognizer(code))]
    return engine_of(recognizers, languages)


def engine_of(recognizers: Sequence[EntityRecognizer], languages: Sequence[str]) -> AnalyzerEngine:
    """Return an AnalyzerEngine with these recognizers only, whose NLP engine splits words and knows no more."""
    import spacy

    nlp_engine = SpacyNlpEngine(models=[{"lang_code": code, "model_name": "blank"} for code in languages])
    pipelines = {code: spacy.blank(code) for code in languages}
    for pipeline in pipelines.values():
        pipeline.add_pipe(_lemmas())
    nlp_engine.nlp = pipelines  # type: ignore[assignment] # declared as None there, a dict once loaded
    registry = RecognizerRegistry(supported_languages=list(languages))
    for recognizer in recognizers:
        registry.add_recognizer(recognizer)
    return AnalyzerEngine(registry=registry, nlp_engine=nlp_engine, supported_languages=list(languages))


@lru_cache(maxsize=1)
def _lemmas() -> str:
    """Name of a spaCy component that makes each word its own lemma: Presidio looks for context among lemmas."""
    from spacy.language import Language

    @Language.component("pouch_lemmas")
    def lemmas(document: Any) -> Any:
        for token in document:
            token.lemma_ = token.lower_
        return document

    return "pouch_lemmas"
