"""Errors of `transforms` end with the exit codes that are documented for them."""

import ast
import re

import pytest

from pipeline.errors import InternalError, Problem, problem_of
from tests.conftest import PROJECT
from transforms import errors

CODES = {
    errors.BadParameter: 2,
    errors.WeakChoice: 2,
    errors.KeyUnavailable: 3,
    errors.UnsuitableColumn: 5,
    errors.TokenRejected: 9,
    errors.ErasedSubject: 9,
}


def test_every_error_of_transforms_has_its_exit_code() -> None:
    raised = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.TransformError)
    }
    assert raised - {errors.TransformError} == set(CODES)


@pytest.mark.parametrize(("raised", "code"), CODES.items())
def test_an_error_of_transforms_becomes_a_problem(raised: type[errors.TransformError], code: int) -> None:
    assert problem_of(raised("must be so"), "orders.city", "a hint") == Problem(
        code, "orders.city", "must be so", "a hint"
    )


def test_no_sentence_puts_an_article_before_a_name_that_it_fills_in() -> None:
    """Whether `a` or `an` is right depends on the name: an imei, a phone, an int64, a double."""
    found = [
        f"{path.relative_to(PROJECT)}:{text.lineno}"
        for room in ("pipeline", "transforms")
        for path in sorted((PROJECT / room).rglob("*.py"))
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for part, filled in zip(text.values, text.values[1:], strict=False)
        if isinstance(part, ast.Constant) and isinstance(filled, ast.FormattedValue)
        if re.search(r"\ban? $", str(part.value), re.IGNORECASE)
    ]
    assert found == []


def test_another_error_is_an_internal_one() -> None:
    assert problem_of(errors.TransformError("what"), "here").code == InternalError.code == 70
