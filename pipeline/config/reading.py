"""Strict YAML: the only place that reads it.

Every scalar stays text (the models give types, so `no`, `1e3` and `012` never change their meaning); duplicate
keys, anchors, aliases, merge keys, tags, empty values and several documents are refused, each with its line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import JobWrong, Problem

MOST_BYTES = 4 << 20
MOST_DEPTH = 24

Node = Any  # str | list[Node] | dict[str, Node]; a recursive alias gains nothing under `Any` from yaml
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A parsed file: nested dicts and lists of text, and the line of every place in it."""

    name: str
    root: Node
    lines: Mapping[Place, int]

    def where(self, place: Place) -> str:
        """Return file, line and dotted path of a place, or of the nearest one above it."""
        path = ".".join(str(step) for step in place)
        if not self.lines:  # no file: made in memory
            return f"{self.name}.{path}" if path else self.name
        known = place
        while known not in self.lines and known:
            known = known[:-1]
        return f"{self.name}:{self.lines.get(known, 1)}: {path}" if path else f"{self.name}"


@dataclass
class _Open:
    """A collection that is being read."""

    node: Node
    place: Place
    event: yaml.CollectionStartEvent
    key: str | None = None
    keys: dict[str, int] = field(default_factory=dict)


class _Wrong(Exception):
    """Internal: a construct that is refused, with its line."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        self.line, self.message, self.hint = line, message, hint
        super().__init__(message)


def read_yaml(path: Path, name: str) -> Document:
    """Read one configuration file; `name` is how errors call it.

    Raises:
        JobWrong: the file is missing, too large, no UTF-8, no YAML, or uses a refused construct.

    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise JobWrong(f"cannot be read: {error.strerror}", where=name) from None
    if len(data) > MOST_BYTES:
        raise JobWrong(f"must be at most {MOST_BYTES >> 20} MiB", where=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise JobWrong("must be UTF-8", where=name) from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Document:
    """Parse text as one strict document. Raises JobWrong as `read_yaml` does."""
    try:
        return _build(text, name)
    except _Wrong as wrong:
        raise JobWrong(wrong.message, where=f"{name}:{wrong.line}", hint=wrong.hint) from None
    except yaml.MarkedYAMLError as error:
        line, message, hint = _explained(error, text)
        raise JobWrong(f"is no YAML: {message}", where=f"{name}:{line}", hint=hint) from None
    except (yaml.YAMLError, ValueError):
        raise JobWrong("is no YAML: it holds characters that YAML forbids", where=name) from None


_QUOTE = "quote the text: it holds { or *"


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """Line, sentence and hint of a text that PyYAML cannot read; its own words name tokens, not causes."""
    mark, opened = error.problem_mark, error.context_mark
    line = mark.line + 1 if mark else 1
    problem, context = error.problem or "", error.context or ""
    if mark is None or opened is None:
        return line, problem, ""
    if context == "while scanning an alias":
        return line, "a text begins with *", _QUOTE
    # `in/{date}/*.csv` and `{date}/*.csv`: a brace touches the text before or after it.
    before, at = text[mark.index - 1 : mark.index], text[mark.index : mark.index + 1]
    if (at == "{" and before.strip() and before not in "{[,:") or before == "}":
        return line, problem, _QUOTE
    open_at_end = opened.line < mark.line or at in tuple("]}") or "stream end" in problem
    if context.startswith("while parsing a flow") and open_at_end:
        return opened.line + 1, f"the {text[opened.index]} is not closed", ""
    return line, problem, ""


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=yaml.SafeLoader)


def _build(text: str, name: str) -> Document:
    lines: dict[Place, int] = {}
    stack: list[_Open] = []
    root: list[Node] = []
    _refuse_tabs(text)
    for event in _events(text):
        line = event.start_mark.line + 1 if event.start_mark else 1
        _refuse_constructs(event, line, bool(root))
        _refuse_sloppiness(event, line, stack, text)
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(stack) >= MOST_DEPTH:
                raise _Wrong(line, f"must be nested at most {MOST_DEPTH} deep")
            node: Node = {} if isinstance(event, yaml.MappingStartEvent) else []
            if stack and isinstance(stack[-1].node, dict) and stack[-1].key is None:
                raise _Wrong(line, "a key must be plain text")
            place = _put(stack, root, node, line)
            lines.setdefault(place, line)
            stack.append(_Open(node, place, event))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            stack.pop()
        elif isinstance(event, yaml.ScalarEvent):
            _scalar(event, line, stack, root, lines)
    if not root:
        raise _Wrong(1, "is empty")
    return Document(name, root[0], lines)


