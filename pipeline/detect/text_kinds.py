"""What kind of text it is, before anything expensive: written by a machine or a person, in which script."""

import re

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile("[a-z]{2}")

_STAMP = (
    r"(?:(?:19|20)\d\d[-/.]?\d\d[-/.]?\d\d[t ,\-]{0,2}\d{1,2}:\d\d(?::\d{1,2})?[.,:]?\d*(?:z|[+-]\d\d:?\d\d)?"
    r"|\d\d-\d\d \d\d:\d\d:\d\d\.\d+|[a-z]{3} +\d{1,2} \d\d:\d\d:\d\d|\d{10,13}(?:\.\d+)?"
    r"|\w{3} \w{3} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? \d{4})(?![\d:])"
)
# A line that begins as only a logger begins it: a time and a level, a process, a bar. A time and who speaks
# (`10:12:33 Ann Lee: …`) is how chats are kept.
_HEADER = re.compile(
    rf"[\[(<]?{_STAMP}[\])>]?[ \t]*"
    r"(?:\||[\[(<]?(?:trace|debug|info|notice|warn|warning|error|err|crit|critical|fatal|severe|verbose)\b"
    r"|\d+ +\d+ [vdiwef] |[vdiwef][/(]|[\w.\-]+ [\w./\-]+\[\d+\]: |[\w.\-]+\[\d+\]|[\w.$]+:\d+ )"
    r"|[a-z]{3} +\d{1,2} \d\d:\d\d:\d\d [\w.\-]+ [\w./\-]+: "  # syslog without a process number
)
_TOKEN = re.compile(r"\S+")
_MACHINE = re.compile(
    r"[_=|{}\\\[\]]|<\w|[a-z]\.[a-z]\w*[.(]|::|->|\w\(\)?\w*\)?|/\w+/|[0-9a-f]{8,}|[a-z]\d+[a-z]|\b0x|\w:\d|\d[a-z]{3,}"
)
_WORD = re.compile(r"[\"'(]*[a-z]+(?:['’-][a-z]+)*[\"'),.;:!?]*")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_LEAST_MACHINE = 2
_MACHINE_SHARE = 0.3


def has_han(folded: str) -> bool:
    """Whether the text holds a Chinese character."""
    return not folded.isascii() and _HAN.search(folded) is not None


def has_latin_words(folded: str) -> bool:
    """Whether the text holds two Latin letters in a row."""
    return _LATIN_WORD.search(folded) is not None


def has_header(folded: str) -> bool:
    """Whether the text begins as only a logger begins a line."""
    return _HEADER.match(folded) is not None


def is_log_like(original: str, folded: str) -> bool:
    """Whether a machine wrote the text: a logger's header, or many tokens that no person types.

    Names are never guessed in such texts: models flood them with false ones.
    """
    if has_header(folded):
        return True
    if has_han(folded):
        return False
    machine = words = 0
    for token in _TOKEN.findall(original):
        low = token.lower()
        if ("@" in low and "." in low) or low.startswith(("http", "www.")):
            continue
        if _WORD.fullmatch(low):
            words += 0 if _CAMEL.search(token) and len(token) > 8 else 1
            machine += 1 if _CAMEL.search(token) and len(token) > 8 else 0
        elif _MACHINE.search(low.lstrip(">")):
            machine += 1
    return machine >= _LEAST_MACHINE and machine >= _MACHINE_SHARE * (machine + words)
