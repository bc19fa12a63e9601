"""Errors of `transforms` end with the exit codes that are documented for them."""

import pytest

from pipeline.errors import InternalError, Problem, problem_of
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


def test_another_error_is_an_internal_one() -> None:
    assert problem_of(errors.TransformError("what"), "here").code == InternalError.code == 70