def _scalar(
    event: yaml.ScalarEvent, line: int, stack: list[_Open], root: list[Node], lines: dict[Place, int]
) -> None:
    top = stack[-1] if stack else None
    if top is not None and isinstance(top.node, dict) and top.key is None:
        if event.value == "<<" and event.style is None:
            raise _Wrong(line, "merge keys (<<) are refused", "write the keys out")
        if event.value in top.keys:
            first = top.keys[event.value]
            raise _Wrong(
                line, f"the key {event.value} stands twice (first on line {first})", "the last one would win"
            )
        top.keys[event.value] = line
        top.key = event.value
        lines[(*top.place, event.value)] = line
        return
    if event.style is None and event.value in ("", "~"):
        in_braces = top is not None and isinstance(top.node, dict) and top.event.flow_style
        hint = 'write "" for an empty text, or drop the key'
        raise _Wrong(line, "an empty value is refused", _QUOTE if in_braces else hint)
    lines.setdefault(_put(stack, root, event.value, line), line)


def _put(stack: list[_Open], root: list[Node], node: Node, line: int) -> Place:
    if not stack:
        root.append(node)
        return ()
    top = stack[-1]
    if isinstance(top.node, list):
        top.node.append(node)
        return (*top.place, len(top.node) - 1)
    if top.key is None:
        raise _Wrong(line, "a key must be plain text")
    place = (*top.place, top.key)
    top.node[top.key] = node
    top.key = None
    return place


def _refuse_constructs(event: yaml.Event, line: int, has_root: bool) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _Wrong(line, "aliases (*name) are refused", "write the value out")
    if getattr(event, "anchor", None):
        raise _Wrong(line, "anchors (&name) are refused", "write the value out")
    if getattr(event, "tag", None):
        raise _Wrong(line, "tags (!name) are refused", "plain text is enough: the models give types")
    if isinstance(event, yaml.DocumentStartEvent) and has_root:
        raise _Wrong(line, "must be one document")


# What YAML 1.2 forbids and PyYAML, a YAML 1.1 parser, lets through (found with the YAML test suite).


def _refuse_tabs(text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise _Wrong(number, "tabs in front of a line are refused", "indent with blanks")


def _refuse_sloppiness(event: yaml.Event, line: int, stack: list[_Open], text: str) -> None:
    if isinstance(event, yaml.ScalarEvent):
        if event.style is None and event.value == "-":
            raise _Wrong(line, "a lone dash is refused", 'write "-" with quotes')
        if event.style in (None, "'", '"'):
            _refuse_outdented(event, event, line, stack, text)
    elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)) and stack[-1].event.flow_style:
        _refuse_outdented(stack[-1].event, event, line, stack[:-1], text)


def _refuse_outdented(first: yaml.Event, last: yaml.Event, line: int, stack: list[_Open], text: str) -> None:
    start, end = first.start_mark, last.end_mark
    assert start is not None and end is not None
    if text[end.index : end.index + 1] == "#":
        raise _Wrong(line, "a comment needs a blank before its #")
    blocks = [
        open_.event.start_mark.column
        for open_ in stack
        if open_.event.start_mark and not open_.event.flow_style
    ]
    if not blocks:
        return
    for later in text[start.index : end.index].split("\n")[1:]:
        if later.strip() and len(later) - len(later.lstrip(" ")) <= blocks[-1]:
            _refuse_unclosed(stack, text, end.index)
            raise _Wrong(line, "its later lines must be indented deeper than the key")


def _refuse_unclosed(stack: list[_Open], text: str, end: int) -> None:
    """Refuse a text in braces that ran on into the next key or entry: its brace is what is missing."""
    if not stack or not stack[-1].event.flow_style:
        return
    if text[end:].lstrip()[:1] in ("", ":", "{", "["):
        start = stack[-1].event.start_mark
        assert start is not None
        raise _Wrong(start.line + 1, f"is no YAML: the {text[start.index]} is not closed")


def problem_at(
    document: Document, place: Place, message: str, hint: str = "", code: int = JobWrong.code
) -> Problem:
    """Return a problem at a place of a document."""
    return Problem(code, document.where(place), message, hint)
