"""Strict YAML: everything is text, and every construct that could surprise is refused with its line."""

import io
import json
import tarfile

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.reading import MOST_DEPTH, parse_yaml, read_yaml
from pipeline.errors import JobWrong
from tests.conftest import SHARED_DATA, needs_shared_data


def refused(text: str) -> str:
    with pytest.raises(JobWrong) as caught:
        parse_yaml(text, "x.yaml")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_scalars_stay_text():
    text = "a: no\nb: 012\nc: 1e3\nd: 2026-11-01\ne: null\nf: 0x1F\n"
    assert parse_yaml(text, "x").root == {
        "a": "no",
        "b": "012",
        "c": "1e3",
        "d": "2026-11-01",
        "e": "null",
        "f": "0x1F",
    }


def test_the_second_of_two_equal_keys_is_refused_with_both_lines():
    """With PyYAML's loaders the last one wins: `hash` then `keep` loads as keep."""
    assert yaml.safe_load("phone: hash\nphone: keep") == {"phone": "keep"}
    message = refused("phone: hash\nphone: keep\n")
    assert "x.yaml:2" in message and "line 1" in message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: 1\nb: *x\n", "aliases"),
        ("<<: {a: 1}\nb: 2\n", "merge"),
        ("a: !!python/object/apply:os.system [ls]\n", "tags"),
        ("a: !!str 1\n", "tags"),
        ("a:\n", "empty"),
        ("a: ~\n", "empty"),
        ("- \n- 1\n", "empty"),
        ("a: 1\n---\nb: 2\n", "one document"),
        ("", "empty"),
        ("? [a, b]\n: 1\n", "key"),
        ("a: [1, 2\n", "no YAML"),
        ("a: \x07\n", "no YAML"),
    ],
)
def test_refused_constructs(text: str, word: str):
    assert word in refused(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {b: c\nd: e\n", "x.yaml:1: is no YAML: the { is not closed"),
        ("a: 1\nb: [1, 2\n", "x.yaml:2: is no YAML: the [ is not closed"),
        ("a: {b: [c}\n", "x.yaml:1: is no YAML: the [ is not closed"),
        ("rules:\n  a: {b: keep\n  c: {b: drop}\n", "x.yaml:2: is no YAML: the { is not closed"),
        ("- {a: b\n- {c: d}\n", "x.yaml:1: is no YAML: the { is not closed"),
        ("a: {b: some\nlong}\n", "indented deeper"),
        ("a: {\nb: c\n}\n", "indented deeper"),
        ("t: {path: in/{date}/*.csv, subject: a}\n", "hint: quote the text: it holds { or *"),
        ("t: {path: {date}/*.csv}\n", "hint: quote the text: it holds { or *"),
        ("t: {path: *.csv}\n", "hint: quote the text: it holds { or *"),
    ],
)
def test_braces_that_are_open_or_unquoted_are_called_so(text: str, says: str):
    assert says in refused(text)


def test_an_empty_text_is_written_with_quotes():
    assert parse_yaml('a: ""\n', "x").root == {"a": ""}


def test_depth_is_limited():
    assert "nested" in refused("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1))
    parse_yaml("[" * MOST_DEPTH + "]" * MOST_DEPTH, "x")


def test_places_know_their_lines():
    document = parse_yaml("a:\n  b:\n    - 1\n    - c: 2\n", "x.yaml")
    assert document.where(("a", "b", 1, "c")) == "x.yaml:4: a.b.1.c"
    assert document.where(("a", "missing")) == "x.yaml:1: a.missing"


def test_file_problems_are_job_problems(tmp_path):
    with pytest.raises(JobWrong, match="cannot be read"):
        read_yaml(tmp_path / "absent.yaml", "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(JobWrong, match="UTF-8"):
        read_yaml(tmp_path / "latin.yaml", "latin.yaml")


names = st.text(st.characters(whitelist_categories=("Ll", "Lo")), min_size=1, max_size=8)
trees = st.recursive(
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, trees, min_size=1, max_size=4))
def test_json_text_reads_back_as_itself(tree: dict[str, object]):
    """JSON is a subset of YAML where all scalars are strings."""
    assert parse_yaml(json.dumps(tree, ensure_ascii=False), "x").root == tree


@needs_shared_data
@pytest.mark.parametrize(
    "name",
    ["alias-bomb-9x10", "alias-cycle", "merge-bomb", "deep-nest-20000", "duplicate-key", "python-tag"],
)
def test_hostile_files_are_refused(name: str):
    path = SHARED_DATA / "yaml" / f"{name}.yaml"
    with pytest.raises(JobWrong):
        read_yaml(path, path.name)


@needs_shared_data
def test_implicit_types_are_no_trap():
    path = SHARED_DATA / "yaml" / "norway-and-friends.yaml"

    def texts(node: object) -> bool:
        if isinstance(node, dict):
            return all(isinstance(key, str) and texts(value) for key, value in node.items())
        return all(texts(value) for value in node) if isinstance(node, list) else isinstance(node, str)

    kept = [
        line for line in path.read_text().splitlines() if not line.endswith("~")
    ]  # an empty value is refused
    root = parse_yaml("\n".join(kept), path.name).root
    assert texts(root)
    assert root["country"] == "NO"
    assert root["age"] == "012"


@needs_shared_data
def test_yaml_test_suite_never_crashes_and_refuses_what_must_be_refused():
    """PyYAML reads YAML 1.1 and lets six kinds of invalid 1.2 documents through; the strict reader must not."""
    accepted_though_invalid = []
    with tarfile.open(SHARED_DATA / "yaml" / "yaml-test-suite.tar.xz") as archive:
        for member in archive:
            if not member.isfile() or not member.name.endswith(".yaml"):
                continue
            data = archive.extractfile(member)
            assert data is not None
            for case in yaml.safe_load(io.BytesIO(data.read())):
                text = (
                    str(case.get("yaml", ""))
                    .replace("␣", " ")
                    .replace("»", "\t")
                    .replace("↵", "")
                    .replace("∎\n", "")
                )
                text = (
                    text.replace("———", "")
                    .replace("——", "")
                    .replace("—", "")
                    .replace("←", "\r")
                    .replace("⇔", "﻿")
                )
                try:
                    parse_yaml(text, member.name)
                except JobWrong:
                    continue
                if case.get("fail"):
                    accepted_though_invalid.append(member.name)
    assert accepted_though_invalid == []
