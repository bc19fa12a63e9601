"""docs/policy.md and docs/classes.md are made from the code, and say everything that it takes."""

import pytest

from pipeline.classes import CLASSES
from pipeline.config.models import Policy, TableSource
from pipeline.config.reading import read_yaml
from pipeline.config.validating import validate
from pipeline.protect.steps import resolve_step
from pipeline.release.reference import EXAMPLES, MEANINGS, meaning, name_of, pages, parameters, policy_page
from tests.conftest import PROJECT
from transforms import TRANSFORMS
from transforms.context import Context

SOURCE = TableSource(path="t.csv", subject=("account_id",))


@pytest.mark.parametrize(("name", "text"), list(pages()))
def test_the_committed_page_is_the_generated_one(name, text):
    committed = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    assert committed == text, "the code has changed: run make reference"


def test_every_transform_has_an_example_and_says_what_it_gives_and_costs():
    assert set(EXAMPLES) == {name_of(transform) for transform in TRANSFORMS}
    sections = dict(part.split("\n", 1) for part in policy_page().split("\n### ")[1:])
    for transform in TRANSFORMS:
        for label in ("Technique", "Guarantee", "Price", "Suits", "Source"):
            assert f"- **{label}**: " in sections[name_of(transform)], (name_of(transform), label)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=name_of)
def test_every_parameter_has_a_meaning(transform):
    for parameter in parameters(transform):
        assert meaning(name_of(transform), parameter)


def test_no_meaning_is_left_of_a_parameter_that_is_gone():
    known = {(name_of(transform), name) for transform in TRANSFORMS for name in parameters(transform)}
    known |= {("*", name) for _, name in known} | {("policy", key) for key in Policy.model_fields}
    assert set(MEANINGS) <= known


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_rule_that_the_plan_takes(tmp_path, name):
    page = tmp_path / "policy.yaml"
    page.write_text(f"policy: example\nrules:\n  {EXAMPLES[name]}\n", encoding="utf-8")
    policy, problems = validate(read_yaml(page, "example"), Policy)
    assert not problems
    ((data_class, transform),) = policy.rules.items()
    assert transform.transform == name
    step, problems = resolve_step(
        "t.c", CLASSES[data_class], "c", transform, Context("r", "p", "", "static"), SOURCE
    )
    assert not problems
    assert step.published == (name != "drop")


def test_the_page_names_every_class():
    text = (PROJECT / "docs" / "classes.md").read_text(encoding="utf-8")
    for data_class in CLASSES:
        assert f"| `{data_class}` |" in text
