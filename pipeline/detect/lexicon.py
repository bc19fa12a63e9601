"""Word lists, as files beside this one: words between blanks, `#` begins a comment line."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=64)
def words(name: str) -> frozenset[str]:
    """Return the words of `word_lists/<name>.txt`; `_` stands for a blank inside a word."""
    text = files("pipeline.detect").joinpath("word_lists", f"{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word.replace("_", " ") for line in lines for word in line.split())


@lru_cache(maxsize=1)
def places() -> frozenset[str]:
    """Towns, regions and countries."""
    return words("cities") | words("regions") | words("countries")
