"""Recognizers that are not ours, in the same path: Presidio's national ones, and those of users.

    countries     `AU`, `GB`: Presidio's predefined recognizers of those countries
    recognizers   `mine.yaml`: patterns in Presidio's YAML form; they run on RE2 like our own
                  `package.module:name`: a list of Presidio EntityRecognizers, or a function that returns one

Presidio's run in an AnalyzerEngine without any model, and only on texts that a prefilter of their patterns lets
through. Their spans give way to longer ones and compete by score, as all spans do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.config.reading import Node, read_yaml
from pipeline.detect.catalog import Compiled, compile_recognizer
from pipeline.detect.model import Found, Pattern, Recognizer
from pipeline.errors import JobWrong, nearest

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

LEAST_SCORE = 0.4  # what Presidio gives its weakest national pattern beside a context word
_PRESIDIO_CODES: Mapping[str, str] = MappingProxyType({"GB": "uk"})  # where it does not use ISO 3166
_LOOK_AROUND = re.compile(r"\(\?<?[=!]")
_LANGUAGE = "en"


@dataclass(frozen=True)
class Wanted:
    """What a policy or a command asks for beside our own recognizers."""

    countries: tuple[str, ...] = ()
    recognizers: tuple[str, ...] = ()


NOTHING_MORE = Wanted()


@dataclass(frozen=True)
class Others:
    """The recognizers, ready to run."""

    compiled: tuple[Compiled, ...]  # of YAML files
    engine: "AnalyzerEngine | None"
    prefilter: (
        Any  # RE2 that matches a text in which an engine's recognizer can find something; None = any text
    )

    def find(self, text: str) -> list[Found]:
        """Spans of Presidio's recognizers, in the original text."""
        if self.engine is None or (self.prefilter is not None and self.prefilter.search(text) is None):
            return []
        results = self.engine.analyze(text, language=_LANGUAGE, score_threshold=LEAST_SCORE)
        return [Found(r.start, r.end, r.entity_type, round(r.score, 2)) for r in results]


@lru_cache(maxsize=16)
def prepared(wanted: Wanted) -> Others:
    """Load what is wanted, once per process.

    Raises:
        JobWrong: a country that Presidio has no recognizers for, a file or entry point that is not what it must
            be, a pattern that RE2 does not take.

    """
    compiled: list[Compiled] = []
    foreign: list[EntityRecognizer] = [r for country in wanted.countries for r in _national(country)]
    for source in wanted.recognizers:
        if source.endswith((".yaml", ".yml")):
            compiled += _from_yaml(Path(source))
        else:
            foreign += _entry_point(source)
    return Others(tuple(compiled), _engine(foreign) if foreign else None, _prefilter(foreign))


def _national(country: str) -> list["EntityRecognizer"]:
    """Presidio's predefined recognizers of a country, in the language that our engine speaks."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    kinds: dict[str, list[Any]] = {}  # classes: their arguments differ from those of the base class
    for value in vars(predefined_recognizers).values():
        code = getattr(value, "COUNTRY_CODE", None)
        if isinstance(value, type) and issubclass(value, PatternRecognizer) and code:
            kinds.setdefault(str(code).upper(), []).append(value)
    code = _PRESIDIO_CODES.get(country.upper(), country).upper()
    if code not in kinds:
        raise JobWrong(
            f"there are no national recognizers for country {country!r}",
            hint=nearest(country.upper(), kinds) or f"known: {', '.join(sorted(kinds))}",
        )
    return [kind(supported_language=_LANGUAGE) for kind in sorted(kinds[code], key=lambda k: k.__name__)]


def _engine(recognizers: Sequence["EntityRecognizer"]) -> "AnalyzerEngine":
    from pipeline.detect.presidio_bridge import engine_of

    return engine_of(recognizers, (_LANGUAGE,))


def _prefilter(recognizers: Iterable["EntityRecognizer"]) -> Any:
    """One RE2 of all patterns, wider than each; None where a recognizer has none that RE2 can widen."""
    import re2

    regexes = []
    for recognizer in recognizers:
        patterns = [pattern.regex for pattern in getattr(recognizer, "patterns", None) or ()]
        if not patterns or getattr(recognizer, "deny_list", None):
            return None
        regexes += [_without_look_around(regex) for regex in patterns]
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.dot_nl = True
    try:
        return re2.compile("|".join(f"(?:{regex})" for regex in regexes), options) if regexes else None
    except re2.error:
        return None


def _without_look_around(regex: str) -> str:
    """The pattern without its conditions on what stands around: it matches wherever the pattern does."""
    while match := _LOOK_AROUND.search(regex):
        depth, at, in_set = 0, match.start(), False
        while at < len(regex):
            character = regex[at]
            if character == "\\":
                at += 1
            elif in_set:
                in_set = character != "]"
            elif character == "[":
                in_set = True
            elif character in "()":
                depth += 1 if character == "(" else -1
                if depth == 0:
                    break
            at += 1
        regex = regex[: match.start()] + regex[at + 1 :]
    return regex.replace(r"\b", "")


# ------------------------------------------------------------------ users' own


def _from_yaml(path: Path) -> list[Compiled]:
    """Recognizers of Presidio's YAML form: supported_entity, patterns (name, regex, score), context, deny_list."""
    document = read_yaml(path, path.name)
    root = document.root
    listed = root.get("recognizers") if isinstance(root, dict) else root
    if not isinstance(listed, list):
        raise JobWrong("must hold a list called recognizers", where=path.name)
    made = []
    for number, node in enumerate(listed):
        where = document.where(("recognizers", number))
        made.append(_compiled(node, where))
    return made


def _compiled(node: Node, where: str) -> Compiled:
    entity = node.get("supported_entity") if isinstance(node, dict) else None
    if not isinstance(entity, str) or not re.fullmatch("[A-Z][A-Z0-9_]{1,63}", entity):
        raise JobWrong("supported_entity must be a name such as STAFF_NUMBER", where=where)
    try:
        patterns = [
            Pattern(f"(?i){one['regex']}", float(one["score"]), "none", "none")
            for one in node.get("patterns", ())
        ]
        denied = [re.escape(word.lower()) for word in node.get("deny_list", ())]
        context = tuple(word.lower() for word in node.get("context", ()))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise JobWrong(
            "is no recognizer in Presidio's form",
            where=where,
            hint="patterns: [{name: …, regex: …, score: 0.6}], context: [word, …]",
        ) from None
    if denied:
        patterns.append(Pattern("|".join(denied), 1.0, "word", "word"))
    if not patterns:
        raise JobWrong("has neither patterns nor a deny_list", where=where)
    try:
        return compile_recognizer(Recognizer(entity, tuple(patterns), "user", (), (), context=context))
    except ValueError:
        raise JobWrong(
            "a pattern is no RE2 pattern: look-around and back-references are not taken", where=where
        ) from None


def _entry_point(source: str) -> list["EntityRecognizer"]:
    """`package.module:name`, a list of EntityRecognizers or a function without arguments that returns one."""
    from presidio_analyzer import EntityRecognizer

    module, _, name = source.partition(":")
    try:
        found = getattr(import_module(module), name)
        listed = list(found() if callable(found) else found)
    except JobWrong:
        raise  # our own: it says what to install
    except Exception as error:
        raise JobWrong(
            f"recognizers {source!r} cannot be loaded ({type(error).__name__})",
            hint="name it package.module:name, a list of Presidio recognizers or a function that returns one",
        ) from None
    if not all(isinstance(one, EntityRecognizer) for one in listed):
        raise JobWrong(f"recognizers {source!r} must be Presidio EntityRecognizers")
    return listed
