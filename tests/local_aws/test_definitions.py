"""Definitions: the mistakes a template is likely to make are refused, naming the place."""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.extensions.definitions import problems_of

from .conftest import Machines


def problems(states: dict[str, Any], start: str = "A", **more: Any) -> list[str]:
    return problems_of(json.dumps({"QueryLanguage": "JSONata", "StartAt": start, "States": states, **more}))


def it_accepts_a_sound_definition() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Succeed", "Output": "{% 1 %}"}}}
    states = {
        "A": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}], "Default": "F"},
        "B": {
            "Type": "Task",
            "Resource": "r",
            "Arguments": {},
            "TimeoutSeconds": 5,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}],
            "Next": "C",
        },
        "C": {"Type": "Map", "Items": "{% [] %}", "ItemProcessor": inner, "Next": "D"},
        "D": {"Type": "Parallel", "Branches": [inner], "Next": "E"},
        "E": {"Type": "Wait", "Seconds": 1, "End": True},
        "F": {"Type": "Fail", "Error": "x", "Cause": "y"},
    }
    assert problems(states) == []


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, "MISSING_TRANSITION_TARGET: there is no state B at /States/A"),
        ({"B": {"Type": "Succeed"}}, "MISSING_TRANSITION_TARGET: StartAt names no state: A"),
        ({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}, "UNREACHABLE_STATE: no state leads to it at /States/B"),
        ({"A": {"Type": "Pass"}}, "a Pass has either Next or End"),
        ({"A": {"Type": "Pass", "End": True, "InputPath": "$"}}, "InputPath is not used with JSONata"),
        ({"A": {"Type": "Pass", "End": True, "Outptu": 1}}, "a Pass has no field Outptu"),
        ({"A": {"Type": "Task", "End": True}}, "Resource is missing"),
        ({"A": {"Type": "Tusk"}}, "'Tusk' is not a type of state"),
        ({"A": {"Type": "Task", "Resource": "r", "End": True, "Catch": [{"Next": "A"}]}}, "ErrorEquals is missing"),
        ({"A": {"Type": "Map", "End": True}}, "States are missing at /States/A/Iterator"),
        ({"A" * 81: {"Type": "Succeed"}}, "longer than 80 characters"),
    ],
)
def it_names_a_mistake(states: dict[str, Any], message: str) -> None:
    assert any(message in problem for problem in problems(states))


def it_refuses_what_is_no_definition() -> None:
    assert problems_of("{") == ["INVALID_JSON_DESCRIPTION: " + problems_of("{")[0].partition(": ")[2]]
    assert problems_of("[]") == ["SCHEMA_VALIDATION_FAILED: the definition has to be an object"]
    assert problems_of('"' + "x" * 1024 * 1024 + '"')[0].startswith("DEFINITION_TOO_LARGE")


def it_refuses_to_create_and_reports_while_planning(aws: LocalAws, machines: Machines) -> None:
    wrong = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}}
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidDefinition.*there is no state Nowhere"):
        machines.create(wrong)
    answer = aws.client("stepfunctions").validate_state_machine_definition(definition=json.dumps(wrong))
    assert answer["result"] == "FAIL"
    assert answer["diagnostics"][0]["code"] == "MISSING_TRANSITION_TARGET"
