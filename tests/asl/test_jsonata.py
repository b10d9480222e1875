"""The JSONata that the expressions are checked with."""

from __future__ import annotations

import pytest

from tests.asl.expressions import parse


@pytest.mark.parametrize("newer", ["$states.input.a ?? 1", "$states.input.a ?: 1"])
def it_knows_no_operator_that_step_functions_does_not_have(newer: str) -> None:
    # Step Functions implements 2.0.6, which is what package.json pins; these operators came with JSONata 2.1:
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    problem = parse(newer)
    assert problem is not None
    assert "S0" in problem
