"""Structural checks of a state machine's definition, as CreateStateMachine makes them.

The rules are those of https://states-language.net/spec.html that a mistake in a template is likely to break; tests/asl
runs the full validator over the rendered definition.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_DEFINITION_BYTES = 1024 * 1024
MAX_NAME_LENGTH = 80
JSONPATH_FIELDS = {"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath"}
JSONATA_FIELDS = {"Arguments", "Output", "Items"}
COMMON = {"Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Output", "Assign"}
FLOW = {"Next", "End"}
CAUGHT = {"Retry", "Catch", "ResultPath", "ResultSelector", "Parameters", "Arguments"}
TIMES = {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
WAITS = {"Seconds", "Timestamp", "SecondsPath", "TimestampPath"}
TOLERATED = {"ToleratedFailureCount", "ToleratedFailurePercentage"}
ITEMS = {"ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemSelector", "ItemReader", "ItemBatcher", "Label"}
FIELDS: dict[str, set[str]] = {
    "Task": COMMON | FLOW | CAUGHT | TIMES | {"Resource", "Credentials"},
    "Pass": COMMON | FLOW | {"Result", "ResultPath", "Parameters"},
    "Choice": COMMON | {"Choices", "Default"},
    "Wait": COMMON | FLOW | WAITS,
    "Map": COMMON | FLOW | CAUGHT | TOLERATED | ITEMS | {"MaxConcurrency", "MaxConcurrencyPath", "ResultWriter"},
    "Parallel": COMMON | FLOW | CAUGHT | {"Branches"},
    "Succeed": {"Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Output"},
    "Fail": {"Type", "Comment", "QueryLanguage", "Error", "Cause", "ErrorPath", "CausePath"},
}
REQUIRED = {"Task": "Resource", "Choice": "Choices", "Parallel": "Branches"}


def problems_of(text: str) -> list[str]:
    """Return what is wrong with a definition, each as a message that names the place; nothing when it is sound."""
    if len(text.encode()) > MAX_DEFINITION_BYTES:
        return ["DEFINITION_TOO_LARGE: the definition is larger than 1 MB"]
    try:
        definition = json.loads(text)
    except ValueError as error:
        return [f"INVALID_JSON_DESCRIPTION: {error}"]
    if not isinstance(definition, dict):
        return ["SCHEMA_VALIDATION_FAILED: the definition has to be an object"]
    return list(_machine(definition, "", definition.get("QueryLanguage", "JSONPath")))


def _machine(machine: Any, path: str, language: str) -> Iterator[str]:
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: States are missing at {path or '/'}"
        return
    start = machine.get("StartAt")
    if start not in states:
        yield f"MISSING_TRANSITION_TARGET: StartAt names no state: {start} at {path}/StartAt"
    reached = {start}
    for name, state in states.items():
        place = f"{path}/States/{name}"
        if len(name) > MAX_NAME_LENGTH:
            yield f"SCHEMA_VALIDATION_FAILED: the name is longer than {MAX_NAME_LENGTH} characters at {place}"
        yield from _state(state, place, language)
        for target in targets_of(state):
            reached.add(target)
            if target not in states:
                yield f"MISSING_TRANSITION_TARGET: there is no state {target} at {place}"
    for name in states:
        if name not in reached:
            yield f"UNREACHABLE_STATE: no state leads to it at {path}/States/{name}"


def _state(state: dict[str, Any], place: str, language: str) -> Iterator[str]:
    kind = state.get("Type", "")
    if kind not in FIELDS:
        yield f"SCHEMA_VALIDATION_FAILED: {kind!r} is not a type of state at {place}"
        return
    language = state.get("QueryLanguage", language)
    foreign = JSONPATH_FIELDS if language == "JSONata" else JSONATA_FIELDS
    for field in sorted(set(state) - FIELDS[kind]):
        yield f"SCHEMA_VALIDATION_FAILED: a {kind} has no field {field} at {place}"
    for field in sorted(set(state) & foreign):
        yield f"SCHEMA_VALIDATION_FAILED: {field} is not used with {language} at {place}"
    if "Next" in FIELDS[kind] and ("Next" in state) == bool(state.get("End")):
        yield f"SCHEMA_VALIDATION_FAILED: a {kind} has either Next or End at {place}"
    if kind in REQUIRED and not state.get(REQUIRED[kind]):
        yield f"SCHEMA_VALIDATION_FAILED: {REQUIRED[kind]} is missing at {place}"
    for field in ("Retry", "Catch"):
        for index, entry in enumerate(state.get(field, [])):
            if not entry.get("ErrorEquals"):
                yield f"SCHEMA_VALIDATION_FAILED: ErrorEquals is missing at {place}/{field}[{index}]"
    if kind == "Map":
        field = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
        yield from _machine(state.get(field), f"{place}/{field}", language)
    for index, branch in enumerate(state.get("Branches", [])):
        yield from _machine(branch, f"{place}/Branches[{index}]", language)


def targets_of(state: dict[str, Any]) -> list[str]:
    """Return the states that a state may lead to."""
    choices = [choice.get("Next") for choice in state.get("Choices", [])]
    caught = [catcher.get("Next") for catcher in state.get("Catch", [])]
    return [target for target in (state.get("Next"), state.get("Default"), *choices, *caught) if target is not None]
